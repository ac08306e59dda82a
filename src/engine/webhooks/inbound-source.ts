/** Entries of inbound.received: the list of subscribers' messages, by the account that they were routed to. Main thread. */
import type { InboundUpdate } from '../contract/webhook.js'
import type { InboundStore } from '../store/inbound-store.js'
import type { EventSource, Slice } from './event-source.js'
import type { WebhookRecord } from './webhook-record.js'

/** A backlog is counted up to here. */
const COUNTED = 100_000
const SCANNED = 1_000

export class InboundSource implements EventSource {
  readonly #store: InboundStore
  /** As the API shows it to the account; null: forgotten or damaged. */
  readonly #view: (accountId: string, number: number) => InboundUpdate | null

  constructor(store: InboundStore, view: (accountId: string, number: number) => InboundUpdate | null) {
    this.#store = store
    this.#view = view
  }

  next(): number {
    return this.#store.nextNumber
  }
  waiting(account: number, from: number): number {
    return this.#store.numbersOf(account, from, COUNTED).length
  }

  since(account: number, sinceMs: number): number {
    let next = this.#store.nextNumber
    for (let before = next; ; before = next) {
      const items = this.#store.newestOf(account, before, SCANNED)
      for (const { number, item } of items) {
        if (item !== null && item.receivedAtMs < sinceMs) return next
        next = number
      }
      if (items.length < SCANNED) return next
    }
  }

  read(endpoint: WebhookRecord, from: number, { until, limit }: { until: number; limit: number }): Slice {
    const slice: Slice = { entries: [], next: from }
    // Jobs have no messages of subscribers.
    if (endpoint.isCallback) return { entries: [], next: Math.max(from, Math.min(until, this.next())) }
    for (const number of this.#store.numbersOf(endpoint.account, from, limit)) {
      if (number >= until) break
      slice.next = number + 1
      const data = this.#view(endpoint.accountId, number)
      if (data !== null) slice.entries.push({ data, key: number, atMs: Date.parse(data.receivedAt), number })
    }
    return slice
  }
}
