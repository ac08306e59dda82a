/**
 * Where the blocks of a file job stand in its file: read from the range records once, kept for the few jobs that are looked
 * at. Main thread.
 */
import type { RangeRecord } from '../contract/store.js'

const JOBS_KEPT = 8

export interface JobLayout {
  /** Block numbers, ascending. */
  blocks: number[]
  /** By range: line at which it begins, from 1. */
  lines: number[]
}

export interface LayoutDeps {
  ranges(job: number): Iterable<RangeRecord>
  /** Lines before the first range. */
  linesBefore(job: number): number
  /** The file is read to its end: its layout changes no more. */
  isRead(job: number): boolean
}

export class JobLayouts {
  readonly #deps: LayoutDeps
  readonly #kept = new Map<number, JobLayout>()

  constructor(deps: LayoutDeps) {
    this.#deps = deps
  }

  get(job: number): JobLayout {
    const kept = this.#kept.get(job)
    if (kept !== undefined) return kept
    const layout = this.#read(job)
    if (!this.#deps.isRead(job)) return layout
    if (this.#kept.size >= JOBS_KEPT) this.#kept.delete(this.#kept.keys().next().value!)
    this.#kept.set(job, layout)
    return layout
  }

  #read(job: number): JobLayout {
    const layout: JobLayout = { blocks: [], lines: [] }
    let line = 1 + this.#deps.linesBefore(job)
    for (const range of this.#deps.ranges(job)) {
      layout.lines[range.range] = line
      line += range.lines
      for (const block of range.blocks) layout.blocks.push(block)
    }
    // Workers number their blocks side by side, so ranges overlap in numbers.
    layout.blocks.sort((a, b) => a - b)
    return layout
  }
}
