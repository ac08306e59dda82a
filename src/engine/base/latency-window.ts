/**
 * How much of a window is used while the peer answers slowly, so that one that slows down is not buried. Pure: time is
 * an argument, in monotonic milliseconds. One per bind.
 *
 * Response times are averaged over rounds. A round that is four times slower than the best, and above a quarter of a
 * second, halves what may be in flight. When the next round is quicker, the queue was ours: it goes on until the times are
 * well or the floor is reached. When it is not, the time is not made by us: the window is given back whole, and the slower
 * time becomes the measure. While times are well the window grows by a quarter a round.
 */
const SLOW_MS = 250
const SLOW_FACTOR = 4
const SHRINK = 0.5
const GROW = 1.25
/** After halving what is in flight, a queue of ours must answer in less than this share of the time before. */
const RELIEVED = 0.85
const ROUND_MS = 100
const ROUND_ANSWERS = 4
const FLOOR_SHARE = 1 / 16

export class LatencyWindow {
  #isOn: boolean
  #size: number
  /** Most that may be in flight now. */
  #now: number
  #bestMs = Number.POSITIVE_INFINITY
  #sumMs = 0
  #answers = 0
  /** Answers to what left before this say nothing about the present window. */
  #roundAt = 0
  /** Average before the window was halved for a trial; 0: no trial. */
  #trialMs = 0

  constructor(size: number, isOn: boolean) {
    this.#size = size
    this.#now = size
    this.#isOn = isOn
  }

  get now(): number {
    return this.#now
  }

  resize(size: number): void {
    this.#now = this.#now === this.#size ? size : Math.min(this.#now, size)
    this.#size = size
  }

  /** Off: the whole window, whatever the times are. */
  switchTo(isOn: boolean): void {
    this.#isOn = isOn
    if (!isOn) this.#now = this.#size
  }

  /** A new connection: nothing is known of it. */
  reset(nowMs: number): void {
    this.#now = this.#size
    this.#bestMs = Number.POSITIVE_INFINITY
    this.#trialMs = 0
    this.#beginRound(nowMs)
  }

  /** Hot path. */
  answered(sentAtMs: number, nowMs: number): void {
    if (sentAtMs < this.#roundAt) return
    this.#sumMs += nowMs - sentAtMs
    this.#answers++
  }

  /** Time work; cheap. True: the window has changed. */
  tick(nowMs: number): boolean {
    if (!this.#isOn || this.#answers < Math.min(ROUND_ANSWERS, this.#now) || nowMs - this.#roundAt < ROUND_MS)
      return false
    const averageMs = this.#sumMs / this.#answers
    const before = this.#now
    this.#judge(averageMs)
    this.#beginRound(nowMs)
    return this.#now !== before
  }

  #judge(averageMs: number): void {
    this.#bestMs = Math.min(this.#bestMs, averageMs)
    const isSlow = averageMs > Math.max(SLOW_MS, SLOW_FACTOR * this.#bestMs)
    if (!isSlow) {
      this.#trialMs = 0
      this.#now = Math.min(this.#size, Math.ceil(this.#now * GROW))
    } else if (this.#trialMs > 0 && averageMs > RELIEVED * this.#trialMs) {
      this.#trialMs = 0
      this.#bestMs = averageMs
      this.#now = this.#size
    } else {
      const floor = Math.max(1, Math.ceil(this.#size * FLOOR_SHARE))
      // At the floor nothing more can be tried: the carrier is slow, and has little of ours to answer.
      this.#trialMs = this.#now > floor ? averageMs : 0
      this.#now = Math.max(floor, Math.floor(this.#now * SHRINK))
    }
  }

  #beginRound(nowMs: number): void {
    this.#roundAt = nowMs
    this.#sumMs = 0
    this.#answers = 0
  }
}
