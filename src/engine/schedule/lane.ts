/**
 * One lane at the dispatcher: the messages of one job that go one route, as a cursor over its queued blocks plus the few
 * messages that come back. Holds numbers only; bodies and states belong to the loop.
 */
import type { JobDispatch } from '../contract/lane.js'

/** The block that a lane is taking messages from. */
export interface OpenBlock {
  block: number
  next: number
  count: number
}

export class Lane {
  job: JobDispatch
  readonly route: number
  /** Carriers in order of preference; `carrier` is the one in use now, null when none is up. */
  carriers: string[]
  carrier: string | null = null
  current: OpenBlock | null = null
  /** Blocks claimed before a restart that have unsent messages, oldest first. */
  readonly recovered: number[] = []
  /** False: nothing in the queue index to claim as far as we know. */
  mayHaveBlocks = true
  /** Epoch ms at which the next block falls due; Infinity when none waits. */
  nextDueMs = 0
  /** In the fair queue of its carrier. */
  active = false
  #returned = new Float64Array(16)
  #returnedAt = 0
  #returnedCount = 0

  constructor(job: JobDispatch, route: number, carriers: string[]) {
    this.job = job
    this.route = route
    this.carriers = carriers
  }

  /** Messages that came back and may be sent at once. */
  get returned(): number {
    return this.#returnedCount
  }

  /** Has something to send now, as far as is known without reading. */
  get ready(): boolean {
    return this.#returnedCount > 0 || this.current !== null || this.recovered.length > 0 || this.mayHaveBlocks
  }

  giveBack(ref: number): void {
    if (this.#returnedCount === this.#returned.length) this.#grow()
    this.#returned[(this.#returnedAt + this.#returnedCount++) & (this.#returned.length - 1)] = ref
  }

  /** Oldest message that came back; only while `returned` > 0. */
  takeBack(): number {
    const ref = this.#returned[this.#returnedAt]!
    this.#returnedAt = (this.#returnedAt + 1) & (this.#returned.length - 1)
    this.#returnedCount--
    return ref
  }

  #grow(): void {
    const old = this.#returned
    this.#returned = new Float64Array(old.length * 2)
    for (let n = 0; n < this.#returnedCount; n++) this.#returned[n] = old[(this.#returnedAt + n) & (old.length - 1)]!
    this.#returnedAt = 0
  }
}
