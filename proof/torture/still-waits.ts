/**
 * What a stand still waits for before all is held against the ledgers. It is asked for in the order in which work goes on, so
 * that nothing passes unseen from what is asked about later to what was asked about before.
 */
import type { JobView } from '../../src/engine/contract/api.js'
import type { DropView } from '../../src/engine/contract/drops.js'
import type { UsageItem } from '../../src/engine/contract/money.js'
import type { CarriersUnderTest } from './carriers-under-test.js'
import type { Account, Driver } from './driver.js'
import type { Asker } from './driver-http.js'

const OVER = new Set(['done', 'canceled', 'failed'])
/** A job whose rows are still read is in one of them, and has no messages to be counted. */
const OPEN_JOBS = ['receiving', 'scheduled', 'running']

export interface StillWaitsDeps {
  asker: Asker
  accounts: readonly Account[]
  driver: Driver
  carriers: CarriersUnderTest
}

export class StillWaits {
  readonly #deps: StillWaitsDeps
  /** Names of files whose drop was seen to be over, by account. */
  readonly #over = new Map<string, Set<string>>()

  constructor(deps: StillWaitsDeps) {
    this.#deps = deps
  }

  /** What is not done yet, in words; '': nothing. */
  async look(): Promise<string> {
    const { accounts, carriers } = this.#deps
    const waits: string[] = []
    for (const account of accounts) waits.push(...(await this.#ofAccount(account)))
    for (const name of carriers.names) {
      const { receiptsWaiting } = await carriers.stats(name)
      if (receiptsWaiting > 0) waits.push(`${name}: ${receiptsWaiting} receipts`)
    }
    return waits.join('; ')
  }

  async #ofAccount(account: Account): Promise<string[]> {
    const { asker, driver } = this.#deps
    const { id, key } = account
    const dropped = await this.#dropped(account)
    const closed = driver.closedOf(id)
    let jobs = -closed.jobs
    for (const state of OPEN_JOBS) {
      for await (const _ of asker.items<JobView>(`/v1/jobs?state=${state}`, key)) jobs++
    }
    const open = { pending: -closed.messages, sent: 0 }
    for await (const { pending, sent } of asker.items<UsageItem>('/v1/usage?by=day', key)) {
      open.pending += pending
      open.sent += sent
    }
    const { backlog } = await asker.get<{ backlog: number }>('/v1/webhooks/main', key)
    if (Math.max(dropped, jobs, open.pending + open.sent, backlog) <= 0) return []
    const messages = `${open.pending} pending, ${open.sent} without receipt, ${backlog} untold`
    return [`${id}: ${messages}, ${dropped} dropped and ${jobs} jobs not over`]
  }

  /** Files whose drop is not over. A file that was claimed is not in the folder any more, and in no job yet. */
  async #dropped({ id, key }: Account): Promise<number> {
    const { asker, driver } = this.#deps
    const dropped = driver.droppedOf(id)
    const over = this.#over.get(id) ?? new Set()
    this.#over.set(id, over)
    if (over.size === dropped.size) return 0
    for await (const { file, state } of asker.items<DropView>('/v1/drops', key)) {
      if (OVER.has(state) && dropped.has(file)) over.add(file)
    }
    return dropped.size - over.size
  }
}
