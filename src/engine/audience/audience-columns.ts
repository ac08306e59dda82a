/**
 * The file of an audience: which columns it has, so that a text finds its labels in it as in any other file. The first is
 * the number; the others are the labels that the text uses, each filled from an attribute of the contact. Main thread.
 */
import type { Audience } from '../contract/audience.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import type { ColumnRef, JobSettings } from '../contract/job.js'
import { inlineCsv } from '../jobs/inline.js'
import { normaliseLabel } from '../text/label.js'
import { promptTexts } from '../text/prompts.js'
import { compileTemplate } from '../text/template.js'

export interface AudienceColumn {
  label: string
  /** Name of an attribute, or email, company, number. */
  source: string
}

/** Labels of the column of numbers (of an email its addresses), and of that of addresses beside numbers. */
const NUMBER = 'to'
const ADDRESS = 'email'
const OWN = ['number', 'email', 'company']
const COLUMN_REFS = ['text', 'keyword', 'sendAt', 'timeZone', 'language'] as const

/** Settings as for a file; what they say of columns is about attributes. @throws EngineError VALIDATION. */
export function audienceSettings(settings: JobSettings, audience: Audience): JobSettings {
  const { columns = {} } = settings
  const fields: FieldError[] = []
  for (const name of ['to', 'phones', 'email', 'tag', 'saveToContact'] as const) {
    if (columns[name] !== undefined)
      fields.push({ pointer: `/columns/${name}`, message: 'cannot stand beside audience' })
  }
  if (settings.csv !== undefined) fields.push({ pointer: '/csv', message: 'cannot stand beside audience' })
  for (const name of COLUMN_REFS) {
    if (typeof columns[name] === 'number') {
      fields.push({ pointer: `/columns/${name}`, message: 'must be the name of an attribute' })
    }
  }
  if (fields.length > 0) {
    throw new EngineError('VALIDATION', `${fields[0]!.pointer} ${fields[0]!.message}.`, { fields })
  }
  const { fields: named, ...rest } = columns
  // A subject says that who has no number may get an email.
  const mayMail = (settings.channel ?? 'auto') === 'auto' && settings.subject !== undefined
  const chosen = { ...namesOf(named), ...audience.fields }
  return {
    ...settings,
    audience: Object.keys(chosen).length === 0 ? audience : { ...audience, fields: chosen },
    columns: { ...rest, to: NUMBER, ...(mayMail ? { email: ADDRESS } : {}) },
    csv: inlineCsv,
  }
}

function namesOf(fields: Record<string, ColumnRef> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(fields ?? {}).map(([label, ref]) => [label, String(ref)]))
}

/** `names`: of all attributes of the account. Settings as audienceSettings gives them. */
export function audienceColumns(settings: JobSettings, names: readonly string[]): AudienceColumn[] {
  const { columns = {}, audience } = settings
  const chosen = audience?.fields ?? {}
  const columnsOf = new Map<string, AudienceColumn>()
  const add = (label: string): void => {
    const normal = normaliseLabel(label)
    if (normal === NUMBER || columnsOf.has(normal)) return
    columnsOf.set(normal, { label: label.trim(), source: chosenFor(label, chosen) })
  }
  for (const text of textsOf(settings)) compileTemplate(text).labels.forEach(add)
  if (columns.email !== undefined) add(ADDRESS)
  Object.keys(chosen).forEach(add)
  for (const name of COLUMN_REFS) if (columns[name] !== undefined) add(String(columns[name]))
  // A text that comes with the row may use any label.
  if (columns.text !== undefined || columns.keyword !== undefined) names.forEach(add)
  return [...columnsOf.values()]
}

function chosenFor(label: string, chosen: Record<string, string>): string {
  if (Object.hasOwn(chosen, label)) return chosen[label]!
  const similar = Object.keys(chosen).find((name) => normaliseLabel(name) === normaliseLabel(label))
  return similar === undefined ? label.trim() : chosen[similar]!
}

/** Whose labels are filled. */
function textsOf({ text, subject, html, prompts = [] }: JobSettings): string[] {
  return [text, subject, html, ...promptTexts(prompts)].filter((each) => each !== undefined)
}

/** @throws EngineError TEMPLATE_LABEL_UNKNOWN: a label that no contact could fill, and that has no fallback. */
export function checkAudienceLabels(settings: JobSettings, names: readonly string[]): void {
  const known = new Set([...names, ...OWN].map(normaliseLabel))
  for (const { label, fallback } of textsOf(settings).flatMap((text) => compileTemplate(text).slots)) {
    const source = chosenFor(label, settings.audience?.fields ?? {})
    if (fallback !== null || normaliseLabel(label) === NUMBER || known.has(normaliseLabel(bareSource(source)))) continue
    throw new EngineError('TEMPLATE_LABEL_UNKNOWN', `No contact has an attribute called ${JSON.stringify(source)}.`)
  }
}

/** The attribute of a company is one that some contact has. */
function bareSource(source: string): string {
  return source.toLowerCase().startsWith('company.') ? source.slice('company.'.length) : source
}

export function audienceHeader(columns: readonly AudienceColumn[]): string {
  return `${[NUMBER, ...columns.map(({ label }) => label)].map((label) => `"${label.replaceAll('"', '""')}"`).join(',')}\r\n`
}
