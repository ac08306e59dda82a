/**
 * The tasks 'audienceRows' and 'audienceCount': one step of the walk over the contacts of an audience. A step is bounded by
 * contacts and by octets, so that nothing waits long for it and memory stays flat. Ingest threads.
 */

import { numberOf } from '../contacts/contact-key.js'
import { attributeOf, type ContactRecord } from '../contacts/contact-record.js'
import { scanContacts } from '../contacts/contact-scan.js'
import type { ContactTables } from '../contacts/contact-tables.js'
import type { AudienceCountResult, AudienceRowsResult, AudienceStep, ContactTask } from '../contract/contact-tasks.js'
import { limits } from '../contract/limits.js'
import { predicateOf, tagsToWalk } from './audience.js'

type RowsTask = Extract<ContactTask, { kind: 'audienceRows' }>

/** What the count asks of a number. */
export type IsSuppressed = (account: number, number: number, from: string) => boolean

interface Walked {
  next: number | null
  seen: number
}

/** Hands each contact of the audience on until the step is full. `take` answers the octets that it made. */
function walk(tables: ContactTables, step: AudienceStep, take: (record: ContactRecord) => number): Walked {
  const fits = predicateOf(step.audience)
  const scan = { account: step.account, tags: tagsToWalk(step.audience), after: step.after, before: step.before }
  let seen = 0
  let bytes = 0
  let last = step.after
  for (const { id, record } of scanContacts(tables, scan)) {
    if (seen === limits.audienceTaskContacts || bytes >= limits.audienceTaskBytes) return { next: last, seen }
    seen++
    last = id
    if (fits(record)) bytes += take(record)
  }
  return { next: null, seen }
}

/** A line for each contact: its number, then the columns. */
export function audienceRows(tables: ContactTables, { step, columns }: RowsTask): AudienceRowsResult {
  const sources = columns.map(({ source }) => source)
  let text = ''
  let rows = 0
  const { next, seen } = walk(tables, step, (record) => {
    let line = quoted(numberOf(record.key))
    for (const source of sources) line += `,${quoted(cellOf(record, source))}`
    text += line
    text += '\r\n'
    rows++
    return line.length
  })
  return { bytes: new Uint8Array(Buffer.from(text)), rows, seen, next }
}

/** An attribute by its name, whatever its case; else what every contact has. '': there is none. */
function cellOf({ key, email, company, attributes }: ContactRecord, name: string): string {
  const value = attributeOf(attributes, name)
  if (value !== undefined) return String(value)
  switch (name.toLowerCase()) {
    case 'email':
      return email ?? ''
    case 'company':
      return company ?? ''
    case 'number':
      return numberOf(key)
    default:
      return ''
  }
}

function quoted(text: string): string {
  return `"${text.includes('"') ? text.replaceAll('"', '""') : text}"`
}

export function audienceCount(
  tables: ContactTables,
  step: AudienceStep,
  isSuppressed: IsSuppressed,
): AudienceCountResult {
  const result = { total: 0, sendable: 0, notOptedIn: 0, suppressed: 0 }
  const { next } = walk(tables, step, (record) => {
    result.total++
    if (typeof record.key === 'number' && isSuppressed(step.account, record.key, step.from)) result.suppressed++
    else if (step.requireOptIn && record.optIn.sms?.state !== 'in') result.notOptedIn++
    else result.sendable++
    return 0
  })
  return { ...result, next }
}
