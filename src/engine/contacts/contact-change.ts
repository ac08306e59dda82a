/** What a change makes of a contact: a pure function of the record and the change. Ingest threads. */

import type { ChangeProblem, ContactChange } from '../contract/contact-tasks.js'
import { type AttributeValue, OPT_IN_CHANNELS } from '../contract/contacts.js'
import { limits } from '../contract/limits.js'
import { isEmailKey } from './contact-key.js'
import { type ContactRecord, foldTag, newContact } from './contact-record.js'

/** `parent`: id of the contact that it belongs to from now on; undefined: as before. */
export interface ChangeFacts {
  nowMs: number
  parent: number | null | undefined
}

/** The record after the change, or why there is none; `before` itself when nothing changes. */
export function changed(
  before: ContactRecord | null,
  change: ContactChange,
  { nowMs, parent }: ChangeFacts,
): ContactRecord | ChangeProblem {
  if (before === null && change.mode === 'patch') return 'missing'
  const base = before === null || change.mode === 'put' ? emptyRecord(change, before, nowMs) : before
  const next: ContactRecord = {
    number: numberAfter(base, change),
    email: change.email === undefined ? base.email : change.email,
    kind: change.kind ?? base.kind,
    parent: parent === undefined ? base.parent : parent,
    company: change.company === undefined ? base.company : change.company,
    attributes: change.attributes === undefined ? base.attributes : merged(base.attributes, change.attributes),
    tags: tagsOf(base.tags, change),
    optIn: change.optIn === undefined ? base.optIn : consents(base.optIn, change.optIn, before?.optIn ?? {}, nowMs),
    createdMs: base.createdMs,
    updatedMs: nowMs,
  }
  if (next.number === null && next.email === null) return 'keyless'
  if (before !== null && isSame(before, next)) return before
  const tooLarge = next.tags.length > limits.contactTags || countOf(next.attributes) > limits.contactAttributes
  return tooLarge ? 'tooLarge' : next
}

/** A contact that was found by its address alone gets the number that it was named by. */
function numberAfter({ number }: ContactRecord, { key, number: given }: ContactChange): ContactRecord['number'] {
  if (given !== undefined) return given
  return number ?? (isEmailKey(key) ? null : key)
}

/** What names a contact stays: its number, and the address that it was named by. */
function emptyRecord({ key }: ContactChange, before: ContactRecord | null, nowMs: number): ContactRecord {
  const createdMs = before?.createdMs ?? nowMs
  const email = isEmailKey(key) ? (before?.email ?? key) : null
  return newContact({ number: before?.number ?? null, email }, createdMs)
}

function countOf(attributes: object): number {
  return Object.keys(attributes).length
}

/** null takes a value away. */
function merged<T extends object>(base: T, changes: { [K in keyof T]?: T[K] | null }): T {
  const next = { ...base } as Record<string, unknown>
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete next[name]
    else next[name] = value
  }
  return next as T
}

/** What is said again without a time of its own keeps the time at which it was said first. */
function consents(
  base: ContactRecord['optIn'],
  changes: NonNullable<ContactChange['optIn']>,
  known: ContactRecord['optIn'],
  nowMs: number,
): ContactRecord['optIn'] {
  const next = merged(base, changes)
  for (const channel of OPT_IN_CHANNELS) {
    const [old, fresh] = [known[channel], next[channel]]
    if (old === undefined || fresh === undefined || fresh.atMs !== nowMs) continue
    const isSame = old.state === fresh.state && old.source === fresh.source && old.text === fresh.text
    if (isSame && old.address === fresh.address) next[channel] = old
  }
  return next
}

function tagsOf(base: readonly string[], change: ContactChange): readonly string[] {
  const { mode, tags, addTags, removeTags } = change
  let next = base
  if (tags !== undefined) next = mode === 'merge' ? withTags(next, tags) : withTags([], tags)
  if (addTags !== undefined) next = withTags(next, addTags)
  if (removeTags === undefined || removeTags.length === 0) return next
  const doomed = new Set(removeTags.map(foldTag))
  return next.filter((tag) => !doomed.has(foldTag(tag)))
}

function withTags(base: readonly string[], more: readonly string[]): readonly string[] {
  const known = new Set(base.map(foldTag))
  const added = more.filter((tag) => {
    const folded = foldTag(tag)
    return !known.has(folded) && known.add(folded)
  })
  return added.length === 0 ? base : [...base, ...added]
}

/** But for the time of the change. Evidence that came again with another time is another one. */
function isSame(before: ContactRecord, next: ContactRecord): boolean {
  return (
    before.number === next.number &&
    before.email === next.email &&
    before.kind === next.kind &&
    before.parent === next.parent &&
    before.company === next.company &&
    before.tags.length === next.tags.length &&
    before.tags.every((tag, index) => tag === next.tags[index]) &&
    isSameMap(before.attributes, next.attributes) &&
    JSON.stringify(before.optIn) === JSON.stringify(next.optIn)
  )
}

function isSameMap(before: Record<string, AttributeValue>, next: Record<string, AttributeValue>): boolean {
  if (before === next) return true
  const names = Object.keys(before)
  if (names.length !== countOf(next)) return false
  return names.every((name) => Object.hasOwn(next, name) && before[name] === next[name])
}
