/**
 * From an answer to what becomes of its part and of the carrier: the rules of the carrier's configuration first, then its
 * throttleCodes, then the table of the specification (status.ts). Dispatcher thread, once per answer.
 */
import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'
import type { OutcomeRule } from '../engine/config/smpp-outcomes.js'
import { statusRange } from '../engine/config/status-range.js'
import { OUTCOME, type OutcomeCode } from '../engine/contract/outcome.js'
import { HEADER_BYTES, TAG } from './constants.js'
import { cStringEnd } from './decode.js'
import { defaultVerdict, statusName } from './status.js'
import { findTlv, readUint16, type TlvView, tlvStart } from './tlv.js'

export interface Verdict {
  code: OutcomeCode
  /** Before the part goes again, in ms; -1: as the table of retries says. */
  delayMs: number
  /** Slows the carrier by itself. */
  throttles: boolean
  /** The rule that acts on the carrier; null: none does. */
  rule: CarrierRule | null
}

/** What a rule does to the carrier. */
export interface CarrierRule {
  action: 'slow' | 'reroute' | 'suspend' | 'stop'
  /** Infinity: until an operator ends it. */
  forMs: number
  /** While slow holds; 0: a tenth of the rate. */
  ratePerSecond: number
  count: number
  withinMs: number
  reason: string
}

interface Rule {
  ranges: { from: number; to: number }[]
  error: RegExp | null
  tlv: { tag: number; matches: RegExp | null; hex: string | null } | null
  verdict: Verdict
}

/** What the text of an error is cut to before a pattern sees it. */
const TEXT_BYTES = 256
const HOLD_SECONDS = 60
const ACTIONS: ReadonlySet<string> = new Set(['slow', 'reroute', 'suspend', 'stop'])
const ACCEPTED: Verdict = { code: OUTCOME.accepted, delayMs: -1, throttles: false, rule: null }

export class OutcomeTable {
  readonly #rules: readonly Rule[]
  readonly #throttles: readonly { from: number; to: number }[]
  /** A status that was seen and needs no look at the answer's parameters. */
  readonly #known = new Map<number, Verdict>()
  /** Some rule speaks of status 0. */
  readonly #looksAtOk: boolean
  #place: TlvView = { start: 0, length: 0 }

  constructor(carrier: Pick<SmppCarrierConfig, 'outcomes' | 'throttleCodes'>) {
    this.#rules = carrier.outcomes.map(compile)
    this.#throttles = carrier.throttleCodes.map(statusRange)
    this.#looksAtOk = this.#rules.some(({ ranges }) => ranges.some(({ from }) => from === 0))
  }

