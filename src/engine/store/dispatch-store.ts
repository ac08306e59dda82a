/**
 * The dispatcher's side of the store: claim blocks from the queue index, commit a batch of outcomes with all that it
 * changes in one transaction, read states back, recover. Dispatcher thread only.
 */
import type { DispatchCounts } from '../contract/store.js'
import { BlockReader } from './block.js'
import { BlockState } from './block-state.js'
import { decodeCounts, encodeCounts } from './counts-record.js'
import type { Entry } from './entry.js'
import type { Environment } from './environment.js'
import { storeFailed } from './lmdb-store.js'
import { eachOutcome } from './outcome-log.js'
import type { SegmentChunk } from './receipt-segments.js'

const ONE = Buffer.from([1])
const INFINITE = Number.POSITIVE_INFINITY

/** A block as the queue index has it. */
export interface QueuedBlock {
  dueSeconds: number
  block: number
  messages: number
}

/** Everything that becomes durable together. Arrays are emptied by the commit. */
export interface Commit {
  log: Buffer | null
  /** Queue keys that were claimed, and the blocks they opened. */
  claimed: number[][]
  opened: number[]
  closed: number[]
  counts: Map<number, DispatchCounts>
  /** States to put; when `truncate`, all log batches up to this one are then superfluous. */
  snapshots: BlockState[]
  truncate: boolean
  awaiting: number[][]
  awaitingDone: number[][]
  orphans: { key: number; bytes: Buffer }[]
  orphansDone: number[]
  inbound: { key: number; bytes: Buffer }[]
  segments: SegmentChunk[]
}

export function emptyCommit(): Commit {
  return {
    log: null,
    claimed: [],
    opened: [],
    closed: [],
    counts: new Map(),
    snapshots: [],
    truncate: false,
    awaiting: [],
    awaitingDone: [],
    orphans: [],
    orphansDone: [],
    inbound: [],
    segments: [],
  }
}

export class DispatchStore {
  readonly environment: Environment
  #sequence: number
  #truncated: number
  #inbound = 0

  constructor(environment: Environment) {
    this.environment = environment
    this.#sequence = 0
    for (const key of environment.log.getKeys({ reverse: true, limit: 1 })) this.#sequence = key as number
    const stored = environment.meta.getBinary('logSequence')
    if (stored !== undefined) this.#sequence = Math.max(this.#sequence, stored.readDoubleLE(0))
    for (const key of environment.inbound.getKeys({ reverse: true, limit: 1 })) this.#inbound = key as number
    this.#truncated = 0
    for (const key of environment.log.getKeys({ limit: 1 })) this.#truncated = (key as number) - 1
  }

  /** A fresh key for a subscriber's message. */
  nextInbound(): number {
    return ++this.#inbound
  }

  /** Sequence of the last batch handed to `commit`. */
  get sequence(): number {
    return this.#sequence
  }

  /**
   * The next blocks of (job, route) in order of due time behind `after`, due at `nowSeconds` or before. Reads committed
   * state: the caller remembers what it claimed since.
   */
  queued(job: number, route: number, after: QueuedBlock | null, nowSeconds: number, limit: number): QueuedBlock[] {
    const start = after === null ? [job, route] : [job, route, after.dueSeconds, after.block + 1]
    const found: QueuedBlock[] = []
    const range = { start, end: [job, route, nowSeconds, INFINITE], limit }
    for (const { key, value } of this.environment.queue.getRange(range)) {
      found.push({ dueSeconds: key[2]!, block: key[3]!, messages: value.readUInt16LE(0) })
    }
    return found
  }

  /** Earliest due time behind `nowSeconds` of (job, route); Infinity when nothing waits. */
  nextDue(job: number, route: number, nowSeconds: number): number {
    for (const key of this.environment.queue.getKeys({
      start: [job, route, nowSeconds, INFINITE],
      end: [job, route, INFINITE],
      limit: 1,
    })) {
      return key[2]!
    }
    return INFINITE
  }

