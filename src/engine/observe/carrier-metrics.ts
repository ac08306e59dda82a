/** Metrics of one carrier: looked up once, counted in plain numbers, handed over once per tick. */
import type { Counter, Gauge, Histogram, Metrics } from '../contract/metrics.js'

/** One response in this many is timed: the shape of the histogram is wanted, not its every count. */
const SAMPLE = 16

interface Pending {
  counter: Counter
  count: number
}

/** What is counted per bind. */
export class BindMetrics {
  submitted = 0
  #submitted: Counter
  #up: Gauge
  #reconnects: Counter
  #inFlight: Gauge
  #window: Gauge

  constructor(metrics: Metrics, carrier: string, bind: number) {
    const labels = { carrier, bind: String(bind) }
    this.#submitted = metrics.counter('trunkline_parts_submitted_total', labels)
    this.#up = metrics.gauge('trunkline_bind_up', labels)
    this.#reconnects = metrics.counter('trunkline_bind_reconnects_total', labels)
    this.#inFlight = metrics.gauge('trunkline_window_in_flight', labels)
    this.#window = metrics.gauge('trunkline_window_size', labels)
  }

  up(isUp: boolean): void {
    this.#up.set(isUp ? 1 : 0)
  }

  reconnected(): void {
    this.#reconnects.add(1)
  }

  publish(inFlight: number, window: number): void {
    this.#inFlight.set(inFlight)
    this.#window.set(window)
    if (this.submitted === 0) return
    this.#submitted.add(this.submitted)
    this.submitted = 0
  }
}

export class CarrierMetrics {
  #metrics: Metrics
  #carrier: string
  readonly #labelOf: (status: number) => string
  #seconds: Histogram
  #throttled: Counter
  #rateLimit: Gauge
  #byLabel = new Map<string, Pending>()
  #ok: Pending
  #throttledCount = 0
  #sample = 0

  /** `labelOf`: of a status of its protocol, in bounded variety; 0: accepted. */
  constructor(metrics: Metrics, carrier: string, labelOf: (status: number) => string) {
    this.#metrics = metrics
    this.#carrier = carrier
    this.#labelOf = labelOf
    this.#seconds = metrics.histogram('trunkline_submit_response_seconds', { carrier })
    this.#throttled = metrics.counter('trunkline_throttled_total', { carrier })
    this.#rateLimit = metrics.gauge('trunkline_rate_limit_per_second', { carrier })
    this.#ok = this.#pending(this.#labelOf(0))
  }

  bind(index: number): BindMetrics {
    return new BindMetrics(this.#metrics, this.#carrier, index)
  }

  /** 0: no limit. */
  rateLimit(perSecond: number): void {
    this.#rateLimit.set(perSecond)
  }

  /** A rule begins or ends to act on the carrier. */
  acted(action: string, begins: boolean): void {
    const labels = { carrier: this.#carrier, action }
    if (begins) this.#metrics.counter('trunkline_carrier_actions_total', labels).add(1)
    this.#metrics.gauge('trunkline_carrier_action_active', labels).set(begins ? 1 : 0)
  }

  answered(status: number, latencyMs: number, isThrottled: boolean): void {
    if (status === 0) this.#ok.count++
    else this.#pending(this.#labelOf(status)).count++
    if (isThrottled) this.#throttledCount++
    if (++this.#sample < SAMPLE) return
    this.#sample = 0
    this.#seconds.observe(latencyMs / 1000)
  }

  /** A response to nothing in flight: late, doubled or never asked for. */
  unmatched(): void {
    this.#pending('unmatched').count++
  }

  publish(): void {
    for (const pending of this.#byLabel.values()) {
      if (pending.count === 0) continue
      pending.counter.add(pending.count)
      pending.count = 0
    }
    if (this.#throttledCount === 0) return
    this.#throttled.add(this.#throttledCount)
    this.#throttledCount = 0
  }

  #pending(status: string): Pending {
    let pending = this.#byLabel.get(status)
    if (pending === undefined) {
      const labels = { carrier: this.#carrier, status }
      pending = { counter: this.#metrics.counter('trunkline_submit_responses_total', labels), count: 0 }
      this.#byLabel.set(status, pending)
    }
    return pending
  }
}
