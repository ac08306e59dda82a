/**
 * One file on its way through the ingest workers, while it still arrives and after: sniff once, cut into ranges that run
 * side by side (fast dialects), or range after range (general dialects, and any file whose ranges turn out misaligned).
 * What is stored survives a kill: a new run goes on behind the last range that has no gap before it. Main thread.
 */
import { EngineError } from '../contract/errors.js'
import type {
  CutResult,
  Dialect,
  DuplicatesResult,
  IngestTask,
  JobPlan,
  RangeBounds,
  RangeResult,
  SniffResult,
} from '../contract/ingest.js'
import { limits } from '../contract/limits.js'
import type { RangeRecord, Tally } from '../contract/store.js'
import { addRange, type JobTotals, noTotals } from './job-record.js'
import { refuseOddLength } from './odd-length.js'
import { TallySum } from './tally.js'

/** How far the file on disk may be ahead of what is ingested before the socket is no longer read. */
const LEAD_BYTES = (limits.rangesInWork + 4) * limits.rangeBytes
/** A range and its last record surely end within so many bytes. */
const CUTTABLE_BYTES = limits.rangeBytes + limits.recordBytes + 2
/** Bytes that one cut task looks through, unless a record is longer. */
const CUT_BYTES = 2 * limits.rangesInWork * limits.rangeBytes

/** Tasks of a whole file of at most this size take milliseconds. */
const QUICK_BYTES = 128 * 1024

export interface IngestRunDeps {
  job: number
  path: string
  run(task: IngestTask, isQuick: boolean): Promise<unknown>
  ranges(): Iterable<RangeRecord>
  discard(fromRange: number): void
  sniffTask(available: number, complete: boolean): IngestTask
  plan(sniff: SniffResult): JobPlan
  /** Durable when it resolves. */
  saveSniff(sniff: SniffResult): Promise<void>
  onRange(record: RangeResult['record']): void
  /** Nothing is stored of the rows: only what the file looks like. Default false. */
  onlyLook?: boolean
}

export class IngestRun {
  readonly #deps: IngestRunDeps
  readonly #deduplicate: boolean
  readonly #totals = noTotals()
  readonly #tally = new TallySum()
  #sniff: SniffResult | null
  #available = 0
  #isComplete = false
  #error: unknown = null
  readonly #aborted = new AbortController()
  /** Offset up to which ranges were handed to workers, and the number of the next one. */
  #next = 0
  #nextRange = 0
  #settledBytes = 0
  /** Bytes of the file that the next step waits for. */
  #wanted: number = limits.sniffBytes
  #inWork = 0
  #misaligned: RangeBounds | null = null
  #waiters: (() => void)[] = []
  readonly #done: Promise<void>

  /** `sniff`: what an earlier run of the same file decided, to go on behind its ranges. */
  constructor(deps: IngestRunDeps, sniff: SniffResult | null, deduplicate: boolean) {
    this.#deps = deps
    this.#sniff = sniff
    this.#deduplicate = deduplicate
    this.#done = this.#work().catch((error) => this.#fail(error))
  }

  /** Sums of the stored ranges so far; `duplicate` is 0 until the end. */
  get totals(): Readonly<JobTotals> {
    return this.#totals
  }
  /** Of the same ranges; duplicates are in it until the end. */
  get tally(): Tally {
    return this.#tally.toTally()
  }
  get sniff(): SniffResult | null {
    return this.#sniff
  }

  /** What made the run fail; null while nothing did. */
  get error(): unknown {
    return this.#error
  }

  /** Aborted as soon as the run has failed: the rest of the file is not wanted. */
  get aborted(): AbortSignal {
    return this.#aborted.signal
  }

