/** Where the events of one kind come from: numbered by account, in order, on disk. Main thread. */
import type { WebhookRecord } from './webhook-record.js'

export interface SourceEntry {
  /** The entry as its body has it. */
  data: object
  /** The same as text, once it was needed. */
  json?: string
  /** Entries with the same key are delivered in order: a message's ref, a job's number. */
  key: number
  atMs: number
  number: number
}

export interface Slice {
  entries: SourceEntry[]
  /** Number behind the last that was looked at. */
  next: number
}

export interface EventSource {
  /** Number of the event that happens next. */
  next(account: number): number
  /** Entries from `from` on, counted before any filter. */
  waiting(account: number, from: number): number
  /** Number of the first entry that is kept and happened at `sinceMs` or later. */
  since(account: number, sinceMs: number): number
  /** What `endpoint` wants of the numbers from `from` to below `until`; `limit` entries at most, and not too many looked at. */
  read(endpoint: WebhookRecord, from: number, span: { until: number; limit: number }): Slice
}
