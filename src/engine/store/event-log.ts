/**
 * Message events for webhooks: what states messages came to, by account and in order, as the dispatcher wrote them beside
 * the outcomes. An event is named by its number, which counts an account's events from 1.
 *
 * A record holds some of them under the key [account, number of the first]: u32 CRC-32C of the rest, then entries (little
 * endian): 0 f64 block · 8 u8 place · 9 u8 further places · 10 u8 state · 11 u8 reason · 12 u16 carrier · 14 u48 time
 * (epoch ms) · 20 u32 status · 24 u8 1: final · 25 u8 length of error · 26 error. An entry for several places is an event of each.
 */
import { crc32c } from '../base/crc32c.js'
import { limits } from '../contract/limits.js'
import { type MessageRef, messageRef } from '../contract/message.js'
import type { Environment } from './environment.js'
import { storeFailed } from './lmdb-store.js'

const CRC_BYTES = 4
const ENTRY_BYTES = 26
const ENTRY_MAX_BYTES = ENTRY_BYTES + 255
/** Of one record: small enough to be read for a hundred of them. */
export const EVENTS_PER_RECORD = 512

/** What became of a message, or of a run of messages in one block. */
export interface StateChange {
  block: number
  place: number
  /** Messages that it concerns, from `place` on. */
  count: number
  state: number
  reason: number
  /** NO_CARRIER: none. */
  carrier: number
  atMs: number
  /** The protocol's own status of a refusal; 0: none. */
  status: number
  isFinal: boolean
  /** The carrier's error text of the receipt; '' when none. */
  error: string
}

/** One event as it is read back. */
export interface MessageEvent extends Omit<StateChange, 'block' | 'place' | 'count'> {
  number: number
  ref: MessageRef
}

/** The events of one account since the last commit. */
export class EventBatch {
  readonly #account: number
  #bytes = Buffer.allocUnsafeSlow(4 * 1024)
  #length = CRC_BYTES
  #first: number
  #count = 0
  #sealed: { key: number[]; bytes: Buffer }[] = []

  /** `next`: number of the next event. */
  constructor(account: number, next: number) {
    this.#account = account
    this.#first = next
  }

