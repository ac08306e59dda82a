/**
 * What a telephone behind the simulated gateway heard, as a WAV file: G.711 (ITU-T G.711, both laws) expanded to 16 bits at 8 kHz,
 * each packet at the place that its timestamp says; what was lost is silence.
 */
import { writeFileSync } from 'node:fs'
import type { Codec } from '../media/media.js'
import { writeWav } from '../speech/wav-file.js'

const RATE = 8_000
const SAMPLES_MAX = RATE * 600

const TABLES: Readonly<Record<Codec, Int16Array>> = {
  pcmu: Int16Array.from({ length: 256 }, (_, octet) => expandedU(octet)),
  pcma: Int16Array.from({ length: 256 }, (_, octet) => expandedA(octet)),
}

/** Sign, three bits of segment, four of interval; all bits inverted. */
function expandedU(octet: number): number {
  const bits = ~octet & 0xff
  const size = ((((bits & 0x0f) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84
  return bits & 0x80 ? -size : size
}

/** As above, but even bits inverted and a linear first segment. */
function expandedA(octet: number): number {
  const bits = octet ^ 0x55
  const segment = (bits >> 4) & 7
  const interval = ((bits & 0x0f) << 4) + 8
  const size = segment === 0 ? interval : (interval + 0x100) << (segment - 1)
  return bits & 0x80 ? size : -size
}

export class SoundRecorder {
  readonly #pieces: { at: number; payload: Buffer }[] = []
  #samples = 0

  /** `at`: samples since the first packet. */
  add(at: number, payload: Buffer): void {
    if (at < 0 || at + payload.length > SAMPLES_MAX) return
    this.#pieces.push({ at, payload: Buffer.from(payload) })
    this.#samples = Math.max(this.#samples, at + payload.length)
  }

  write(path: string, codec: Codec): void {
    const table = TABLES[codec]
    const sound = new Int16Array(this.#samples)
    for (const { at, payload } of this.#pieces) {
      for (let n = 0; n < payload.length; n++) sound[at + n] = table[payload[n]!]!
    }
    writeFileSync(path, writeWav(sound))
  }
}
