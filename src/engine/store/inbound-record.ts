/**
 * A subscriber's message as the dispatcher keeps it, before anyone has looked into it: everything of the PDU that could
 * matter, as MessagePack behind a version octet and a CRC-32C, because LMDB pages carry no checksum.
 */
import { decode, encode } from '@msgpack/msgpack'
import { crc32c } from '../base/crc32c.js'
import type { Inbound } from '../contract/outcome.js'

/** The last message that went from the number that a subscriber wrote to, to the one that wrote. */
export interface TalkedTo {
  ref: number
  /** Whose message it was. */
  account: number
  sentAtMs: number
  /** The conversation lock held until then. */
  untilMs: number
}

export interface InboundRecord extends Omit<Inbound, 'session' | 'sequence'> {
  carrier: string
  /** Epoch milliseconds at which it was kept. */
  atMs: number
  /** Number of the process's run, and of the first of the runs before it that all ended without a drain. */
  run: number
  doubtFrom: number
  /** What it answers, found when it came; absent in records of earlier versions. */
  replied?: TalkedTo | null
}

const VERSION = 1
const HEAD_BYTES = 5

/** `value` behind version and checksum; the bytes belong to the caller. */
export function sealRecord(value: object): Buffer {
  const body = encode(value)
  const bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + body.length)
  bytes[0] = VERSION
  bytes.set(body, HEAD_BYTES)
  bytes.writeUInt32LE(crc32c(bytes, HEAD_BYTES, bytes.length), 1)
  return bytes
}

/** null: the bytes are not what was written. */
export function openRecord<T extends object>(bytes: Buffer): T | null {
  if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) return null
  if (bytes.readUInt32LE(1) !== crc32c(bytes, HEAD_BYTES, bytes.length)) return null
  return decode(bytes.subarray(HEAD_BYTES)) as T
}

/** Drops what only the answer needs. */
export function sealInbound(
  inbound: Inbound,
  kept: Pick<InboundRecord, 'carrier' | 'atMs' | 'run' | 'doubtFrom' | 'replied'>,
): Buffer {
  const { session: _session, sequence: _sequence, ...pdu } = inbound
  return sealRecord({ ...pdu, ...kept })
}

/** null: damaged. */
export function openInbound(bytes: Buffer): InboundRecord | null {
  const record = isFirstForm(bytes) ? firstForm(bytes) : openRecord<InboundRecord>(bytes)
  if (record === null) return null
  return { ...record, payload: Buffer.from(record.payload) }
}

type FirstForm = Pick<
  InboundRecord,
  'carrier' | 'bind' | 'from' | 'to' | 'dataCoding' | 'esmClass' | 'payload' | 'atMs'
>

/** Version 0.1 wrote a bare MessagePack map of eight fields. */
function isFirstForm(bytes: Buffer): boolean {
  return bytes[0] === 0x88
}

function firstForm(bytes: Buffer): InboundRecord | null {
  try {
    const unknown = { fromTon: 0, fromNpi: 0, toTon: 0, toNpi: 0, connection: 0, sar: null, ports: null, broken: [] }
    return { ...unknown, run: 0, doubtFrom: 0, ...(decode(bytes) as FirstForm) }
  } catch {
    return null
  }
}
