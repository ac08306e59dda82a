/** Stores whose failed writes stop the process, whoever asked for the write: going on after one can corrupt what is there. */
import { type ContactTables, openContactTables } from './contacts/contact-tables.js'
import { BlockNumbers } from './store/block-numbers.js'
import { Documents, type DocumentWrite } from './store/documents.js'
import { openEnvironment } from './store/environment.js'
import { LmdbStore } from './store/lmdb-store.js'

export type Fail = (error: unknown) => void

class FailStopDocuments extends Documents {
  readonly #fail: Fail
  constructor(dataDir: string, fail: Fail) {
    super(dataDir)
    this.#fail = fail
  }

  override async write(writes: DocumentWrite[]): Promise<void> {
    try {
      await super.write(writes)
    } catch (error) {
      this.#fail(error)
      throw error
    }
  }
}

class FailStopStore extends LmdbStore {
  readonly #fail: Fail
  constructor(dataDir: string, fail: Fail) {
    const environment = openEnvironment(dataDir)
    super(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }))
    this.#fail = fail
  }

  override discard(job: number, from = 0): void {
    try {
      super.discard(job, from)
    } catch (error) {
      this.#fail(error)
      throw error
    }
  }
}

export interface Stores {
  documents: Documents
  store: LmdbStore
  contacts: ContactTables
}

export function openStores(dataDir: string, fail: Fail): Stores {
  return {
    documents: new FailStopDocuments(dataDir, fail),
    store: new FailStopStore(dataDir, fail),
    contacts: openContactTables(dataDir),
  }
}
