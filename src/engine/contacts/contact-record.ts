/**
 * A contact as stored: a MessagePack array, so that its field names cost no octets.
 * [format, key, email, company, attributes, tags, optIn, created ms, updated ms]
 */
import { Decoder, Encoder } from '@msgpack/msgpack'
import type { ContactKey, StoredOptIn } from '../contract/contact-tasks.js'
import { type AttributeValue, type ContactView, OPT_IN_CHANNELS, type OptInChannel } from '../contract/contacts.js'
import { normaliseLabel } from '../text/label.js'
import { numberOf } from './contact-key.js'

const FORMAT = 1

export interface ContactRecord {
  key: ContactKey
  email: string | null
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
  const { key, email, company, attributes, tags, optIn, createdMs, updatedMs } = record
  return packed([FORMAT, key, email, company, attributes, tags, optIn, createdMs, updatedMs])
}

export function decodeContact(bytes: Uint8Array): ContactRecord {
  const [, key, email, company, attributes, tags, optIn, createdMs, updatedMs] = decoder.decode(bytes) as [
    number,
    ContactKey,
    string | null,
    string | null,
    ContactRecord['attributes'],
    string[],
    ContactRecord['optIn'],
    number,
    number,
  ]
  return { key, email, company, attributes, tags, optIn, createdMs, updatedMs }
}

/** Small facts beside the records, in the same encoding. */
export function packed(value: unknown): Buffer {
  const bytes = encoder.encode(value)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
export function unpacked<T>(bytes: Uint8Array): T {
  return decoder.decode(bytes) as T
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

export function contactView(record: ContactRecord): ContactView {
  const optIn: ContactView['optIn'] = {}
  for (const channel of OPT_IN_CHANNELS) {
    const stored = record.optIn[channel]
    if (stored === undefined) continue
    const { atMs, ...rest } = stored
    optIn[channel] = { ...rest, at: new Date(atMs).toISOString() }
  }
  return {
    number: numberOf(record.key),
    email: record.email,
    company: record.company,
    attributes: record.attributes,
    tags: [...record.tags],
    optIn,
    createdAt: new Date(record.createdMs).toISOString(),
    updatedAt: new Date(record.updatedMs).toISOString(),
  }
}
