/** The 'contactExport' task: the next contacts as lines of CSV, its cells guarded, or as JSON objects a line. Ingest threads. */
import { csvCell } from '../base/csv-cell.js'
import type { ContactExportResult, ContactTask } from '../contract/contact-tasks.js'
import { type ContactView, OPT_IN_CHANNELS } from '../contract/contacts.js'
import { normaliseLabel } from '../text/label.js'
import { attributeOf, type ContactRecord } from './contact-record.js'
import { scanContacts } from './contact-scan.js'
import type { ContactTables } from './contact-tables.js'
import { contactView } from './contact-view.js'

type ExportTask = Extract<ContactTask, { kind: 'contactExport' }>

const CONTACTS_AT_ONCE = 2_000
const OPT_INS = OPT_IN_CHANNELS.map((channel) => `optIn.${channel}`)
const FIXED = ['number', 'email', 'company', 'kind', 'memberOf', 'tags', ...OPT_INS]
const TIMES = ['createdAt', 'updatedAt']

/**
 * Names of attributes as columns: labels of a file are the same whatever their case, so one column stands for `Name` and
 * `name`, and none for what a contact has anyway.
 */
export function exportColumns(names: readonly string[]): string[] {
  const taken = new Set([...FIXED, ...TIMES].map(normaliseLabel))
  return names.filter((name) => {
    const normal = normaliseLabel(name)
    return !taken.has(normal) && taken.add(normal)
  })
}

/** The first line of the CSV. */
export function exportHeader(columns: readonly string[]): string {
  return `${[...FIXED, ...TIMES, ...columns].map(csvCell).join(',')}\n`
}

export function exportContacts(tables: ContactTables, task: ExportTask): ContactExportResult {
  const { account, tag, format, after, names } = task
  const scan = { account, tags: tag === null ? [] : [tag], after, before: Number.POSITIVE_INFINITY }
  let text = ''
  let last = after
  let count = 0
  for (const each of scanContacts(tables, scan)) {
    if (count === CONTACTS_AT_ONCE) return { text, next: last }
    const view = contactView(tables, account, each)
    text += format === 'csv' ? csvLine(each.record, view, names) : `${JSON.stringify(view)}\n`
    last = each.id
    count++
  }
  return { text, next: null }
}

function csvLine(record: ContactRecord, view: ContactView, names: readonly string[]): string {
  const { number, email, company, kind, memberOf, tags, createdAt, updatedAt } = view
  const cells = [number ?? '', email ?? '', company ?? '', kind, memberOf ?? '', tags.join(', ')]
  for (const channel of OPT_IN_CHANNELS) cells.push(record.optIn[channel]?.state ?? '')
  cells.push(createdAt, updatedAt)
  for (const name of names) cells.push(String(attributeOf(record.attributes, name) ?? ''))
  return `${cells.map(csvCell).join(',')}\n`
}
