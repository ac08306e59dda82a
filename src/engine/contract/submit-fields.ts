/**
 * What a job or a message says of the submit_sm fields beside sender and text. Stored with the block as one short text,
 * so that retries and restarts send the same; '' stands for nothing of the kind.
 */

import type { Unsubscribe } from './opt-out.js'

export const TLV_TYPES = ['string', 'cstring', 'int8', 'int16', 'int32', 'hex'] as const
export type TlvType = (typeof TLV_TYPES)[number]

/** An optional parameter as people write it. */
export interface Tlv {
  /** 1 to 0xFFFF, or text such as 0x1400. */
  tag: number | string
  type?: TlvType
  value: string | number
}

/** The part of job settings and message requests that becomes fields of the submit, or an end of its text. */
export interface SubmitSettings {
  /** The way out that is added to each text. */
  unsubscribe?: Unsubscribe
  /** Shown at once and not stored by the phone. */
  flash?: boolean
  tlvs?: Tlv[]
  /** User data header of 8-bit data, in hex, its length octet first. */
  udh?: string
}

/** An optional parameter ready to be written. */
export interface TlvBytes {
  tag: number
  value: Buffer
}

/** As stored in a block and handed to channels. */
export interface SubmitFields {
  flash: boolean
  tlvs: TlvBytes[]
  /** Elements of the user data header besides the engine's own; empty: none. */
  elements: Buffer
}
