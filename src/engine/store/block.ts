/**
 * The block: up to 256 messages of one job and one lane, written once by ingest and never changed.
 *
 * Layout (little endian):
 *   0 u32 magic 'TLB1' · 4 u16 messages · 6 u8 length of sender · 7 u8 bits: 1 fields, 2 kinds, 4 a lock, 8 a zone
 *   8 f64 job · 16 u32 account · 20 u32 route
 *   24 u32 created (epoch s) · 28 u32 range (0xffffffff: came one by one) · 32 u32 CRC-32C of head, sender and offsets
 *   36 sender (UTF-8), and behind it what 7 names: u16 length of fields and fields · u32 seconds of the conversation lock
 *   · zone (block-head-parts.ts) · kinds (block-kinds.ts); blocks of an earlier version have no kinds · then one u32 offset per record · then the records
 * Record:
 *   0 u32 CRC-32C of the rest · 4 u16 length of the record · 6 u8 channel · 7 u8 coding · 8 u8 parts · 9 u8 flags
 *   10 u8 digits · 11 u8 national language tables (0: none, as before there were any) · 12 u32 due · 16 u32 expires
 *   (epoch s, 0 = none) · 20 u32 line, 24 u32 offset and 28 u32 length of the source record, all within its range
 *   32 digits of the number, or the email address · one u16 length per part · the parts
 * Each record has its own checksum, so that a flipped bit costs one message and names it.
 */
import assert from 'node:assert'
import { crc32c } from '../base/crc32c.js'
import type { ShiftTables } from '../contract/language.js'
import { limits } from '../contract/limits.js'
import type { Coding, OutgoingMessage } from '../contract/message.js'
import type { SealedBlock } from '../contract/store.js'
import { endOfFields, endOfZone, HAS_FIELDS, HAS_ZONE, readZone, writeZone, zoneBytes } from './block-head-parts.js'
import { type BlockKind, endOfKinds, KindTable, readDay, readKinds } from './block-kinds.js'
import {
  IS_SHORT_CODE,
  RECORD_HEAD_BYTES,
  recipientAddress,
  recipientDigits,
  recipientIsPlaced,
  recipientNumber,
  recipientTail,
  recipientText,
} from './record-recipient.js'

const MAGIC = 0x31424c54
const HEAD_BYTES = 36
/** Bits of a record's flags; the recipient column stands above them. */
const WANTS_RECEIPT = 1
const PHONE_SHIFT = 2
/** The highest that can be told apart; it also stands for all beyond. */
const PHONE_MAX = 63
/** Bits of octet 7 of the head. */
const HAS_KINDS = 2
const HAS_LOCK = 4
const LOCK_BYTES = 4
const LOOSE = 0xffffffff

export interface BlockHead {
  job: number
  account: number
  route: number
  from: string
  /** Packed, see base/tlv-value.ts; absent or '': none. */
  fields?: string
  /** How long after its sending a reply belongs to the account; absent or 0: no conversation lock. */
  lockSeconds?: number
  /** IANA zone that its recipients are in; absent or '': that of their numbers. */
  zone?: string
  createdSeconds: number
  /** On which its messages were accepted, 20261122; absent: that of the job. */
  day?: number
  /** Range of the job's file; null for messages that came one by one. */
  range: number | null
}

/** One message on its way into a block. Reuse one object: `add` copies everything. */
export interface NewRecord {
  channel: number
  coding: Coding
  shift: ShiftTables
  wantsReceipt: boolean
  /** E.164 digits without '+', a short code, or an email address. */
  digits: string
  isShortCode: boolean
  /** Which of the job's recipient columns it came from, from 0. */
  phone: number
  dueSeconds: number
  expiresSeconds: number
  line: number
  offset: number
  length: number
  partCount: number
  bytes: Buffer
  partStarts: Uint32Array
  partLengths: Uint16Array
  /** ISO 3166, '' = of no country; absent with the first record: the block gets no kinds. */
  country?: string
  /** Of one part, in millionths; null: there is no price. */
  partPrice?: number | null
}

export class BlockBuilder {
  readonly head: BlockHead
  #count = 0
  #size = 0
  #parts = 0
  #dueSeconds = 0xffffffff
  #bytes = Buffer.allocUnsafeSlow(64 * 1024)
  readonly #offsets = new Uint32Array(limits.messagesPerBlock)
  readonly #kinds = new KindTable()
  #hasKinds = false
  #micros = 0

