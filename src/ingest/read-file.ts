/** Reads octets of a file into a buffer that the caller keeps. Synchronous: ingest threads have nothing else to do. */
import { closeSync, openSync, readSync } from 'node:fs'

const LF = 0x0a
const CR = 0x0d

/** Octets read: fewer than asked only where the file ends. */
export function readFully(file: number, into: Buffer, position: number, length: number): number {
  let got = 0
  while (got < length) {
    const read = readSync(file, into, got, length - got, position + got)
    if (read === 0) break
    got += read
  }
  return got
}

/** The first `length` octets of a file, or all when it has fewer. */
export function readHead(path: string, length: number): Buffer {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.allocUnsafe(length)
    return bytes.subarray(0, readFully(file, bytes, 0, length))
  } finally {
    closeSync(file)
  }
}

/**
 * Offset behind the first line end at or behind `from`; null when there is none. `unit`: octets of a character unit, and
 * `low` which of them tells (UTF-16BE: 1, else 0); `from` is at the start of a unit.
 */
export function findLineEnd(
  file: number,
  from: number,
  scratch: Buffer,
  shape: { unit: number; low: number },
): number | null {
  const { unit } = shape
  const most = scratch.length - (scratch.length % unit)
  for (let position = from; ; position += most) {
    const got = readFully(file, scratch, position, most)
    const found = firstLineEnd(scratch.subarray(0, got), shape)
    if (found >= 0) {
      const behind = position + found + unit
      const isLf = scratch[found + shape.low] === LF
      return !isLf && startsWithLf(file, behind, shape) ? behind + unit : behind
    }
    if (got < most) return null
  }
}

function startsWithLf(file: number, at: number, { unit, low }: { unit: number; low: number }): boolean {
  const octets = Buffer.alloc(unit)
  return readFully(file, octets, at, unit) === unit && octets[low] === LF && (unit === 1 || octets[1 - low] === 0)
}

function firstLineEnd(bytes: Buffer, { unit, low }: { unit: number; low: number }): number {
  if (unit === 1) {
    const lf = bytes.indexOf(LF)
    const cr = (lf < 0 ? bytes : bytes.subarray(0, lf)).indexOf(CR)
    return cr >= 0 ? cr : lf
  }
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    const octet = bytes[at + low]
    if ((octet === LF || octet === CR) && bytes[at + 1 - low] === 0) return at
  }
  return -1
}
