/** Decides the encoding of a file from its first 4 MiB: byte order mark, NUL pattern, UTF-8 check; else a marked guess. */
import { isUtf8 } from 'node:buffer'
import { EngineError } from '../engine/contract/errors.js'
import { type FileEncoding, type FileEncodingName, fileEncoding } from '../engine/contract/file-encoding.js'
import { refuseOddLength } from '../engine/jobs/odd-length.js'
import { toWindows1252 } from './decode.js'

export interface EncodingFound {
  encoding: FileEncoding
  /** Octets of the byte order mark. */
  markBytes: number
  guessed: boolean
}

const NUL_SAMPLE = 64 * 1024
/** In UTF-16 of European text nearly every other octet is NUL; a third leaves room for other scripts. */
const NUL_SHARE = 1 / 3
/** Good multi-octet sequences for each bad one: Windows-1252 text hardly ever has any. */
const GOOD_PER_BAD = 10
const NOT_ASCII_RUN = /[^\0-\x7f]{2,64}/g
/** Characters of context on each side. */
const SHOWN = 20

/** `whole`: the head is all there is. @throws EngineError FILE_NOT_CSV. */
export function findEncoding(head: Buffer, whole: boolean, wanted: FileEncodingName | undefined): EncodingFound {
  const marked = byteOrderMark(head)
  const found =
    wanted === undefined ? (marked ?? byNulPattern(head) ?? byUtf8(head, whole)) : given(fileEncoding(wanted), marked)
  if (whole) refuseOddLength(found.encoding, head.length)
  if (!found.encoding.startsWith('utf16') && head.includes(0)) throw binary()
  return found
}

function given(encoding: FileEncoding, marked: EncodingFound | null): EncodingFound {
  return { encoding, markBytes: marked?.encoding === encoding ? marked.markBytes : 0, guessed: false }
}

function binary(): EngineError {
  return new EngineError('FILE_NOT_CSV', 'The file has NUL bytes and is binary; export the table as "CSV UTF-8".')
}

function byteOrderMark(head: Buffer): EncodingFound | null {
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) {
    return { encoding: 'utf8', markBytes: 3, guessed: false }
  }
  if (head[0] === 0xff && head[1] === 0xfe) return { encoding: 'utf16le', markBytes: 2, guessed: false }
  if (head[0] === 0xfe && head[1] === 0xff) return { encoding: 'utf16be', markBytes: 2, guessed: false }
  return null
}

function byNulPattern(head: Buffer): EncodingFound | null {
  const length = Math.min(head.length, NUL_SAMPLE)
  const nuls = [0, 0]
  for (let at = 0; at < length; at++) if (head[at] === 0) nuls[at % 2]!++
  const [even, odd] = nuls as [number, number]
  if (even + odd === 0) return null
  const most = (length / 2) * NUL_SHARE
  if (odd > most && even < odd / 4) return { encoding: 'utf16le', markBytes: 0, guessed: true }
  if (even > most && odd < even / 4) return { encoding: 'utf16be', markBytes: 0, guessed: true }
  throw binary()
}

function byUtf8(head: Buffer, whole: boolean): EncodingFound {
  const text = whole ? head : head.subarray(0, wholeCharacters(head))
  if (isUtf8(text)) return { encoding: 'utf8', markBytes: 0, guessed: false }
  const encoding = isMostlyUtf8(text) ? 'utf8' : 'windows1252'
  return { encoding, markBytes: 0, guessed: true }
}

/** A few broken rows in a UTF-8 file must not turn all the others into Windows-1252: those rows are rejected instead. */
function isMostlyUtf8(bytes: Buffer): boolean {
  let good = 0
  let bad = 0
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at)
    if (length > 1) good++
    else if (length === 0) bad++
    at += Math.max(1, length)
  }
  return good > bad * GOOD_PER_BAD
}

/** Octets of the UTF-8 sequence at `at`; 0 when there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  const lead = bytes[at]!
  if (lead < 0x80) return 1
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0
  return length > 0 && isUtf8(bytes.subarray(at, at + length)) ? length : 0
}

/** Length without a last character that the cut at 4 MiB may have split. */
function wholeCharacters(head: Buffer): number {
  for (let back = 1; back <= 3 && back <= head.length; back++) {
    const octet = head[head.length - back]!
    if (octet >= 0xc0) return head.length - back
    if (octet < 0x80) return head.length
  }
  return head.length
}

/** A piece to show, and what it was meant to be, when UTF-8 text looks as if it had been encoded twice; else null. */
export function doubleEncodedSample(text: string): string | null {
  for (const { 0: run, index } of text.matchAll(NOT_ASCII_RUN)) {
    const bytes = toWindows1252(run)
    if (bytes === null || !isUtf8(bytes)) continue
    const before = text.slice(Math.max(0, index - SHOWN), index)
    const behind = text.slice(index + run.length, index + run.length + SHOWN)
    const [wrong, meant] = [run, bytes.toString()].map((middle) => `${before}${middle}${behind}`.split(/[\r\n]+/))
    // Only the line of the find, and of it as much on the one side as on the other.
    const line = before.split(/[\r\n]+/).length - 1
    return `${wrong![line]} (meant: ${meant![line]})`
  }
  return null
}
