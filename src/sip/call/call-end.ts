/** What is told of a call when it is over: from its final response, or the BYE. */
import { q850Of, reasonsOf } from '../message/reason.js'
import { retryAfterSeconds } from '../message/retry-after.js'
import type { SipMessage } from '../message/sip-message.js'
import type { CallEnd } from './call.js'

const REASON_CHARS_MAX = 200

/** `message`: the final response or BYE; null: none came. `why`: our own words, where there is none. */
export function reasonOf(
  message: SipMessage | null,
  why: string,
): Pick<CallEnd, 'q850' | 'reason' | 'retryAfterSeconds'> {
  if (message === null) return { q850: 0, reason: why.slice(0, REASON_CHARS_MAX), retryAfterSeconds: 0 }
  const { headers } = message
  const phrase = message.kind === 'response' ? message.reason : ''
  const q850 = q850Of(headers)
  const texts = reasonsOf(headers).map(({ text }) => text)
  const said = [phrase, ...texts].filter((text) => text !== '').join('; ')
  return {
    q850: q850?.cause ?? 0,
    reason: said.replace(/[\x00-\x1f\x7f]/g, ' ').slice(0, REASON_CHARS_MAX),
    retryAfterSeconds: retryAfterSeconds(headers.get('retry-after')),
  }
}

/**
 * Final responses that say what is with the number or the called, and so count when they cross our CANCEL. All others after it
 * (487, and whatever gateways send instead) only say that we gave up.
 */
export const OF_THE_CALLED: ReadonlySet<number> = new Set([404, 410, 484, 485, 486, 600, 603, 604, 607, 608])

/** Q.850 cause 16: normal call clearing (RFC 3326); what PBXs and carriers expect of who hangs up. */
export const NORMAL_CLEARING = 'Q.850;cause=16;text="Normal call clearing"'
