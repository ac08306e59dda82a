/**
 * The dispatcher's side of the store: claim blocks from the queue index, commit a batch of outcomes with all that it
 * changes in one transaction, read states back, recover. Dispatcher thread only.
 */

import { BufferPool } from '../base/buffer-pool.js'
import { crashPoint } from '../base/crash-point.js'
import type { Commit, DispatchCounts, DispatchQueue, QueuedBlock } from '../contract/store.js'
import { decodeCounts, encodeCounts } from './counts-record.js'
import type { Environment } from './environment.js'
import { storeFailed } from './lmdb-store.js'
import { TalkWriter } from './talk-writer.js'

const ONE = Buffer.from([1])
const NOTHING = Buffer.alloc(0)
const SLAB_BYTES = 1 << 20
const INFINITE = Number.POSITIVE_INFINITY

export function emptyCommit(): Commit {
  return {
    log: null,
    claimed: [],
    requeued: [],
    moved: [],
    opened: [],
    closed: [],
    counts: new Map(),
    snapshots: [],
    truncate: false,
    awaiting: [],
    awaitingDone: [],
    late: [],
    lateDone: [],
    orphans: [],
    orphansDone: [],
    inbound: [],
    talks: null,
    lost: [],
    notes: [],
    segments: [],
    events: [],
  }
}

function jobBytes(job: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(8)
  bytes.writeDoubleLE(job)
  return bytes
}

/** Value of a queue key: u16 messages, and of a block that waits under another due time than its own u32 that one. */
function queueBytes(messages: number, ownSeconds?: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(ownSeconds === undefined ? 2 : 6)
  bytes.writeUInt16LE(messages)
  if (ownSeconds !== undefined) bytes.writeUInt32LE(ownSeconds, 2)
  return bytes
}

function ownSecondsOf(value: Buffer): number | undefined {
  return value.length < 6 ? undefined : value.readUInt32LE(2)
}

/** Snapshots of a commit lie end to end in slabs, which are used again when it is on disk. */
function slabAllocator(pool: BufferPool, slabs: Buffer[]): (size: number) => Buffer {
  let used = SLAB_BYTES
  return (size) => {
    if (size > SLAB_BYTES) return Buffer.allocUnsafeSlow(size)
    if (used + size > SLAB_BYTES) {
      slabs.push(pool.take(SLAB_BYTES))
      used = 0
    }
    const start = used
    used += size
    return slabs.at(-1)!.subarray(start, used)
  }
}

export class DispatchStore implements DispatchQueue {
  readonly environment: Environment
  #sequence: number
  #truncated: number
  #inbound = 0
  readonly #talks: TalkWriter
  readonly #slabs = new BufferPool({ keptBytes: 16 * SLAB_BYTES })

