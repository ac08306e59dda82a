/**
 * One engine that is killed again and again at random moments (kill -9, F1), while a client hands in work, carriers send
 * receipts and webhooks leave; after each restart a light check, in the end a reconcile of everything.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Random } from '../../src/engine/base/random.js'
import type { Report } from './checker.js'
import { Stand, type StandOptions } from './stand.js'
import type { Violation } from './violation.js'
import { Weather } from './weather.js'

const LEAST_MS = 50
const MOST_MS = 1_500
/** One kill in so many comes while the engine starts and recovers. */
const EARLY_ONE_IN = 2

export interface KillRunOptions {
  seed: number
  kills: number
  /** Series of troubles beside the kills; 0: none. */
  troubles: number
  host?: string
  driver?: StandOptions['driver']
  carriers?: StandOptions['carriers']
  /** Told after each kill. */
  progress?: (line: string) => void
}

export interface KillRunResult {
  kills: number
  /** While it started. */
  early: number
  /** While another fault was on. */
  overlapping: number
  troubles: number
  violations: Violation[]
  report: Report | null
  accepted: number
  repeatedRequests: number
}

/** @throws Error when an engine does not start. */
export async function runKills(options: KillRunOptions): Promise<KillRunResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-kills-'))
  const { seed, host, driver, carriers } = options
  const stand = await Stand.open({ folder, seed, host, driver, carriers })
  try {
    return await new KillRun(stand, options).run()
  } finally {
    await stand.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

class KillRun {
  readonly #stand: Stand
  readonly #options: KillRunOptions
  readonly #random: Random
  readonly #weather: Weather
  readonly #result: KillRunResult

  constructor(stand: Stand, options: KillRunOptions) {
    const { seed, troubles } = options
    this.#stand = stand
    this.#options = options
    this.#random = new Random(seed + 1)
    this.#weather = new Weather({ stand, seed, series: troubles })
    this.#result = {
      ...{ kills: 0, early: 0, overlapping: 0, troubles: 0, violations: [], report: null },
      ...{ accepted: 0, repeatedRequests: 0 },
    }
  }

  async run(): Promise<KillRunResult> {
    const { driver } = this.#stand
    const result = this.#result
    driver.start()
    this.#weather.start()
    while (result.kills < this.#options.kills) await this.#once()
    await this.#weather.stop()
    const waits = await this.#stand.settle()
    if (waits !== null) result.violations.push({ invariant: 'I12', id: 'backlog', detail: waits })
    result.report = await this.#stand.reconcile()
    result.violations.push(...result.report.violations)
    result.troubles = this.#weather.total
    result.accepted = driver.accepted
    result.repeatedRequests = driver.repeated
    return result
  }

  /** One kill of an engine that runs, and now and then one more while the next one starts. */
  async #once(): Promise<void> {
    const { engine, checker } = this.#stand
    await this.#killAfter(this.#random.below(MOST_MS - LEAST_MS) + LEAST_MS)
    const early = this.#random.below(EARLY_ONE_IN) === 0 && this.#result.kills < this.#options.kills
    if (early) {
      const start = engine.start().catch(() => {})
      await this.#killAfter(this.#random.below(MOST_MS - LEAST_MS) + LEAST_MS)
      await start
      this.#result.early++
    }
    await engine.start()
    this.#result.violations.push(...(await checker.light()))
    const { kills } = this.#result
    this.#options.progress?.(
      `${kills} kills, ${this.#stand.driver.accepted} accepted, started in ${Math.round(engine.startMs)} ms`,
    )
  }

  async #killAfter(ms: number): Promise<void> {
    await pause(ms)
    if (this.#weather.active > 0) this.#result.overlapping++
    await this.#stand.engine.kill()
    this.#stand.noteFault('kill', 'engine')
    this.#result.kills++
  }
}
