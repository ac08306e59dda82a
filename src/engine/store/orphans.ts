/**
 * Receipts that matched nothing when they came: early ones, those in a form of id that is not known yet, and those of other
 * systems. Durable before they are acknowledged, joined when their message appears, kept 72 hours.
 *
 * Record: u16 carrier · u8 code, 0x80 set · u48 time (epoch ms) · u8 id length · u32, u32 ends of the addresses · u32 done date
 * u8 flags (1: by its text alone) · id · error text · u32 CRC-32C of all that. Without 0x40 in the code (older stores) there is
 * no checksum, without 0x80 the id follows its length.
 */
import { crc32c } from '../base/crc32c.js'
import { limits } from '../contract/limits.js'
import type { OutcomeCode } from '../contract/outcome.js'
import type { Environment } from './environment.js'
import type { Fingerprint } from './receipt-index.js'

export interface Orphan {
  number: number
  carrier: number
  code: OutcomeCode
  atMs: number
  /** As received, Latin-1. */
  id: string
  error: string
  source: number
  destination: number
  doneSeconds: number
  byText: boolean
}

const FULL = 0x80
const CHECKED = 0x40
const CRC_BYTES = 4
const FULL_HEAD_BYTES = 23
const OLD_HEAD_BYTES = 10
/** Orphans under one id that memory holds; the older ones are on disk alone. */
const SAME_ID_MAX = 64
const FORGET_AT_ONCE = 4_096

/** An orphan in memory, with the keys under which it is found. */
interface Kept extends Orphan {
  keys: readonly number[]
}

export class Orphans {
  readonly #environment: Environment
  /** By fingerprint of what its id may be in a response; those with the earliest arrival first. */
  readonly #byKey = new Map<number, Kept[]>()
  readonly #byCarrier = new Map<number, number>()
  #next = 1
  #size = 0
  #forgottenUpTo = 0
  /** A stored one does not match its checksum: it is left out, and goes with its neighbours. */
  onDamage: (number: number) => void = () => {}

  constructor(environment: Environment) {
    this.#environment = environment
    for (const key of environment.orphans.getKeys({ reverse: true, limit: 1 })) this.#next = (key as number) + 1
  }

  /** Those in memory. */
  get size(): number {
    return this.#size
  }

  /** All of the carrier, also those that memory has no room for. */
  count(carrier: number): number {
    return this.#byCarrier.get(carrier) ?? 0
  }

  /** What earlier runs left, in order of arrival: each is either kept or joined. */
  *stored(): Iterable<Orphan> {
    for (const { key, value } of this.#environment.orphans.getRange({})) {
      const orphan = readOrphan(key as number, value)
      if (orphan === null) this.onDamage(key as number)
      else yield orphan
    }
  }

  /** Gives the key and bytes to put in the next commit. */
  add(keys: readonly number[], orphan: Omit<Orphan, 'number'>): { key: number; bytes: Buffer } {
    const number = this.#next++
    this.keep(keys, { ...orphan, number })
    return { key: number, bytes: encodeOrphan({ ...orphan, number }) }
  }

  /** Remembers one that is stored. */
  keep(keys: readonly number[], orphan: Orphan): void {
    this.#count(orphan.carrier, 1)
    const kept = { ...orphan, keys }
    if (keys.length > 0) this.#size++
    for (const key of keys) {
      const same = this.#byKey.get(key)
      if (same === undefined) this.#byKey.set(key, [kept])
      else if (same.push(kept) > SAME_ID_MAX) this.#remove(same[0]!)
    }
    if (this.#size > limits.orphansHot) this.#forgetOldest()
  }

  /** Memory is full: the oldest stay on disk alone, since what is joined came lately. Many at once, since each look passes by holes. */
  #forgetOldest(): void {
    const oldest = new Set<Kept>()
    for (const same of this.#byKey.values()) {
      for (const orphan of same) oldest.add(orphan)
      if (oldest.size >= FORGET_AT_ONCE) break
    }
    for (const orphan of oldest) this.#remove(orphan)
  }

  #remove(orphan: Kept): void {
    for (const key of orphan.keys) {
      const left = (this.#byKey.get(key) ?? []).filter((one) => one !== orphan)
      if (left.length === 0) this.#byKey.delete(key)
      else this.#byKey.set(key, left)
    }
    this.#size--
  }

