/** Puts contacts, their imports and audiences together. Main thread. */

import type { Accounts } from '../accounts/accounts.js'
import { Askers } from '../accounts/askers.js'
import type { Numbering } from '../accounts/numbering.js'
import { asksForLastMessage } from '../audience/audience.js'
import { Audiences } from '../audience/audiences.js'
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../contract/clock.js'
import type { ContactKey } from '../contract/contact-tasks.js'
import type { Log } from '../contract/log.js'
import type { FairPool } from '../jobs/fair-pool.js'
import { numberFrom } from '../opt-out/keyword-desk.js'
import type { Documents } from '../store/documents.js'
import type { InboundItem, InboundStore } from '../store/inbound-store.js'
import { ConsentDesk } from './consent-desk.js'
import { ContactRunner } from './contact-runner.js'
import type { ContactTables } from './contact-tables.js'
import { type ContactHistory, Contacts } from './contacts.js'
import { Erasure } from './erasure.js'
import { HeardDesk } from './heard-desk.js'
import { Imports } from './imports.js'
import { LastDesk } from './last-desk.js'

export interface ContactParts {
  contacts: ContactTables
  documents: Documents
  accounts: Accounts
  numbering: Numbering
  audit: Audit
  clock: Clock
  log: Log
  pool: FairPool
  config: { dataDir: string }
  /** Memory of the filter of suppressions, as it is now. */
  suppressions(): SharedArrayBuffer
  inbound: InboundStore
  history: ContactHistory
  /** Resolves when the last messages of contacts are noted as they are now. */
  caughtUp(): Promise<void>
  admit(): void
  /** True: the disk has room for what a file becomes. */
  room(): Promise<boolean>
  isStopping(): boolean
  fail(error: unknown): void
}

export interface BuiltContacts {
  contacts: Contacts
  audiences: Audiences
  imports: Imports
  last: LastDesk
  consents: ConsentDesk
  heard: HeardDesk
  /** Removes the contacts of an account that have this key; how many there were. */
  forget(account: number, key: ContactKey): Promise<number>
}

export function buildContacts(parts: ContactParts): BuiltContacts {
  const { accounts, pool, clock, fail } = parts
  const askers = new Askers(accounts)
  const runner = new ContactRunner({ pool, tables: parts.contacts, clock, fail })
  const erasure = new Erasure({ ...parts, runner })
  const imports = new Imports({ ...parts, runner, askers, erasure, dataDir: parts.config.dataDir })
  const contacts = new Contacts({ ...parts, runner, imports, askers })
  const audiences = new Audiences({
    runner,
    askers,
    account: (number) => accounts.byNumber(number),
    suppressions: parts.suppressions,
    caughtUp: async (audience) => {
      if (asksForLastMessage(audience)) await parts.caughtUp()
    },
  })
  const consents = new ConsentDesk(runner)
  const writer = (item: InboundItem, account: number) => numberFrom(item, accounts.byNumber(account))
  const heard = new HeardDesk({ ...parts, store: parts.inbound, consents, writer })
  const forget = (account: number, key: ContactKey) => forgetContacts(runner, account, key)
  return { contacts, audiences, imports, last: new LastDesk(runner), consents, heard, forget }
}

/** Several may have one email address. */
async function forgetContacts(runner: ContactRunner, account: number, key: ContactKey): Promise<number> {
  for (let removed = 0; ; removed++) {
    const { effect } = await runner.change({ account, change: { key, mode: 'remove' } })
    if (effect !== 'removed') return removed
  }
}
