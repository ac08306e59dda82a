/** A job: its settings, counts and life, as the contract shows them. */
import type { Audience } from './audience.js'
import type { FileEncodingName } from './file-encoding.js'
import type { ChannelName, PriorityName } from './message.js'
import type { LandlineRule } from './number-rules.js'
import type { EverySetting } from './recurrence.js'
import type { SendingWindow } from './sending-hours.js'
import type { SpokenSettings } from './speech.js'
import type { SubmitSettings } from './submit-fields.js'

/** A header label or a position from 1. */
export type ColumnRef = string | number

export interface ColumnSettings {
  to?: ColumnRef
  /** Several phone columns; `phonesMode` says whether the first valid or each valid one is used. */
  phones?: ColumnRef[]
  phonesMode?: 'first' | 'all'
  text?: ColumnRef
  keyword?: ColumnRef
  /** When a row is to be sent: date and time, or the date alone beside sendAtTime or sendAtTimeOfDay. Blank: when the job is. */
  sendAt?: ColumnRef
  /** Time of day, where it stands in a column of its own. */
  sendAtTime?: ColumnRef
  /** How times are written that are not in RFC 3339, e.g. DD/MM/YYYY HH:mm. */
  sendAtFormat?: string
  /** Of dates without a time, e.g. 09:00; absent: such a row is refused. */
  sendAtTimeOfDay?: string
  /** What becomes of a row whose own time is over; default: now. */
  sendAtPast?: 'now' | 'reject'
  /** Of the zone of a time without an offset. */
  timeZone?: ColumnRef
  /** Of calls: language of each row (BCP 47); blank: that of its template or of the job. */
  language?: ColumnRef
  email?: ColumnRef
  /** Tags that the contact of the row gets, several apart by comma or semicolon. */
  tag?: ColumnRef
  /** Label in the text → column. */
  fields?: Record<string, ColumnRef>
  /** Contact field → column. */
  saveToContact?: Record<string, ColumnRef>
}

export interface CsvSettings {
  header?: boolean
  delimiter?: string
  encoding?: FileEncodingName
  quote?: string
  /** Take quotes that stand inside a field as they are. */
  relaxQuotes?: boolean
}

export interface JobSettings extends SubmitSettings, SpokenSettings {
  name?: string
  channel?: 'auto' | ChannelName
  /** Of `auto` with an email column: which way is tried before which; what is left out is not used. */
  prefer?: ChannelName[]
  from?: string
  text?: string
  /** Of emails, with the same labels as the text; in HTML values are escaped. */
  subject?: string
  html?: string
  template?: string
  profile?: string
  csv?: CsvSettings
  columns?: ColumnSettings
  defaultCountry?: string
  /** IANA zone of times without an offset; default: the account's. */
  timeZone?: string
  /** What fixed lines get; absent: what the account's channelRules and `channel` make of them. */
  landlines?: LandlineRule
  transliterate?: boolean
  maxParts?: number
  validForSeconds?: number
  priority?: PriorityName
  ratePerSecond?: number
  /** RFC 3339. */
  sendAt?: string
  /** A job is made for each run, beginning at sendAt or at once. */
  every?: EverySetting
  /** Nothing leaves outside these hours; absent: the account's sendingHours. */
  window?: SendingWindow
  review?: boolean
  onUnanswered?: 'resend' | 'hold'
  deduplicate?: boolean
  /** Replies are the account's: true for its usual time, or seconds; false: no lock. */
  conversationLock?: boolean | number
  /** Numbers that this job must not message, beside the account's suppressions. */
  suppressed?: string[]
  tags?: string[]
  /** Contacts in the place of a file. */
  audience?: Audience
  clientReference?: string
  /** Gets the webhooks of this job alone, signed as those of any endpoint. */
  callbackUrl?: string
}

/** What PATCH changes of a job; null: the setting ends. */
export interface JobPatch {
  /** null: at once. */
  sendAt?: string | null
  ratePerSecond?: number | null
  priority?: PriorityName
  window?: SendingWindow | null
  /** Of a recurring job; null: no more runs. */
  every?: EverySetting | null
  /** These two also of a job that has ended. */
  name?: string
  tags?: string[]
}

export const JOB_STATES = [
  'receiving',
  'ready',
  'scheduled',
  'running',
  'paused',
  'finished',
  'canceled',
  'failed',
] as const
export type JobState = (typeof JOB_STATES)[number]

/** Accepted rows of one country, channel or encoding. */
export interface Share {
  rows: number
  parts: number
  /** Of the parts that have one; null: none of them has. */
  price: number | null
}

/** What the accepted rows of a job come to, duplicates taken out. */
export interface Estimate {
  /** Of all prices; null: the account names none. */
  currency: string | null
  /** null: no part has a price. */
  price: number | null
  /** Parts that the account's price list has no price for. */
  partsWithoutPrice: number
  /** By ISO 3166; 001: networks of no country. */
  byCountry: Record<string, Share>
  byChannel: Record<string, Share>
  byEncoding: Record<string, Share>
}

/** rows = accepted + rejected + suppressed + duplicate; accepted = sum of the ten message states. */
export interface Counts {
  records: number
  skipped: number
  expanded: number
  rows: number
  accepted: number
  rejected: number
  suppressed: number
  duplicate: number
  queued: number
  scheduled: number
  sending: number
  sent: number
  delivered: number
  undelivered: number
  failed: number
  expired: number
  canceled: number
  unknown: number
  /** Parts of all accepted messages, and of these how many a carrier accepted. */
  parts: number
  partsSent: number
}

export function noCounts(): Counts {
  return {
    records: 0,
    skipped: 0,
    expanded: 0,
    rows: 0,
    accepted: 0,
    rejected: 0,
    suppressed: 0,
    duplicate: 0,
    queued: 0,
    scheduled: 0,
    sending: 0,
    sent: 0,
    delivered: 0,
    undelivered: 0,
    failed: 0,
    expired: 0,
    canceled: 0,
    unknown: 0,
    parts: 0,
    partsSent: 0,
  }
}
