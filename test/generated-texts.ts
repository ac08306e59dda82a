/** Texts as people write them, in many scripts, from a seed. */
import type { Random } from '../src/engine/base/random.js'

/** What Unicode has between two code points. */
function range(first: number, last: number): string[] {
  const all = Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index))
  return all.filter((char) => /\p{Assigned}/u.test(char))
}

const LATIN = [...range(0x61, 0x7a), ...range(0x41, 0x5a), ...'0123456789.,!?-:/@#%&()\'"£$']

/** Letters of a script. Spaces, digits and now and then something of another script come in between. */
export const SCRIPTS: Readonly<Record<string, readonly string[]>> = {
  english: LATIN,
  gsm: [...LATIN, ...'éèùìòÇØøÅåÆæßÉÄÖÑÜ§äöñüà¿¡_ΔΦΓΛΩ'],
  extension: [...LATIN, ...'[]{}|~^\\€'],
  turkish: [...range(0x61, 0x7a), ...'çğıöşüÇĞİÖŞÜ'],
  spanish: [...range(0x61, 0x7a), ...'áéíóúñüÁÉÍÓÚÑÜç¿¡'],
  portuguese: [...range(0x61, 0x7a), ...'ãõâêôáéíóúàçÃÕÂÊÔÁÉÍÓÚÀÇ'],
  polish: [...range(0x61, 0x7a), ...'ąćęłńóśźż'],
  greek: range(0x391, 0x3c9),
  cyrillic: range(0x410, 0x44f),
  armenian: range(0x561, 0x586),
  georgian: range(0x10d0, 0x10f0),
  hebrew: range(0x5d0, 0x5ea),
  arabic: range(0x627, 0x64a),
  urdu: [...'ابپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوہھءیے'],
  hindi: range(0x905, 0x94d),
  bengali: range(0x985, 0x9cd),
  punjabi: range(0xa05, 0xa4d),
  gujarati: range(0xa85, 0xacd),
  oriya: range(0xb05, 0xb4d),
  tamil: range(0xb85, 0xbcd),
  telugu: range(0xc05, 0xc4d),
  kannada: range(0xc85, 0xccd),
  malayalam: range(0xd05, 0xd4d),
  thai: range(0xe01, 0xe39),
  hangul: range(0xac00, 0xac80),
  japanese: [...range(0x3041, 0x3093), ...range(0x4e00, 0x4e80)],
  emoji: ['👍', '👍🏽', '👨‍👩‍👧', '🇬🇧', '❤️', '🏳️‍🌈', '🙂', ...range(0x61, 0x6a)],
}
export const SCRIPT_NAMES = Object.keys(SCRIPTS)

/** Mostly around the lengths at which the number of parts changes. */
export function randomText(random: Random, script: readonly string[]): string {
  const length = LENGTHS[random.below(LENGTHS.length)]! + random.below(24) - 12
  const other = SCRIPTS[SCRIPT_NAMES[random.below(SCRIPT_NAMES.length)]!]!
  const isMixed = random.below(4) === 0
  let text = ''
  while (text.length < length) {
    if (random.below(7) === 0) text += ' '
    else if (isMixed && random.below(20) === 0) text += other[random.below(other.length)]!
    else text += script[random.below(script.length)]!
  }
  return `${text}x`
}

const LENGTHS = [13, 70, 134, 153, 160, 201, 300, 306, 460]
