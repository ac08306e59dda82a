/**
 * The folders of all accounts: made, watched by the kernel where it can, looked through every few seconds in any case, and
 * set aside when their account is deleted. Main thread.
 */
import { type FSWatcher, watch } from 'node:fs'
import { lstat, readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import type { DropAccount } from '../../engine/contract/drop-keeper.js'
import type { Log } from '../../engine/contract/log.js'
import { AccountFolder, folderProblem } from './account-folder.js'
import { type Claims, OWN_FOLDER } from './claims.js'
import { codeOf, inFolder, pathIn, within, writeWhole } from './folder-files.js'

/** Between two looks at a folder in which something is not complete yet. */
const LOOK_MS_MIN = 50
const LOOK_MS_MAX = 500
const LOOKS_AT_ONCE = 8
/** Kernels give a process some thousands; further folders are found by the scan. */
const WATCHERS_MAX = 4_000
const MARK = 'account'

export interface WatchedFoldersDeps {
  /** Absolute, no link in it. */
  root: string
  claims: Claims
  settleMs: number
  scanMs: number
  log: Log
  /** Monotonic milliseconds. */
  now(): number
}

interface Watched {
  account: DropAccount
  folder: AccountFolder
  watcher: FSWatcher | null
  nextLookMs: number
  lookedAtMs: number
  isLooking: boolean
  /** What was said of it in the log. */
  problem: string
}

export class WatchedFolders {
  readonly #deps: WatchedFoldersDeps
  readonly #watched = new Map<number, Watched>()
  readonly #looks = new Set<Promise<void>>()
  readonly #lookMs: number
  #nextScanMs = 0

  constructor(deps: WatchedFoldersDeps) {
    this.#deps = deps
    this.#lookMs = Math.max(LOOK_MS_MIN, Math.min(LOOK_MS_MAX, deps.settleMs / 4))
  }

  pathOf(id: string): string {
    return path.join(this.#deps.root, id)
  }

  /** Makes the folder of an account and watches it; of one that is watched already: what is known of the account. */
  async add(account: DropAccount): Promise<void> {
    const known = this.#watched.get(account.number)
    if (known !== undefined) {
      known.account = account
      known.nextLookMs = 0
      return
    }
    const { claims, settleMs, now } = this.#deps
    const folder = new AccountFolder({ number: account.number, path: this.pathOf(account.id), claims, settleMs, now })
    // A look that comes meanwhile would make the same folders at the same time, and fail.
    const watched = { account, folder, watcher: null, nextLookMs: 0, lookedAtMs: 0, isLooking: true, problem: '' }
    this.#watched.set(account.number, watched)
    await this.#prepare(watched)
    watched.isLooking = false
  }

  async #prepare(watched: Watched): Promise<void> {
    try {
      await this.#setFormerAside(watched.account)
      await watched.folder.prepare()
      await this.#mark(watched)
      this.#watch(watched)
      this.#says(watched, '')
    } catch (error) {
      this.#says(watched, folderProblem(error))
    }
  }

  /** A folder of this name that belonged to an account of before, which was deleted, is nothing for the new one. */
  async #setFormerAside({ id, number }: DropAccount): Promise<void> {
    const mark = path.join(this.pathOf(id), OWN_FOLDER, this.#deps.claims.owner, MARK)
    const former = await readFile(mark, 'utf8').catch(() => null)
    if (former !== null && former !== String(number)) await this.#setAside(id, former)
  }

  async #setAside(id: string, number: string): Promise<void> {
    const aside = this.pathOf(`.deleted-${id}-${number}`)
    await rename(this.pathOf(id), aside).catch((error) => {
      if (codeOf(error) !== 'ENOENT') throw error
    })
    this.#deps.log.info({ account: id }, 'the drop folder of a deleted account was set aside')
  }

  async #mark({ folder, account }: Watched): Promise<void> {
    await inFolder(folder.path, (root) =>
      this.#deps.claims.inWork(root, 'out', (work) =>
        within(root, OWN_FOLDER, (own) =>
          within(own, this.#deps.claims.owner, async (mine) => {
            const there = await lstat(pathIn(mine, MARK)).catch(() => null)
            const place = { work, temporary: MARK, folder: mine, name: Buffer.from(MARK) }
            if (there === null) await writeWhole(place, [String(account.number)])
          }),
        ),
      ),
    )
  }

  /** Without a watch the folder is looked through now and then all the same. */
  #watch(watched: Watched): void {
    watched.watcher?.close()
    watched.watcher = null
    if (this.#watched.size > WATCHERS_MAX) return
    try {
      const watcher = watch(watched.folder.path, { persistent: false, encoding: 'buffer' })
      watcher.on('change', () => this.#soon(watched))
      watcher.on('error', () => watcher.close())
      watched.watcher = watcher
    } catch {
      // No watches left, or a file system without.
    }
  }

  #soon(watched: Watched): void {
    watched.nextLookMs = Math.min(watched.nextLookMs, watched.lookedAtMs + this.#lookMs)
  }

  #says(watched: Watched, problem: string): void {
    if (watched.problem === problem) return
    watched.problem = problem
    const about = { account: watched.account.id, problem }
    if (problem !== '') this.#deps.log.error(about, 'a drop folder cannot be used; its files stay where they are')
    else this.#deps.log.info(about, 'a drop folder can be used again')
  }

  /** The feature is off: its folder is left as it is. */
  remove(number: number): void {
    this.#watched.get(number)?.watcher?.close()
    this.#watched.delete(number)
  }

  /** The account is deleted: nobody who gets its name later finds its files. */
  async retire(number: number): Promise<void> {
    const watched = this.#watched.get(number)
    if (watched === undefined) return
    this.remove(number)
    try {
      await this.#setAside(watched.account.id, String(number))
    } catch (error) {
      this.#says(watched, folderProblem(error))
    }
  }

  find(number: number): AccountFolder | null {
    return this.#watched.get(number)?.folder ?? null
  }

  /** The file is complete: it is looked at with the next tick. */
  tell(number: number, name: Buffer): void {
    const watched = this.#watched.get(number)
    if (watched === undefined) return
    watched.folder.tell(name)
    watched.nextLookMs = 0
  }

  /** Begins what looks are due. */
  tick(nowMs: number): void {
    const isScan = nowMs >= this.#nextScanMs
    if (isScan) this.#nextScanMs = nowMs + this.#deps.scanMs
    for (const watched of this.#watched.values()) {
      if (isScan) watched.nextLookMs = Math.min(watched.nextLookMs, nowMs)
      if (watched.isLooking || watched.nextLookMs > nowMs || this.#looks.size >= LOOKS_AT_ONCE) continue
      const look = this.#look(watched, nowMs).finally(() => this.#looks.delete(look))
      this.#looks.add(look)
    }
  }

  async #look(watched: Watched, nowMs: number): Promise<void> {
    const { folder } = watched
    watched.isLooking = true
    watched.lookedAtMs = nowMs
    watched.nextLookMs = Number.POSITIVE_INFINITY
    try {
      if (watched.problem !== '' || watched.watcher === null) await this.#prepare(watched)
      const isNew = await folder.look()
      this.#says(watched, '')
      if (isNew) {
        // The watch is on the folder that was there before; what came until now is seen by another look.
        await this.#prepare(watched)
        watched.nextLookMs = 0
      }
    } catch (error) {
      this.#says(watched, folderProblem(error))
      // The folder may have been moved from under its watch.
      watched.watcher?.close()
      watched.watcher = null
    } finally {
      watched.isLooking = false
      if (folder.isUnsettled) watched.nextLookMs = Math.min(watched.nextLookMs, this.#deps.now() + this.#lookMs)
    }
  }

  /** Numbers of accounts whose files may be taken and of which some are complete. */
  *ready(): Iterable<number> {
    for (const [number, { folder, account }] of this.#watched) if (account.takes && folder.hasSettled) yield number
  }

  all(): AccountFolder[] {
    return [...this.#watched.values()].map(({ folder }) => folder)
  }

  /** Files that are not taken yet. */
  get waiting(): number {
    let waiting = 0
    for (const { folder } of this.#watched.values()) waiting += folder.waiting
    return waiting
  }

  async stop(): Promise<void> {
    for (const { watcher } of this.#watched.values()) watcher?.close()
    await Promise.allSettled(this.#looks)
  }
}
