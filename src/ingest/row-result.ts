/** What becomes of one row, as the row maker hands it to its sink. Ingest threads. */
import type { RoutePlan } from '../engine/contract/ingest.js'
import type { ChannelName } from '../engine/contract/message.js'
import type { MailBody } from '../engine/text/mail-body.js'
import type { Segmented } from '../engine/text/segment.js'
import type { Spoken } from '../engine/text/speaking.js'
import type { SourceRecord } from './record-source.js'

/** Reused from row to row: the sink copies what it keeps. */
export interface Row {
  /** 0 = accepted. */
  reason: number
  /** Column from 0 that the reason is about, -1 = the record. */
  column: number
  /** Recipient column from 0. */
  phoneColumn: number
  /** Its place among the recipient columns. */
  phone: number
  /** E.164 without +, or a short code. */
  digits: string
  isShortCode: boolean
  value: number
  /** ISO 3166; '' = of no country, or not a number. */
  country: string
  channel: ChannelName
  route: RoutePlan | null
  /** Epoch seconds, 0 = at once. */
  dueSeconds: number
  /** Epoch seconds, 0 = never. */
  expiresSeconds: number
  text: string | null
  /** Of an email. */
  mail: MailBody | null
  /** Of a call. */
  spoken: Spoken | null
  segmented: Segmented | null
  /** Of one part, in millionths of the account's currency; null: there is no price. Of rows with a route. */
  partPrice: number | null
  /** Of the account's quotas, the longest that fits; '' = none. */
  quotaPrefix: string
  /** What its sender should know although it is accepted: a bit for each finding, by its number. */
  findings: number
  /** Parts that transliteration would save. */
  savedParts: number
}

export interface RowSink {
  row(row: Row, record: SourceRecord): void
}

export function emptyRow(): Row {
  return {
    reason: 0,
    column: -1,
    phoneColumn: -1,
    phone: 0,
    digits: '',
    isShortCode: false,
    value: 0,
    country: '',
    channel: 'sms',
    route: null,
    dueSeconds: 0,
    expiresSeconds: 0,
    text: null,
    mail: null,
    spoken: null,
    segmented: null,
    partPrice: null,
    quotaPrefix: '',
    findings: 0,
    savedParts: 0,
  }
}

/** As it was before the first record. */
export function clearRow(row: Row): void {
  row.reason = 0
  row.column = -1
  row.phoneColumn = -1
  row.phone = 0
  row.digits = ''
  row.isShortCode = false
  row.value = 0
  row.country = ''
  row.channel = 'sms'
  row.route = null
  row.dueSeconds = 0
  row.expiresSeconds = 0
  row.text = null
  row.mail = null
  row.spoken = null
  row.segmented = null
  row.partPrice = null
  row.quotaPrefix = ''
  row.findings = 0
  row.savedParts = 0
}
