/** A PDU as a person reads it: fields under the names of SMPP 3.4 §4, in the order of the wire. For traces only. */
import type { ShiftTables } from '../engine/contract/language.js'
import { readDataCoding } from '../engine/text/data-coding.js'
import { decodeGsm7 } from '../engine/text/gsm7.js'
import { readUserDataHeader } from '../engine/text/user-data-header.js'
import { COMMAND, ESM, HEADER_BYTES, RESPONSE, TAG } from './constants.js'
import { cStringEnd, readUint32 } from './decode.js'
import { isBind, isMessage, STAR } from './mask.js'
import { statusName } from './status.js'
import { readUint16, tlvStart } from './tlv.js'

type Fields = Record<string, unknown>

const COMMAND_NAMES = new Map<number, string>(
  Object.entries(COMMAND).map(([name, id]) => [id, name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)]),
)
const TAG_NAMES = new Map<number, string>([
  [TAG.receiptedMessageId, 'receipted_message_id'],
  [TAG.sarReference, 'sar_msg_ref_num'],
  [TAG.sarTotal, 'sar_total_segments'],
  [TAG.sarSequence, 'sar_segment_seqnum'],
  [TAG.interfaceVersion, 'sc_interface_version'],
  [TAG.networkErrorCode, 'network_error_code'],
  [TAG.messagePayload, 'message_payload'],
  [TAG.messageState, 'message_state'],
  [TAG.sourcePort, 'source_port'],
  [TAG.destinationPort, 'destination_port'],
  [0x0005, 'dest_addr_subunit'],
  [0x0202, 'user_message_reference'],
])

export function commandName(command: number): string {
  return COMMAND_NAMES.get(command) ?? `0x${command.toString(16).padStart(8, '0')}`
}

/** `bytes` is one whole PDU. What does not fit into it is left out: nothing throws. */
export function describePdu(bytes: Buffer): Fields {
  if (bytes.length < HEADER_BYTES) return { octets: bytes.toString('hex') }
  const command = readUint32(bytes, 4)
  const status = readUint32(bytes, 8)
  const fields: Fields = {
    command: commandName(command),
    length: bytes.length,
    status,
    ...(command >= RESPONSE || status !== 0 ? { statusName: statusName(status) } : {}),
    sequence: readUint32(bytes, 12),
  }
  const reader = new BodyReader(bytes)
  if (isBind(command)) describeBind(reader, fields)
  else if (isMessage(command)) describeMessage(reader, fields, command === COMMAND.dataSm)
  else describeRest(reader, fields, command)
  describeTlvs(bytes, reader.at, fields)
  return fields
}

class BodyReader {
  at = HEADER_BYTES
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  text(): string {
    const from = Math.min(this.at, this.bytes.length)
    const to = cStringEnd(this.bytes, from, this.bytes.length)
    this.at = Math.min(to + 1, this.bytes.length)
    return this.bytes.latin1Slice(from, to)
  }

  octet(): number {
    return this.at < this.bytes.length ? this.bytes[this.at++]! : 0
  }

  take(length: number): Buffer {
    const from = Math.min(this.at, this.bytes.length)
    this.at = Math.min(from + length, this.bytes.length)
    return this.bytes.subarray(from, this.at)
  }

  address(): Fields {
    return { ton: this.octet(), npi: this.octet(), address: this.text() }
  }
}

/** §4.1.1. */
function describeBind(reader: BodyReader, fields: Fields): void {
  fields.system_id = reader.text()
  fields.password = reader.text()
  fields.system_type = reader.text()
  fields.interface_version = hex(reader.octet())
  fields.address_range = reader.address()
}

