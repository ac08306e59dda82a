/**
 * Which files a profile serves: patterns of file names such as `clinic-*.csv`, where * stands for any characters and ?
 * for one. Case does not count, nor how a file system composes its accents, nor a `.gz` behind the name. Main thread, once
 * a file.
 */
import type { FieldError } from '../contract/errors.js'

const PATTERNS_MOST = 50
const LONGEST = 255
/** What no name of a file in a folder has. */
const FORBIDDEN = /[/\\\u0000-\u001f\u007f]/

export function patternsOf(setting: string | readonly string[] | undefined): readonly string[] {
  if (setting === undefined) return []
  return typeof setting === 'string' ? [setting] : setting
}

export function* patternErrors(setting: string | readonly string[] | undefined): Iterable<FieldError> {
  const patterns = patternsOf(setting)
  if (patterns.length > PATTERNS_MOST) {
    yield { pointer: '/filePattern', message: `must have at most ${PATTERNS_MOST} patterns` }
  }
  for (const [index, pattern] of patterns.entries()) {
    if (pattern.trim() !== '' && pattern.length <= LONGEST && !FORBIDDEN.test(pattern)) continue
    const pointer = typeof setting === 'string' ? '/filePattern' : `/filePattern/${index}`
    yield {
      pointer,
      message: `must be the name of a file with * or ?, up to ${LONGEST} characters and without a slash`,
    }
  }
}

export interface Served {
  name: string
  patterns: readonly string[]
}

/** The name whose pattern says most about the file; of two that say as much the first by name. null: none fits. */
export function bestMatch(served: Iterable<Served>, file: string): string | null {
  let best: { name: string; merits: Merits } | null = null
  for (const { name, patterns } of served) {
    for (const pattern of patterns) {
      if (!fitsFile(pattern, file)) continue
      const merits = meritsOf(pattern)
      const order = best === null ? 1 : compare(merits, best.merits)
      if (order > 0 || (order === 0 && name < best!.name)) best = { name, merits }
    }
  }
  return best?.name ?? null
}

/** Characters that are said, characters that are counted (?), and stars, of which fewer say more. */
type Merits = readonly [number, number, number]

function meritsOf(pattern: string): Merits {
  const stars = pattern.split('*').length - 1
  const marks = pattern.split('?').length - 1
  return [pattern.length - stars - marks, marks, -stars]
}

function compare(one: Merits, other: Merits): number {
  const at = one.findIndex((merit, index) => merit !== other[index])
  return at < 0 ? 0 : one[at]! - other[at]!
}

function fitsFile(pattern: string, file: string): boolean {
  const wanted = folded(pattern)
  const name = folded(file)
  return fits(wanted, name) || (name.endsWith('.gz') && fits(wanted, name.slice(0, -3)))
}

/** A file copied from a Mac has its accents apart. */
function folded(name: string): string {
  return name.normalize('NFC').toLowerCase()
}

/** Goes back to the last star only, so that no pattern takes long. */
function fits(pattern: string, name: string): boolean {
  let [at, inName, star, resume] = [0, 0, -1, 0]
  while (inName < name.length) {
    const wanted = pattern[at]
    if (wanted === '*') {
      star = at++
      resume = inName
    } else if (wanted === '?' || wanted === name[inName]) {
      at++
      inName++
    } else if (star >= 0) {
      at = star + 1
      inName = ++resume
    } else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}

/** Of files like this one: what counts up in a name, such as a date, may be anything. null: nothing would be left of it. */
export function guessPattern(file: string): string | null {
  const name = file.replace(/^.*[/\\]/, '').replace(/\.gz$/i, '')
  const at = name.lastIndexOf('.')
  const [stem, ending] = at > 0 ? [name.slice(0, at), name.slice(at)] : [name, '']
  const open = stem.replace(/\d+(?:[-_. ]?\d+)*/g, '*').replace(/\*+/g, '*')
  const pattern = open === stem ? `${stem}*${ending}` : `${open}${ending}`
  return /\p{L}/u.test(open.replaceAll('*', '')) && [...patternErrors(pattern)].length === 0 ? pattern : null
}
