/**
 * Whether a subscriber's text is one of the words. Case, accents, width, punctuation, spaces, emoji and characters of no
 * width say nothing. First the whole message is compared ('S.T.O.P.', 'opt-out'), then its first word or words:
 *
 *   a word counts at the beginning of any message ('Stop sending me this!!'); an everyday word, which also begins other
 *   sentences, only before at most two more words ('cancel please', but not 'end of the road is fine').
 *
 * YES and its like never count before other words: 'Yes, I come on Monday' asks for nothing. What begins with an everyday
 * STOP word, or has a phrase of opting out in it, is no opt-out by this rule, and is marked for a person to look at.
 */
import type { Keyword, OptOutSettings } from '../contract/opt-out.js'
import { KEYWORDS } from '../contract/opt-out.js'
import { ASSENT_WORDS, EVERYDAY_WORDS, REVIEW_PHRASES, WORD_LISTS } from './word-lists.js'

/** A person's message has no more; what is longer is not looked through. */
const TEXT_MAX = 4_000
const WORDS_IN_ENTRY_MAX = 4
/** Behind an everyday word. */
const MORE_WORDS_MAX = 2
const IGNORED = /[\p{M}\p{Cf}\p{Sk}'’‘ʼ´`]/gu
const SEPARATORS = /[^\p{L}\p{N}]+/u
/** Letters that have no accent to take off. */
const PLAIN: Readonly<Record<string, string>> = { ı: 'i', ß: 'ss', ø: 'o', ł: 'l', đ: 'd', æ: 'ae', œ: 'oe' }

export interface Found {
  keyword: Keyword | null
  /** As the subscriber wrote it. */
  word: string
  review: boolean
}

/** Folded words of a text: of 'Opt-Out, pleasé!' opt, out and please. */
export function wordsOf(text: string): string[] {
  const folded = text
    .slice(0, TEXT_MAX)
    .normalize('NFKD')
    .replace(IGNORED, '')
    .toLowerCase()
    .replace(/[ıßøłđæœ]/g, (letter) => PLAIN[letter]!)
  return folded.split(SEPARATORS).filter((word) => word !== '')
}

function joined(text: string): string {
  return wordsOf(text).join('')
}

const everyday = new Set(EVERYDAY_WORDS.map(joined))
const assent = new Set(ASSENT_WORDS.map(joined))
const phrases = REVIEW_PHRASES.map((phrase) => ` ${wordsOf(phrase).join(' ')} `)

/** A built-in word in front of `more` others. */
function mayBegin(word: string, more: number): boolean {
  return !assent.has(word) && (more <= MORE_WORDS_MAX || !everyday.has(word))
}

/** Of an account; made once per settings. */
export class KeywordFinder {
  readonly #byWord = new Map<string, Keyword>()
  readonly #firstWord: boolean
  /** Words of the account's own count before any others. */
  readonly #own = new Set<string>()

  constructor(settings: Pick<OptOutSettings, 'stopWords' | 'startWords' | 'helpWords' | 'words' | 'firstWord'>) {
    this.#firstWord = settings.firstWord
    // A word of two lists is what comes last here: help, then start, then stop, so that no opt-out is missed.
    for (const keyword of [...KEYWORDS].reverse()) {
      const own = settings[`${keyword}Words`].map(joined)
      const isReplaced = settings.words === 'replace' && own.length > 0
      if (!isReplaced)
        for (const list of WORD_LISTS) for (const word of list[keyword]) this.#byWord.set(joined(word), keyword)
      for (const word of own) {
        this.#byWord.set(word, keyword)
        this.#own.add(word)
      }
    }
    this.#byWord.set('stop', 'stop')
  }

  find(text: string): Found {
    const words = wordsOf(text)
    const whole = this.#byWord.get(words.join(''))
    if (whole !== undefined) return { keyword: whole, word: text.trim().slice(0, 40), review: false }
    const first = this.#firstWord ? this.#first(words) : null
    if (first !== null) return { ...first, review: false }
    return { keyword: null, word: '', review: this.#mayBeStop(words) }
  }

  /** The longest entry that the message begins with: 'stop all' before 'stop'. */
  #first(words: string[]): { keyword: Keyword; word: string } | null {
    for (let length = Math.min(WORDS_IN_ENTRY_MAX, words.length - 1); length > 0; length--) {
      const word = words.slice(0, length).join('')
      const keyword = this.#byWord.get(word)
      if (keyword === undefined) continue
      if (!this.#own.has(word) && !mayBegin(word, words.length - length)) continue
      return { keyword, word: words.slice(0, length).join(' ') }
    }
    return null
  }

  #mayBeStop(words: string[]): boolean {
    if (words.length === 0) return false
    if (this.#byWord.get(words[0]!) === 'stop') return true
    const text = ` ${words.join(' ')} `
    return phrases.some((phrase) => text.includes(phrase))
  }
}
