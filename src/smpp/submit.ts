/**
 * Encoding of submit_sm (SMPP 3.4 §4.4.1), the hot path: a template per sender, destination and text copied in place
 * from the block's bytes, the sequence number patched. Dispatcher thread, once per part.
 *
 * Fields behind the destination: esm_class, protocol_id, priority_flag, schedule_delivery_time "", validity_period "",
 * registered_delivery, replace_if_present_flag 0 (never set: a retry must not replace), data_coding,
 * sm_default_msg_id, sm_length, short_message. Expiry is the engine's own work, so no validity_period is sent.
 */
import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'
import type { OutgoingMessage } from '../engine/contract/message.js'
import { decodeGsm7 } from '../engine/text/gsm7.js'
import { fillBitsAfter, packSeptets } from '../engine/text/septets.js'
import { sourceAddress } from './address.js'
import { COMMAND, ESM, HEADER_BYTES, TAG } from './constants.js'
import { putCString, putTlv, putUint16, putUint32 } from './encode.js'
import { concatenationReference, HEADER_OCTETS_MAX, writeUserDataHeader } from './user-data.js'
import type { Writer } from './writer.js'

const TEMPLATES_MAX = 4096
/** What one short message holds: 160 unpacked septets, an octet each, or 140 octets. More goes to message_payload. */
const SEPTETS_MAX = 160
const OCTETS_MAX = 140
/** Destination's NUL, the ten fields behind it, a user data header, three sar parameters or one payload's head. */
const FIXED_BYTES = 1 + 10 + HEADER_OCTETS_MAX + 18
/** Below this a loop is quicker than Buffer.copy. */
const COPY_BYTES = 64
const REGISTERED = { final: 1, failure: 2, none: 0 } as const

export class SubmitEncoder {
  #carrier: SmppCarrierConfig
  #templates = new Map<string, Buffer>()
  #lastFrom: string | null = null
  #lastTemplate: Buffer = Buffer.alloc(0)
  #dataCodings: readonly number[]
  #registered: number
  #transcodes: boolean
  #packed: boolean

  constructor(carrier: SmppCarrierConfig) {
    this.#carrier = carrier
    const { defaultAlphabet, gsm7DataCoding } = carrier
    const latin1 = defaultAlphabet === 'latin1' ? 0 : 3
    this.#dataCodings = [gsm7DataCoding, 8, latin1, defaultAlphabet === 'gsm7' ? 1 : 0, 4]
    this.#registered = REGISTERED[carrier.receipts.request]
    this.#transcodes = defaultAlphabet !== 'gsm7' && gsm7DataCoding === 0
    this.#packed = carrier.gsm7Packed
  }

  /** True when one PDU carries the whole message: message_payload, and none of its parts went out before. */
  joinsParts(message: OutgoingMessage): boolean {
    return this.#carrier.longMessages === 'payload' && message.partCount > 1 && message.partsAccepted === 0
  }

  /** Appends the PDU of one part (of all parts when they are joined) to the writer; room must be reserved by `roomFor`. */
  write(writer: Writer, message: OutgoingMessage, part: number, sequence: number): void {
    const template = this.#template(message.from)
    const { bytes } = writer
    const start = writer.length
    let at = copyBytes(template, { start: 0, length: template.length }, bytes, start)
    putUint32(bytes, start + 12, sequence)
    at = copyBytes(message.bytes, { start: message.toStart, length: message.toLength }, bytes, at)
    bytes[at] = 0
    at = this.#writeFields(bytes, at + 1, message)
    at = this.joinsParts(message) ? this.#writeJoined(bytes, at, message) : this.#writePart(bytes, at, message, part)
    putUint32(bytes, start, at - start)
    writer.length = at
  }

  /** Octets that `write` may need at most. */
  roomFor(message: OutgoingMessage, part: number): number {
    let text = 0
    if (this.joinsParts(message)) for (let n = 0; n < message.partCount; n++) text += message.partLengths[n]!
    else text = message.partLengths[part]!
    return this.#template(message.from).length + message.toLength + FIXED_BYTES + text
  }

