/**
 * The real dispatcher over a real store with real SMPP channels over real sockets, in the process of the test, on a clock that
 * may fly: what the faults of carriers are tried on (reliability.md F8 to F13, F32). The carriers are scripted by the test.
 */
import { rmSync } from 'node:fs'
import type { Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { SmppCarrierConfig } from '../src/engine/config/smpp-carrier.js'
import { type Clock, systemClock, type Timers } from '../src/engine/contract/clock.js'
import type { JobDispatch } from '../src/engine/contract/lane.js'
import { silentLog } from '../src/engine/contract/log.js'
import { STATE } from '../src/engine/contract/message.js'
import type { Labels, Metrics } from '../src/engine/contract/metrics.js'
import type { JobProgress } from '../src/engine/contract/thread.js'
import type { ReceiptTerms } from '../src/engine/dispatch/carrier-receipts.js'
import { Carrier } from '../src/engine/dispatch/carriers.js'
import { Dispatcher } from '../src/engine/dispatch/dispatcher.js'
import { BlockBuilder } from '../src/engine/store/block.js'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { type DecodedState, decodeState, type HistoryItem } from '../src/engine/store/decoded-state.js'
import { type Environment, openEnvironment } from '../src/engine/store/environment.js'
import { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { createSmppChannel, type SmppCarrierChannel } from '../src/smpp/smpp-channel.js'
import { jobDispatch, record, tempDir } from './dispatch-harness.js'
import { seed } from './seed.js'
import { carrierConfig } from './smpp-support.js'

const JOB = 1

/** Time that runs so many times as fast, timers included; `skip` lets days pass for the wall clock. */
export class FlyingClock implements Clock, Timers {
  readonly #factor: number
  readonly #bornAt = systemClock.monotonic()
  readonly #epochMs = systemClock.now()
  #skippedMs = 0

  constructor(factor: number) {
    this.#factor = factor
  }
  monotonic(): number {
    return (systemClock.monotonic() - this.#bornAt) * this.#factor
  }
  now(): number {
    return this.#epochMs + this.#skippedMs + this.monotonic()
  }
  skip(ms: number): void {
    this.#skippedMs += ms
  }
  soon(work: () => void): void {
    setImmediate(work)
  }
  after(ms: number, work: () => void): NodeJS.Timeout {
    return setTimeout(work, ms / this.#factor)
  }
  stop(timer: object): void {
    clearTimeout(timer as NodeJS.Timeout)
  }
}

/** Sums of all counters, by name and labels. */
export class CountingMetrics implements Metrics {
  readonly #counts = new Map<string, number>()

  counter(name: string, labels: Labels = {}) {
    const key = `${name} ${Object.values(labels).join(' ')}`
    return {
      add: (count: number) => {
        this.#counts.set(key, (this.#counts.get(key) ?? 0) + count)
      },
    }
  }
  gauge() {
    return { set() {} }
  }
  histogram() {
    return { observe() {} }
  }
  /** Of all counters of this name whose labels hold the word. */
  sum(name: string, word: string): number {
    let sum = 0
    for (const [key, count] of this.#counts) {
      const [own, ...labels] = key.split(' ')
      if (own === name && labels.includes(word)) sum += count
    }
    return sum
  }
}

export interface StandCarrier {
  /** Its address and whatever is not as usual. */
  config: Partial<SmppCarrierConfig> & { port: number }
  /** To whom it brings a message each, in order; the text is the row. Of a number that is there twice the last one counts as its fate. */
  numbers: readonly string[]
  /** Further ones, due when so much time has passed. */
  later?: { numbers: readonly string[]; afterMs: number }
  firstSequence?: number
  terms?: Partial<ReceiptTerms>
}

export interface StandOptions {
  carriers: readonly StandCarrier[]
  /** How fast time flies. */
  factor?: number
  job?: Partial<JobDispatch>
}

/** What became of a number's message. */
export interface Fate {
  state: number
  history: HistoryItem[]
}

export class CarrierStand {
  readonly clock: FlyingClock
  readonly metrics = new CountingMetrics()
  readonly channels: SmppCarrierChannel[] = []
  readonly #options: StandOptions
  readonly #folder: string
  /** Number → block and place. */
  readonly #places = new Map<string, [number, number]>()
  #environment!: Environment
  #dispatcher!: Dispatcher
  #progress: JobProgress | null = null
  #listeners: (() => void)[] = []

  private constructor(options: StandOptions, folder: string) {
    this.#options = options
    this.#folder = folder
    this.clock = new FlyingClock(options.factor ?? 1)
  }

  static async start(t: Test, options: StandOptions): Promise<CarrierStand> {
    const folder = tempDir(t)
    const stand = new CarrierStand(options, folder)
    t.teardown(async () => {
      await stand.stop()
      rmSync(folder, { recursive: true, force: true })
    })
    await stand.#open(true)
    return stand
  }

  get total(): number {
    return this.#options.carriers.reduce(
      (sum, { numbers, later }) => sum + numbers.length + (later?.numbers.length ?? 0),
      0,
    )
  }

  /** Stops without a drain, and goes on as another process would. */
  async restart(): Promise<void> {
    await this.stop()
    await this.#open(false)
  }

  async stop(): Promise<void> {
    await this.#dispatcher.drain(0)
    await this.#environment.root.close()
  }

  async #open(isFirst: boolean): Promise<void> {
    const { clock, metrics } = this
    const environment = openEnvironment(this.#folder)
    const store = new LmdbStore(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }))
    this.#environment = environment
    if (isFirst) for (const [route, carrier] of this.#options.carriers.entries()) this.#append(store, route, carrier)
    this.#dispatcher = new Dispatcher({
      environment,
      clock,
      timers: clock,
      random: new Random(seed),
      metrics,
      log: silentLog,
      termsOf: (route) => ({ carriers: [{ id: `c${route}`, order: 1, weight: 1 }], failoverAfterMs: 0 }),
      hasSpace: () => true,
      port: {
        progress: (jobs) => this.#tell(jobs),
        finished() {},
        inbound() {},
        fatal(error) {
          throw error
        },
      },
    })
    const job = jobDispatch(JOB, this.total, { distinct: true, ...this.#options.job })
    await this.#dispatcher.start(this.#carriers(), [job])
  }

  #append(store: LmdbStore, route: number, { numbers, later }: StandCarrier): void {
    this.#put(store, route, numbers)
    if (later !== undefined)
      this.#put(store, route, later.numbers, Math.ceil((this.clock.now() + later.afterMs) / 1000))
  }

  #put(store: LmdbStore, route: number, numbers: readonly string[], dueSeconds = 0): void {
    const builder = new BlockBuilder({ job: JOB, account: 1, route, from: 'TEST', createdSeconds: 1, range: null })
    let block = store.numbers.take()
    const seal = (): void => {
      store.append({ job: JOB, blocks: [builder.seal(block)], range: null })
      block = store.numbers.take()
    }
    for (const [row, digits] of numbers.entries()) {
      this.#places.set(digits, [block, builder.count])
      const bytes = Buffer.from(`row ${row}`)
      const part = { bytes, partStarts: new Uint32Array([0]), partLengths: new Uint16Array([bytes.length]) }
      builder.add(record(0, { digits, dueSeconds, ...part }))
      if (builder.full) seal()
    }
    if (builder.count > 0) seal()
  }

  #carriers(): Carrier[] {
    const { clock, metrics } = this
    this.channels.length = 0
    return this.#options.carriers.map(({ config, firstSequence, terms }, n) => {
      const channel = createSmppChannel(carrierConfig({ id: `c${n}`, host: '127.0.5.1', ...config }), {
        ...{ sink: this.#dispatcher.inbox.sink(n), clock, timers: clock, metrics, log: silentLog },
        random: new Random(seed + n),
        ...(firstSequence === undefined ? {} : { firstSequence }),
      })
      this.channels.push(channel)
      return new Carrier(channel, n, { terms: { request: 'none', timeoutSeconds: 3_600, ...terms }, metrics })
    })
  }

  #tell(jobs: JobProgress[]): void {
    for (const one of jobs) this.#progress = one
    for (const listener of this.#listeners.splice(0)) listener()
  }

  /** Resolves when the durable counts of states make it so. */
  async until(isSo: (states: readonly number[]) => boolean): Promise<void> {
    while (this.#progress === null || !isSo(this.#progress.states)) {
      await new Promise<void>((resolve) => this.#listeners.push(resolve))
    }
  }

  /** No message waits, is under way or will be tried again. */
  settled(): Promise<void> {
    return this.until((states) => {
      // Those that were never claimed are counted nowhere: what is queued again stands against them.
      const left = states.reduce((sum, count) => sum + count, 0) - states[STATE.queued]! - states[STATE.sending]!
      return left >= this.total
    })
  }

  /** Everything that came in so far is worked off and durable. */
  async turn(): Promise<void> {
    await new Promise<void>((resolve) => this.#dispatcher.states([], () => resolve()))
  }

  /** What became of each number, by the stored histories; of those that nobody has claimed nothing. */
  async fates(): Promise<Map<string, Fate>> {
    const blocks = [...new Set([...this.#places.values()].map(([block]) => block))]
    const bytes = await new Promise<(Uint8Array | null)[]>((resolve) => this.#dispatcher.states(blocks, resolve))
    const states = new Map<number, DecodedState>()
    for (const [index, block] of blocks.entries()) {
      const of = bytes[index]
      if (of != null) states.set(block, decodeState(of))
    }
    const fates = new Map<string, Fate>()
    for (const [number, [block, place]] of this.#places) {
      const state = states.get(block)
      if (state !== undefined) fates.set(number, { state: state.states[place]!, history: state.history(place) })
    }
    return fates
  }
}
