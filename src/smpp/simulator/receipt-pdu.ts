/** The PDU of one receipt of the simulator: deliver_sm (SMPP 3.4 §4.6.1) or data_sm (§4.7.1), text and parameters as the dialect says. */
import { COMMAND, ESM, TAG } from '../constants.js'
import { beginPdu, endPdu, putCString, putTlv } from '../encode.js'
import type { Writer } from '../writer.js'
import type { ReceiptWriter } from './receipt-text.js'

const RECEIPT_BYTES = 1_024
/** A header that says nothing: part 1 of 1. */
const USER_DATA_HEADER = Buffer.from([5, 0, 3, 7, 1, 1])

/** Writes what the writer of texts holds. */
export function writeReceipt(writer: Writer, sequence: number, receipt: ReceiptWriter): void {
  const { form } = receipt
  const { carries, command } = form.choices
  writer.reserve(RECEIPT_BYTES)
  const { bytes } = writer
  const isData = command === 'data_sm'
  let at = beginPdu(writer, isData ? COMMAND.dataSm : COMMAND.deliverSm, 0, sequence)
  bytes[at++] = 0
  at = writeFrom(receipt, bytes, at)
  at = receipt.writeAddress('source', bytes, at)
  bytes[at++] = form.esmClass
  const hasText = carries !== 'tlv'
  const isPayload = hasText && (carries === 'payload' || isData)
  if (isData) {
    bytes[at++] = 0
    bytes[at++] = 0
  } else {
    bytes.fill(0, at, at + 9)
    at += 9
    if (hasText && !isPayload) at = writeText(receipt, bytes, at)
  }
  if (isPayload) at = writePayload(receipt, bytes, at)
  if (carries === 'both' || carries === 'tlv' || carries === 'idTlv') {
    at = putTlv(bytes, at, TAG.receiptedMessageId, receipt.id.length + 1)
    at = putCString(bytes, at, receipt.id)
  }
  if (carries === 'both' || carries === 'tlv') {
    at = putTlv(bytes, at, TAG.messageState, 1)
    bytes[at++] = receipt.state
  }
  endPdu(writer, at)
}

/** The recipient's number, as the submit had it, or as the dialect writes it. */
function writeFrom(receipt: ReceiptWriter, bytes: Buffer, from: number): number {
  const end = receipt.writeAddress('destination', bytes, from)
  const number = bytes.latin1Slice(from + 2, end - 1)
  switch (receipt.form.choices.number) {
    case 'plus':
      return putCString(bytes, from + 2, `+${number}`)
    case 'national':
      return putCString(bytes, from + 2, `0${number.slice(2)}`)
    case 'none':
      return putCString(bytes, from + 2, '')
    default:
      return end
  }
}

/** `at` lies behind sm_length; returns the place behind the text. */
function writeText(receipt: ReceiptWriter, bytes: Buffer, at: number): number {
  const end = writeUserData(receipt, bytes, at)
  bytes[at - 1] = end - at
  return end
}

function writePayload(receipt: ReceiptWriter, bytes: Buffer, at: number): number {
  const end = writeUserData(receipt, bytes, at + 4)
  putTlv(bytes, at, TAG.messagePayload, end - at - 4)
  return end
}

function writeUserData(receipt: ReceiptWriter, bytes: Buffer, from: number): number {
  let at = from
  if ((receipt.form.esmClass & ESM.udhi) !== 0) at += USER_DATA_HEADER.copy(bytes, at)
  return at + bytes.latin1Write(receipt.text.slice(0, 240), at)
}
