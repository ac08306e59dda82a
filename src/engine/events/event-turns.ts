/** One thing at a time for each name: whoever comes next waits for those before. Nothing is kept of a name that nobody uses. */

export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Runs `work` when all that was asked for under this name before has ended, well or not. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name)
    const turn = before === undefined ? work() : before.then(work, work)
    const ended = turn.catch(() => {})
    this.#last.set(name, ended)
    try {
      return await turn
    } finally {
      if (this.#last.get(name) === ended) this.#last.delete(name)
    }
  }
}
