/** One run of the simulation: the product, its carriers and users, and what goes wrong, from one seed. */
import { Random } from '../../src/engine/base/random.js'
import type { Breakage } from './breakages.js'
import { Driver } from './driver.js'
import { checkEnd, noteEnded } from './end-check.js'
import { Faults } from './faults.js'
import { Ledger } from './ledger.js'
import { Disk } from './memory-store.js'
import { type Mode, type Plan, planOf } from './plan.js'
import { Product } from './product.js'
import { SimulatedDisk } from './simulated-disk.js'
import { Smsc } from './smsc.js'
import { SubmitWatch } from './submit-watch.js'
import { Trace } from './trace.js'
import { demand, Violation } from './violation.js'
import { Life, VirtualTime } from './virtual-time.js'
import { WebhookSink } from './webhook-sink.js'

/** Without faults everything is at its end within so long, and the time that the rates ask for. */
const BOUND_MS = 20 * 60_000
const WEBHOOKS_MS = 3 * 3_600_000
/** From the end of a run to the answer of its last recovery. */
const RECOVERY_MS = 120_000
const DRAIN_MS = 10_000
/** No process is up again sooner: to load its modules takes longer. */
const DOWN_MS = 1_000

export interface RunResult {
  seed: number
  mode: Mode
  violation: Violation | null
  hash: string
  /** What happened last, a line each. */
  last: string[]
  rows: number
  submits: number
  crashes: number
  virtualMs: number
}

export interface RunOptions {
  breakage?: Breakage | null
  /** Instead of that of the seed. */
  change?(plan: Plan): void
}

/** The same for the same seed, mode and options, event for event. */
export async function simulate(seed: number, mode: Mode, options: RunOptions = {}): Promise<RunResult> {
  const plan = planOf(seed, mode)
  options.change?.(plan)
  const world = new World(plan, options.breakage ?? null)
  return await world.run()
}

export class World {
  readonly plan: Plan
  readonly time: VirtualTime
  readonly trace = new Trace()
  readonly ledger = new Ledger()
  readonly disk = new Disk()
  readonly random: Random
  readonly smscs: Smsc[]
  readonly sink: WebhookSink
  readonly driver: Driver
  readonly store: SimulatedDisk
  readonly #breakage: Breakage | null
  #product: Product | null = null
  #life: Life | null = null
  #lives = 0
  #connections = 0
  #violation: Violation | null = null
  #hoursEndMs = Number.POSITIVE_INFINITY
  #isEnding = false

