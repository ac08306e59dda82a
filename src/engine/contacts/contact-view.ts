/** A contact as the API shows it, with its last message and the contact that it belongs to. Any thread. */
import { type ContactView, OPT_IN_CHANNELS } from '../contract/contacts.js'
import { messageId } from '../contract/ids.js'
import { numberOf } from './contact-key.js'
import { type ContactRecord, decodeContact } from './contact-record.js'
import type { ContactTables } from './contact-tables.js'
import { lastMessage } from './last-message.js'

export interface Viewed {
  id: number
  record: ContactRecord
}

export function contactView(tables: ContactTables, account: number, { id, record }: Viewed): ContactView {
  const optIn: ContactView['optIn'] = {}
  for (const channel of OPT_IN_CHANNELS) {
    const stored = record.optIn[channel]
    if (stored === undefined) continue
    const { atMs, ...rest } = stored
    optIn[channel] = { ...rest, at: new Date(atMs).toISOString() }
  }
  return {
    number: record.number === null ? null : numberOf(record.number),
    email: record.email,
    kind: record.kind,
    company: record.company,
    memberOf: parentKey(tables, account, record),
    attributes: record.attributes,
    tags: [...record.tags],
    optIn,
    lastMessage: lastView(tables, account, id),
    createdAt: new Date(record.createdMs).toISOString(),
    updatedAt: new Date(record.updatedMs).toISOString(),
  }
}

function lastView(tables: ContactTables, account: number, id: number): ContactView['lastMessage'] {
  const last = lastMessage(tables, account, id)
  if (last === null) return null
  return { at: new Date(last.atMs).toISOString(), state: last.state, channel: last.channel, id: messageId(last.ref) }
}

/** Number, else address; null: it belongs to none, or to one that is gone. */
export function parentKey(tables: ContactTables, account: number, { parent }: ContactRecord): string | null {
  const bytes = parent === null ? undefined : tables.records.getBinary([account, parent])
  if (bytes === undefined) return null
  const { number, email } = decodeContact(bytes)
  return number === null ? email : numberOf(number)
}
