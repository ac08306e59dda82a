/**
 * The store's append and read side over LMDB: ingest threads and the main thread append, every thread reads. The
 * dispatcher's own verbs (claim, settle, recover …) are in dispatch-store.ts over the same environment.
 *
 * Appends come in two forms: `append` commits in the calling thread and returns when the disk has it (workers, which
 * have nothing else to do); `appendLater` leaves the commit to LMDB's own thread (main, which does).
 */

import type { Database } from 'lmdb'
import { crashPoint } from '../base/crash-point.js'
import { EngineError } from '../contract/errors.js'
import type {
  Append,
  AppendStore,
  BesideMessages,
  DispatchCounts,
  DuplicateMarks,
  MoneyWrite,
  RangeRecord,
} from '../contract/store.js'
import type { BlockNumbers } from './block-numbers.js'
import { CommitTurn } from './commit-turn.js'
import { decodeCounts } from './counts-record.js'
import type { Environment } from './environment.js'
import { putExtras } from './extras.js'
import { FLOORS, floorOf } from './number-floor.js'
import { decodeRange, encodeRange } from './range-record.js'

const NOTHING = Buffer.alloc(0)
const DELETE_BATCH = 2_000
/** A range of a file waits so long at most for messages that somebody waits for. */
const GIVE_WAY_MS = 20

export class LmdbStore implements AppendStore {
  readonly environment: Environment
  readonly numbers: BlockNumbers
  readonly turn: CommitTurn

  constructor(environment: Environment, numbers: BlockNumbers, turn = new CommitTurn()) {
    this.environment = environment
    this.numbers = numbers
    this.turn = turn
  }

  /** Number after the last stored block: where a new counter starts. */
  static nextBlock(environment: Environment): number {
    const floor = Math.max(1, floorOf(environment, FLOORS.block))
    for (const block of environment.blocks.getKeys({ reverse: true, limit: 1 })) {
      return Math.max((block as number) + 1, floor)
    }
    return floor
  }

  /** One transaction, durable on return. @throws EngineError STORE_FAILED: the process must stop. */
  append(append: Append): void {
    this.turn.giveWay(GIVE_WAY_MS)
    this.#write(() => {
      this.put(append)
      crashPoint('range-written')
    })
  }

  /** As `append` for several jobs at once, without holding the thread. @throws EngineError STORE_FAILED. */
  async appendLater(appends: Append[], notes: BesideMessages[], money: MoneyWrite[] = []): Promise<void> {
    this.turn.begin()
    try {
      await this.environment.root.batch(() => {
        for (const append of appends) this.put(append)
        for (const note of notes) putNote(this.environment, note)
        for (const write of money) putMoney(this.environment, write)
        if (appends.length > 0) crashPoint('messages-written')
      })
    } catch (error) {
      throw storeFailed(error)
    } finally {
      this.turn.end()
    }
  }

  /** Within a batch of the caller's. */
  put({ job, blocks, range, extras }: Append): void {
    const { environment } = this
    for (const sealed of blocks) {
      environment.blocks.put(sealed.block, sealed.bytes)
      const messages = Buffer.allocUnsafeSlow(2)
      messages.writeUInt16LE(sealed.messages)
      environment.queue.put([job, sealed.route, sealed.dueSeconds, sealed.block], messages)
      if (range === null) environment.loose.put([job, sealed.block], costBytes(sealed.micros ?? 0))
    }
    if (range !== null) environment.ranges.put([job, range.range], encodeRange(range))
    if (extras !== undefined) for (const extra of extras) putExtras(environment, extra)
  }

  /** Durable on return; called once per job, before its first message may be claimed. */
  putMarks(marks: DuplicateMarks[]): void {
    for (let at = 0; at < marks.length; at += DELETE_BATCH) {
      this.#write(() => {
        for (const mark of marks.slice(at, at + DELETE_BATCH)) this.environment.marks.put(mark.block, mark.bitmap)
      })
    }
  }

  /** Takes back everything that a job appended: its upload broke off or was cut wrongly. From range `from` on. */
  discard(job: number, from = 0): void {
    const { environment } = this
    // Other threads append: what they wrote in this turn of the event loop must go as well.
    environment.root.resetReadTxn()
    const doomed = [...environment.ranges.getKeys({ start: [job, from], end: [job, Number.POSITIVE_INFINITY] })]
    for (const key of doomed) {
      const bytes = environment.ranges.getBinary(key)
      if (bytes === undefined) continue
      const { blocks } = decodeRange(bytes)
      this.#write(() => {
        for (const block of blocks) this.#removeBlock(job, block)
        environment.ranges.remove(key)
      })
    }
  }

  #removeBlock(job: number, block: number): void {
    const { environment } = this
    const bytes = environment.blocks.getBinary(block)
    if (bytes === undefined) return
    const route = bytes.readUInt32LE(20)
    for (const key of environment.queue.getKeys({ start: [job, route, 0, 0], end: [job, route + 1] })) {
      if (key[3] === block) {
        environment.queue.remove(key)
        break
      }
    }
    environment.marks.remove(block)
    environment.blocks.remove(block)
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

  /** As they are now, also what another thread wrote in this turn of the event loop. */
  *ranges(job: number, from = 0): Iterable<RangeRecord> {
    this.environment.root.resetReadTxn()
    const range = { start: [job, from], end: [job, Number.POSITIVE_INFINITY], snapshot: false }
    for (const { value } of this.environment.ranges.getRange(range)) yield decodeRange(value)
  }

  /** As fresh as `ranges`. */
  *looseBlocks(job: number, fromBlock = 0): Iterable<number> {
    this.environment.root.resetReadTxn()
    const range = { start: [job, fromBlock], end: [job, Number.POSITIVE_INFINITY], snapshot: false }
    for (const key of this.environment.loose.getKeys(range)) yield key[1]!
  }

  counts(job: number): DispatchCounts | null {
    // The dispatcher says that a job is finished in the turn in which it stored that: a view of before still had messages in it.
    this.environment.root.resetReadTxn()
    const bytes = this.environment.counts.getBinary(job)
    return bytes === undefined ? null : decodeCounts(bytes)
  }

  // Braces, not an expression: transactionSync must not see the thenable that put returns, or it does not commit.
  #write(work: () => void): void {
    try {
      this.environment.root.transactionSync(() => {
        work()
      })
    } catch (error) {
      throw error instanceof EngineError ? error : storeFailed(error)
    }
  }

  async close(): Promise<void> {
    await this.environment.root.close()
  }
}

function costBytes(micros: number): Buffer {
  if (micros === 0) return NOTHING
  const bytes = Buffer.allocUnsafeSlow(8)
  bytes.writeDoubleLE(micros)
  return bytes
}

function putNote(environment: Environment, note: BesideMessages): void {
  if (!('table' in note)) environment.meta.put(note.key, note.value)
  else if (note.value === null) environment[note.table].remove(note.key)
  else environment[note.table].put(note.key, note.value)
}

function putMoney(environment: Environment, { table, key, value }: MoneyWrite): void {
  const records = environment[table] as Database<Buffer, typeof key>
  if (value === null) records.remove(key)
  else records.put(key, value)
}

export function storeFailed(error: unknown): EngineError {
  const cause = (error as { commitError?: unknown }).commitError ?? error
  return new EngineError('STORE_FAILED', `the store could not be written: ${String(cause)}`, { cause })
}
