/**
 * What becomes of a call to a number behind the simulated gateway, in a little language: `word=share` separated by commas, share
 * from 0 to 1 (`busy=0.1,press9=0.02`), and `ENDING=word` for numbers by their last digits (`01=busy,9977=invalid`). Either may
 * end in `:n`, for the first n calls of a number only, after which it answers (`02=busy:1`: free at the second try).
 *
 * The fate of a number depends on the seed and the number alone, so that any run can be repeated and every retry of a number
 * that is busy finds it busy. Words: see FATE_HELP. A status may be given as it is, with a Q.850 cause behind a stroke: 484/28.
 */
import { Random } from '../../engine/base/random.js'

export interface Fate {
  word: string
  kind: 'answers' | 'refuses' | 'rings' | 'silent' | 'hangsUp'
  /** Of a refusal. */
  status: number
  /** Q.850 cause that goes with it; 0: none. */
  cause: number
  /** It rings before it refuses. */
  ringsFirst: boolean
  /** Pressed once the message has begun. */
  digits: string
}

const ANSWERS: Fate = { word: 'answers', kind: 'answers', status: 200, cause: 0, ringsFirst: true, digits: '' }
const WORDS: Readonly<Record<string, Fate>> = {
  answers: ANSWERS,
  busy: refusal('busy', 486, 17),
  noanswer: { ...ANSWERS, word: 'noanswer', kind: 'rings' },
  unreachable: refusal('unreachable', 480, 20),
  invalid: refusal('invalid', 404, 1),
  declined: { ...refusal('declined', 603, 21), ringsFirst: true },
  refused: refusal('refused', 403, 0),
  congestion: refusal('congestion', 503, 34),
  error: refusal('error', 500, 41),
  redirect: refusal('redirect', 302, 0),
  silent: { ...ANSWERS, word: 'silent', kind: 'silent' },
  hangup: { ...ANSWERS, word: 'hangup', kind: 'hangsUp' },
}

export const FATE_HELP = [
  ...[
    'busy, noanswer, unreachable, invalid, declined, refused, congestion, error: refused with 486, ringing until the caller',
  ],
  ...['gives up, 480, 404, 603, 403, 503, 500', 'redirect: 302 to a costly number, which nobody should follow'],
  ...['silent: no answer to anything', 'hangup: hangs up in the middle of the message'],
  ...['pressDIGITS: presses them, such as press9', 'STATUS or STATUS/CAUSE: that one, such as 484/28'],
].join('\n')

export interface FateRules {
  shares: readonly { fate: Fate; share: number; first: number }[]
  /** Longest ending first. */
  endings: readonly { ending: string; fate: Fate; first: number }[]
  seed: number
}

function refusal(word: string, status: number, cause: number): Fate {
  return { word, kind: 'refuses', status, cause, ringsFirst: false, digits: '' }
}

/** null: there is no such word. */
function fateOfWord(word: string): Fate | null {
  if (Object.hasOwn(WORDS, word)) return WORDS[word]!
  const digits = /^press([0-9*#A-D]{1,16})$/.exec(word)?.[1]
  if (digits !== undefined) return { ...ANSWERS, word, digits }
  const [, status, cause] = /^([3-6][0-9]{2})(?:\/([0-9]{1,3}))?$/.exec(word) ?? []
  return status === undefined ? null : refusal(word, Number(status), Number(cause ?? 0))
}

/** Throws a RangeError that names the wrong word: a typing error must not become a test without faults. */
export function parseFates(faults: string, endings: string, seed: number): FateRules {
  const shares = wordsOf(faults).map((entry) => {
    const { left, right, first } = entryOf(entry)
    const fate = fateOfWord(left)
    const share = Number(right)
    if (fate === null || right === '' || !(share >= 0 && share <= 1)) {
      throw new RangeError(
        `fault "${entry}": write WORD=SHARE, share 0 to 1; words are ${Object.keys(WORDS).join(', ')}`,
      )
    }
    return { fate, share, first }
  })
  const rules = wordsOf(endings).map((entry) => {
    const { left, right, first } = entryOf(entry)
    const fate = fateOfWord(right)
    if (fate === null || !/^[0-9]{1,15}$/.test(left)) {
      throw new RangeError(`ending "${entry}": write LAST-DIGITS=WORD; words are ${Object.keys(WORDS).join(', ')}`)
    }
    return { ending: left, fate, first }
  })
  rules.sort((a, b) => b.ending.length - a.ending.length)
  return { shares, endings: rules, seed }
}

function wordsOf(text: string): string[] {
  return text.split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]))
}

function entryOf(entry: string): { left: string; right: string; first: number } {
  const [, left = '', right = '', first] = /^([^=:]+)=([^:]*)(?::([1-9][0-9]{0,5}))?$/.exec(entry) ?? []
  return { left, right, first: first === undefined ? Number.POSITIVE_INFINITY : Number(first) }
}

/** `call`: which call to this number it is, from 1. */
export function fateOf(rules: FateRules, number: string, call: number): Fate {
  const found = ruled(rules, number) ?? drawn(rules, number)
  return found === null || call > found.first ? ANSWERS : found.fate
}

interface Found {
  fate: Fate
  first: number
}

function ruled({ endings }: FateRules, number: string): Found | null {
  return endings.find(({ ending }) => number.endsWith(ending)) ?? null
}

function drawn({ shares, seed }: FateRules, number: string): Found | null {
  if (shares.length === 0) return null
  let chance = new Random(mixed(seed, number)).next()
  for (const entry of shares) {
    chance -= entry.share
    if (chance < 0) return entry
  }
  return null
}

/** FNV-1a over the digits, begun with the seed. */
function mixed(seed: number, number: string): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0
  for (let at = 0; at < number.length; at++) hash = Math.imul(hash ^ number.charCodeAt(at), 0x01000193) >>> 0
  return hash
}