  #count(carrier: number, change: number): void {
    this.#byCarrier.set(carrier, this.count(carrier) + change)
  }

  /** Takes out those that waited for this id and that `fits` accepts, in order of arrival. */
  take(print: Fingerprint, fits: (orphan: Orphan) => boolean): Orphan[] {
    const same = this.#byKey.get(orphanKey(print))
    if (same === undefined) return NONE
    const taken = same.filter(fits)
    for (const orphan of taken) this.#takeOut(orphan)
    return taken
  }

  #takeOut(orphan: Kept): void {
    this.#remove(orphan)
    this.#count(orphan.carrier, -1)
  }

  /** Takes out all of the carrier that are in memory, in order of arrival: to be matched anew. */
  takeAll(carrier: number): Orphan[] {
    const taken = this.#of(carrier)
    for (const orphan of taken) this.#takeOut(orphan)
    return taken.sort((a, b) => a.number - b.number)
  }

  /** Those of the carrier in memory, newest first, at most `most`. */
  newest(carrier: number, most: number): Orphan[] {
    // Kept in the order of arrival, but for those that share an id: only the end is put into order.
    const last = this.#of(carrier).slice(-4 * most)
    return last.sort((a, b) => b.number - a.number).slice(0, most)
  }

  /** One of those that `newest` gave was joined. */
  takeOne(orphan: Orphan): void {
    this.#takeOut(orphan as Kept)
  }

  #of(carrier: number): Kept[] {
    const found: Kept[] = []
    for (const [key, same] of this.#byKey) {
      for (const orphan of same) if (orphan.carrier === carrier && orphan.keys[0] === key) found.push(orphan)
    }
    return found
  }

  /** Numbers of orphans older than `beforeMs`, at most `limit`: they are forgotten. */
  outdated(beforeMs: number, limit: number): number[] {
    const numbers = new Set<number>()
    const range = { start: this.#forgottenUpTo + 1, limit }
    for (const { key, value } of this.#environment.orphans.getRange(range)) {
      const orphan = readOrphan(key as number, value)
      if (orphan !== null && orphan.atMs >= beforeMs) break
      numbers.add(key as number)
      this.#forgottenUpTo = key as number
      if (orphan !== null) this.#count(orphan.carrier, -1)
    }
    if (numbers.size > 0) this.#forget(numbers)
    return [...numbers]
  }

  #forget(numbers: ReadonlySet<number>): void {
    const outdated = [...this.#byKey].flatMap(([key, same]) =>
      same.filter((orphan) => orphan.keys[0] === key && numbers.has(orphan.number)),
    )
    for (const orphan of outdated) this.#remove(orphan)
  }
}

const NONE: Orphan[] = []

/** Under which key an orphan is kept. */
export function orphanKey(print: Fingerprint): number {
  return print.high * 0x200000 + (print.low & 0x1fffff)
}

function encodeOrphan(orphan: Orphan): Buffer {
  const idLength = orphan.id.length
  const end = FULL_HEAD_BYTES + idLength + orphan.error.length
  const bytes = Buffer.allocUnsafeSlow(end + CRC_BYTES)
  bytes.writeUInt16LE(orphan.carrier, 0)
  bytes[2] = orphan.code | FULL | CHECKED
  bytes.writeUIntLE(orphan.atMs, 3, 6)
  bytes[9] = idLength
  bytes.writeUInt32LE(orphan.source, 10)
  bytes.writeUInt32LE(orphan.destination, 14)
  bytes.writeUInt32LE(orphan.doneSeconds, 18)
  bytes[22] = orphan.byText ? 1 : 0
  bytes.latin1Write(orphan.id, FULL_HEAD_BYTES)
  bytes.latin1Write(orphan.error, FULL_HEAD_BYTES + idLength)
  bytes.writeUInt32LE(crc32c(bytes, 0, end), end)
  return bytes
}

/** null: damaged. */
export function readOrphan(number: number, bytes: Buffer): Orphan | null {
  if (bytes.length < OLD_HEAD_BYTES) return null
  if ((bytes[2]! & CHECKED) === 0) return decodeOrphan(number, bytes)
  const end = bytes.length - CRC_BYTES
  if (end < FULL_HEAD_BYTES || crc32c(bytes, 0, end) !== bytes.readUInt32LE(end)) return null
  return decodeOrphan(number, bytes.subarray(0, end))
}

function decodeOrphan(number: number, bytes: Buffer): Orphan {
  const isFull = (bytes[2]! & FULL) !== 0
  const idStart = isFull ? FULL_HEAD_BYTES : OLD_HEAD_BYTES
  const idEnd = idStart + bytes[9]!
  return {
    number,
    carrier: bytes.readUInt16LE(0),
    code: (bytes[2]! & ~(FULL | CHECKED)) as OutcomeCode,
    atMs: bytes.readUIntLE(3, 6),
    id: bytes.latin1Slice(idStart, idEnd),
    error: bytes.latin1Slice(idEnd),
    source: isFull ? bytes.readUInt32LE(10) : 0,
    destination: isFull ? bytes.readUInt32LE(14) : 0,
    doneSeconds: isFull ? bytes.readUInt32LE(18) : 0,
    byText: isFull && bytes[22] === 1,
  }
}
