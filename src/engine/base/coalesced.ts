/**
 * Work that many may ask for at once: it runs one at a time, and who asks waits for a run that began after the asking. All
 * that ask while one runs share the next.
 */
export class Coalesced {
  readonly #work: () => Promise<void>
  #running: Promise<void> | null = null
  #next: Promise<void> | null = null

  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  run(): Promise<void> {
    if (this.#running === null) return this.#start()
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = null
        return this.#start()
      })
    return this.#next
  }

  #start(): Promise<void> {
    const run = this.#work().finally(() => {
      if (this.#running === run) this.#running = null
    })
    this.#running = run
    return run
  }

  /** Resolves when nothing runs, whatever became of it. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running.catch(() => {})
  }
}
