/**
 * Where graphemes begin: what reads as one character (Unicode UAX 29), as Intl.Segmenter sees it.
 *
 * A segmenter takes microseconds for a text, so it is asked only where the two neighbours of a place leave a doubt, and
 * for no more of the text than the doubt needs. Ingest threads, once per cut of a long text.
 */

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
/** Latin, Greek, Cyrillic, Armenian, punctuation, symbols, CJK, Hangul syllables: no two of these make one grapheme. */
const APART = /[ -\u02ff\u0370-\u0482\u048a-\u0590\u200e-\u20cf\u2100-\u2bff\u3400-\u9fff\uac00-\ud7a3]/
/** Marks and joiners, conjoining jamo, am of Thai and Lao, and signs that take what follows them. */
const CLINGS =
  /[\p{M}\p{Grapheme_Extend}]|[\u0e33\u0eb3\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]|\u200d|[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e]/u
/** How far back a place without doubt is looked for. */
const LOOK_BACK = 48

/**
 * UTF-16 index at which the grapheme begins that the unit at `at` belongs to: `at` itself where one begins there. One
 * must begin at `known`, which is at or before `at`.
 */
export function graphemeStart(text: string, at: number, known = 0): number {
  if (at <= known || at >= text.length || isApart(text, at)) return at
  let from = at - 1
  const least = Math.max(known, at - LOOK_BACK)
  while (from > least && !isApart(text, from)) from--
  if (from > known && !isApart(text, from)) from = known
  const { index } = segmenter.segment(text.slice(from, at + 2)).containing(at - from)!
  return from + index
}

/** True only where a grapheme surely begins at `at`. */
function isApart(text: string, at: number): boolean {
  return isAlone(text.charCodeAt(at), text[at]!) && isAlone(text.charCodeAt(at - 1), text[at - 1]!)
}

function isAlone(unit: number, char: string): boolean {
  if (unit >= 0x20 && unit < 0x300) return true
  if (unit < 0x20 || (unit & 0xf800) === 0xd800) return false
  return APART.test(char) || !CLINGS.test(char)
}
