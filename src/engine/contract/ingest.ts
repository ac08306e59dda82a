/** What the main thread asks of the ingest workers, and what they answer. Every value crosses by structured clone. */
import type { ContactTask } from './contact-tasks.js'
import type { FileEncoding } from './file-encoding.js'
import type { ColumnSettings, CsvSettings, JobSettings } from './job.js'
import type { NationalLanguage } from './language.js'
import type { ChannelName, CodingName } from './message.js'
import type { NumberRules } from './number-rules.js'
import type { WayOutPlan } from './opt-out.js'
import type { ReasonCode } from './reasons.js'
import type { SampleFacts } from './sample.js'
import type { CallTerms, PlayItem, VoicePlan } from './speech.js'
import type { RangeRecord, RowKind } from './store.js'

/** How a file is read, decided once from its first 4 MiB. Shown with the job; guesses are marked. */
export interface Dialect {
  encoding: FileEncoding
  delimiter: string
  quote: string
  /** Quotes inside a field are part of it instead of rejecting the record. */
  relaxQuotes: boolean
  header: boolean
  /** Offset of the first record's first octet (behind BOM and `sep=` line, before the header record). */
  bodyStart: number
  /** Offset behind the header record; equals bodyStart without a header. */
  dataStart: number
  /** Lines before dataStart. */
  linesBefore: number
  /** fast: ranges side by side; general: one range after the other. */
  parser: 'fast' | 'general'
  /** Which of the above were guessed rather than set. */
  guessed: string[]
}

/** Which column is what: positions from 0, -1 = none. Fits the header of this file. */
export interface ColumnPlan {
  labels: string[]
  /** Recipient columns in order: one, or several with phonesMode. */
  phones: number[]
  phonesMode: 'first' | 'all'
  /** Of the email address, -1 or absent: none. */
  email?: number
  text: number
  keyword: number
  sendAt: number
  /** Absent: none. */
  sendAtTime?: number
  timeZone: number
  /** Of the language that a call speaks; absent: none. */
  language?: number
  /** Label in the text → position. Includes every header label, `param0…`, and positions as text from '1'. */
  fields: Record<string, number>
  guessed: string[]
}

/** A route as ingest needs it: which prefix, and how its carriers want text written and cut. */
export interface RoutePlan {
  route: number
  channel: ChannelName
  /** '' matches every number. */
  prefix: string
  carrier: string
  /** `common`: the carriers of the route differ; see engine/text/offending.ts. */
  alphabet: 'gsm7' | 'latin1' | 'ascii' | 'common'
  longMessages: 'udh' | 'udh16' | 'sar' | 'payload'
  /** Languages whose shift tables all its carriers know; absent: none. */
  nationalLanguages?: readonly NationalLanguage[]
  /** Of calls; in the plan of a job its only caller id is the one that the job shows, if there is one. */
  call?: CallTerms
}

/** Everything that a worker must know to turn a range of this job into blocks. */
export interface JobPlan {
  job: number
  account: number
  path: string
  settings: JobSettings
  /** The template's text after `template` was looked up; undefined when every row brings its own. */
  text: string | undefined
  /** Keyword → template text, for keyword columns. */
  templates: Record<string, string>
  /** Of emails; values are put into HTML escaped. */
  subject?: string
  html?: string
  /** Keyword → what emails have beside the text; by the same keywords as `templates`. */
  mailTemplates?: Record<string, { subject: string | null; html: string | null }>
  /** Sender of emails; '' = the carrier's own. */
  mailFrom?: string
  /** Absent: no route of the job is one of calls. */
  voice?: VoicePlan
  dialect: Dialect
  columns: ColumnPlan
  routes: RoutePlan[]
  defaultCountry: string | null
  /** IANA zone of times without an offset in rows that name none. */
  timeZone: string
  /** The account's price list in shared memory, see engine/base/price-table.ts; null: none. */
  prices: Float64Array | null
  /** The account pays in advance: a number without a price is refused. Default false. */
  needsPrice?: boolean
  /** Of the account's quotas; absent: none. */
  quotaPrefixes?: readonly { prefix: string }[]
  /** Sorted E.164 numbers as integers, in shared memory. */
  suppressed: Float64Array | null
  /** Filter of the account's suppressions, see base/number-filter.ts; absent: there are none. */
  suppressions?: SharedArrayBuffer
  /** Added to each text; absent: nothing. */
  wayOut?: WayOutPlan
  /** Epoch seconds at which the job was made: due and validity count from here. */
  createdSeconds: number
  /** How long replies are the account's; absent or 0: no conversation lock. */
  lockSeconds?: number
  /** Only contacts that have opted in are messaged; absent: everybody is. */
  requireOptIn?: boolean
  /** The account's, as they were when the file began to be read. */
  rules: NumberRules
  /** Its sending hours are those of each recipient's zone: rows of a zone share blocks. Default false. */
  byZone?: boolean
  /** Channels that are switched off for the account; absent: none. */
  channelsOff?: readonly ChannelName[]
}

