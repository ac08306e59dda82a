/**
 * Claims of other engines on the same folders. One that lies still for long, and of which nothing was made, is taken over:
 * its engine is gone, or stuck. Should it wake, it finds its claim gone and lets go. Main thread.
 */
import { readdir } from 'node:fs/promises'
import type { Log } from '../../engine/contract/log.js'
import type { AccountFolder } from './account-folder.js'
import type { Claims } from './claims.js'
import { inFolder } from './folder-files.js'

/** Between two rounds over all folders, at the most often. */
const ROUND_MS = 30_000

export interface ForeignClaimsDeps {
  claims: Claims
  takeOverMs: number
  log: Log
  /** Monotonic milliseconds. */
  now(): number
  adopt(account: number, claim: string, name: Buffer): Promise<void>
}

export class ForeignClaims {
  readonly #deps: ForeignClaimsDeps
  /** Since when each was seen, by account and claim: by this engine's own clock, since others' may differ. */
  #since = new Map<string, number>()
  #nextMs = 0
  #round: Promise<void> = Promise.resolve()
  #isRunning = false
  #isStopped = false

  constructor(deps: ForeignClaimsDeps) {
    this.#deps = deps
  }

  tick(folders: readonly AccountFolder[], nowMs: number): void {
    if (this.#isRunning || nowMs < this.#nextMs) return
    this.#nextMs = nowMs + Math.min(ROUND_MS, this.#deps.takeOverMs / 2)
    this.#isRunning = true
    this.#round = this.#look(folders).finally(() => {
      this.#isRunning = false
    })
  }

  async #look(folders: readonly AccountFolder[]): Promise<void> {
    const seen = new Map<string, number>()
    for (const folder of folders) {
      if (this.#isStopped) return
      // A folder that cannot be used is said of elsewhere.
      await this.#lookAt(folder, seen).catch(() => {})
    }
    this.#since = seen
  }

  async #lookAt(folder: AccountFolder, seen: Map<string, number>): Promise<void> {
    const { claims, takeOverMs, now, log } = this.#deps
    await inFolder(folder.path, async (root) => {
      for (const foreign of await claims.foreign(root)) {
        const key = `${folder.number} ${foreign}`
        const sinceMs = this.#since.get(key) ?? now()
        seen.set(key, sinceMs)
        if (now() - sinceMs < takeOverMs || !(await claims.takeOver(root, foreign))) continue
        const claim = foreign.split('/')[1]!
        const names = await claims.inClaim(root, claim, (own) => readdir(own.self, { encoding: 'buffer' }))
        log.warn({ claim }, 'a dropped file was taken over from another engine, which left it lying')
        if (names?.[0] === undefined) await claims.remove(root, claim)
        else await this.#deps.adopt(folder.number, claim, names[0])
      }
    })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#round
  }
}
