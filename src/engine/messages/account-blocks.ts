/**
 * The blocks of one account from the newest, over all its jobs: found through its own jobs only, so that nothing about
 * other accounts, not even how much they send, shows in an answer. Main thread.
 */
import type { Environment } from '../store/environment.js'
import { decodeRange } from '../store/range-record.js'
import type { JobLayouts } from './job-layout.js'

/** Ranges are read side by side, so a job's lowest and highest block lie within so many ranges of its ends. */
const RANGES_AT_ENDS = 16
const SPANS_KEPT = 10_000

/** Lowest and highest block of a job. */
export interface Span {
  first: number
  last: number
}

export interface AccountBlocksDeps {
  layouts: JobLayouts
  /** Numbers of the account's file jobs; null: of all accounts. */
  fileJobs(account: number | null): number[]
  /** The jobs of its single messages. */
  singleJobs(account: number | null): number[]
  /** null: nothing is stored of it. */
  span(job: number): Span | null
  /** The file is read to its end: the span changes no more. */
  isRead(job: number): boolean
  /** Blocks of single messages below `before`, from the newest. */
  looseBefore(job: number, before: number, limit: number): number[]
}

export class AccountBlocks {
  readonly #deps: AccountBlocksDeps
  readonly #spans = new Map<number, Span>()

  constructor(deps: AccountBlocksDeps) {
    this.#deps = deps
  }

  /** At most `limit` block numbers below `before`, descending. */
  before(account: number | null, before: number, limit: number): number[] {
    let found: number[] = []
    for (const job of this.#deps.singleJobs(account)) {
      found = newest([...found, ...this.#deps.looseBefore(job, before, limit)], limit)
    }
    const jobs = this.#deps
      .fileJobs(account)
      .map((job) => ({ job, span: this.#span(job) }))
      .filter((entry): entry is { job: number; span: Span } => entry.span !== null && entry.span.first < before)
      .sort((a, b) => b.span.last - a.span.last)
    for (const { job, span } of jobs) {
      // The rest lies below what is found already.
      if (found.length === limit && span.last < found[limit - 1]!) break
      const blocks = this.#deps.layouts.get(job).blocks
      const end = lowerBound(blocks, before)
      found = newest([...found, ...blocks.slice(Math.max(0, end - limit), end)], limit)
    }
    return found
  }

  #span(job: number): Span | null {
    const kept = this.#spans.get(job)
    if (kept !== undefined) return kept
    const span = this.#deps.span(job)
    if (span === null || !this.#deps.isRead(job)) return span
    if (this.#spans.size >= SPANS_KEPT) this.#spans.delete(this.#spans.keys().next().value!)
    this.#spans.set(job, span)
    return span
  }
}

function newest(blocks: number[], limit: number): number[] {
  return blocks.sort((a, b) => b - a).slice(0, limit)
}

/** Index of the first block that is not below `value`. */
function lowerBound(blocks: number[], value: number): number {
  let low = 0
  let high = blocks.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (blocks[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}

/** Reads the ranges at both ends of the job. */
export function spanOf(environment: Environment, job: number): Span | null {
  const start = [job, 0]
  const end = [job + 1]
  const blocks: number[] = []
  for (const range of [
    { start, end, limit: RANGES_AT_ENDS },
    { start: end, end: start, reverse: true, limit: RANGES_AT_ENDS },
  ]) {
    for (const { value } of environment.ranges.getRange(range)) blocks.push(...decodeRange(value).blocks)
  }
  if (blocks.length === 0) return null
  blocks.sort((a, b) => a - b)
  return { first: blocks[0]!, last: blocks.at(-1)! }
}
