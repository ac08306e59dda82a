/**
 * How a simulated carrier writes its receipts (carriers.md 1 to 32), in a little language: `word=value` separated by commas, e.g.
 * `ids=decToHex,carries=text,spacing=double,intermediate=0.2`. `any` draws the form of each receipt anew, by the seed.
 */
import type { Random } from '../../engine/base/random.js'
import { ESM, TAG } from '../constants.js'
import type { MessagePdu } from '../decode.js'
import { findTlv, type TlvView } from '../tlv.js'

const CHOICES = {
  /** As receipts.idFormat says it: decToHex has hex responses and decimal receipts. */
  ids: ['same', 'hexToDec', 'decToHex', 'padded', 'stripped', 'case', 'hexString', 'uuid', 'long'],
  carries: ['both', 'text', 'tlv', 'payload', 'idTlv'],
  dates: ['10', '12', '14', 'none'],
  spacing: ['single', 'double', 'colon', 'comma'],
  names: ['lower', 'upper', 'mixed'],
  order: ['usual', 'shuffled'],
  cut: ['none', 'text', 'err'],
  command: ['deliver_sm', 'data_sm'],
  parts: ['all', 'first', 'last'],
  number: ['same', 'plus', 'national', 'none'],
} as const
type ChoiceWord = keyof typeof CHOICES
const CHOICE_WORDS = Object.keys(CHOICES) as ChoiceWord[]
const SHARES = ['intermediate', 'double', 'forged'] as const
type ShareWord = (typeof SHARES)[number]
const TEXTS = ['stat', 'err'] as const
/** What `any` draws; ids, parts and what concerns whole messages stay as they are said. */
const DRAWN = ['carries', 'dates', 'spacing', 'names', 'order', 'cut', 'command', 'number'] as const
const CLASSES = [0x04, 0x04, 0x00, 0x44]
const STATS = ['DELIVRD', 'delivrd', 'DELIVERED', 'Delivrd', '0', '2']

export interface Dialect {
  choices: { [K in ChoiceWord]: (typeof CHOICES)[K][number] }
  shares: Record<ShareWord, number>
  /** '' = as Appendix B says. */
  stat: string
  err: string
  esmClass: number
  isAny: boolean
}

/** Throws a RangeError that names the wrong word. */
export function parseDialect(text: string): Dialect {
  const choices = Object.fromEntries(CHOICE_WORDS.map((word) => [word, CHOICES[word][0]])) as Dialect['choices']
  const shares = { intermediate: 0, double: 0, forged: 0 }
  const dialect: Dialect = { choices, shares, stat: '', err: '', esmClass: ESM.receipt, isAny: false }
  for (const each of text.split(',')) {
    const [word = '', value] = each.trim().split('=')
    if (word === '') continue
    if (!take(dialect, word, value ?? '')) throw new RangeError(`dialect "${each.trim()}": write ${DIALECT_HELP}`)
  }
  return dialect
}

export const DIALECT_HELP = [
  ...CHOICE_WORDS.map((word) => `${word}=${CHOICES[word].join('|')}`),
  ...SHARES.map((word) => `${word}=share`),
  'stat=WORD',
  'err=WORD',
  'esm=NUMBER',
  'any',
].join(', ')

function take(dialect: Dialect, word: string, value: string): boolean {
  if (word === 'any' && value === '') {
    dialect.isAny = true
    return true
  }
  if (word === 'esm') {
    dialect.esmClass = Number(value)
    return value !== '' && dialect.esmClass >= 0 && dialect.esmClass <= 255
  }
  if ((TEXTS as readonly string[]).includes(word)) {
    dialect[word as (typeof TEXTS)[number]] = value
    return /^[!-~]{1,20}$/.test(value)
  }
  if ((SHARES as readonly string[]).includes(word)) {
    dialect.shares[word as ShareWord] = Number(value)
    return value !== '' && Number(value) >= 0 && Number(value) <= 1
  }
  const known: readonly string[] | undefined = CHOICES[word as ChoiceWord]
  if (known === undefined || !known.includes(value)) return false
  ;(dialect.choices as Record<string, string>)[word] = value
  return true
}

/** The form of one receipt: the dialect itself, or one drawn anew. */
export function formOf(dialect: Dialect, random: Random): Dialect {
  if (!dialect.isAny) return dialect
  const choices = { ...dialect.choices } as Record<string, string>
  for (const word of DRAWN) choices[word] = pick(CHOICES[word], random)
  // A receipt must say its state somewhere, and data_sm has no other place for a text than message_payload.
  if (choices.carries === 'idTlv' && choices.cut === 'err') choices.cut = 'none'
  return {
    ...dialect,
    choices: choices as Dialect['choices'],
    stat: dialect.stat === '' ? pick(STATS, random) : dialect.stat,
    esmClass: pick(CLASSES, random),
  }
}

export function pick<T>(from: readonly T[], random: Random): T {
  return from[Math.floor(random.next() * from.length)]!
}

/** The id of a response in this dialect; `id` is a number beyond any that was given before. */
export function responseId({ choices: { ids } }: Dialect, id: number): string {
  switch (ids) {
    case 'decToHex':
    case 'case':
      return id.toString(16).toUpperCase()
    case 'stripped':
      return String(id).padStart(20, '0')
    case 'hexString':
      return `M${id}`
    case 'uuid':
      return uuidOf(id)
    case 'long':
      return `L${String(id).padStart(64, '-')}`
    default:
      return String(id)
  }
}

/** The id of its receipt. */
export function receiptId(dialect: Dialect, id: number): string {
  switch (dialect.choices.ids) {
    case 'hexToDec':
      return id.toString(16).toUpperCase()
    case 'decToHex':
    case 'stripped':
      return String(id)
    case 'padded':
      return String(id).padStart(20, '0')
    case 'case':
      return id.toString(16)
    case 'hexString':
      return Buffer.from(`M${id}`, 'latin1').toString('hex').toUpperCase()
    default:
      return responseId(dialect, id)
  }
}

function uuidOf(id: number): string {
  const digits = String(id).padStart(20, '0')
  return `00000000-${digits.slice(0, 4)}-4${digits.slice(4, 7)}-8${digits.slice(7, 10)}-00${digits.slice(10)}`
}

const found: TlvView = { start: 0, length: 0 }
/** True when this part of a long message gets a receipt. */
export function isReceipted({ choices: { parts } }: Dialect, bytes: Buffer, pdu: MessagePdu): boolean {
  if (parts === 'all') return true
  const { part, total } = partOf(bytes, pdu)
  return part === (parts === 'first' ? 1 : total)
}

/** By the user data header (3GPP TS 23.040 §9.2.3.24.1 and .8), or by sar parameters. */
function partOf(bytes: Buffer, pdu: MessagePdu): { part: number; total: number } {
  const { start, length } = pdu.text
  if ((pdu.esmClass & ESM.udhi) !== 0 && length > 7) {
    const at = start + (bytes[start + 1] === 8 ? 5 : 4)
    return { total: bytes[at]!, part: bytes[at + 1]! }
  }
  const total = findTlv(bytes, pdu.tlvs, TAG.sarTotal, found) ? bytes[found.start]! : 1
  return { total, part: findTlv(bytes, pdu.tlvs, TAG.sarSequence, found) ? bytes[found.start]! : 1 }
}
