/**
 * Reads WAV files as people and programs make them: RIFF/WAVE with PCM of 8 to 32 bits, IEEE float, A-law or µ-law, plain or
 * WAVE_FORMAT_EXTENSIBLE, chunks in any order, and headers of streams that did not know their length (espeak-ng --stdout).
 * Sound is taken out in pieces, mixed down to one channel, so that nothing is held unpacked. Speech thread.
 */
import { decodeG711 } from './g711.js'

export interface WavProblem {
  problem: string
}

export const WAV_RATES = { min: 8_000, max: 192_000 } as const
const CHANNELS_MAX = 8
const RIFF_BYTES = 12
const CHUNK_HEAD_BYTES = 8
const FORMAT_BYTES = 16
/** Place of the sub-format in a WAVE_FORMAT_EXTENSIBLE: its first two octets are the tag of the plain format. */
const SUBFORMAT_AT = 24
const CHUNKS_MAX = 10_000
const UNKNOWN_SIZE = 0xffff_ffff
/** Lengths from here on are those of streams, which had to say something: sox and espeak-ng write nearly 2 GiB. */
const STREAM_SIZE = 0x7f00_0000

/** Format tags of RFC 2361 and mmreg.h. */
const TAG = { pcm: 1, float: 3, aLaw: 6, muLaw: 7, extensible: 0xfffe } as const
const COMPRESSED: Readonly<Record<number, string>> = {
  2: 'Microsoft ADPCM',
  17: 'IMA ADPCM',
  49: 'GSM 6.10',
  80: 'MPEG',
  85: 'MP3',
  352: 'Windows Media Audio',
  353: 'Windows Media Audio',
}
const REMEDY = 'save it as WAV (PCM, 16 bit, mono, 8 kHz or more)'

/** What files that are no WAV begin with: offset, octets, name. */
const OTHERS: readonly (readonly [number, string, string])[] = [
  [0, 'ID3', 'an MP3 file'],
  [0, 'OggS', 'an Ogg file'],
  [0, 'fLaC', 'a FLAC file'],
  [0, 'FORM', 'an AIFF file'],
  [0, '.snd', 'an AU file'],
  [0, 'caff', 'a CAF file'],
  [0, '#!AMR', 'an AMR file'],
  [4, 'ftyp', 'an MPEG-4 file (m4a)'],
  [0, '\x30\x26\xb2\x75', 'a Windows Media file'],
  [0, '\x1a\x45\xdf\xa3', 'a WebM file'],
  [0, 'PK\x03\x04', 'a ZIP file'],
  [0, 'RIFX', 'a WAV file of the other byte order (RIFX)'],
]

interface Format {
  tag: number
  channels: number
  rate: number
  /** Octets of one sample of one channel. */
  sampleBytes: number
}

interface DataChunk {
  content: Buffer
  /** Octets that were cut off. */
  missing: number
}

/** Takes `samples` values as numbers in -1 … 1 from octet `at` on. */
type Unpack = (bytes: Buffer, at: number, into: Float32Array) => void

export class WavSound {
  readonly rate: number
  readonly channels: number
  /** Samples of each channel. */
  readonly frames: number
  /** Seconds that its header promises and that are not there: the file was cut off. */
  readonly missingSeconds: number
  readonly #data: Buffer
  readonly #frameBytes: number
  readonly #unpack: Unpack

