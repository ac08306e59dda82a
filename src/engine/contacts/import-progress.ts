/** How far an import is, and the rows that it did not take: written with the contacts of each piece, read by the main thread. */
import type { ImportProgress } from '../contract/contact-tasks.js'
import type { ImportReject } from '../contract/contacts.js'
import type { Dialect } from '../contract/ingest.js'
import { reasonCode, reasonHelp } from '../contract/reasons.js'
import { packed, unpacked } from './contact-record.js'
import type { ContactTables } from './contact-tables.js'

/** [line, column from 1 (0: the record), reason number], by line. */
export type ImportRejects = [number, number, number][]

export function importProgress(
  tables: ContactTables,
  number: number,
  dialect: Pick<Dialect, 'dataStart' | 'linesBefore'> | null,
): ImportProgress {
  const bytes = tables.imports.getBinary(number)
  if (bytes !== undefined) return unpacked<ImportProgress>(bytes)
  const { dataStart = 0, linesBefore = 0 } = dialect ?? {}
  return { rows: 0, added: 0, changed: 0, unchanged: 0, rejected: 0, pieces: 0, next: dataStart, lines: linesBefore }
}

/** Within a transaction. */
export function saveProgress(
  tables: ContactTables,
  number: number,
  { progress, piece, rejects }: { progress: ImportProgress; piece: number; rejects: ImportRejects },
): void {
  tables.imports.put(number, packed(progress))
  if (rejects.length === 0) return
  rejects.sort((a, b) => a[0] - b[0])
  tables.rejects.put([number, piece], packed(rejects))
}

/** Rejected rows in the order of the file, a piece of the file at a time. */
export function* importRejects(tables: ContactTables, number: number): Generator<ImportReject[]> {
  const range = { start: [number], end: [number, Number.POSITIVE_INFINITY], snapshot: false }
  for (const { value } of tables.rejects.getRange(range)) {
    yield unpacked<ImportRejects>(value).map(([line, column, reason]) => {
      const code = reasonCode(reason)
      return { line, column: column === 0 ? null : column, code, reason: reasonHelp(code) }
    })
  }
}
