/** Recipients that came inside the request, as the CSV file that the one ingest path reads. Main thread. */
import { EngineError } from '../contract/errors.js'
import type { CsvSettings, JobSettings } from '../contract/job.js'
import { limits } from '../contract/limits.js'

const PIECE_ROWS = 500

/** How the file below is written: nothing about it is left to a guess. */
export const inlineCsv: CsvSettings = { header: true, delimiter: ',', encoding: 'utf8', quote: '"' }

/** Labels of all rows, in order of first appearance. @throws EngineError VALIDATION, TOO_LARGE. */
export function inlineLabels(rows: Record<string, unknown>[]): string[] {
  if (rows.length > limits.inlineRecipients) {
    throw new EngineError('TOO_LARGE', `At most ${limits.inlineRecipients} recipients fit a request; upload a file.`)
  }
  if (rows.length === 0) throw empty('There are no recipients.')
  const labels = new Set<string>()
  for (const row of rows) for (const label of Object.keys(row)) labels.add(label)
  if (labels.size === 0) throw empty('The recipients have no fields.')
  if (labels.size > limits.columns) throw empty(`Recipients have at most ${limits.columns} different fields.`)
  const blank = [...labels].find((label) => label.trim() === '')
  if (blank !== undefined) throw empty('A field of a recipient has no label.')
  return [...labels]
}

function empty(message: string): EngineError {
  return new EngineError('VALIDATION', message, { fields: [{ pointer: '/recipients', message }] })
}

/** A recipient may be given as a bare number: it stands in the recipient column. */
export function inlineRows(recipients: unknown[], columns: JobSettings['columns']): Record<string, unknown>[] {
  const named = columns?.to ?? columns?.phones?.[0]
  const column = typeof named === 'string' ? named : 'to'
  return recipients.map((recipient, index) => {
    if (typeof recipient === 'string') return { [column]: recipient }
    if (typeof recipient === 'object' && recipient !== null && !Array.isArray(recipient)) {
      return wellFormed({ ...recipient }, index)
    }
    const message = 'A recipient is an object of fields, or a number as text.'
    throw new EngineError('VALIDATION', message, { fields: [{ pointer: `/recipients/${index}`, message }] })
  })
}

/** Half a surrogate pair has no UTF-8: it would be sent as another character. */
function wellFormed(row: Record<string, unknown>, index: number): Record<string, unknown> {
  for (const [label, value] of Object.entries(row)) {
    if (Buffer.from(String(value)).toString() === String(value)) continue
    const message = 'has half of a surrogate pair.'
    const pointer = `/recipients/${index}/${label.replaceAll('~', '~0').replaceAll('/', '~1')}`
    throw new EngineError('VALIDATION', `${pointer} ${message}`, { fields: [{ pointer, message }] })
  }
  return row
}

/** The file in pieces: every field quoted, missing ones empty. */
export async function* inlineFile(labels: string[], rows: Record<string, unknown>[]): AsyncIterable<Buffer> {
  yield Buffer.from(`${labels.map(quoted).join(',')}\r\n`)
  for (let at = 0; at < rows.length; at += PIECE_ROWS) {
    const lines = rows.slice(at, at + PIECE_ROWS).map((row) => labels.map((label) => quoted(row[label])).join(','))
    yield Buffer.from(`${lines.join('\r\n')}\r\n`)
  }
}

function quoted(value: unknown): string {
  const text = value == null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
  return `"${text.replaceAll('"', '""')}"`
}

/** Columns that inline rows name by themselves: `text` when the job has no text of its own. */
export function inlineSettings(settings: JobSettings, labels: string[]): JobSettings {
  const columns = { ...settings.columns }
  const named = columns.to !== undefined || columns.phones !== undefined
  if (!named && labels.includes('to')) columns.to = 'to'
  const hasText = settings.text !== undefined || settings.template !== undefined
  if (!hasText && columns.text === undefined && labels.includes('text')) columns.text = 'text'
  return { ...settings, columns, csv: inlineCsv }
}
