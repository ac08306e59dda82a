/**
 * Which national language tables make a text cheapest: of all pairs that a carrier knows the one with the fewest parts,
 * and of those the simplest (a single shift table, a locking table, both) with the fewest septets.
 *
 * For a locking table only one single shift table has to be looked at: all that hold what it lacks cost the same.
 * Runs in the ingest threads, for texts that the default alphabet does not take in one part.
 */
import { LANGUAGES, type NationalLanguage, type ShiftTables, shiftTables } from '../contract/language.js'
import { countParts } from './cuts.js'
import { LOCKING_SHIFT, SINGLE_SHIFT } from './national-tables.js'
import { type LongMessages, type PartSizes, sizesOf } from './part-sizes.js'

export interface NationalChoice {
  tables: ShiftTables
  parts: number
  septets: number
  sizes: PartSizes
}

/** A bit a table, by UTF-16 unit: which locking and which single shift tables have it. */
interface Membership {
  locking: Uint16Array
  single: Uint16Array
}

const UNITS = 0x221f

function makeMembership(): Membership {
  const made = { locking: new Uint16Array(UNITS), single: new Uint16Array(UNITS) }
  for (let id = 0; id < LANGUAGES.length; id++) {
    for (const char of LOCKING_SHIFT[id]!)
      if (char !== '' && char !== '\u001b') made.locking[char.charCodeAt(0)]! |= 1 << id
    for (const char of SINGLE_SHIFT[id]!) if (char !== '') made.single[char.charCodeAt(0)]! |= 1 << id
  }
  return made
}

let membership: Membership | null = null

export class NationalTables {
  /** Identifiers in the order in which the carrier's config names the languages. */
  readonly #languages: readonly number[]
  readonly #sizes: readonly PartSizes[]
  readonly #member: Membership

  constructor(languages: readonly NationalLanguage[], longMessages: LongMessages) {
    this.#languages = [...new Set(languages)].map((name) => LANGUAGES.indexOf(name))
    this.#sizes = [0, 1, 2].map((tables) => sizesOf(0, longMessages, tables))
    membership ??= makeMembership()
    this.#member = membership
  }

  /** The cheapest pair of tables that needs fewer than `below` parts; null when there is none. */
  choose(text: string, below: number): NationalChoice | null {
    let best: NationalChoice | null = null
    for (const locking of [0, ...this.#languages]) {
      const found = LOCKING_SHIFT[locking]![0x20] === '' ? null : this.#withLocking(text, locking)
      if (found === null || found.parts >= below) continue
      if (best === null || isBetter(found, best)) best = found
    }
    return best
  }

  #withLocking(text: string, locking: number): NationalChoice | null {
    const { locking: inLocking, single: inSingle } = this.#member
    const bit = 1 << locking
    /** Single shift tables that have all that the locking table lacks. */
    let singles = 0xffff
    let septets = text.length
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index)
      if (unit >= UNITS) return null
      if ((inLocking[unit]! & bit) !== 0) continue
      septets++
      singles &= inSingle[unit]!
      if (singles === 0) return null
    }
    const single = this.#pick(singles, locking)
    if (single < 0) return null
    const tables = shiftTables(locking, single)
    const sizes = this.#sizes[(locking > 0 ? 1 : 0) + (single > 0 ? 1 : 0)]!
    const parts = septets <= sizes.single ? 1 : countParts(text, 0, sizes.multi, tables)
    return { tables, parts, septets, sizes }
  }

  /** The default extension table where it does, then the table of the same language, then the first that does; -1: none. */
  #pick(singles: number, locking: number): number {
    if (locking > 0 && (singles & 1) !== 0) return 0
    if (locking > 0 && (singles & (1 << locking)) !== 0) return locking
    return this.#languages.find((single) => (singles & (1 << single)) !== 0) ?? -1
  }
}

function isBetter(found: NationalChoice, best: NationalChoice): boolean {
  if (found.parts !== best.parts) return found.parts < best.parts
  const simpler = kindOf(found.tables) - kindOf(best.tables)
  return simpler !== 0 ? simpler < 0 : found.septets < best.septets
}

/** 0: single shift table alone, 1: locking table alone, 2: both. */
function kindOf(tables: ShiftTables): number {
  if (tables < 16) return 0
  return (tables & 15) === 0 ? 1 : 2
}
