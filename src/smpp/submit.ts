/**
 * Encoding of submit_sm (SMPP 3.4 §4.4.1), the hot path: a template per sender and fields, destination and text copied
 * in place from the block's bytes, the sequence number patched. Dispatcher thread, once per part.
 *
 * Fields behind the destination: esm_class, protocol_id, priority_flag, schedule_delivery_time "", validity_period,
 * registered_delivery, replace_if_present_flag, data_coding, sm_default_msg_id, sm_length, short_message; then optional
 * parameters.
 */
import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'
import { systemClock } from '../engine/contract/clock.js'
import type { OutgoingMessage } from '../engine/contract/message.js'
import { decodeGsm7, isSameAsAscii } from '../engine/text/gsm7.js'
import { fillBitsAfter, packSeptets } from '../engine/text/septets.js'
import { ESM, TAG } from './constants.js'
import { putTlv, putUint16, putUint32 } from './encode.js'
import { type SubmitTemplate, SubmitTemplates } from './submit-template.js'
import { concatenationReference, HEADER_BYTES_MAX, moveToPayload, writeSar, writeUserDataHeader } from './user-data.js'
import { VALIDITY_BYTES, ValidityPeriod } from './validity.js'
import type { Writer } from './writer.js'

/** What one short message holds: 160 septets (unpacked, an octet each) or 140 octets. More goes to message_payload. */
const SEPTETS_MAX = 160
const GSM7 = 0
const ASCII = 3
const OCTETS_MAX = 140
/** Destination's NUL, the ten fields behind it, three sar parameters or one payload's head, a reference. */
const FIXED_BYTES = 1 + 10 + VALIDITY_BYTES + HEADER_BYTES_MAX + 18 + 6
/** Below this a loop is quicker than Buffer.copy. */
const COPY_BYTES = 64
const REGISTERED = { final: 1, failure: 2, none: 0 } as const
/**
 * data_coding of a message of class 0 by coding (3GPP TS 23.038 §4): general group with class for all that it knows; the
 * group 0xF0 has no UCS-2. -1: none, dest_addr_subunit has to say it.
 */
const FLASH_CODINGS = {
  dcs0x10: [0x10, 0x18, -1, -1, 0x14],
  dcs0xF0: [0xf0, 0x18, -1, -1, 0xf4],
  subunit: [-1, -1, -1, -1, -1],
} as const

export class SubmitEncoder {
  #carrier: SmppCarrierConfig
  #templates: SubmitTemplates
  #validity: ValidityPeriod
  #dataCodings: readonly number[]
  #flashCodings: readonly number[]
  #registered: number
  #transcodes: boolean

  /** `nowMs`: epoch, for relative validity. */
  constructor(carrier: SmppCarrierConfig, nowMs: () => number = systemClock.now) {
    this.#carrier = carrier
    this.#templates = new SubmitTemplates(carrier)
    this.#validity = new ValidityPeriod(carrier.validityPeriod, nowMs)
    const { defaultAlphabet, gsm7DataCoding, binaryDataCoding } = carrier
    const latin1 = defaultAlphabet === 'latin1' ? 0 : 3
    this.#dataCodings = [gsm7DataCoding, 8, latin1, defaultAlphabet === 'gsm7' ? 1 : 0, binaryDataCoding]
    this.#registered = REGISTERED[carrier.receipts.request]
    this.#transcodes = defaultAlphabet !== 'gsm7' && gsm7DataCoding === 0
    // A class names the GSM alphabet with it, which this carrier does not mean by its data_coding.
    this.#flashCodings = FLASH_CODINGS[this.#transcodes ? 'subunit' : carrier.flashMode]
  }

  /** True when one PDU carries the whole message: message_payload, and none of its parts went out before. */
  joinsParts(message: OutgoingMessage): boolean {
    return this.#carrier.longMessages === 'payload' && message.partCount > 1 && message.partsAccepted === 0
  }

  /** Appends the PDU of one part (of all parts when they are joined) to the writer; room must be reserved by `roomFor`. */
  write(writer: Writer, message: OutgoingMessage, part: number, sequence: number): void {
    const template = this.#templates.of(message)
    const { bytes } = writer
    const start = writer.length
    let at = copyBytes(message.isShortCode ? template.shortCodeHead : template.head, bytes, start)
    putUint32(bytes, start + 12, sequence)
    const { toStart } = message
    for (let place = 0; place < message.toLength; place++) bytes[at++] = message.bytes[toStart + place]!
    bytes[at++] = 0
    const esmClass = at
    bytes[at] = 0
    at = this.#writeFields(bytes, at + 1, message, template)
    if (this.joinsParts(message)) at = this.#writeJoined(bytes, at, message, esmClass)
    else at = this.#writePart(bytes, at, message, { part, esmClass })
    at = this.#writeParameters(bytes, at, message, template)
    putUint32(bytes, start, at - start)
    writer.length = at
  }

