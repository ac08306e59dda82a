/** The 'contactErase' task: a step of taking away everything that a deleted account knew of its contacts. Ingest threads. */
import type { Database, Key } from 'lmdb'
import type { ContactTables } from './contact-tables.js'
import { transaction } from './contact-writer.js'

/** Entries that one transaction removes. */
const STEP = 5_000

/** False: nothing of the account is left. @throws EngineError STORE_FAILED. */
export function eraseStep(tables: ContactTables, account: number): boolean {
  const { records, numbers, fresh, emails, freshEmails, last, tagged, tags, attributes } = tables
  const all = [records, numbers, fresh, emails, freshEmails, last, tagged, tags, attributes]
  let left = STEP
  transaction(tables, () => {
    for (const table of all) left -= removeSome(table, account, left)
    // Last: while it is there, the account is known to have something left.
    if (left > 0) tables.accounts.remove(account)
  })
  return left <= 0
}

function removeSome(table: Database<Buffer, Key>, account: number, most: number): number {
  if (most <= 0) return 0
  const keys = [...table.getKeys({ start: [account], end: [account + 1], limit: most })]
  for (const key of keys) table.remove(key)
  return keys.length
}
