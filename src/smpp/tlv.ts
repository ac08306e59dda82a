/**
 * Optional parameters (SMPP 3.4 §3.2.4): tag and length of two octets each, then the value.
 *
 * Tolerant as carriers.md 60 to 66 ask: unknown tags are skipped, and reading stops at the first one that does not fit.
 */

/** Place of a found value; reused by the caller. */
export interface TlvView {
  start: number
  length: number
}

/**
 * Where the parameters start between `at` and `end`: some peers leave up to three stray octets before them (a NUL after
 * short_message). Returns `end` when nothing there reads as parameters.
 */
export function tlvStart(bytes: Buffer, at: number, end: number): number {
  for (let stray = 0; stray <= 3 && at + stray + 4 <= end; stray++) {
    if (chainFits(bytes, at + stray, end)) return at + stray
    if (bytes[at + stray] !== 0) break
  }
  return at + 4 <= end && firstFits(bytes, at, end) ? at : end
}

/** Finds a parameter by tag; false and `view` unchanged when it is absent or does not fit. */
export function findTlv(bytes: Buffer, span: TlvView, tag: number, view: TlvView): boolean {
  const end = span.start + span.length
  let at = span.start
  while (at + 4 <= end) {
    const length = readUint16(bytes, at + 2)
    if (at + 4 + length > end) return false
    if (readUint16(bytes, at) === tag) {
      view.start = at + 4
      view.length = length
      return true
    }
    at += 4 + length
  }
  return false
}

function chainFits(bytes: Buffer, from: number, end: number): boolean {
  let at = from
  while (at + 4 <= end) at += 4 + readUint16(bytes, at + 2)
  return at === end
}

function firstFits(bytes: Buffer, at: number, end: number): boolean {
  return at + 4 + readUint16(bytes, at + 2) <= end
}

export function readUint16(bytes: Buffer, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
