/**
 * The 'duplicates' task: finds every row whose number came before in the same job and marks it in the store.
 *
 * The first row wins, by (range, row): the ranges are gone through in their order, and within a range the entries of a
 * bucket are in the order of rows, so a number that is already in the set is a later row. Memory is bounded by looking
 * at one span of hash buckets at a time; each span reads the runs once more. Which worker stored a range, how many there
 * were and how often this ran before makes no difference. Runs in an ingest thread, once per job.
 */

import { isAddressKey } from '../engine/base/address-key.js'
import { crashPoint } from '../engine/base/crash-point.js'
import type { DuplicatesResult } from '../engine/contract/ingest.js'
import { limits } from '../engine/contract/limits.js'
import type { DuplicateMarks, RangeRecord } from '../engine/contract/store.js'
import { TallySum } from '../engine/jobs/tally.js'
import { BlockReader } from '../engine/store/block.js'
import type { LmdbStore } from '../engine/store/lmdb-store.js'
import { NumberSet } from './number-set.js'
import { RUN_BUCKETS, runCount, runEntry, runLowerBound, runNumber } from './run.js'
import { isRound } from './tally.js'

/** Numbers that one pass holds: 2^22 slots of 8 octets, 60 % full; 32 MiB whatever the file. */
const NUMBERS_PER_PASS = 2_500_000
const BITMAP_BYTES = limits.messagesPerBlock / 8

export interface DuplicatesOptions {
  /** Default 2,500,000; tests use few. */
  numbersPerPass?: number
}

/** Durable on return, and idempotent. */
export function markDuplicates(store: LmdbStore, job: number, options: DuplicatesOptions = {}): DuplicatesResult {
  const numbersPerPass = options.numbersPerPass ?? NUMBERS_PER_PASS
  // LMDB keeps one view for a whole turn of the event loop: other threads, and our own last pass, have written since.
  store.environment.root.resetReadTxn()
  let total = 0
  for (const { run } of store.ranges(job)) total += runCount(run)
  const passes = Math.min(RUN_BUCKETS, Math.max(1, Math.ceil(total / numbersPerPass)))
  const result: DuplicatesResult = { duplicates: 0, parts: 0, scheduled: 0, kinds: [], round: 0 }
  const taken = new TallySum()
  const seen = new NumberSet(Math.min(total, numbersPerPass))
  for (let pass = 0; pass < passes; pass++) {
    const from = Math.floor((pass * RUN_BUCKETS) / passes)
    const to = Math.floor(((pass + 1) * RUN_BUCKETS) / passes)
    seen.clear()
    store.environment.root.resetReadTxn()
    const span = { from, to, seen, taken, doubtful: new Set<number>() }
    for (const range of store.ranges(job)) markRange(store, range, { ...span, isRepeated: byNumber(span) }, result)
    if (span.doubtful.size === 0) continue
    const isRepeated = byAddress(store, span.doubtful)
    for (const range of store.ranges(job)) markRange(store, range, { ...span, isRepeated }, result)
  }
  crashPoint('duplicates-marked')
  return { ...result, kinds: taken.toTally().kinds }
}

/** Says whether the recipient of this entry of a run came before. */
type Repetition = (range: RangeRecord, index: number, number: number) => boolean

interface Span {
  /** Buckets [from, to). */
  from: number
  to: number
  isRepeated: Repetition
  /** Duplicates by kind. */
  taken: TallySum
}

/** Numbers are exact. Keys of addresses are not: those that come again are put down, and the addresses compared. */
function byNumber({ seen, doubtful }: { seen: NumberSet; doubtful: Set<number> }): Repetition {
  return (_range, _index, number) => {
    if (seen.add(number)) return false
    if (!isAddressKey(number)) return true
    doubtful.add(number)
    return false
  }
}

/** Only of the keys that came more than once are the addresses read, each once; memory holds no others. */
function byAddress(store: LmdbStore, doubtful: ReadonlySet<number>): Repetition {
  const seen = new Set<string>()
  let last: { block: number; reader: BlockReader } | null = null
  return (range, index, number) => {
    if (!doubtful.has(number)) return false
    const { blockIndex, place } = runEntry(range.run, index)
    const block = range.blocks[blockIndex]!
    if (last?.block !== block) last = { block, reader: new BlockReader(store.block(block)!) }
    const address = last.reader.digits(place)
    if (seen.has(address)) return true
    seen.add(address)
    return false
  }
}

function markRange(store: LmdbStore, range: RangeRecord, span: Span, result: DuplicatesResult): void {
  const { run } = range
  const kinds = range.tally.kinds.map((kind) => ({ ...kind, rows: 0, parts: 0 }))
  const end = span.to === RUN_BUCKETS ? runCount(run) : runLowerBound(run, span.to)
  const bitmaps = new Map<number, Buffer>()
  for (let index = runLowerBound(run, span.from); index < end; index++) {
    if (!span.isRepeated(range, index, runNumber(run, index))) continue
    const entry = runEntry(run, index)
    result.duplicates++
    result.parts += entry.parts
    if (isRound(entry.number)) result.round++
    if (entry.scheduled) result.scheduled++
    // A range that an earlier version stored has no kinds.
    const kind = kinds[entry.kind]
    if (kind !== undefined) {
      kind.rows++
      kind.parts += entry.parts
    }
    const block = range.blocks[entry.blockIndex]!
    let bitmap = bitmaps.get(block)
    if (bitmap === undefined) {
      // Earlier passes, or an earlier run of the task, may have marked other places of the block.
      bitmap = store.marks(block) ?? Buffer.alloc(BITMAP_BYTES)
      bitmaps.set(block, bitmap)
    }
    bitmap[entry.place >> 3]! |= 1 << (entry.place & 7)
  }
  span.taken.add({ reasons: {}, kinds, findings: {} })
  if (bitmaps.size > 0) store.putMarks([...bitmaps].map(([block, bitmap]): DuplicateMarks => ({ block, bitmap })))
}
