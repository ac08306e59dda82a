/**
 * Sound files in memory, each in the laws that are played: read once however many calls play it at once. Files are named
 * after what is in them, so that none ever changes. Those in use are held whatever they take; of the others so many octets
 * as the bound leaves room for. Media thread.
 */
import type { Codec } from './media.js'
import { readSound } from './sound-file.js'

interface KeptSound {
  /** null: still being read. */
  octets: Buffer | null
  reading: Promise<Buffer>
  users: number
}

export class SoundCache {
  readonly #bytesMax: number
  /** In the order of last use. */
  readonly #kept = new Map<string, KeptSound>()
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** To be given back with `release`, once. Rejects, with nothing to give back, when the file cannot be read. */
  async take(file: string, codec: Codec): Promise<Buffer> {
    const key = `${codec} ${file}`
    const kept = this.#kept.get(key) ?? this.#read(key, file, codec)
    kept.users++
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    return await kept.reading
  }

  release(file: string, codec: Codec): void {
    const kept = this.#kept.get(`${codec} ${file}`)
    if (kept === undefined) return
    kept.users--
    this.#shrink()
  }

  #read(key: string, file: string, codec: Codec): KeptSound {
    const reading = readSound(file, codec).then(
      (octets) => {
        kept.octets = octets
        this.#bytes += octets.length
        this.#shrink()
        return octets
      },
      (error: unknown) => {
        if (this.#kept.get(key) === kept) this.#kept.delete(key)
        throw error
      },
    )
    const kept: KeptSound = { octets: null, reading, users: 0 }
    return kept
  }

  #shrink(): void {
    if (this.#bytes <= this.#bytesMax) return
    for (const [key, { users, octets }] of this.#kept) {
      if (users > 0 || octets === null) continue
      this.#kept.delete(key)
      this.#bytes -= octets.length
      if (this.#bytes <= this.#bytesMax) return
    }
  }
}
