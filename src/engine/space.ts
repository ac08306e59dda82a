/** Free space of the disk that holds dataDir: intake stops before the disk is full, because a full disk is fatal. */
import { statfsSync } from 'node:fs'
import type { Clock } from './contract/clock.js'
import { limits } from './contract/limits.js'

/** statfs costs microseconds; once in this time is enough for what a disk can fill in it. */
const LOOK_EVERY_MS = 250

export interface Space {
  freeBytes: number
  /** False: below the watermark, nothing new is taken. */
  ok: boolean
}

export class SpaceWatch {
  readonly #folder: string
  readonly #clock: Clock
  #lookedAt = Number.NEGATIVE_INFINITY
  #space: Space = { freeBytes: 0, ok: true }

  constructor(folder: string, clock: Clock) {
    this.#folder = folder
    this.#clock = clock
  }

  look(): Space {
    const nowMs = this.#clock.monotonic()
    if (nowMs - this.#lookedAt < LOOK_EVERY_MS) return this.#space
    this.#lookedAt = nowMs
    const disk = statfsSync(this.#folder)
    const ratio = disk.blocks === 0 ? 1 : disk.bavail / disk.blocks
    this.#space = { freeBytes: disk.bavail * disk.bsize, ok: ratio >= limits.storeFreeRatio }
    return this.#space
  }
}
