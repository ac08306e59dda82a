/** Languages of speech by their tags (BCP 47), as far as voices are chosen by them. */
import { LANGUAGE_PATTERN } from '../contract/speech.js'

const TAG = new RegExp(LANGUAGE_PATTERN)
const TAG_MOST = 35

export function isLanguage(text: string): boolean {
  return text.length <= TAG_MOST && TAG.test(text)
}

/** `de` of de-AT, in small letters. */
export function baseLanguage(tag: string): string {
  const end = tag.indexOf('-')
  return (end < 0 ? tag : tag.slice(0, end)).toLowerCase()
}

/** The tag in small letters, and what is left of it when it is cut from behind (RFC 4647 §3.4): de-AT, de. */
export function* shorterTags(language: string): Iterable<string> {
  let tag = language.toLowerCase()
  for (;;) {
    yield tag
    const cut = tag.lastIndexOf('-')
    if (cut < 0) return
    // A subtag of one character belongs to the one behind it.
    tag = tag.slice(0, tag.at(cut - 2) === '-' ? cut - 2 : cut)
  }
}
