/**
 * What a file was found to have that rejects no row, but that its sender should know: stable codes, counted with each
 * range and stored by code.
 */
export const FINDINGS = [
  ['NUMBER_REPAIRED', 'Numbers that had lost their + or their leading 0, read as if they had it.'],
  ['ROUND_NUMBER', 'Accepted numbers that end in 000; many of them are a sign that a spreadsheet rounded them.'],
  ['ROUND_DUPLICATE', 'Duplicates among the numbers that end in 000.'],
  ['SMART_CHARACTER', 'Texts that need UCS-2 only because of characters that transliteration replaces.'],
  ['SMART_PART', 'Parts that transliteration would save in these texts.'],
  ['ZONE_ASSUMED', 'Times without an offset, read in the time zone of the job or the account.'],
  ['TIME_SKIPPED', 'Times that the clocks skip on that day, moved forward by what they skip.'],
  ['TIME_REPEATED', 'Times that the clocks show twice on that day; the first is meant.'],
] as const satisfies readonly (readonly [string, string])[]
export type FindingCode = (typeof FINDINGS)[number][0]

const numbers = new Map<string, number>(FINDINGS.map(([code], index) => [code, index]))
/** Stored number of a code. */
export function findingNumber(code: FindingCode): number {
  return numbers.get(code)!
}