  constructor(head: BlockHead) {
    this.head = head
  }

  get count(): number {
    return this.#count
  }
  get parts(): number {
    return this.#parts
  }
  /** True when nothing more may be added. */
  get full(): boolean {
    return this.#count === limits.messagesPerBlock || this.#size > limits.blockBytes
  }

  /** Place of the record in the block. */
  add(record: NewRecord): number {
    assert(!this.full, 'seal a full block before adding to it')
    let size = RECORD_HEAD_BYTES + record.digits.length + record.partCount * 2
    for (let part = 0; part < record.partCount; part++) size += record.partLengths[part]!
    this.#reserve(size)
    this.#offsets[this.#count] = this.#size
    this.#write(record, size)
    if (record.country !== undefined) this.#price(record, record.country, record.partPrice ?? null)
    this.#size += size
    this.#parts += record.partCount
    if (record.dueSeconds < this.#dueSeconds) this.#dueSeconds = record.dueSeconds
    return this.#count++
  }

  #price(record: NewRecord, country: string, partPrice: number | null): void {
    this.#hasKinds = true
    this.#kinds.set(this.#count, { country, channel: record.channel, partPrice })
    this.#micros += record.partCount * (partPrice ?? 0)
  }

  #write(record: NewRecord, size: number): void {
    const bytes = this.#bytes
    const at = this.#size
    bytes.writeUInt16LE(size, at + 4)
    bytes[at + 6] = record.channel
    bytes[at + 7] = record.coding
    bytes[at + 8] = record.partCount
    bytes[at + 9] = flagsOf(record)
    bytes[at + 10] = record.digits.length
    bytes[at + 11] = record.shift
    bytes.writeUInt32LE(record.dueSeconds, at + 12)
    bytes.writeUInt32LE(record.expiresSeconds, at + 16)
    bytes.writeUInt32LE(record.line, at + 20)
    bytes.writeUInt32LE(record.offset, at + 24)
    bytes.writeUInt32LE(record.length, at + 28)
    bytes.latin1Write(record.digits, at + RECORD_HEAD_BYTES)
    let to = at + RECORD_HEAD_BYTES + record.digits.length
    for (let part = 0; part < record.partCount; part++, to += 2) bytes.writeUInt16LE(record.partLengths[part]!, to)
    for (let part = 0; part < record.partCount; part++) {
      const start = record.partStarts[part]!
      to += record.bytes.copy(bytes, to, start, start + record.partLengths[part]!)
    }
    bytes.writeUInt32LE(crc32c(bytes, at + 4, at + size), at)
  }

  #reserve(size: number): void {
    if (this.#size + size <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#size + size))
    this.#bytes.copy(grown, 0, 0, this.#size)
    this.#bytes = grown
  }

  /** Closes the block under its number and makes the builder empty again. The bytes belong to the caller. */
  seal(block: number): SealedBlock {
    assert(this.#count > 0, 'an empty block is never sealed')
    const { head } = this
    const from = Buffer.from(head.from)
    assert(from.length < 256)
    const fields = Buffer.from(head.fields ?? '')
    const { lockSeconds = 0, zone = '' } = head
    const lock = HEAD_BYTES + from.length + (fields.length === 0 ? 0 : 2 + fields.length)
    const zoneAt = lock + (lockSeconds === 0 ? 0 : LOCK_BYTES)
    const kinds = zoneAt + zoneBytes(zone)
    const table = kinds + (this.#hasKinds ? this.#kinds.size(this.#count) : 0)
    const start = table + this.#count * 4
    const bytes = Buffer.allocUnsafeSlow(start + this.#size)
    bytes.writeUInt32LE(MAGIC, 0)
    bytes.writeUInt16LE(this.#count, 4)
    bytes[6] = from.length
    const hasFields = fields.length === 0 ? 0 : HAS_FIELDS
    const hasMore = (lockSeconds === 0 ? 0 : HAS_LOCK) | (zone === '' ? 0 : HAS_ZONE)
    bytes[7] = hasFields | (this.#hasKinds ? HAS_KINDS : 0) | hasMore
    bytes.writeDoubleLE(head.job, 8)
    bytes.writeUInt32LE(head.account, 16)
    bytes.writeUInt32LE(head.route, 20)
    bytes.writeUInt32LE(head.createdSeconds, 24)
    bytes.writeUInt32LE(head.range ?? LOOSE, 28)
    from.copy(bytes, HEAD_BYTES)
    if (fields.length > 0) {
      bytes.writeUInt16LE(fields.length, HEAD_BYTES + from.length)
      fields.copy(bytes, HEAD_BYTES + from.length + 2)
    }
    if (lockSeconds > 0) bytes.writeUInt32LE(lockSeconds, lock)
    writeZone(bytes, zoneAt, zone)
    if (this.#hasKinds) this.#kinds.write(bytes, kinds, { records: this.#count, day: head.day ?? 0 })
    for (let place = 0; place < this.#count; place++) {
      bytes.writeUInt32LE(start + this.#offsets[place]!, table + place * 4)
    }
    bytes.writeUInt32LE(headChecksum(bytes, start), 32)
    this.#bytes.copy(bytes, start, 0, this.#size)
    const sealed = {
      block,
      job: head.job,
      route: head.route,
      dueSeconds: this.#dueSeconds,
      messages: this.#count,
      micros: this.#micros,
      bytes,
    }
    this.#clear()
    return sealed
  }

  #clear(): void {
    this.#count = 0
    this.#size = 0
    this.#parts = 0
    this.#dueSeconds = 0xffffffff
    this.#kinds.clear()
    this.#hasKinds = false
    this.#micros = 0
  }
}

function flagsOf({ wantsReceipt, isShortCode, phone }: NewRecord): number {
  const column = phone < PHONE_MAX ? phone : PHONE_MAX
  return (wantsReceipt ? WANTS_RECEIPT : 0) | (isShortCode ? IS_SHORT_CODE : 0) | (column << PHONE_SHIFT)
}

export function headChecksum(bytes: Buffer, end: number): number {
  return (crc32c(bytes, 0, 32) ^ crc32c(bytes, HEAD_BYTES, end)) >>> 0
}

/** Source position of a record within its range, and its times. */
export interface RecordFacts {
  channel: number
  line: number
  offset: number
  length: number
  dueSeconds: number
  /** Which of the job's recipient columns it came from, from 0; null: beyond those that a record can name. */
  phone: number | null
}

/** Reads a stored block in place. */
export class BlockReader {
  readonly bytes: Buffer
  readonly count: number
  readonly job: number
  readonly account: number
  readonly route: number
  readonly from: string
  readonly fields: string
  /** 0: no conversation lock. */
  readonly lockSeconds: number
  /** '' = that of the numbers. */
  readonly zone: string
  readonly createdSeconds: number
  readonly range: number | null
  /** False: the head does not match its checksum; nothing of the block can be trusted. */
  readonly intact: boolean
  /** Where the offsets of its records begin. */
  readonly table: number
  /** Where the kinds begin; -1: a block of an earlier version has none. */
  readonly #kinds: number

  constructor(bytes: Buffer) {
    this.bytes = bytes
    const fits = bytes.length >= HEAD_BYTES && bytes.readUInt32LE(0) === MAGIC
    this.count = fits ? bytes.readUInt16LE(4) : 0
    const fromEnd = HEAD_BYTES + (fits ? bytes[6]! : 0)
    const fieldsEnd = fits ? endOfFields(bytes, fromEnd) : fromEnd
    const hasLock = fits && (bytes[7]! & HAS_LOCK) !== 0
    const lockEnd = fieldsEnd + (hasLock ? LOCK_BYTES : 0)
    const zoneEnd = fits ? endOfZone(bytes, lockEnd) : lockEnd
    this.#kinds = fits && (bytes[7]! & HAS_KINDS) !== 0 ? zoneEnd : -1
    this.table = this.#kinds < 0 ? zoneEnd : endOfKinds(bytes, zoneEnd, this.count)
    const end = this.table + this.count * 4
    this.intact = fits && end <= bytes.length && headChecksum(bytes, end) === bytes.readUInt32LE(32)
    this.job = this.intact ? bytes.readDoubleLE(8) : -1
    this.account = this.intact ? bytes.readUInt32LE(16) : -1
    this.route = this.intact ? bytes.readUInt32LE(20) : -1
    this.createdSeconds = this.intact ? bytes.readUInt32LE(24) : 0
    this.lockSeconds = this.intact && hasLock ? bytes.readUInt32LE(fieldsEnd) : 0
    const range = this.intact ? bytes.readUInt32LE(28) : LOOSE
    this.range = range === LOOSE ? null : range
    this.zone = this.intact ? readZone(bytes, lockEnd, zoneEnd) : ''
    this.from = this.intact ? bytes.toString('utf8', HEAD_BYTES, fromEnd) : ''
    this.fields = this.intact && fieldsEnd > fromEnd ? bytes.toString('utf8', fromEnd + 2, fieldsEnd) : ''
  }

  /** By number as `kindOf` names them; null: an earlier version stored none. */
  kinds(): BlockKind[] | null {
    return this.#kinds < 0 || !this.intact ? null : readKinds(this.bytes, this.#kinds)
  }
  /** On which its messages were accepted, 20261122; 0: that of the job. Only where there are kinds. */
  get day(): number {
    return this.#kinds < 0 ? 0 : readDay(this.bytes, this.#kinds)
  }
  /** Only where there are kinds. */
  kindOf(place: number): number {
    return this.bytes[this.table - this.count + place]!
  }

  #at(place: number): number {
    return this.bytes.readUInt32LE(this.table + place * 4)
  }

  /** Offset of the record, or -1 when its checksum does not hold. */
  verified(place: number): number {
    const { bytes } = this
    const at = place < this.count ? this.#at(place) : bytes.length
    if (at + RECORD_HEAD_BYTES > bytes.length) return -1
    const end = at + bytes.readUInt16LE(at + 4)
    if (end > bytes.length || end < at + RECORD_HEAD_BYTES) return -1
    return crc32c(bytes, at + 4, end) === bytes.readUInt32LE(at) ? at : -1
  }

  /** Fills `message` with the record; `ref`, `attempt` and `partsAccepted` are the caller's. False: corrupt. */
  read(place: number, message: OutgoingMessage): boolean {
    const at = this.verified(place)
    if (at < 0) return false
    const { bytes } = this
    const digits = bytes[at + 10]!
    const parts = bytes[at + 8]!
    message.bytes = bytes
    message.toStart = at + RECORD_HEAD_BYTES
    message.toLength = digits
    message.from = this.from
    message.fields = this.fields
    message.coding = bytes[at + 7]! as Coding
    message.shift = bytes[at + 11]!
    message.partCount = parts
    message.expiresAtSeconds = bytes.readUInt32LE(at + 16)
    message.wantsReceipt = (bytes[at + 9]! & WANTS_RECEIPT) !== 0
    message.isShortCode = (bytes[at + 9]! & IS_SHORT_CODE) !== 0
    let length = at + RECORD_HEAD_BYTES + digits
    let start = length + parts * 2
    for (let part = 0; part < parts; part++, length += 2) {
      message.partStarts[part] = start
      message.partLengths[part] = bytes.readUInt16LE(length)
      start += message.partLengths[part]!
    }
    return true
  }

  facts(place: number): RecordFacts {
    const { bytes } = this
    const at = this.#at(place)
    const phone = bytes[at + 9]! >> PHONE_SHIFT
    return {
      channel: bytes[at + 6]!,
      line: bytes.readUInt32LE(at + 20),
      offset: bytes.readUInt32LE(at + 24),
      length: bytes.readUInt32LE(at + 28),
      dueSeconds: bytes.readUInt32LE(at + 12),
      phone: phone < PHONE_MAX ? phone : null,
    }
  }

  /** Hot path: due time and validity without reading the rest (epoch seconds). */
  dueSeconds(place: number): number {
    return this.bytes.readUInt32LE(this.#at(place) + 12)
  }
  expiresSeconds(place: number): number {
    return this.bytes.readUInt32LE(this.#at(place) + 16)
  }
  partCount(place: number): number {
    return this.bytes[this.#at(place) + 8]!
  }
  number(place: number): number {
    return recipientNumber(this.bytes, this.#at(place))
  }
  numberTail(place: number): number {
    return recipientTail(this.bytes, this.#at(place))
  }
  digits(place: number): string {
    return recipientDigits(this.bytes, this.#at(place))
  }
  recipient(place: number): string {
    return recipientText(this.bytes, this.#at(place))
  }
  /** False: a short code or an address, which have no place. */
  isPlaced(place: number): boolean {
    return recipientIsPlaced(this.bytes, this.#at(place))
  }
  address(place: number): string | null {
    return recipientAddress(this.bytes, this.#at(place))
  }
}
