/**
 * Writes changes of contacts, many in one transaction: records, indices, tags with their exact counts, and what the caller
 * adds of its own. Synchronous, in the ingest threads; nothing else writes these tables but erasure, which comes the same way.
 */

import { crashPoint } from '../base/crash-point.js'
import type { ChangeEffect, ContactChange } from '../contract/contact-tasks.js'
import { EngineError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import { storeFailed } from '../store/lmdb-store.js'
import { type AccountFacts, AttributeNames, accountFacts } from './account-facts.js'
import { changed } from './contact-change.js'
import { emailHash, emailKey } from './contact-key.js'
import { type ContactRecord, encodeContact, foldTag, packed, unpacked } from './contact-record.js'
import type { ContactTables } from './contact-tables.js'
import {
  addPairs,
  emailIndex,
  isMergeDue,
  mergeStep,
  type NumberPair,
  numberIndex,
  type PairIndex,
  putId,
  removeKey,
} from './fresh-numbers.js'
import { type Touched, TouchedContacts } from './touched-contacts.js'

const NOTHING = Buffer.alloc(0)

export interface Applied {
  /** In the order of the changes. */
  effects: ChangeEffect[]
  /** The records as they are now; null: removed or never there. */
  records: (ContactRecord | null)[]
  /** Their ids; -1: never there. */
  ids: number[]
}

export interface WriteOptions {
  account: number
  nowMs: number
  /** Written in the same transaction. */
  beside?(effects: readonly ChangeEffect[]): void
}

/** Durable on return. @throws EngineError STORE_FAILED; VALIDATION when the account would have too many names. */
export function applyChanges(tables: ContactTables, changes: readonly ContactChange[], options: WriteOptions): Applied {
  let applied: Applied = { effects: [], records: [], ids: [] }
  let due: Due = { numbers: false, emails: false }
  transaction(tables, () => {
    const batch = new Batch(tables, options)
    applied = batch.apply(changes)
    options.beside?.(applied.effects)
    crashPoint('contacts-written')
    due = { numbers: isMergeDue(batch.facts.fresh), emails: isMergeDue(batch.facts.freshEmails) }
  })
  crashPoint('contacts-stored')
  if (due.numbers) mergeRuns(tables, options.account, 'fresh')
  if (due.emails) mergeRuns(tables, options.account, 'freshEmails')
  return applied
}

interface Due {
  numbers: boolean
  emails: boolean
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

function mergeRuns(tables: ContactTables, account: number, which: 'fresh' | 'freshEmails'): void {
  const index = which === 'fresh' ? numberIndex(tables) : emailIndex(tables)
  for (let left = 1; left > 0; ) {
    transaction(tables, () => {
      const facts = accountFacts(tables, account)
      left = mergeStep(index, account, facts.nextRun)
      facts.nextRun++
      facts[which] = left
      tables.accounts.put(account, packed(facts))
    })
  }
}

/** New pairs of both indices. */
interface NewPairs {
  numbers: NumberPair[]
  emails: NumberPair[]
  /** Numbers that are no safe integers. */
  others: { key: string; id: number }[]
}

class Batch {
  readonly facts: AccountFacts
  readonly #tables: ContactTables
  readonly #account: number
  readonly #nowMs: number
  readonly #touched: TouchedContacts
  readonly #tagDeltas = new Map<string, { name: string; delta: number }>()
  readonly #names: AttributeNames

  constructor(tables: ContactTables, { account, nowMs }: WriteOptions) {
    this.#tables = tables
    this.#account = account
    this.#nowMs = nowMs
    this.facts = accountFacts(tables, account)
    this.#names = new AttributeNames(tables, account, this.facts)
    this.#touched = new TouchedContacts(tables, account, this.facts)
  }

  apply(changes: readonly ContactChange[]): Applied {
    if (changes.length > 1) this.#touched.holdRuns()
    const applied: Applied = { effects: [], records: [], ids: [] }
    for (const change of changes) {
      const touched = this.#touched.of(change)
      applied.effects.push(this.#change(touched, change))
      applied.records.push(touched.now)
      applied.ids.push(touched.id)
    }
    // Everything that can refuse comes before the first write.
    this.#countTags()
    this.#write()
    return applied
  }

  #change(touched: Touched, change: ContactChange): ChangeEffect {
    if (change.mode === 'remove') return this.#remove(touched)
    const parent = change.memberOf == null ? change.memberOf : this.#touched.idOf(change.memberOf)
    if (parent === -1 || (typeof parent === 'number' && parent === touched.id)) return 'orphan'
    const next = changed(touched.now, change, { nowMs: this.#nowMs, parent })
    if (typeof next === 'string') return next
    if (next === touched.now) return 'unchanged'
    if (change.number != null && this.#touched.isTaken(change.number, touched)) return 'taken'
    const bytes = encodeContact(next)
    if (bytes.length > limits.contactBytes) return 'tooLarge'
    const effect = touched.now === null ? 'added' : 'changed'
    this.#names.see(next.attributes)
    if (touched.id < 0) touched.id = this.facts.nextId++
    touched.bytes = bytes
    this.#touched.become(touched, next)
    return effect
  }

  #remove(touched: Touched): ChangeEffect {
    if (touched.now === null) return 'missing'
    touched.bytes = null
    this.#touched.become(touched, null)
    return 'removed'
  }

  /** Counts by folded tag, and that the account has not too many. */
  #countTags(): void {
    for (const { before, now } of this.#touched.all) {
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
    const pairs: NewPairs = { numbers: [], emails: [], others: [] }
    for (const touched of this.#touched.all) {
      if (touched.before === touched.now) continue
      this.#writeOne(touched, pairs)
      facts.contacts += (touched.now === null ? 0 : 1) - (touched.before === null ? 0 : 1)
      facts.withoutNumber += isNumberless(touched.now) - isNumberless(touched.before)
    }
    // Behind all that is taken out: a number may have gone from one contact to another.
    for (const { key, id } of pairs.others) putId(this.#tables, this.#account, key, id)
    facts.fresh += this.#add(numberIndex(this.#tables), pairs.numbers)
    facts.freshEmails += this.#add(emailIndex(this.#tables), pairs.emails)
    for (const [folded, record] of tags) {
      if (record.contacts === 0) this.#tables.tags.remove([this.#account, folded])
      else this.#tables.tags.put([this.#account, folded], packed(record))
    }
    this.#names.write()
    this.#tables.accounts.put(this.#account, packed(facts))
  }

  #add(index: PairIndex, pairs: NumberPair[]): number {
    return pairs.length === 0 ? 0 : addPairs(index, { account: this.#account, run: this.facts.nextRun++ }, pairs)
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

  #writeOne({ id, before, now, bytes }: Touched, pairs: NewPairs): void {
    const tables = this.#tables
    const place = [this.#account, id]
    if (now !== null) tables.records.put(place, bytes!)
    else {
      tables.records.remove(place)
      tables.last.remove(place)
    }
    this.#indexNumber(id, before?.number ?? null, now?.number ?? null, pairs)
    this.#indexEmail(id, before?.email ?? null, now?.email ?? null, pairs)
    if (before?.tags !== now?.tags) this.#index(id, before?.tags ?? [], now?.tags ?? [])
  }

  #indexNumber(id: number, before: ContactRecord['number'], now: ContactRecord['number'], pairs: NewPairs): void {
    if (before === now) return
    if (before !== null && removeKey(this.#tables, this.#account, before, id)) this.facts.fresh--
    if (typeof now === 'number') pairs.numbers.push({ number: now, id })
    else if (now !== null) pairs.others.push({ key: now, id })
  }

  #indexEmail(id: number, before: string | null, now: string | null, pairs: NewPairs): void {
    const [old, key] = [before === null ? null : emailKey(before), now === null ? null : emailKey(now)]
    if (old === key) return
    if (old !== null && removeKey(this.#tables, this.#account, old, id)) this.facts.freshEmails--
    if (key !== null) pairs.emails.push({ number: emailHash(key), id })
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

function isNumberless(record: ContactRecord | null): number {
  return record !== null && record.number === null ? 1 : 0
}
