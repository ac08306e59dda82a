/**
 * The files that are being read and filed away: a bounded number at once, by turns of the accounts; what fails for a
 * passing reason is tried again. Main thread.
 */

import { unlink } from 'node:fs/promises'
import { crashPoint } from '../../engine/base/crash-point.js'
import type { DropKeeper, DropRecord } from '../../engine/contract/drop-keeper.js'
import { EngineError } from '../../engine/contract/errors.js'
import { dropId } from '../../engine/contract/ids.js'
import type { Log } from '../../engine/contract/log.js'
import type { OpenFolder } from '../site/open-folder.js'
import type { AccountFolder, Settled } from './account-folder.js'
import type { Claims, HeldClaim } from './claims.js'
import { finishDrop } from './drop-finish.js'
import { DropRun } from './drop-run.js'
import { markerOf, shownName } from './dropped-names.js'
import { Filing } from './filing.js'
import { codeOf, inFolder, pathIn } from './folder-files.js'
import { Retries } from './retries.js'
import { Turns } from './turns.js'
import type { WatchedFolders } from './watched-folders.js'

const FINISHES_AT_ONCE = 4

export interface DropWorkDeps {
  keeper: DropKeeper
  claims: Claims
  folders: WatchedFolders
  filesAtOnce: number
  fileBytesMax: number
  log: Log
  /** Monotonic milliseconds. */
  now(): number
  /** The store failed: the process must stop. */
  fail(error: unknown): void
}

export class DropWork {
  readonly #deps: DropWorkDeps
  readonly #filing: Filing
  readonly #run: DropRun
  readonly #stopping = new AbortController()
  readonly #turns: Turns
  readonly #retries = new Retries()
  /** Claimed and not filed away: they go before new ones. */
  readonly #claimed: number[] = []
  /** In processed/, and there is something to be written beside them. */
  readonly #filed: number[] = []
  readonly #underWay = new Map<number, Promise<void>>()
  readonly #taking = new Set<Promise<void>>()
  #finishing = 0
  #isHeld = false

  constructor(deps: DropWorkDeps) {
    this.#deps = deps
    const { keeper, claims, fileBytesMax } = deps
    this.#filing = new Filing(keeper, claims, this.#stopping.signal)
    this.#run = new DropRun({ keeper, claims, filing: this.#filing, fileBytesMax, signal: this.#stopping.signal })
    this.#turns = new Turns(deps.filesAtOnce)
  }

