/** Whoever uses the product in a simulation: gives it jobs, changes its mind, and notes what it was told. Survives its crashes. */
import type { Random } from '../../src/engine/base/random.js'
import type { JobDispatch } from '../../src/engine/contract/lane.js'
import { messageRef } from '../../src/engine/contract/message.js'
import type { SealedBlock } from '../../src/engine/contract/store.js'
import { BlockBuilder, type NewRecord } from '../../src/engine/store/block.js'
import type { Breakage } from './breakages.js'
import type { Ledger, Row } from './ledger.js'
import type { Disk } from './memory-store.js'
import { markerOf } from './pdus.js'
import type { Action, JobPlan, Plan } from './plan.js'
import type { Product } from './product.js'
import { demand } from './violation.js'
import type { VirtualTime } from './virtual-time.js'

const FIRST_NUMBER = 447_700_000_000
/** Recipients of a job whose recipients are not distinct. */
const FEW = 7
const CANCELED_AT_ONCE = 12
const LEFT_PER_BLOCK = 256

export interface Job {
  plan: JobPlan
  rows: Row[]
  /** Of the append under way, or of the one that was acknowledged. */
  blocks: number[]
  stage: 'none' | 'appending' | 'accepted' | 'finished'
  state: JobDispatch['state']
  /** The sending hours were taken away. */
  isFree: boolean
}

export interface DriverDeps {
  plan: Plan
  ledger: Ledger
  time: VirtualTime
  random: Random
  disk: Disk
  breakage: Breakage | null
  /** The product as it is now; null: it is down. */
  product(): Product | null
  failed(error: unknown): void
}

export class Driver {
  readonly #deps: DriverDeps
  readonly jobs: Job[]
  readonly #builder: (job: JobPlan) => BlockBuilder

  constructor(deps: DriverDeps) {
    this.#deps = deps
    const createdSeconds = Math.floor(deps.time.wallMs / 1000)
    this.#builder = ({ job, account, route, from }) =>
      new BlockBuilder({ job, account, route, from, createdSeconds, range: null })
    this.jobs = deps.plan.jobs.map((plan) => {
      const [rows, blocks]: [Row[], number[]] = [[], []]
      return { plan, rows, blocks, stage: 'none', state: 'running', isFree: false }
    })
    for (const job of this.jobs) this.#makeRows(job)
    for (const job of this.jobs) deps.time.after(job.plan.appendedAtMs, () => this.#append(job))
  }

  #makeRows(job: Job): void {
    const { ledger, random, time, plan: all } = this.#deps
    const { plan } = job
    const nowSeconds = Math.floor(time.wallMs / 1000)
    for (let n = 0; n < plan.rows; n++) {
      const within = Math.ceil(all.horizonMs / 1000)
      const dueSeconds = random.next() < plan.dueShare ? nowSeconds + random.below(within + 1) : 0
      const validity = random.next() < plan.validityShare ? 1 + random.below(30) : 0
      const row: Row = {
        ...{ row: ledger.rows.length, job: plan, dueSeconds, block: 0, place: 0, acceptedMs: -1, canceledMs: -1 },
        number: FIRST_NUMBER + plan.job * 1_000_000 + (plan.distinct ? n : random.below(FEW)),
        parts: 1 + random.below(plan.partsMax),
        expiresSeconds: validity === 0 ? 0 : Math.max(dueSeconds, nowSeconds) + validity,
        submits: [],
        receipts: [],
      }
      ledger.enter(row)
      job.rows.push(row)
    }
  }

  /** The settings as the dispatcher gets them. */
  dispatchOf({ plan, rows, state, isFree }: Job): JobDispatch {
    const { breakage, plan: all } = this.#deps
    return {
      ...{ job: plan.job, account: plan.account, weight: 1 + (plan.account % 3), priority: plan.priority, state },
      ratePerSecond: breakage?.ignoresPace === true ? 0 : plan.rate,
      accountRatePerSecond: plan.accountRate,
      onUnanswered: breakage?.ignoresHold === true ? 'resend' : plan.onUnanswered,
      sendAtMs: plan.sendAfterMs === 0 ? 0 : all.epochMs + plan.sendAfterMs,
      hours: isFree || breakage?.ignoresHours === true ? null : plan.hours,
      accepted: rows.length,
      openEnded: false,
      distinct: breakage?.ignoresOrder === true ? true : plan.distinct,
    }
  }

  /** Those that a start of the product is told of. */
  openJobs(): JobDispatch[] {
    return this.jobs.filter(({ stage }) => stage === 'accepted').map((job) => this.dispatchOf(job))
  }

