/** The first word of what a person wrote, in the one form in which keywords are compared: case and accents aside. */

const MARKS = /\p{M}+/gu
/** Letters, digits and what may stand inside a word; punctuation around it does not belong to it. */
const WORD = /[\p{L}\p{M}\p{N}#*](?:[^\s]*[\p{L}\p{M}\p{N}#*])?/u

/** Case and accents aside; 'É', 'e' and full-width 'ｅ' are one letter. */
export function foldWord(word: string): string {
  return word.normalize('NFKD').replace(MARKS, '').toUpperCase().toLowerCase()
}

/** Folded; '' where the text has no word. */
export function firstWord(text: string): string {
  const found = WORD.exec(text.slice(0, 200))
  return found === null ? '' : foldWord(found[0])
}
