/**
 * Spoken texts on disk, each under the hash of what made it, so that none is spoken twice; it outlives the process and is
 * bounded in size. A file is there whole or not at all (sound-file.ts); one that is missing or broken is as if it had never
 * been. Speech thread.
 */
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../engine/contract/clock.js'
import type { Gauge } from '../../engine/contract/metrics.js'
import { type SoundInfo, soundInfo, writeSound } from '../media/sound-file.js'
import { isWhole, stampOf } from './whole-sound.js'

/** What was handed out is played within this time, retries of the call aside: it goes last. */
const NEEDED_MS = 900_000
/** How exactly the order of use outlives the process. */
const TOUCH_MS = 3_600_000
const NAME = /^[0-9a-f]{64}$/
/** As writeSound calls its file until it is whole. */
const PART = /\.part$/

interface Entry {
  bytes: number
  /** Epoch. */
  usedAtMs: number
  touchedAtMs: number
  /** null: its sums were not looked at since this process began, or were wrong. */
  info: SoundInfo | null
  /** Of the file whose sums were right; what was written to it since is looked at before somebody is called to hear it. */
  stamp: string | null
}

export interface SpeechCacheDeps {
  folder: string
  clock: Pick<Clock, 'now'>
  bytes: Gauge
}

export class SpeechCache {
  readonly #deps: SpeechCacheDeps
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>()
  #bytes = 0
  bytesMax = 0
  /** What nobody used for so long goes, however much room there is. */
  keptMs = Number.POSITIVE_INFINITY

  constructor(deps: SpeechCacheDeps) {
    this.#deps = deps
  }

  /** Takes over what earlier processes left. Rejects when the folder cannot be used. */
  async open(): Promise<void> {
    const { folder } = this.#deps
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const found: [string, Entry][] = []
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      if (PART.test(name)) await rm(path, { force: true })
      const facts = NAME.test(name) ? await stat(path).catch(() => null) : null
      if (facts === null) continue
      const usedAtMs = facts.mtimeMs
      found.push([name, { bytes: facts.size, usedAtMs, touchedAtMs: usedAtMs, info: null, stamp: null }])
    }
    found.sort(([, left], [, right]) => left.usedAtMs - right.usedAtMs)
    for (const [name, entry] of found) this.#add(name, entry)
    await this.evict()
  }

  path(key: string): string {
    return join(this.#deps.folder, key)
  }

  /** null: it has to be spoken. */
  async find(key: string): Promise<SoundInfo | null> {
    const entry = this.#entries.get(key)
    if (entry === undefined) return null
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    entry.usedAtMs = this.#deps.clock.now()
    const info = await this.#look(key, entry)
    if (info === null) await this.#drop(key)
    else if (entry.usedAtMs - entry.touchedAtMs > TOUCH_MS) await this.#touch(key, entry)
    return info
  }

  async #look(key: string, entry: Entry): Promise<SoundInfo | null> {
    const path = this.path(key)
    const stamp = await stampOf(path)
    if (stamp === null) return null
    if (stamp === entry.stamp) return entry.info
    entry.info = (await isWhole(path)) ? await soundInfo(path) : null
    entry.stamp = stamp
    return entry.info
  }

  async #touch(key: string, entry: Entry): Promise<void> {
    entry.touchedAtMs = entry.usedAtMs
    const seconds = entry.usedAtMs / 1000
    await utimes(this.path(key), seconds, seconds).catch(() => {})
  }

  /** Rejects with the error of the file system (ENOSPC …). */
  async put(key: string, pcm16: Int16Array): Promise<SoundInfo> {
    const path = this.path(key)
    // Somebody may have cleared the folder away.
    await mkdir(this.#deps.folder, { recursive: true, mode: 0o700 })
    await writeSound(path, pcm16)
    const [info, stamp, { size }] = await Promise.all([soundInfo(path), stampOf(path), stat(path)])
    if (info === null) throw new Error('the file is gone as soon as it was written')
    const nowMs = this.#deps.clock.now()
    this.#forget(key)
    this.#add(key, { bytes: size, usedAtMs: nowMs, touchedAtMs: nowMs, info, stamp })
    await this.evict()
    return info
  }

  /** Down to the bound; what may be waited for stays, as long as that is not twice as much. */
  async evict(): Promise<void> {
    if (this.#bytes <= this.bytesMax) return
    const neededMs = this.#deps.clock.now() - NEEDED_MS
    for (const [key, { usedAtMs }] of this.#entries) {
      if (this.#bytes <= this.bytesMax) return
      if (usedAtMs > neededMs && this.#bytes <= this.bytesMax * 2) return
      await this.#drop(key)
    }
  }

  /** Whatever nobody has used for `keptMs`. Cheap: it looks no further than the first that stays. */
  async expire(): Promise<void> {
    const beforeMs = this.#deps.clock.now() - this.keptMs
    for (const [key, { usedAtMs }] of this.#entries) {
      if (usedAtMs > beforeMs) return
      await this.#drop(key)
    }
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry)
    this.#count(entry.bytes)
  }

  #forget(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#count(-entry.bytes)
  }

  async #drop(key: string): Promise<void> {
    this.#forget(key)
    await rm(this.path(key), { force: true }).catch(() => {})
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#deps.bytes.set(this.#bytes)
  }
}