/** §4.4.1, §4.6.1, §4.7.1. */
function describeMessage(reader: BodyReader, fields: Fields, isDataSm: boolean): void {
  fields.service_type = reader.text()
  fields.source = reader.address()
  fields.destination = reader.address()
  const esmClass = reader.octet()
  fields.esm_class = hex(esmClass)
  if (!isDataSm) {
    fields.protocol_id = reader.octet()
    fields.priority_flag = reader.octet()
    fields.schedule_delivery_time = reader.text()
    fields.validity_period = reader.text()
  }
  fields.registered_delivery = reader.octet()
  if (!isDataSm) fields.replace_if_present_flag = reader.octet()
  const dataCoding = reader.octet()
  fields.data_coding = hex(dataCoding)
  if (isDataSm) return
  fields.sm_default_msg_id = reader.octet()
  fields.sm_length = reader.octet()
  describeText(reader.take(fields.sm_length as number), fields, { esmClass, dataCoding })
}

function describeText(text: Buffer, fields: Fields, kind: { esmClass: number; dataCoding: number }): void {
  let from = 0
  let shift: ShiftTables = 0
  if ((kind.esmClass & ESM.udhi) !== 0 && text.length > 0) {
    from = Math.min(text.length, 1 + text[0]!)
    fields.user_data_header = text.subarray(0, from).toString('hex')
    shift = readUserDataHeader(text)?.shift ?? 0
  }
  fields.short_message = readable(text.subarray(from), kind.dataCoding, shift)
}

/** As far as a reader of one PDU can tell; what data_coding 0 means is the carrier's secret, GSM 7-bit the usual. */
function readable(text: Buffer, dataCoding: number, shift: ShiftTables): string {
  const { alphabet } = readDataCoding(dataCoding)
  if (alphabet === 'ucs2')
    return Buffer.from(text.subarray(0, text.length & ~1))
      .swap16()
      .toString('utf16le')
  if (alphabet === 'latin1') return text.toString('latin1')
  if (alphabet === 'binary') return text.toString('hex')
  if (text.some((octet) => octet >= 0x80)) return text.toString('latin1')
  // Stars of a masked text are letters in other tables.
  const isMasked = text.every((octet) => octet === STAR)
  return decodeGsm7(text, 0, text.length, isMasked ? 0 : shift)
}

function describeRest(reader: BodyReader, fields: Fields, command: number): void {
  if (reader.at >= reader.bytes.length) return
  switch (command) {
    case COMMAND.submitSmResp:
    case COMMAND.deliverSmResp:
    case COMMAND.dataSmResp:
      fields.message_id = reader.text()
      return
    case COMMAND.bindReceiverResp:
    case COMMAND.bindTransmitterResp:
    case COMMAND.bindTransceiverResp:
      fields.system_id = reader.text()
      return
    case COMMAND.outbind:
      fields.system_id = reader.text()
      fields.password = reader.text()
      return
    case COMMAND.alertNotification:
      fields.source = reader.address()
      fields.esme = reader.address()
      return
    default:
      fields.body = reader.take(reader.bytes.length).toString('hex')
  }
}

/** §3.2.4; the value in hex, and as text where it is a string. */
function describeTlvs(bytes: Buffer, from: number, fields: Fields): void {
  const tlvs: Fields[] = []
  let at = tlvStart(bytes, from, bytes.length)
  while (at + 4 <= bytes.length) {
    const tag = readUint16(bytes, at)
    const length = readUint16(bytes, at + 2)
    const value = bytes.subarray(at + 4, Math.min(at + 4 + length, bytes.length))
    const name = TAG_NAMES.get(tag)
    const text = value.latin1Slice(0, value.at(-1) === 0 ? value.length - 1 : value.length)
    tlvs.push({
      tag: `0x${tag.toString(16).padStart(4, '0')}`,
      ...(name === undefined ? {} : { name }),
      value: value.toString('hex'),
      ...(/^[\x20-\x7e]{2,}$/.test(text) ? { text } : {}),
    })
    at += 4 + length
  }
  if (tlvs.length > 0) fields.tlvs = tlvs
}

function hex(octet: number): string {
  return `0x${octet.toString(16).padStart(2, '0')}`
}
