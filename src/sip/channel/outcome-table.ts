/**
 * What the end of a call that was not answered means: by the carrier's own rules, by the Q.850 cause of its Reason header
 * (RFC 3326), by its SIP status (RFC 3261 §21). Pure; dispatcher thread, once a call.
 *
 * The cause wins over the status, since gateways make one status of many causes; but 404, 486, 600 and 604 say more than
 * any cause. 3xx is never followed: whoever answers it could have us call any number.
 */
import type { SipCarrierConfig } from '../../engine/config/sip-carrier.js'
import type { CallOutcomeName, CallRule } from '../../engine/config/sip-outcomes.js'
import type { ReasonCode } from '../../engine/contract/reasons.js'
import type { CallEnd } from '../call/call.js'

export interface CallVerdict {
  outcome: CallOutcomeName
  /** Until the number is called again, by a rule of the carrier; -1: it does not say. */
  delayMs: number
}

export const REASON_OF: Readonly<Record<CallOutcomeName, ReasonCode>> = {
  busy: 'BUSY',
  noAnswer: 'NO_ANSWER',
  unreachable: 'UNREACHABLE',
  invalidNumber: 'INVALID_NUMBER',
  declined: 'DECLINED',
  congestion: 'CONGESTION',
  gatewayError: 'GATEWAY_ERROR',
  carrierConfig: 'CARRIER_CONFIG',
  refused: 'REFUSED',
}

/** The number is called again later, and an attempt is used. */
export const LATER: ReadonlySet<CallOutcomeName> = new Set(['busy', 'noAnswer', 'unreachable'])
/** Nothing is wrong with the number: another gateway may do. */
export const ELSEWHERE: ReadonlySet<CallOutcomeName> = new Set(['congestion', 'gatewayError', 'carrierConfig'])

const SAYS_MORE: ReadonlySet<number> = new Set([404, 486, 600, 604])

const BY_CAUSE: Readonly<Record<number, CallOutcomeName>> = {
  1: 'invalidNumber',
  17: 'busy',
  18: 'noAnswer',
  19: 'noAnswer',
  20: 'unreachable',
  21: 'declined',
  22: 'invalidNumber',
  27: 'unreachable',
  28: 'invalidNumber',
  34: 'congestion',
  38: 'congestion',
  41: 'congestion',
  42: 'congestion',
  44: 'congestion',
  47: 'congestion',
}

const BY_STATUS: Readonly<Record<number, CallOutcomeName>> = {
  401: 'carrierConfig',
  402: 'carrierConfig',
  403: 'refused',
  404: 'invalidNumber',
  405: 'carrierConfig',
  // Two programs that do not suit each other: another gateway may, and the number is not at fault.
  406: 'gatewayError',
  407: 'carrierConfig',
  410: 'invalidNumber',
  413: 'gatewayError',
  414: 'gatewayError',
  415: 'gatewayError',
  416: 'invalidNumber',
  420: 'gatewayError',
  421: 'gatewayError',
  422: 'gatewayError',
  428: 'carrierConfig',
  433: 'declined',
  436: 'carrierConfig',
  437: 'carrierConfig',
  438: 'carrierConfig',
  480: 'unreachable',
  481: 'gatewayError',
  482: 'gatewayError',
  483: 'gatewayError',
  484: 'invalidNumber',
  485: 'invalidNumber',
  486: 'busy',
  487: 'noAnswer',
  488: 'gatewayError',
  491: 'gatewayError',
  493: 'gatewayError',
  494: 'gatewayError',
  500: 'gatewayError',
  501: 'gatewayError',
  502: 'congestion',
  503: 'congestion',
  504: 'congestion',
  580: 'gatewayError',
  600: 'busy',
  603: 'declined',
  604: 'invalidNumber',
  606: 'gatewayError',
  607: 'declined',
  608: 'declined',
}

interface Rule {
  status: RegExp | null
  q850: number | null
  matches: RegExp | null
  verdict: CallVerdict
}

export class OutcomeTable {
  readonly #rules: readonly Rule[]

  constructor({ outcomes }: Pick<SipCarrierConfig, 'outcomes'>) {
    this.#rules = outcomes.map(compiled)
  }

  /** `hasRung`: a provisional but 100 came before. Only of calls that were not answered. */
  verdict(end: CallEnd, hasRung: boolean): CallVerdict {
    const rule = this.#rules.find((each) => fits(each, end))
    return rule?.verdict ?? { outcome: usual(end, hasRung), delayMs: -1 }
  }
}

function compiled({ status, q850, matches, outcome, delayMinutes }: CallRule): Rule {
  return {
    status: status === undefined ? null : new RegExp(`^${status.replaceAll('x', '\\d')}$`),
    q850: q850 ?? null,
    matches: matches === undefined ? null : new RegExp(matches, 'i'),
    verdict: { outcome, delayMs: delayMinutes === undefined ? -1 : delayMinutes * 60_000 },
  }
}

function fits({ status, q850, matches }: Rule, end: CallEnd): boolean {
  if (status !== null && !status.test(String(end.status))) return false
  if (q850 !== null && q850 !== end.q850) return false
  return matches === null || matches.test(end.reason)
}

function usual({ how, status, q850 }: CallEnd, hasRung: boolean): CallOutcomeName {
  if (how === 'noAnswer') return 'noAnswer'
  if (how === 'silent' || how === 'unreachable') return 'gatewayError'
  if (how === 'unauthorised') return 'carrierConfig'
  const byCause = SAYS_MORE.has(status) ? undefined : BY_CAUSE[q850]
  if (byCause !== undefined) return byCause
  if (status === 408) return hasRung ? 'noAnswer' : 'gatewayError'
  return BY_STATUS[status] ?? byClass(status)
}

/** RFC 3261 §8.1.3.2: a status that is not known means what x00 of its class does. */
function byClass(status: number): CallOutcomeName {
  if (status >= 600) return 'declined'
  return status >= 500 ? 'gatewayError' : 'refused'
}
