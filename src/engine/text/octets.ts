/**
 * 8-bit data: octets that go out as they are (WAP push, over-the-air provisioning, messages of machines), cut into parts
 * like a text, with a user data header of the sender's own in front of each part if it names application ports or the like.
 *
 * 3GPP TS 23.040 §9.2.3.24. Main thread, once per message that has data.
 */
import { limits } from '../contract/limits.js'
import type { Coding } from '../contract/message.js'
import { reasonNumber } from '../contract/reasons.js'
import { type LongMessages, roomFor } from './part-sizes.js'
import type { Segmented } from './segment.js'

const BINARY: Coding = 4

export interface OctetOptions {
  longMessages: LongMessages
  maxParts: number
  /** Hex, as `headerProblem` allows it. */
  udh: string
}

/** `data`: pairs of hex digits. */
export function cutOctets(data: string, { longMessages, maxParts, udh }: OctetOptions): Segmented {
  const bytes = Buffer.from(data, 'hex')
  const { single, multi } = roomFor(longMessages, Math.max(0, udh.length / 2 - 1))
  const count = bytes.length <= single ? 1 : Math.ceil(bytes.length / multi)
  const isPayload = longMessages === 'payload'
  const isTooLong = count > maxParts || (isPayload && bytes.length > limits.payloadBytes)
  const reason = bytes.length === 0 ? reasonNumber('EMPTY_TEXT') : isTooLong ? reasonNumber('TOO_LONG') : 0
  const partCount = reason !== 0 ? 0 : isPayload ? 1 : count
  const size = partCount === 1 ? bytes.length : multi
  return {
    reason,
    coding: BINARY,
    shift: 0,
    partCount,
    bytes,
    partStarts: Uint32Array.from({ length: partCount }, (_, part) => part * size),
    partLengths: Uint16Array.from({ length: partCount }, (_, part) => Math.min(size, bytes.length - part * size)),
    units: bytes.length,
    text: '',
  }
}
