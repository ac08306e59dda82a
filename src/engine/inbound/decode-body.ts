/**
 * User data of one message, of all its parts in order, to text: the same tables that outgoing texts are coded with.
 *
 * Parts are joined before they are decoded, so that a surrogate pair or an escape sequence that a phone cut in two is read
 * whole. What is no text, or cannot be read, stays octets. Nothing here throws for what a subscriber sent. Main thread.
 */
import { isUtf8 } from 'node:buffer'
import type { InboundEncoding } from '../contract/inbound.js'
import type { ShiftTables } from '../contract/language.js'
import { type Alphabet, readDataCoding } from '../text/data-coding.js'
import { decodeGsm7 } from '../text/gsm7.js'
import { fillBitsAfter, septetsIn, unpackSeptets } from '../text/septets.js'
import { readUserDataHeader, type UserDataHeader } from '../text/user-data-header.js'
import { type ByteOrder, decodeUcs2 } from './byte-order.js'

/** What a carrier's config says of the codings that it delivers in. */
export interface CarrierCodings {
  /** What data_coding 0 means. */
  defaultAlphabet: 'gsm7' | 'latin1' | 'ascii'
  /** data_coding of GSM 7-bit text, where that is not 0. */
  gsm7DataCoding: number
  gsm7Packed: boolean
  ucs2ByteOrder: ByteOrder
}

/** One PDU's share. */
export interface BodyPart {
  dataCoding: number
  esmClass: number
  payload: Buffer
  /** GSM 7-bit only: a last octet of 0 is a NUL that the carrier counts, not '@'. */
  endsInNul: boolean
}

export interface Body {
  /** null: `data` holds the octets. */
  text: string | null
  encoding: InboundEncoding
  messageClass: number | null
  data: Buffer | null
}

const UDHI = 0x40
/** Control codes other than tab, line ends, form feed, and a NUL behind the text. */
const GSM7_ALONE = /[\x01-\x08\x0b\x0e-\x1f]|\0./s
/** Left where a part is missing; JSON has no place for it. */
const HALF_PAIR = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** null: no header. `isBroken`: the flag is set, and what should be the header is none. */
export function headerOf(part: { esmClass: number; payload: Buffer }): {
  header: UserDataHeader | null
  isBroken: boolean
} {
  if ((part.esmClass & UDHI) === 0) return { header: null, isBroken: false }
  const header = readUserDataHeader(part.payload)
  return { header, isBroken: header === null }
}

/** A stretch of parts that are coded alike. */
interface Run {
  alphabet: Alphabet
  shift: ShiftTables
  pieces: Buffer[]
}

export function decodeBody(parts: readonly BodyPart[], codings: CarrierCodings): Body {
  const { messageClass } = readDataCoding(parts[0]!.dataCoding)
  if (parts.some((part) => headerOf(part).isBroken)) return octets(parts, 'binary', messageClass)
  if (parts.some(({ dataCoding }) => readDataCoding(dataCoding).compressed)) {
    return octets(parts, 'compressed', messageClass)
  }
  const runs = runsOf(parts, codings)
  let text = ''
  let encoding: InboundEncoding | null = null
  for (const run of runs) {
    const read = readRun(run, codings)
    encoding ??= read.encoding
    // One part that is no text makes the whole a matter for programs.
    if (read.text === null) return octets(parts, read.encoding, messageClass)
    text += read.text
  }
  return { text: text.replace(HALF_PAIR, '\ufffd'), encoding: encoding ?? 'gsm7', messageClass, data: null }
}

function octets(parts: readonly BodyPart[], encoding: InboundEncoding, messageClass: number | null): Body {
  const bodies = parts.map((part) => part.payload.subarray(headerOf(part).header?.octets ?? 0))
  return { text: null, encoding, messageClass, data: Buffer.concat(bodies) }
}

function runsOf(parts: readonly BodyPart[], codings: CarrierCodings): Run[] {
  const runs: Run[] = []
  parts.forEach((part, index) => {
    const { header } = headerOf(part)
    const shift = header?.shift ?? 0
    const alphabet = alphabetOf(part.dataCoding, codings)
    const body = part.payload.subarray(header?.octets ?? 0)
    const isLast = index === parts.length - 1
    const piece = alphabet === 'gsm7' ? septetsOf(part, codings, isLast) : body
    const last = runs.at(-1)
    if (last !== undefined && last.alphabet === alphabet && last.shift === shift) last.pieces.push(piece)
    else runs.push({ alphabet, shift, pieces: [piece] })
  })
  return runs
}

