/**
 * Encoding of every PDU but submit_sm (see submit.ts), in place in a Writer (SMPP 3.4 §4). Numbers are big-endian,
 * C-octet strings end with NUL (§3.1). Used by the engine's sessions and by the simulator.
 */
import { type BindCommand, COMMAND, HEADER_BYTES, TAG, VERSION } from './constants.js'
import type { Writer } from './writer.js'

export function putUint32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

export function putUint16(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

/** Header of a PDU whose length is filled in by `endPdu`. Room must be reserved. Returns where its body starts. */
export function beginPdu(writer: Writer, command: number, status: number, sequence: number): number {
  const at = writer.length
  putUint32(writer.bytes, at + 4, command)
  putUint32(writer.bytes, at + 8, status)
  putUint32(writer.bytes, at + 12, sequence)
  return at + HEADER_BYTES
}

/** The PDU that begins at `writer.length` ends at `end`. */
export function endPdu(writer: Writer, end: number): void {
  putUint32(writer.bytes, writer.length, end - writer.length)
  writer.length = end
}

/** Latin-1 text as a C-octet string; NULs inside would end it early and are dropped. Returns the place after it. */
export function putCString(bytes: Buffer, at: number, text: string): number {
  const clean = text.includes('\0') ? text.replaceAll('\0', '') : text
  const end = at + bytes.latin1Write(clean, at, clean.length)
  bytes[end] = 0
  return end + 1
}

/** A PDU of a header alone: enquire_link, unbind, their responses, generic_nack. */
export function writeHeaderOnly(writer: Writer, command: number, status: number, sequence: number): void {
  writer.reserve(HEADER_BYTES)
  endPdu(writer, beginPdu(writer, command, status, sequence))
}

/** deliver_sm_resp and data_sm_resp: message_id is unused and set to NUL (§4.6.2). */
export function writeDeliverResponse(writer: Writer, command: number, status: number, sequence: number): void {
  writer.reserve(HEADER_BYTES + 1)
  const at = beginPdu(writer, command, status, sequence)
  writer.bytes[at] = 0
  endPdu(writer, at + 1)
}

/** submit_sm_resp (§4.4.2). Without an id the body is left out, as real carriers do on errors. */
export function writeSubmitResponse(writer: Writer, status: number, sequence: number, id: string): void {
  writer.reserve(HEADER_BYTES + 1 + id.length)
  let at = beginPdu(writer, COMMAND.submitSmResp, status, sequence)
  if (status === 0) at = putCString(writer.bytes, at, id)
  endPdu(writer, at)
}

export interface BindRequest {
  command: BindCommand
  systemId: string
  password: string
  systemType: string
  /** interface_version; absent: 3.4. */
  version?: number
}

/** bind_transmitter, bind_receiver, bind_transceiver (§4.1.1). address_range stays empty. */
export function writeBind(writer: Writer, request: BindRequest, sequence: number): void {
  writer.reserve(HEADER_BYTES + request.systemId.length + request.password.length + request.systemType.length + 8)
  const { bytes } = writer
  let at = beginPdu(writer, request.command, 0, sequence)
  at = putCString(bytes, at, request.systemId)
  at = putCString(bytes, at, request.password)
  at = putCString(bytes, at, request.systemType)
  bytes[at++] = request.version ?? VERSION.threeFour
  bytes[at++] = 0
  bytes[at++] = 0
  bytes[at++] = 0
  endPdu(writer, at)
}

/** Answer to a bind (§4.1.2); `systemId` null: no body, as on most errors. `version` false: without sc_interface_version. */
export function writeBindResponse(
  writer: Writer,
  command: number,
  status: number,
  answer: { sequence: number; systemId: string | null; version?: boolean },
): void {
  const { sequence, systemId, version = true } = answer
  writer.reserve(HEADER_BYTES + (systemId?.length ?? 0) + 6)
  let at = beginPdu(writer, command, status, sequence)
  if (systemId !== null) at = putCString(writer.bytes, at, systemId)
  if (status === 0 && version) {
    at = putTlv(writer.bytes, at, TAG.interfaceVersion, 1)
    writer.bytes[at++] = VERSION.threeFour
  }
  endPdu(writer, at)
}

/** Tag and length of an optional parameter (§3.2.4.1); the value follows at the place returned. */
export function putTlv(bytes: Buffer, at: number, tag: number, length: number): number {
  putUint16(bytes, at, tag)
  putUint16(bytes, at + 2, length)
  return at + 4
}
