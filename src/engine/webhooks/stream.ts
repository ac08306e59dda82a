/**
 * The events of one kind on their way to one endpoint: batches in order of number, several of them under way at once, but
 * never two that hold the same message or job, so that what becomes of each arrives in order. The cursor is the end of
 * what is acknowledged without a gap. Main thread.
 */
import { hash } from 'node:crypto'
import type { WebhookEvent } from '../contract/webhook.js'
import type { EventSource, SourceEntry } from './event-source.js'
import type { WebhookRecord, WebhookState } from './webhook-record.js'

export const ENTRIES_MAX = 100
export const BODY_BYTES_MAX = 64 * 1024
/** How far acknowledged batches may run ahead of one that is not: as much comes again after a kill. */
const AHEAD_MAX = 10_000
/** Of the fields around the entries. */
const FRAME_BYTES = 128

export interface Batch {
  readonly stream: Stream
  /** Numbers that it stands for, whether or not the endpoint wants all of them. */
  readonly first: number
  readonly next: number
  /** '' until its entries were read. */
  id: string
  /** null: they have to be read (again). */
  entries: SourceEntry[] | null
  /** What its entries are kept in order by; stays when the entries go. */
  keys: number[]
  count: number
  newestAtMs: number
  /** 1: under way, 2: acknowledged, 0: to be sent. */
  phase: 0 | 1 | 2
  /** The endpoint's round of tries in which it was sent last. */
  round: number
}

export class Stream {
  readonly event: WebhookEvent
  readonly #source: EventSource
  #endpoint: WebhookRecord
  #cursor: number
  #position: number
  #batches: Batch[] = []
  readonly #held = new Set<number>()

  constructor(event: WebhookEvent, source: EventSource, of: { endpoint: WebhookRecord; state: WebhookState }) {
    this.event = event
    this.#source = source
    this.#endpoint = of.endpoint
    this.#cursor = of.state.cursors[event]
    this.#position = this.#cursor
    for (const end of of.state.ends[event]) this.#append(this.#position, end)
  }

  set endpoint(endpoint: WebhookRecord) {
    this.#endpoint = endpoint
  }

  /** Number of the first event that is not acknowledged. */
  get cursor(): number {
    return this.#cursor
  }
  /** Where the batches end that were made and are not acknowledged without a gap. */
  get ends(): number[] {
    return this.#batches.map(({ next }) => next)
  }
  get backlog(): number {
    return this.#source.waiting(this.#endpoint.account, this.#cursor)
  }
  /** True: some batches of the run before were not looked at yet, so it is not known what they hold. */
  get isRestoring(): boolean {
    return this.#batches.some(({ id, phase }) => id === '' && phase === 0)
  }

  /** Begins anew at this number; what is under way is not waited for. */
  moveTo(number: number): void {
    this.#cursor = number
    this.#position = number
    this.#batches = []
    this.#held.clear()
  }

  /** False: the batch was given up when the stream was moved. */
  has(batch: Batch): boolean {
    return this.#batches.includes(batch)
  }

  #append(first: number, next: number): Batch {
    const batch: Batch = {
      ...{ stream: this, first, next, id: '', entries: null, keys: [], count: 0 },
      ...{ newestAtMs: 0, phase: 0, round: 0 },
    }
    this.#batches.push(batch)
    this.#position = next
    return batch
  }

  /** The oldest batch that is to be sent (again), with its entries; null: none. */
  pending(): Batch | null {
    for (const batch of [...this.#batches]) {
      if (batch.phase !== 0) continue
      if (batch.entries === null) this.#fill(batch)
      if (batch.count > 0) return batch
      this.acknowledge(batch)
    }
    return null
  }

  #fill(batch: Batch): void {
    const span = { until: batch.next, limit: Number.POSITIVE_INFINITY }
    const entries: SourceEntry[] = []
    for (let from = batch.first; from < batch.next; ) {
      const slice = this.#source.read(this.#endpoint, from, span)
      entries.push(...slice.entries)
      if (slice.next === from) break
      from = slice.next
    }
    this.#hold(batch, entries)
  }

  #hold(batch: Batch, entries: SourceEntry[]): void {
    for (const key of batch.keys) this.#held.delete(key)
    batch.entries = entries
    batch.count = entries.length
    batch.keys = entries.map(({ key }) => key)
    batch.newestAtMs = entries.reduce((newest, { atMs }) => Math.max(newest, atMs), 0)
    batch.id = idOf(this.#endpoint, this.event, entries)
    for (const key of batch.keys) this.#held.add(key)
  }

  /** A new batch; null: nothing more is there, or may go now. `isBehind` then says whether to ask again soon. */
  form(): { batch: Batch | null; isBehind: boolean } {
    if (this.#position - this.#cursor >= AHEAD_MAX && this.#batches.length > 0) return { batch: null, isBehind: false }
    // A message that is reported on its own has a request of its own.
    const limit = this.#endpoint.reports === undefined ? ENTRIES_MAX : 1
    const span = { until: Number.MAX_SAFE_INTEGER, limit }
    const { entries, next } = this.#source.read(this.#endpoint, this.#position, span)
    if (next === this.#position) return { batch: null, isBehind: false }
    const taken = this.#fitting(entries)
    const isWhole = taken === entries.length
    if (taken === 0 && !isWhole) return { batch: null, isBehind: false }
    const batch = this.#append(this.#position, isWhole ? next : entries[taken]!.number)
    this.#hold(batch, entries.slice(0, taken))
    if (taken > 0) return { batch, isBehind: true }
    this.acknowledge(batch)
    return { batch: null, isBehind: true }
  }

  /** How many of the entries go into one batch: none that is under way already, and not more than a body holds. */
  #fitting(entries: SourceEntry[]): number {
    let bytes = FRAME_BYTES
    for (const [index, entry] of entries.entries()) {
      if (this.#held.has(entry.key)) return index
      bytes += Buffer.byteLength(jsonOf(entry)) + 1
      if (bytes > BODY_BYTES_MAX && index > 0) return index
    }
    return entries.length
  }

  /** The receiver has it, or it was given up. */
  acknowledge(batch: Batch): void {
    batch.phase = 2
    batch.entries = null
    for (const key of batch.keys) this.#held.delete(key)
    batch.keys = []
    let done = 0
    while (done < this.#batches.length && this.#batches[done]!.phase === 2) this.#cursor = this.#batches[done++]!.next
    if (done > 0) this.#batches.splice(0, done)
  }

  /** It goes again later: only what it stands for is kept meanwhile. */
  putBack(batch: Batch): void {
    batch.phase = 0
    batch.entries = null
  }
}

/** Kept with the entry, since its size is asked before it is sent. */
export function jsonOf(entry: SourceEntry): string {
  entry.json ??= JSON.stringify(entry.data)
  return entry.json
}

/** The same for the same entries, also after a restart, so that a receiver knows what it has. */
function idOf(endpoint: WebhookRecord, event: WebhookEvent, entries: SourceEntry[]): string {
  if (entries.length === 0) return 'none'
  const numbers = `${entries[0]!.number}-${entries.at(-1)!.number}-${entries.length}`
  return `whk_${hash('sha256', `${endpoint.uid} ${event} ${numbers}`, 'hex').slice(0, 32)}`
}
