/**
 * Which columns of a sample are the recipients', in which order, and of which country their numbers are. Pure; once a
 * sample.
 */
import type { JobSettings } from '../../engine/contract/job.js'
import { LINE_TYPES } from '../../engine/contract/number-rules.js'
import type { Doubt, SampleFacts } from '../../engine/contract/sample.js'
import { NumberParser } from '../../engine/phone/number.js'
import { isMobileLabel, isOtherNumber, isRecipientLabel } from './column-labels.js'
import { type ColumnFacts, doubtAbout } from './sample-columns.js'

const FIXED = LINE_TYPES.indexOf('fixed')
/** Cells of a column that are parsed. */
const CELLS_MOST = 500
/** A guessed country must make so many of the national numbers valid. */
const VALID_SHARE = 0.9
/** By a word of a label that says which language the file is in, the countries that are tried, the likeliest first. */
const COUNTRIES: readonly (readonly [RegExp, readonly string[]])[] = [
  [
    /^(?:vorname|nachname|handy|mobil|rufnummer|stra(?:ss|ß)e|plz|ort|anrede|geburtsdatum|uhrzeit|datum|termin)/,
    ['DE', 'AT', 'CH'],
  ],
  [/^(?:prenom|nom|portable|adresse|ville|code postal|heure|tel(?:ephone)? ?portable)/, ['FR', 'BE', 'CH']],
  [/^(?:nombre|apellidos?|movil|celular|ciudad|fecha|hora|telefono)/, ['ES', 'MX', 'AR', 'CO', 'CL']],
  [/^(?:nome|cognome|cellulare|citta)/, ['IT', 'CH']],
  [/^(?:voornaam|achternaam|mobiel|woonplaats|postcode)/, ['NL', 'BE']],
  [/^(?:zip|state|cell)/, ['US', 'CA']],
  [/^(?:postcode|county|surname|mobile)/, ['GB', 'IE', 'AU']],
]

export interface PhoneGuess {
  columns: { to?: string | number; phones?: (string | number)[]; phonesMode?: 'first' }
  defaultCountry?: string
  /** The recipient columns, given or guessed. */
  recipients: ColumnFacts[]
  doubts: Doubt[]
}

/** Of rows that are reached otherwise. */
export const NO_PHONES: PhoneGuess = { columns: {}, recipients: [], doubts: [] }

interface Question {
  columns: readonly ColumnFacts[]
  given: JobSettings
  facts: SampleFacts
  /** How a column is named in settings. */
  refOf(column: ColumnFacts): string | number
  /** Columns that the settings name. */
  named(refs: readonly (string | number)[]): ColumnFacts[]
}

export function guessPhones(question: Question): PhoneGuess {
  const { given } = question
  const doubts: Doubt[] = []
  const refs = [...(given.columns?.to === undefined ? [] : [given.columns.to]), ...(given.columns?.phones ?? [])]
  const recipients = refs.length > 0 ? question.named(refs) : found(question, doubts)
  const defaultCountry = countryOf(question, recipients, doubts)
  landlineDoubts(question, recipients, { defaultCountry, doubts })
  const columns = refs.length > 0 ? {} : proposal(question, recipients, doubts)
  return { columns, recipients, doubts, ...(defaultCountry === undefined ? {} : { defaultCountry }) }
}

function found({ columns }: Question, doubts: Doubt[]): ColumnFacts[] {
  const phones = columns.filter(({ role }) => role === 'phone')
  const only = phones.find(({ label, cells }) => isRecipientLabel(label) && cells.length > 0)
  if (only !== undefined) return [only]
  const filled = phones.filter(({ cells }) => cells.length > 0)
  if (filled.length > 0) return [...phones].sort((a, b) => rankOf(a) - rankOf(b) || a.position - b.position)
  const [other] = columns.filter(({ label, phoneShare }) => phoneShare >= 0.5 && isOtherNumber(label))
  if (other === undefined) return phones.slice(0, 1)
  const message = `Only ${other.called} holds what looks like telephone numbers, and its label says that it is something else.`
  doubts.push(
    doubtAbout(other, { code: 'RECIPIENT', message, remedy: 'Name the column of the recipients as columns.to.' }),
  )
  return [other]
}

/** Mobiles first, then what is not said, columns without a number last. */
function rankOf({ label, cells }: ColumnFacts): number {
  if (cells.length === 0) return 2
  return isMobileLabel(label) ? 0 : 1
}

