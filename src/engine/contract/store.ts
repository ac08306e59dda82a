/**
 * The store port: ten verbs, in batches, from the caller's side. LMDB implements it; a broker could: blocks are work
 * items, claims are leases, settle is a checkpoint with its log entry.
 *
 * Every write verb resolves (or returns) only when it is durable against power loss. A failed write rejects with
 * STORE_FAILED and the process must stop.
 */

/** Where a finished block goes: the queue index orders by (job, route, due, block). */
export interface SealedBlock {
  block: number
  job: number
  /** Route number from the durable route dictionary. */
  route: number
  /** Earliest due time of its messages, epoch seconds; 0 = at once. */
  dueSeconds: number
  messages: number
  bytes: Buffer
}

/** What one byte range of a job's file came to. Written in the same transaction as its blocks. */
export interface RangeRecord {
  /** Range number from 0; ranges follow each other without gap. */
  range: number
  start: number
  end: number
  /** Lines in the range: line numbers of later ranges are sums of these. */
  lines: number
  records: number
  skipped: number
  expanded: number
  rows: number
  accepted: number
  rejected: number
  suppressed: number
  parts: number
  /** Messages whose due time lies after their ingest. */
  scheduled: number
  /** Numbers of the blocks that this range appended, ascending. */
  blocks: number[]
  /** Rejected and suppressed rows, REJECT_BYTES each, see ingest/rejects.ts. */
  rejects: Buffer
  /** Sorted duplicate-index run of this range, see ingest/duplicates.ts; empty when not deduplicating. */
  run: Buffer
}

export interface Append {
  job: number
  blocks: SealedBlock[]
  /** Absent for messages that come one by one. */
  range: RangeRecord | null
}

/** A bitmap (32 octets) of the places in a block that duplicate detection takes out. */
export interface DuplicateMarks {
  block: number
  bitmap: Buffer
}

/** Totals of a job's dispatch: one record per job, replaced whole in the transaction of the log batch it stands for. */
export interface DispatchCounts {
  /** By state number (queued … unknown). `queued` is kept by difference. */
  states: Float64Array
  partsSent: number
  /** Messages in state sent of which nothing more is expected. */
  sentFinal: number
  /** Messages of unclaimed blocks that a cancel took out at one stroke; 0 until then. */
  canceledUnclaimed: number
}

/** Read side that every thread may use. Buffers are copies that the caller owns. */
export interface StoreReader {
  block(block: number): Buffer | null
  marks(block: number): Buffer | null
  /** Stored state of a block (may lag behind the log by one snapshot); null = never claimed. */
  state(block: number): Buffer | null
  ranges(job: number, from?: number): Iterable<RangeRecord>
  /** Numbers of the blocks that singles of a job appended, ascending; file jobs list theirs in ranges. */
  looseBlocks(job: number, fromBlock?: number): Iterable<number>
  counts(job: number): DispatchCounts | null
}
