/**
 * What the blocks of each job come to, by their states and what the log has beyond them, for comparison with what is stored of
 * the job. One block at a time is in memory, and those that the log names.
 */
import { STATE, STATES } from '../contract/message.js'
import { BlockReader } from '../store/block.js'
import { BlockState } from '../store/block-state.js'
import type { Environment } from '../store/environment.js'
import { eachOutcome } from '../store/outcome-log.js'

export interface JobSums {
  /** Messages by state number, of claimed blocks. */
  states: Float64Array
  partsSent: number
  sentFinal: number
}

export class BlockSums {
  readonly jobs = new Map<number, JobSums>()
  /** Jobs of which a block or state is damaged: their sums say nothing. */
  readonly unclear = new Set<number>()
  /** A block, state or batch of the log is damaged whose job nobody can tell. */
  isUnclear = false
  readonly #environment: Environment
  readonly #logged: Map<number, BlockState>

  constructor(environment: Environment) {
    this.#environment = environment
    this.#logged = this.#replay()
  }

  /** States of the blocks that the log names, as they come to by it. */
  #replay(): Map<number, BlockState> {
    const logged = new Map<number, BlockState>()
    for (const { key, value } of this.#environment.log.getRange({})) {
      this.#guarded(null, () => {
        eachOutcome(value, (block, entry) => {
          const state = logged.get(block) ?? this.#begin(block)
          if (state === null) return
          logged.set(block, state)
          if ((key as number) > state.sequence) state.apply(entry)
        })
      })
    }
    return logged
  }

  #begin(block: number): BlockState | null {
    const stored = this.#environment.states.getBinary(block)
    if (stored !== undefined) return BlockState.decode(block, stored)
    const bytes = this.#environment.blocks.getBinary(block)
    const reader = bytes === undefined ? null : new BlockReader(bytes)
    if (reader === null || !reader.intact) return null
    return BlockState.fresh(block, reader, this.#environment.marks.getBinary(block) ?? null)
  }

  #guarded(job: number | null, work: () => void): void {
    try {
      work()
    } catch {
      // The record is named by the pass over all records.
      if (job === null) this.isUnclear = true
      else this.unclear.add(job)
    }
  }

  /** Adds one block. */
  add(block: number, bytes: Buffer): void {
    const reader = new BlockReader(bytes)
    if (!reader.intact) {
      this.isUnclear = true
      return
    }
    this.#guarded(reader.job, () => {
      const known = this.#logged.get(block)
      const isClaimed = known !== undefined || this.#environment.states.doesExist(block)
      if (!isClaimed && !this.#environment.open.doesExist(block)) return
      const state = known ?? this.#begin(block)
      if (state === null) return
      this.#sum(reader.job, state)
      if (known === undefined) state.dispose()
    })
  }

  #sum(job: number, state: BlockState): void {
    let sums = this.jobs.get(job)
    if (sums === undefined) {
      sums = { states: new Float64Array(STATES.length + 1), partsSent: 0, sentFinal: 0 }
      this.jobs.set(job, sums)
    }
    for (let place = 0; place < state.count; place++) {
      const now = state.states[place]!
      sums.states[now]!++
      sums.partsSent += bitsIn(state.accepted[place]!)
      if (now === STATE.sent && state.final[place] === 1) sums.sentFinal++
    }
  }
}

function bitsIn(word: number): number {
  let bits = 0
  for (let rest = word >>> 0; rest !== 0; rest &= rest - 1) bits++
  return bits
}