function proposal({ refOf }: Question, recipients: ColumnFacts[], doubts: Doubt[]): PhoneGuess['columns'] {
  const [first] = recipients
  if (first === undefined) return {}
  if (recipients.length === 1) return { to: refOf(first) }
  const names = recipients.map(({ called }) => called).join(', ')
  doubts.push(
    doubtAbout(null, {
      code: 'SEVERAL_PHONES',
      message: `Several columns hold telephone numbers: ${names}. The first valid one of a row is used, in this order.`,
      remedy:
        'Put columns.phones in another order, name one as columns.to, or set columns.phonesMode to "all" for every number.',
    }),
  )
  return { phones: recipients.map(refOf), phonesMode: 'first' }
}

/** Numbers without a country code mean nothing without a country. */
function countryOf(question: Question, recipients: ColumnFacts[], doubts: Doubt[]): string | undefined {
  const { given, facts } = question
  const known = given.defaultCountry ?? facts.defaultCountry
  const cells = cellsOf(recipients)
  const national = nationalOf(cells)
  if (national.length === 0) return undefined
  const valid = known === null ? 0 : validShare(national, known)
  if (valid >= VALID_SHARE) return undefined
  const better = bestCountry(question, national)
  const count = `${national.length} of ${cells.length} numbers have no country code`
  const example = `, e.g. ${national[0]}`
  if (known === null && better !== null) {
    const message = `${count}${example}; they are taken for numbers of ${better}, by the labels of the file and by what is valid there.`
    doubts.push(
      doubtAbout(recipients[0]!, { code: 'DEFAULT_COUNTRY', message, remedy: 'Set defaultCountry to their country.' }),
    )
    return better
  }
  const where =
    known === null
      ? 'and no country is set'
      : `and ${Math.round((1 - valid) * 100)} % of these are not valid in ${known}`
  const hint = better === null || better === known ? '' : ` They would be valid in ${better}.`
  const message = `${count}${example}, ${where}.${hint}`
  doubts.push(
    doubtAbout(recipients[0]!, { code: 'DEFAULT_COUNTRY', message, remedy: 'Set defaultCountry to their country.' }),
  )
  return undefined
}

function cellsOf(recipients: readonly ColumnFacts[]): string[] {
  return recipients.flatMap(({ cells }) => cells.slice(0, CELLS_MOST))
}

function nationalOf(cells: readonly string[]): string[] {
  const parser = new NumberParser(null)
  return cells.filter((cell) => parser.parse(cell).reason !== 0 && /\d{4}/.test(cell.replace(/\D/g, '')))
}

function validShare(cells: readonly string[], country: string): number {
  const parser = new NumberParser(country)
  return cells.filter((cell) => parser.parse(cell).reason === 0).length / cells.length
}

/** Of the countries that the file speaks for: of its international numbers, then of its language. */
function bestCountry({ columns }: Question, national: readonly string[]): string | null {
  const tried = new Set<string>(foreignCountries(columns))
  for (const { label } of columns) {
    const plain = label.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().trim()
    for (const [words, countries] of COUNTRIES)
      if (words.test(plain)) for (const country of countries) tried.add(country)
  }
  let best: string | null = null
  let most = VALID_SHARE
  for (const country of tried) {
    const valid = validShare(national, country)
    if (valid < most || (best !== null && valid === most)) continue
    best = country
    most = valid
  }
  return best
}

function foreignCountries(columns: readonly ColumnFacts[]): string[] {
  const parser = new NumberParser(null)
  const counts = new Map<string, number>()
  for (const { role, cells } of columns) {
    if (role !== 'phone') continue
    for (const cell of cells.slice(0, CELLS_MOST)) {
      const parsed = parser.parse(cell)
      if (parsed.reason === 0 && /^[A-Z]{2}$/.test(parsed.country))
        counts.set(parsed.country, (counts.get(parsed.country) ?? 0) + 1)
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([country]) => country)
}

/** Rows that reach nobody but on a landline. */
function landlineDoubts(
  { given, facts }: Question,
  recipients: ColumnFacts[],
  { defaultCountry, doubts }: { defaultCountry: string | undefined; doubts: Doubt[] },
): void {
  if (given.landlines !== undefined || (given.channel ?? 'auto') !== 'auto') return
  const parser = new NumberParser(given.defaultCountry ?? defaultCountry ?? facts.defaultCountry)
  const cells = cellsOf(recipients)
  const fixed = cells.filter((cell) => {
    const parsed = parser.parse(cell)
    return parsed.reason === 0 && parsed.lineType === FIXED
  }).length
  if (fixed === 0) return
  const now = facts.channels.includes('voice')
    ? 'They are called and the text is read to them (voice).'
    : 'There is no route for calls, so rows that have nothing else are rejected with NO_ROUTE.'
  const remedy = 'Set landlines: "voice" calls them, "sms" sends them SMS, "reject" leaves them out.'
  doubts.push(
    doubtAbout(recipients[0]!, {
      code: 'LANDLINES',
      message: `${fixed} of ${cells.length} numbers are landlines. ${now}`,
      remedy,
    }),
  )
}
