/** `GET /v1/explain`: what would become of a number and a text, with nothing sent or stored. */
import type { NationalLanguage } from './language.js'
import type { ChannelName, CodingName } from './message.js'
import type { LandlineRule, LineTypeName } from './number-rules.js'
import type { ReasonCode } from './reasons.js'
import type { SendingHoursView } from './sending-hours.js'
import type { PromptSetting } from './speech.js'

/** What is left out is answered with null. */
export interface ExplainQuestion {
  to?: string
  text?: string
  from?: string
  channel?: 'auto' | ChannelName
  transliterate?: boolean
  maxParts?: number
  /** Of a call. */
  language?: string
  /** Of a job whose calls play the same for every row. */
  prompts?: PromptSetting[]
  /** Of a job: what fixed lines get. */
  landlines?: LandlineRule
  /** Default: the account's. */
  defaultCountry?: string
  /** Asked by an admin: whose settings apply. */
  account?: string
  /** A job whose settings and suppressed numbers apply. */
  job?: string
}

export interface Problem {
  code: ReasonCode
  detail: string
}

export interface RouteView {
  channel: ChannelName
  prefix: string
  /** The account whose own route it is. */
  account: string | null
  /** In order of preference. */
  carriers: string[]
}

/** Of the carriers of the route in order: what limits how fast messages go. */
export interface CarrierLimit {
  carrier: string
  up: boolean
  paused: boolean
  /** Parts per second, as set and in force now; null: no limit. */
  ratePerSecond: number | null
  rateNowPerSecond: number | null
  /** Requests in flight over all binds: at most as set, at most now, and those that are. */
  window: number
  windowNow: number
  inFlight: number
}

export interface NumberPart {
  to: string | null
  /** By libphonenumber; a number that this account may not message is valid all the same. */
  valid: boolean | null
  country: string | null
  lineType: LineTypeName | null
  shortCode: boolean | null
  /** Why a message to this number is refused, whatever its text. */
  refused: Problem | null
  suppressed: boolean | null
}

export interface TextPart {
  encoding: CodingName | null
  /** gsm7: septets with escapes counted; ucs2: UTF-16 units; else octets. */
  units: number | null
  unitsPerPart: number | null
  parts: number | null
  nationalTables: { locking: NationalLanguage | null; single: NationalLanguage | null } | null
  /** Characters that make the text UCS-2; the first of them. `position`: UTF-16 index from 0. */
  offending: { char: string; position: number }[]
  offendingTotal: number
  /** Parts, and price, that these characters add. */
  offendingCost: { parts: number; price: number | null }
  /** What the text would come to with `transliterate`; null: it would not fit, or gain nothing. */
  transliteration: { text: string; parts: number; partsSaved: number; price: number | null } | null
  /** What is sent, and its pieces; null without a text. */
  text: string | null
  texts: string[]
  /** Why this encoding. */
  why: string | null
}

export interface ExplainView extends NumberPart, TextPart {
  from: string | null
  channel: ChannelName | null
  route: RouteView | null
  /** In order of preference. */
  carriers: string[]
  limits: CarrierLimit[]
  /** Parts per second of the job that was named, and of the account; null: no limit. */
  rates: { job: number | null; account: number | null }
  /** null: at any time. */
  sendingHours: SendingHoursView | null
  currency: string | null
  partPrice: number | null
  price: number | null
  /** Everything that POST /v1/messages would refuse it for; empty: it would be sent. */
  problems: Problem[]
}
