/** deliver_sm and data_sm of one session: read, told apart into receipts and messages, handed to the sink (§4.6, §4.7). */
import { limits } from '../engine/contract/limits.js'
import { type Inbound, OUTCOME, type PartPlace, type Receipt } from '../engine/contract/outcome.js'
import type { CarrierContext } from './carrier-context.js'
import { COMMAND, TAG } from './constants.js'
import { newMessagePdu, readMessagePdu, readUint32, trimSpan } from './decode.js'
import { newReceiptFields } from './receipt.js'
import { findTlv, readUint16, type TlvView } from './tlv.js'

const pdu = newMessagePdu()
const fields = newReceiptFields()
const found: TlvView = { start: 0, length: 0 }

/** Receipts and messages handed over and not acknowledged yet, above which reading stops. */
const UNACKNOWLEDGED_MAX = 20_000
/** Messages up to this size are bounded well enough by their number. */
const SMALL_BYTES = 200

/**
 * What the sink gets as `session`: the connection's generation and whether the answer is data_sm_resp. Meaning stays
 * within this folder.
 */
export function sessionToken(generation: number, dataSm: boolean): number {
  return generation * 2 + (dataSm ? 1 : 0)
}
export function generationOf(token: number): number {
  return Math.floor(token / 2)
}
export function isDataSm(token: number): boolean {
  return token % 2 === 1
}

export class InboundReader {
  #context: CarrierContext
  #bind: number
  #generation: number
  #receipt: Receipt
  #unacknowledged = 0
  /** Octets of messages handed over, and those of large ones by sequence number. */
  #heldBytes = 0
  readonly #large = new Map<number, number>()
  #hadMessage = false

  constructor(context: CarrierContext, identity: { bind: number; generation: number }) {
    this.#context = context
    this.#bind = identity.bind
    this.#generation = identity.generation
    this.#receipt = {
      bind: identity.bind,
      session: 0,
      sequence: 0,
      code: OUTCOME.enroute,
      id: fields.bytes,
      idStart: 0,
      idLength: 0,
      error: '',
      source: 0,
      destination: 0,
      doneSeconds: 0,
      byText: false,
    }
  }

  /** Handed to the sink and not acknowledged yet. */
  get unacknowledged(): number {
    return this.#unacknowledged
  }

  /** So much waits for its answer that no more is read. */
  get isFull(): boolean {
    return this.#unacknowledged > UNACKNOWLEDGED_MAX || this.#heldBytes > limits.inboundHeldBytes
  }
  /** Enough is answered to read on. */
  get isRelieved(): boolean {
    return this.#unacknowledged <= UNACKNOWLEDGED_MAX / 2 && this.#heldBytes <= limits.inboundHeldBytes / 2
  }

  acknowledged(sequence: number): void {
    if (this.#unacknowledged > 0) this.#unacknowledged--
    const bytes = this.#large.get(sequence)
    if (bytes === undefined) return
    this.#large.delete(sequence)
    this.#heldBytes -= bytes
  }

  /** The connection broke off: what the carrier saw no answer to comes again. */
  broke(): void {
    if (!this.#hadMessage) return
    const { broken, clock } = this.#context
    broken.add({ bind: this.#bind, connection: this.#generation, atMs: clock.now() })
  }

  /** False: a receipt that names no message; the caller answers it. */
  read(bytes: Buffer, start: number, end: number): boolean {
    const dataSm = readUint32(bytes, start + 4) === COMMAND.dataSm
    const session = sessionToken(this.#generation, dataSm)
    const sequence = readUint32(bytes, start + 12)
    readMessagePdu(bytes, start, end, pdu)
    if (this.#context.receipts.read(bytes, pdu, fields)) return this.#onReceipt(session, sequence)
    this.#unacknowledged++
    this.#hadMessage = true
    this.#hold(sequence, pdu.text.length)
    this.#context.sink.inbound(this.#message(bytes, session, sequence))
    return true
  }

  #hold(sequence: number, bytes: number): void {
    if (bytes <= SMALL_BYTES) return
    this.#heldBytes += bytes - (this.#large.get(sequence) ?? 0)
    this.#large.set(sequence, bytes)
  }

  #message(bytes: Buffer, session: number, sequence: number): Inbound {
    const { source, destination, text } = pdu
    return {
      bind: this.#bind,
      session,
      sequence,
      connection: this.#generation,
      from: bytes.latin1Slice(source.start, source.start + source.length),
      fromTon: pdu.sourceTon,
      fromNpi: pdu.sourceNpi,
      to: bytes.latin1Slice(destination.start, destination.start + destination.length),
      toTon: pdu.destinationTon,
      toNpi: pdu.destinationNpi,
      dataCoding: pdu.dataCoding,
      esmClass: pdu.esmClass,
      payload: Buffer.from(bytes.subarray(text.start, text.start + text.length)),
      sar: sarOf(bytes),
      ports: portsOf(bytes),
      broken: this.#context.broken.recent(this.#context.clock.now()),
    }
  }

  /** A rule may say what an error in a receipt means for the carrier. */
  #steer(error: string): void {
    const { outcomes, actions, clock } = this.#context
    const rule = outcomes.ofReceipt(error)
    if (rule !== null) actions.note(rule, clock.monotonic())
  }

  #onReceipt(session: number, sequence: number): boolean {
    const { id } = fields
    trimSpan(fields.bytes, id)
    if (fields.strangeStat !== '') this.#context.strange.stat(fields.strangeStat)
    if (id.length === 0 || id.length > limits.carrierIdBytes) {
      this.#context.strange.id(id.length)
      return false
    }
    const receipt = this.#receipt
    receipt.session = session
    receipt.sequence = sequence
    receipt.code = fields.code
    receipt.id = fields.bytes
    receipt.idStart = id.start
    receipt.idLength = id.length
    receipt.error = fields.error
    receipt.source = fields.source
    receipt.destination = fields.destination
    receipt.doneSeconds = fields.doneSeconds
    receipt.byText = fields.byText
    this.#unacknowledged++
    if (fields.code !== OUTCOME.delivered) this.#steer(fields.error)
    this.#context.sink.receipt(receipt)
    return true
  }
}

/** Unsigned value of a parameter of one or two octets; null when it is absent or empty. */
function numberTlv(bytes: Buffer, tag: number): number | null {
  if (pdu.tlvs.length === 0 || !findTlv(bytes, pdu.tlvs, tag, found) || found.length === 0) return null
  return found.length === 1 ? bytes[found.start]! : readUint16(bytes, found.start)
}

function sarOf(bytes: Buffer): PartPlace | null {
  const reference = numberTlv(bytes, TAG.sarReference)
  const total = numberTlv(bytes, TAG.sarTotal)
  const part = numberTlv(bytes, TAG.sarSequence)
  if (reference === null || total === null || part === null) return null
  return { reference, total, part }
}

function portsOf(bytes: Buffer): Inbound['ports'] {
  const source = numberTlv(bytes, TAG.sourcePort)
  const destination = numberTlv(bytes, TAG.destinationPort)
  return source === null && destination === null ? null : { source, destination }
}