  constructor(format: Format, { content, missing }: DataChunk, unpack: Unpack) {
    this.rate = format.rate
    this.channels = format.channels
    this.#data = content
    this.#frameBytes = format.sampleBytes * format.channels
    this.frames = Math.floor(content.length / this.#frameBytes)
    this.missingSeconds = missing / this.#frameBytes / format.rate
    this.#unpack = unpack
  }

  get seconds(): number {
    return this.frames / this.rate
  }

  /** Frames `from` to `to`, within `frames`, as one channel: the mean of all. */
  mono(from: number, to: number): Float32Array {
    const { channels } = this
    const mixed = new Float32Array((to - from) * channels)
    this.#unpack(this.#data, from * this.#frameBytes, mixed)
    if (channels === 1) return mixed
    for (let frame = 0; frame < to - from; frame++) {
      let sum = 0
      for (let n = frame * channels; n < (frame + 1) * channels; n++) sum += mixed[n]!
      mixed[frame] = sum / channels
    }
    return mixed.subarray(0, to - from)
  }
}

/** `bytes` stay in use for as long as the sound is. The problem is a sentence for who made the file. */
export function readWav(bytes: Buffer): WavSound | WavProblem {
  const start = bytes.toString('latin1', 0, RIFF_BYTES)
  if (bytes.length === 0) return { problem: 'the file is empty' }
  if (!/^(?:RIFF|RF64|BW64)[\s\S]{4}WAVE$/.test(start)) return { problem: `${whatIs(bytes)}; ${REMEDY}` }
  const chunks = chunksOf(bytes)
  if (chunks.format === null) return { problem: `the WAV file has no format (its chunk "fmt " is missing); ${REMEDY}` }
  if (chunks.data === null) return { problem: 'the WAV file has no sound (its chunk "data" is missing)' }
  const format = formatOf(chunks.format)
  if ('problem' in format) return format
  const unpack = unpackOf(format)
  return unpack === null ? unsupported(format) : new WavSound(format, chunks.data, unpack)
}

function whatIs(bytes: Buffer): string {
  const other = OTHERS.find(([at, magic]) => bytes.toString('latin1', at, at + magic.length) === magic)
  if (other !== undefined) return `the file is ${other[2]}, not a WAV file`
  const isMpeg = bytes.length > 1 && bytes[0] === 0xff && (bytes[1]! & 0xe6) === 0xe2
  return isMpeg ? 'the file is an MP3 file, not a WAV file' : 'the file is not a WAV file'
}

/** Chunks begin at even places: one of an odd size is followed by an octet that does not count. */
function chunksOf(bytes: Buffer): { format: Buffer | null; data: DataChunk | null } {
  let format: Buffer | null = null
  let data: DataChunk | null = null
  let at = RIFF_BYTES
  for (let n = 0; n < CHUNKS_MAX && at + CHUNK_HEAD_BYTES <= bytes.length; n++) {
    const name = bytes.toString('latin1', at, at + 4)
    const start = at + CHUNK_HEAD_BYTES
    const size = name === 'data' ? dataSize(bytes, at) : bytes.readUInt32LE(at + 4)
    const content = bytes.subarray(start, start + size)
    if (name === 'fmt ') format ??= content
    if (name === 'data') data ??= { content, missing: missingOf(bytes, at) }
    at = start + size + (size % 2)
  }
  return { format, data }
}

/** A program that writes to a pipe cannot know it: then it is none, all ones, or far beyond the end. */
function dataSize(bytes: Buffer, at: number): number {
  const rest = bytes.length - at - CHUNK_HEAD_BYTES
  const size = bytes.readUInt32LE(at + 4)
  const riffSize = bytes.readUInt32LE(4)
  const isStreamed = size === 0 && (riffSize === UNKNOWN_SIZE || riffSize <= at + CHUNK_HEAD_BYTES) && rest > 0
  return isStreamed ? rest : Math.min(size, rest)
}

function missingOf(bytes: Buffer, at: number): number {
  const size = bytes.readUInt32LE(at + 4)
  return size < STREAM_SIZE ? Math.max(0, size - (bytes.length - at - CHUNK_HEAD_BYTES)) : 0
}

function formatOf(chunk: Buffer): Format | WavProblem {
  if (chunk.length < FORMAT_BYTES) return { problem: `the WAV file is cut off in its format; ${REMEDY}` }
  const plain = chunk.readUInt16LE(0)
  const isExtensible = plain === TAG.extensible && chunk.length >= SUBFORMAT_AT + 2
  const tag = isExtensible ? chunk.readUInt16LE(SUBFORMAT_AT) : plain
  const channels = chunk.readUInt16LE(2)
  const rate = chunk.readUInt32LE(4)
  const sampleBytes = Math.ceil(chunk.readUInt16LE(14) / 8)
  if (channels < 1 || channels > CHANNELS_MAX) return { problem: `the WAV file has ${channels} channels; ${REMEDY}` }
  if (rate < WAV_RATES.min || rate > WAV_RATES.max) {
    return { problem: `the WAV file has ${rate} samples a second; 8000 to 192000 can be read` }
  }
  return { tag, channels, rate, sampleBytes }
}

function unsupported({ tag, sampleBytes }: Format): WavProblem {
  const name = COMPRESSED[tag]
  if (name !== undefined) return { problem: `the WAV file is compressed (${name}); ${REMEDY}` }
  const known = tag === TAG.pcm || tag === TAG.float || tag === TAG.aLaw || tag === TAG.muLaw
  const what = known ? `samples of ${sampleBytes * 8} bits` : `the format ${tag}`
  return { problem: `the WAV file has ${what}, which cannot be read; ${REMEDY}` }
}

/** null: a format that is not read. */
function unpackOf({ tag, sampleBytes }: Format): Unpack | null {
  if (tag === TAG.pcm) return PCM[sampleBytes] ?? null
  if (tag === TAG.float) return FLOAT[sampleBytes] ?? null
  if ((tag === TAG.aLaw || tag === TAG.muLaw) && sampleBytes === 1) return lawUnpack(tag === TAG.aLaw ? 'pcma' : 'pcmu')
  return null
}

/** By octets a sample. 8 bits are unsigned; 12 or 20 bits fill their octets from the top. */
const PCM: Readonly<Record<number, Unpack>> = {
  1: (bytes, at, into) => {
    for (let n = 0; n < into.length; n++) into[n] = (bytes[at + n]! - 128) / 128
  },
  2: (bytes, at, into) => {
    for (let n = 0; n < into.length; n++) into[n] = bytes.readInt16LE(at + n * 2) / 0x8000
  },
  3: (bytes, at, into) => {
    for (let n = 0; n < into.length; n++) into[n] = bytes.readIntLE(at + n * 3, 3) / 0x80_0000
  },
  4: (bytes, at, into) => {
    for (let n = 0; n < into.length; n++) into[n] = bytes.readInt32LE(at + n * 4) / 0x8000_0000
  },
}

const FLOAT: Readonly<Record<number, Unpack>> = {
  4: (bytes, at, into) => {
    for (let n = 0; n < into.length; n++) into[n] = finite(bytes.readFloatLE(at + n * 4))
  },
  8: (bytes, at, into) => {
    for (let n = 0; n < into.length; n++) into[n] = finite(bytes.readDoubleLE(at + n * 8))
  },
}

/** Neither NaN nor what would drown its neighbours in the filter. */
function finite(value: number): number {
  return value > 1 ? 1 : value < -1 ? -1 : Number.isNaN(value) ? 0 : value
}

function lawUnpack(codec: 'pcma' | 'pcmu'): Unpack {
  return (bytes, at, into) => {
    const linear = decodeG711(codec, bytes.subarray(at, at + into.length))
    for (let n = 0; n < into.length; n++) into[n] = linear[n]! / 0x8000
  }
}
