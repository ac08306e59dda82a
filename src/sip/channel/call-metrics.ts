/** Metrics of the calls of one carrier: looked up once each. Dispatcher thread. */
import { callStatusLabel } from '../../engine/base/call-status.js'
import type { Counter, Gauge, Histogram, Metrics } from '../../engine/contract/metrics.js'

export class CallMetrics {
  readonly #metrics: Metrics
  readonly #carrier: string
  readonly #active: Gauge
  readonly #limit: Gauge
  readonly #ring: Histogram
  readonly #talk: Histogram
  readonly #byResult = new Map<string, Counter>()
  #activeNow = -1

  constructor(metrics: Metrics, carrier: string) {
    this.#metrics = metrics
    this.#carrier = carrier
    this.#active = metrics.gauge('trunkline_calls_active', { carrier })
    this.#limit = metrics.gauge('trunkline_rate_limit_per_second', { carrier })
    this.#ring = metrics.histogram('trunkline_call_ring_seconds', { carrier })
    this.#talk = metrics.histogram('trunkline_call_talk_seconds', { carrier })
  }

  active(calls: number): void {
    if (calls === this.#activeNow) return
    this.#activeNow = calls
    this.#active.set(calls)
  }

  limit(callsPerSecond: number): void {
    this.#limit.set(callsPerSecond)
  }

  /** One INVITE and what followed. `result`: heard, partlyHeard, or an outcome of the table. */
  ended(result: string, { status, ringMs, talkMs }: { status: number; ringMs: number; talkMs: number | null }): void {
    const label = callStatusLabel(status)
    const key = `${result} ${label}`
    let counter = this.#byResult.get(key)
    if (counter === undefined) {
      counter = this.#metrics.counter('trunkline_calls_total', { carrier: this.#carrier, result, status: label })
      this.#byResult.set(key, counter)
    }
    counter.add(1)
    this.#ring.observe(ringMs / 1000)
    if (talkMs !== null) this.#talk.observe(talkMs / 1000)
  }

  gateway(name: string, isUp: boolean): void {
    this.#metrics.gauge('trunkline_gateway_up', { carrier: this.#carrier, gateway: name }).set(isUp ? 1 : 0)
  }

  acted(begins: boolean): void {
    const labels = { carrier: this.#carrier, action: 'suspended' }
    if (begins) this.#metrics.counter('trunkline_carrier_actions_total', labels).add(1)
    this.#metrics.gauge('trunkline_carrier_action_active', labels).set(begins ? 1 : 0)
  }
}
