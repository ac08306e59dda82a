/**
 * What a message is called and what it holds on its way through the engine.
 *
 * A message is named by its ref: block number × 256 + place in the block, so refs sort in order of append and fit a
 * Float64Array (block numbers stay below 2^44).
 */
import type { ShiftTables } from './language.js'
import { limits } from './limits.js'

declare const refBrand: unique symbol
/** Block number × 256 + place (0…255). */
export type MessageRef = number & { readonly [refBrand]: true }

export function messageRef(block: number, place: number): MessageRef {
  return (block * 256 + place) as MessageRef
}
export function blockOf(ref: MessageRef): number {
  return Math.floor(ref / 256)
}
export function placeOf(ref: MessageRef): number {
  return ref % 256
}

/** Ways a message can travel; the number is what blocks store. */
export const CHANNELS = ['sms', 'voice', 'email'] as const
export type ChannelName = (typeof CHANNELS)[number]

/** How the part bytes of a block record are coded; the number is what blocks store. */
export const CODINGS = ['gsm7', 'ucs2', 'latin1', 'ascii', 'binary', 'mail', 'speech'] as const
export type CodingName = (typeof CODINGS)[number]
/** gsm7: one septet an octet (unpacked, bit 8 clear). ucs2: UTF-16BE. mail: see text/mail-body.ts. speech: see text/speech-body.ts. */
export type Coding = 0 | 1 | 2 | 3 | 4 | 5 | 6

export const PRIORITIES = ['high', 'normal', 'low'] as const
export type PriorityName = (typeof PRIORITIES)[number]

/** Message states of the public contract, in the order of their stored numbers. */
export const STATES = [
  'queued',
  'scheduled',
  'sending',
  'sent',
  'delivered',
  'undelivered',
  'failed',
  'expired',
  'canceled',
  'unknown',
] as const
export type StateName = (typeof STATES)[number]
export const STATE = {
  queued: 0,
  scheduled: 1,
  sending: 2,
  sent: 3,
  delivered: 4,
  undelivered: 5,
  failed: 6,
  expired: 7,
  canceled: 8,
  unknown: 9,
  /** Never seen outside: a record that duplicate detection took out before its job was dispatched. */
  duplicate: 10,
} as const
export type State = (typeof STATE)[keyof typeof STATE]

/**
 * One message as a channel sees it: a window onto a block, reused for every message, never kept by the channel.
 * All offsets are into `bytes`. Parts carry no user data header: the channel adds concatenation as its carrier wants it.
 */
export interface OutgoingMessage {
  ref: MessageRef
  bytes: Buffer
  /** ASCII digits of the E.164 number without '+', or of a short code; of an email its address. */
  toStart: number
  toLength: number
  /** Goes out as a number of the carrier's own network, not as an international one. */
  isShortCode: boolean
  from: string
  /** Fields beside sender and text, packed (base/tlv-value.ts); '' = none. The same string for all of a block. */
  fields: string
  coding: Coding
  /** National language tables of GSM 7-bit text; the channel writes their header. */
  shift: ShiftTables
  partCount: number
  /** Start offset of each part in `bytes`; `partLengths` in octets. */
  partStarts: Uint32Array
  partLengths: Uint16Array
  /** Bit n set: part n (from 0) was accepted before and is not sent again. */
  partsAccepted: number
  /** Attempt number from 0; retries never set replace_if_present. */
  attempt: number
  /** Epoch seconds after which it must not be sent; 0 = none. */
  expiresAtSeconds: number
  wantsReceipt: boolean
}

/** An empty message to be filled by a block's reader again and again. */
export function blankMessage(): OutgoingMessage {
  return {
    ref: 0 as MessageRef,
    bytes: Buffer.alloc(0),
    toStart: 0,
    toLength: 0,
    isShortCode: false,
    from: '',
    fields: '',
    coding: 0,
    shift: 0,
    partCount: 0,
    partStarts: new Uint32Array(limits.partsPerMessage),
    partLengths: new Uint16Array(limits.partsPerMessage),
    partsAccepted: 0,
    attempt: 0,
    expiresAtSeconds: 0,
    wantsReceipt: true,
  }
}