  /** What the answer at bytes[start, end) means; an empty answer is a generic_nack. */
  verdict(status: number, bytes: Buffer, start: number, end: number): Verdict {
    if (status === 0 && !this.#looksAtOk) return ACCEPTED
    const known = this.#known.get(status)
    if (known !== undefined) return known
    let isPlain = true
    for (const rule of this.#rules) {
      if (!rule.ranges.some(({ from, to }) => status >= from && status <= to)) continue
      const isBare = rule.error === null && rule.tlv === null
      if (isBare || this.#fits(rule, bytes, start, end))
        return isBare && isPlain ? this.#keep(status, rule.verdict) : rule.verdict
      isPlain = false
    }
    const verdict = this.#byTable(status)
    return isPlain ? this.#keep(status, verdict) : verdict
  }

  /** What the error of a receipt does to the carrier; null: nothing. */
  ofReceipt(error: string): CarrierRule | null {
    if (error === '') return null
    for (const { ranges, error: pattern, tlv, verdict } of this.#rules) {
      if (verdict.rule !== null && pattern !== null && tlv === null && coversAll(ranges) && pattern.test(error))
        return verdict.rule
    }
    return null
  }

  #byTable(status: number): Verdict {
    if (status === 0) return ACCEPTED
    const throttles = this.#throttles.some(({ from, to }) => status >= from && status <= to)
    return throttles ? { code: OUTCOME.throttled, delayMs: -1, throttles, rule: null } : defaultVerdict(status)
  }

  /** Statuses are the peer's to choose: only so many are remembered. */
  #keep(status: number, verdict: Verdict): Verdict {
    if (this.#known.size < 1_000) this.#known.set(status, verdict)
    return verdict
  }

  #fits({ error, tlv }: Rule, bytes: Buffer, start: number, end: number): boolean {
    if (end - start < HEADER_BYTES) return false
    const at = parametersStart(bytes, start, end)
    const span = { start: at, length: end - at }
    if (error !== null && !(this.#find(bytes, span, TAG.networkErrorCode) && error.test(this.#errorText(bytes))))
      return false
    if (tlv === null) return true
    if (!this.#find(bytes, span, tlv.tag)) return false
    const { start: from, length } = this.#place
    if (tlv.hex !== null && bytes.toString('hex', from, from + length) !== tlv.hex) return false
    return tlv.matches === null || tlv.matches.test(textAt(bytes, from, length))
  }

  #find(bytes: Buffer, span: TlvView, tag: number): boolean {
    return findTlv(bytes, span, tag, this.#place)
  }

  /** network_error_code (§5.3.2.31): type and number; some carriers put ASCII digits there (carriers.md 13). */
  #errorText(bytes: Buffer): string {
    const { start, length } = this.#place
    const first = bytes[start] ?? 0
    const isText = length !== 3 || (first >= 0x30 && first <= 0x39)
    return isText ? textAt(bytes, start, length) : String(readUint16(bytes, start + 1))
  }
}

/**
 * Parameters stand behind the message_id, or, in a refusal without one, right behind the header (carriers.md 60, 61): a
 * lone NUL is an empty id.
 */
function parametersStart(bytes: Buffer, start: number, end: number): number {
  const body = start + HEADER_BYTES
  const behindId = tlvStart(bytes, Math.min(cStringEnd(bytes, body, end) + 1, end), end)
  if (behindId < end || readStatus(bytes, start) === 0) return behindId
  return tlvStart(bytes, body, end)
}

function readStatus(bytes: Buffer, start: number): number {
  return bytes.readUInt32BE(start + 8)
}

function textAt(bytes: Buffer, start: number, length: number): string {
  const text = bytes.latin1Slice(start, start + Math.min(length, TEXT_BYTES))
  return text.endsWith('\0') ? text.slice(0, -1) : text
}

function coversAll(ranges: readonly { from: number; to: number }[]): boolean {
  return ranges.some(({ from, to }) => from <= 1 && to === 0xffff_ffff)
}

function compile(rule: OutcomeRule): Rule {
  const { status = '*', error, tlv } = rule
  return {
    ranges: [status].flat().map(statusRange),
    error: error === undefined ? null : new RegExp(error, 'i'),
    tlv:
      tlv === undefined
        ? null
        : {
            tag: Number(tlv.tag),
            matches: tlv.matches === undefined ? null : new RegExp(tlv.matches, 'i'),
            hex: tlv.hex?.toLowerCase() ?? null,
          },
    verdict: verdictOf(rule),
  }
}

const CODES: Readonly<Record<string, OutcomeCode>> = {
  accepted: OUTCOME.accepted,
  rejected: OUTCOME.rejected,
  retry: OUTCOME.unavailable,
  throttled: OUTCOME.throttled,
  nextCarrier: OUTCOME.rerouted,
}

function verdictOf(rule: OutcomeRule): Verdict {
  const { outcome, delayMs = -1, message = 'retry' } = rule
  const carrierRule = ACTIONS.has(outcome) ? carrierRuleOf(rule) : null
  if (carrierRule === null) return { code: CODES[outcome]!, delayMs, throttles: outcome === 'throttled', rule: null }
  // The carrier is to blame, not the message: it keeps its attempts.
  const code = message === 'retry' ? OUTCOME.throttled : CODES[message]!
  return { code, delayMs, throttles: false, rule: carrierRule }
}

function carrierRuleOf(rule: OutcomeRule): CarrierRule {
  const { outcome, forSeconds = HOLD_SECONDS, count = 1, withinSeconds = HOLD_SECONDS, ratePerSecond = 0 } = rule
  return {
    action: outcome as CarrierRule['action'],
    forMs: outcome === 'stop' ? Number.POSITIVE_INFINITY : forSeconds * 1000,
    ratePerSecond,
    count,
    withinMs: withinSeconds * 1000,
    reason: rule.reason ?? `answers with ${conditionsOf(rule).join(', ')}`,
  }
}

/** As a carrier's sheet has them: statuses by name or in hex, never in decimal. */
function conditionsOf({ status, error, tlv }: OutcomeRule): string[] {
  const statuses = status === undefined ? [] : [status].flat()
  const named = statuses.map((one) => (typeof one === 'number' ? statusName(one) : one))
  if (error !== undefined) named.push(`error ${error}`)
  if (tlv !== undefined) named.push(`parameter 0x${Number(tlv.tag).toString(16).padStart(4, '0')}`)
  return named
}
