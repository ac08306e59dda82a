/** Reason (RFC 3326): why a call was refused or ended, as ISDN (Q.850) or SIP tell it. */
import type { SipHeaders } from './headers.js'
import { listOf } from './list.js'
import { parseParameters } from './parameters.js'
import { trimSpace, wholeNumber } from './syntax.js'

export interface Reason {
  /** In capitals: Q.850, SIP … */
  protocol: string
  /** 0: none said. */
  cause: number
  /** '' = none. */
  text: string
}

/** Those that can be read; the others are left out. A cause above 999 is none. */
export function reasonsOf(headers: SipHeaders): Reason[] {
  const reasons: Reason[] = []
  for (const element of listOf(headers.all('reason')) ?? []) {
    const semicolon = element.indexOf(';')
    const parameters = semicolon < 0 ? null : parseParameters(element.slice(semicolon + 1))
    if (parameters === null) continue
    const cause = Math.max(0, wholeNumber(parameters.get('cause') ?? '', 999))
    reasons.push({
      protocol: trimSpace(element.slice(0, semicolon)).toUpperCase(),
      cause,
      text: parameters.get('text') ?? '',
    })
  }
  return reasons
}

/** The first with a Q.850 cause of 1 to 127; null: none. */
export function q850Of(headers: SipHeaders): Reason | null {
  return reasonsOf(headers).find(({ protocol, cause }) => protocol === 'Q.850' && cause > 0 && cause < 128) ?? null
}

/** As one value of a Reason header field. */
export function writeReason({ protocol, cause, text }: Reason): string {
  const shown = text.replace(/["\\]/g, '\\$&')
  return `${protocol};cause=${cause}${text === '' ? '' : `;text="${shown}"`}`
}
