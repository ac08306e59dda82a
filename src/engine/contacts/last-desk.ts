/**
 * Notes the last message of contacts as its state changes: told of each block whose state was stored, before that is counted
 * as told. Accounts without contacts cost a look-up in a map. Main thread.
 */
import { accountFacts } from './account-facts.js'
import type { ContactRunner } from './contact-runner.js'

/** Blocks of one task: some tens of milliseconds of an ingest thread. */
const BLOCKS_PER_TASK = 64

export class LastDesk {
  readonly #runner: ContactRunner

  constructor(runner: ContactRunner) {
    this.#runner = runner
  }

  /** Durable when it resolves; the same block again changes nothing. @throws EngineError STORE_FAILED. */
  async stored(blocks: Iterable<{ account: number; block: number }>): Promise<void> {
    const byAccount = new Map<number, number[]>()
    for (const { account, block } of blocks) {
      const known = byAccount.get(account)
      if (known === undefined) byAccount.set(account, [block])
      else known.push(block)
    }
    if (byAccount.size === 0) return
    const { tables } = this.#runner
    for (const [account, own] of byAccount) {
      if (accountFacts(tables, account).contacts === 0) continue
      for (let at = 0; at < own.length; at += BLOCKS_PER_TASK) {
        const task = { kind: 'contactLast', account, blocks: own.slice(at, at + BLOCKS_PER_TASK) } as const
        await this.#runner.run<number>(account, task, true)
      }
    }
  }
}
