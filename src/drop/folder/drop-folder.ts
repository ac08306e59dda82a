/**
 * Drop & Go: the folders of all accounts and the work on their files, begun by a tick and stopped as one. Main thread.
 */
import { mkdir, realpath } from 'node:fs/promises'
import type { DropFolderConfig } from '../../engine/config/drop-folder.js'
import type { Clock } from '../../engine/contract/clock.js'
import type { DropKeeper, DropListener } from '../../engine/contract/drop-keeper.js'
import type { DropFolders } from '../../engine/contract/drops.js'
import type { Log } from '../../engine/contract/log.js'
import type { Metrics } from '../../engine/contract/metrics.js'
import type { AccountFolder } from './account-folder.js'
import { Claims } from './claims.js'
import { DropWork } from './drop-work.js'
import { inFolder } from './folder-files.js'
import { ForeignClaims } from './foreign-claims.js'
import { WatchedFolders } from './watched-folders.js'

/** Accounts find their own folder in it; nobody else's. */
const ROOT_MODE = 0o751
/** How long another engine's claim lies still before it is taken over. */
const TAKE_OVER_MS = 600_000

export interface DropFolderDeps {
  config: Pick<DropFolderConfig, 'root' | 'settleMs' | 'scanMs' | 'filesAtOnce' | 'fileBytesMax'>
  keeper: DropKeeper
  clock: Clock
  log: Log
  metrics: Metrics
  /** The store failed: the process must stop. */
  fail(error: unknown): void
  takeOverMs?: number
}

export class DropFolder implements DropFolders, DropListener {
  readonly #deps: DropFolderDeps
  readonly #claims: Claims
  readonly #folders: WatchedFolders
  readonly #work: DropWork
  readonly #foreign: ForeignClaims
  #changes: Promise<void> = Promise.resolve()
  #isStopped = false

  /** Makes the folders of all accounts and takes up what the last run of the process left. */
  static async open(deps: DropFolderDeps): Promise<DropFolder> {
    await mkdir(deps.config.root, { recursive: true, mode: ROOT_MODE })
    const folder = new DropFolder(deps, await realpath(deps.config.root))
    await folder.#begin()
    return folder
  }

  private constructor(deps: DropFolderDeps, root: string) {
    this.#deps = deps
    const { keeper, log, fail, config, clock } = deps
    const now = () => clock.monotonic()
    this.#claims = new Claims(keeper.owner)
    this.#folders = new WatchedFolders({ ...config, root, claims: this.#claims, log, now })
    this.#work = new DropWork({ ...config, keeper, claims: this.#claims, folders: this.#folders, log, now, fail })
    this.#foreign = new ForeignClaims({
      ...{ claims: this.#claims, takeOverMs: deps.takeOverMs ?? TAKE_OVER_MS, log, now },
      adopt: (number, claim, name) => this.#work.adopt(number, claim, name),
    })
  }

  async #begin(): Promise<void> {
    const { keeper } = this.#deps
    for (const account of keeper.accounts()) {
      if (account.hasFolder) await this.#folders.add(account)
    }
    this.#work.resumeAll()
    for (const folder of this.#folders.all()) await this.#resume(folder)
  }

  /** A folder that cannot be used now has nothing to resume; its records are tried again all the same. */
  async #resume(folder: AccountFolder): Promise<void> {
    const held = await inFolder(folder.path, (root) => this.#claims.held(root)).catch(() => [])
    await this.#work.resume(folder, held)
  }

  accountChanged(number: number): void {
    const change = this.#changes.then(() => (this.#isStopped ? undefined : this.#changed(number)))
    this.#changes = change.catch(this.#deps.fail)
  }

  async #changed(number: number): Promise<void> {
    const account = this.#deps.keeper.account(number)
    if (account === null) await this.#folders.retire(number)
    else if (account.hasFolder) await this.#folders.add(account)
    else this.#folders.remove(number)
  }

  jobOver(drop: number): void {
    this.#work.over(drop)
  }

  async folder(id: string): Promise<string | null> {
    const account = this.#deps.keeper.find(id)
    if (account === null || !account.hasFolder) return null
    await this.#changes
    await this.#folders.add(account)
    return this.#folders.pathOf(id)
  }

  uploaded(id: string, name: string | Buffer): void {
    const account = this.#deps.keeper.find(id)
    if (account !== null) this.#folders.tell(account.number, Buffer.from(name))
  }

  /** Ten times a second. */
  tick(): void {
    if (this.#isStopped) return
    const nowMs = this.#deps.clock.monotonic()
    this.#folders.tick(nowMs)
    this.#foreign.tick(this.#folders.all(), nowMs)
    this.#work.tick()
    this.#deps.metrics.gauge('trunkline_drops_waiting').set(this.#folders.waiting)
  }

  /** What is under way comes to an end or is gone on with at the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#changes
    await Promise.all([this.#folders.stop(), this.#work.stop(), this.#foreign.stop()])
  }
}
