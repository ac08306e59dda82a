/** Reads contacts, tags and names of attributes. A bounded piece at a time, in any thread. */

import type { ContactKey } from '../contract/contact-tasks.js'
import type { AttributeValue, TagView } from '../contract/contacts.js'
import { limits } from '../contract/limits.js'
import { emailKey, isEmailKey, numberOf } from './contact-key.js'
import { type ContactRecord, decodeContact, unpacked } from './contact-record.js'
import { type Scanned, scanContacts } from './contact-scan.js'
import type { ContactTables } from './contact-tables.js'
import { findId, idsOfEmail } from './fresh-numbers.js'

/** Contacts that one page of a search looks at; the page may then be short, with more behind it. */
const SEARCH_CONTACTS = limits.audienceTaskContacts

/** null: there is none. Of several contacts with one address the oldest. */
export function readContact(tables: ContactTables, account: number, key: ContactKey): Scanned | null {
  const ids = isEmailKey(key) ? idsOfEmail(tables, { account, key, fresh: null }) : [findId(tables, account, key)]
  for (const id of ids) {
    const bytes = id === null ? undefined : tables.records.getBinary([account, id])
    if (id === null || bytes === undefined) continue
    const record = decodeContact(bytes)
    if (!isEmailKey(key) || (record.email !== null && emailKey(record.email) === key)) return { id, record }
  }
  return null
}

export interface ListRequest {
  account: number
  tag: string | null
  q: string | null
  after: number
  limit: number
}
export interface ContactPage {
  found: Scanned[]
  /** Id behind which the next page begins; null at the end. */
  next: number | null
}

export function listContacts(tables: ContactTables, request: ListRequest): ContactPage {
  const { account, tag, q, after, limit } = request
  const matches = q === null ? () => true : searchFor(q)
  const found: Scanned[] = []
  let last = after
  let seen = 0
  const scan = { account, tags: tag === null ? [] : [tag], after, before: Number.POSITIVE_INFINITY }
  for (const each of scanContacts(tables, scan)) {
    if (found.length === limit || seen === SEARCH_CONTACTS) return { found, next: last }
    seen++
    last = each.id
    if (matches(each.record)) found.push(each)
  }
  return { found, next: null }
}

/** Finds the words anywhere in the texts of a contact; digits also in its number, however they are spaced. */
function searchFor(q: string): (record: ContactRecord) => boolean {
  const wanted = fold(q.trim())
  const digits = /^[+\d\s().\-/]+$/.test(wanted) ? wanted.replace(/[^\d+]/g, '') : ''
  return ({ number, email, company, attributes, tags }) => {
    if (digits !== '' && number !== null && numberOf(number).includes(digits)) return true
    if (has(email, wanted) || has(company, wanted) || tags.some((tag) => has(tag, wanted))) return true
    return Object.values(attributes).some((value) => has(value, wanted))
  }
}

function has(value: AttributeValue | null, wanted: string): boolean {
  return value !== null && fold(String(value)).includes(wanted)
}

function fold(text: string): string {
  return text.normalize('NFC').toLowerCase()
}

export function listTags(
  tables: ContactTables,
  request: { account: number; after: string | null; limit: number },
): { tags: TagView[]; next: string | null } {
  const { account, after, limit } = request
  const range = { start: [account, after ?? ''], end: [account, '\uffff'], exclusiveStart: after !== null }
  const tags: TagView[] = []
  let last: string | null = null
  for (const { key, value } of tables.tags.getRange(range as object)) {
    if (tags.length === limit) return { tags, next: last }
    tags.push(unpacked<TagView>(value))
    last = (key as [number, string])[1]
  }
  return { tags, next: null }
}

/** In order of the alphabet. */
export function attributeNames(tables: ContactTables, account: number): string[] {
  const range = { start: [account, ''], end: [account, '\uffff'] }
  return [...tables.attributes.getKeys(range)].map((key) => (key as [number, string])[1])
}
