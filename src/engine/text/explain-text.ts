/**
 * What a text comes to before anything is sent: its coding and why, its parts, the characters that cost and what they
 * cost. Pure; for one text at a time (explain, preview), not for the rows of a file.
 */
import { LANGUAGES, lockingOf, type NationalLanguage, type ShiftTables, singleOf } from '../contract/language.js'
import { limits } from '../contract/limits.js'
import { CODINGS, type Coding, type CodingName } from '../contract/message.js'
import { type ReasonCode, reasonCode, reasonHelp } from '../contract/reasons.js'
import { isBody } from './body.js'
import { countParts, unitsOf, WIDE } from './cuts.js'
import { findOffending, type Offending, type OffendingList } from './offending.js'
import { sizesOf } from './part-sizes.js'
import { type Segmented, Segmenter, type SegmentOptions, textOf } from './segment.js'
import { transliterate } from './transliterate.js'

const DEFAULT_OFFENDING = 20

export interface TextExplanation {
  encoding: CodingName
  /** gsm7: septets with escapes counted; ucs2: UTF-16 units; else octets. */
  units: number
  /** Also told where there are more than maxParts; 0 where the text cannot be sent at all. */
  parts: number
  /** Units that one part holds: of a text of one part or of several. */
  perPart: number
  /** Tables that the header of each part names; null: the default alphabet, or another coding. */
  national: { locking: NationalLanguage | null; single: NationalLanguage | null } | null
  /** The first of the characters that make the text UCS-2, in order; none for other codings. */
  offending: Offending[]
  offendingTotal: number
  /** Parts with a plain character in place of each offending one: what is beyond that is their price. */
  partsWithoutOffending: number
  /** What transliteration would make of it, and in how many parts; null: even so it would not fit the carrier's alphabet. */
  replaced: { text: string; parts: number } | null
  /** Characters were replaced: `text` is not what came. */
  transliterated: boolean
  /** What is sent, and the text of each part; none where it is refused. */
  text: string
  texts: string[]
  /** null: it can be sent. Else BODY_INVALID, EMPTY_TEXT, TOO_LONG or CHARACTER_UNSUPPORTED. */
  reason: ReasonCode | null
  /** Why this coding, or why not at all: one sentence. */
  why: string
}

/** How the whole of a text is written, whether it may be sent or not. */
interface Written {
  text: string
  coding: Coding
  shift: ShiftTables
  units: number
  parts: number
}

/** `offendingMax`: how many of the offending characters are listed. */
export function explainText(text: string, options: SegmentOptions, offendingMax = DEFAULT_OFFENDING): TextExplanation {
  const segmented = new Segmenter(options).segment(text)
  const code = isBody(text) ? reasonCode(segmented.reason) : 'BODY_INVALID'
  const reason = code === 'NONE' ? null : code
  const all = findOffending(text, options.alphabet, offendingMax)
  const written = segmented.reason === 0 ? asSegmented(segmented) : asCounted(text, options, all)
  const offending: OffendingList = written.coding === 1 ? all : { first: [], total: 0 }
  const sizes = sizesOf(written.coding, options.longMessages, tablesIn(written.shift))
  const explanation: TextExplanation = {
    encoding: CODINGS[written.coding],
    units: written.units,
    parts: reason === null || reason === 'TOO_LONG' ? written.parts : 0,
    perPart: written.units > sizes.single ? sizes.multi : sizes.single,
    national: nationalOf(written.shift),
    offending: offending.first,
    offendingTotal: offending.total,
    partsWithoutOffending: offending.total === 0 ? written.parts : partsWithoutOffending(text, options),
    replaced: replaced(text, options),
    transliterated: written.text !== text,
    text: written.text,
    texts: reason === null ? textsOf(segmented) : [],
    reason,
    why: '',
  }
  explanation.why = reason === null ? whyOf(explanation, options) : reasonHelp(reason)
  return explanation
}

function asSegmented({ text, coding, shift, units, partCount }: Segmented): Written {
  return { text, coding, shift, units, parts: partCount }
}

