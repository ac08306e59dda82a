/** Digits in INFO requests as gateways send them: application/dtmf-relay (`Signal=5`) and application/dtmf (`5`). */
import type { SipRequest } from '../message/sip-message.js'

export const DIGIT_TYPES = 'application/dtmf-relay, application/dtmf'

/** Some write * and # and the letters by their event numbers (RFC 4733 §3.2). */
const BY_EVENT: Readonly<Record<string, string>> = { '10': '*', '11': '#', '12': 'A', '13': 'B', '14': 'C', '15': 'D' }

/** Whether it says that its body is a digit. */
export function isDigitInfo(request: SipRequest): boolean {
  return /^application\/dtmf(-relay)?$/.test(contentType(request))
}

/** null: there is no digit in it (flash, or nothing that can be read). */
export function digitOf(request: SipRequest): string | null {
  const body = request.body.subarray(0, 256).toString('latin1')
  const isRelay = contentType(request) === 'application/dtmf-relay'
  const signal = isRelay ? /^[ \t]*signal[ \t]*=[ \t]*([0-9A-Da-d*#]{1,2})[ \t]*\r?$/im.exec(body)?.[1] : body.trim()
  const digit = BY_EVENT[signal ?? ''] ?? signal ?? ''
  return /^[0-9A-Da-d*#]$/.test(digit) ? digit.toUpperCase() : null
}

/** In lower case without parameters; '' = none. */
export function contentType({ headers }: { headers: SipRequest['headers'] }): string {
  return (headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
}
