/**
 * After a start: brings the states up to the log, settles what was under way, gives unsent messages back to their lanes
 * and awaits receipts again. Blocks are looked at one by one, so memory does not grow with what is open.
 */
import { crashPoint } from '../base/crash-point.js'
import type { Clock } from '../contract/clock.js'
import { type MessageRef, messageRef, placeOf, STATE } from '../contract/message.js'
import type { Metrics } from '../contract/metrics.js'
import { OUTCOME } from '../contract/outcome.js'
import type { BlockState } from '../store/block-state.js'
import { carrierNames } from '../store/carrier-names.js'
import { NO_CARRIER } from '../store/entry.js'
import { eachOutcome } from '../store/outcome-log.js'
import type { Ledger } from './ledger.js'
import type { PutOff } from './put-off.js'
import type { Receipts } from './receipts.js'
import type { Seating } from './seating.js'
import { Talks } from './talks.js'

const BLOCKS_PER_COMMIT = 512
const ORPHANS_PER_COMMIT = 10_000

export interface Recovered {
  blocks: number
  /** Messages that had been authorised and have no recorded answer. */
  unanswered: number
}

export interface RecoveryDeps {
  clock: Clock
  metrics: Metrics
  seating: Seating
  putOff: PutOff
}

export class Recovery {
  readonly #ledger: Ledger
  readonly #receipts: Receipts
  readonly #clock: Clock
  readonly #metrics: Metrics
  readonly #seating: Seating
  readonly #talks: Talks
  readonly #putOff: PutOff
  #names: string[] = []

  constructor(ledger: Ledger, receipts: Receipts, deps: RecoveryDeps) {
    this.#ledger = ledger
    this.#receipts = receipts
    this.#clock = deps.clock
    this.#metrics = deps.metrics
    this.#seating = deps.seating
    this.#talks = new Talks(ledger)
    this.#putOff = deps.putOff
  }

  /** Jobs must be on the board before. @throws EngineError STORE_CORRUPT, STORE_FAILED. */
  async run(): Promise<Recovered> {
    const { store, residents } = this.#ledger
    this.#names = carrierNames(store.environment)
    this.#receipts.load()
    const carriers = this.#replay()
    const recovered: Recovered = { blocks: 0, unanswered: 0 }
    for (const block of [...store.openBlocks()]) {
      const state = residents.open(block)
      if (state === null) {
        this.#ledger.commit.closed.push(block)
        continue
      }
      recovered.blocks++
      recovered.unanswered += this.#settleUnanswered(state, carriers)
      this.#resume(state)
      if (recovered.blocks % BLOCKS_PER_COMMIT === 0) await this.#flush()
    }
    await this.#flush()
    crashPoint('blocks-recovered')
    await this.#awaitLate()
    await this.#rejoin()
    return recovered
  }

  /** Blocks that are closed, but whose receipts may still come. */
  async #awaitLate(): Promise<void> {
    const { store, residents } = this.#ledger
    const blocks = new Set(store.lateBlocks())
    let seen = 0
    for (const block of blocks) {
      const state = residents.state(block)
      if (state?.done === true) this.#receipts.reawait(state)
      if (++seen % BLOCKS_PER_COMMIT === 0) await this.#flush()
    }
  }

  /** What earlier runs parked may match now: the configuration can have changed. */
  async #rejoin(): Promise<void> {
    let seen = 0
    for (const orphan of this.#receipts.stored()) {
      this.#receipts.retry(orphan)
      if (++seen % ORPHANS_PER_COMMIT === 0) await this.#flush()
    }
    await this.#flush()
  }

  async #flush(): Promise<void> {
    const { sequence } = await this.#ledger.flush(true)
    this.#ledger.trim(sequence)
  }

  /** Applies what the log has beyond the snapshots; returns which carrier each unsettled block last went to. */
  #replay(): Map<number, number> {
    const carriers = new Map<number, number>()
    this.#ledger.store.replay((sequence, batch) => {
      eachOutcome(batch, (block, entry) => {
        const state = this.#ledger.residents.open(block)
        if (state === null || sequence <= state.sequence) return
        state.apply(entry)
        if (entry.carrier !== NO_CARRIER) carriers.set(block, entry.carrier)
      })
    })
    return carriers
  }

  #settleUnanswered(state: BlockState, carriers: Map<number, number>): number {
    const { board } = this.#ledger
    let count = 0
    for (let place = 0; place < state.count; place++) {
      if (state.states[place] !== STATE.sending) continue
      const hold = board.totals(state.job).dispatch?.onUnanswered === 'hold'
      const carrier = carriers.get(state.block) ?? NO_CARRIER
      const atMs = this.#clock.now()
      // Of a message of several parts each that is open is listed, and none that was answered.
      for (let part = 0, open = state.open.of(place); open !== 0; part++, open >>>= 1) {
        if ((open & 1) === 1) this.#unanswered(state, messageRef(state.block, place), { part, hold, carrier, atMs })
      }
      this.#talks.enterUnknown(state, place, { fixedSender: this.#fixedSender(carrier), atMs })
      this.#count(carrier, hold ? 'hold' : 'resend')
      count++
      crashPoint('unanswered-found')
    }
    return count
  }

  #unanswered(
    state: BlockState,
    ref: MessageRef,
    { part, hold, carrier, atMs }: { part: number; hold: boolean; carrier: number; atMs: number },
  ): void {
    const entry = this.#ledger.own(OUTCOME.unanswered, ref, atMs)
    entry.part = part
    entry.attempt = state.attempts[placeOf(ref)]!
    entry.status = hold ? 1 : 0
    entry.carrier = carrier
    this.#ledger.record(state, entry)
  }

  #fixedSender(carrier: number): string | null {
    return this.#seating.carrier(this.#names[carrier] ?? '')?.channel.fixedSender ?? null
  }

  #count(carrier: number, policy: string): void {
    const labels = { carrier: this.#names[carrier] ?? 'none', policy }
    this.#metrics.counter('trunkline_unanswered_total', labels).add(1)
  }

  /** Unsent messages go back to their lane, or end with their job; accepted ones await their receipts. */
  #resume(state: BlockState): void {
    const { board } = this.#ledger
    const dispatch = board.totals(state.job).dispatch
    if (state.unsent) {
      if (dispatch === null || dispatch.state === 'canceled') this.cancelUnsent(state)
      else {
        this.#seating.recover(state)
        this.#putOff.recover(state)
        board.lane(state.job, state.route)?.recovered.push(state.block)
      }
    }
    this.#receipts.reawait(state)
    if (state.done) this.#ledger.close(state, this.#clock.now())
  }

  cancelUnsent(state: BlockState): void {
    for (let place = 0; place < state.count; place++) {
      const now = state.states[place]
      if (now !== STATE.queued && now !== STATE.scheduled) continue
      const entry = this.#ledger.own(OUTCOME.canceled, messageRef(state.block, place), this.#clock.now())
      this.#ledger.record(state, entry)
    }
  }
}
