/** Free space of the disk that holds dataDir: intake stops before the disk is full, because a full disk is fatal. */
import { statfsSync } from 'node:fs'
import type { Clock } from './contract/clock.js'
import { limits } from './contract/limits.js'
import type { Log } from './contract/log.js'
import type { WriteAges } from './store/write-ages.js'

/** statfs costs microseconds; a small disk is full soon. */
const LOOK_EVERY_MS = 20

export interface Space {
  freeBytes: number
  /** False: below the watermark, nothing new is taken. */
  ok: boolean
  /** How long the oldest write to the store has taken so far; 0: less than two seconds. */
  writeSeconds: number
}

export class SpaceWatch {
  readonly #folder: string
  readonly #clock: Clock
  readonly #ages: WriteAges | null
  #lookedAt = Number.NEGATIVE_INFINITY
  #space: Space = { freeBytes: 0, ok: true, writeSeconds: 0 }
  #waiting: ((ok: boolean) => void)[] = []
  #toldOk = true

  /** `ages`: of the writes, looked at with each tick. */
  constructor(folder: string, clock: Clock, ages: WriteAges | null = null) {
    this.#folder = folder
    this.#ages = ages
    this.#clock = clock
  }

  look(): Space {
    const nowMs = this.#clock.monotonic()
    if (nowMs - this.#lookedAt < LOOK_EVERY_MS) return this.#space
    this.#lookedAt = nowMs
    const disk = statfsSync(this.#folder)
    const writeSeconds = this.#ages?.oldest ?? 0
    const ratio = disk.blocks === 0 ? 1 : disk.bavail / disk.blocks
    this.#space = { freeBytes: disk.bavail * disk.bsize, ok: ratio >= limits.storeFreeRatio, writeSeconds }
    return this.#space
  }

  /** Whoever is about to store much waits here: true: there is room; false: not yet, ask again if it is still wanted. */
  room(): Promise<boolean> {
    if (this.look().ok) return Promise.resolve(true)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Call it each second: it answers those who wait, and says in the log when the disk gets full and when it has room again. */
  tick(log: Log): void {
    this.#ages?.look()
    const { ok, freeBytes } = this.look()
    if (ok !== this.#toldOk) {
      if (ok) log.info({ freeBytes }, 'the disk has room again: work is taken')
      else log.warn({ freeBytes }, 'the disk is nearly full: nothing new is taken, what was accepted is sent')
    }
    this.#toldOk = ok
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve(ok)
  }
}