  constructor(plan: Plan, breakage: Breakage | null) {
    this.plan = plan
    this.#breakage = breakage
    this.time = new VirtualTime(plan.epochMs)
    this.random = new Random((plan.seed ^ 0x5eed) >>> 0)
    const { time, trace, ledger, random, disk } = this
    this.store = new SimulatedDisk(plan, random, breakage)
    const watch = new SubmitWatch({ plan, ledger, time, hoursEndMs: () => this.#hoursEndMs })
    this.smscs = plan.carriers.map((carrier, index) => {
      const watched = {
        watch: (submit: Parameters<typeof watch.written>[0]) => this.guarded(() => watch.written(submit)),
      }
      return new Smsc({ plan: carrier, index, time, random, trace, ledger, ...watched })
    })
    this.sink = new WebhookSink(time, random)
    const rest = { product: () => this.#product, failed: (error: unknown) => this.#fatal(error) }
    this.driver = new Driver({ plan, ledger, time, random, disk, breakage, ...rest })
  }

  get product(): Product | null {
    return this.#product
  }
  get life(): Life | null {
    return this.#life
  }

  /** A broken promise ends the run. */
  guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    const violation = error instanceof Violation ? error : new Violation('I0', String((error as Error).stack ?? error))
    this.#violation ??= violation
  }

  /** The product says that it must stop: by right only where its store failed. */
  #fatal(error: unknown): void {
    const isOfStore = (error as { code?: unknown }).code === 'STORE_FAILED' && this.store.hasFailed
    if (!isOfStore) {
      this.#fail(error)
      return
    }
    this.note('fail-stop')
    this.kill(false)
  }

  note(what: string, one = 0): void {
    this.trace.note(this.time.nowMs, what, one)
  }

  start(isSilent = false): void {
    if (this.#product !== null || (this.#isEnding && !isSilent)) return
    const { plan, time, disk, random, smscs, sink, ledger, driver } = this
    const life = new Life(this.#lives++)
    ledger.lives.push({ number: life.number, begunMs: time.nowMs, endedMs: -1, wasStopped: false })
    this.#life = life
    this.store.reset()
    this.note('start', life.number)
    this.guarded(() => {
      this.#product = new Product({
        ...{ plan, life, time, disk, random, smscs, sink, fate: this.store, breakage: this.#breakage },
        nextConnection: () => this.#connections++,
        finished: (job) => driver.finished(job),
        fatal: (error) => !life.isOver && this.#fatal(error),
      })
      driver.restarted()
      this.#product.start(driver.openJobs(), () => driver.tellAll(), isSilent)
    })
  }

  /** The process is gone, and comes back after a while. */
  kill(wasStopped: boolean): void {
    const life = this.#life
    const product = this.#product
    if (life === null || product === null) return
    this.note('end', life.number)
    life.isOver = true
    this.#life = null
    this.#product = null
    product.crash()
    Object.assign(this.ledger.lives[life.number]!, { endedMs: this.time.nowMs, wasStopped })
    const isLost = !wasStopped && this.random.next() < 0.3
    for (const smsc of this.smscs) for (const connection of smsc.connections()) connection.abandon(isLost)
    this.guarded(() => noteEnded(this))
    this.time.after(DOWN_MS + this.random.next() * 2_000, () => this.start())
  }

  /** SIGTERM: open answers come in, everything is made durable, and it ends. */
  stop(): void {
    const { product, time } = this
    const life = this.#life
    if (product?.isReady !== true || life === null) return
    this.note('stop', life.number)
    product.isReady = false
    product.dispatcher.drain(time.wallMs + DRAIN_MS).then(
      () => this.#life === life && this.kill(true),
      (error) => this.#life === life && this.#fatal(error),
    )
    time.settle()
  }

  async run(): Promise<RunResult> {
    const { plan, time } = this
    const faults = new Faults(this)
    try {
      this.start()
      faults.plan()
      await this.#until(plan.horizonMs, () => false)
      if (plan.mode === 'liveness') await this.#calm(faults)
      await this.#lastRecovery()
      if (this.#violation === null) checkEnd(this)
    } catch (error) {
      this.#fail(error)
    }
    if (this.#life !== null) this.#life.isOver = true
    const { ledger, trace } = this
    return {
      ...{ seed: plan.seed, mode: plan.mode, violation: this.#violation, hash: trace.hash, last: trace.last(40) },
      ...{ rows: ledger.rows.length, submits: ledger.submits.length, crashes: ledger.lives.length - 1 },
      virtualMs: time.nowMs,
    }
  }

  /** Up to that time, or until it is so, or a promise is broken. */
  async #until(ms: number, isSo: () => boolean): Promise<void> {
    await this.time.run(ms, () => this.#violation !== null || isSo())
  }

  /** Faults are over: everything must come to its end within a bound. */
  async #calm(faults: Faults): Promise<void> {
    const { time, driver, plan, ledger } = this
    this.note('calm')
    faults.end()
    this.#hoursEndMs = time.nowMs
    const slowest = Math.min(
      ...plan.carriers.map(({ rate }) => rate ?? 1_000),
      ...plan.jobs.map(({ rate, accountRate }) => Math.min(rate || 1_000, accountRate || 1_000)),
    )
    const parts = ledger.rows.reduce((sum, row) => sum + row.parts, 0)
    const boundMs = time.nowMs + BOUND_MS + (3_000 * parts) / slowest
    let isReleased = false
    await this.#until(boundMs, () => {
      if (!isReleased && this.#product?.isReady === true) {
        isReleased = true
        driver.release()
      }
      return driver.isFinished && this.#product?.isReady === true
    })
    const open = driver.jobs.filter(({ stage }) => stage !== 'finished').map((job) => job.plan.job)
    if (this.#violation === null) demand(open.length === 0, 'I12', () => `jobs ${open} are not at their end`)
    await this.#drain()
    if (this.#violation === null) await this.#webhooks()
  }

  async #drain(): Promise<void> {
    const { time, product } = this
    let isDone = product === null
    product?.dispatcher.drain(time.wallMs + DRAIN_MS).then(
      () => {
        isDone = true
      },
      (error) => this.#fatal(error),
    )
    time.settle()
    await this.#until(time.nowMs + 2 * DRAIN_MS, () => isDone)
    if (this.#violation === null) demand(isDone, 'I12', () => 'it does not stop')
  }

  async #webhooks(): Promise<void> {
    const { time, product } = this
    const backlog = (): number => product?.webhooks.backlog ?? 0
    await this.#until(time.nowMs + WEBHOOKS_MS, () => backlog() === 0)
    if (this.#violation === null) demand(backlog() === 0, 'I12', () => `${backlog()} events were not delivered`)
  }

  /** What the disk holds after everything: read by the real recovery, with no carrier to send to. */
  async #lastRecovery(): Promise<void> {
    if (this.#violation !== null) return
    this.#isEnding = true
    this.store.behave()
    this.kill(false)
    this.start(true)
    let isStored = false
    const { time } = this
    await this.#until(time.nowMs + RECOVERY_MS, () => this.#product?.isReady === true)
    if (this.#violation === null) demand(this.#product?.isReady === true, 'I12', () => 'it does not recover')
    this.#product?.dispatcher.commits.snapshot(() => {
      isStored = true
    })
    this.#product?.dispatcher.wake()
    await this.#until(time.nowMs + RECOVERY_MS, () => isStored)
    if (this.#violation === null) demand(isStored, 'I12', () => 'its states are not stored')
  }
}
