/** The tables of contacts as this ingest thread has opened them: at the first task that asks, and never in other threads. */
import { workerData } from 'node:worker_threads'
import { type ContactTables, openContactTables } from '../engine/contacts/contact-tables.js'

let opened: ContactTables | null = null

export function threadContacts(): ContactTables {
  // piscina hands over [its own, ours].
  opened ??= openContactTables((workerData as [unknown, { dataDir: string }])[1].dataDir)
  return opened
}
