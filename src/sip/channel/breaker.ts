/**
 * Stops calling by a carrier that refuses us, not the called: after several refusals of our account, contract or caller id in
 * a row, or very many of numbers. After a while one call is let through; if it is refused as well the pause doubles. Pure:
 * time is an argument, in monotonic milliseconds. Dispatcher thread.
 */
import type { CallOutcomeName } from '../../engine/config/sip-outcomes.js'

const CONFIG_IN_ROW = 5
const REFUSED_IN_ROW = 50
const PAUSE = { firstMs: 300_000, maxMs: 3_600_000 }

export type BreakerState = 'closed' | 'open' | 'probing'

export class Breaker {
  #state: BreakerState = 'closed'
  #config = 0
  #refused = 0
  #pauseMs = PAUSE.firstMs
  #untilMs = 0
  #why = ''

  get state(): BreakerState {
    return this.#state
  }
  /** Monotonic; while it is open. */
  get untilMs(): number {
    return this.#untilMs
  }
  /** In words; '' while it is closed. */
  get why(): string {
    return this.#why
  }

  /** How a call ended; null: it was answered, which mends everything. `words`: how the gateway said it. True: it opened or closed. */
  note(outcome: CallOutcomeName | null, words: string, nowMs: number): boolean {
    if (outcome === 'carrierConfig') this.#config++
    else if (outcome === 'refused') this.#refused++
    // A gateway that was not there says nothing of our contract.
    else if (outcome !== 'gatewayError' && outcome !== 'congestion') return this.close()
    const isRefusal = outcome === 'carrierConfig' || outcome === 'refused'
    if (!isRefusal) return false
    const isEnough = this.#config >= CONFIG_IN_ROW || this.#refused >= REFUSED_IN_ROW
    if (this.#state === 'open' || (this.#state === 'closed' && !isEnough)) return false
    this.#open(words, nowMs)
    return true
  }

  #open(words: string, nowMs: number): void {
    if (this.#state === 'probing') this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE.maxMs)
    this.#state = 'open'
    this.#untilMs = nowMs + this.#pauseMs
    this.#why = `the gateway refuses our calls (${words}): check user, password, caller id and contract`
  }

  /** True: its pause is over, and one call may try. */
  tick(nowMs: number): boolean {
    if (this.#state !== 'open' || nowMs < this.#untilMs) return false
    this.#state = 'probing'
    return true
  }

  /** An operator, a changed configuration or an answered call says that it is mended. True: it was not closed. */
  close(): boolean {
    const wasClosed = this.#state === 'closed'
    this.#state = 'closed'
    this.#config = 0
    this.#refused = 0
    this.#pauseMs = PAUSE.firstMs
    this.#why = ''
    return !wasClosed
  }
}
