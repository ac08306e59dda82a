/**
 * Who may run the speaking program now: as many at once as there are cores for, calls before listeners at a desk, of whom
 * one is served at a time; bounded in what waits. Speech thread.
 */
export type Lane = 'call' | 'desk'

export interface QueueTerms {
  /** Programs at once. */
  parallel: number
  /** Most that may wait, each lane for itself. */
  waiting: Readonly<Record<Lane, number>>
}

export class RenderQueue {
  readonly #terms: QueueTerms
  readonly #lanes: Readonly<Record<Lane, (() => Promise<void>)[]>> = { call: [], desk: [] }
  #running = 0
  #atDesk = 0
  #lastWasDesk = false

  constructor(terms: QueueTerms) {
    this.#terms = terms
  }

  get waiting(): number {
    return this.#lanes.call.length + this.#lanes.desk.length
  }

  /** null: too many wait already. `work` must not reject. */
  run<T>(lane: Lane, work: () => Promise<T>): Promise<T> | null {
    if (this.#lanes[lane].length >= this.#terms.waiting[lane]) return null
    return new Promise((resolve) => {
      this.#lanes[lane].push(async () => resolve(await work()))
      this.#next()
    })
  }

  #next(): void {
    while (this.#running < this.#terms.parallel) {
      const lane = this.#choose()
      if (lane === null) return
      this.#lastWasDesk = lane === 'desk'
      const work = this.#lanes[lane].shift()!
      this.#running++
      if (lane === 'desk') this.#atDesk++
      void work().finally(() => {
        this.#running--
        if (lane === 'desk') this.#atDesk--
        this.#next()
      })
    }
  }

  #choose(): Lane | null {
    const { call, desk } = this.#lanes
    const mayDesk = desk.length > 0 && this.#atDesk === 0
    if (mayDesk && (call.length === 0 || !this.#lastWasDesk)) return 'desk'
    return call.length > 0 ? 'call' : null
  }
}
