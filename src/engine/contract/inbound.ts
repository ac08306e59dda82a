/** A subscriber's message as the API shows it, and how it is routed to an account. */
import type { Page, PageQuery, Principal } from './api.js'
import type { Keyword, OptOutOutcome } from './opt-out.js'

/** How the text was coded; where `text` is null the octets are in `data`. */
export const INBOUND_ENCODINGS = [
  'gsm7',
  'ascii',
  'latin1',
  'utf8',
  'ucs2',
  'jis',
  'iso8859-5',
  'iso8859-8',
  'iso2022jp',
  'eucjp',
  'ksc5601',
  'binary',
  'compressed',
  'unknown',
] as const
export type InboundEncoding = (typeof INBOUND_ENCODINGS)[number]

/** Why a message went to the account that it went to, or to none. */
export const INBOUND_REASONS = {
  UNROUTED: 'Nothing says which account it is for; only the admin key sees it.',
  CONVERSATION_LOCK: 'The account wrote last to this number from this sender, and the conversation lock still held.',
  KEYWORD: 'The first word of the text is a keyword of the account.',
  NUMBER: 'It was sent to a number that the account owns.',
  CARRIER_DEFAULT: 'It came through a carrier whose other messages go to the account.',
  CALLED: 'The account called this number, and the called pressed the opt-out digit.',
  LOCK_EXPIRED: 'It may answer a message, but the conversation lock had run out, and no other rule names an account.',
} as const
export type InboundReason = keyof typeof INBOUND_REASONS

export interface InboundAddress {
  ton: number
  npi: number
  /** As received. */
  address: string
}

/** A word that brings a message to an account when it is the first of the text; case and accents aside. */
export interface InboundKeyword {
  keyword: string
  /** Only in what is sent to this number; null: to any. */
  number: string | null
  /** Also where another account holds the conversation lock. */
  overridesLock: boolean
}

/** What brings subscribers' messages to an account that nobody has a conversation lock on. */
export interface InboundRules {
  /** Numbers and short codes of the account alone. */
  numbers: string[]
  keywords: InboundKeyword[]
}

/** As the admin sets it; each given list replaces the one before. */
export interface InboundSettings {
  numbers?: string[]
  keywords?: { keyword: string; number?: string | null; overridesLock?: boolean }[]
}

/** The message that an inbound one answers. */
export interface RepliedView {
  message: string
  /** null: it came one by one. */
  job: string | null
  sentAt: string
  /** Until when replies are the account's by the conversation lock. */
  lockedUntil: string
}

export interface InboundView {
  id: string
  from: string
  to: string
  /** null: not text, or not readable. */
  text: string | null
  encoding: InboundEncoding
  dataCoding: number
  /** 0: flash; null: none was given. */
  messageClass: number | null
  /** Octets as received, in hexadecimal digits, where `text` is null. */
  data: string | null
  /** Application ports. */
  ports: { source: number | null; destination: number | null } | null
  /** How many parts it was cut into. */
  parts: number
  complete: boolean
  /** Parts, from 1, that never came. */
  missing: number[]
  /** A part that came after its message was given up: the id of that message. */
  lateFor: string | null
  carrier: string
  bind: number
  /** When it was whole, or was given up. */
  receivedAt: string
  /** When its first part came. */
  firstPartAt: string
  account: string | null
  reason: InboundReason
  /** What the asker wrote last to this number from this sender; null: nothing, or another account did. */
  reply: RepliedView | null
  /** Set where it is STOP, START or HELP; see docs/opt-out.md. */
  keyword: Keyword | null
  /** What followed: suppressed or lifted, or kept: it was so already. null: nothing to do. */
  done: OptOutOutcome['done']
  /** Id of the message that answers it. */
  answer: string | null
  /** It is none of the words and may be an opt-out all the same: a person should look at it. */
  review: boolean
  source: InboundAddress
  destination: InboundAddress
}

export interface InboundFilter {
  /** With or without '+'. */
  from?: string
  to?: string
  carrier?: string
  /** Received at or after, and before: RFC 3339. */
  since?: string
  until?: string
  /** First word of the text, case and accents aside. */
  keyword?: string
  /** Only what was routed to this account. */
  account?: string
}

export interface InboundApi {
  /** Newest first: an account sees what was routed to it, the admin everything. @throws EngineError VALIDATION. */
  list(principal: Principal, query: PageQuery & InboundFilter): Page<InboundView>
  /** @throws EngineError NOT_FOUND. */
  get(principal: Principal, id: string): InboundView
}