  add(change: StateChange): void {
    if (this.#length + ENTRY_MAX_BYTES > this.#bytes.length) this.#grow()
    this.#length += writeChange(this.#bytes, this.#length, change)
    this.#count += change.count
    if (this.#count >= EVENTS_PER_RECORD) this.#seal()
  }

  #grow(): void {
    const grown = Buffer.allocUnsafeSlow(this.#bytes.length * 2)
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }

  #seal(): void {
    if (this.#count === 0) return
    const bytes = Buffer.allocUnsafeSlow(this.#length)
    this.#bytes.copy(bytes, 0, 0, this.#length)
    bytes.writeUInt32LE(crc32c(bytes, CRC_BYTES, bytes.length), 0)
    this.#sealed.push({ key: [this.#account, this.#first], bytes })
    this.#first += this.#count
    this.#count = 0
    this.#length = CRC_BYTES
  }

  /** What was added since the last time, in copies for the store. */
  take(): { key: number[]; bytes: Buffer }[] {
    this.#seal()
    const sealed = this.#sealed
    this.#sealed = []
    return sealed
  }
}

function writeChange(bytes: Buffer, at: number, change: StateChange): number {
  const errorLength = change.error === '' ? 0 : bytes.latin1Write(change.error, at + ENTRY_BYTES, 255)
  bytes.writeDoubleLE(change.block, at)
  bytes[at + 8] = change.place
  bytes[at + 9] = change.count - 1
  bytes[at + 10] = change.state
  bytes[at + 11] = change.reason
  bytes.writeUInt16LE(change.carrier, at + 12)
  bytes.writeUIntLE(change.atMs, at + 14, 6)
  bytes.writeUInt32LE(change.status, at + 20)
  bytes[at + 24] = change.isFinal ? 1 : 0
  bytes[at + 25] = errorLength
  return ENTRY_BYTES + errorLength
}

/** Messages that the entries of a record stand for. */
function countIn(bytes: Buffer): number {
  let count = 0
  for (let at = CRC_BYTES; at < bytes.length; at += ENTRY_BYTES + bytes[at + 25]!) count += bytes[at + 9]! + 1
  return count
}

/** The record is what was written. */
export function isEventRecordIntact(bytes: Buffer): boolean {
  return bytes.length >= CRC_BYTES && crc32c(bytes, CRC_BYTES, bytes.length) === bytes.readUInt32LE(0)
}

/** Appends the events of a record with numbers of `from` or above to `events`, `limit` at most. */
function readRecord(bytes: Buffer, first: number, from: number, into: { events: MessageEvent[]; limit: number }): void {
  let number = first
  for (let at = CRC_BYTES; at < bytes.length; at += ENTRY_BYTES + bytes[at + 25]!) {
    const count = bytes[at + 9]! + 1
    for (let n = Math.max(0, from - number); n < count && into.events.length < into.limit; n++) {
      into.events.push(eventAt(bytes, at, n, number + n))
    }
    number += count
    if (into.events.length >= into.limit) return
  }
}

function eventAt(bytes: Buffer, at: number, offset: number, number: number): MessageEvent {
  const errorAt = at + ENTRY_BYTES
  return {
    number,
    ref: messageRef(bytes.readDoubleLE(at), bytes[at + 8]! + offset),
    state: bytes[at + 10]!,
    reason: bytes[at + 11]!,
    carrier: bytes.readUInt16LE(at + 12),
    atMs: bytes.readUIntLE(at + 14, 6),
    status: bytes.readUInt32LE(at + 20),
    isFinal: bytes[at + 24] === 1,
    error: bytes.latin1Slice(errorAt, errorAt + bytes[at + 25]!),
  }
}

/** The table as its readers and its writer see it. */
export class EventLog {
  readonly #environment: Environment
  /** A record does not match its checksum: its events are lost, those of the others are not. */
  onDamage: (account: number, first: number) => void = () => {}

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /** Events that a record may hold at most: what a damaged one says of it is not believed. */
  #countIn(bytes: Buffer): number {
    return isEventRecordIntact(bytes) ? countIn(bytes) : EVENTS_PER_RECORD + limits.messagesPerBlock
  }

  /** Number that the account's next event gets, by what is on disk. */
  next(account: number): number {
    const { events } = this.#environment
    const range = { start: [account, Number.POSITIVE_INFINITY], end: [account], reverse: true, limit: 1 }
    for (const { key, value } of events.getRange(range)) return key[1]! + this.#countIn(value)
    return 1
  }

  /** Number of the oldest event that is kept; `next` when there is none. */
  oldest(account: number): number {
    const { events } = this.#environment
    const range = { start: [account], end: [account, Number.POSITIVE_INFINITY], limit: 1 }
    for (const [, first] of events.getKeys(range)) return first!
    return 1
  }

  /** Events from number `from` on, in order; those of damaged records are left out. */
  read(account: number, from: number, limit: number): MessageEvent[] {
    const into = { events: [] as MessageEvent[], limit }
    const range = { start: [account, this.#recordOf(account, from)], end: [account, Number.POSITIVE_INFINITY] }
    for (const { key, value } of this.#environment.events.getRange(range)) {
      if (isEventRecordIntact(value)) readRecord(value, key[1]!, from, into)
      else this.onDamage(account, key[1]!)
      if (into.events.length >= limit) break
    }
    return into.events
  }

  /** First number of the record that holds event `number`, or of the one behind it. */
  #recordOf(account: number, number: number): number {
    const range = { start: [account, number], end: [account], reverse: true, limit: 1 }
    for (const [, first] of this.#environment.events.getKeys(range)) return first!
    return number
  }

  /** Number of the first event that is kept and happened at `sinceMs` or later; `next` when there is none. */
  since(account: number, sinceMs: number): number {
    let low = this.oldest(account)
    let high = this.next(account)
    while (low < high) {
      const middle = this.#recordOf(account, Math.floor((low + high) / 2))
      const [first] = this.read(account, middle, 1)
      if (first === undefined || first.atMs >= sinceMs) high = Math.min(middle, high - 1)
      else low = this.#behind(account, middle)
    }
    // The record before begins earlier, but may end later.
    const before = this.#recordOf(account, low - 1)
    const events = before < low ? this.read(account, before, low - before) : []
    return events.find(({ atMs }) => atMs >= sinceMs)?.number ?? low
  }

  /** First number behind the record that begins with `first`. */
  #behind(account: number, first: number): number {
    const bytes = this.#environment.events.getBinary([account, first])
    return first + (bytes === undefined ? 1 : this.#countIn(bytes))
  }

  /** Keys of the oldest records that hold only events below `keep` from before `beforeMs`; never of the newest. */
  forgettable(
    account: number,
    { keep, beforeMs, limit }: { keep: number; beforeMs: number; limit: number },
  ): number[][] {
    const found: number[][] = []
    let earlier: number[] | null = null
    const range = { start: [account], end: [account, Number.POSITIVE_INFINITY], limit: limit + 1 }
    for (const { key, value } of this.#environment.events.getRange(range)) {
      // What begins a record ended the one before.
      if (key[1]! > keep || value.readUIntLE(CRC_BYTES + 14, 6) >= beforeMs) break
      if (earlier !== null) found.push(earlier)
      earlier = key
    }
    return found
  }

  /** One transaction, durable when it resolves. @throws EngineError STORE_FAILED. */
  async forget(keys: number[][]): Promise<void> {
    const { root, events } = this.#environment
    try {
      await root.batch(() => {
        for (const key of keys) events.remove(key)
      })
    } catch (error) {
      throw storeFailed(error)
    }
  }

  /** Reads see what other threads have committed since. */
  refresh(): void {
    this.#environment.root.resetReadTxn()
  }

  /** Accounts that have events. */
  accounts(): number[] {
    const found: number[] = []
    for (let from = 0; ; ) {
      const [first] = this.#environment.events.getKeys({ start: [from], limit: 1, snapshot: false })
      if (first === undefined) return found
      found.push(first[0]!)
      from = first[0]! + 1
    }
  }
}
