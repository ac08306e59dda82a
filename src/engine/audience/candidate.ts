/**
 * A contact that an audience looks at, with what stands beside its record: its last message, and the contact that it belongs
 * to. Either is read when a condition or a label asks, and not before. Ingest threads.
 */

import { type ContactRecord, decodeContact } from '../contacts/contact-record.js'
import type { ContactTables } from '../contacts/contact-tables.js'
import { lastMessage, type StoredLast } from '../contacts/last-message.js'

/** Companies held at once: neighbours in an import are often of one. */
const PARENTS_HELD = 256

export interface Candidate {
  readonly record: ContactRecord
  readonly last: StoredLast | null
  /** The contact that it belongs to; null: none, or it is gone. */
  readonly parent: ContactRecord | null
}

/** One object for all contacts of a walk: what it shows is that of the one it stands at. */
export class StoredCandidate implements Candidate {
  readonly #tables: ContactTables
  readonly #account: number
  readonly #parents = new Map<number, ContactRecord | null>()
  #id = 0
  #record: ContactRecord | null = null
  #last: StoredLast | null | undefined

  constructor(tables: ContactTables, account: number) {
    this.#tables = tables
    this.#account = account
  }

  stand(id: number, record: ContactRecord): void {
    this.#id = id
    this.#record = record
    this.#last = undefined
  }

  get record(): ContactRecord {
    return this.#record!
  }

  get last(): StoredLast | null {
    if (this.#last === undefined) this.#last = lastMessage(this.#tables, this.#account, this.#id)
    return this.#last
  }

  get parent(): ContactRecord | null {
    const { parent } = this.record
    if (parent === null) return null
    let held = this.#parents.get(parent)
    if (held === undefined) {
      const bytes = this.#tables.records.getBinary([this.#account, parent])
      held = bytes === undefined ? null : decodeContact(bytes)
      if (this.#parents.size >= PARENTS_HELD) this.#parents.clear()
      this.#parents.set(parent, held)
    }
    return held
  }
}