  /** Messages of the job in blocks due after `nowSeconds`. */
  scheduledMessages(job: number, routes: number[], nowSeconds: number): number {
    let messages = 0
    for (const route of routes) {
      const range = { start: [job, route, nowSeconds, INFINITE], end: [job, route, INFINITE] }
      for (const { value } of this.environment.queue.getRange(range)) messages += value.readUInt16LE(0)
    }
    return messages
  }

  routes(job: number): number[] {
    const routes: number[] = []
    for (let from = 0; ; ) {
      const [key] = [...this.environment.queue.getKeys({ start: [job, from], end: [job, INFINITE], limit: 1 })]
      if (key === undefined) return routes
      routes.push(key[1]!)
      from = key[1]! + 1
    }
  }

  /** All queue keys of a job with their message counts: for cancel. */
  *queueOf(job: number): Iterable<{ key: number[]; messages: number }> {
    for (const { key, value } of this.environment.queue.getRange({ start: [job], end: [job, INFINITE] })) {
      yield { key, messages: value.readUInt16LE(0) }
    }
  }

  /** null: gone or damaged beyond its head. */
  block(block: number): BlockReader | null {
    const bytes = this.environment.blocks.getBinary(block)
    if (bytes === undefined) return null
    const reader = new BlockReader(bytes)
    return reader.intact ? reader : null
  }
  marks(block: number): Buffer | null {
    return this.environment.marks.getBinary(block) ?? null
  }
  /** @throws EngineError STORE_CORRUPT. */
  state(block: number): BlockState | null {
    const bytes = this.environment.states.getBinary(block)
    return bytes === undefined ? null : BlockState.decode(block, bytes)
  }
  counts(job: number): DispatchCounts | null {
    const bytes = this.environment.counts.getBinary(job)
    return bytes === undefined ? null : decodeCounts(bytes)
  }
  openBlocks(): Iterable<number> {
    return this.environment.open.getKeys() as Iterable<number>
  }
  /** Blocks whose receipts should have come by `nowSeconds`. */
  overdue(nowSeconds: number, limit: number): number[][] {
    return [...this.environment.awaiting.getKeys({ start: [0], end: [nowSeconds], limit })]
  }

  /** One transaction; resolves with its sequence when it is on disk. @throws EngineError STORE_FAILED. */
  async commit(commit: Commit): Promise<number> {
    const sequence = ++this.#sequence
    for (const state of commit.snapshots) state.sequence = sequence
    try {
      await this.environment.root.batch(() => {
        this.#put(sequence, commit)
      })
    } catch (error) {
      throw storeFailed(error)
    }
    return sequence
  }

  #put(sequence: number, commit: Commit): void {
    const e = this.environment
    if (commit.log !== null) e.log.put(sequence, commit.log)
    for (const key of commit.claimed) e.queue.remove(key)
    for (const block of commit.opened) e.open.put(block, ONE)
    for (const block of commit.closed) e.open.remove(block)
    for (const [job, counts] of commit.counts) e.counts.put(job, encodeCounts(counts))
    for (const state of commit.snapshots) e.states.put(state.block, state.encode())
    for (const key of commit.awaiting) e.awaiting.put(key, ONE)
    for (const key of commit.awaitingDone) e.awaiting.remove(key)
    for (const { key, bytes } of commit.orphans) e.orphans.put(key, bytes)
    for (const key of commit.orphansDone) e.orphans.remove(key)
    for (const { key, bytes } of commit.inbound) e.inbound.put(key, bytes)
    for (const { key, bytes } of commit.segments) e.segments.put(key, bytes)
    if (commit.truncate) this.#truncate(sequence)
  }

  #truncate(sequence: number): void {
    for (let old = this.#truncated + 1; old <= sequence; old++) this.environment.log.remove(old)
    this.#truncated = sequence
    const bytes = Buffer.allocUnsafeSlow(8)
    bytes.writeDoubleLE(sequence)
    this.environment.meta.put('logSequence', bytes)
  }

  /** Replays the log: each entry with its block and the sequence of its batch. @throws EngineError STORE_CORRUPT. */
  replay(see: (sequence: number, block: number, entry: Entry) => void): void {
    for (const { key, value } of this.environment.log.getRange({})) {
      eachOutcome(value, (block, entry) => {
        see(key as number, block, entry)
      })
    }
  }
}
