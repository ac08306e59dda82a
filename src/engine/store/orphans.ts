/**
 * Receipts that matched nothing when they came: early ones, and those of other systems. Durable before they are
 * acknowledged, joined when their message appears, kept 72 hours.
 *
 * Record: u16 carrier · u8 code · u48 time (epoch ms) · u8 id length · id · error text.
 */
import { limits } from '../contract/limits.js'
import type { OutcomeCode } from '../contract/outcome.js'
import type { Environment } from './environment.js'
import type { Fingerprint } from './receipt-index.js'

export interface Orphan {
  number: number
  carrier: number
  code: OutcomeCode
  atMs: number
  id: string
  error: string
}

export class Orphans {
  readonly #environment: Environment
  readonly #byPrint = new Map<number, Orphan[]>()
  readonly #byCarrier = new Map<number, number>()
  #next = 1
  #size = 0

  constructor(environment: Environment) {
    this.#environment = environment
  }

  get size(): number {
    return this.#size
  }

  /** Receipts of the carrier that match nothing, of those in memory. */
  count(carrier: number): number {
    return this.#byCarrier.get(carrier) ?? 0
  }

  /** Reads what earlier runs left, newest first, as many as fit memory. */
  load(printOf: (orphan: Orphan) => Fingerprint): void {
    for (const { key, value } of this.#environment.orphans.getRange({ reverse: true })) {
      const orphan = decodeOrphan(key as number, value)
      if (this.#next <= orphan.number) this.#next = orphan.number + 1
      if (this.#size < limits.orphansHot) this.#remember(printOf(orphan), orphan)
    }
  }

  /** Gives the key and bytes to put in the next commit. */
  add(print: Fingerprint, orphan: Omit<Orphan, 'number'>): { key: number; bytes: Buffer } {
    const kept = { ...orphan, number: this.#next++ }
    if (this.#size < limits.orphansHot) this.#remember(print, kept)
    return { key: kept.number, bytes: encodeOrphan(kept) }
  }

  #remember(print: Fingerprint, orphan: Orphan): void {
    const key = mapKey(print)
    const same = this.#byPrint.get(key)
    if (same) same.push(orphan)
    else this.#byPrint.set(key, [orphan])
    this.#size++
    this.#byCarrier.set(orphan.carrier, this.count(orphan.carrier) + 1)
  }

  /** Takes out the receipts that waited for this id, in order of arrival. */
  take(print: Fingerprint): Orphan[] | null {
    const key = mapKey(print)
    const same = this.#byPrint.get(key)
    if (same === undefined) return null
    this.#byPrint.delete(key)
    this.#size -= same.length
    for (const { carrier } of same) this.#byCarrier.set(carrier, this.count(carrier) - 1)
    return same.sort((a, b) => a.number - b.number)
  }

  /** Numbers of orphans older than `beforeMs`, at most `limit`: they are forgotten. */
  outdated(beforeMs: number, limit: number): number[] {
    const numbers: number[] = []
    for (const { key, value } of this.#environment.orphans.getRange({ limit })) {
      if (decodeOrphan(key as number, value).atMs >= beforeMs) break
      numbers.push(key as number)
    }
    if (numbers.length > 0) this.#forgetBefore(beforeMs)
    return numbers
  }

  #forgetBefore(beforeMs: number): void {
    for (const [key, same] of this.#byPrint) {
      const kept = same.filter(({ atMs }) => atMs >= beforeMs)
      for (let gone = same.length - kept.length; gone > 0; gone--) {
        this.#size--
        this.#byCarrier.set(same[0]!.carrier, this.count(same[0]!.carrier) - 1)
      }
      if (kept.length === 0) this.#byPrint.delete(key)
      else this.#byPrint.set(key, kept)
    }
  }
}

function mapKey(print: Fingerprint): number {
  return print.high * 0x200000 + (print.low & 0x1fffff)
}

function encodeOrphan(orphan: Orphan): Buffer {
  const id = Buffer.from(orphan.id, 'latin1')
  const head = Buffer.allocUnsafe(10)
  head.writeUInt16LE(orphan.carrier, 0)
  head[2] = orphan.code
  head.writeUIntLE(orphan.atMs, 3, 6)
  head[9] = id.length
  const bytes = Buffer.concat([head, id, Buffer.from(orphan.error, 'latin1')])
  const own = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(own)
  return own
}

function decodeOrphan(number: number, bytes: Buffer): Orphan {
  const idEnd = 10 + bytes[9]!
  return {
    number,
    carrier: bytes.readUInt16LE(0),
    code: bytes[2]! as OutcomeCode,
    atMs: bytes.readUIntLE(3, 6),
    id: bytes.latin1Slice(10, idEnd),
    error: bytes.latin1Slice(idEnd),
  }
}
