/** Who has opted in, for accounts that message nobody else: asked once per row, in an ingest thread. */

import { domainToUnicode } from 'node:url'
import { emailKey, keyOf } from '../engine/contacts/contact-key.js'
import { decodeContact } from '../engine/contacts/contact-record.js'
import type { ContactTables } from '../engine/contacts/contact-tables.js'
import { emailIndex, FreshNumbers, findId, idsOfEmail, numberIndex } from '../engine/contacts/fresh-numbers.js'
import type { OptInChannel } from '../engine/contract/contacts.js'
import type { JobPlan } from '../engine/contract/ingest.js'
import type { ParsedNumber } from '../engine/phone/number.js'
import { threadContacts } from './thread-contacts.js'

export class Consents {
  readonly #tables: ContactTables
  readonly #account: number
  readonly #fresh: FreshNumbers
  readonly #freshEmails: FreshNumbers

  constructor(tables: ContactTables, account: number) {
    this.#tables = tables
    this.#account = account
    this.#fresh = new FreshNumbers(numberIndex(tables), account)
    this.#freshEmails = new FreshNumbers(emailIndex(tables), account)
  }

  has(number: ParsedNumber, channel: OptInChannel): boolean {
    const id = this.#id(keyOf(number))
    const bytes = id === null ? undefined : this.#tables.records.getBinary([this.#account, id])
    return bytes !== undefined && decodeContact(bytes).optIn[channel]?.state === 'in'
  }

  /** Of the contacts with this email address. */
  hasAddress(address: string): boolean {
    const spellings = spellingsOf(address)
    const states = spellings.flatMap((key) => this.#statesOf(key))
    // Several contacts may share an address: one of them who has opted out is enough.
    return states.includes('in') && !states.includes('out')
  }

  #statesOf(key: string): (string | undefined)[] {
    const account = this.#account
    return idsOfEmail(this.#tables, { account, key, fresh: this.#freshEmails }).map((id) => {
      const bytes = this.#tables.records.getBinary([account, id])
      if (bytes === undefined) return undefined
      const { email, optIn } = decodeContact(bytes)
      return email !== null && emailKey(email) === key ? optIn.email?.state : undefined
    })
  }

  #id(key: number | string): number | null {
    const fresh = typeof key === 'number' ? this.#fresh.find(key) : -1
    return fresh >= 0 ? fresh : findId(this.#tables, this.#account, key)
  }
}

/** A contact may have been given its domain in either form. */
function spellingsOf(address: string): string[] {
  if (!address.includes('xn--')) return [address]
  const at = address.lastIndexOf('@')
  return [address, emailKey(`${address.slice(0, at)}@${domainToUnicode(address.slice(at + 1))}`)]
}

/** null: the account does not demand it. */
export function consentsOf({ account, requireOptIn }: JobPlan): Consents | null {
  return requireOptIn === true ? new Consents(threadContacts(), account) : null
}
