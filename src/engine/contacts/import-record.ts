/** An import as stored, as shown, and what its settings and its file's head come to. Main thread. */

import { NOT_A_TIME, parseTime } from '../base/instant.js'
import type { ImportPlan, ImportProgress } from '../contract/contact-tasks.js'
import type { ImportSettings, ImportState, ImportView } from '../contract/contacts.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import { importId, jobId } from '../contract/ids.js'
import type { SniffResult } from '../contract/ingest.js'
import { limits } from '../contract/limits.js'
import type { JobRecord } from '../jobs/job-record.js'
import { isCountry } from '../phone/number.js'
import { normaliseLabel } from '../text/label.js'
import { attributeNameProblem } from './attribute-name.js'
import { isTag, optInsOf } from './contact-rules.js'

export interface ImportRecord {
  import: number
  account: number
  accountId: string
  state: ImportState
  reason: string | null
  detail: string | null
  settings: ImportSettings
  /** Of the account, when the import was made. */
  defaultCountry: string | null
  job: number | null
  /** Set when the last byte is durable. */
  upload: { bytes: number; sha256: string } | null
  plan: ImportPlan | null
  /** Of the columns, once the file was looked at. */
  labels: string[]
  warnings: string[]
  /** Before which nothing is imported; absent: at once. */
  atMs?: number
  createdAtMs: number
  finishedAtMs: number | null
}

const EMAIL_LABELS = ['email', 'e-mail', 'mail', 'emailaddress', 'email address']
const COMPANY_LABELS = ['company', 'organisation', 'organization']
/** What our own export writes beside the attributes, and the import does not read. */
const EXPORTED = ['kind', 'memberOf', 'tags', 'optIn.sms', 'optIn.voice', 'optIn.email', 'createdAt', 'updatedAt']

/** @throws EngineError VALIDATION. */
export function checkImport(settings: ImportSettings, nowMs: number): void {
  const fields: FieldError[] = []
  if (settings.tag !== undefined && !isTag(settings.tag)) {
    fields.push({ pointer: '/tag', message: `must be text of 1 to ${limits.tagChars} characters` })
  }
  if (settings.defaultCountry !== undefined && !isCountry(settings.defaultCountry)) {
    fields.push({ pointer: '/defaultCountry', message: 'must be a two-letter country code such as GB' })
  }
  if (settings.at !== undefined && parseTime(settings.at) === null) fields.push({ pointer: '/at', message: NOT_A_TIME })
  if (settings.optIn !== undefined) optInsOf(settings.optIn, false, { at: '', fields, nowMs })
  if (fields.length === 0) return
  throw new EngineError('VALIDATION', `${fields[0]!.pointer} ${fields[0]!.message}.`, { fields })
}

/** @throws EngineError COLUMN_UNKNOWN, VALIDATION: a label that cannot be the name of an attribute. */
export function planImport(record: ImportRecord, path: string, { dialect, columns }: SniffResult): ImportPlan {
  const { settings } = record
  const { labels } = columns
  const find = (wanted: string | undefined, usual: readonly string[], name: string): number => {
    if (wanted !== undefined) return columnOf(labels, wanted, name)
    // Where columns are chosen, only those are taken.
    if (settings.fields !== undefined) return -1
    return dialect.header ? labels.findIndex((label) => usual.includes(normaliseLabel(label))) : -1
  }
  const to = columns.phones[0] ?? -1
  const email = find(settings.email, EMAIL_LABELS, 'email')
  const company = find(settings.company, COMPANY_LABELS, 'company')
  const fields: FieldError[] = []
  const optIn = settings.optIn ?? null
  const context = { at: '', fields, nowMs: record.createdAtMs }
  const memberOf = settings.memberOf === undefined ? -1 : columnOf(labels, settings.memberOf, 'memberOf')
  const tags = settings.tagColumn === undefined ? -1 : columnOf(labels, settings.tagColumn, 'tagColumn')
  const taken = [to, email, company, memberOf, tags]
  const attributes =
    settings.fields === undefined
      ? labels.flatMap((label, column) => attributeColumn(label, column, { taken, hasHeader: dialect.header }))
      : Object.entries(settings.fields).map(([name, ref]) => ({ name, column: columnOf(labels, ref, name) }))
  for (const { name } of attributes) checkName(name)
  return {
    import: record.import,
    account: record.account,
    path,
    dialect,
    defaultCountry: settings.defaultCountry ?? record.defaultCountry,
    tag: settings.tag?.trim() ?? null,
    kind: settings.kind ?? null,
    optIn: optIn === null ? null : (optInsOf(optIn, false, context) as ImportPlan['optIn']),
    to,
    ...(columns.phones.length > 1 ? { phones: columns.phones } : {}),
    email,
    company,
    memberOf,
    tags,
    attributes,
    width: labels.length,
  }
}

