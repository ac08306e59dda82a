/** Takes texts out of blocks, and whole messages: the writing half of retention. Main thread. */
import { setImmediate as turn } from 'node:timers/promises'
import { crashPoint } from '../base/crash-point.js'
import { messageRef } from '../contract/message.js'
import type { RedactTask } from '../contract/thread.js'
import { BlockReader } from '../store/block.js'
import { decodeState } from '../store/decoded-state.js'
import type { Documents } from '../store/documents.js'
import type { Environment } from '../store/environment.js'
import { type LmdbStore, storeFailed } from '../store/lmdb-store.js'
import { emptiedBlock, redactedBlock } from '../store/redacted-block.js'
import { unlessDamaged } from './damage.js'
import { removeExtras, withoutRun } from './erase-messages.js'

/** Blocks of one transaction: some megabytes, and milliseconds. */
const BLOCKS_AT_ONCE = 64

export interface BlockRetentionDeps {
  store: LmdbStore
  documents: Documents
  redact(task: RedactTask): Promise<void>
  isStopping(): boolean
}

export type RetentionStage = 'texts' | 'rows'

export class BlockRetention {
  readonly #deps: BlockRetentionDeps

  constructor(deps: BlockRetentionDeps) {
    this.#deps = deps
  }

  get #environment(): Environment {
    return this.#deps.store.environment
  }

  /** Of a job with a file that is over. Messages; those that had none any more are not counted. @throws EngineError STORE_FAILED. */
  async forgetTexts(job: number): Promise<number> {
    return await this.#eachRange(job, async (_range, blocks) => await this.#texts(blocks))
  }

  async forgetRows(job: number): Promise<number> {
    return await this.#eachRange(job, async (range, blocks) => {
      const count = await this.#rows(job, blocks)
      await this.#batch(() => withoutRun(this.#environment, [job, range]))
      return count
    })
  }

  async #eachRange(job: number, work: (range: number, blocks: number[]) => Promise<number>): Promise<number> {
    let sum = 0
    for (let next = 0; ; ) {
      // One at a time: a reader that stays open keeps old pages from being used again.
      const [range] = first(this.#deps.store.ranges(job, next))
      if (range === undefined || this.#deps.isStopping()) return sum
      sum += await work(range.range, range.blocks)
      next = range.range + 1
      await turn()
    }
  }

  /** Single messages that were made before and are over. */
  async forgetLoose(job: number, beforeMs: number, stage: RetentionStage): Promise<number> {
    let sum = 0
    let isContiguous = true
    let next = this.#progress(job, stage)
    for (let from = next; ; ) {
      const some = [...take(this.#deps.store.looseBlocks(job, from), BLOCKS_AT_ONCE)]
      const old = some.filter((block) => this.#isOld(block, beforeMs))
      const due = old.filter((block) => this.#isOver(block))
      sum += stage === 'texts' ? await this.#texts(due) : await this.#rows(job, due)
      isContiguous &&= due.length === some.length
      if (isContiguous && some.length > 0) next = some.at(-1)! + 1
      if (some.length < BLOCKS_AT_ONCE || old.length < some.length || this.#deps.isStopping()) break
      from = some.at(-1)! + 1
      await turn()
    }
    await this.#keep(job, stage, next)
    return sum
  }

  /** First block behind those of which nothing is left to be forgotten. */
  #progress(job: number, stage: RetentionStage): number {
    return this.#deps.documents.get<{ block: number }>('meta', ['retention', stage, job])?.block ?? 0
  }
  async #keep(job: number, stage: RetentionStage, block: number): Promise<void> {
    if (block === this.#progress(job, stage)) return
    await this.#deps.documents.put('meta', ['retention', stage, job], { block })
  }

  #isOld(block: number, beforeMs: number): boolean {
    const bytes = this.#environment.blocks.getBinary(block)
    return bytes === undefined || new BlockReader(bytes).createdSeconds * 1000 < beforeMs
  }

  /** Nothing of it waits to be sent, nor for its receipt. */
  #isOver(block: number): boolean {
    const { states, open, fold } = this.#environment
    const bytes = states.getBinary(block)
    if (bytes === undefined) return this.#environment.blocks.getBinary(block) === undefined
    if (open.doesExist(block) || has(fold.getKeys({ start: [block], end: [block + 1], limit: 1 }))) return false
    return unlessDamaged(() => decodeState(bytes).final.every((isFinal) => isFinal === 1), true)
  }

  async #texts(blocks: readonly number[]): Promise<number> {
    let count = 0
    for (const some of pieces(blocks)) {
      await this.#batch(() => {
        for (const block of some) count += this.#withoutTexts(block)
      })
      crashPoint('texts-forgotten')
    }
    return count
  }

  #withoutTexts(block: number): number {
    const bytes = this.#environment.blocks.getBinary(block)
    const redacted = bytes === undefined ? null : redactedBlock(bytes, () => 1)
    if (redacted === null) return 0
    this.#environment.blocks.put(block, redacted)
    return new BlockReader(redacted).count
  }

  /** The disk first: a kill in between takes the memory with it. */
  async #rows(job: number, blocks: readonly number[]): Promise<number> {
    let count = 0
    for (const some of pieces(blocks)) {
      const refs = some.flatMap((block) => this.#refs(block))
      await this.#batch(() => {
        for (const block of some) this.#empty(job, block)
      })
      crashPoint('rows-forgotten')
      await this.#deps.redact({ refs, dropped: [...some], recipient: 0, account: null })
      count += refs.length
    }
    return count
  }

  #refs(block: number): number[] {
    const bytes = this.#environment.blocks.getBinary(block)
    const { count } = new BlockReader(bytes ?? Buffer.alloc(0))
    return Array.from({ length: count }, (_, place) => messageRef(block, place))
  }

  /** What stays says whose it was, so that its messages are known to be gone. */
  #empty(job: number, block: number): void {
    const { blocks, states, marks, loose, folded } = this.#environment
    const bytes = blocks.getBinary(block)
    if (bytes === undefined) return
    const { account } = new BlockReader(bytes)
    for (const ref of this.#refs(block)) removeExtras(this.#environment, ref, account)
    const emptied = emptiedBlock(bytes)
    if (emptied === null) blocks.remove(block)
    else blocks.put(block, emptied)
    states.remove(block)
    marks.remove(block)
    folded.remove(block)
    loose.remove([job, block])
  }

  async #batch(work: () => void): Promise<void> {
    try {
      await this.#environment.root.batch(() => {
        work()
      })
    } catch (error) {
      throw storeFailed(error)
    }
  }
}

function* pieces(blocks: readonly number[]): Iterable<number[]> {
  for (let at = 0; at < blocks.length; at += BLOCKS_AT_ONCE) yield blocks.slice(at, at + BLOCKS_AT_ONCE)
}

function* take<T>(items: Iterable<T>, most: number): Iterable<T> {
  let count = 0
  for (const item of items) {
    yield item
    if (++count === most) return
  }
}

function first<T>(items: Iterable<T>): [T?] {
  for (const item of items) return [item]
  return []
}

function has(items: Iterable<unknown>): boolean {
  for (const _ of items) return true
  return false
}