  /** `bytes` of the file are on disk. Resolves when there is room for more. @throws what made the run fail. */
  async grow(bytes: number): Promise<void> {
    this.#available = bytes
    this.#wake()
    await this.#until(() => bytes < this.#wanted || bytes - this.#settledBytes < LEAD_BYTES)
    if (this.#error !== null) throw this.#error
  }

  /** The whole file is there. */
  complete(bytes: number): void {
    this.#available = bytes
    this.#isComplete = true
    this.#wake()
  }

  /** Resolves with the totals once every range and the duplicates are done. @throws what made the run fail. */
  async finished(): Promise<JobTotals> {
    await this.#done
    if (this.#error !== null) throw this.#error
    return this.#totals
  }

  /** Begins no further range and resolves when those in work are done. */
  async stop(): Promise<void> {
    this.#fail(new EngineError('WRONG_STATE', 'The upload was stopped.'))
    await this.#done
  }

  #fail(error: unknown): void {
    this.#error ??= error
    this.#aborted.abort(this.#error)
    this.#wake()
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter()
  }

  /** Waits for the condition, or for the end of the run. */
  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && this.#error === null) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  /** Waits until so much of the file is there, or all of it. */
  async #arrival(bytes: number): Promise<void> {
    this.#wanted = bytes
    this.#wake()
    await this.#until(() => this.#isComplete || this.#available >= bytes || this.#misaligned !== null)
  }

