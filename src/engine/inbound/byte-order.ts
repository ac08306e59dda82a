/**
 * UCS-2 as carriers deliver it: big-endian by the specification, little-endian from some, with a byte order mark or
 * without (carriers.md 42). Main thread.
 */

const REPLACEMENTS = /\0/g

/** `sniff`: by the mark, else by what the octets look like; big-endian when nothing tells. */
export type ByteOrder = 'sniff' | 'big' | 'little'

/** A mark in front of the first part is in front of each of them at some gateways. */
export function decodeUcs2(parts: readonly Buffer[], order: ByteOrder): string {
  const mark = markOf(parts[0])
  const pieces = parts.map((part) => (mark !== null && markOf(part) === mark ? part.subarray(2) : part))
  const bytes = Buffer.concat(pieces)
  const even = bytes.subarray(0, bytes.length & ~1)
  const isLittle =
    mark === 'little' || (mark === null && (order === 'little' || (order === 'sniff' && looksLittle(even))))
  // A copy of its own: swap16 works in place, and concat of one piece may share it.
  const text = isLittle ? even.toString('utf16le') : Buffer.from(even).swap16().toString('utf16le')
  return text.replace(REPLACEMENTS, '')
}

function markOf(part: Buffer | undefined): 'big' | 'little' | null {
  if (part === undefined || part.length < 2) return null
  if (part[0] === 0xfe && part[1] === 0xff) return 'big'
  return part[0] === 0xff && part[1] === 0xfe ? 'little' : null
}

/**
 * True only where the other reading is absurd: every unit has nothing in its low octet (read big-endian, U+4100 U+6200 …),
 * at least three of them differ, and little-endian they are plain letters, digits and signs.
 */
function looksLittle(bytes: Buffer): boolean {
  const seen = new Set<number>()
  for (let at = 0; at < bytes.length; at += 2) {
    const low = bytes[at]!
    const isPlain = (low >= 0x20 && low < 0x7f) || low === 0x0a || low === 0x0d
    if (bytes[at + 1] !== 0 || !isPlain) return false
    seen.add(low)
  }
  return seen.size >= 3
}
