/**
 * The store port, from the caller's side and in batches: StoreReader for everyone, AppendStore for ingest and the main
 * thread, DispatchQueue for the dispatcher. LMDB implements it; a broker could: blocks are work items, a claim is a lease,
 * a commit is a checkpoint with its log entry. test/store-conformance.ts holds what every implementation must do.
 *
 * Every write verb resolves (or returns) only when it is durable against power loss. A failed write throws or rejects
 * with STORE_FAILED and the process must stop.
 */
import type { NewExtras } from './extras.js'
import type { ChannelName, CodingName } from './message.js'

/** Where a finished block goes: the queue index orders by (job, route, due, block). */
export interface SealedBlock {
  block: number
  job: number
  /** Route number from the durable route dictionary. */
  route: number
  /** Earliest due time of its messages, epoch seconds; 0 = at once. */
  dueSeconds: number
  messages: number
  /** What its messages cost altogether, in millionths; absent: nothing. */
  micros?: number
  bytes: Buffer
}

/** Accepted rows that are alike in all that the cost depends on. */
export interface RowKind {
  /** ISO 3166; '' = a network of no country, such as +882. */
  country: string
  channel: ChannelName
  encoding: CodingName
  /** Of one part, in millionths of the account's currency; null: the account has no price for it. */
  partPrice: number | null
  /** Prefix of the account's quotas that counts them; absent or '': none. */
  quotaPrefix?: string
  rows: number
  parts: number
}

/** What the rows of a range, or of a whole job, came to beyond the plain counts. Sums of tallies: engine/jobs/tally.ts. */
export interface Tally {
  /** Rejected and suppressed rows by reason code; duplicates only in the tally of a whole job. */
  reasons: Record<string, number>
  /** An entry of a range's run names its kind by its place here. */
  kinds: RowKind[]
  /** Counts by code of contract/findings.ts: what the sender should know of rows that were not rejected. */
  findings: Record<string, number>
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
  /** Duplicates are still in it, as they are in `accepted`. */
  tally: Tally
}

export interface Append {
  job: number
  blocks: SealedBlock[]
  /** Absent for messages that come one by one. */
  range: RangeRecord | null
  /** Of messages in these blocks; absent: none has any. */
  extras?: NewExtras[]
}

/** A small record that becomes durable in the same transaction as the messages that it is about. */
export interface Note {
  key: string
  value: Buffer
}

/** A record of automatic events, beside the messages that are made of them; null removes it. */
export interface RuleEventWrite {
  table: 'ruleEvents' | 'ruleEventOrder' | 'ruleEventWork' | 'ruleEventEnds'
  key: (string | number)[]
  value: Buffer | null
}

/** What may stand in the transaction of messages. */
export type BesideMessages = Note | RuleEventWrite

/** A record of money or usage, which the main thread writes beside what it is about; null removes it. */
export type MoneyWrite =
  | { table: 'money' | 'holds' | 'folded'; key: number; value: Buffer | null }
  | { table: 'fold'; key: number[]; value: null }
  | { table: 'usage'; key: (number | string)[]; value: Buffer }

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

/** Append side: ingest threads and the main thread. */
export interface AppendStore extends StoreReader {
  /** One transaction, durable on return; holds the calling thread. */
  append(append: Append): void
  /** All of it in one transaction without holding the thread: messages that came one by one, notes and money about them. */
  appendLater(appends: Append[], notes: BesideMessages[], money?: MoneyWrite[]): Promise<void>
  /** Durable on return; called before the first message of the job may be claimed. Idempotent. */
  putMarks(marks: DuplicateMarks[]): void
  /** Takes back what a job appended from range `from` on. Idempotent. */
  discard(job: number, from?: number): void
  close(): Promise<void>
}

/** A block as the queue index has it. */
export interface QueuedBlock {
  dueSeconds: number
  block: number
  messages: number
  /** Its due time as it was appended, where it waits for hours in its recipients' zone. */
  ownSeconds?: number
}

