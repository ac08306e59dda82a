/**
 * The carrier's connections that broke off without an unbind: the answer to what came on them just before may be lost,
 * and the carrier then delivers it again (carriers.md 57). Told with each inbound message. Dispatcher thread.
 */
import { limits } from '../engine/contract/limits.js'
import type { BrokenConnection } from '../engine/contract/outcome.js'

/** Older ones of a flapping carrier are forgotten. */
const KEPT = 32

export class BrokenConnections {
  #kept: readonly BrokenConnection[] = []

  add(broken: BrokenConnection): void {
    this.#kept = [...this.#kept, broken].slice(-KEPT)
  }

  /** Those of the last minutes; `nowMs` is epoch. */
  recent(nowMs: number): readonly BrokenConnection[] {
    const [oldest] = this.#kept
    if (oldest !== undefined && nowMs - oldest.atMs > limits.inboundDoubtMs) {
      this.#kept = this.#kept.filter(({ atMs }) => nowMs - atMs <= limits.inboundDoubtMs)
    }
    return this.#kept
  }
}
