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
import type { ChannelName } from '../contract/message.js'
import { predicateOf, tagsToWalk } from './audience.js'
import { type Candidate, StoredCandidate } from './candidate.js'

type RowsTask = Extract<ContactTask, { kind: 'audienceRows' }>

/** What the count asks of a contact that has an address of the channel. */
export type IsSuppressed = (record: ContactRecord) => boolean

interface Walked {
  next: number | null
  seen: number
}

/** Hands each contact of the audience on until the step is full. `take` answers the octets that it made. */
function walk(tables: ContactTables, step: AudienceStep, take: (candidate: Candidate) => number): Walked {
  const fits = predicateOf(step.audience)
  const scan = { account: step.account, tags: tagsToWalk(step.audience), after: step.after, before: step.before }
  const candidate = new StoredCandidate(tables, step.account)
  let seen = 0
  let bytes = 0
  let last = step.after
  for (const { id, record } of scanContacts(tables, scan)) {
    if (seen === limits.audienceTaskContacts || bytes >= limits.audienceTaskBytes) return { next: last, seen }
    seen++
    last = id
    candidate.stand(id, record)
    if (fits(candidate)) bytes += take(candidate)
  }
  return { next: null, seen }
}

/** A line for each contact: its number, or for email its address, then the columns. What has neither is left to be told. */
export function audienceRows(tables: ContactTables, { step, columns }: RowsTask): AudienceRowsResult {
  const sources = columns.map(({ source }) => source)
  let text = ''
  let rows = 0
  const { next, seen } = walk(tables, step, (candidate) => {
    let line = quoted(addressOf(candidate.record, step.channel))
    for (const source of sources) line += `,${quoted(cellOf(candidate, source))}`
    text += line
    text += '\r\n'
    rows++
    return line.length
  })
  return { bytes: new Uint8Array(Buffer.from(text)), rows, seen, next }
}

/** '': it has none of the channel. */
function addressOf({ number, email }: ContactRecord, channel: ChannelName): string {
  if (channel === 'email') return email ?? ''
  return number === null ? '' : numberOf(number)
}

const COMPANY = 'company.'

/** An attribute by its name, whatever its case; else what every contact has, or its company. '': there is none. */
function cellOf(candidate: Candidate, name: string): string {
  const { record } = candidate
  const value = attributeOf(record.attributes, name)
  if (value !== undefined) return String(value)
  const lower = name.toLowerCase()
  if (lower.startsWith(COMPANY)) return companyCell(candidate, name.slice(COMPANY.length))
  switch (lower) {
    case 'email':
      return record.email ?? ''
    case 'company':
      return record.company ?? ''
    case 'number':
      return record.number === null ? '' : numberOf(record.number)
    default:
      return ''
  }
}

function companyCell({ parent }: Candidate, name: string): string {
  if (parent === null) return ''
  const value = attributeOf(parent.attributes, name)
  if (value !== undefined) return String(value)
  switch (name.toLowerCase()) {
    case 'email':
      return parent.email ?? ''
    case 'number':
      return parent.number === null ? '' : numberOf(parent.number)
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
  const result = { total: 0, sendable: 0, unreachable: 0, notOptedIn: 0, suppressed: 0 }
  const { next } = walk(tables, step, ({ record }) => {
    result.total++
    if (addressOf(record, step.channel) === '') result.unreachable++
    else if (isSuppressed(record)) result.suppressed++
    else if (step.requireOptIn && record.optIn[step.channel]?.state !== 'in') result.notOptedIn++
    else result.sendable++
    return 0
  })
  return { ...result, next }
}
