/**
 * Writes changes of contacts, many in one transaction: records, index, tags with their exact counts, and what the caller
 * adds of its own. Synchronous, in the ingest threads; nothing else writes these tables but erasure, which comes the same way.
 */

import type { ChangeEffect, ContactChange, ContactKey } from '../contract/contact-tasks.js'
import { EngineError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import { storeFailed } from '../store/lmdb-store.js'
import { type AccountFacts, AttributeNames, accountFacts } from './account-facts.js'
import { changed } from './contact-change.js'
import { type ContactRecord, decodeContact, encodeContact, foldTag, packed, unpacked } from './contact-record.js'
import type { ContactTables } from './contact-tables.js'
import {
  addNumbers,
  FreshNumbers,
  findId,
  isMergeDue,
  mergeStep,
  type NumberPair,
  putId,
  removeId,
} from './fresh-numbers.js'

const NOTHING = Buffer.alloc(0)

export interface Applied {
  /** In the order of the changes. */
  effects: ChangeEffect[]
  /** The records as they are now; null: removed or never there. Only when asked for. */
  records: (ContactRecord | null)[]
}

/** A contact that this batch has touched. */
interface Touched {
  id: number
  isNew: boolean
  before: ContactRecord | null
  now: ContactRecord | null
  /** As it will be stored; null: not encoded yet. */
  bytes: Buffer | null
}

export interface WriteOptions {
  account: number
  nowMs: number
  /** Written in the same transaction. */
  beside?(effects: readonly ChangeEffect[]): void
}

/** Durable on return. @throws EngineError STORE_FAILED; VALIDATION when the account would have too many names. */
export function applyChanges(tables: ContactTables, changes: readonly ContactChange[], options: WriteOptions): Applied {
  let applied: Applied = { effects: [], records: [] }
  let isDue = false
  transaction(tables, () => {
    const batch = new Batch(tables, options)
    applied = batch.apply(changes)
    options.beside?.(applied.effects)
    isDue = isMergeDue(batch.facts.fresh)
  })
  if (isDue) mergeNumbers(tables, options.account)
  return applied
}

/** All of it or nothing. */
export function transaction(tables: ContactTables, work: () => void): void {
  try {
    // Braces: transactionSync must not see what put returns, or it does not commit.
    tables.root.transactionSync(() => {
      work()
    })
  } catch (error) {
    throw error instanceof EngineError ? error : storeFailed(error)
  }
}

function mergeNumbers(tables: ContactTables, account: number): void {
  for (let left = 1; left > 0; ) {
    transaction(tables, () => {
      const facts = accountFacts(tables, account)
      left = mergeStep(tables, account, facts.nextRun)
      facts.nextRun++
      facts.fresh = left
      tables.accounts.put(account, packed(facts))
    })
  }
}

class Batch {
  readonly facts: AccountFacts
  readonly #tables: ContactTables
  readonly #account: number
  readonly #nowMs: number
  readonly #touched = new Map<ContactKey, Touched>()
  readonly #tagDeltas = new Map<string, { name: string; delta: number }>()
  readonly #names: AttributeNames
  #fresh: FreshNumbers | null = null

  constructor(tables: ContactTables, { account, nowMs }: WriteOptions) {
    this.#tables = tables
    this.#account = account
    this.#nowMs = nowMs
    this.facts = accountFacts(tables, account)
    this.#names = new AttributeNames(tables, account, this.facts)
  }

  apply(changes: readonly ContactChange[]): Applied {
    if (changes.length > 1) this.#fresh = new FreshNumbers(this.#tables, this.#account)
    const applied: Applied = { effects: [], records: [] }
    for (const change of changes) {
      const touched = this.#touch(change.key)
      applied.effects.push(this.#change(touched, change))
      applied.records.push(touched.now)
    }
    // Everything that can refuse comes before the first write.
    this.#countTags()
    this.#write()
    return applied
  }

  #touch(key: ContactKey): Touched {
    const known = this.#touched.get(key)
    if (known !== undefined) return known
    const id = this.#find(key)
    const bytes = id === null ? undefined : this.#tables.records.getBinary([this.#account, id])
    const before = bytes === undefined ? null : decodeContact(bytes)
    const touched = { id: id ?? -1, isNew: id === null, before, now: before, bytes: null }
    this.#touched.set(key, touched)
    return touched
  }

  #find(key: ContactKey): number | null {
    if (this.#fresh === null || typeof key !== 'number') return findId(this.#tables, this.#account, key)
    const stored = this.#tables.numbers.getBinary([this.#account, key])
    if (stored !== undefined) return stored.readDoubleLE(0)
    const id = this.#fresh.find(key)
    return id < 0 ? null : id
  }

  #change(touched: Touched, change: ContactChange): ChangeEffect {
    if (change.mode === 'remove') return this.#remove(touched)
    const next = changed(touched.now, change, this.#nowMs)
    if (typeof next === 'string') return next
    if (next === touched.now) return 'unchanged'
    const bytes = encodeContact(next)
    if (bytes.length > limits.contactBytes) return 'tooLarge'
    const effect = touched.now === null ? 'added' : 'changed'
    this.#names.see(next.attributes)
    if (touched.id < 0) touched.id = this.facts.nextId++
    touched.now = next
    touched.bytes = bytes
    return effect
  }

  #remove(touched: Touched): ChangeEffect {
    if (touched.now === null) return 'missing'
    touched.now = null
    touched.bytes = null
    return 'removed'
  }

  /** Counts by folded tag, and that the account has not too many. */
  #countTags(): void {
    for (const { before, now } of this.#touched.values()) {
      if (before === now || before?.tags === now?.tags) continue
      for (const tag of before?.tags ?? []) this.#count(tag, -1)
      for (const tag of now?.tags ?? []) this.#count(tag, 1)
    }
  }

  #count(tag: string, delta: number): void {
    const folded = foldTag(tag)
    const entry = this.#tagDeltas.get(folded)
    if (entry !== undefined) entry.delta += delta
    else this.#tagDeltas.set(folded, { name: tag, delta })
  }

  #write(): void {
    const { facts } = this
    const tags = this.#tagRecords()
    const pairs: NumberPair[] = []
    for (const [key, touched] of this.#touched) {
      const { before, now } = touched
      if (before === now) continue
      this.#writeOne(key, touched, pairs)
      facts.contacts += (now === null ? 0 : 1) - (before === null ? 0 : 1)
    }
    pairs.sort((a, b) => a.number - b.number)
    facts.fresh += addNumbers(this.#tables, this.#account, facts.nextRun++, pairs)
    for (const [folded, record] of tags) {
      if (record.contacts === 0) this.#tables.tags.remove([this.#account, folded])
      else this.#tables.tags.put([this.#account, folded], packed(record))
    }
    this.#names.write()
    this.#tables.accounts.put(this.#account, packed(facts))
  }

  #tagRecords(): Map<string, { name: string; contacts: number }> {
    const records = new Map<string, { name: string; contacts: number }>()
    const { facts } = this
    for (const [folded, { name, delta }] of this.#tagDeltas) {
      if (delta === 0) continue
      const bytes = this.#tables.tags.getBinary([this.#account, folded])
      const known = bytes === undefined ? { name, contacts: 0 } : unpacked<{ name: string; contacts: number }>(bytes)
      const contacts = known.contacts + delta
      facts.tags += (contacts > 0 ? 1 : 0) - (known.contacts > 0 ? 1 : 0)
      records.set(folded, { name: known.name, contacts })
    }
    if (facts.tags <= limits.tagNames) return records
    throw new EngineError('VALIDATION', `An account has at most ${limits.tagNames} tags; take others off first.`)
  }

  #writeOne(key: ContactKey, { id, isNew, before, now, bytes }: Touched, pairs: NumberPair[]): void {
    const tables = this.#tables
    const place = [this.#account, id]
    if (now === null) {
      tables.records.remove(place)
      if (!isNew && removeId(tables, this.#account, key)) this.facts.fresh--
    } else {
      tables.records.put(place, bytes!)
      if (isNew && typeof key === 'number') pairs.push({ number: key, id })
      else if (isNew) putId(tables, this.#account, key, id)
    }
    if (before?.tags !== now?.tags) this.#index(id, before?.tags ?? [], now?.tags ?? [])
  }

  #index(id: number, before: readonly string[], now: readonly string[]): void {
    const { tagged } = this.#tables
    const kept = new Set(now.map(foldTag))
    for (const tag of before) {
      const folded = foldTag(tag)
      if (!kept.delete(folded)) tagged.remove([this.#account, folded, id])
    }
    for (const folded of kept) tagged.put([this.#account, folded, id], NOTHING)
  }
}
