/**
 * Digits that the called presses, and what each is for. A gateway may tell of one press twice, by an RTP event (RFC 4733) and
 * by INFO: it counts once. Pure: time is an argument.
 */
import type { SipCarrierConfig } from '../../engine/config/sip-carrier.js'

export type Pressed = 'optOut' | 'repeat' | 'expected' | 'none'

const KEPT = 32
const REPEATS_MOST = 3
/** The same digit the other way within this is the same press. */
const SAME_PRESS_MS = 1_500

export class Digits {
  readonly #config: Pick<SipCarrierConfig, 'optOutDigit' | 'repeatDigit' | 'expectedDigits'>
  #all = ''
  #repeats = 0
  #last = { digit: '', by: '', atMs: 0 }
  hasAnswered = false
  hasOptedOut = false

  constructor(config: Pick<SipCarrierConfig, 'optOutDigit' | 'repeatDigit' | 'expectedDigits'>) {
    this.#config = config
  }

  /** In order. */
  get all(): string {
    return this.#all
  }

  press(digit: string, by: 'info' | 'rtp', nowMs: number): Pressed {
    const { digit: before, by: byBefore, atMs } = this.#last
    if (digit === before && by !== byBefore && nowMs - atMs < SAME_PRESS_MS) return 'none'
    this.#last = { digit, by, atMs: nowMs }
    if (this.#all.length < KEPT) this.#all += digit
    return this.#meaning(digit)
  }

  #meaning(digit: string): Pressed {
    const { optOutDigit, repeatDigit, expectedDigits } = this.#config
    if (digit === optOutDigit) {
      if (this.hasOptedOut) return 'none'
      this.hasOptedOut = true
      return 'optOut'
    }
    if (expectedDigits.includes(digit)) {
      this.hasAnswered = true
      return 'expected'
    }
    return digit === repeatDigit && ++this.#repeats <= REPEATS_MOST ? 'repeat' : 'none'
  }
}
