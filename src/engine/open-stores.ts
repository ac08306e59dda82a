/** The stores of the main thread. Their writes are watched like those of all threads: one that fails stops the process (store/store-writes.ts). */
import { type ContactTables, openContactTables } from './contacts/contact-tables.js'
import { BlockNumbers } from './store/block-numbers.js'
import { Documents } from './store/documents.js'
import { openEnvironment } from './store/environment.js'
import { LmdbStore } from './store/lmdb-store.js'

export interface Stores {
  documents: Documents
  store: LmdbStore
  contacts: ContactTables
}

export function openStores(dataDir: string): Stores {
  const documents = new Documents(dataDir)
  const environment = openEnvironment(dataDir)
  const store = new LmdbStore(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }))
  return { documents, store, contacts: openContactTables(dataDir) }
}
