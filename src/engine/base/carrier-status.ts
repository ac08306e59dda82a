/** Statuses of the protocols whose numbers in the log say of themselves what they are: replies of mail servers, ends of calls. */
import { callStatusName, readCallStatus } from './call-status.js'
import { readMailStatus } from './mail-status.js'

export interface CarrierStatus {
  /** As its protocol has it: 550, 486. */
  code: number
  name: string
}

/** null: a command_status of SMPP. */
export function readCarrierStatus(status: number): CarrierStatus | null {
  const mail = readMailStatus(status)
  if (mail !== null) return mail
  const call = readCallStatus(status)
  return call === null ? null : { code: call.code, name: callStatusName(call) }
}
