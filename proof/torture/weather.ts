/** Troubles of a stand, one after the other with pauses between, several at once; what was is in the ledger of faults. */
import { setTimeout as pause } from 'node:timers/promises'
import { Random } from '../../src/engine/base/random.js'
import { nowMicros } from './ledger.js'
import type { Stand } from './stand.js'
import { type SlowableDisk, Troubles } from './troubles.js'

/** Between two troubles of one series, at most. */
const REST_MS = 700
const LEAST_MS = 100

export interface WeatherOptions {
  stand: Stand
  seed: number
  /** Series of troubles side by side. */
  series: number
  disk?: SlowableDisk | null
}

export class Weather {
  /** Troubles that there were, by the first word of their kind. */
  readonly counts: Record<string, number> = {}
  readonly #options: WeatherOptions
  readonly #troubles: Troubles
  readonly #now = new Set<string>()
  #series: Promise<void>[] = []
  readonly #over = new AbortController()

  constructor(options: WeatherOptions) {
    this.#options = options
    this.#troubles = new Troubles(options.stand, options.disk ?? null)
  }

  /** Troubles that are on at this moment. */
  get active(): number {
    return this.#now.size
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0)
  }

  start(): void {
    const { seed, series } = this.#options
    for (let n = 0; n < series; n++) this.#series.push(this.#one(new Random(seed + 1_000 + n)))
  }

  /** Every trouble is over on return. */
  async stop(): Promise<void> {
    this.#over.abort()
    await Promise.all(this.#series)
  }

  async #one(random: Random): Promise<void> {
    const { stand } = this.#options
    while (!this.#over.signal.aborted) {
      const trouble = this.#troubles.draw(random)
      const name = `${trouble.kind} ${trouble.on}`
      const lastsMs = LEAST_MS + random.below(trouble.mostMs)
      const restMs = random.below(REST_MS)
      // One of a kind at a time: the end of the first would end the second.
      if (!this.#now.has(name)) {
        const began = nowMicros()
        this.#now.add(name)
        await trouble.begin()
        await this.#wait(lastsMs)
        await trouble.end()
        this.#now.delete(name)
        stand.noteFault(trouble.kind, trouble.on, began)
        const word = `${trouble.on === 'sink' ? 'sink ' : ''}${trouble.kind.split(/[ =]/)[0]}`
        this.counts[word] = (this.counts[word] ?? 0) + 1
      }
      await this.#wait(restMs)
    }
  }

  async #wait(ms: number): Promise<void> {
    await pause(ms, null, { signal: this.#over.signal }).catch(() => {})
  }
}