  #append(job: Job): void {
    const { time, failed } = this.#deps
    const product = this.#deps.product()
    if (product === null || job.stage !== 'none') return
    job.stage = 'appending'
    const blocks = this.#blocksOf(job, product)
    job.blocks = blocks.map(({ block }) => block)
    product.blocks.appendLater([{ job: job.plan.job, blocks, range: null }], []).then(() => {
      this.#accepted(job)
      this.tell(job)
    }, failed)
    time.settle()
  }

  #accepted(job: Job): void {
    const { time, ledger } = this.#deps
    job.stage = 'accepted'
    for (const row of job.rows) {
      row.acceptedMs = time.nowMs
      ledger.byPlace.set(messageRef(row.block, row.place), row)
    }
  }

  #blocksOf(job: Job, product: Product): SealedBlock[] {
    const builder = this.#builder(job.plan)
    const blocks: SealedBlock[] = []
    let open: Row[] = []
    const seal = (): void => {
      const block = product.blocks.numbers.take()
      for (const row of open) row.block = block
      open = []
      blocks.push(builder.seal(block))
    }
    for (const row of job.rows) {
      row.place = builder.add(recordOf(row))
      open.push(row)
      if (builder.full || open.length === LEFT_PER_BLOCK) seal()
    }
    if (open.length > 0) seal()
    return blocks
  }

  /** The product is up again: what was on its way to the disk is there whole, or not at all. */
  restarted(): void {
    for (const job of this.jobs) {
      if (job.stage === 'none') this.#deps.time.after(0, () => this.#append(job))
      if (job.stage !== 'appending') continue
      const { disk } = this.#deps
      const there = job.blocks.filter((block) => disk.rows('queue', 'blocks').find(block) !== null).length
      demand(there === 0 || there === job.blocks.length, 'I1', () => `job ${job.plan.job} was accepted by half`)
      if (there > 0) this.#accepted(job)
      else {
        job.stage = 'none'
        this.#deps.time.after(0, () => this.#append(job))
      }
    }
  }

  /** The settings of the job, to the dispatcher. */
  tell(job: Job): void {
    const product = this.#deps.product()
    if (product?.isReady !== true || job.stage !== 'accepted') return
    product.dispatcher.job(this.dispatchOf(job))
    this.#deps.time.settle()
  }

  tellAll(): void {
    for (const job of this.jobs) this.tell(job)
  }

  act({ kind, pick }: Action): void {
    const job = this.jobs[Math.floor(pick * this.jobs.length)]!
    if (job.stage !== 'accepted') return
    if (kind === 'optOut') this.#optOut(job, pick)
    else if (kind === 'cancelMessages') this.#cancelMessages(job, pick)
    else if (job.state !== 'canceled') {
      job.state = kind === 'pause' ? 'paused' : kind === 'cancel' ? 'canceled' : 'running'
      if (kind === 'cancel') for (const row of job.rows) this.#canceled(row)
      this.tell(job)
    }
  }

  #canceled(row: Row): void {
    if (row.canceledMs < 0) row.canceledMs = this.#deps.time.nowMs
  }

  #optOut(job: Job, pick: number): void {
    const { time, ledger, failed } = this.#deps
    const product = this.#deps.product()
    if (product === null) return
    const { number } = job.rows[Math.floor(pick * 7919) % job.rows.length]!
    const { account } = job.plan
    const change = product.book.stage({ account, number }, [{ source: 'api', atMs: time.wallMs }])
    product.book.commit([change]).then(() => {
      ledger.optOuts.set(`${account} ${number}`, time.nowMs)
    }, failed)
    time.settle()
  }

  #cancelMessages(job: Job, pick: number): void {
    const { time } = this.#deps
    const product = this.#deps.product()
    if (product?.isReady !== true) return
    const first = Math.floor(pick * 104_729) % job.rows.length
    const rows = job.rows.slice(first, first + CANCELED_AT_ONCE)
    const refs = rows.map(({ block, place }) => messageRef(block, place))
    product.dispatcher.settling.cancel(refs, () => {
      const states = [...new Set(rows.map(({ block }) => block))]
      // What of them was canceled is asked: the rest was on its way.
      product.dispatcher.states(states, (found) =>
        this.#noteCanceled(rows, new Map(states.map((b, n) => [b, found[n]!]))),
      )
    })
    time.settle()
  }

  #noteCanceled(rows: readonly Row[], states: ReadonlyMap<number, Uint8Array | null>): void {
    for (const row of rows) {
      const state = states.get(row.block)
      if (state != null && state[STATE_HEAD + row.place] === CANCELED) this.#canceled(row)
    }
  }

  finished(number: number): void {
    const job = this.jobs.find(({ plan }) => plan.job === number)
    if (job !== undefined) job.stage = 'finished'
  }

  /** Whatever holds messages up by intent is over. */
  release(): void {
    for (const job of this.jobs) {
      job.isFree = true
      if (job.state === 'paused') job.state = 'running'
      if (job.stage === 'none') this.#append(job)
    }
    this.tellAll()
  }

  get isFinished(): boolean {
    return this.jobs.every(({ stage }) => stage === 'finished')
  }
}

/** Of a block's state as it is stored and shown: its head, then an octet a message (engine/store/block-state.ts). */
const STATE_HEAD = 28
const CANCELED = 8

function recordOf({ row, number, parts, dueSeconds, expiresSeconds }: Row): NewRecord {
  const texts = Array.from({ length: parts }, (_, part) => markerOf(row, part).padEnd(40, 'x'))
  return {
    ...{ channel: 0, coding: 0, shift: 0, wantsReceipt: true, isShortCode: false, phone: 0, digits: String(number) },
    ...{ dueSeconds, expiresSeconds, line: row, offset: row, length: 1, partCount: parts },
    bytes: Buffer.from(texts.join('')),
    partStarts: new Uint32Array(texts.map((_, part) => part * 40)),
    partLengths: new Uint16Array(texts.map(({ length }) => length)),
  }
}
