/**
 * What rules have done to a carrier: slowed, rerouted, suspended or stopped, each with its reason and its end, in the log,
 * the metrics and the API, until its time is over or an operator ends it. Dispatcher thread.
 */
import type { ActionView } from '../engine/contract/channel.js'
import type { Clock } from '../engine/contract/clock.js'
import type { Log } from '../engine/contract/log.js'
import type { CarrierMetrics } from '../engine/observe/carrier-metrics.js'
import type { CarrierRule } from './outcome-table.js'

interface Held {
  rule: CarrierRule
  /** Epoch ms, for people. */
  atMs: number
  /** Monotonic ms; Infinity: until an operator ends it. */
  untilMs: number
}

/** Name of the state that each leads to. */
export const ACTION_NAMES = { slow: 'slowed', reroute: 'rerouted', suspend: 'suspended', stop: 'stopped' } as const

export interface CarrierActionsDeps {
  carrier: string
  clock: Clock
  log: Log
  metrics: CarrierMetrics
  /** Something begins or ends. */
  changed(): void
}

export class CarrierActions {
  readonly #deps: CarrierActionsDeps
  readonly #held = new Map<CarrierRule['action'], Held>()
  /** Times of the latest answers that a rule counts. */
  readonly #seen = new Map<CarrierRule, number[]>()
  #nextEndMs = Number.POSITIVE_INFINITY

  constructor(deps: CarrierActionsDeps) {
    this.#deps = deps
  }

  /** Nothing is sent. */
  get isSuspended(): boolean {
    return this.#held.has('suspend') || this.#held.has('stop')
  }
  /** Other carriers of a route are to be used where there are some. */
  get isAvoided(): boolean {
    return this.#held.has('reroute')
  }
  /** Parts per second while it is slowed; null: it is not; 0: a tenth of the rate. */
  get slowedTo(): number | null {
    return this.#held.get('slow')?.rule.ratePerSecond ?? null
  }

  /** An answer or receipt fits a rule; it acts on the so-manieth within its time. */
  note(rule: CarrierRule, nowMs: number): void {
    if (rule.count > 1 && !this.#isEnough(rule, nowMs)) return
    const { carrier, clock, log, metrics, changed } = this.#deps
    const before = this.#held.get(rule.action)
    const untilMs = nowMs + rule.forMs
    // What came of parts that were under way when it began only prolongs it.
    if (before !== undefined && before.rule === rule) {
      before.untilMs = Math.max(before.untilMs, untilMs)
      this.#nextEndMs = Math.min(...[...this.#held.values()].map((held) => held.untilMs))
      return
    }
    this.#held.set(rule.action, { rule, atMs: clock.now(), untilMs })
    this.#nextEndMs = Math.min(this.#nextEndMs, untilMs)
    const action = ACTION_NAMES[rule.action]
    const seconds = rule.forMs === Number.POSITIVE_INFINITY ? null : rule.forMs / 1000
    log.warn({ carrier, action, reason: rule.reason, seconds }, 'a rule acts on the carrier')
    metrics.acted(action, true)
    changed()
  }

  #isEnough(rule: CarrierRule, nowMs: number): boolean {
    const times = this.#seen.get(rule) ?? []
    if (times.length === 0) this.#seen.set(rule, times)
    times.push(nowMs)
    if (times.length > rule.count) times.shift()
    if (times.length < rule.count || nowMs - times[0]! > rule.withinMs) return false
    times.length = 0
    return true
  }

  /** Ends what has had its time; cheap. */
  tick(nowMs: number): void {
    if (nowMs < this.#nextEndMs) return
    for (const [action, held] of this.#held) if (held.untilMs <= nowMs) this.#end(action, 'its time is over')
    this.#nextEndMs = Math.min(Number.POSITIVE_INFINITY, ...[...this.#held.values()].map((held) => held.untilMs))
    this.#deps.changed()
  }

  /** An operator ends all of it. */
  clear(): void {
    this.#seen.clear()
    if (this.#held.size === 0) return
    for (const action of [...this.#held.keys()]) this.#end(action, 'ended by the operator')
    this.#nextEndMs = Number.POSITIVE_INFINITY
    this.#deps.changed()
  }

  #end(action: CarrierRule['action'], why: string): void {
    const { carrier, log, metrics } = this.#deps
    this.#held.delete(action)
    metrics.acted(ACTION_NAMES[action], false)
    log.info({ carrier, action: ACTION_NAMES[action], why }, 'a rule acts no more')
  }

  view(nowMs: number): ActionView[] {
    const { clock } = this.#deps
    return [...this.#held].map(([action, { rule, atMs, untilMs }]) => ({
      at: new Date(atMs).toISOString(),
      action: ACTION_NAMES[action],
      reason: rule.reason,
      until: untilMs === Number.POSITIVE_INFINITY ? null : new Date(clock.now() + untilMs - nowMs).toISOString(),
    }))
  }
}
