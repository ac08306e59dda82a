/** A subscriber's message as the API shows it. */

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
} as const
export type InboundReason = keyof typeof INBOUND_REASONS

export interface InboundAddress {
  ton: number
  npi: number
  /** As received. */
  address: string
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
  source: InboundAddress
  destination: InboundAddress
}
