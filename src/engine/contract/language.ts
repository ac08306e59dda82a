/**
 * National languages with shift tables, by the identifier that the header of a message carries (3GPP TS 23.038
 * §6.2.1.2.4): 1 Turkish … 13 Urdu. 0 stands for the default alphabet and its extension table.
 */
export const LANGUAGES = [
  'default',
  'turkish',
  'spanish',
  'portuguese',
  'bengali',
  'gujarati',
  'hindi',
  'kannada',
  'malayalam',
  'oriya',
  'punjabi',
  'tamil',
  'telugu',
  'urdu',
] as const
export type LanguageName = (typeof LANGUAGES)[number]
/** A language that a carrier may be said to know. */
export type NationalLanguage = Exclude<LanguageName, 'default'>

/**
 * The pair of tables that a text is written in, in one octet: locking × 16 + single, 0 for the default pair. Blocks store
 * it, and 0 is what blocks from before there were tables hold.
 */
export type ShiftTables = number

/** Identifiers that no table has (2 as locking, 14 and above) count as 0: a receiver ignores them (§6.2.1.2.4). */
export function shiftTables(locking: number, single: number): ShiftTables {
  const known = locking < LANGUAGES.length && locking !== SPANISH ? locking : 0
  return known * 16 + (single < LANGUAGES.length ? single : 0)
}
export function lockingOf(shift: ShiftTables): number {
  return shift >> 4
}
export function singleOf(shift: ShiftTables): number {
  return shift & 15
}

const SPANISH = LANGUAGES.indexOf('spanish')
