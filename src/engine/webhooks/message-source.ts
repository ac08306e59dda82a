/** Entries of messages.updated: the events that the dispatcher wrote, filled in from blocks, jobs and extras. Main thread. */
import { readCallFacts } from '../base/call-facts.js'
import { readCarrierStatus } from '../base/carrier-status.js'
import { jobId, messageId } from '../contract/ids.js'
import { blockOf, CHANNELS, placeOf, STATES, type StateName } from '../contract/message.js'
import { reasonCode } from '../contract/reasons.js'
import type { MessageUpdate } from '../contract/webhook.js'
import { callView } from '../messages/call-view.js'
import { BlockReader } from '../store/block.js'
import type { Environment } from '../store/environment.js'
import type { EventLog, MessageEvent } from '../store/event-log.js'
import { readExtras } from '../store/extras.js'
import { originOf } from './callbacks.js'
import type { EventSource, Slice } from './event-source.js'
import type { KnownJobs } from './job-facts.js'
import { isReported, type MessageReport } from './message-report.js'
import type { WebhookRecord } from './webhook-record.js'

/** Looked at for one batch, so that a narrow filter does not hold the thread. */
const LOOKED_AT = 2_000
const AT_ONCE = 128
const BLOCKS_KEPT = 64

export interface MessageSourceDeps {
  log: EventLog
  jobs: KnownJobs
  environment: Environment
  block(block: number): Buffer | null
  marks(block: number): Buffer | null
  /** By number of the carrier dictionary; undefined: none. */
  carrier(number: number): string | undefined
}

interface KnownBlock {
  /** null: gone or damaged. */
  reader: BlockReader | null
  marks: Buffer | null
}

export class MessageSource implements EventSource {
  readonly #deps: MessageSourceDeps
  readonly #blocks = new Map<number, KnownBlock>()

  constructor(deps: MessageSourceDeps) {
    this.#deps = deps
  }

  next(account: number): number {
    return this.#deps.log.next(account)
  }
  waiting(account: number, from: number): number {
    return Math.max(0, this.next(account) - Math.max(from, this.#deps.log.oldest(account)))
  }
  since(account: number, sinceMs: number): number {
    return this.#deps.log.since(account, sinceMs)
  }

  read(endpoint: WebhookRecord, from: number, { until, limit }: { until: number; limit: number }): Slice {
    const slice: Slice = { entries: [], next: from }
    for (let looked = 0; looked < LOOKED_AT && slice.entries.length < limit; looked += AT_ONCE) {
      const events = this.#deps.log.read(endpoint.account, slice.next, Math.min(AT_ONCE, until - slice.next))
      this.#collect(endpoint, events, { slice, limit })
      if (events.length < AT_ONCE) break
    }
    return slice
  }

  #collect(endpoint: WebhookRecord, events: MessageEvent[], into: { slice: Slice; limit: number }): void {
    const { slice, limit } = into
    for (const event of events) {
      if (slice.entries.length === limit) return
      slice.next = event.number + 1
      const data = this.#entry(endpoint, event)
      if (data !== null) slice.entries.push({ data, key: event.ref, atMs: event.atMs, number: event.number })
    }
  }

  /** null: not for this endpoint. */
  #entry(endpoint: WebhookRecord, event: MessageEvent): MessageUpdate | MessageReport | null {
    if (endpoint.reports === undefined) return this.#update(endpoint, event)
    const { callback } = readExtras(this.#deps.environment, event.ref)
    if (callback?.format !== endpoint.reports || originOf(callback.url) !== endpoint.url) return null
    const update = this.#update(endpoint, event)
    if (update === null) return null
    const report = { callback, account: endpoint.accountId, update }
    return isReported(report) ? report : null
  }

  #update(endpoint: WebhookRecord, event: MessageEvent): MessageUpdate | null {
    const state = STATES[event.state] as StateName
    if (endpoint.states !== null && !endpoint.states.includes(state)) return null
    const { reader, marks } = this.#block(blockOf(event.ref))
    const place = placeOf(event.ref)
    // A block that ended as a whole has no event of its own for duplicates, which were never accepted.
    if (marks !== null && (marks[place >> 3]! & (1 << (place & 7))) !== 0) return null
    const facts = reader === null ? null : this.#deps.jobs.facts(reader.job)
    if (endpoint.isCallback && facts?.callbackUrl !== endpoint.url) return null
    const call = readCallFacts(event.error)
    const isReadable = reader !== null && reader.verified(place) >= 0
    const extras = readExtras(this.#deps.environment, event.ref)
    return {
      id: messageId(event.ref),
      job: reader === null || facts!.singles ? null : jobId(reader.job),
      state,
      reason: event.reason === 0 ? null : reasonCode(event.reason),
      final: event.isFinal,
      to: isReadable ? reader.recipient(place) : null,
      from: reader?.from ?? null,
      channel: isReadable ? (CHANNELS[reader.facts(place).channel] ?? 'sms') : null,
      parts: isReadable ? reader.partCount(place) : null,
      carrier: this.#deps.carrier(event.carrier) ?? null,
      status: event.status === 0 ? null : (readCarrierStatus(event.status)?.code ?? event.status),
      error: event.error === '' || call !== null ? null : event.error,
      voice: call === null ? null : callView(call),
      clientReference: extras.clientReference ?? facts?.clientReference ?? null,
      tags: facts?.tags ?? [],
      at: new Date(event.atMs).toISOString(),
    }
  }

  #block(block: number): KnownBlock {
    const known = this.#blocks.get(block)
    if (known !== undefined) return known
    const bytes = this.#deps.block(block)
    const reader = bytes === null ? null : new BlockReader(bytes)
    const found = { reader: reader?.intact === true ? reader : null, marks: this.#deps.marks(block) }
    this.#blocks.set(block, found)
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= BLOCKS_KEPT) break
      this.#blocks.delete(oldest)
    }
    return found
  }
}
