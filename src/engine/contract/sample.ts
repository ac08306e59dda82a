/** A profile guessed from a sample file: what is asked of the ingest threads, and what people are shown before it is saved. */
import type { Principal } from './api.js'
import type { PreviewRow, SniffResult } from './ingest.js'
import type { Counts, Estimate, JobSettings } from './job.js'
import type { ChannelName } from './message.js'
import type { ProfileSettings } from './profiles.js'

/** What a column of the sample seems to hold; null in the view: nothing that a profile would use. */
export const COLUMN_ROLES = [
  'phone',
  'firstName',
  'lastName',
  'name',
  'company',
  'email',
  'text',
  'keyword',
  'dateTime',
  'date',
  'time',
  'timeZone',
] as const
export type ColumnRole = (typeof COLUMN_ROLES)[number]

/** A guess that a person should look at. Codes are stable; see docs/profiles.md. */
export interface Doubt {
  code: string
  /** From 1; null: it is about the file. */
  column: number | null
  label: string | null
  message: string
  /** What to set, or to do, where the guess is wrong. */
  remedy: string
}

export interface SampleColumn {
  /** From 1. */
  column: number
  label: string
  role: ColumnRole | null
  /** The first different cells that are filled. */
  examples: string[]
}

/** What the guess needs to know beside the file. */
export interface SampleFacts {
  /** The account's. */
  defaultCountry: string | null
  timeZone: string
  /** Folded keywords of the account's templates. */
  keywords: string[]
  /** Channels that the account has a route for. */
  channels: ChannelName[]
  nowSeconds: number
}

export interface SampleGuess {
  /** What was given, and beside it what was guessed. */
  settings: JobSettings
  sniff: SniffResult
  columns: SampleColumn[]
  doubts: Doubt[]
}

/** The rows of a sample, as a job would make them of it. */
export interface SampleRows {
  rows: PreviewRow[]
  counts: Counts
  rejectedByReason: Record<string, number>
  estimate: Estimate
  warnings: string[]
}

export interface SampleView extends Omit<SampleRows, 'warnings'> {
  name: string
  /** Ready to be saved by PUT /v1/profiles/NAME. */
  settings: ProfileSettings
  saved: boolean
  columns: SampleColumn[]
  doubts: Doubt[]
  file: { bytes: number; dialect: object; warnings: string[] }
}

export interface SamplesApi {
  /**
   * Settings for files like this one (CSV, plain or gzip), its first rows as they would be sent, and every doubt; saved only if that is asked for.
   * `name`: of the profile; what it says already is kept, but for csv and columns.
   * @throws EngineError VALIDATION, TOO_LARGE (limits.sniffBytes), FILE_EMPTY, FILE_NOT_CSV, COLUMN_UNKNOWN,
   * RECIPIENT_COLUMN_MISSING, TEMPLATE_INVALID, TEMPLATE_LABEL_UNKNOWN.
   */
  sample(principal: Principal, name: string, request: SampleRequest, file: Buffer): Promise<SampleView>
}

export interface SampleRequest {
  /** Settings so far: they are not guessed. */
  settings: ProfileSettings
  /** Of the file, from which its pattern is guessed; null: it has none. */
  fileName: string | null
  /** Save what is proposed. */
  save: boolean
}
