/**
 * What was deleted or replaced in an LMDB environment stays in its file: freed pages keep their octets until they are used
 * again. Here they are used: records of exactly one page of zeros are put until the file has to grow, which means that no
 * freed page is left, and are then removed. In short transactions, with pauses, so that nobody waits for it; in very short ones
 * towards the end, so that the file hardly grows however often this is done. Main thread.
 *
 * Not reached are pages that somebody still reads, and slack within pages that are in use: a compaction leaves both behind
 * (compaction.ts).
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Database, RootDatabase } from 'lmdb'
import { crashPoint } from '../base/crash-point.js'
import { storeFailed } from '../store/lmdb-store.js'

/** A page less the header of lmdb 3.5.6: such a value has a page of its own, and one octet more would take a second one beside it. */
const PAGE_VALUE_BYTES = 4_072
const PAGES_AT_ONCE = 256
/** With fewer freed pages left, so many at once. */
const NEARLY_FULL = 1_024
const PAGES_AT_THE_END = 8
const META_PAGES = 2
const PAUSE_MS = 2
/** Transactions after which what one of them freed may be used again. */
const AGING = 2

/** Of LMDB's statistics of a table: counts of pages. */
interface TableStats {
  treeBranchPageCount: number
  treeLeafPageCount: number
  overflowPages: number
}

interface EnvironmentStats {
  lastPageNumber: number
  /** Of the tables of freed pages and of names. */
  free: TableStats
  root: TableStats
}

export class FreePages {
  readonly #root: RootDatabase
  readonly #table: Database<Buffer, number>
  readonly #isStopping: () => boolean
  #tables: Database[] = []

  constructor(root: RootDatabase, isStopping: () => boolean) {
    this.#root = root
    this.#table = root.openDB<Buffer, number>({ name: 'zeros', encoding: 'binary' })
    this.#isStopping = isStopping
  }

  /** Pages overwritten. False: the engine stops, some may be left. @throws EngineError STORE_FAILED. */
  async overwrite(): Promise<number | false> {
    // Whatever the tables are: all of them take pages.
    this.#tables = [...this.#root.getKeys()].map((name) =>
      this.#root.openDB({ name: String(name), encoding: 'binary' }),
    )
    await this.#clear()
    const pages = await this.#fill()
    await this.#clear()
    if (pages === false) return false
    // Once more: what the first pass itself replaced is overwritten now, and buffers that LMDB uses again hold zeros by then.
    for (let page = 0; page < pages; page += PAGES_AT_ONCE) {
      if (this.#isStopping()) return false
      await this.#put(page, Math.min(PAGES_AT_ONCE, pages - page))
    }
    await this.#clear()
    return pages
  }

  /** Until the file grows. */
  async #fill(): Promise<number | false> {
    let last = this.#stats().lastPageNumber
    for (let pages = 0; ; ) {
      if (this.#isStopping()) return false
      const count = this.#freed() > NEARLY_FULL ? PAGES_AT_ONCE : PAGES_AT_THE_END
      await this.#put(pages, count)
      pages += count
      crashPoint('pages-filled')
      const now = this.#stats().lastPageNumber
      if (now - last >= count * 0.9) return pages
      last = now
    }
  }

  async #put(first: number, count: number): Promise<void> {
    const zeros = Buffer.alloc(PAGE_VALUE_BYTES)
    await this.#batch(() => {
      for (let page = first; page < first + count; page++) this.#table.put(page, zeros)
    })
    await pause(PAUSE_MS)
  }

  #stats(): EnvironmentStats {
    this.#root.resetReadTxn()
    return this.#root.getStats() as EnvironmentStats
  }

  /** Pages of the file that nothing uses. */
  #freed(): number {
    const { lastPageNumber, free, root } = this.#stats()
    let used = META_PAGES + pagesOf(free) + pagesOf(root)
    for (const table of this.#tables) used += pagesOf(table.getStats() as TableStats)
    return lastPageNumber + 1 - used
  }

  async #clear(): Promise<void> {
    for (;;) {
      this.#root.resetReadTxn()
      const keys = [...this.#table.getKeys({ limit: PAGES_AT_ONCE * 4 })]
      if (keys.length === 0) break
      await this.#batch(() => {
        for (const key of keys) this.#table.remove(key)
      })
    }
    for (let n = 0; n < AGING; n++) {
      await this.#batch(() => {
        this.#table.put(0, Buffer.of(n))
      })
    }
  }

  async #batch(work: () => void): Promise<void> {
    try {
      await this.#root.batch(() => {
        work()
      })
    } catch (error) {
      throw storeFailed(error)
    }
  }
}

function pagesOf({ treeBranchPageCount, treeLeafPageCount, overflowPages }: TableStats): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages
}
