/** Reasons that states have by the code of their entry alone, and the state in which a call ends for its reason. */
import { STATE, type State } from '../contract/message.js'
import { type ReasonCode, reasonNumber } from '../contract/reasons.js'

export const REASON = {
  rejected: reasonNumber('CARRIER_REJECTED'),
  unanswered: reasonNumber('UNANSWERED'),
  noReceipt: reasonNumber('NO_RECEIPT'),
  undelivered: reasonNumber('RECEIPT_UNDELIVERED'),
  receiptRejected: reasonNumber('RECEIPT_REJECTED'),
  receiptExpired: reasonNumber('RECEIPT_EXPIRED'),
  validity: reasonNumber('VALIDITY_OVER'),
  canceled: reasonNumber('CANCELED_BY_CUSTOMER'),
  settled: reasonNumber('SETTLED_BY_OPERATOR'),
}

/** Of calls: refused for good, rather than not brought to anybody's ear. */
const REFUSALS: readonly ReasonCode[] = [
  'INVALID_NUMBER',
  'REFUSED',
  'CARRIER_CONFIG',
  'SPEECH_UNAVAILABLE',
  'SPEECH_FAILED',
  'RECORDING_UNKNOWN',
  'LANGUAGE_UNSPOKEN',
]
const REFUSED: ReadonlySet<number> = new Set(REFUSALS.map(reasonNumber))

/** `reason`: its number. */
export function stateOfCall(reason: number): State {
  return REFUSED.has(reason) ? STATE.failed : STATE.undelivered
}
