/**
 * What one call plays: its clips are loaded while the far end waits, are played from the beginning as often as asked for,
 * and how much was heard is kept of the first list (MediaReport). Media thread.
 */
import { SILENCE } from './g711.js'
import type { Clip, Codec } from './media.js'
import { type LoadedClip, PlayList } from './play-list.js'
import type { SoundCache } from './sound-cache.js'
import { SAMPLES_PER_MS } from './sound-file.js'

/** After the last sample: what the far end still has in its jitter buffer must not be cut off by a BYE. */
const TAIL_MS = 200

export interface PlayerEvents {
  /** The list, and the silence after it, are over. */
  played(): void
  failed(why: string): void
}

/** A list on its way into memory, or in it. */
interface Load {
  clips: readonly Clip[]
  codec: Codec
  /** Whether it is the list that the report is about. */
  isCounted: boolean
  /** Files of it that the cache counts as used by us. */
  taken: string[]
  /** null: still being read. */
  list: PlayList | null
  /** Where it begins: within it when only the law has changed. */
  position: number
}

const NOT_YET = Number.POSITIVE_INFINITY

export class Player {
  readonly #sounds: SoundCache
  readonly #events: PlayerEvents
  #codec: Codec = 'pcma'
  #load: Load | null = null
  #startMs = 0
  /** When `played` is told. */
  #endMs = NOT_YET
  /** The clips that were played first, as text. */
  #counted: string | null = null
  /** Samples of them sent, and all of them. */
  #farthest = 0
  #length = 0
  #totalMs = 0

  constructor(sounds: SoundCache, events: PlayerEvents) {
    this.#sounds = sounds
    this.#events = events
  }

  get heardMs(): number {
    return this.#farthest === this.#length ? this.#totalMs : Math.floor(this.#farthest / SAMPLES_PER_MS)
  }

  get totalMs(): number {
    return this.#totalMs
  }

  /** The law of the answer. Sound in the other one is loaded anew and goes on where it was. */
  useCodec(codec: Codec): void {
    if (codec === this.#codec) return
    this.#codec = codec
    const load = this.#load
    if (load !== null) this.#begin(load.clips, load.list?.position ?? load.position)
  }

  /** From the beginning at `startMs` (monotonic), or as soon after it as the clips are loaded. */
  play(clips: readonly Clip[], startMs: number): void {
    this.#startMs = startMs
    this.#endMs = NOT_YET
    this.#begin(clips, 0)
  }

  /** The next sound into a packet from octet `start` to its end; silence when there is none. */
  fill(packet: Buffer, start: number, nowMs: number): void {
    const load = this.#load
    const silence = SILENCE[this.#codec]
    if (load === null || load.list === null || nowMs < this.#startMs) {
      packet.fill(silence, start)
      return
    }
    load.list.fill(packet, start, silence)
    if (load.isCounted && load.list.position > this.#farthest) this.#farthest = load.list.position
    if (load.list.position < load.list.samples) return
    if (this.#endMs === NOT_YET) this.#endMs = nowMs + TAIL_MS
    else if (nowMs >= this.#endMs) this.#end()
  }

  close(): void {
    const load = this.#load
    this.#load = null
    if (load !== null) for (const file of load.taken) this.#sounds.release(file, load.codec)
  }

  #end(): void {
    this.close()
    this.#events.played()
  }

  #begin(clips: readonly Clip[], position: number): void {
    const text = JSON.stringify(clips)
    this.#counted ??= text
    const isCounted = text === this.#counted
    const before = this.#load
    this.#load = { clips, codec: this.#codec, isCounted, taken: [], list: null, position }
    void this.#fetch(this.#load)
    // Only now, so that a list that is played again stays in memory.
    if (before !== null) for (const file of before.taken) this.#sounds.release(file, before.codec)
  }

  async #fetch(load: Load): Promise<void> {
    try {
      const loaded = await Promise.all(load.clips.map((clip) => this.#fetchClip(clip, load)))
      if (this.#load === load) this.#ready(load, loaded)
    } catch (error) {
      if (this.#load !== load) return
      this.close()
      this.#events.failed(`a sound cannot be played: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  async #fetchClip(clip: Clip, load: Load): Promise<LoadedClip> {
    if ('pauseMs' in clip) return { octets: null, samples: Math.round(clip.pauseMs * SAMPLES_PER_MS) }
    const octets = await this.#sounds.take(clip.file, load.codec)
    if (this.#load === load) load.taken.push(clip.file)
    else this.#sounds.release(clip.file, load.codec)
    return { octets, samples: octets.length }
  }

  #ready(load: Load, clips: LoadedClip[]): void {
    load.list = new PlayList(clips)
    load.list.seek(load.position)
    if (!load.isCounted) return
    this.#length = load.list.samples
    // As who prepared the list counts: each clip's own length is rounded up.
    this.#totalMs = clips.reduce((sum, { samples }) => sum + Math.ceil(samples / SAMPLES_PER_MS), 0)
  }
}
