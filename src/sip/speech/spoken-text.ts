/**
 * What of a text is spoken: its words, as one line. Numbers, times and abbreviations are left to the program that speaks.
 * Left out is what nobody would read out: control characters (espeak-ng takes U+0001 for a command), pictures, and the
 * `https://` of an address. Speech thread.
 */

const SCHEME = /\bhttps?:\/\//gi
/** Emoji, flags and what is turned into one by U+FE0F. */
const PICTURES = /\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F/gu
const UNSPEAKABLE = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}]/gu
/** Marks of direction, soft hyphens and the like; Persian and Indic scripts need the two joiners. */
const INVISIBLE = /(?![\u200C\u200D])\p{Cf}|[\uFE0E\uFE0F\u20E3]/gu
/** espeak-ng takes [[…]] for phonemes. */
const DOUBLE_BRACKET = /\[(?=\[)/g
const WORDS = /[\p{L}\p{N}]/u

/** NFC, each run of white space one space. '': there is nothing to say. */
export function spokenText(text: string): string {
  const line = text
    .normalize('NFC')
    .replace(PICTURES, ' ')
    .replace(UNSPEAKABLE, ' ')
    .replace(INVISIBLE, '')
    .replace(SCHEME, '')
    .replace(DOUBLE_BRACKET, '[ ')
    .replace(/\s+/gu, ' ')
    .trim()
  return WORDS.test(line) ? line : ''
}