function attributeColumn(
  label: string,
  column: number,
  { taken, hasHeader }: { taken: readonly number[]; hasHeader: boolean },
): { name: string; column: number }[] {
  if (taken.includes(column) || (hasHeader && EXPORTED.includes(label))) return []
  return [{ name: hasHeader ? label : `param${column}`, column }]
}

function checkName(name: string): void {
  const wrong = attributeNameProblem(name)
  if (wrong === null) return
  throw new EngineError(
    'VALIDATION',
    `The column ${JSON.stringify(name.slice(0, 80))} cannot be an attribute: it ${wrong}.`,
  )
}

/** By label, else by position from 1. */
function columnOf(labels: readonly string[], wanted: string | number, name: string): number {
  const text = String(wanted)
  const exact = labels.indexOf(text)
  if (exact >= 0) return exact
  const similar = labels.findIndex((label) => normaliseLabel(label) === normaliseLabel(text))
  if (similar >= 0) return similar
  const position = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (position >= 1 && position <= labels.length) return position - 1
  const there = labels.map((label) => `"${label}"`).join(', ')
  throw new EngineError('COLUMN_UNKNOWN', `${name} names ${JSON.stringify(text)}; the file has ${there}.`, {
    fields: [{ pointer: `/${name}`, message: 'There is no such column in the file.' }],
  })
}

/** What `columns.saveToContact` and `columns.tag` of a job come to. */
export function savedColumns({ settings }: JobRecord): ImportSettings {
  const { saveToContact = {}, tag } = settings.columns ?? {}
  const { email, company, ...fields } = saveToContact
  return {
    ...(tag === undefined ? {} : { tagColumn: String(tag) }),
    ...(email === undefined ? {} : { email: String(email) }),
    ...(company === undefined ? {} : { company: String(company) }),
    ...(settings.defaultCountry === undefined ? {} : { defaultCountry: settings.defaultCountry }),
    fields,
  }
}

export function importView(record: ImportRecord, progress: ImportProgress, rejects: ImportView['rejects']): ImportView {
  const { plan, upload } = record
  const { rows, added, changed, unchanged, rejected } = progress
  const bytes = upload?.bytes ?? 0
  const bytesDone = record.state === 'finished' ? bytes : Math.min(progress.next, bytes)
  return {
    id: importId(record.import),
    state: record.state,
    reason: record.reason,
    detail: record.detail,
    settings: record.settings,
    job: record.job === null ? null : jobId(record.job),
    counts: { rows, added, changed, unchanged, rejected },
    progress: { bytes, bytesDone, percent: bytes === 0 ? 0 : Math.floor((bytesDone / bytes) * 100) },
    scheduledAt: record.atMs === undefined ? null : new Date(record.atMs).toISOString(),
    sha256: upload?.sha256 ?? null,
    columns: plan === null ? null : columnsView(plan, record),
    warnings: record.warnings,
    rejects,
    createdAt: new Date(record.createdAtMs).toISOString(),
    finishedAt: record.finishedAtMs === null ? null : new Date(record.finishedAtMs).toISOString(),
  }
}

function columnsView(plan: ImportPlan, record: ImportRecord): ImportView['columns'] {
  const label = (column: number): string => record.labels[column] ?? String(column + 1)
  return {
    to: plan.to < 0 ? null : label(plan.to),
    email: plan.email < 0 ? null : label(plan.email),
    company: plan.company < 0 ? null : label(plan.company),
    attributes: plan.attributes.map(({ name }) => name),
  }
}
