/** What was erased is still in the stores' files: overwritten while the engine runs, one run at a time. Main thread. */
import type { RootDatabase } from 'lmdb'
import { Coalesced } from '../base/coalesced.js'
import type { Environment } from '../store/environment.js'
import { storeFailed } from '../store/lmdb-store.js'
import { TALKS_FROM } from '../store/talk-writer.js'
import { markErased } from './compaction.js'
import { FreePages } from './free-pages.js'

const TALKS_AT_ONCE = 512

export interface DiskTracesDeps {
  dataDir: string
  environment: Environment
  /** Of documents and contacts. */
  others: readonly RootDatabase[]
  isStopping(): boolean
}

export class DiskTraces {
  readonly #deps: DiskTracesDeps
  readonly #pages: readonly FreePages[]
  readonly #run = new Coalesced(() => this.#overwrite())
  #isWhole = false

  constructor(deps: DiskTracesDeps) {
    this.#deps = deps
    this.#pages = [deps.environment.root, ...deps.others].map((root) => new FreePages(root, deps.isStopping))
  }

  /** Before something is erased: until a compaction its traces may be there. */
  mark(): void {
    markErased(this.#deps.dataDir)
  }

  /** False: the engine stops; the next start goes on. @throws EngineError STORE_FAILED. */
  async overwrite(): Promise<boolean> {
    await this.#run.run()
    return this.#isWhole
  }

  async idle(): Promise<void> {
    await this.#run.idle()
  }

  async #overwrite(): Promise<void> {
    this.#isWhole = false
    await this.#oldTalks()
    for (const pages of this.#pages) if ((await pages.overwrite()) === false) return
    this.#isWhole = true
  }

  /** Batches of conversations that segments or later batches stand for. */
  async #oldTalks(): Promise<void> {
    const { root, talks, meta } = this.#deps.environment
    for (;;) {
      root.resetReadTxn()
      const from = meta.getBinary(TALKS_FROM)?.readDoubleLE(0) ?? 0
      const old = [...talks.getKeys({ end: from, limit: TALKS_AT_ONCE })]
      if (old.length === 0) return
      try {
        await root.batch(() => {
          for (const key of old) talks.remove(key)
        })
      } catch (error) {
        throw storeFailed(error)
      }
    }
  }
}