  /** Octets that `write` may need at most. */
  roomFor(message: OutgoingMessage, part: number): number {
    let text = 0
    if (this.joinsParts(message)) for (let n = 0; n < message.partCount; n++) text += message.partLengths[n]!
    else text = message.partLengths[part]!
    const { head, displayTail, elements } = this.#templates.of(message)
    return head.length + displayTail.length + elements.length + message.toLength + FIXED_BYTES + text
  }

  /** protocol_id … sm_length; returns the place after sm_length (0 so far). */
  #writeFields(bytes: Buffer, from: number, message: OutgoingMessage, template: SubmitTemplate): number {
    const { protocolId, priorityFlag } = this.#carrier
    bytes[from] = protocolId
    bytes[from + 1] = priorityFlag
    bytes[from + 2] = 0
    let at = copyBytes(this.#validity.of(message.expiresAtSeconds), bytes, from + 3)
    bytes[at++] = 0
    bytes[at++] = message.wantsReceipt ? this.#registered : 0
    bytes[at++] = this.#mayReplace(message) ? 1 : 0
    const coding = template.flash ? this.#flashCodings[message.coding]! : -1
    bytes[at++] = coding < 0 ? this.#dataCoding(message) : coding
    bytes[at++] = 0
    bytes[at++] = 0
    return at
  }

  /**
   * ASCII goes to a carrier of GSM 7-bit from routes whose carriers differ. Where its characters have the same code there, it
   * is GSM 7-bit as well: not every such carrier knows data_coding 1.
   */
  #dataCoding(message: OutgoingMessage): number {
    const isBoth = message.coding === ASCII && this.#carrier.defaultAlphabet === 'gsm7' && isAlikeInGsm7(message)
    return this.#dataCodings[isBoth ? GSM7 : message.coding]!
  }

  /** A resend must not replace what may have arrived, nor a part the part before it (carriers.md 84). */
  #mayReplace(message: OutgoingMessage): boolean {
    return this.#carrier.replaceIfPresent && message.attempt === 0 && message.partCount === 1
  }

  #writePart(bytes: Buffer, from: number, message: OutgoingMessage, place: { part: number; esmClass: number }): number {
    const { longMessages } = this.#carrier
    const joined = message.partCount > 1
    const header = joined && longMessages !== 'sar'
    const textAt = this.#writeHeader(bytes, from, message, {
      part: header ? place.part : -1,
      wide: longMessages === 'udh16',
      esmClass: place.esmClass,
    })
    let at = this.#writeText(bytes, textAt, message, place.part)
    const packed = this.#carrier.gsm7Packed && message.coding === 0
    if (packed) at = packSeptets(bytes, textAt, at, fillBitsAfter(textAt - from))
    const length = at - from
    if (length > (message.coding === 0 && !packed ? SEPTETS_MAX : OCTETS_MAX)) at = moveToPayload(bytes, from, length)
    else bytes[from - 1] = length
    return joined && !header ? writeSar(bytes, at, message, place.part) : at
  }

  #writeHeader(
    bytes: Buffer,
    from: number,
    message: OutgoingMessage,
    form: { part: number; wide: boolean; esmClass: number },
  ): number {
    // Text that is written in the carrier's own alphabet has no tables.
    const shift = this.#transcodes ? 0 : message.shift
    const elements = message.fields === '' ? null : this.#templates.of(message).elements
    if (form.part < 0 && shift === 0 && (elements === null || elements.length === 0)) return from
    bytes[form.esmClass] = ESM.udhi
    return writeUserDataHeader(bytes, from, message, { part: form.part, wide: form.wide, shift, elements })
  }

  #writeJoined(bytes: Buffer, from: number, message: OutgoingMessage, esmClass: number): number {
    const textAt = this.#writeHeader(bytes, from + 4, message, { part: -1, wide: false, esmClass })
    let at = textAt
    for (let part = 0; part < message.partCount; part++) at = this.#writeText(bytes, at, message, part)
    if (this.#carrier.gsm7Packed && message.coding === 0)
      at = packSeptets(bytes, textAt, at, fillBitsAfter(textAt - from - 4))
    putTlv(bytes, from, TAG.messagePayload, at - from - 4)
    return at
  }

  #writeParameters(bytes: Buffer, from: number, message: OutgoingMessage, template: SubmitTemplate): number {
    const display = template.flash && this.#flashCodings[message.coding]! < 0
    const at = copyBytes(display ? template.displayTail : template.tail, bytes, from)
    if (!this.#carrier.userMessageReference || template.hasReference) return at
    putTlv(bytes, at, TAG.userMessageReference, 2)
    putUint16(bytes, at + 4, concatenationReference(message.ref))
    return at + 6
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
}

/** Whether all parts read alike as ASCII and as GSM 7-bit, an octet a character. */
function isAlikeInGsm7({ bytes, partCount, partStarts, partLengths }: OutgoingMessage): boolean {
  const start = partStarts[0]!
  const last = partCount - 1
  return isSameAsAscii(bytes.latin1Slice(start, partStarts[last]! + partLengths[last]!))
}

function copyBytes(from: Buffer, to: Buffer, at: number): number {
  const { length } = from
  for (let index = 0; index < length; index++) to[at + index] = from[index]!
  return at + length
}
