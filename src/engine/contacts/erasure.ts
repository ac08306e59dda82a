/** Erases the contacts of deleted accounts, a step at a time; what a stop cuts short goes on at the next start. Main thread. */
import type { Accounts } from '../accounts/accounts.js'
import type { Log } from '../contract/log.js'
import type { ContactRunner } from './contact-runner.js'

export interface ErasureDeps {
  runner: ContactRunner
  accounts: Accounts
  log: Log
  isStopping(): boolean
}

export class Erasure {
  readonly #deps: ErasureDeps
  #turn: Promise<void> = Promise.resolve()

  constructor(deps: ErasureDeps) {
    this.#deps = deps
    deps.accounts.watch((account) => {
      if (deps.accounts.byNumber(account) === null) this.#soon([account])
    })
  }

  /** Call once at start. */
  resume(): void {
    const known = [...this.#deps.runner.tables.accounts.getKeys()] as number[]
    this.#soon(known.filter((account) => this.#deps.accounts.byNumber(account) === null))
  }

  async stop(): Promise<void> {
    await this.#turn
  }

  #soon(accounts: number[]): void {
    this.#turn = this.#turn.then(() => this.#erase(accounts))
  }

  async #erase(accounts: number[]): Promise<void> {
    const { runner, log, isStopping } = this.#deps
    try {
      for (const account of accounts) {
        let isMore = true
        while (isMore && !isStopping()) isMore = await runner.run<boolean>(account, { kind: 'contactErase', account })
      }
    } catch (error) {
      log.error({ error }, 'the contacts of a deleted account could not be erased yet')
    }
  }
}
