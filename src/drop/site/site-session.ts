/**
 * One logged-in connection: the account's folder behind counters and limits that do not depend on the protocol. Site thread.
 */
import type { Clock } from '../../engine/contract/clock.js'
import type { LoginGrant, SiteProtocol } from '../../engine/contract/site.js'
import type { AccountRoot, EntryView } from './account-root.js'
import type { Download } from './download.js'
import { pathOf, pathSteps } from './drop-names.js'
import { SiteError } from './site-error.js'
import type { Upload, UploadWish } from './upload.js'

/** How long an uploaded file is still shown to the session that brought it, when the folder has taken it already. */
const RECALL_MS = 60_000
const RECALLED_MAX = 1_000

/** What of the site a session needs. */
export interface SessionHost {
  clock: Clock
  wait(ms: number): Promise<void>
  handles: number
  isDraining(): boolean
  /** Milliseconds that this log-in has to wait after these octets. */
  pace(session: SiteSession, octets: number): number
  uploadEnded(session: SiteSession, result: 'done' | 'broken', octets: number): void
  ended(session: SiteSession): void
}

export interface SessionParts {
  grant: LoginGrant
  protocol: SiteProtocol
  ip: string
  root: AccountRoot
  host: SessionHost
  /** Closes the connection. */
  hangUp(reason: string): void
}

interface Recalled extends EntryView {
  untilMs: number
}

export class SiteSession {
  readonly grant: LoginGrant
  readonly protocol: SiteProtocol
  readonly ip: string
  readonly #root: AccountRoot
  readonly #parts: SessionParts
  readonly #uploads = new Set<Upload>()
  readonly #downloads = new Set<Download>()
  /** Uploads that begin or end at the moment: the folder is not closed before they have. */
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #recalled = new Map<string, Recalled>()
  #lists = 0
  #activeAtMs: number
  #ending: Promise<void> | null = null

  constructor(parts: SessionParts) {
    this.grant = parts.grant
    this.protocol = parts.protocol
    this.ip = parts.ip
    this.#root = parts.root
    this.#parts = parts
    this.#activeAtMs = parts.host.clock.monotonic()
  }

  get hasEnded(): boolean {
    return this.#ending !== null
  }

  /** Whether files are on their way in. */
  get isReceiving(): boolean {
    return this.#uploads.size + this.#underWay.size > 0
  }

  /** Monotonic: when it last asked for something. */
  get activeAtMs(): number {
    return this.#activeAtMs
  }

  /** The servers call it with each request. */
  touch(): void {
    this.#activeAtMs = this.#parts.host.clock.monotonic()
  }

  /**
   * A file that this session has just brought is still shown, though the folder may have taken it: clients look whether it
   * arrived, and set its time.
   */
  async stat(path: string): Promise<EntryView> {
    try {
      return await this.#root.stat(path)
    } catch (error) {
      const known = this.#recalled.get(pathOf(pathSteps(path)))
      if (known === undefined || known.untilMs < this.#parts.host.clock.monotonic()) throw error
      return known
    }
  }

  async *list(path: string): AsyncGenerator<EntryView[]> {
    this.#requireHandle()
    this.#lists++
    try {
      yield* this.#root.list(path)
    } finally {
      this.#lists--
    }
  }

  async download(path: string): Promise<Download> {
    this.#requireHandle()
    const download = await this.#root.download(path)
    this.#downloads.add(download)
    return download
  }

  async closeDownload(download: Download): Promise<void> {
    if (this.#downloads.delete(download)) await download.close()
  }

  /** End it by `finish` or `abort`. @throws SiteError. */
  async upload(path: string, wish: Omit<UploadWish, 'name'>): Promise<Upload> {
    this.#requireHandle()
    if (this.#parts.host.isDraining()) throw new SiteError('busy', 'The server is stopping; try again in a minute.')
    return await this.#track(this.#begin(path, wish))
  }

  async #begin(path: string, wish: Omit<UploadWish, 'name'>): Promise<Upload> {
    const upload = await this.#root.upload(path, wish)
    if (this.hasEnded) {
      await upload.abort()
      throw new SiteError('busy', 'The session has ended.')
    }
    this.#uploads.add(upload)
    return upload
  }

  /** Waits if the log-in has a rate and is above it: read no more from the client meanwhile. */
  async write(upload: Upload, position: number, octets: Uint8Array): Promise<void> {
    await upload.write(position, octets)
    const ms = this.#parts.host.pace(this, octets.length)
    if (ms > 0) await this.#parts.host.wait(ms)
    this.touch()
  }

  /** The file is whole: answer the client once this resolves. @throws SiteError: nothing of it is left. */
  async finish(upload: Upload): Promise<void> {
    if (!this.#uploads.delete(upload)) return
    try {
      await this.#track(upload.commit())
    } catch (error) {
      this.#parts.host.uploadEnded(this, 'broken', upload.size)
      throw error
    }
    this.#recall(upload.name, upload.size)
    this.#parts.host.uploadEnded(this, 'done', upload.size)
  }

  async abort(upload: Upload): Promise<void> {
    if (!this.#uploads.delete(upload)) return
    await upload.abort()
    this.#parts.host.uploadEnded(this, 'broken', upload.size)
  }

  async remove(path: string): Promise<void> {
    this.#recalled.delete(pathOf(pathSteps(path)))
    await this.#root.remove(path)
  }

  async makeFolder(path: string): Promise<void> {
    await this.#root.makeFolder(path)
  }

  async removeFolder(path: string): Promise<void> {
    await this.#root.removeFolder(path)
  }

  async rename(path: string, to: string, replace: boolean): Promise<void> {
    const before = await this.#root.stat(path)
    await this.#root.rename(path, to, replace)
    const [name, ...deeper] = pathSteps(to)
    this.#recalled.delete(pathOf(pathSteps(path)))
    if (before.kind === 'file' && deeper.length === 0) this.#recall(name!, before.size)
  }

  async space(): ReturnType<AccountRoot['space']> {
    return await this.#root.space()
  }

  /** Closes the connection; what it was uploading is gone. */
  hangUp(reason: string): void {
    this.#parts.hangUp(reason)
    void this.end()
  }

  /** The connection is closed. Resolves when nothing of it is open any more; never throws. */
  async end(): Promise<void> {
    this.#ending ??= this.#closeAll()
    await this.#ending
  }

  async #closeAll(): Promise<void> {
    for (const upload of [...this.#uploads]) await this.abort(upload)
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay)
    for (const download of [...this.#downloads]) await this.closeDownload(download).catch(() => {})
    await this.#root.close().catch(() => {})
    this.#parts.host.ended(this)
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work)
    try {
      return await work
    } finally {
      this.#underWay.delete(work)
    }
  }

  #recall(name: string, size: number): void {
    const { clock } = this.#parts.host
    const path = pathOf([name])
    this.#recalled.delete(path)
    const untilMs = clock.monotonic() + RECALL_MS
    this.#recalled.set(path, { name, kind: 'file', size, modifiedAtMs: clock.now(), untilMs })
    if (this.#recalled.size > RECALLED_MAX) this.#recalled.delete(this.#recalled.keys().next().value!)
  }

  #requireHandle(): void {
    if (this.hasEnded) throw new SiteError('busy', 'The session has ended.')
    if (this.#uploads.size + this.#downloads.size + this.#lists >= this.#parts.host.handles) {
      throw new SiteError('busy', `So many files are open already: ${this.#parts.host.handles} is the most.`)
    }
  }
}