  constructor(environment: Environment) {
    this.environment = environment
    this.#talks = new TalkWriter(environment)
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

  get sequence(): number {
    return this.#sequence
  }

  queued(job: number, route: number, nowSeconds: number, limit: number): QueuedBlock[] {
    const found: QueuedBlock[] = []
    const range = { start: [job, route], end: [job, route, nowSeconds, INFINITE], limit }
    for (const { key, value } of this.environment.queue.getRange(range)) {
      const [, , dueSeconds, block] = key as [number, number, number, number]
      found.push({ dueSeconds, block, messages: value.readUInt16LE(0), ownSeconds: ownSecondsOf(value) })
    }
    return found
  }

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

  routes(job: number): number[] {
    const routes: number[] = []
    for (let from = 0; ; ) {
      const [key] = [...this.environment.queue.getKeys({ start: [job, from], end: [job, INFINITE], limit: 1 })]
      if (key === undefined) return routes
      routes.push(key[1]!)
      from = key[1]! + 1
    }
  }

  *queueOf(job: number, afterSeconds?: number): Iterable<{ key: number[]; messages: number; ownSeconds?: number }> {
    for (const route of afterSeconds === undefined ? [0] : this.routes(job)) {
      const start = afterSeconds === undefined ? [job] : [job, route, afterSeconds, INFINITE]
      const end = afterSeconds === undefined ? [job, INFINITE] : [job, route, INFINITE]
      for (const { key, value } of this.environment.queue.getRange({ start, end })) {
        yield { key, messages: value.readUInt16LE(0), ownSeconds: ownSecondsOf(value) }
      }
    }
  }

  block(block: number): Buffer | null {
    return this.environment.blocks.getBinary(block) ?? null
  }
  marks(block: number): Buffer | null {
    return this.environment.marks.getBinary(block) ?? null
  }
  state(block: number): Buffer | null {
    return this.environment.states.getBinary(block) ?? null
  }
  counts(job: number): DispatchCounts | null {
    const bytes = this.environment.counts.getBinary(job)
    return bytes === undefined ? null : decodeCounts(bytes)
  }
  *openBlocks(job?: number): Iterable<number> {
    for (const { key, value } of this.environment.open.getRange({})) {
      if (job === undefined || value.readDoubleLE(0) === job) yield key as number
    }
  }
  overdue(nowSeconds: number, limit: number): number[][] {
    return [...this.environment.awaiting.getKeys({ start: [0], end: [nowSeconds, INFINITE], limit })]
  }

  *lateBlocks(): Iterable<number> {
    for (const key of this.environment.late.getKeys({})) yield key[1]!
  }
  lateOver(nowSeconds: number, limit: number): number[][] {
    return [...this.environment.late.getKeys({ start: [0], end: [nowSeconds, INFINITE], limit })]
  }

  async commit(commit: Commit): Promise<number> {
    const sequence = ++this.#sequence
    const slabs: Buffer[] = []
    for (const state of commit.snapshots) state.sequence = sequence
    try {
      await this.environment.root.batch(() => {
        this.#put(sequence, commit, slabs)
        crashPoint('commit-written')
      })
    } catch (error) {
      throw storeFailed(error)
    }
    crashPoint('commit-stored')
    for (const slab of slabs) this.#slabs.give(slab)
    return sequence
  }

  #put(sequence: number, commit: Commit, slabs: Buffer[]): void {
    const e = this.environment
    const allocate = slabAllocator(this.#slabs, slabs)
    if (commit.log !== null) e.log.put(sequence, commit.log)
    for (const { key, dueSeconds, ownSeconds, messages } of commit.moved) {
      const own = dueSeconds === ownSeconds ? undefined : ownSeconds
      e.queue.remove(key)
      e.queue.put([key[0]!, key[1]!, dueSeconds, key[3]!], queueBytes(messages, own))
    }
    // Before the claims: a block may be claimed in the commit in which it lost a message.
    for (const { key, messages, ownSeconds } of commit.requeued) e.queue.put(key, queueBytes(messages, ownSeconds))
    for (const key of commit.claimed) e.queue.remove(key)
    for (const { block, job } of commit.opened) e.open.put(block, jobBytes(job))
    for (const block of commit.closed) e.open.remove(block)
    for (const [job, counts] of commit.counts) e.counts.put(job, encodeCounts(counts))
    for (const state of commit.snapshots) {
      e.states.put(state.block, state.encode(allocate))
      e.fold.put([state.block, sequence], NOTHING)
    }
    if (commit.snapshots.length > 0) crashPoint('states-written')
    for (const { block, job } of commit.lost) e.fold.put([block, sequence], jobBytes(job))
    for (const key of commit.awaiting) e.awaiting.put(key, ONE)
    for (const key of commit.awaitingDone) e.awaiting.remove(key)
    for (const key of commit.late) e.late.put(key, ONE)
    for (const key of commit.lateDone) e.late.remove(key)
    for (const { key, bytes } of commit.orphans) e.orphans.put(key, bytes)
    for (const key of commit.orphansDone) e.orphans.remove(key)
    for (const { key, bytes } of commit.inbound) e.inbound.put(key, bytes)
    if (commit.talks !== null) this.#talks.put(sequence, commit.talks)
    for (const { key, value } of commit.notes) e.meta.put(key, value)
    for (const { key, bytes } of commit.segments) e.segments.put(key, bytes)
    for (const { key, bytes } of commit.events) e.events.put(key, bytes)
    if (commit.truncate) this.#truncate(sequence)
  }

  #truncate(sequence: number): void {
    for (let old = this.#truncated + 1; old <= sequence; old++) this.environment.log.remove(old)
    this.#truncated = sequence
    const bytes = Buffer.allocUnsafeSlow(8)
    bytes.writeDoubleLE(sequence)
    this.environment.meta.put('logSequence', bytes)
    crashPoint('log-truncated')
  }

  replay(see: (sequence: number, batch: Buffer) => void): void {
    for (const { key, value } of this.environment.log.getRange({})) see(key as number, value)
  }
}
