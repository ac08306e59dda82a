/**
 * The contacts that one batch of changes is about, each once, by whichever of its keys it is named. What an earlier change of
 * the batch made of a contact is what a later one sees. Ingest threads.
 */
import type { ContactChange, ContactKey } from '../contract/contact-tasks.js'
import type { AccountFacts } from './account-facts.js'
import { emailKey, isEmailKey } from './contact-key.js'
import { type ContactRecord, decodeContact } from './contact-record.js'
import type { ContactTables } from './contact-tables.js'
import { emailIndex, FreshNumbers, findId, idsOfEmail, numberIndex } from './fresh-numbers.js'

export interface Touched {
  /** -1: it was never there. */
  id: number
  before: ContactRecord | null
  now: ContactRecord | null
  /** As it will be stored; null: not encoded yet. */
  bytes: Buffer | null
}

export class TouchedContacts {
  /** In the order in which they were first named. */
  readonly all: Touched[] = []
  readonly #tables: ContactTables
  readonly #account: number
  /** Contacts without a number there were before, and came since. */
  #numberless: number
  readonly #byId = new Map<number, Touched>()
  /** null: it was taken from the contact that had it. */
  readonly #byNumber = new Map<ContactKey, Touched | null>()
  /** Contacts that have, or had, the address. */
  readonly #byEmail = new Map<string, Touched[]>()
  #freshNumbers: FreshNumbers | null = null
  #freshEmails: FreshNumbers | null = null

  constructor(tables: ContactTables, account: number, facts: Pick<AccountFacts, 'withoutNumber'>) {
    this.#tables = tables
    this.#account = account
    this.#numberless = facts.withoutNumber
  }

  /** Many look-ups follow: the runs of the indices are read once. */
  holdRuns(): void {
    this.#freshNumbers = new FreshNumbers(numberIndex(this.#tables), this.#account)
  }

  /** The contact that a change is about, which may be a new one. */
  of({ key, mode, email }: ContactChange): Touched {
    if (isEmailKey(key)) return this.#withEmail(key, false) ?? this.#fresh()
    const known = this.#withNumber(key)
    if (known !== null) return known
    // Known by its address alone until now: it gets the number, so that it stays one contact.
    const mayAdopt = this.#numberless > 0 && email != null && (mode === 'merge' || mode === 'put')
    const adopted = mayAdopt ? this.#withEmail(emailKey(email), true) : null
    const touched = adopted ?? this.#fresh()
    this.#byNumber.set(key, touched)
    return touched
  }

  /** -1: there is no such contact. */
  idOf(key: ContactKey): number {
    const touched = isEmailKey(key) ? this.#withEmail(key, false) : this.#withNumber(key)
    return touched === null || touched.now === null ? -1 : touched.id
  }

  /** Another contact has the number. */
  isTaken(number: ContactKey, by: Touched): boolean {
    const owner = this.#withNumber(number)
    return owner !== null && owner !== by && owner.now !== null
  }

  become(touched: Touched, now: ContactRecord | null): void {
    const was = touched.now
    touched.now = now
    if (!this.#byId.has(touched.id)) this.#byId.set(touched.id, touched)
    if (now?.number === null) this.#numberless++
    if (was !== null && was.number !== null && now !== null && was.number !== now.number) {
      this.#byNumber.set(was.number, null)
    }
    if (now !== null && now.number !== null) this.#byNumber.set(now.number, touched)
    if (now !== null && now.email !== null && now.email !== was?.email) this.#note(emailKey(now.email), touched)
  }

  #note(email: string, touched: Touched): void {
    const known = this.#byEmail.get(email)
    if (known === undefined) this.#byEmail.set(email, [touched])
    else known.push(touched)
  }

  #fresh(): Touched {
    const touched: Touched = { id: -1, before: null, now: null, bytes: null }
    this.all.push(touched)
    return touched
  }

  #load(id: number): Touched | null {
    const known = this.#byId.get(id)
    if (known !== undefined) return known
    const bytes = this.#tables.records.getBinary([this.#account, id])
    if (bytes === undefined) return null
    const before = decodeContact(bytes)
    const touched: Touched = { id, before, now: before, bytes: null }
    this.all.push(touched)
    this.#byId.set(id, touched)
    return touched
  }

  #withNumber(key: ContactKey): Touched | null {
    const known = this.#byNumber.get(key)
    if (known !== undefined) return known
    const id = this.#find(key)
    const touched = id === null ? null : this.#load(id)
    if (touched !== null) this.#byNumber.set(key, touched)
    return touched
  }

  #find(key: ContactKey): number | null {
    if (this.#freshNumbers === null || typeof key !== 'number') return findId(this.#tables, this.#account, key)
    const stored = this.#tables.numbers.getBinary([this.#account, key])
    if (stored !== undefined) return stored.readDoubleLE(0)
    const id = this.#freshNumbers.find(key)
    return id < 0 ? null : id
  }

  /** The oldest one that has the address; `numberless`: and no number. */
  #withEmail(key: string, numberless: boolean): Touched | null {
    let found: Touched | null = null
    for (const touched of this.#sharers(key)) {
      const { now } = touched
      if (now === null || now.email === null || emailKey(now.email) !== key) continue
      if ((numberless && now.number !== null) || (found !== null && found.id < touched.id)) continue
      found = touched
    }
    return found
  }

  *#sharers(key: string): Iterable<Touched> {
    yield* this.#byEmail.get(key) ?? []
    if (this.#freshNumbers !== null) this.#freshEmails ??= new FreshNumbers(emailIndex(this.#tables), this.#account)
    for (const id of idsOfEmail(this.#tables, { account: this.#account, key, fresh: this.#freshEmails })) {
      const touched = this.#load(id)
      if (touched !== null) yield touched
    }
  }
}
