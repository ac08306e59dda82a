/**
 * Which part waits under an id: the hot table, tables whose segment is not on disk yet, and the segments, as one. Ids come
 * here in their canonical form (id-forms.ts).
 */
import type { MessageRef } from '../contract/message.js'
import { type Addresses, type Awaited, type Fingerprint, type Found, ReceiptIndex } from '../store/receipt-index.js'
import { ReceiptSegments, withoutNumbers } from '../store/receipt-segments.js'
import { canonical, convert, type IdFormat, type IdView, type Step } from './id-forms.js'
import type { Ledger } from './ledger.js'

export class ReceiptLookup {
  readonly #ledger: Ledger
  #index = new ReceiptIndex()
  /** Full tables whose segment is not on disk yet. */
  readonly #retiring = new Set<ReceiptIndex>()
  readonly #segments: ReceiptSegments
  readonly #id: IdView = { bytes: Buffer.alloc(0), start: 0, length: 0 }
  /** Answer of the last find. */
  readonly found: Found = { ref: 0 as MessageRef, part: 0, fits: 0, waits: false }

  constructor(ledger: Ledger) {
    this.#ledger = ledger
    this.#segments = new ReceiptSegments(ledger.store.environment)
  }

  /** At start: the index is rebuilt from the histories. */
  clear(): void {
    this.#segments.clear()
  }

  /** Fingerprint of the id of a response; overwritten by the next call. */
  printOf(carrier: number, id: IdView, format: IdFormat): Fingerprint {
    const own = this.#view(id)
    canonical(own, format)
    return this.#index.fingerprint(carrier, own.bytes, own.start, own.length)
  }

  /** Fingerprint under which the id of a receipt is looked for by this step; null: the step does not apply. */
  convertedPrint(carrier: number, id: IdView, step: Step, format: IdFormat): Fingerprint | null {
    const own = this.#view(id)
    if (!convert(own, step, format)) return null
    return this.#index.fingerprint(carrier, own.bytes, own.start, own.length)
  }

  /** What the last of these two made of the id, in words. */
  get convertedText(): string {
    const { bytes, start, length } = this.#id
    return bytes.latin1Slice(start, start + length)
  }

  #view({ bytes, start, length }: IdView): IdView {
    this.#id.bytes = bytes
    this.#id.start = start
    this.#id.length = length
    return this.#id
  }

  insert(print: Fingerprint, entry: Awaited): void {
    if (this.#index.full && !this.#index.forgetSettled()) this.#turnOver()
    this.#index.insert(print, entry)
  }

  /** Neither memory nor, with the next commit, the disk tells whose these messages were. Receipts find them as before. */
  forgetNumbers(refs: ReadonlySet<number>): void {
    for (const index of [this.#index, ...this.#retiring]) index.forgetNumbers(refs)
    const { commit } = this.#ledger
    const waiting = commit.segments.map(({ key, bytes }) => ({ key, bytes: withoutNumbers(bytes, refs) ?? bytes }))
    commit.segments = [...this.#segments.forgetNumbers(refs), ...waiting]
  }

  /** The full table stays findable until its segment is durable, since reads see committed segments only. */
  #turnOver(): void {
    const full = this.#index
    this.#index = new ReceiptIndex(full.capacity)
    this.#retiring.add(full)
    this.#ledger.commit.segments.push(...this.#segments.chunks(full))
    this.#ledger.whenDurable(() => this.#retiring.delete(full))
  }

  /** The part under which this message has this id already; -1: it has not. Parts are answered close together: no segments. */
  partOf(print: Fingerprint, ref: MessageRef): number {
    const part = this.#index.partOf(print, ref)
    if (part >= 0) return part
    for (const index of this.#retiring) {
      const older = index.partOf(print, ref)
      if (older >= 0) return older
    }
    return -1
  }

  settle(print: Fingerprint, ref: MessageRef): void {
    this.#index.settle(print, ref)
  }

  /** True: `found` is the message under this id; one whose recipient is another number only when there is no better. */
  find(print: Fingerprint, addresses: Addresses): boolean {
    const isRecent = this.findRecent(print, addresses)
    if (isRecent && this.found.fits >= 0) return true
    return this.#segments.find(print, addresses, this.found) || (isRecent && this.findRecent(print, addresses))
  }

  /** Without the segments on disk: cheap. */
  findRecent(print: Fingerprint, addresses: Addresses): boolean {
    if (this.#index.find(print, addresses, this.found)) return true
    for (const index of this.#retiring) if (index.find(print, addresses, this.found)) return true
    return false
  }
}
