/**
 * Sending hours in the zone of each recipient. Where a recipient may be in one of several zones it must be within the hours
 * in all of them: the hours are those that the zones share. Times are epoch milliseconds.
 */
import type { HoursRule } from '../contract/sending-hours.js'
import { type ZoneSet, zoneSet, zonesOfNumber } from '../phone/zones.js'
import { type HoursState, hoursAt } from './sending-hours.js'

/** When zones share no hour of the next days, the clocks of some may be turned behind them. */
const DAYS_AHEAD_MS = 16 * 86_400_000
const LOOK_AGAIN_MS = 86_400_000
const KEPT = 100
const INFINITE = Number.POSITIVE_INFINITY

/** Of whom the hours are asked. */
export interface WhoseHours {
  /** Digits of the number, or an address. */
  digits: string
  /** Neither short codes nor addresses have a place: the account's zone is theirs. */
  isNumber: boolean
  /** IANA, as the row or contact says; '' = by the number. */
  zone: string
}

interface Kept {
  fromMs: number
  untilMs: number
  state: HoursState
}

export class RecipientHours {
  readonly rule: HoursRule
  readonly #rules = new Map<string, HoursRule>()
  readonly #kept = new Map<ZoneSet, Kept>()

  /** A rule by recipient; its zone is that of the account. */
  constructor(rule: HoursRule) {
    this.rule = rule
  }

  zonesOf({ digits, isNumber, zone }: WhoseHours): ZoneSet {
    const own = zone === '' ? null : zoneSet(zone)
    if (own !== null) return own
    return isNumber ? zonesOfNumber(digits) : zoneSet(this.rule.timeZone)!
  }

  at(set: ZoneSet, nowMs: number): HoursState {
    const kept = this.#kept.get(set)
    if (kept !== undefined && nowMs >= kept.fromMs && nowMs < kept.untilMs) return kept.state
    const state = this.#reckon(set, nowMs)
    const untilMs = Math.min(state.changesAtMs, nowMs + LOOK_AGAIN_MS)
    this.#kept.set(set, { fromMs: nowMs, untilMs, state })
    return state
  }

  #reckon({ zones }: ZoneSet, nowMs: number): HoursState {
    const states = zones.map((zone) => hoursAt(this.#ruleIn(zone), nowMs))
    const isOpen = states.every((state) => state.isOpen)
    if (isOpen) return { isOpen, changesAtMs: Math.min(...states.map(({ changesAtMs }) => changesAtMs)) }
    return { isOpen, changesAtMs: this.#opensAt(zones, nowMs) }
  }

  /** From one moment at which a zone opens to the next, until all of them are open. */
  #opensAt(zones: readonly string[], nowMs: number): number {
    for (let atMs = nowMs; atMs < nowMs + DAYS_AHEAD_MS; ) {
      let nextMs = atMs
      for (const zone of zones) {
        const { isOpen, changesAtMs } = hoursAt(this.#ruleIn(zone), nextMs)
        if (!isOpen) nextMs = changesAtMs
        if (nextMs === INFINITE) return INFINITE
      }
      if (nextMs === atMs) return atMs
      atMs = nextMs
    }
    return INFINITE
  }

  #ruleIn(timeZone: string): HoursRule {
    let rule = this.#rules.get(timeZone)
    if (rule === undefined) {
      rule = { ...this.rule, timeZone }
      this.#rules.set(timeZone, rule)
    }
    return rule
  }
}

const shared = new Map<string, RecipientHours>()

/** What was reckoned for a rule is shared by all jobs that have it. null: its hours are not those of recipients. */
export function recipientHours(rule: HoursRule | null): RecipientHours | null {
  if (rule?.byRecipient !== true) return null
  const key = `${rule.days} ${rule.fromMinute} ${rule.toMinute} ${rule.timeZone}`
  let hours = shared.get(key)
  if (hours === undefined) {
    if (shared.size >= KEPT) shared.clear()
    hours = new RecipientHours(rule)
    shared.set(key, hours)
  }
  return hours
}