  /** What a claimed file was before: its records are gone on with, and what has none gets one. */
  async resume(folder: AccountFolder, held: readonly HeldClaim[]): Promise<void> {
    const { keeper, log } = this.#deps
    const account = keeper.account(folder.number)
    if (account === null) return
    // A claim whose file was moved on is of no use to its record any more.
    const known = new Set(keeper.open().flatMap(({ claim, state }) => (state === 'reading' ? [claim] : [])))
    for (const { claim, name, stage } of held) {
      if (known.has(claim)) continue
      if (name === null) await inFolder(folder.path, (root) => this.#deps.claims.remove(root, claim))
      else if (stage === 'claimed') await this.adopt(folder.number, claim, name)
      else
        log.warn({ account: account.id, claim }, 'a file was begun of which the store knows nothing; it is left alone')
    }
  }

  /** A claim that has no record yet. */
  async adopt(number: number, claim: string, name: Buffer): Promise<void> {
    const { keeper } = this.#deps
    const account = keeper.account(number)
    if (account === null) return
    const { drop } = await keeper.begin({ account: number, accountId: account.id, claim, name, file: shownName(name) })
    this.#claimed.push(drop)
  }

  /** At start: all that is not closed. */
  resumeAll(): void {
    for (const record of this.#deps.keeper.open()) this.#queue(record)
  }

  #queue({ drop, state }: DropRecord): void {
    if (state === 'reading') this.#claimed.push(drop)
    else this.over(drop)
  }

  /** The job of a drop is over, or its file lies in processed/ and may want its first report. */
  over(drop: number): void {
    if (this.#deps.keeper.get(drop).state === 'sending' && !this.#filed.includes(drop)) this.#filed.push(drop)
  }

  /** Begins what there is room for. */
  tick(): void {
    if (this.#stopping.signal.aborted) return
    for (const drop of this.#retries.due(this.#deps.now())) this.#queue(this.#deps.keeper.get(drop))
    this.#finishSome()
    while (this.#turns.hasRoom && this.#claimed.length > 0) this.#goOn(this.#claimed.shift()!)
    while (this.#mayTake() && this.#takeNext()) {
      // Until there is no room or nothing more to take.
    }
  }

  /** One that is still being written waits for its end. */
  #finishSome(): void {
    while (this.#finishing < FINISHES_AT_ONCE) {
      const at = this.#filed.findIndex((drop) => !this.#underWay.has(drop))
      if (at < 0) return
      this.#finish(this.#filed.splice(at, 1)[0]!)
    }
  }

  #mayTake(): boolean {
    if (!this.#turns.hasRoom) return false
    try {
      this.#deps.keeper.admit()
      this.#isHeld = false
      return true
    } catch (error) {
      if (!this.#isHeld) this.#deps.log.warn({ code: codeOf(error) }, 'dropped files wait: nothing new is taken now')
      this.#isHeld = true
      return false
    }
  }

  #takeNext(): boolean {
    const { folders } = this.#deps
    const number = this.#turns.next(folders.ready())
    const folder = number === null ? null : folders.find(number)
    const settled = folder?.handOut() ?? null
    if (folder === null || settled === null) return false
    this.#turns.begin(folder.number)
    const taking = this.#take(folder, settled).finally(() => {
      this.#taking.delete(taking)
      this.#turns.end(folder.number)
      this.tick()
    })
    this.#taking.add(taking)
    return true
  }

  async #take(folder: AccountFolder, settled: Settled): Promise<void> {
    let drop: number | null = null
    try {
      drop = await inFolder(folder.path, (root) => this.#claim(root, folder.number, settled.name))
    } catch (error) {
      this.#failed(null, error)
    } finally {
      folder.done(settled)
    }
    if (drop !== null) await this.#work(drop)
  }

  /** null: somebody else was quicker. */
  async #claim(root: OpenFolder, number: number, name: Buffer): Promise<number | null> {
    const { keeper, claims } = this.#deps
    const account = keeper.account(number)
    if (account === null) return null
    const claim = await claims.take(root, name)
    if (claim === null) return null
    crashPoint('drop-claimed')
    await unlink(pathIn(root, markerOf(name))).catch(() => {})
    const record = await keeper.begin({
      ...{ account: number, accountId: account.id, claim },
      ...{ name, file: shownName(name) },
    })
    return record.drop
  }

  #goOn(drop: number): void {
    if (this.#underWay.has(drop)) return
    const { account } = this.#deps.keeper.get(drop)
    this.#turns.begin(account)
    void this.#work(drop).finally(() => {
      this.#turns.end(account)
      this.tick()
    })
  }

  async #work(drop: number): Promise<void> {
    const work = this.#read(drop)
    this.#underWay.set(drop, work)
    await work
    this.#underWay.delete(drop)
  }

  async #read(drop: number): Promise<void> {
    const { keeper, folders } = this.#deps
    const { account, accountId } = keeper.get(drop)
    try {
      if (keeper.account(account) === null) await this.#orphaned(drop)
      else if ((await inFolder(folders.pathOf(accountId), (root) => this.#run.run(root, drop))) === 'filed') {
        this.#said(drop)
        this.#queue(keeper.get(drop))
      }
      this.#retries.done(drop)
    } catch (error) {
      this.#failed(drop, error)
    }
  }

  #said(drop: number): void {
    const { state, accountId, error } = this.#deps.keeper.get(drop)
    const about = { drop: dropId(drop), account: accountId, state, code: error?.code }
    this.#deps.log.info(about, 'a dropped file was read')
  }

  /** Its account was deleted: the file stays with what was set aside of it. */
  async #orphaned(drop: number): Promise<void> {
    const { keeper } = this.#deps
    await keeper.giveUp(drop)
    await keeper.update(drop, { error: { code: 'JOB_CANCELED', detail: 'The account was deleted.' } })
    await keeper.close(drop, 'failed', { subject: '', text: '' })
  }

  #finish(drop: number): void {
    this.#finishing++
    const finish = this.#finished(drop).finally(() => {
      this.#finishing--
      this.#underWay.delete(drop)
      this.tick()
    })
    this.#underWay.set(drop, finish)
  }

  async #finished(drop: number): Promise<void> {
    const { keeper, folders } = this.#deps
    const { account, accountId, state } = keeper.get(drop)
    // Told of twice, the second time while it was closed.
    if (state !== 'sending') return
    const parts = { keeper, filing: this.#filing }
    try {
      if (keeper.account(account) === null) await finishDrop(null, drop, parts)
      else await inFolder(folders.pathOf(accountId), (root) => finishDrop(root, drop, parts))
      this.#retries.done(drop)
    } catch (error) {
      this.#failed(drop, error)
    }
  }

  /** `drop`: null: it was not claimed; it is seen again with the next look. */
  #failed(drop: number | null, error: unknown): void {
    const { log, fail, now } = this.#deps
    const code = error instanceof EngineError ? error.code : codeOf(error)
    if (code === 'STORE_FAILED' || code === 'STORE_CORRUPT') fail(error)
    if (this.#stopping.signal.aborted) return
    if (drop === null) log.error({ error }, 'a dropped file could not be claimed; it stays where it is')
    else if (this.#retries.failed(drop, code, now())) {
      log.error({ drop: dropId(drop), error }, 'a dropped file waits and is tried again')
    }
  }

  /** Ends the reading of large files; they are gone on with at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    while (this.#taking.size + this.#underWay.size > 0) {
      await Promise.allSettled([...this.#taking, ...this.#underWay.values()])
    }
  }
}
