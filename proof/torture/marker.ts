/**
 * What tells a row from all others: a number that stands in its text so often that each part has it whole, and from which
 * its recipient follows, so that any ledger says which row it speaks of.
 */

/** Characters of a marker in a text, with the space behind it. */
const FORM = /#([0-9a-z]{5});/

/** Markers are below this: five digits to the base 36. */
export const MARKERS = 36 ** 5

export function markerText(marker: number): string {
  return `#${marker.toString(36).padStart(5, '0')};`
}

/** The number of the first whole marker in a text; -1: there is none. */
export function markerOf(text: string): number {
  const [, digits] = FORM.exec(text) ?? []
  return digits === undefined ? -1 : Number.parseInt(digits, 36)
}

/** A text of so many parts in GSM 7-bit, each with a whole marker in it. */
export function textOf(marker: number, parts: number): string {
  const word = markerText(marker)
  if (parts === 1) return `Row ${word} of the torture`
  // 153 characters a part behind the header; a marker of 7 that is cut at the seam comes again right behind it.
  return word.repeat(Math.floor((153 * (parts - 1) + 60) / word.length))
}

/** A British mobile of its own for each of ten million markers in turn. */
export function recipientOf(marker: number): string {
  return `+4477${String(10_000_000 + (marker % 10_000_000)).padStart(8, '0')}`
}

/** The other way round, for markers below ten million; -1: it is none of ours. */
export function markerOfRecipient(to: string): number {
  const [, digits] = /^\+?4477(\d{8})$/.exec(to) ?? []
  return digits === undefined ? -1 : Number(digits) - 10_000_000
}
