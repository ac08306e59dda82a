/** Whom an event is about: the number and the address that it names, completed by the contact that they belong to. Main thread. */
import { type Candidate, StoredCandidate } from '../audience/candidate.js'
import { numberOf, readKey } from '../contacts/contact-key.js'
import { readContact } from '../contacts/contact-reader.js'
import { type ContactRecord, newContact } from '../contacts/contact-record.js'
import type { ContactTables } from '../contacts/contact-tables.js'
import type { AttributeValue, OptInChannel, OptInState } from '../contract/contacts.js'
import type { ChannelName } from '../contract/message.js'
import type { NumberRules } from '../contract/number-rules.js'
import type { EventTo } from '../contract/rule-events.js'
import { NumberParser } from '../phone/number.js'
import { NumberPolicy } from '../phone/number-policy.js'

/** As written; null: none. */
export interface Address {
  number: string | null
  email: string | null
}

export interface Client extends Address {
  attributes: Record<string, AttributeValue>
  optIn: Partial<Record<OptInChannel, OptInState>>
  /** What conditions look at: the contact, or an empty one. */
  candidate: Candidate
}

/** A text is an email address where it has an @, and a number otherwise. */
export function addressOf(to: EventTo | undefined): Address {
  if (to === undefined) return { number: null, email: null }
  if (typeof to !== 'string') return { number: to.number ?? null, email: to.email ?? null }
  return to.includes('@') ? { number: null, email: to } : { number: to, email: null }
}

export interface ClientAccount {
  number: number
  defaultCountry: string | null
  allowShortCodes: boolean
}

export class Clients {
  readonly #tables: ContactTables

  constructor(tables: ContactTables) {
    this.#tables = tables
  }

  /** In its one form; what is no number stays as it is. */
  canonical(account: ClientAccount, number: string): string {
    const parsed = new NumberParser(account.defaultCountry, { shortCodes: account.allowShortCodes }).parse(number)
    if (parsed.reason !== 0) return number
    return parsed.isShortCode ? parsed.digits : `+${parsed.digits}`
  }

  /** What `auto` makes of it; what is no number stays with SMS, which says what is wrong with it. */
  channelOf(account: ClientAccount & NumberRules, number: string): ChannelName {
    const parsed = new NumberParser(account.defaultCountry, { shortCodes: account.allowShortCodes }).parse(number)
    return parsed.reason === 0 ? new NumberPolicy(account).channel('auto', parsed.lineType) : 'sms'
  }

  find(account: ClientAccount, address: Address): Client {
    const parser = new NumberParser(account.defaultCountry, { shortCodes: account.allowShortCodes })
    const keys = [address.number, address.email].map((written) => (written === null ? null : readKey(parser, written)))
    for (const key of keys) {
      const found = key === null ? null : readContact(this.#tables, account.number, key)
      if (found !== null) return this.#known(account.number, found, address)
    }
    const number = typeof keys[0] === 'number' ? keys[0] : null
    const candidate = { record: newContact({ number, email: address.email }, 0), last: null, parent: null }
    return { ...address, attributes: {}, optIn: {}, candidate }
  }

  #known(account: number, { id, record }: { id: number; record: ContactRecord }, { number, email }: Address): Client {
    const optIn: Client['optIn'] = {}
    for (const [channel, stored] of Object.entries(record.optIn)) optIn[channel as OptInChannel] = stored.state
    const candidate = new StoredCandidate(this.#tables, account)
    candidate.stand(id, record)
    const own = record.number === null ? null : numberOf(record.number)
    return { number: number ?? own, email: email ?? record.email, attributes: record.attributes, optIn, candidate }
  }
}
