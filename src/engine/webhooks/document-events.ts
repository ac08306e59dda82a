/**
 * Events that are written one by one into the documents, each in the transaction of the change that it tells of, under
 * [account, number], and read back from there. Main thread.
 */
import type { DocumentKey, Documents, DocumentWrite } from '../store/documents.js'
import type { EventSource, Slice } from './event-source.js'
import type { WebhookRecord } from './webhook-record.js'

const COUNTED = 100_000
const SCANNED = 500

export interface DocumentEvent {
  atMs: number
  /** The entry as its body has it. */
  data: object
}

export interface EventKind<E extends DocumentEvent> {
  collection: string
  /** Entries with the same key are delivered in order. */
  keyOf(event: E): number
  /** The endpoint is told of this one. */
  concerns(endpoint: WebhookRecord, event: E): boolean
}

export class DocumentEvents<E extends DocumentEvent> implements EventSource {
  readonly #documents: Documents
  readonly #kind: EventKind<E>
  readonly #next = new Map<number, number>()

  constructor(documents: Documents, kind: EventKind<E>) {
    this.#documents = documents
    this.#kind = kind
  }

  /** To be handed to `documents.write` in the same turn, since the number is used up. */
  write(account: number, event: E): DocumentWrite {
    const number = this.next(account)
    this.#next.set(account, number + 1)
    return { collection: this.#kind.collection, key: [account, number], value: event }
  }

  next(account: number): number {
    let next = this.#next.get(account)
    if (next === undefined) {
      const [last] = this.#documents.list(this.#kind.collection, { prefix: [account], reverse: true, limit: 1 })
      next = last === undefined ? 1 : (last.key[1] as number) + 1
      this.#next.set(account, next)
    }
    return next
  }

  #list(account: number, from: number, limit: number): { number: number; event: E }[] {
    const query = { prefix: [account], after: [account, from - 1], limit }
    const found = this.#documents.list<E>(this.#kind.collection, query)
    return found.map(({ key, value }) => ({ number: key[1] as number, event: value }))
  }

  waiting(account: number, from: number): number {
    return this.#list(account, from, COUNTED).length
  }

  since(account: number, sinceMs: number): number {
    for (let from = 0; ; ) {
      const events = this.#list(account, from, SCANNED)
      const found = events.find(({ event }) => event.atMs >= sinceMs)
      if (found !== undefined) return found.number
      if (events.length < SCANNED) return this.next(account)
      from = events.at(-1)!.number + 1
    }
  }

  read(endpoint: WebhookRecord, from: number, { until, limit }: { until: number; limit: number }): Slice {
    const slice: Slice = { entries: [], next: from }
    for (const { number, event } of this.#list(endpoint.account, from, SCANNED)) {
      if (number >= until || slice.entries.length === limit) break
      slice.next = number + 1
      if (!this.#kind.concerns(endpoint, event)) continue
      slice.entries.push({ data: event.data, key: this.#kind.keyOf(event), atMs: event.atMs, number })
    }
    return slice
  }

  /** Keys of the oldest events below `keep` from before `beforeMs`; never of the newest, which the next number comes from. */
  forgettable(
    account: number,
    { keep, beforeMs, limit }: { keep: number; beforeMs: number; limit: number },
  ): DocumentWrite[] {
    const last = this.next(account) - 1
    return this.#list(account, 0, limit)
      .filter(({ number, event }) => number < keep && number < last && event.atMs < beforeMs)
      .map(({ number }) => ({
        collection: this.#kind.collection,
        key: [account, number] as DocumentKey,
        value: null,
      }))
  }
}
