/**
 * What a telephone behind the simulated gateway heard, as a WAV file: G.711 (ITU-T G.711, both laws) expanded to 16 bits at 8 kHz,
 * each packet at the place that its timestamp says; what was lost is silence.
 */
import { writeFileSync } from 'node:fs'
import type { Codec } from '../media/media.js'

const RATE = 8_000
const SAMPLES_MAX = RATE * 600
const HEADER_BYTES = 44

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
    const bytes = Buffer.alloc(HEADER_BYTES + this.#samples * 2)
    writeHead(bytes, this.#samples)
    for (const { at, payload } of this.#pieces) {
      for (let n = 0; n < payload.length; n++) bytes.writeInt16LE(table[payload[n]!]!, HEADER_BYTES + (at + n) * 2)
    }
    writeFileSync(path, bytes)
  }
}

/** RIFF, fmt (PCM, one channel, 16 bits) and data. */
function writeHead(bytes: Buffer, samples: number): void {
  bytes.write('RIFF', 0, 'latin1')
  bytes.writeUInt32LE(HEADER_BYTES - 8 + samples * 2, 4)
  bytes.write('WAVEfmt ', 8, 'latin1')
  bytes.writeUInt32LE(16, 16)
  bytes.writeUInt16LE(1, 20)
  bytes.writeUInt16LE(1, 22)
  bytes.writeUInt32LE(RATE, 24)
  bytes.writeUInt32LE(RATE * 2, 28)
  bytes.writeUInt16LE(2, 32)
  bytes.writeUInt16LE(16, 34)
  bytes.write('data', 36, 'latin1')
  bytes.writeUInt32LE(samples * 2, 40)
}
