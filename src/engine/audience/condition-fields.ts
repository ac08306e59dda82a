/** The fields of a contact that a condition may name, and of what kind each is. */

import { numberOf } from '../contacts/contact-key.js'
import type { ContactRecord } from '../contacts/contact-record.js'
import { type AttributeValue, OPT_IN_CHANNELS, type OptInChannel } from '../contract/contacts.js'

/** mixed: as its value is; words: a list of texts. */
export type FieldKind = 'mixed' | 'text' | 'time' | 'words'

export interface ConditionField {
  kind: FieldKind
  /** Milliseconds for a time; undefined: the contact has no such field. */
  read(record: ContactRecord): AttributeValue | readonly string[] | undefined
}

const ATTRIBUTES = 'attributes.'
const OPT_IN = 'optIn.'

const plain: Readonly<Record<string, ConditionField>> = {
  tags: { kind: 'words', read: ({ tags }) => (tags.length === 0 ? undefined : tags) },
  number: { kind: 'text', read: ({ key }) => numberOf(key) },
  email: { kind: 'text', read: ({ email }) => email ?? undefined },
  company: { kind: 'text', read: ({ company }) => company ?? undefined },
  createdAt: { kind: 'time', read: ({ createdMs }) => createdMs },
  updatedAt: { kind: 'time', read: ({ updatedMs }) => updatedMs },
}

/** null: there is no such field. */
export function conditionField(name: string): ConditionField | null {
  if (Object.hasOwn(plain, name)) return plain[name]!
  if (name.startsWith(ATTRIBUTES) && name.length > ATTRIBUTES.length) return attribute(name.slice(ATTRIBUTES.length))
  const channel = name.startsWith(OPT_IN) ? name.slice(OPT_IN.length) : ''
  if (!(OPT_IN_CHANNELS as readonly string[]).includes(channel)) return null
  return { kind: 'text', read: ({ optIn }) => optIn[channel as OptInChannel]?.state }
}

/** Empty text is as good as none. */
function attribute(name: string): ConditionField {
  return {
    kind: 'mixed',
    read: ({ attributes }) => {
      const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined
      return value === '' ? undefined : value
    },
  }
}
