/** The fields of a contact that a condition may name, and of what kind each is. */

import { numberOf } from '../contacts/contact-key.js'
import { type AttributeValue, OPT_IN_CHANNELS, type OptInChannel } from '../contract/contacts.js'
import type { Candidate } from './candidate.js'

/** mixed: as its value is; words: a list of texts. */
export type FieldKind = 'mixed' | 'text' | 'time' | 'words'

export interface ConditionField {
  kind: FieldKind
  /** Milliseconds for a time; undefined: the contact has no such field. */
  read(candidate: Candidate): AttributeValue | readonly string[] | undefined
}

export const FIELDS_HELP =
  'attributes.NAME, tags, optIn.sms, optIn.voice, optIn.email, number, email, kind, company, company.attributes.NAME, ' +
  'company.tags, lastMessage.state, lastMessage.at, lastMessage.channel, createdAt or updatedAt'

const ATTRIBUTES = 'attributes.'
const COMPANY_ATTRIBUTES = 'company.attributes.'
const OPT_IN = 'optIn.'

const plain: Readonly<Record<string, ConditionField>> = {
  tags: { kind: 'words', read: ({ record: { tags } }) => wordsOf(tags) },
  number: { kind: 'text', read: ({ record: { number } }) => (number === null ? undefined : numberOf(number)) },
  email: { kind: 'text', read: ({ record }) => record.email ?? undefined },
  kind: { kind: 'text', read: ({ record }) => record.kind },
  company: { kind: 'text', read: ({ record }) => record.company ?? undefined },
  'company.tags': { kind: 'words', read: ({ parent }) => (parent === null ? undefined : wordsOf(parent.tags)) },
  'lastMessage.state': { kind: 'text', read: ({ last }) => last?.state },
  'lastMessage.at': { kind: 'time', read: ({ last }) => last?.atMs },
  'lastMessage.channel': { kind: 'text', read: ({ last }) => last?.channel },
  createdAt: { kind: 'time', read: ({ record }) => record.createdMs },
  updatedAt: { kind: 'time', read: ({ record }) => record.updatedMs },
}

/** null: there is no such field. */
export function conditionField(name: string): ConditionField | null {
  if (Object.hasOwn(plain, name)) return plain[name]!
  const own = behind(name, ATTRIBUTES)
  if (own !== null) return { kind: 'mixed', read: ({ record }) => valueIn(record.attributes, own) }
  const companys = behind(name, COMPANY_ATTRIBUTES)
  if (companys !== null) return { kind: 'mixed', read: ({ parent }) => attributeOfParent(parent, companys) }
  const channel = behind(name, OPT_IN) ?? ''
  if (!(OPT_IN_CHANNELS as readonly string[]).includes(channel)) return null
  return { kind: 'text', read: ({ record }) => record.optIn[channel as OptInChannel]?.state }
}

function behind(name: string, prefix: string): string | null {
  return name.startsWith(prefix) && name.length > prefix.length ? name.slice(prefix.length) : null
}

function wordsOf(tags: readonly string[]): readonly string[] | undefined {
  return tags.length === 0 ? undefined : tags
}

function attributeOfParent(parent: Candidate['parent'], name: string): AttributeValue | undefined {
  return parent === null ? undefined : valueIn(parent.attributes, name)
}

/** Empty text is as good as none. */
function valueIn(attributes: Record<string, AttributeValue>, name: string): AttributeValue | undefined {
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined
  return value === '' ? undefined : value
}
