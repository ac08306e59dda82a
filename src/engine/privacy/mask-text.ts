/**
 * Finds a number or an address in the octets of a file however it is written there, and blots out what stands around it. The
 * octets keep their places: delimiters, quotes and line ends stay, so that a masked file has the same records at the same
 * offsets. Any thread.
 */
import type { Subject } from './subject.js'

/** Digits with what people put between them; in UTF-16 a NUL stands beside each. */
const WRITTEN = /\d(?:[ .()\-/\xa0\0]{0,5}\d){4,19}/g
/** A shorter run of digits is the end of anything. */
const TAIL_LEAST = 8
const MASK = 0x2a
const KEPT = new Set([...'\r\n\0"\',;\t|^~'].map((character) => character.charCodeAt(0)))

export interface Span {
  start: number
  end: number
}

/** Where it stands in these octets. */
export function findSubject(bytes: Buffer, subject: Subject): Span[] {
  return subject.isEmail ? findAddress(bytes, subject.stored) : findNumber(bytes, subject.stored)
}

function findAddress(bytes: Buffer, address: string): Span[] {
  const found: Span[] = []
  for (const encoding of ['utf8', 'utf16le'] as const) {
    const wanted = Buffer.from(address, encoding)
    const lower = lowered(bytes)
    for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + 1)) {
      found.push({ start: at, end: at + wanted.length })
    }
  }
  return found
}

function lowered(bytes: Buffer): Buffer {
  const lower = Buffer.from(bytes)
  for (let at = 0; at < lower.length; at++) if (lower[at]! >= 0x41 && lower[at]! <= 0x5a) lower[at]! += 32
  return lower
}

function findNumber(bytes: Buffer, digits: string): Span[] {
  const found: Span[] = []
  const text = bytes.latin1Slice()
  for (const match of text.matchAll(WRITTEN)) {
    const end = match.index + match[0].length
    if (isNumber(match[0], digits) || match[0].split(' ').some((part) => isNumber(part, digits))) {
      found.push({ start: match.index, end })
    }
  }
  return found
}

/** With country code, 00, a trunk zero, or without any of them. */
function isNumber(written: string, digits: string): boolean {
  const bare = written.replace(/\D/g, '').replace(/^0+/, '')
  return bare === digits || (bare.length >= TAIL_LEAST && bare.length < digits.length && digits.endsWith(bare))
}

/** The line in which it stands, without its end. */
export function lineAround(bytes: Buffer, { start, end }: Span): Span {
  let first = start
  while (first > 0 && bytes[first - 1] !== 0x0a && bytes[first - 1] !== 0x0d) first--
  let last = end
  while (last < bytes.length && bytes[last] !== 0x0a && bytes[last] !== 0x0d) last++
  return { start: first, end: last }
}

/** In place. False: it was masked before. `delimiter`: octets that stay as well. */
export function maskSpan(bytes: Buffer, { start, end }: Span, delimiter = ''): boolean {
  let isChanged = false
  for (let at = start; at < end; at++) {
    const octet = bytes[at]!
    if (octet === MASK || KEPT.has(octet) || delimiter.includes(String.fromCharCode(octet))) continue
    bytes[at] = MASK
    isChanged = true
  }
  return isChanged
}

/** The text with every spelling of it blotted out. */
export function masked(text: string, subject: Subject): string {
  const bytes = Buffer.from(text)
  for (const span of findSubject(bytes, subject)) bytes.fill(MASK, span.start, span.end)
  return bytes.toString()
}