  /** esm_class … sm_length; returns the place after sm_length (0 so far). */
  #writeFields(bytes: Buffer, at: number, message: OutgoingMessage): number {
    bytes[at] = 0
    bytes[at + 1] = 0
    bytes[at + 2] = 0
    bytes[at + 3] = 0
    bytes[at + 4] = 0
    bytes[at + 5] = message.wantsReceipt ? this.#registered : 0
    bytes[at + 6] = 0
    bytes[at + 7] = this.#dataCodings[message.coding]!
    bytes[at + 8] = 0
    bytes[at + 9] = 0
    return at + 10
  }

  #writePart(bytes: Buffer, from: number, message: OutgoingMessage, part: number): number {
    const joined = message.partCount > 1
    const isSar = this.#carrier.longMessages === 'sar'
    let at = this.#writeHeader(bytes, from, message, joined && !isSar ? part : -1)
    if (at > from) bytes[from - 10] = ESM.udhi
    at = this.#isPacked(message)
      ? this.#pack(bytes, at, message, { from, part, last: part })
      : this.#writeText(bytes, at, message, part)
    const length = at - from
    const isUnpacked = message.coding === 0 && !this.#packed
    if (length > (isUnpacked ? SEPTETS_MAX : OCTETS_MAX)) at = moveToPayload(bytes, from, length)
    else bytes[from - 1] = length
    return joined && isSar ? writeSar(bytes, at, message, part) : at
  }

  #writeJoined(bytes: Buffer, from: number, message: OutgoingMessage): number {
    const start = from + 4
    let at = this.#writeHeader(bytes, start, message, -1)
    if (at > start) bytes[from - 10] = ESM.udhi
    const last = message.partCount - 1
    if (this.#isPacked(message)) at = this.#pack(bytes, at, message, { from: start, part: 0, last })
    else for (let part = 0; part <= last; part++) at = this.#writeText(bytes, at, message, part)
    putTlv(bytes, from, TAG.messagePayload, at - start)
    return at
  }

  /** A part of -1 is joined to nothing. Text that is written in the carrier's own alphabet has no tables. */
  #writeHeader(bytes: Buffer, at: number, message: OutgoingMessage, part: number): number {
    const shift = this.#transcodes ? 0 : message.shift
    if (part < 0 && shift === 0) return at
    return writeUserDataHeader(bytes, at, message, { part, wide: this.#carrier.longMessages === 'udh16', shift })
  }

  #isPacked(message: OutgoingMessage): boolean {
    return this.#packed && message.coding === 0
  }

  /** Packs parts that follow each other, as one run of septets behind the header that begins at `from`. */
  #pack(
    bytes: Buffer,
    at: number,
    message: OutgoingMessage,
    run: { from: number; part: number; last: number },
  ): number {
    const start = message.partStarts[run.part]!
    const end = message.partStarts[run.last]! + message.partLengths[run.last]!
    const fillBits = fillBitsAfter(at - run.from)
    return at + packSeptets(message.bytes, { start, end }, bytes, { at, fillBits })
  }

  #writeText(bytes: Buffer, at: number, message: OutgoingMessage, part: number): number {
    const start = message.partStarts[part]!
    const length = message.partLengths[part]!
    if (this.#transcodes && message.coding === 0) return this.#transcode(bytes, at, message, part)
    if (length >= COPY_BYTES) return at + message.bytes.copy(bytes, at, start, start + length)
    const from = message.bytes
    for (let place = 0; place < length; place++) bytes[at + place] = from[start + place]!
    return at + length
  }

  /** data_coding 0 is Latin-1 or ASCII at this carrier: septets become its characters, the rest a question mark. */
  #transcode(bytes: Buffer, at: number, message: OutgoingMessage, part: number): number {
    const start = message.partStarts[part]!
    const text = decodeGsm7(message.bytes, start, start + message.partLengths[part]!, message.shift)
    const unfit = this.#carrier.defaultAlphabet === 'ascii' ? /[^\x01-\x7f]/gu : /[^\x01-\xff]/gu
    return at + bytes.latin1Write(text.replace(unfit, '?'), at)
  }

  #template(from: string): Buffer {
    if (from === this.#lastFrom) return this.#lastTemplate
    let template = this.#templates.get(from)
    if (template === undefined) {
      template = makeTemplate(from, this.#carrier)
      // Senders come from customers: a bound, and the rare refill costs little.
      if (this.#templates.size >= TEMPLATES_MAX) this.#templates.clear()
      this.#templates.set(from, template)
    }
    this.#lastFrom = from
    this.#lastTemplate = template
    return template
  }
}

/** Header, service_type "" and all address fields up to destination_addr. */
function makeTemplate(from: string, carrier: SmppCarrierConfig): Buffer {
  const source = sourceAddress(from, carrier.source)
  const bytes = Buffer.alloc(HEADER_BYTES + 3 + source.digits.length + 3)
  putUint32(bytes, 4, COMMAND.submitSm)
  let at = HEADER_BYTES + 1
  bytes[at++] = source.ton
  bytes[at++] = source.npi
  at = putCString(bytes, at, source.digits)
  bytes[at++] = carrier.destination.ton
  bytes[at++] = carrier.destination.npi
  return bytes.subarray(0, at)
}

/** sar_msg_ref_num, sar_total_segments, sar_segment_seqnum (§5.3.2.22 to .24). */
function writeSar(bytes: Buffer, from: number, message: OutgoingMessage, part: number): number {
  let at = putTlv(bytes, from, TAG.sarReference, 2)
  putUint16(bytes, at, concatenationReference(message.ref))
  at = putTlv(bytes, at + 2, TAG.sarTotal, 1)
  bytes[at] = message.partCount
  at = putTlv(bytes, at + 1, TAG.sarSequence, 1)
  bytes[at] = part + 1
  return at + 1
}

/** Text that is too long for short_message goes to message_payload (§5.3.2.32). */
function moveToPayload(bytes: Buffer, from: number, length: number): number {
  bytes.copyWithin(from + 4, from, from + length)
  putTlv(bytes, from, TAG.messagePayload, length)
  return from + 4 + length
}

function copyBytes(from: Buffer, place: { start: number; length: number }, to: Buffer, at: number): number {
  const { start, length } = place
  for (let index = 0; index < length; index++) to[at + index] = from[start + index]!
  return at + length
}
