/**
 * The messages of an ended job on their way into its retry: range after range of what the job stored, each in one
 * transaction as a range of the retry. So memory stays flat, and after a kill the next run goes on behind the last range
 * that is there: no message comes twice, none is left out. Main thread; the work on messages is that of the ingest threads.
 */
import { EngineError } from '../contract/errors.js'
import type { IngestTask, JobPlan, RangeResult, StoredPick } from '../contract/ingest.js'
import { STATE } from '../contract/message.js'
import { reasonNumber } from '../contract/reasons.js'
import type { RangeRecord, Tally } from '../contract/store.js'
import { decodeState } from '../store/decoded-state.js'
import type { LiveRun } from './ingest.js'
import { addRange, type JobTotals, noTotals } from './job-record.js'
import { TallySum } from './tally.js'

const SUPPRESSED = reasonNumber('SUPPRESSED')
const BLOCKS_PER_REQUEST = 64
const PLACES_BYTES = 32

export interface RetrySource {
  job: number
  /** Its unclaimed messages were canceled at one stroke, and have no state of their own. */
  isCanceled: boolean
}

export interface RetryRunDeps {
  job: number
  source: RetrySource
  /** State numbers that are taken up. */
  states: ReadonlySet<number>
  plan: JobPlan
  run(task: IngestTask): Promise<unknown>
  ranges(job: number, from: number): Iterable<RangeRecord>
  marks(block: number): Buffer | null
  /** As the dispatcher has them, durable; null = never claimed. */
  blockStates(blocks: number[]): Promise<(Uint8Array | null)[]>
  onRange(record: RangeResult['record']): void
}

export class RetryRun implements LiveRun {
  readonly #deps: RetryRunDeps
  readonly #totals = noTotals()
  readonly #tally = new TallySum()
  readonly #done: Promise<void>
  #stopped: EngineError | null = null

  constructor(deps: RetryRunDeps) {
    this.#deps = deps
    this.#done = this.#work()
    // Who waits for the end is told of it by `finished`.
    this.#done.catch(() => {})
  }

  get totals(): Readonly<JobTotals> {
    return this.#totals
  }
  get tally(): Tally {
    return this.#tally.toTally()
  }

  async finished(): Promise<JobTotals> {
    await this.#done
    if (this.#stopped !== null) throw this.#stopped
    return this.#totals
  }

  /** Begins no further range and resolves when the one in work is stored. */
  async stop(): Promise<void> {
    this.#stopped ??= new EngineError('WRONG_STATE', 'The retry was stopped.')
    await this.#done.catch(() => {})
  }

  async #work(): Promise<void> {
    const { job, source, ranges } = this.#deps
    let next = 0
    for (const record of ranges(job, 0)) {
      this.#add(record)
      next = record.range + 1
    }
    for (;;) {
      // One at a time: a reader of the store that stays open would keep old pages from being used again.
      const range = first(ranges(source.job, next))
      if (range === null || this.#stopped !== null) return
      await this.#take(range)
      next = range.range + 1
    }
  }

  async #take(range: RangeRecord): Promise<void> {
    const { plan, run, onRange } = this.#deps
    const bounds = { range: range.range, start: range.start, end: range.end, last: false }
    const picks = await this.#picks(range.blocks)
    if (this.#stopped !== null) return
    const result = (await run({ kind: 'again', plan, bounds, lines: range.lines, picks })) as RangeResult
    this.#add(result.record)
    onRange(result.record)
  }

  #add(record: RangeResult['record']): void {
    addRange(this.#totals, record)
    this.#tally.add(record.tally)
  }

  /** In the order of the blocks, which is that of the messages to one number. */
  async #picks(blocks: number[]): Promise<StoredPick[]> {
    const picks: StoredPick[] = []
    for (let at = 0; at < blocks.length; at += BLOCKS_PER_REQUEST) {
      const some = blocks.slice(at, at + BLOCKS_PER_REQUEST)
      const states = await this.#deps.blockStates(some)
      some.forEach((block, index) => {
        const bytes = states[index] ?? null
        const places = bytes === null ? this.#unclaimed(block) : this.#claimed(bytes)
        if (places.some((octet) => octet !== 0)) picks.push({ block, places })
      })
    }
    return picks
  }

  #claimed(bytes: Uint8Array): Uint8Array {
    const { states, reasons } = decodeState(bytes)
    const places = new Uint8Array(PLACES_BYTES)
    for (let place = 0; place < states.length; place++) {
      if (!this.#deps.states.has(states[place]!) || reasons[place] === SUPPRESSED) continue
      places[place >> 3]! |= 1 << (place & 7)
    }
    return places
  }

  /** All but the duplicates; places behind the last message name none. */
  #unclaimed(block: number): Uint8Array {
    const { source, states, marks } = this.#deps
    const places = new Uint8Array(PLACES_BYTES)
    if (!source.isCanceled || !states.has(STATE.canceled)) return places
    const marked = marks(block)
    return places.map((_, octet) => ~(marked?.[octet] ?? 0) & 255)
  }
}

function first<T>(items: Iterable<T>): T | null {
  for (const item of items) return item
  return null
}
