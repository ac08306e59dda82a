/** Messages of one part that came a short while ago: whether one that comes now is a repetition. Bounded. Main thread. */
import { limits } from '../contract/limits.js'
import { type Arrival, isRepeat } from './arrival.js'

export class RecentMessages {
  /** In order of arrival. */
  readonly #byPrint = new Map<string, Arrival>()

  /** True: the carrier delivered it before. Either way it is remembered. */
  isRepeat(arrival: Arrival): boolean {
    const before = this.#byPrint.get(arrival.print)
    const repeated = before !== undefined && isRepeat(before, arrival)
    this.remember(arrival)
    return repeated
  }

  remember(arrival: Arrival): void {
    this.#byPrint.delete(arrival.print)
    this.#byPrint.set(arrival.print, arrival)
    for (const [print, { atMs }] of this.#byPrint) {
      const isOld = arrival.atMs - atMs > limits.inboundDoubtMs
      if (!isOld && this.#byPrint.size <= limits.inboundRemembered) break
      this.#byPrint.delete(print)
    }
  }
}
