/** Puts rules and automatic events together. Main thread. */
import type { Accounts } from '../accounts/accounts.js'
import type { NamedDeps } from '../accounts/named-desk.js'
import type { ContactTables } from '../contacts/contact-tables.js'
import type { Clock } from '../contract/clock.js'
import { blockOf, type MessageRef, placeOf, type StateName } from '../contract/message.js'
import type { DispatcherLink } from '../dispatcher-link.js'
import { BLOCKS_PER_REQUEST, type MessageReader } from '../messages/message-reader.js'
import { stateOf } from '../messages/message-view.js'
import type { Submitter } from '../messages/submit.js'
import { fillTemplates } from '../messages/template-text.js'
import type { SavedSettings } from '../profiles/saved-settings.js'
import type { LmdbStore } from '../store/lmdb-store.js'
import { Clients } from './event-client.js'
import { EventKeeper } from './event-keeper.js'
import { EventStore } from './event-store.js'
import { EventTending } from './event-tending.js'
import { Events } from './events.js'
import { Rules } from './rules.js'

export interface EventParts extends NamedDeps {
  clock: Clock
  accounts: Accounts
  contacts: ContactTables
  store: LmdbStore
  reader: MessageReader
  submitter: Submitter
  saved: SavedSettings
  link: DispatcherLink
  admit(): void
  /** The store failed: the process must stop. */
  fail(error: unknown): void
}

export interface BuiltEvents {
  rules: Rules
  events: Events
  tending: EventTending
}

export function buildEvents(parts: EventParts): BuiltEvents {
  const { accounts, clock, link, reader, saved, submitter } = parts
  const rules = new Rules(parts)
  const store = new EventStore(parts.store.environment)
  const states = (refs: readonly number[]) => statesOf(reader, refs)
  const keeper = new EventKeeper({
    ...{ store, rules, states, cancel: link.cancelMessages.bind(link), clients: new Clients(parts.contacts) },
    place: async (account, messages, placing) => {
      const filled = fillTemplates(messages, (name) => saved.texts(account.number, name))
      return await submitter.place(account, filled, placing)
    },
    write: async (writes) => {
      try {
        await parts.store.appendLater([], writes)
      } catch (error) {
        parts.fail(error)
        throw error
      }
    },
  })
  const admit = (): void => {
    parts.admit()
    submitter.requireRoom()
  }
  const events = new Events({ ...parts, admit, store, keeper, states, account: (number) => accounts.byNumber(number) })
  return { rules, events, tending: new EventTending({ store, events, clock }) }
}

/** Of messages, by ref: those that are gone are left out. */
async function statesOf(reader: MessageReader, refs: readonly number[]): Promise<Map<number, StateName>> {
  const byBlock = new Map<number, number[]>()
  for (const ref of refs) {
    const block = blockOf(ref as MessageRef)
    const known = byBlock.get(block)
    if (known === undefined) byBlock.set(block, [ref])
    else known.push(ref)
  }
  const blocks = [...byBlock.keys()]
  const states = new Map<number, StateName>()
  for (let at = 0; at < blocks.length; at += BLOCKS_PER_REQUEST) {
    for (const source of await reader.sources(blocks.slice(at, at + BLOCKS_PER_REQUEST))) {
      for (const ref of byBlock.get(source.block)!) states.set(ref, stateOf(source, placeOf(ref as MessageRef)))
    }
  }
  return states
}
