/**
 * The index from number (or hash of an address) to contact, in two levels. New numbers come in any order, and each would
 * dirty a page of the tree of its own: so a batch is first kept as one sorted run beside the tree, and the runs are merged
 * into it when there are enough of them to share its pages. Measured with 1,000,000 random numbers in batches of 10,000: 18,000
 * contacts a second into one tree, 44,000 with records apart; with this see docs/decisions/0024-where-contacts-lie.md.
 *
 * A pair is in the tree or in one run, never in both. Every merge is a row of short transactions, each whole in itself.
 */

import type { Database, Key } from 'lmdb'
import type { ContactKey } from '../contract/contact-tasks.js'
import { limits } from '../contract/limits.js'
import { emailHash, isEmailKey } from './contact-key.js'
import type { ContactTables } from './contact-tables.js'

/** Pairs of one entry of the table: 16 KiB. */
const CHUNK_PAIRS = 1_024
/** Fewer new numbers go to the tree at once. */
const RUN_PAIRS_MIN = 1_000
/** Numbers that one transaction of a merge moves: bounds the pages that it dirties, and how long others wait. */
const MERGE_SLICE = 16_384
const PAIR_BYTES = 16
/** Contacts of one address that a look-up tells apart: the oldest ones. */
const SHARERS_MAX = 16
const NOTHING = Buffer.alloc(0)

/** New numbers of a batch, sorted. */
export interface NumberPair {
  number: number
  id: number
}

/** One of the two indices. `isShared`: several contacts may stand under one number, so the id is part of the key. */
export interface PairIndex {
  tree: Database<Buffer, Key>
  runs: Database<Buffer, Key>
  isShared: boolean
}

export function numberIndex({ numbers, fresh }: ContactTables): PairIndex {
  return { tree: numbers, runs: fresh, isShared: false }
}
export function emailIndex({ emails, freshEmails }: ContactTables): PairIndex {
  return { tree: emails, runs: freshEmails, isShared: true }
}

function byPair(a: NumberPair, b: NumberPair): number {
  return a.number - b.number || a.id - b.id
}

/** Every run of one account, held while a batch is written. */
export class FreshNumbers {
  readonly #runs: Float64Array[] = []
  count = 0

  constructor({ runs }: PairIndex, account: number) {
    let run = -1
    let chunks: Buffer[] = []
    for (const { key, value } of runs.getRange({ start: [account], end: [account, Number.POSITIVE_INFINITY] })) {
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
      const at = search(run, number)
      if (run[at * 2] === number) return run[at * 2 + 1]!
    }
    return -1
  }

  /** Adds the ids that stand under it, at most `SHARERS_MAX` of each run. */
  findAll(number: number, ids: number[]): void {
    for (const run of this.#runs) collect(run, number, ids)
  }

  /** Every pair, by number. */
  sorted(): NumberPair[] {
    const pairs: NumberPair[] = []
    for (const run of this.#runs) {
      for (let at = 0; at < run.length; at += 2) pairs.push({ number: run[at]!, id: run[at + 1]! })
    }
    return pairs.sort(byPair)
  }
}

function pairsOf(bytes: Buffer): Float64Array {
  const copy = new Uint8Array(bytes)
  return new Float64Array(copy.buffer, 0, copy.length / 8)
}

/** Place of the first pair that is not below. */
function search(pairs: Float64Array, number: number): number {
  let low = 0
  let high = pairs.length / 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if (pairs[middle * 2]! < number) low = middle + 1
    else high = middle
  }
  return low
}

function collect(pairs: Float64Array, number: number, ids: number[]): void {
  const from = search(pairs, number)
  for (let at = from; at < from + SHARERS_MAX && pairs[at * 2] === number; at++) ids.push(pairs[at * 2 + 1]!)
}

/** Id of the contact of a number; null: there is none. Reads one piece of each run, no more. */
export function findId(tables: ContactTables, account: number, key: ContactKey): number | null {
  const stored = tables.numbers.getBinary([account, key])
  if (stored !== undefined) return stored.readDoubleLE(0)
  if (typeof key !== 'number') return null
  for (const { value } of chunksWith(tables.fresh, account, { number: key, id: Number.POSITIVE_INFINITY })) {
    const pairs = pairsOf(value)
    const at = search(pairs, key)
    if (pairs[at * 2] === key) return pairs[at * 2 + 1]!
  }
  return null
}

/** Ids of contacts whose address may be this one, from the oldest; `fresh`: the runs, where the caller holds them. */
export function idsOfEmail(
  tables: ContactTables,
  { account, key, fresh }: { account: number; key: string; fresh: FreshNumbers | null },
): number[] {
  const hash = emailHash(key)
  const ids: number[] = []
  const range = { start: [account, hash, 0], end: [account, hash, Number.POSITIVE_INFINITY], limit: SHARERS_MAX }
  for (const found of tables.emails.getKeys(range)) ids.push((found as number[])[2]!)
  if (fresh !== null) fresh.findAll(hash, ids)
  else {
    for (const { value } of chunksWith(tables.freshEmails, account, { number: hash, id: 0 })) {
      collect(pairsOf(value), hash, ids)
    }
  }
  return ids.sort((a, b) => a - b).slice(0, SHARERS_MAX)
}

interface Chunk {
  key: number[]
  value: Buffer
}

