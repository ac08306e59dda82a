/**
 * Folds stored states into money and usage: charges what carriers accepted, returns the rest, counts what became of
 * messages. Main thread; see docs/decisions/0023-settlement-by-folding.md.
 *
 * The dispatcher names each block whose state it stores. Here a block's share is computed anew from head and state, and
 * the difference to the share that was folded before is applied, with the share and the name's removal in one batch: so
 * nothing is counted twice or left out by a kill at any moment.
 */

import { setImmediate as turn } from 'node:timers/promises'
import { Coalesced } from '../base/coalesced.js'
import { crashPoint } from '../base/crash-point.js'
import { localDay } from '../base/local-day.js'
import { EngineError } from '../contract/errors.js'
import type { Log } from '../contract/log.js'
import type { MoneyWrite } from '../contract/store.js'
import { BlockReader } from '../store/block.js'
import type { Environment } from '../store/environment.js'
import { StateView } from '../store/state-view.js'
import { type BlockShare, blockShare, emptyShare, openShare, sealShare } from './block-share.js'
import type { Purses } from './purses.js'
import { addOutcomes, COUNTED, noOutcomes } from './usage-record.js'

/** Keys of one batch, batches of one run, and blocks between two turns of other work: some 30 µs each. */
const KEYS_PER_BATCH = 512
const BATCHES_PER_RUN = 32
const BLOCKS_PER_TURN = 32

export interface FolderDeps {
  environment: Environment
  purses: Purses
  log: Log
  /** Durable when it resolves. */
  write(writes: MoneyWrite[]): Promise<void>
  /** Of a job; null: there is none. */
  job(job: number): { account: number; isCanceled: boolean } | null
  /** IANA zone of an account. */
  zone(account: number): string
  /** Resolves when the states of all blocks are stored as they are now. */
  snapshot(): Promise<void>
  /** Their states were stored; they are named again until it resolves, and after a kill. */
  stored(blocks: { account: number; block: number }[]): Promise<void>
}

/** One block with what it came to before and comes to now. */
interface Change {
  block: number
  keys: number[][]
  /** -1: the block is gone or damaged. */
  account: number
  /** null: nothing of the block is counted. */
  counted: { account: number; job: number; before: BlockShare; share: BlockShare } | null
}

