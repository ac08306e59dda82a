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
