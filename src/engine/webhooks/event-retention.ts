/**
 * Forgets events that are delivered and too old for a replay. What an endpoint still waits for is kept longer; a disabled
 * one holds nothing back. Main thread.
 */
import type { WebhookEvent } from '../contract/webhook.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import type { EventLog } from '../store/event-log.js'
import type { DropEvents } from './drop-events.js'
import type { EndpointBook } from './endpoint-book.js'
import type { JobEvents } from './job-events.js'

/** Records in one transaction. */
const BATCH = 200

export interface RetentionDeps {
  book: EndpointBook
  log: EventLog
  jobs: JobEvents
  drops: DropEvents
  documents: Documents
  retentionMs: number
}

export class EventRetention {
  readonly #deps: RetentionDeps

  constructor(deps: RetentionDeps) {
    this.#deps = deps
  }

  /** @throws EngineError STORE_FAILED. */
  async run(nowMs: number): Promise<void> {
    const { book, log, jobs, drops, retentionMs } = this.#deps
    const beforeMs = nowMs - retentionMs
    for (const account of new Set([...log.accounts(), ...book.accounts()])) {
      const ask = (event: WebhookEvent) => ({ keep: this.#slowest(account, event), beforeMs, limit: BATCH })
      for (let full = true; full; ) {
        const keys = log.forgettable(account, ask('messages.updated'))
        if (keys.length > 0) await log.forget(keys)
        full = keys.length === BATCH
      }
      await this.#forget(() => jobs.forgettable(account, ask('job.updated')))
      await this.#forget(() => drops.forgettable(account, ask('drop.updated')))
    }
  }

  async #forget(next: () => DocumentWrite[]): Promise<void> {
    for (let full = true; full; ) {
      const writes = next()
      if (writes.length > 0) await this.#deps.documents.write(writes)
      full = writes.length === BATCH
    }
  }

  /** Number of the first event that some endpoint waits for. */
  #slowest(account: number, event: WebhookEvent): number {
    let slowest = Number.MAX_SAFE_INTEGER
    for (const endpoint of this.#deps.book.of(account)) {
      const { disabled, events } = endpoint.record
      if (disabled === null && events.includes(event)) slowest = Math.min(slowest, endpoint.cursor(event))
    }
    return slowest
  }
}
