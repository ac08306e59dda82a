/** Who has opted in, for accounts that message nobody else: asked once per row, in an ingest thread. */

import { keyOf } from '../engine/contacts/contact-key.js'
import { decodeContact } from '../engine/contacts/contact-record.js'
import type { ContactTables } from '../engine/contacts/contact-tables.js'
import { FreshNumbers, findId, numberIndex } from '../engine/contacts/fresh-numbers.js'
import type { OptInChannel } from '../engine/contract/contacts.js'
import type { JobPlan } from '../engine/contract/ingest.js'
import type { ParsedNumber } from '../engine/phone/number.js'
import { threadContacts } from './thread-contacts.js'

export class Consents {
  readonly #tables: ContactTables
  readonly #account: number
  readonly #fresh: FreshNumbers

  constructor(tables: ContactTables, account: number) {
    this.#tables = tables
    this.#account = account
    this.#fresh = new FreshNumbers(numberIndex(tables), account)
  }

  has(number: ParsedNumber, channel: OptInChannel): boolean {
    const id = this.#id(keyOf(number))
    const bytes = id === null ? undefined : this.#tables.records.getBinary([this.#account, id])
    return bytes !== undefined && decodeContact(bytes).optIn[channel]?.state === 'in'
  }

  #id(key: number | string): number | null {
    const fresh = typeof key === 'number' ? this.#fresh.find(key) : -1
    return fresh >= 0 ? fresh : findId(this.#tables, this.#account, key)
  }
}

/** null: the account does not demand it. */
export function consentsOf({ account, requireOptIn }: JobPlan): Consents | null {
  return requireOptIn === true ? new Consents(threadContacts(), account) : null
}
