/**
 * What was deleted or replaced in an LMDB environment stays in its file: freed pages keep their octets until they are used
 * again. Here they are used: records of exactly one page of zeros are put until the file has to grow, which means that no
 * freed page is left, and are then removed. In short transactions, with pauses, so that nobody waits for it. Main thread.
 *
 * Not reached are pages that somebody still reads, and slack within pages that are in use: a compaction leaves both behind
 * (compaction.ts).
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Database, RootDatabase } from 'lmdb'
import { crashPoint } from '../base/crash-point.js'
import { storeFailed } from '../store/lmdb-store.js'

/** A page less its header: such a value has a page of its own. */
const PAGE_VALUE_BYTES = 4_080
const PAGES_AT_ONCE = 256
const PAUSE_MS = 2
/** Twice: what the first pass itself replaced is overwritten by the second, and buffers that LMDB uses again hold zeros by then. */
const PASSES = 2

export class FreePages {
  readonly #root: RootDatabase
  readonly #table: Database<Buffer, number>
  readonly #isStopping: () => boolean

  constructor(root: RootDatabase, isStopping: () => boolean) {
    this.#root = root
    this.#table = root.openDB<Buffer, number>({ name: 'zeros', encoding: 'binary' })
    this.#isStopping = isStopping
  }

  /** Pages overwritten. False: the engine stops, some may be left. @throws EngineError STORE_FAILED. */
  async overwrite(): Promise<number | false> {
    let pages = 0
    for (let pass = 0; pass < PASSES; pass++) {
      await this.#clear()
      const used = await this.#fill()
      await this.#clear()
      if (used === false) return false
      pages = Math.max(pages, used)
    }
    return pages
  }

  async #fill(): Promise<number | false> {
    const zeros = Buffer.alloc(PAGE_VALUE_BYTES)
    let last = this.#lastPage()
    for (let next = 0; ; next += PAGES_AT_ONCE) {
      if (this.#isStopping()) return false
      await this.#batch(() => {
        for (let page = next; page < next + PAGES_AT_ONCE; page++) this.#table.put(page, zeros)
      })
      crashPoint('pages-filled')
      this.#root.resetReadTxn()
      const now = this.#lastPage()
      if (now - last >= PAGES_AT_ONCE * 0.9) return next
      last = now
      await pause(PAUSE_MS)
    }
  }

  #lastPage(): number {
    return (this.#root.getStats() as { lastPageNumber: number }).lastPageNumber
  }

  async #clear(): Promise<void> {
    for (;;) {
      this.#root.resetReadTxn()
      const keys = [...this.#table.getKeys({ limit: PAGES_AT_ONCE * 4 })]
      if (keys.length === 0) return
      await this.#batch(() => {
        for (const key of keys) this.#table.remove(key)
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
