/**
 * What the engine tells webhooks, and when they work: events that became durable, jobs that changed, callbacks that jobs
 * ask for, time that passed. Main thread.
 */
import type { Clock } from '../contract/clock.js'
import type { DropRecord } from '../contract/drop-keeper.js'
import type { DropView } from '../contract/drops.js'
import type { MessageCallback } from '../contract/extras.js'
import type { Counts } from '../contract/job.js'
import type { WebhookEvent } from '../contract/webhook.js'
import type { JobRecord } from '../jobs/job-record.js'
import type { DocumentWrite } from '../store/documents.js'
import type { EventLog } from '../store/event-log.js'
import type { Callbacks } from './callbacks.js'
import type { Deliveries } from './deliveries.js'
import type { DropEvents } from './drop-events.js'
import type { EndpointBook } from './endpoint-book.js'
import type { EventRetention } from './event-retention.js'
import { type JobEvents, jobUpdate } from './job-events.js'

const SWEEP_EVERY_MS = 60_000
/** How long deliveries under way may take when the engine stops. */
const GRACE_MS = 1_000

export interface WebhookDeskDeps {
  book: EndpointBook
  callbacks: Callbacks
  deliveries: Deliveries
  retention: EventRetention
  jobs: JobEvents
  drops: DropEvents
  log: EventLog
  clock: Clock
  counts(record: JobRecord): Counts
  /** false: it was deleted. */
  isAccount(account: number): boolean
  remove(writes: DocumentWrite[]): Promise<void>
  fail(error: unknown): void
}

export class WebhookDesk {
  readonly #deps: WebhookDeskDeps
  #sweepAtMs = 0
  #sweeping: Promise<void> = Promise.resolve()

  constructor(deps: WebhookDeskDeps) {
    this.#deps = deps
  }

  /** Accounts whose message events the dispatcher writes. */
  eventAccounts(): number[] {
    return this.#deps.book.eventAccounts()
  }

  /** Message events of these accounts are durable. */
  eventsOf(accounts: number[]): void {
    this.#deps.log.refresh()
    for (const account of accounts) this.#wake(account, 'messages.updated')
  }

  /** A subscriber's message was listed for this account. */
  inboundOf(account: number): void {
    this.#wake(account, 'inbound.received')
  }

  #wake(account: number, event: WebhookEvent): void {
    const { book, deliveries } = this.#deps
    for (const endpoint of book.of(account)) if (endpoint.record.events.includes(event)) deliveries.serve([endpoint])
  }

  /** What goes into the transaction of a job's change; the write must follow in the same turn. */
  readonly jobWrites = (before: JobRecord | null, next: JobRecord): DocumentWrite[] => {
    const isNews = before === null || before.state !== next.state || before.reason !== next.reason
    if (next.singles || !isNews || !this.#wantsJob(next)) return []
    const { jobs, clock, counts } = this.#deps
    const nowMs = clock.now()
    return [jobs.writeFor(next, jobUpdate(next, counts(next), nowMs), nowMs)]
  }

  #wantsJob({ account, settings }: JobRecord): boolean {
    for (const { record } of this.#deps.book.of(account)) {
      if (!record.events.includes('job.updated')) continue
      if (!record.isCallback || record.url === settings.callbackUrl) return true
    }
    return false
  }

  /** That transaction is on disk. */
  readonly jobWritten = ({ account }: JobRecord): void => this.#wake(account, 'job.updated')

  /** What goes into the transaction that closes the record of a dropped file. */
  dropWrites(record: DropRecord, view: DropView): DocumentWrite[] {
    const { book, clock, drops } = this.#deps
    return book.wants(record.account, 'drop.updated') ? [drops.writeFor(record, view, clock.now())] : []
  }

  /** That transaction is on disk. */
  dropWritten(account: number): void {
    this.#wake(account, 'drop.updated')
  }

  /** @throws EngineError VALIDATION. */
  async callback(account: { number: number; id: string }, url: string | undefined): Promise<void> {
    if (url !== undefined) await this.#deps.callbacks.ensure(account, url)
  }

  /** @throws EngineError VALIDATION. */
  async report(account: { number: number; id: string }, callback: MessageCallback): Promise<void> {
    await this.#deps.callbacks.ensureReports(account, callback)
  }

  /** An account was changed or deleted. */
  accountChanged(account: number): void {
    const { book, isAccount, remove, fail } = this.#deps
    if (isAccount(account)) return
    const writes = [...book.of(account)].flatMap((endpoint) => book.remove(endpoint))
    if (writes.length > 0) remove(writes).catch(fail)
  }

  /** Entries that wait to be delivered, over all endpoints. */
  backlog(): number {
    let backlog = 0
    for (const endpoint of this.#deps.book.all()) backlog += endpoint.backlog
    return backlog
  }

  /** A few times a second. */
  tick(): void {
    const { deliveries, clock, fail } = this.#deps
    deliveries.tick()
    const nowMs = clock.now()
    if (nowMs < this.#sweepAtMs) return
    this.#sweepAtMs = nowMs + SWEEP_EVERY_MS
    this.#sweeping = this.#sweeping.then(() => this.#sweep(nowMs)).catch(fail)
  }

  async #sweep(nowMs: number): Promise<void> {
    await this.#deps.callbacks.sweep()
    await this.#deps.retention.run(nowMs)
  }

  async stop(): Promise<void> {
    await this.#deps.deliveries.stop(GRACE_MS)
    await this.#sweeping
  }
}
