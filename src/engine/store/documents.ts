/**
 * Small records (accounts, keys, jobs, templates …) as MessagePack in an environment of their own. Main thread only.
 * A write resolves when it is durable; reads see committed writes at once.
 */
import type { Database, RootDatabase } from 'lmdb'
import { storeFailed } from './lmdb-store.js'
import { openRoot } from './open-root.js'
import { packed, unpacked } from './packed-document.js'

export type DocumentKey = (string | number)[]

/** One write of a batch; `value: null` removes. */
export interface DocumentWrite {
  collection: string
  key: DocumentKey
  value: object | null
}

export interface OpenDocuments {
  root: RootDatabase
  table: Database<Buffer, DocumentKey>
}

function openDocuments(dataDir: string): OpenDocuments {
  const root = openRoot(dataDir, 'documents', {})
  return { root, table: root.openDB<Buffer, DocumentKey>({ name: 'documents', encoding: 'binary' }) }
}

export class Documents {
  readonly #root: RootDatabase
  readonly #table: Database<Buffer, DocumentKey>

  /** `open`: what opens the environment of the folder. */
  constructor(dataDir: string, open: (dataDir: string) => OpenDocuments = openDocuments) {
    const { root, table } = open(dataDir)
    this.#root = root
    this.#table = table
  }

  /** The environment itself, for what is about its file. */
  get root(): RootDatabase {
    return this.#root
  }

  get<T extends object>(collection: string, key: DocumentKey): T | null {
    const bytes = this.#table.getBinary([collection, ...key])
    return bytes === undefined ? null : unpacked<T>(bytes, nameOf([collection, ...key]))
  }

  /** All in one transaction. @throws EngineError STORE_FAILED: the process must stop. */
  async write(writes: DocumentWrite[]): Promise<void> {
    try {
      await this.#root.batch(() => {
        for (const { collection, key, value } of writes) {
          if (value === null) this.#table.remove([collection, ...key])
          else this.#table.put([collection, ...key], packed(value))
        }
      })
    } catch (error) {
      throw storeFailed(error)
    }
  }

  async put(collection: string, key: DocumentKey, value: object): Promise<void> {
    await this.write([{ collection, key, value }])
  }

  async remove(collection: string, key: DocumentKey): Promise<void> {
    await this.write([{ collection, key, value: null }])
  }

  /**
   * Documents whose key begins with `prefix`, in key order (or backwards); `after` is the key to go on behind.
   * Ends at `limit`.
   */
  list<T extends object>(
    collection: string,
    query: { prefix?: DocumentKey; after?: DocumentKey; reverse?: boolean; limit?: number } = {},
  ): { key: DocumentKey; value: T }[] {
    const first: DocumentKey = [collection, ...(query.prefix ?? [])]
    // A key that ends in a high string sorts behind everything that begins with the same elements.
    const last: DocumentKey = [...first, '\u{10ffff}']
    const after = query.after ? [collection, ...query.after] : undefined
    const [start, end] = query.reverse ? [after ?? last, first] : [after ?? first, last]
    const items: { key: DocumentKey; value: T }[] = []
    for (const { key, value } of this.#table.getRange({
      start,
      end,
      reverse: query.reverse,
      exclusiveStart: after !== undefined,
    } as object)) {
      items.push({ key: (key as DocumentKey).slice(1), value: unpacked<T>(value as unknown as Buffer, nameOf(key)) })
      if (items.length === query.limit) break
    }
    return items
  }

  async close(): Promise<void> {
    await this.#root.close()
  }
}

function nameOf(key: DocumentKey): string {
  return `the document ${key.join('/')}`
}