/** One septet an octet. */
function septetsOf(part: BodyPart, { gsm7Packed }: CarrierCodings, isLast: boolean): Buffer {
  const { header } = headerOf(part)
  const body = part.payload.subarray(header?.octets ?? 0)
  if (!gsm7Packed) return part.endsInNul && body.at(-1) === 0 ? body.subarray(0, -1) : body
  const fillBits = header === null ? 0 : fillBitsAfter(header.octets)
  const septets = unpackSeptets(body, 0, body.length, fillBits)
  const isCut = septets.length < septetsIn(body.length, fillBits) && body.at(-1)! >> 1 === 0
  // A part that others follow is full: a last septet of 0 in it is a letter (of Urdu, say), not padding.
  return isCut && !isLast ? Buffer.concat([septets, Buffer.alloc(1)]) : septets
}

export function alphabetOf(dataCoding: number, codings: CarrierCodings): Alphabet {
  if (dataCoding !== 0 && dataCoding === codings.gsm7DataCoding) return 'gsm7'
  const { alphabet } = readDataCoding(dataCoding)
  return alphabet === 'default' ? codings.defaultAlphabet : alphabet
}

interface Read {
  text: string | null
  encoding: InboundEncoding
}

function readRun({ alphabet, shift, pieces }: Run, codings: CarrierCodings): Read {
  if (alphabet === 'ucs2') return { text: decodeUcs2(pieces, codings.ucs2ByteOrder), encoding: 'ucs2' }
  const bytes = Buffer.concat(pieces)
  switch (alphabet) {
    case 'gsm7':
    case 'default':
      return readSeptets(bytes, shift)
    case 'ascii':
      return readAscii(bytes)
    case 'latin1':
      return { text: bytes.latin1Slice().replaceAll('\0', ''), encoding: alphabet }
    case 'binary':
    case 'unknown':
      return { text: null, encoding: alphabet }
    case 'jis':
      return { text: readJis(bytes), encoding: 'jis' }
    default:
      return { text: readBy(STANDARD[alphabet].label, bytes), encoding: STANDARD[alphabet].encoding }
  }
}

/**
 * Septets have no bit 8: octets that have one are another alphabet, whatever the data_coding says. UTF-8 is told by its
 * form; else Latin-1 is what carriers put there most (carriers.md 34).
 */
function readSeptets(bytes: Buffer, shift: ShiftTables): Read {
  if (bytes.some((octet) => octet > 0x7f)) {
    if (isUtf8(bytes)) return { text: bytes.toString('utf8').replaceAll('\0', ''), encoding: 'utf8' }
    return { text: bytes.latin1Slice().replaceAll('\0', ''), encoding: 'latin1' }
  }
  return { text: decodeGsm7(bytes, 0, bytes.length, shift), encoding: 'gsm7' }
}

/**
 * What says it is ASCII and has codes that no ASCII text has, and that GSM 7-bit has letters for, is GSM 7-bit: npm smpp
 * and others send that as data_coding 1.
 */
function readAscii(bytes: Buffer): Read {
  const text = bytes.latin1Slice()
  if (/^[\0-\x7f]*$/.test(text) && GSM7_ALONE.test(text)) return readSeptets(bytes, 0)
  return { text: text.replaceAll('\0', ''), encoding: 'ascii' }
}

/** Alphabets that ICU reads, by the names of the Encoding standard. */
const STANDARD = {
  cyrillic: { label: 'iso-8859-5', encoding: 'iso8859-5' },
  hebrew: { label: 'iso-8859-8', encoding: 'iso8859-8' },
  iso2022jp: { label: 'iso-2022-jp', encoding: 'iso2022jp' },
  extendedKanji: { label: 'euc-jp', encoding: 'eucjp' },
  ksc5601: { label: 'euc-kr', encoding: 'ksc5601' },
} as const

/** null: the octets are not of this alphabet. */
function readBy(label: string, bytes: Buffer): string | null {
  try {
    return new TextDecoder(label, { fatal: true, ignoreBOM: true }).decode(bytes).replaceAll('\0', '')
  } catch {
    return null
  }
}

/** data_coding 5 is JIS X 0208 by name; in practice ISO-2022-JP (all octets below 0x80), Shift_JIS or EUC-JP. */
function readJis(bytes: Buffer): string | null {
  if (bytes.every((octet) => octet < 0x80)) return readBy('iso-2022-jp', bytes)
  return readBy('shift_jis', bytes) ?? readBy('euc-jp', bytes)
}