export class Folder {
  readonly #deps: FolderDeps
  /** Jobs that are over → log position that must be stored before what they hold is given back. */
  readonly #closing = new Map<number, number>()
  readonly #fold = new Coalesced(() => this.#run())
  readonly #catchUp = new Coalesced(async () => {
    await this.#deps.snapshot()
    await this.#fold.run()
  })

  constructor(deps: FolderDeps) {
    this.#deps = deps
  }

  /** The job is over. What is left of what it holds is given back when all of its blocks are folded. */
  closing(job: number): void {
    if (this.#deps.purses.hold(job) === null) return
    this.#deps.environment.root.resetReadTxn()
    this.#closing.set(job, this.#written())
  }

  /** Last position of the log, and up to where the states are stored. */
  #written(): number {
    for (const key of this.#deps.environment.log.getKeys({ reverse: true, limit: 1 })) return key
    return this.#stored()
  }
  #stored(): number {
    return this.#deps.environment.meta.getBinary('logSequence')?.readDoubleLE(0) ?? 0
  }

  /** Folds what is there, within a bound. @throws EngineError STORE_FAILED. */
  fold(): Promise<void> {
    return this.#fold.run()
  }

  /** As `fold`, with everything that has happened until now. @throws EngineError STORE_FAILED, SHUTTING_DOWN. */
  catchUp(): Promise<void> {
    return this.#catchUp.run()
  }

  async idle(): Promise<void> {
    await this.#fold.idle()
  }

  async #run(): Promise<void> {
    const { environment } = this.#deps
    for (let batch = 0; batch < BATCHES_PER_RUN; batch++) {
      environment.root.resetReadTxn()
      const stored = this.#stored()
      const keys = [...environment.fold.getKeys({ limit: KEYS_PER_BATCH })]
      if (keys.length > 0) {
        const changes = await this.#changes(keys)
        await this.#deps.stored(changes.filter(({ account }) => account >= 0))
        await this.#apply(changes)
      }
      if (keys.length < KEYS_PER_BATCH) {
        await this.#close(stored)
        return
      }
    }
  }

  async #changes(keys: number[][]): Promise<Change[]> {
    const blocks = new Map<number, number[][]>()
    for (const key of keys) {
      const known = blocks.get(key[0]!)
      if (known === undefined) blocks.set(key[0]!, [key])
      else known.push(key)
    }
    const changes: Change[] = []
    for (const [block, named] of blocks) {
      changes.push({ block, keys: named, ...this.#look(block, named) })
      if (changes.length % BLOCKS_PER_TURN === 0) await turn()
    }
    return changes
  }

  #look(block: number, keys: number[][]): Pick<Change, 'account' | 'counted'> {
    const { environment } = this.#deps
    const bytes = environment.blocks.getBinary(block)
    const reader = bytes === undefined ? null : new BlockReader(bytes)
    if (reader === null || !reader.intact) return { account: -1, counted: this.#damaged(block, keys) }
    return { account: reader.account, counted: this.#counted(block, reader) }
  }

  #counted(block: number, reader: BlockReader): Change['counted'] {
    const { environment } = this.#deps
    const state = environment.states.getBinary(block)
    if (state === undefined) return null
    const folded = environment.folded.getBinary(block)
    const before = folded === undefined ? null : openShare(folded)
    try {
      // What was stored without reserving for it (an answer to STOP) costs nothing.
      if (reader.range === null && reader.day === 0) return null
      const share = blockShare(reader, new StateView(block, state), before?.day ?? this.#dayOf(reader))
      if (share === null) return null
      if (before === null && this.#isGivenBack(reader)) {
        this.#deps.log.error(
          { block, job: reader.job },
          'a block of a job that was over is left out of money and usage',
        )
        return null
      }
      return { account: reader.account, job: reader.job, before: before ?? emptyShare(share.day), share }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      this.#deps.log.error({ block, code: error.code }, 'a damaged state is left out of money and usage')
      return null
    }
  }

  /** All that its job held was given back when the job was over; nothing is claimed of such a job. */
  #isGivenBack({ job, range }: BlockReader): boolean {
    if (range === null) return false
    const hold = this.#deps.purses.hold(job)
    return hold === null || hold.closed
  }

  #dayOf({ day, job, account, createdSeconds }: BlockReader): number {
    if (day !== 0) return day
    return this.#deps.purses.hold(job)?.day ?? localDay(createdSeconds * 1000, this.#deps.zone(account)).day
  }

  /** Its messages failed. What single ones cost stands beside the block; of a job it is what is left over at its end. */
  #damaged(block: number, keys: number[][]): Change['counted'] {
    const { environment } = this.#deps
    const named = environment.fold.getBinary(keys[0]!)
    if (named === undefined || named.length === 0) return null
    const job = named.readDoubleLE(0)
    const cost = environment.loose.getBinary([job, block])
    const owner = this.#deps.job(job)
    const isCounted = environment.folded.doesExist(block)
    if (cost === undefined || cost.length === 0 || owner === null || isCounted) return null
    const micros = cost.readDoubleLE(0)
    const share = { ...emptyShare(0), reserved: micros, returned: micros }
    return { account: owner.account, job, before: emptyShare(0), share }
  }

  /** In one turn and one batch. */
  async #apply(changes: Change[]): Promise<void> {
    const writes: MoneyWrite[] = []
    for (const { block, keys, counted } of changes) {
      for (const key of keys) writes.push({ table: 'fold', key, value: null })
      if (counted === null) continue
      this.#settle(counted)
      this.#count(counted)
      writes.push({ table: 'folded', key: block, value: sealShare(counted.share) })
    }
    await this.#write(writes)
  }

  async #write(writes: MoneyWrite[]): Promise<void> {
    const batch = this.#deps.purses.batch()
    await this.#deps.write([...writes, ...batch.writes])
    batch.done()
    crashPoint('fold-stored')
  }

  #settle({ account, job, before, share }: NonNullable<Change['counted']>): void {
    const { purses } = this.#deps
    const purse = purses.change(account)
    const settled = share.charged + share.returned - before.charged - before.returned
    // A part that was returned and then turns out to have been sent is charged as far as the balance goes.
    const beyond = share.charged - before.charged - settled
    if (purse.prepaid && beyond > Math.max(0, purse.available)) forgo(share, beyond - Math.max(0, purse.available))
    purse.record.held -= settled
    purse.record.spent += share.charged - before.charged
    const hold = purses.changeHold(job)
    if (hold === null) return
    hold.seen += share.reserved - before.reserved
    hold.settled += settled
    for (const { country, channel, rows } of share.groups) {
      const group = hold.groups.find((one) => one.country === country && one.channel === channel)
      const known = before.groups.find((one) => one.country === country && one.channel === channel)
      if (group !== undefined) group.seen += rows - (known?.rows ?? 0)
    }
  }

  #count({ account, before, share }: NonNullable<Change['counted']>): void {
    const { usage } = this.#deps.purses
    for (const group of share.groups) {
      const known = before.groups.find(({ country, channel }) => country === group.country && channel === group.channel)
      const outcomes = noOutcomes()
      addOutcomes(outcomes, group.outcomes, 1)
      if (known !== undefined) addOutcomes(outcomes, known.outcomes, -1)
      usage.change([account, share.day, group.country, group.channel], outcomes, 1)
    }
  }

  /** Gives back what ended jobs hold of messages that no dispatcher claimed. `stored`: position of the states folded. */
  async #close(stored: number): Promise<void> {
    let isChanged = false
    for (const [job, position] of this.#closing) {
      if (position > stored) continue
      this.#closing.delete(job)
      this.#closeHold(job)
      isChanged = true
    }
    if (isChanged) await this.#write([])
  }

  #closeHold(job: number): void {
    const { purses } = this.#deps
    const hold = purses.changeHold(job)
    if (hold === null || hold.closed) return
    hold.closed = true
    purses.change(hold.account).record.held -= hold.amount - hold.seen
    hold.amount = hold.seen
    const state = this.#deps.job(job)?.isCanceled ? 'canceled' : 'failed'
    for (const group of hold.groups) {
      const outcomes = noOutcomes()
      outcomes.states[COUNTED.indexOf(state)] = group.rows - group.seen
      group.seen = group.rows
      purses.usage.change([hold.account, hold.day, group.country, group.channel], outcomes, 1)
    }
  }
}

/** Takes from what is charged what the balance does not cover. */
function forgo(share: BlockShare, micros: number): void {
  share.charged -= micros
  share.returned += micros
  let left = micros
  for (const { outcomes } of share.groups) {
    const part = Math.min(left, outcomes.cost)
    outcomes.cost -= part
    left -= part
  }
}
