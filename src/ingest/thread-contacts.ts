/** The tables of contacts as this ingest thread has opened them: at the first task that asks, and never in other threads. */
import { workerData } from 'node:worker_threads'
import { type ContactTables, openContactTables } from '../engine/contacts/contact-tables.js'

let opened: ContactTables | null = null

export function threadContacts(): ContactTables {
  if (opened === null) {
    // piscina hands over [its own, ours].
    const { dataDir } = (Array.isArray(workerData) ? workerData[1] : workerData) as { dataDir: string }
    opened = openContactTables(dataDir)
  }
  return opened
}