export interface RangeBounds {
  range: number
  start: number
  end: number
  /** The last range of a file that is complete: it may end without a newline. */
  last: boolean
}

/** Messages of a stored block that are to be sent again. */
export interface StoredPick {
  block: number
  /** Bit n of octet n >> 3: the message at place n. */
  places: Uint8Array
}

export type IngestTask =
  | {
      kind: 'sniff'
      path: string
      available: number
      complete: boolean
      csv: CsvSettings
      columns: ColumnSettings
      /** Of the job: what its recipients are; absent: numbers. */
      channel?: 'auto' | ChannelName
      labelsNeeded: boolean
    }
  /** Cuts [start, available) into ranges that end at record boundaries; fast dialects only. */
  | {
      kind: 'cut'
      path: string
      start: number
      firstRange: number
      available: number
      complete: boolean
      dialect: Dialect
    }
  | { kind: 'range'; plan: JobPlan; bounds: RangeBounds }
  /** As a range, but from what an earlier job stored of it. */
  | { kind: 'again'; plan: JobPlan; bounds: RangeBounds; lines: number; picks: StoredPick[] }
  | { kind: 'duplicates'; job: number }
  /** Writes the numbers of a whole file to `out`; see ingest/numbers.ts. */
  | {
      kind: 'numbers'
      path: string
      out: string
      available: number
      complete: boolean
      dialect: Dialect
      columns: ColumnPlan
      defaultCountry: string | null
      shortCodes: boolean
    }
  | ContactTask
  | { kind: 'sample'; path: string; available: number; settings: JobSettings; facts: SampleFacts }
  | { kind: 'sampleRows'; plan: JobPlan; available: number; currency: string | null }
  | { kind: 'preview'; plan: JobPlan; available: number; complete: boolean; rows: number }

export interface SniffResult {
  dialect: Dialect
  columns: ColumnPlan
  warnings: string[]
}

export interface CutResult {
  ranges: RangeBounds[]
  /** Where the next cut starts. */
  next: number
}

/** The range as it was stored. `misaligned`: the range did not end where the cut said; nothing was stored. */
export interface RangeResult {
  record: Omit<RangeRecord, 'rejects' | 'run' | 'blocks'>
  blocks: number
  misaligned: boolean
}

export interface DuplicatesResult {
  duplicates: number
  /** Parts of the messages taken out. */
  parts: number
  scheduled: number
  /** The same rows by kind, to be taken out of the job's tally. */
  kinds: RowKind[]
  /** Of them with a number that ends in 000. */
  round: number
}

/** Of a file of numbers: what was read, and why some are none. `errors`: the first limits.importErrors. */
export interface NumbersResult {
  records: number
  rejected: number
  rejectedByReason: Record<string, number>
  errors: { line: number; code: ReasonCode; detail: string }[]
}

export interface PreviewRow {
  row: number
  line: number
  to: string
  channel: ChannelName
  text: string
  /** Of an email. */
  subject?: string
  html?: string
  /** Of a call: all that is played, recordings by their names; `text` has its words. */
  prompts?: readonly PlayItem[]
  /** Of a call; '' = as configured. */
  language?: string
  encoding: CodingName
  parts: number
  /** null: the account has no prices. */
  price?: number | null
  carrier: string | null
  /** Its own time; null: when the job is. */
  sendAt: string | null
  /** Set when the row is not accepted. */
  reason: ReasonCode | null
  detail: string | null
}
export interface PreviewResult {
  rows: PreviewRow[]
}
