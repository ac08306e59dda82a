/** deliver_sm and data_sm of one session: read, told apart into receipts and messages, handed to the sink (§4.6, §4.7). */
import { limits } from '../engine/contract/limits.js'
import { OUTCOME, type Receipt } from '../engine/contract/outcome.js'
import type { CarrierContext } from './carrier-context.js'
import { COMMAND } from './constants.js'
import { newMessagePdu, readMessagePdu, readUint32 } from './decode.js'
import type { IdView } from './message-id.js'
import { newReceiptFields, readReceipt } from './receipt.js'

const pdu = newMessagePdu()
const fields = newReceiptFields()

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
  #id: IdView = { bytes: Buffer.alloc(0), start: 0, length: 0 }
  #unacknowledged = 0

  constructor(context: CarrierContext, identity: { bind: number; generation: number }) {
    this.#context = context
    this.#bind = identity.bind
    this.#generation = identity.generation
    this.#receipt = {
      bind: identity.bind,
      session: 0,
      sequence: 0,
      code: OUTCOME.enroute,
      id: this.#id.bytes,
      idStart: 0,
      idLength: 0,
      error: '',
    }
  }

  /** Handed to the sink and not acknowledged yet. */
  get unacknowledged(): number {
    return this.#unacknowledged
  }

  acknowledged(): void {
    if (this.#unacknowledged > 0) this.#unacknowledged--
  }

  /** False: a receipt that names no message; the caller answers it. */
  read(bytes: Buffer, start: number, end: number): boolean {
    const dataSm = readUint32(bytes, start + 4) === COMMAND.dataSm
    const session = sessionToken(this.#generation, dataSm)
    const sequence = readUint32(bytes, start + 12)
    readMessagePdu(bytes, start, end, pdu)
    if (readReceipt(bytes, pdu, fields)) return this.#onReceipt(session, sequence)
    this.#unacknowledged++
    const { source, destination, text } = pdu
    this.#context.sink.inbound({
      bind: this.#bind,
      session,
      sequence,
      from: bytes.latin1Slice(source.start, source.start + source.length),
      to: bytes.latin1Slice(destination.start, destination.start + destination.length),
      dataCoding: pdu.dataCoding,
      esmClass: pdu.esmClass,
      payload: Buffer.from(bytes.subarray(text.start, text.start + text.length)),
    })
    return true
  }

  #onReceipt(session: number, sequence: number): boolean {
    const id = this.#id
    id.bytes = fields.bytes
    id.start = fields.id.start
    id.length = fields.id.length
    this.#context.ids.receipt(id)
    if (id.length === 0 || id.length > limits.carrierIdBytes) {
      this.#context.log.warn({ carrier: this.#context.carrier.id, bind: this.#bind }, 'receipt without a usable id')
      return false
    }
    const receipt = this.#receipt
    receipt.session = session
    receipt.sequence = sequence
    receipt.code = fields.code
    receipt.id = id.bytes
    receipt.idStart = id.start
    receipt.idLength = id.length
    receipt.error = fields.error
    this.#unacknowledged++
    this.#context.sink.receipt(receipt)
    return true
  }
}
