/**
 * What is the same for all messages of one sender and one set of fields: the head of their submit_sm up to the
 * destination, and the optional parameters at its end. Made once, copied for each part (SMPP 3.4 §4.4.1).
 */
import { tlvBytes, unpackFields } from '../engine/base/tlv-value.js'
import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'
import type { OutgoingMessage } from '../engine/contract/message.js'
import { sourceAddress } from './address.js'
import { COMMAND, HEADER_BYTES, TAG } from './constants.js'
import { putCString, putTlv, putUint32 } from './encode.js'

const TEMPLATES_MAX = 4096
/** dest_addr_subunit (§5.3.2.1): MS display. */
const MS_DISPLAY = Buffer.from([1])
/** A short code belongs to the carrier's own network: network specific, and of no numbering plan. */
const SHORT_CODE = { ton: 3, npi: 0, prefix: '' }

export interface SubmitTemplate {
  /** Header … dest_addr_npi, and what the carrier wants before the digits. */
  head: Buffer
  /** The same for a recipient that is a short code. */
  shortCodeHead: Buffer
  flash: boolean
  /** Optional parameters. */
  tail: Buffer
  /** The same with dest_addr_subunit, for a flash message that no data_coding can mark. */
  displayTail: Buffer
  /** The optional parameters bring their own user_message_reference. */
  hasReference: boolean
  /** Elements of the user data header that the message brings; they go into every part. */
  elements: Buffer
}

/** The templates of one carrier, by sender and fields. */
export class SubmitTemplates {
  readonly #carrier: SmppCarrierConfig
  readonly #made = new Map<string, SubmitTemplate>()
  #lastFrom: string | null = null
  #lastFields = ''
  #last: SubmitTemplate | null = null

  constructor(carrier: SmppCarrierConfig) {
    this.#carrier = carrier
  }

  /** Neighbours mostly share sender and fields, and the strings themselves too. */
  of({ from, fields }: OutgoingMessage): SubmitTemplate {
    if (from === this.#lastFrom && fields === this.#lastFields) return this.#last!
    const key = `${from}\0${fields}`
    let template = this.#made.get(key)
    if (template === undefined) {
      template = makeTemplate(from, fields, this.#carrier)
      // Senders come from customers: a bound, and the rare refill costs little.
      if (this.#made.size >= TEMPLATES_MAX) this.#made.clear()
      this.#made.set(key, template)
    }
    this.#lastFrom = from
    this.#lastFields = fields
    this.#last = template
    return template
  }
}

function makeTemplate(from: string, packed: string, carrier: SmppCarrierConfig): SubmitTemplate {
  const fields = unpackFields(packed)
  const byTag = new Map<number, Buffer>()
  for (const { tag, value } of tlvBytes(carrier.tlvs)) byTag.set(tag, value)
  for (const { tag, value } of fields.tlvs) byTag.set(tag, value)
  const tail = tlvChain(byTag)
  if (!byTag.has(TAG.destinationSubunit)) byTag.set(TAG.destinationSubunit, MS_DISPLAY)
  return {
    head: makeHead(from, carrier, carrier.destination),
    shortCodeHead: makeHead(from, carrier, SHORT_CODE),
    flash: fields.flash,
    tail,
    displayTail: tlvChain(byTag),
    hasReference: byTag.has(TAG.userMessageReference),
    elements: fields.elements,
  }
}

/** Header, service_type, source address, and the destination up to its digits. */
function makeHead(from: string, carrier: SmppCarrierConfig, to: { ton: number; npi: number; prefix: string }): Buffer {
  const source = sourceAddress(from, carrier.source)
  const bytes = Buffer.alloc(HEADER_BYTES + carrier.serviceType.length + source.digits.length + to.prefix.length + 6)
  putUint32(bytes, 4, COMMAND.submitSm)
  let at = putCString(bytes, HEADER_BYTES, carrier.serviceType)
  bytes[at++] = source.ton
  bytes[at++] = source.npi
  at = putCString(bytes, at, source.digits)
  bytes[at++] = to.ton
  bytes[at++] = to.npi
  at += bytes.latin1Write(to.prefix, at)
  return bytes.subarray(0, at)
}

function tlvChain(byTag: ReadonlyMap<number, Buffer>): Buffer {
  const parts: Buffer[] = []
  for (const [tag, value] of byTag) {
    const head = Buffer.alloc(4)
    putTlv(head, 0, tag, value.length)
    parts.push(head, value)
  }
  return Buffer.concat(parts)
}