/**
 * Of each run the piece in which the pair would stand, and the one behind it: pairs of one number may begin at the end of one
 * piece and go on in the next.
 */
function* chunksWith(runs: Database<Buffer, Key>, account: number, { number, id }: NumberPair): Generator<Chunk> {
  for (let run = 0; ; run++) {
    const [next] = runs.getKeys({ start: [account, run], end: [account, Number.POSITIVE_INFINITY], limit: 1 })
    if (next === undefined) return
    run = (next as number[])[1]!
    const before = { start: [account, run, number, id], end: [account, run], reverse: true, limit: 1 }
    for (const { key, value } of runs.getRange(before)) yield { key: key as number[], value }
    const behind = {
      start: [account, run, number, id],
      end: [account, run, number, Number.POSITIVE_INFINITY],
      limit: 1,
    }
    for (const { key, value } of runs.getRange({ ...behind, exclusiveStart: true } as object)) {
      yield { key: key as number[], value }
    }
  }
}

/** A number that is no safe integer has an entry of its own in the tree. */
export function putId(tables: ContactTables, account: number, key: ContactKey, id: number): void {
  tables.numbers.put([account, key], doubleOf(id))
}

function doubleOf(id: number): Buffer {
  const value = Buffer.allocUnsafeSlow(8)
  value.writeDoubleLE(id)
  return value
}

function putPair({ tree, isShared }: PairIndex, account: number, { number, id }: NumberPair): void {
  if (isShared) tree.put([account, number, id], NOTHING)
  else tree.put([account, number], doubleOf(id))
}

/** Within a transaction. Answers whether it was in a run. */
export function removePair(index: PairIndex, account: number, pair: NumberPair): boolean {
  for (const { key, value } of chunksWith(index.runs, account, pair)) {
    const pairs = pairsOf(value)
    const kept: number[] = []
    for (let at = 0; at < pairs.length; at += 2) {
      if (pairs[at] !== pair.number || pairs[at + 1] !== pair.id) kept.push(pairs[at]!, pairs[at + 1]!)
    }
    if (kept.length === pairs.length) continue
    index.runs.remove(key)
    // The first pair of a piece is part of its key.
    if (kept.length > 0) index.runs.put(chunkKey(index, [key[0]!, key[1]!], kept), bytesOf(Float64Array.from(kept)))
    return true
  }
  index.tree.remove(index.isShared ? [account, pair.number, pair.id] : [account, pair.number])
  return false
}

function chunkKey({ isShared }: PairIndex, place: [account: number, run: number], pairs: ArrayLike<number>): number[] {
  return isShared ? [...place, pairs[0]!, pairs[1]!] : [...place, pairs[0]!]
}

/** Within a transaction. */
export function removeKey(tables: ContactTables, account: number, key: ContactKey, id: number): boolean {
  if (isEmailKey(key)) return removePair(emailIndex(tables), account, { number: emailHash(key), id })
  if (typeof key === 'number') return removePair(numberIndex(tables), account, { number: key, id })
  tables.numbers.remove([account, key])
  return false
}

function bytesOf(pairs: Float64Array): Buffer {
  const bytes = Buffer.allocUnsafeSlow(pairs.byteLength)
  for (let at = 0; at < pairs.length; at++) bytes.writeDoubleLE(pairs[at]!, at * 8)
  return bytes
}

/** Within a transaction: new pairs, as a run or at once into the tree. Answers how many went into a run. */
export function addPairs(index: PairIndex, place: { account: number; run: number }, pairs: NumberPair[]): number {
  const { account, run } = place
  if (pairs.length < RUN_PAIRS_MIN) {
    for (const pair of pairs) putPair(index, account, pair)
    return 0
  }
  putRun(index, [account, run], pairs.sort(byPair))
  return pairs.length
}

function putRun(index: PairIndex, place: [account: number, run: number], pairs: readonly NumberPair[]): void {
  for (let from = 0; from < pairs.length; from += CHUNK_PAIRS) {
    const count = Math.min(CHUNK_PAIRS, pairs.length - from)
    const bytes = Buffer.allocUnsafeSlow(count * PAIR_BYTES)
    for (let at = 0; at < count; at++) {
      bytes.writeDoubleLE(pairs[from + at]!.number, at * PAIR_BYTES)
      bytes.writeDoubleLE(pairs[from + at]!.id, at * PAIR_BYTES + 8)
    }
    const { number, id } = pairs[from]!
    index.runs.put(chunkKey(index, place, [number, id]), bytes)
  }
}

export function isMergeDue(fresh: number): boolean {
  return fresh >= limits.freshNumbers
}

/**
 * One step of a merge, within a transaction: the lowest numbers of all runs go into the tree, what is left becomes one run.
 * Answers how many are left.
 */
export function mergeStep(index: PairIndex, account: number, run: number): number {
  const pairs = new FreshNumbers(index, account).sorted()
  const keys = [...index.runs.getKeys({ start: [account], end: [account, Number.POSITIVE_INFINITY] })]
  for (const key of keys) index.runs.remove(key)
  const count = Math.min(MERGE_SLICE, pairs.length)
  for (let at = 0; at < count; at++) putPair(index, account, pairs[at]!)
  const rest = pairs.slice(count)
  if (rest.length > 0) putRun(index, [account, run], rest)
  return rest.length
}
