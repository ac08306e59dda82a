/**
 * The text of /metrics for many scrapers at once: who asks while it is made gets the same text, and when it is asked for more
 * often than anybody looks, the text of a moment ago. Anybody may ask, so that asking must stay cheap. Main thread.
 */
import { systemClock } from '../contract/clock.js'
import { limits } from '../contract/limits.js'
import type { MetricsText } from './prometheus.js'

export class SharedScrapes {
  readonly #render: () => Promise<MetricsText>
  readonly #now: () => number
  #making: Promise<MetricsText> | null = null
  #last: MetricsText | null = null
  /** Milliseconds that may be spent on making it at this moment; below zero it was more. */
  #left: number = limits.scrapeMs
  #filledAtMs: number

  /** `now`: monotonic milliseconds. */
  constructor(render: () => Promise<MetricsText>, now = () => systemClock.monotonic()) {
    this.#render = render
    this.#now = now
    this.#filledAtMs = now()
  }

  async text(): Promise<MetricsText> {
    if (this.#making !== null) return await this.#making
    const nowMs = this.#now()
    const earned = ((nowMs - this.#filledAtMs) / 1000) * limits.scrapeMsPerSecond
    this.#left = Math.min(limits.scrapeMs, this.#left + earned)
    this.#filledAtMs = nowMs
    if (this.#left < 0 && this.#last !== null) return this.#last
    this.#making = this.#render()
    try {
      this.#last = await this.#making
      this.#left -= this.#now() - nowMs
      return this.#last
    } finally {
      this.#making = null
    }
  }
}
