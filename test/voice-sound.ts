/** Sound in tests: WAV files of 16 bits at 8 kHz, words that have a shape of their own, and how alike two sounds are. */
import { readFileSync, writeFileSync } from 'node:fs'
import { Random } from '../src/engine/base/random.js'

const RATE = 8_000

export function writeWav(path: string, samples: Int16Array): void {
  writeFileSync(path, wavBytes(samples))
}

export function wavBytes(samples: Int16Array): Buffer {
  const bytes = Buffer.alloc(44 + samples.length * 2)
  bytes.write('RIFF', 0, 'latin1')
  bytes.writeUInt32LE(36 + samples.length * 2, 4)
  bytes.write('WAVEfmt ', 8, 'latin1')
  const fields = [16, 0x0001_0001, RATE, RATE * 2, 0x0010_0002]
  for (const [at, value] of fields.entries()) bytes.writeUInt32LE(value, 16 + at * 4)
  bytes.write('data', 36, 'latin1')
  bytes.writeUInt32LE(samples.length * 2, 40)
  for (let n = 0; n < samples.length; n++) bytes.writeInt16LE(samples[n]!, 44 + n * 2)
  return bytes
}

/** PCM of 16 bits, one channel, at 8 kHz; whatever chunks it has. Throws when it is something else. */
export function readWav(path: string): Int16Array {
  const bytes = readFileSync(path)
  const chunks = new Map<string, Buffer>()
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4)
    chunks.set(bytes.toString('latin1', at, at + 4), bytes.subarray(at + 8, at + 8 + length))
    at += 8 + length + (length & 1)
  }
  const format = chunks.get('fmt ')
  if (format?.readUInt16LE(2) !== 1 || format.readUInt32LE(4) !== RATE || format.readUInt16LE(14) !== 16) {
    throw new Error(`${path} is not 16 bits at 8 kHz in one channel`)
  }
  const data = chunks.get('data')!
  return Int16Array.from({ length: data.length >> 1 }, (_, n) => data.readInt16LE(n * 2))
}

/** Like speech in that no two stretches are alike: tones that glide and swell, by the seed. */
export function glidingTones(seconds: number, seed: number): Int16Array {
  const random = new Random(seed)
  const samples = new Int16Array(Math.round(seconds * RATE))
  let phase = 0
  let from = 300 + 1_200 * random.next()
  let to = from
  let size = 0
  for (let n = 0; n < samples.length; n++) {
    const within = n % 1_000
    if (within === 0) {
      from = to
      to = 300 + 1_200 * random.next()
      size = 4_000 + 8_000 * random.next()
    }
    phase += (2 * Math.PI * (from + ((to - from) * within) / 1_000)) / RATE
    samples[n] = size * Math.sin(phase) * Math.sin((Math.PI * within) / 1_000)
  }
  return samples
}

export interface Likeness {
  /** Normalised, at the best place. */
  correlation: number
  /** Root mean square of what was heard there, to that of the source. */
  level: number
  /** Sample of `heard` at which the source begins. */
  at: number
}

const STEP = 8

/** Where in `heard` the source is, and how much it is like it there. */
export function likeness(source: Int16Array, heard: Int16Array): Likeness {
  let best: Likeness = { correlation: 0, level: 0, at: 0 }
  const last = heard.length - source.length
  // Coarse by every eighth sample of the source at every place, then the whole source where that is best.
  for (let at = 0; at <= last; at++) {
    const found = at_(source, heard, at, STEP)
    if (found.correlation > best.correlation) best = found
  }
  return at_(source, heard, best.at, 1)
}

function at_(source: Int16Array, heard: Int16Array, at: number, step: number): Likeness {
  let product = 0
  let own = 0
  let theirs = 0
  for (let n = 0; n < source.length; n += step) {
    const a = source[n]!
    const b = heard[at + n]!
    product += a * b
    own += a * a
    theirs += b * b
  }
  return { correlation: product / Math.sqrt(own * theirs || 1), level: Math.sqrt(theirs / (own || 1)), at }
}
