/** Something that is done to an engine again and again until it dies, and what must be so when it lives again. */

export interface Workload {
  /** Before the engine is started with an armed crash point; it does not run. */
  before?(): Promise<void>
  /** One piece of work; returns early when the engine dies. What was not answered is asked again by the next call. */
  step(): Promise<void>
  /** The engine runs and lives: what was not answered is asked until it is. */
  settle(): Promise<void>
  /** The engine runs and lives: what is wrong, a line each. */
  check(): Promise<string[]>
}

/** Requests one after the other, each under a number that stands for its content; the last one is repeated until it is answered. */
export abstract class Repeated<T> implements Workload {
  /** By the number of the request. */
  protected readonly answers: T[] = []
  /** Requests that were asked more than once. */
  repeats = 0
  #isOpen = false

  /** null: it was not answered. The same number is the same request. */
  protected abstract request(number: number): Promise<T | null>

  async step(): Promise<void> {
    if (this.#isOpen) this.repeats++
    this.#isOpen = true
    const answer = await this.request(this.answers.length)
    if (answer === null) return
    this.answers.push(answer)
    this.#isOpen = false
  }

  async settle(): Promise<void> {
    while (this.#isOpen) await this.step()
  }

  abstract check(): Promise<string[]>
}
