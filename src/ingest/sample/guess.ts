/**
 * The 'sample' task: settings for files like this one, as far as its head tells them, and every doubt in words. What is given
 * is kept. Stores nothing. Runs in an ingest thread.
 */
import type { IngestTask } from '../../engine/contract/ingest.js'
import type { ColumnRef, ColumnSettings, JobSettings } from '../../engine/contract/job.js'
import type { Doubt, SampleFacts, SampleGuess } from '../../engine/contract/sample.js'
import { foldKeyword, Keywords } from '../../engine/text/keyword.js'
import { normaliseLabel } from '../../engine/text/label.js'
import { compileTemplate } from '../../engine/text/template.js'
import { planColumns, positionOf } from '../columns.js'
import { type Look, lookAt, warningsFor } from '../dialect.js'
import { isKnownLabel } from './column-labels.js'
import type { DateHabits } from './date-guess.js'
import { guessEmail } from './email-guess.js'
import { guessPhones, NO_PHONES } from './phone-guess.js'
import { type ColumnFacts, columnsOf, doubtAbout, isDataRow, share, shownColumn } from './sample-columns.js'
import { guessTimes } from './time-guess.js'

const RECORDS = 1_000
/** Countries that write the month first. */
const MONTH_FIRST = new Set(['US', 'PH', 'PW', 'FM', 'MH', 'GU', 'PR', 'VI', 'AS', 'MP'])
const KEYWORDS_SHOWN = 5
const HALF = 0.5

type SampleTask = Omit<Extract<IngestTask, { kind: 'sample' }>, 'kind'>

/** @throws EngineError FILE_EMPTY, FILE_NOT_CSV, COLUMN_UNKNOWN, RECIPIENT_COLUMN_MISSING, TEMPLATE_INVALID. */
export function guessProfile(task: SampleTask): SampleGuess {
  return new Guess(task).result()
}

class Guess {
  readonly #task: SampleTask
  readonly #given: JobSettings
  readonly #facts: SampleFacts
  readonly #keywords: Keywords
  readonly #look: Look
  #columns: ColumnFacts[]
  readonly #doubts: Doubt[] = []

  constructor(task: SampleTask) {
    this.#task = task
    this.#given = task.settings
    this.#facts = task.facts
    this.#keywords = new Keywords(Object.fromEntries(task.facts.keywords.map((keyword) => [keyword, ''])))
    this.#look = this.#lookAgain()
    this.#columns = columnsOf(
      this.#look.head,
      habitsOf(this.#given.defaultCountry ?? this.#facts.defaultCountry, this.#facts),
    )
  }

