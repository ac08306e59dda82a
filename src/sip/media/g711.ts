/**
 * G.711 (ITU-T G.711, 11/88), both laws by tables: 16-bit linear sound to one octet a sample and back. The A-law takes the
 * upper 13 bits of a sample and the µ-law the upper 14, as the reference of G.191 does.
 */
import type { Codec } from './media.js'

const POINTS = 0x1_0000
/** Added before the segment of the µ-law is found, in 14-bit steps: 33. */
const MU_BIAS = 33
const MU_CLIP = 8_158

/** Octet that stands for silence: zero as each law writes it. */
export const SILENCE: Readonly<Record<Codec, number>> = { pcmu: 0xff, pcma: 0xd5 }

function muLawOf(sample: number): number {
  const value = sample >> 2
  const magnitude = Math.min(value < 0 ? -value - 1 : value, MU_CLIP) + MU_BIAS
  const segment = 26 - Math.clz32(magnitude)
  const step = (magnitude >> (segment + 1)) & 0x0f
  const code = (segment << 4) | step
  return (value < 0 ? code : code | 0x80) ^ 0x7f
}

function aLawOf(sample: number): number {
  const value = sample >> 4
  const magnitude = value < 0 ? -value - 1 : value
  const segment = Math.max(0, 28 - Math.clz32(magnitude))
  const code = segment === 0 ? magnitude : (segment << 4) | ((magnitude >> (segment - 1)) & 0x0f)
  return (value < 0 ? code : code | 0x80) ^ 0x55
}

function muLawToLinear(octet: number): number {
  const code = octet ^ 0x7f
  const segment = (code >> 4) & 0x07
  const magnitude = ((((code & 0x0f) << 1) | MU_BIAS) << segment) - MU_BIAS
  return (code & 0x80 ? magnitude : -magnitude) << 2
}

function aLawToLinear(octet: number): number {
  const code = octet ^ 0x55
  const segment = (code >> 4) & 0x07
  const step = ((code & 0x0f) << 1) | 1
  const magnitude = (segment === 0 ? step : (step | 0x20) << (segment - 1)) << 3
  return code & 0x80 ? magnitude : -magnitude
}

function encodeTable(law: (sample: number) => number): Uint8Array {
  const table = new Uint8Array(POINTS)
  for (let n = 0; n < POINTS; n++) table[n] = law((n << 16) >> 16)
  return table
}

/** Index: the sample as an unsigned 16-bit number. */
const ENCODE: Readonly<Record<Codec, Uint8Array>> = { pcmu: encodeTable(muLawOf), pcma: encodeTable(aLawOf) }
const DECODE: Readonly<Record<Codec, Int16Array>> = {
  pcmu: Int16Array.from({ length: 256 }, (_, octet) => muLawToLinear(octet)),
  pcma: Int16Array.from({ length: 256 }, (_, octet) => aLawToLinear(octet)),
}

/** One octet a sample. */
export function encodeG711(codec: Codec, pcm: Int16Array): Buffer {
  const table = ENCODE[codec]
  const octets = Buffer.allocUnsafe(pcm.length)
  for (let n = 0; n < pcm.length; n++) octets[n] = table[pcm[n]! & 0xffff]!
  return octets
}

export function decodeG711(codec: Codec, octets: Uint8Array): Int16Array {
  const table = DECODE[codec]
  const pcm = new Int16Array(octets.length)
  for (let n = 0; n < octets.length; n++) pcm[n] = table[octets[n]!]!
  return pcm
}
