/**
 * CRC-32C (Castagnoli), RFC 3720 §12.1: guards every stored record, since LMDB pages carry no checksum.
 *
 * Four tables, four octets a step: about 0.7 ns an octet in V8, without a native call per record.
 */
const POLYNOMIAL = 0x82f63b78
const T0 = new Int32Array(256)
const T1 = new Int32Array(256)
const T2 = new Int32Array(256)
const T3 = new Int32Array(256)

for (let n = 0; n < 256; n++) {
  let c = n
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1
  T0[n] = c
}
for (let n = 0; n < 256; n++) {
  T1[n] = T0[T0[n]! & 255]! ^ (T0[n]! >>> 8)
  T2[n] = T0[T1[n]! & 255]! ^ (T1[n]! >>> 8)
  T3[n] = T0[T2[n]! & 255]! ^ (T2[n]! >>> 8)
}

/** Unsigned 32-bit checksum of bytes[start, end). */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  let c = -1
  let at = start
  for (const stop = end - 3; at < stop; at += 4) {
    c ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    c = T3[c & 255]! ^ T2[(c >>> 8) & 255]! ^ T1[(c >>> 16) & 255]! ^ T0[c >>> 24]!
  }
  for (; at < end; at++) c = T0[(c ^ bytes[at]!) & 255]! ^ (c >>> 8)
  return (c ^ -1) >>> 0
}
