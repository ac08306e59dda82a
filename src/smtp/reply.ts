/**
 * What becomes of a message that a relay did not take over: by the reply code and the enhanced status code (RFC 5321 §4.2,
 * RFC 3463), by the command that was answered, and by the carrier's own rules. Dispatcher thread, once per refusal.
 */
import { packMailStatus } from '../engine/base/mail-status.js'
import type { MailRule, SmtpCarrierConfig } from '../engine/config/smtp-carrier.js'
import { OUTCOME, type OutcomeCode } from '../engine/contract/outcome.js'

/** Of nodemailer's errors, what is read here. */
export interface MailError extends Error {
  code?: string
  command?: string
  response?: string
  responseCode?: number
}

export interface MailVerdict {
  code: OutcomeCode
  /** See base/mail-status.ts; 0: there was no reply. */
  status: number
  /** -1: as the table of retries says. */
  delayMs: number
  /** The relay wants less. */
  throttles: boolean
}

/** Octets of a reply that rules are tried on. */
const REPLY_MOST = 1_000
const ENHANCED = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})(?:\s|$)/
/** Words by which relays say 421 or 45x for too much at once. */
const TOO_MUCH = /too many|rate.?limit|throttl|slow down|try again later.*(?:volume|rate)|quota exceeded for/i

const CODES: Record<MailRule['outcome'], OutcomeCode> = {
  rejected: OUTCOME.rejected,
  retry: OUTCOME.unavailable,
  throttled: OUTCOME.throttled,
  nextCarrier: OUTCOME.rerouted,
}

interface Rule {
  status: RegExp | null
  enhanced: string | null
  matches: RegExp | null
  verdict: Pick<MailVerdict, 'code' | 'delayMs' | 'throttles'>
}

export function enhancedOf(response: string): string {
  return ENHANCED.exec(response)?.[1] ?? ''
}

export class Replies {
  readonly #rules: readonly Rule[]

  constructor({ outcomes }: Pick<SmtpCarrierConfig, 'outcomes'>) {
    this.#rules = outcomes.map(compiled)
  }

  /** `dataBegan`: the text was on its way, so without a reply nobody knows whether it was taken. */
  verdict({ responseCode = 0, response = '', command = '' }: MailError, dataBegan: boolean): MailVerdict {
    // Replies that are none, such as 999, say as little as silence.
    if (responseCode < 400 || responseCode > 599) {
      const code = dataBegan ? OUTCOME.unanswered : OUTCOME.unavailable
      return { code, status: 0, delayMs: -1, throttles: false }
    }
    const text = response.slice(0, REPLY_MOST)
    const enhanced = enhancedOf(text)
    const status = packMailStatus(responseCode, enhanced)
    const rule = this.#rules.find((each) => fits(each, { responseCode, enhanced, text }))
    if (rule !== undefined) return { ...rule.verdict, status }
    const code = usual({ responseCode, command, enhanced, text })
    return { code, status, delayMs: -1, throttles: code === OUTCOME.throttled }
  }
}

interface Reply {
  responseCode: number
  enhanced: string
  text: string
}

function compiled({ status, enhanced, matches, outcome, delayMs = -1 }: MailRule): Rule {
  const code = CODES[outcome]
  return {
    status: status === undefined ? null : new RegExp(`^${status.replaceAll('x', '\\d')}$`),
    enhanced: enhanced ?? null,
    matches: matches === undefined ? null : new RegExp(matches, 'i'),
    verdict: { code, delayMs, throttles: code === OUTCOME.throttled },
  }
}

function fits({ status, enhanced, matches }: Rule, reply: Reply): boolean {
  if (status !== null && !status.test(String(reply.responseCode))) return false
  if (enhanced !== null && reply.enhanced !== enhanced && !reply.enhanced.startsWith(`${enhanced}.`)) return false
  return matches === null || matches.test(reply.text)
}

/** Sessions that are out of step, or want a login, say nothing of the message. */
const OF_THE_SESSION: readonly number[] = [503, 530, 534, 535, 538]

function usual({ responseCode, command, enhanced, text }: Reply & { command: string }): OutcomeCode {
  if (responseCode < 500) {
    const isTooMuch = TOO_MUCH.test(text) || (responseCode === 421 && enhanced.startsWith('4.7.'))
    return isTooMuch ? OUTCOME.throttled : OUTCOME.unavailable
  }
  if (OF_THE_SESSION.includes(responseCode)) return OUTCOME.unavailable
  // It does not let this sender through; another relay of the route may.
  return command === 'MAIL FROM' ? OUTCOME.rerouted : OUTCOME.rejected
}

/** For metrics: codes are three digits, of which a hostile relay could send nine hundred. */
const LABELS: ReadonlySet<number> = new Set([
  421, 432, 450, 451, 452, 454, 455, 500, 501, 502, 503, 504, 521, 530, 535, 541, 550, 551, 552, 553, 554, 555, 556,
])

export function mailStatusLabel(status: number): string {
  if (status === 0) return '250'
  const code = Math.floor(status / 1_000_000)
  return LABELS.has(code) ? String(code) : 'other'
}