/** An unclaimed block that is due at another time from now on. */
export interface MovedBlock {
  /** Queue key that it stands under. */
  key: number[]
  dueSeconds: number
  /** Its due time as it was appended. */
  ownSeconds: number
  messages: number
}

/** State of one block to be put; `sequence` is set to that of the commit. */
export interface BlockSnapshot {
  readonly block: number
  sequence: number
  /** The bytes, in a buffer that `allocate` gives for them alone. */
  encode(allocate: (size: number) => Buffer): Buffer
}

export interface KeyedBytes {
  key: number
  bytes: Buffer
}

/** Which message was the last from a sender to a recipient, see store/talk-index.ts. */
export interface TalksCommit {
  /** Entered since the commit before; null: none. */
  log: Buffer | null
  /** Chunks of new segments, and keys of chunks that are forgotten. */
  puts: { key: number[]; bytes: Buffer }[]
  gone: number[][]
  /** What earlier commits logged stands in segments now, or in `log`. */
  supersedes: boolean
}

/** Everything that becomes durable together. */
export interface Commit {
  log: Buffer | null
  /** Queue keys (job, route, due, block) that were claimed, and the blocks they opened, each with its job. */
  claimed: number[][]
  /** Unclaimed blocks that have fewer messages to send than before. */
  requeued: { key: number[]; messages: number; ownSeconds?: number }[]
  /** In this order, and before `requeued` and `claimed`. */
  moved: MovedBlock[]
  opened: { block: number; job: number }[]
  closed: number[]
  counts: Map<number, DispatchCounts>
  /** States to put; when `truncate`, all log batches up to this one are then superfluous. */
  snapshots: BlockSnapshot[]
  truncate: boolean
  /** (deadline s, block) by which receipts should have come. */
  awaiting: number[][]
  awaitingDone: number[][]
  /** (until s, block): closed blocks with messages that ended as `sent`; their receipts may still come. */
  late: number[][]
  lateDone: number[][]
  orphans: KeyedBytes[]
  orphansDone: number[]
  inbound: KeyedBytes[]
  talks: TalksCommit | null
  /** Damaged blocks, for money: they never have a state. */
  lost: { block: number; job: number }[]
  /** Small facts, by name. */
  notes: Note[]
  segments: { key: number[]; bytes: Buffer }[]
  /** Message events for webhooks: [account, number of the first] → record, see store/event-log.ts. */
  events: { key: number[]; bytes: Buffer }[]
}

/** The dispatcher's side. Reads see what is committed: the caller remembers what it claimed since. */
export interface DispatchQueue extends Pick<StoreReader, 'block' | 'marks' | 'state' | 'counts'> {
  /** Sequence of the last batch handed to `commit`. */
  readonly sequence: number
  /** Routes for which the job has unclaimed blocks. */
  routes(job: number): number[]
  /** Unclaimed blocks of (job, route) due at `nowSeconds` or before, in order of (due, block). */
  queued(job: number, route: number, nowSeconds: number, limit: number): QueuedBlock[]
  /** Earliest due time of (job, route) behind `nowSeconds`, epoch seconds; Infinity when nothing waits. */
  nextDue(job: number, route: number, nowSeconds: number): number
  /** All unclaimed blocks of a job with their queue keys. */
  queueOf(job: number, afterSeconds?: number): Iterable<{ key: number[]; messages: number; ownSeconds?: number }>
  /** One transaction; resolves with its sequence when it is on disk. */
  commit(commit: Commit): Promise<number>
  /** Blocks with messages that are claimed and not final; of all jobs, or of one. */
  openBlocks(job?: number): Iterable<number>
  /** Queue-like keys of blocks whose receipts should have come by `nowSeconds`. */
  overdue(nowSeconds: number, limit: number): number[][]
  /** Closed blocks for which receipts may still come, each perhaps more than once. */
  lateBlocks(): Iterable<number>
  /** Their keys that are over by `nowSeconds`. */
  lateOver(nowSeconds: number, limit: number): number[][]
  /** Log batches that no snapshot stands for yet, in order. */
  replay(see: (sequence: number, batch: Buffer) => void): void
}