/** A refused text: the segmenter looks at it only as far as it must, so units and parts are counted here. */
function asCounted(text: string, options: SegmentOptions, offending: OffendingList): Written {
  const roomy = new Segmenter({ ...options, maxParts: limits.partsPerMessage }).segment(text)
  const isPlain = roomy.coding === 1 && offending.total === 0
  const coding = isPlain ? plainCoding(options) : roomy.coding
  const tables = coding === 0 ? roomy.shift : WIDE
  const { single, multi } = sizesOf(coding, options.longMessages, tablesIn(roomy.shift))
  const units = unitsOf(roomy.text, 0, roomy.text.length, tables)
  const parts = units <= single ? 1 : countParts(roomy.text, 0, multi, tables)
  return { text: roomy.text, coding, shift: roomy.shift, units, parts }
}

function plainCoding({ alphabet }: SegmentOptions): Coding {
  return alphabet === 'gsm7' ? 0 : alphabet === 'latin1' ? 2 : 3
}

/** Parts of a text that the carrier's alphabet takes. */
function plainParts(text: string, options: SegmentOptions): number {
  const coding = plainCoding(options)
  const { single, multi } = sizesOf(coding, options.longMessages)
  const tables = coding === 0 ? 0 : WIDE
  return unitsOf(text, 0, text.length, tables) <= single ? 1 : countParts(text, 0, multi, tables)
}

function partsWithoutOffending(text: string, options: SegmentOptions): number {
  let plain = ''
  for (const char of text) plain += findOffending(char, options.alphabet, 0).total === 0 ? char : '?'
  return plainParts(plain, options)
}

function replaced(text: string, options: SegmentOptions): TextExplanation['replaced'] {
  const made = transliterate(text, options.alphabet)
  if (made.trim() === '' || findOffending(made, options.alphabet, 0).total > 0) return null
  return { text: made, parts: plainParts(made, options) }
}

function tablesIn(shift: ShiftTables): number {
  return (lockingOf(shift) > 0 ? 1 : 0) + (singleOf(shift) > 0 ? 1 : 0)
}

function nationalOf(shift: ShiftTables): TextExplanation['national'] {
  return shift === 0 ? null : { locking: nameOf(lockingOf(shift)), single: nameOf(singleOf(shift)) }
}

function nameOf(id: number): NationalLanguage | null {
  const name = LANGUAGES[id]
  return name === undefined || name === 'default' ? null : name
}

function textsOf(segmented: Segmented): string[] {
  return Array.from({ length: segmented.partCount }, (_, part) => {
    const start = segmented.partStarts[part]!
    return textOf(segmented.bytes, start, start + segmented.partLengths[part]!, segmented)
  })
}

const ALPHABET_NAMES = {
  gsm7: 'the GSM 7-bit alphabet',
  latin1: 'Latin-1',
  ascii: 'ASCII',
  common: 'what all carriers of the route read alike',
} as const

function whyOf(explanation: TextExplanation, { alphabet, nationalLanguages = [] }: SegmentOptions): string {
  const name = ALPHABET_NAMES[alphabet]
  const { national, offendingTotal } = explanation
  if (national !== null) return `In ${inWords(national)} it needs fewer parts than in ${name} or UCS-2.`
  if (explanation.transliterated) return `Characters that ${name} lacks were replaced by such as read the same.`
  if (explanation.encoding !== 'ucs2') return `Every character is in ${name}.`
  const { char } = explanation.offending[0] ?? { char: '' }
  const more = offendingTotal === 1 ? 'is' : `and ${offendingTotal - 1} more are`
  const tried =
    nationalLanguages.length === 0 ? '' : ', and no language of the carrier has tables that need fewer parts'
  return `${JSON.stringify(char)} ${more} not in ${name}${tried}.`
}

function inWords({ locking, single }: NonNullable<TextExplanation['national']>): string {
  const tables = [
    ...(locking === null ? [] : [`the locking table of ${titled(locking)}`]),
    ...(single === null ? [] : [`the single shift table of ${titled(single)}`]),
  ]
  return tables.join(' and ')
}

function titled(name: string): string {
  return name[0]!.toUpperCase() + name.slice(1)
}
