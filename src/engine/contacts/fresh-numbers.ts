/**
 * The index from number to contact, in two levels. New numbers come in any order, and each would dirty a page of the tree
 * of its own: so a batch is first kept as one sorted run beside the tree, and the runs are merged into it when there are
 * enough of them to share its pages. Measured with 1,000,000 random numbers in batches of 10,000: 18,000 contacts a second
 * into one tree, 44,000 with records apart; with this see docs/decisions/0024-where-contacts-lie.md.
 *
 * A number is in the tree or in one run, never in both. Every merge is a row of short transactions, each whole in itself.
 */

import type { ContactKey } from '../contract/contact-tasks.js'
import { limits } from '../contract/limits.js'
import type { ContactTables } from './contact-tables.js'

/** Pairs of one entry of the table: 16 KiB. */
const CHUNK_PAIRS = 1_024
/** Fewer new numbers go to the tree at once. */
const RUN_PAIRS_MIN = 1_000
/** Numbers that one transaction of a merge moves: bounds the pages that it dirties, and how long others wait. */
const MERGE_SLICE = 16_384
const PAIR_BYTES = 16

/** New numbers of a batch, sorted. */
export interface NumberPair {
  number: number
  id: number
}

/** Every run of one account, held while a batch is written. */
export class FreshNumbers {
  readonly #runs: Float64Array[] = []
  count = 0

  constructor(tables: ContactTables, account: number) {
    let run = -1
    let chunks: Buffer[] = []
    for (const { key, value } of tables.fresh.getRange({
      start: [account],
      end: [account, Number.POSITIVE_INFINITY],
    })) {
      const of = (key as number[])[1]!
      if (of !== run) this.#hold(chunks)
      if (of !== run) chunks = []
      run = of
      chunks.push(Buffer.from(value))
    }
    this.#hold(chunks)
  }

  #hold(chunks: Buffer[]): void {
    if (chunks.length === 0) return
    const pairs = pairsOf(Buffer.concat(chunks))
    this.#runs.push(pairs)
    this.count += pairs.length / 2
  }

  /** -1: not among them. */
  find(number: number): number {
    for (const run of this.#runs) {
      const id = search(run, number)
      if (id >= 0) return id
    }
    return -1
  }

  /** Every pair, by number. */
  sorted(): NumberPair[] {
    const pairs: NumberPair[] = []
    for (const run of this.#runs) {
      for (let at = 0; at < run.length; at += 2) pairs.push({ number: run[at]!, id: run[at + 1]! })
    }
    return pairs.sort((a, b) => a.number - b.number)
  }
}

function pairsOf(bytes: Buffer): Float64Array {
  const copy = new Uint8Array(bytes)
  return new Float64Array(copy.buffer, 0, copy.length / 8)
}

function search(pairs: Float64Array, number: number): number {
  let low = 0
  let high = pairs.length / 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if (pairs[middle * 2]! < number) low = middle + 1
    else high = middle
  }
  return low * 2 < pairs.length && pairs[low * 2] === number ? pairs[low * 2 + 1]! : -1
}

/** Id of a contact; null: there is none. Reads one piece of each run, no more. */
export function findId(tables: ContactTables, account: number, key: ContactKey): number | null {
  const stored = tables.numbers.getBinary([account, key])
  if (stored !== undefined) return stored.readDoubleLE(0)
  if (typeof key !== 'number') return null
  const chunk = chunkWith(tables, account, key)
  return chunk === null ? null : search(pairsOf(chunk.value), key)
}

interface Chunk {
  key: number[]
  value: Buffer
}

/** The piece of a run that holds the number. */
function chunkWith(tables: ContactTables, account: number, number: number): Chunk | null {
  let run = 0
  for (;;) {
    const [next] = tables.fresh.getKeys({ start: [account, run], end: [account, Number.POSITIVE_INFINITY], limit: 1 })
    if (next === undefined) return null
    run = (next as number[])[1]!
    const range = { start: [account, run, number], end: [account, run], reverse: true, limit: 1 }
    for (const { key, value } of tables.fresh.getRange(range)) {
      if (search(pairsOf(value), number) >= 0) return { key: key as number[], value }
    }
    run++
  }
}

export function putId(tables: ContactTables, account: number, key: ContactKey, id: number): void {
  const value = Buffer.allocUnsafeSlow(8)
  value.writeDoubleLE(id)
  tables.numbers.put([account, key], value)
}

/** Within a transaction. Answers whether it was in a run. */
export function removeId(tables: ContactTables, account: number, key: ContactKey): boolean {
  const chunk = typeof key === 'number' ? chunkWith(tables, account, key) : null
  if (chunk === null) {
    tables.numbers.remove([account, key])
    return false
  }
  const pairs = pairsOf(chunk.value)
  const kept: number[] = []
  for (let at = 0; at < pairs.length; at += 2) if (pairs[at] !== key) kept.push(pairs[at]!, pairs[at + 1]!)
  tables.fresh.remove(chunk.key)
  // The first number of a piece is part of its key.
  if (kept.length > 0) tables.fresh.put([...chunk.key.slice(0, 2), kept[0]!], bytesOf(Float64Array.from(kept)))
  return true
}

function bytesOf(pairs: Float64Array): Buffer {
  const bytes = Buffer.allocUnsafeSlow(pairs.byteLength)
  for (let at = 0; at < pairs.length; at++) bytes.writeDoubleLE(pairs[at]!, at * 8)
  return bytes
}

/** Within a transaction: new numbers, sorted, as a run or at once into the tree. Answers how many went into a run. */
export function addNumbers(tables: ContactTables, account: number, run: number, pairs: readonly NumberPair[]): number {
  if (pairs.length < RUN_PAIRS_MIN) {
    for (const { number, id } of pairs) putId(tables, account, number, id)
    return 0
  }
  putRun(tables, account, run, pairs)
  return pairs.length
}

function putRun(tables: ContactTables, account: number, run: number, pairs: readonly NumberPair[]): void {
  for (let from = 0; from < pairs.length; from += CHUNK_PAIRS) {
    const count = Math.min(CHUNK_PAIRS, pairs.length - from)
    const bytes = Buffer.allocUnsafeSlow(count * PAIR_BYTES)
    for (let at = 0; at < count; at++) {
      bytes.writeDoubleLE(pairs[from + at]!.number, at * PAIR_BYTES)
      bytes.writeDoubleLE(pairs[from + at]!.id, at * PAIR_BYTES + 8)
    }
    tables.fresh.put([account, run, pairs[from]!.number], bytes)
  }
}

export function isMergeDue(fresh: number): boolean {
  return fresh >= limits.freshNumbers
}

/**
 * One step of a merge, within a transaction: the lowest numbers of all runs go into the tree, what is left becomes one run.
 * Answers how many are left.
 */
export function mergeStep(tables: ContactTables, account: number, run: number): number {
  const pairs = new FreshNumbers(tables, account).sorted()
  const keys = [...tables.fresh.getKeys({ start: [account], end: [account, Number.POSITIVE_INFINITY] })]
  for (const key of keys) tables.fresh.remove(key)
  const count = Math.min(MERGE_SLICE, pairs.length)
  for (let at = 0; at < count; at++) putId(tables, account, pairs[at]!.number, pairs[at]!.id)
  const rest = pairs.slice(count)
  if (rest.length > 0) putRun(tables, account, run, rest)
  return rest.length
}
