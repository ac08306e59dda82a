/**
 * Looking takes turns: some answers are made at once, those that wait are begun one by one, an account after the other. So whoever
 * asks for a thousand lists has them one after the other, and somebody else's message in between. Main thread.
 */

export interface Waiter {
  /** Its turn has come. */
  begin(): void
}

export class ReadTurns {
  readonly #atOnce: number
  /** In the order in which the holders get their turn. */
  readonly #queues = new Map<string, Waiter[]>()
  #running = 0
  #isScheduled = false

  constructor(atOnce: number) {
    this.#atOnce = atOnce
  }

  /** Begins at once, or later. Call `end` once for each. */
  take(holder: string, waiter: Waiter): void {
    if (this.#running < this.#atOnce && this.#queues.size === 0) {
      this.#running++
      waiter.begin()
      return
    }
    const queue = this.#queues.get(holder)
    if (queue === undefined) this.#queues.set(holder, [waiter])
    else queue.push(waiter)
    this.#schedule()
  }

  end(): void {
    this.#running--
    this.#schedule()
  }

  /** One a round of the event loop: what came meanwhile is heard before the next. */
  #schedule(): void {
    if (this.#isScheduled || this.#queues.size === 0 || this.#running >= this.#atOnce) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#next()
      this.#schedule()
    })
  }

  /** The first of the holder whose turn it is; that one goes to the end of the line. */
  #next(): void {
    if (this.#running >= this.#atOnce) return
    const entry = this.#queues.entries().next().value
    if (entry === undefined) return
    const [holder, queue] = entry
    const waiter = queue.shift()!
    this.#queues.delete(holder)
    if (queue.length > 0) this.#queues.set(holder, queue)
    this.#running++
    waiter.begin()
  }
}
