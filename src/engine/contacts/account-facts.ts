/** What is known of all contacts of an account together: counters, and the names of their attributes. Ingest threads. */
import { EngineError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import { unpacked } from './contact-record.js'
import type { ContactTables } from './contact-tables.js'

const NOTHING = Buffer.alloc(0)

export interface AccountFacts {
  nextId: number
  nextRun: number
  /** Numbers in runs, see fresh-numbers.ts. */
  fresh: number
  /** The same of addresses. */
  freshEmails: number
  /** Contacts that have an address and no number. */
  withoutNumber: number
  contacts: number
  attributes: number
  tags: number
}

export function accountFacts(tables: ContactTables, account: number): AccountFacts {
  const bytes = tables.accounts.getBinary(account)
  const blank = {
    nextId: 1,
    nextRun: 1,
    fresh: 0,
    freshEmails: 0,
    withoutNumber: 0,
    contacts: 0,
    attributes: 0,
    tags: 0,
  }
  return bytes === undefined ? blank : { ...blank, ...unpacked<AccountFacts>(bytes) }
}

/** Names that a batch uses; a name once used stays known, so that an export knows its columns without a look at all rows. */
export class AttributeNames {
  readonly #tables: ContactTables
  readonly #account: number
  readonly #facts: AccountFacts
  readonly #seen = new Set<string>()
  readonly #fresh: string[] = []

  constructor(tables: ContactTables, account: number, facts: AccountFacts) {
    this.#tables = tables
    this.#account = account
    this.#facts = facts
  }

  /** @throws EngineError VALIDATION: too many. */
  see(attributes: object): void {
    for (const name in attributes) {
      if (this.#seen.has(name)) continue
      this.#seen.add(name)
      if (this.#tables.attributes.getBinary([this.#account, name]) !== undefined) continue
      if (this.#facts.attributes >= limits.attributeNames) throw tooManyNames(name)
      this.#facts.attributes++
      this.#fresh.push(name)
    }
  }

  write(): void {
    for (const name of this.#fresh) this.#tables.attributes.put([this.#account, name], NOTHING)
  }
}

function tooManyNames(name: string): EngineError {
  const message = `The attributes of an account have at most ${limits.attributeNames} names, and ${JSON.stringify(name)} is a new one.`
  return new EngineError('VALIDATION', message)
}
