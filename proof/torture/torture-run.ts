/** One run of the torture: an engine that ends in every way there is, amid troubles, for so long; then calm, and a reconcile. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Random } from '../../src/engine/base/random.js'
import { FaultyDisk, noFaultyDisk } from '../../test/disk-faults.js'
import type { Report } from './checker.js'
import { EngineEnds } from './engine-ends.js'
import { StartFailed } from './engine-under-test.js'
import { Stand } from './stand.js'
import type { Violation } from './violation.js'
import { type Peaks, Watch } from './watch.js'
import { Weather } from './weather.js'

/** A violation says enough; a thousand of them are one. */
const VIOLATIONS_MAX = 200
const PROGRESS_MS = 5_000
const SLOWEST_START_MS = 60_000

export interface TortureOptions {
  seed: number
  minutes: number
  /** Series of troubles side by side. */
  troubles: number
  perSecond: number
  /** In milliseconds, of the calm at the end. */
  calmMs: number
  host?: string
  /** The folder stays when something is wrong, to be looked at. */
  keep: boolean
  say: (line: string) => void
}

export interface TortureResult {
  ends: Record<string, number>
  endsTotal: number
  overlapping: number
  pagesLost: number
  troubles: Record<string, number>
  accepted: number
  repeatedRequests: number
  looks: number
  slowestStartMs: number
  /** From the end of the troubles until nothing waited. */
  drainMs: number
  seconds: number
  peaks: Peaks
  report: Report | null
  violations: Violation[]
  /** Where ledgers and data are; null: removed. */
  folder: string | null
}

export async function torture(options: TortureOptions): Promise<TortureResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-torture-'))
  const run = await TortureRun.open(folder, options)
  let result: TortureResult | null = null
  try {
    result = await run.run()
    return result
  } finally {
    await run.close()
    const isWrong = result === null || result.violations.length > 0
    if (!(isWrong && options.keep)) {
      rmSync(folder, { recursive: true, force: true })
      if (result !== null) result.folder = null
    }
  }
}

class TortureRun {
  readonly #stand: Stand
  readonly #options: TortureOptions
  readonly #disk: FaultyDisk | null
  readonly #weather: Weather
  readonly #ends: EngineEnds
  readonly #watch: Watch
  readonly #violations: Violation[] = []
  readonly #startedAt = performance.now()
  #slowestStartMs = 0
  #saidAt = 0

  private constructor(stand: Stand, disk: FaultyDisk | null, options: TortureOptions) {
    const { seed, troubles } = options
    this.#stand = stand
    this.#disk = disk
    this.#options = options
    this.#weather = new Weather({ stand, seed, series: troubles, disk })
    const isOther = () => this.#weather.active > 0
    this.#ends = new EngineEnds({ stand, disk, random: new Random(seed + 1), isOther })
    this.#watch = new Watch(stand)
  }

  static async open(folder: string, options: TortureOptions): Promise<TortureRun> {
    const { seed, host, perSecond, say } = options
    const beside = path.join(folder, 'disk')
    mkdirSync(beside)
    if (noFaultyDisk !== false) say(`no power cuts and failed writes: ${noFaultyDisk}`)
    const disk = noFaultyDisk === false ? new FaultyDisk(path.join(folder, 'data'), beside) : null
    const environment = disk?.environment(true) ?? {}
    const config = { shutdownSeconds: 5 }
    const stand = await Stand.open({ folder, seed, host, environment, config, driver: { perSecond, rowsMax: 1_500 } })
    return new TortureRun(stand, disk, options)
  }

  async run(): Promise<TortureResult> {
    const { driver } = this.#stand
    driver.start()
    this.#weather.start()
    const troubledMs = this.#options.minutes * 60_000 - this.#options.calmMs
    while (this.#elapsedMs() < troubledMs && this.#violations.length < VIOLATIONS_MAX) await this.#once()
    await this.#weather.stop()
    this.#disk?.set({ failAt: 0, killAt: 0, syncDelayUs: 0 })
    this.#options.say('the troubles are over')
    while (this.#elapsedMs() < this.#options.minutes * 60_000) {
      await pause(1_000)
      this.#progress()
    }
    return await this.#end()
  }

  async close(): Promise<void> {
    this.#watch.stop()
    await this.#weather.stop()
    await this.#stand.close()
  }

  async #once(): Promise<void> {
    const { engine, checker } = this.#stand
    try {
      this.#violations.push(...(await this.#ends.once(this.#ends.draw())))
    } catch (error) {
      if (!(error instanceof StartFailed)) throw error
      this.#violations.push({ invariant: 'I1', id: 'engine', detail: error.message })
      // What it refuses now it will refuse again.
      throw error
    }
    this.#slowestStartMs = Math.max(this.#slowestStartMs, engine.startMs)
    this.#violations.push(...(await checker.light()))
    await this.#stand.callWebhooksAgain()
    this.#progress()
  }

  async #end(): Promise<TortureResult> {
    const calmAt = performance.now()
    const waits = await this.#stand.settle()
    const drainMs = performance.now() - calmAt
    if (waits !== null) this.#violations.push({ invariant: 'I12', id: 'backlog', detail: waits })
    this.#options.say('nothing waits any more: everything is held against the ledgers')
    const report = await this.#stand.reconcile()
    this.#watch.stop()
    this.#violations.push(...report.violations, ...this.#watch.violations())
    if (this.#slowestStartMs > SLOWEST_START_MS) {
      this.#violations.push({
        invariant: 'I12',
        id: 'engine',
        detail: `a start took ${Math.round(this.#slowestStartMs)} ms`,
      })
    }
    return this.#result(report, drainMs)
  }

  #result(report: Report, drainMs: number): TortureResult {
    const { driver, checker, folder } = this.#stand
    return {
      ends: this.#ends.counts,
      endsTotal: this.#ends.total,
      overlapping: this.#ends.overlapping,
      pagesLost: this.#ends.pagesLost,
      troubles: this.#weather.counts,
      accepted: driver.accepted,
      repeatedRequests: driver.repeated,
      looks: checker.looks,
      slowestStartMs: this.#slowestStartMs,
      drainMs,
      seconds: Math.round(this.#elapsedMs() / 1_000),
      peaks: this.#watch.peaks,
      report,
      violations: this.#violations.slice(0, VIOLATIONS_MAX),
      folder,
    }
  }

  #elapsedMs(): number {
    return performance.now() - this.#startedAt
  }

  #progress(): void {
    if (performance.now() - this.#saidAt < PROGRESS_MS) return
    this.#saidAt = performance.now()
    const { driver, sink } = this.#stand
    const { total, overlapping } = this.#ends
    const cuts = Object.values(this.#stand.wires).reduce((sum, wire) => sum + wire.cuts, 0)
    const ends = `${total} ends of the engine (${overlapping} beside other faults), ${this.#weather.total} troubles, ${cuts} connections cut`
    const work = `${driver.accepted} messages accepted, ${sink.taken} deliveries, ${this.#violations.length} violations`
    this.#options.say(`${Math.round(this.#elapsedMs() / 1_000)} s: ${ends}; ${work}`)
  }
}
