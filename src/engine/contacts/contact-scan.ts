/**
 * Walks the contacts of an account in order of their creation: all of them, or those that have one of some tags. It goes on
 * behind an id, so that a walk of millions is many short ones, and a contact that changes meanwhile comes once. Any thread.
 */
import { type ContactRecord, decodeContact, foldTag } from './contact-record.js'
import type { ContactTables } from './contact-tables.js'

export interface Scan {
  account: number
  /** Has one of these; empty: all contacts. */
  tags: readonly string[]
  /** Begins behind this id; 0: at the first. */
  after: number
  /** Ends before this id: what comes later is not of this walk. */
  before: number
}

export interface Scanned {
  id: number
  record: ContactRecord
}

/** Reads on as the caller asks; `records` it passes over are not decoded. */
export function* scanContacts(tables: ContactTables, scan: Scan): Generator<Scanned> {
  if (scan.tags.length === 0) {
    const range = { start: [scan.account, scan.after + 1], end: [scan.account, scan.before], snapshot: false }
    for (const { key, value } of tables.records.getRange(range)) {
      yield { id: (key as number[])[1]!, record: decodeContact(value) }
    }
    return
  }
  for (const id of taggedIds(tables, scan)) {
    const bytes = tables.records.getBinary([scan.account, id])
    if (bytes !== undefined) yield { id, record: decodeContact(bytes) }
  }
}

/** Ids of every contact with one of the tags, each once, in order. */
function* taggedIds(tables: ContactTables, { account, tags, after, before }: Scan): Generator<number> {
  const folded = [...new Set(tags.map(foldTag))]
  const lists = folded.map((tag) => {
    const range = { start: [account, tag, after + 1], end: [account, tag, before], snapshot: false }
    return tables.tagged.getKeys(range)[Symbol.iterator]()
  })
  try {
    const heads = lists.map((list) => idOf(list.next()))
    for (;;) {
      const lowest = Math.min(...heads)
      if (lowest === Number.POSITIVE_INFINITY) return
      for (let index = 0; index < heads.length; index++) {
        if (heads[index] === lowest) heads[index] = idOf(lists[index]!.next())
      }
      yield lowest
    }
  } finally {
    for (const list of lists) list.return?.()
  }
}

function idOf(next: IteratorResult<unknown>): number {
  return next.done ? Number.POSITIVE_INFINITY : (next.value as [number, string, number])[2]
}