  async #work(): Promise<void> {
    try {
      const sniff = this.#sniff ?? (await this.#look())
      if (this.#error !== null) return
      if (this.#deps.onlyLook) return await this.#wait(sniff)
      this.#resume(sniff)
      if (sniff.dialect.parser === 'fast') await this.#parallel(sniff)
      if (this.#error === null && this.#sniff!.dialect.parser === 'general') await this.#sequential(this.#sniff!)
    } catch (error) {
      this.#fail(error)
    } finally {
      while (this.#inWork > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
    if (this.#error === null && !this.#deps.onlyLook) await this.#finish()
  }

  /** The rest of a file that is only looked at. */
  async #wait({ dialect }: SniffResult): Promise<void> {
    await this.#arrival(Number.POSITIVE_INFINITY)
    if (this.#available <= dialect.dataStart) throw new EngineError('FILE_EMPTY', 'The file has no rows.')
  }

  async #look(): Promise<SniffResult> {
    await this.#arrival(limits.sniffBytes)
    if (this.#isComplete && this.#available === 0) throw new EngineError('FILE_EMPTY', 'The file has no bytes.')
    const task = this.#deps.sniffTask(this.#available, this.#isComplete)
    const sniff = (await this.#run(task)) as SniffResult
    this.#deps.plan(sniff)
    await this.#deps.saveSniff(sniff)
    this.#sniff = sniff
    return sniff
  }

  /** Takes up what an earlier run stored: ranges without a gap from 0; those behind a gap are discarded. */
  #resume(sniff: SniffResult): void {
    this.#next = sniff.dialect.dataStart
    let gap = -1
    for (const record of this.#deps.ranges()) {
      if (record.range !== this.#nextRange) {
        gap = this.#nextRange
        break
      }
      this.#add(record)
      this.#next = record.end
      this.#nextRange++
    }
    if (gap >= 0) this.#deps.discard(gap)
  }

  #add(record: RangeResult['record']): void {
    addRange(this.#totals, record)
    this.#tally.add(record.tally)
    this.#settledBytes += record.end - record.start
  }

  #run(task: IngestTask): Promise<unknown> {
    return this.#deps.run(task, this.#isComplete && this.#available <= QUICK_BYTES)
  }

  get #isAtEnd(): boolean {
    return this.#isComplete && this.#next >= this.#available
  }

  async #parallel(sniff: SniffResult): Promise<void> {
    const plan = this.#deps.plan(sniff)
    let tried = 0
    for (;;) {
      // A stretch without a boundary is looked at again only when it has doubled, so that the work stays linear.
      await this.#arrival(this.#next + Math.max(CUTTABLE_BYTES, 2 * tried))
      if (this.#error !== null || this.#misaligned !== null || this.#isAtEnd) break
      const cut = await this.#cut(sniff.dialect, Math.max(CUT_BYTES, 2 * tried))
      tried = cut.available - cut.result.next
      for (const bounds of cut.result.ranges) {
        await this.#until(() => this.#inWork < limits.rangesInWork || this.#misaligned !== null)
        if (this.#error !== null || this.#misaligned !== null) break
        void this.#range(plan, bounds)
        this.#nextRange = bounds.range + 1
      }
      this.#next = cut.result.next
      if (cut.complete) break
    }
    await this.#until(() => this.#inWork === 0)
    if (this.#misaligned !== null && this.#error === null) await this.#fallBack(this.#misaligned)
  }

  async #cut(dialect: Dialect, bytes: number): Promise<{ available: number; complete: boolean; result: CutResult }> {
    const available = Math.min(this.#available, this.#next + bytes)
    const complete = this.#isComplete && available === this.#available
    const isOneRange = complete && available - this.#next <= limits.rangeBytes
    if (isOneRange) {
      // A small file is one range as it stands: it need not wait for a turn of the pool to be cut.
      const bounds = { range: this.#nextRange, start: this.#next, end: available, last: true }
      return { available, complete, result: { ranges: [bounds], next: available } }
    }
    const { path } = this.#deps
    const task: IngestTask = {
      kind: 'cut',
      path,
      start: this.#next,
      firstRange: this.#nextRange,
      available,
      complete,
      dialect,
    }
    return { available, complete, result: (await this.#run(task)) as CutResult }
  }

  async #range(plan: JobPlan, bounds: RangeBounds): Promise<void> {
    this.#inWork++
    try {
      const result = (await this.#run({ kind: 'range', plan, bounds })) as RangeResult
      if (!result.misaligned) this.#stored(result)
      else if (this.#misaligned === null || bounds.range < this.#misaligned.range) this.#misaligned = bounds
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#inWork--
      this.#wake()
    }
  }

  #stored(result: RangeResult): void {
    this.#add(result.record)
    this.#deps.onRange(result.record)
  }

  /** The cut was wrong from this range on (stray quotes): read on from there with the general parser, in sequence. */
  async #fallBack(bounds: RangeBounds): Promise<void> {
    const sniff = this.#sniff!
    const general: SniffResult = { ...sniff, dialect: { ...sniff.dialect, parser: 'general' } }
    await this.#deps.saveSniff(general)
    this.#sniff = general
    this.#deps.discard(bounds.range)
    Object.assign(this.#totals, noTotals())
    this.#tally.clear()
    this.#settledBytes = 0
    this.#nextRange = 0
    this.#misaligned = null
    this.#resume(general)
  }

  async #sequential(sniff: SniffResult): Promise<void> {
    const plan = this.#deps.plan(sniff)
    let size: number = limits.rangeBytes
    for (;;) {
      await this.#arrival(this.#next + size)
      if (this.#error !== null || this.#isAtEnd) return
      if (this.#isComplete) refuseOddLength(sniff.dialect.encoding, this.#available)
      const start = this.#next
      const end = Math.min(start + size, this.#available)
      const last = this.#isComplete && end === this.#available
      const bounds = { range: this.#nextRange, start, end, last }
      const result = (await this.#run({ kind: 'range', plan, bounds })) as RangeResult
      if (result.misaligned || result.record.end <= start) {
        if (last) throw new EngineError('INTERNAL', `range ${bounds.range} of the file could not be read to its end`)
        if (size >= limits.endlessBytes) throw endless(start)
        size *= 2
        continue
      }
      size = limits.rangeBytes
      this.#stored(result)
      this.#next = result.record.end
      this.#nextRange++
      this.#wake()
    }
  }

  async #finish(): Promise<void> {
    if (this.#totals.rows === 0) throw new EngineError('FILE_EMPTY', 'The file has no rows.')
    if (!this.#deduplicate || this.#totals.accepted < 2) return
    const found = (await this.#run({ kind: 'duplicates', job: this.#deps.job })) as DuplicatesResult
    this.#totals.duplicate = found.duplicates
    this.#totals.accepted -= found.duplicates
    this.#totals.parts -= found.parts
    this.#totals.scheduled -= found.scheduled
    this.#tally.takeDuplicates(found.kinds)
    this.#tally.find('ROUND_DUPLICATE', found.round)
  }
}

/** A row that is too long is a reject; one that never ends is no row, and what is behind it never comes. */
function endless(start: number): EngineError {
  const bytes = limits.endlessBytes >> 20
  return new EngineError(
    'FILE_NOT_CSV',
    `The row that begins at octet ${start} has no end within ${bytes} MiB; export the file with a line for each row.`,
  )
}
