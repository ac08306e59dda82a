/**
 * CRC-32C (Castagnoli), RFC 3720 §12.1: guards every stored record, since LMDB pages carry no checksum.
 *
 * Eight tables, eight octets a step, so that half of the look-ups wait for nothing; without a native call per record.
 */
const POLYNOMIAL = 0x82f63b78
const T0 = new Int32Array(256)
const T1 = new Int32Array(256)
const T2 = new Int32Array(256)
const T3 = new Int32Array(256)
const T4 = new Int32Array(256)
const T5 = new Int32Array(256)
const T6 = new Int32Array(256)
const T7 = new Int32Array(256)

for (let n = 0; n < 256; n++) {
  let c = n
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1
  T0[n] = c
}
const tables = [T0, T1, T2, T3, T4, T5, T6, T7]
for (const [step, table] of tables.slice(1).entries()) {
  const before = tables[step]!
  for (let n = 0; n < 256; n++) table[n] = T0[before[n]! & 255]! ^ (before[n]! >>> 8)
}

/** Unsigned 32-bit checksum of bytes[start, end). */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  let c = -1
  let at = start
  for (const stop = end - 7; at < stop; at += 8) {
    c ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    const first = T7[c & 255]! ^ T6[(c >>> 8) & 255]! ^ T5[(c >>> 16) & 255]! ^ T4[c >>> 24]!
    c = first ^ T3[bytes[at + 4]!]! ^ T2[bytes[at + 5]!]! ^ T1[bytes[at + 6]!]! ^ T0[bytes[at + 7]!]!
  }
  for (; at < end; at++) c = T0[(c ^ bytes[at]!) & 255]! ^ (c >>> 8)
  return (c ^ -1) >>> 0
}
