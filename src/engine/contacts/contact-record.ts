/**
 * A contact as stored: a MessagePack array, so that its field names cost no octets.
 * [format, number, email, company, attributes, tags, optIn, created ms, updated ms, kind, parent]; a record of an earlier
 * version has neither of the last two.
 */
import { Decoder, Encoder } from '@msgpack/msgpack'
import type { NumberKey, StoredOptIn } from '../contract/contact-tasks.js'
import { type AttributeValue, CONTACT_KINDS, type ContactKind, type OptInChannel } from '../contract/contacts.js'
import { bodyOf, checkedBytes } from '../store/checked-bytes.js'
import { normaliseLabel } from '../text/label.js'

const FORMAT = 1

/** It has a number, an email, or both. */
export interface ContactRecord {
  number: NumberKey | null
  email: string | null
  kind: ContactKind
  /** Id of the contact that it belongs to, which may be gone since. */
  parent: number | null
  company: string | null
  attributes: Record<string, AttributeValue>
  /** As written; no two differ by case alone. */
  tags: readonly string[]
  optIn: Partial<Record<OptInChannel, StoredOptIn>>
  createdMs: number
  updatedMs: number
}

const encoder = new Encoder()
const decoder = new Decoder()

export function encodeContact(record: ContactRecord): Buffer {
  const { number, email, company, attributes, tags, optIn, createdMs, updatedMs, kind, parent } = record
  const fields: unknown[] = [FORMAT, number, email, company, attributes, tags, optIn, createdMs, updatedMs]
  if (kind !== 'person' || parent !== null) fields.push(CONTACT_KINDS.indexOf(kind), parent)
  return packed(fields)
}

export function decodeContact(bytes: Uint8Array): ContactRecord {
  const [, number, email, company, attributes, tags, optIn, createdMs, updatedMs, kind = 0, parent = null] =
    decoder.decode(bodyOf(bytes, 'a contact')) as [
      number,
      NumberKey | null,
      string | null,
      string | null,
      ContactRecord['attributes'],
      string[],
      ContactRecord['optIn'],
      number,
      number,
      number?,
      (number | null)?,
    ]
  const whose = { kind: CONTACT_KINDS[kind] ?? 'person', parent }
  return { number, email, ...whose, company, attributes, tags, optIn, createdMs, updatedMs }
}

/** Small facts beside the records, in the same encoding. */
export function packed(value: unknown): Buffer {
  return checkedBytes(encoder.encodeSharedRef(value))
}
export function unpacked<T>(bytes: Uint8Array): T {
  return decoder.decode(bodyOf(bytes, 'contacts')) as T
}

/** Case makes no other tag. */
export function foldTag(tag: string): string {
  return tag.normalize('NFC').toLowerCase()
}

/** By its name, else by one that differs in case, accents or spaces alone, as labels in a text do. */
export function attributeOf(attributes: Record<string, AttributeValue>, name: string): AttributeValue | undefined {
  if (Object.hasOwn(attributes, name)) return attributes[name]
  const wanted = normaliseLabel(name)
  for (const other in attributes) if (normaliseLabel(other) === wanted) return attributes[other]
  return undefined
}

/** A contact of which nothing is known but how it is named. `createdMs`: epoch. */
export function newContact(names: Pick<ContactRecord, 'number' | 'email'>, createdMs: number): ContactRecord {
  return {
    ...names,
    kind: 'person',
    parent: null,
    company: null,
    attributes: {},
    tags: [],
    optIn: {},
    createdMs,
    updatedMs: createdMs,
  }
}