  get #hasOwnText(): boolean {
    return this.#given.text !== undefined || this.#given.template !== undefined
  }

  get #hasHeader(): boolean {
    return this.#look.dialect.header
  }

  result(): SampleGuess {
    this.#fileDoubts()
    const email = guessEmail({ ...this.#question(), facts: this.#facts })
    const phones = email.isOnly ? NO_PHONES : guessPhones({ ...this.#question(), facts: this.#facts })
    // The country of the numbers may say which way round dates are written.
    const country = phones.defaultCountry ?? null
    if (country !== null) this.#columns = columnsOf(this.#look.head, habitsOf(country, this.#facts))
    const texts = this.#texts()
    const labels = this.#labelsOfText()
    const times = guessTimes({ ...this.#question(), facts: this.#facts, hasHeader: this.#hasHeader, labels })
    this.#doubts.push(...phones.doubts, ...email.doubts, ...texts.doubts, ...times.doubts)
    const { columns: own = {} } = this.#given
    const columns: ColumnSettings = { ...phones.columns, ...email.columns, ...texts.columns, ...times.columns, ...own }
    const fields = { ...this.#aliases(), ...own.fields }
    if (Object.keys(fields).length > 0) columns.fields = fields
    const settings: JobSettings = {
      ...this.#given,
      ...email.settings,
      csv: { ...this.#given.csv, header: this.#hasHeader },
      columns,
    }
    if (phones.defaultCountry !== undefined) settings.defaultCountry = phones.defaultCountry
    const { dialect, head, text } = this.#look
    const sniff = {
      dialect,
      columns: planColumns(head, columns, settings.channel),
      warnings: warningsFor(dialect, text, false),
    }
    return { settings, sniff, columns: this.#columns.map(shownColumn), doubts: this.#doubts }
  }

  /** A first row that holds data is none of labels, although no number stands in it. */
  #lookAgain(): Look {
    const { path, available, settings } = this.#task
    const csv = settings.csv ?? {}
    const look = lookAt({ path, available, complete: true, csv }, RECORDS)
    if (csv.header !== undefined || look.head.header === null || !isDataRow(look.head.header)) return look
    return lookAt({ path, available, complete: true, csv: { ...csv, header: false } }, RECORDS)
  }

  #question() {
    return {
      columns: this.#columns,
      given: this.#given,
      refOf: (column: ColumnFacts): ColumnRef => (this.#hasHeader ? column.label : column.position + 1),
      named: (refs: readonly ColumnRef[]) => {
        const labels = this.#columns.map(({ label }) => label)
        return refs.map((ref) => this.#columns[positionOf(labels, ref)]).filter((column) => column !== undefined)
      },
    }
  }

  #tell(code: string, message: string, remedy: string): void {
    this.#doubts.push(doubtAbout(null, { code, message, remedy }))
  }

  #fileDoubts(): void {
    const { dialect, head, text } = this.#look
    for (const message of warningsFor(dialect, text, false)) {
      this.#tell('ENCODING', message, 'Export the file as "CSV UTF-8", or set csv.encoding.')
    }
    const { csv = {} } = this.#given
    if (csv.header === undefined && !dialect.header) {
      this.#tell(
        'NO_HEADER',
        'The first row looks like data, so the file is read without a header: the text names columns by position, ~1~, ~2~ …',
        'If the first row holds labels, set csv.header to true; columns.fields gives positions a label: {"name": 2}.',
      )
    }
    if (csv.header === undefined && dialect.header && !head.header!.some((label) => isKnownLabel(label.trim()))) {
      const first = head.header!.map((label) => `"${label}"`).join(', ')
      this.#tell(
        'HEADER',
        `The first row is taken for labels: ${first}; none of them is known here.`,
        'If it is data, set csv.header to false.',
      )
    }
    if (csv.delimiter === undefined && this.#columns.length === 1 && /[;,\t|]/.test(text.slice(0, 4_096))) {
      this.#tell(
        'DELIMITER',
        'No delimiter was found that all rows have equally often, so the file has one column.',
        'Set csv.delimiter.',
      )
    }
  }

  /** Which columns bring or pick the texts. */
  #texts(): { columns: Pick<ColumnSettings, 'text' | 'keyword'>; doubts: Doubt[] } {
    const own = this.#given.columns ?? {}
    const { refOf } = this.#question()
    const found: Pick<ColumnSettings, 'text' | 'keyword'> = {}
    const doubts: Doubt[] = []
    const keyword = own.keyword === undefined ? this.#columns.find((column) => this.#isKeywords(column)) : undefined
    if (keyword !== undefined && this.#hasOwnText && share(keyword.cells, this.#isKeyword) < HALF) {
      const message = `${keyword.called} looks like keywords, but hardly any names a template; the text of the settings is used.`
      const remedy =
        'Make templates with these keywords and name the column as columns.keyword, if it is to pick the texts.'
      doubts.push(doubtAbout(keyword, { code: 'KEYWORD_NOT_USED', message, remedy }))
    } else if (keyword !== undefined) {
      found.keyword = refOf(keyword)
      keyword.role = 'keyword'
      doubts.push(...this.#keywordDoubts(keyword))
    }
    const text =
      own.text === undefined ? this.#columns.find(({ role, cells }) => role === 'text' && cells.length > 0) : undefined
    if (text !== undefined) {
      found.text = refOf(text)
      if (this.#hasOwnText || !this.#hasHeader) doubts.push(this.#textDoubt(text))
    }
    const hasText = [this.#given.text, own.text, own.keyword, found.text, found.keyword].some(
      (one) => one !== undefined,
    )
    if (!hasText) {
      const message = 'Nothing says what is to be sent: no text, no template, and no column of texts or keywords.'
      doubts.push(
        doubtAbout(null, {
          code: 'NO_TEXT',
          message,
          remedy: 'Set text, e.g. "Hi ~name~", or template, or columns.text.',
        }),
      )
    }
    return { columns: found, doubts }
  }

  /** `#001` says it by itself; other words must be keywords of the account, or stand under a label of keywords. */
  #isKeywords({ role, cells, label }: ColumnFacts): boolean {
    if (cells.length === 0 || (role !== 'keyword' && role !== null && role !== 'text')) return false
    const isHash = share(cells, (cell) => cell.startsWith('#')) > HALF
    if (role === 'keyword' && isHash) return true
    if (role === 'keyword') return share(cells, this.#isKeyword) > HALF
    return this.#hasHeader && isKnownLabel(label) && share(cells, this.#isKeyword) > 0.9
  }

  /** It names a template of the account. */
  readonly #isKeyword = (cell: string): boolean => this.#keywords.find(foldKeyword(cell)) !== null

  #keywordDoubts(column: ColumnFacts): Doubt[] {
    const unknown = [...new Set(column.cells.filter((cell) => !this.#isKeyword(cell)))]
    if (unknown.length === 0) return []
    const shown = unknown.slice(0, KEYWORDS_SHOWN).join(', ')
    const message = `${column.called} picks the text of each row, and no template has the keyword ${shown}${unknown.length > KEYWORDS_SHOWN ? ' …' : ''}.`
    return [
      doubtAbout(column, {
        code: 'KEYWORD_UNKNOWN',
        message,
        remedy: 'Make templates with these keywords: PUT /v1/templates/NAME.',
      }),
    ]
  }

  #textDoubt(column: ColumnFacts): Doubt {
    const message = this.#hasHeader
      ? `Rows with a text of their own in ${column.called} get that in place of the text of the settings.`
      : `Column ${column.position + 1} is taken for the text of each row.`
    return doubtAbout(column, {
      code: 'TEXT_COLUMN',
      message,
      remedy: 'If it is something else, take columns.text out of the settings.',
    })
  }

  #labelsOfText(): readonly string[] {
    return this.#given.text === undefined ? [] : compileTemplate(this.#given.text).labels
  }

  /** So that ~name~ fits a file whose column is called Vorname. */
  #aliases(): Record<string, ColumnRef> {
    if (!this.#hasHeader) return {}
    const { refOf } = this.#question()
    const taken = new Set(this.#columns.map(({ label }) => normaliseLabel(label)))
    const aliases: Record<string, ColumnRef> = {}
    const byRole = (role: string) => this.#columns.find((column) => column.role === role)
    const add = (alias: string, column: ColumnFacts | undefined): void => {
      if (column !== undefined && !taken.has(normaliseLabel(alias))) aliases[alias] = refOf(column)
    }
    add('name', byRole('name') ?? byRole('firstName'))
    add('firstName', byRole('firstName'))
    add('lastName', byRole('lastName'))
    return aliases
  }
}

function habitsOf(country: string | null, { nowSeconds }: SampleFacts): DateHabits {
  return { monthFirst: country !== null && MONTH_FIRST.has(country), nowSeconds }
}
