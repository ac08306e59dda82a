/**
 * Runs the site thread beside the engine: starts it, starts it anew when it dies (its connections are lost, nothing else),
 * and drains it. Main thread.
 */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Config } from './engine/config/schema.js'
import { systemClock } from './engine/contract/clock.js'
import type { DropFolders } from './engine/contract/drops.js'
import { EngineError } from './engine/contract/errors.js'
import type { Log } from './engine/contract/log.js'
import type { SiteAddresses, SiteStart } from './engine/contract/site.js'
import type { DropCredentials } from './engine/drops/drop-credentials.js'
import { SiteLink } from './engine/drops/site-link.js'

const EVERYWHERE = ['0.0.0.0', '::']
const FIRST_DELAY_MS = 500
const DELAY_MS_MAX = 30_000
/** A thread that ran so long was well: the next one is started at once again. */
const WELL_MS = 60_000

export interface SiteParts {
  config: Config
  log: Log
  metrics: SharedArrayBuffer
  credentials: DropCredentials
  /** Where the files of an account go, and who takes them; null: nobody, they stay where they are put. */
  folders: DropFolders | null
}

export interface RunningSite {
  link: SiteLink
  /** Uploads may end until then (epoch); then all connections are closed. Resolves when the thread is gone. */
  stop(deadlineMs: number): Promise<void>
}

/** null: neither server is configured. @throws EngineError CONFIG_INVALID: a port in use, a host key that is none. */
export async function startSite(parts: SiteParts): Promise<RunningSite | null> {
  const dropFolder = parts.config.dropFolder
  if (dropFolder === undefined || (dropFolder.sftp === undefined && dropFolder.ftp === undefined)) return null
  const keeper = new SiteKeeper(parts)
  const { credentials, folders, config } = parts
  credentials.site = {
    end: (ids) => keeper.link.end(ids),
    addresses: () => publicAddresses(keeper.link.addresses, config),
    folder: async (account) => (folders === null ? resolve(dropFolder.root, account) : await folders.folder(account)),
  }
  await keeper.begin()
  return keeper
}

/** As clients reach them: 0.0.0.0 is no address to connect to. */
function publicAddresses({ sftp, ftp }: SiteAddresses, { dropFolder, http }: Config): SiteAddresses {
  const given = dropFolder?.site.publicHost ?? (http.publicUrl === undefined ? null : new URL(http.publicUrl).hostname)
  const named = <T extends { host: string }>(server: T | null): T | null =>
    server === null ? null : { ...server, host: given ?? (EVERYWHERE.includes(server.host) ? hostname() : server.host) }
  return { sftp: named(sftp), ftp: named(ftp) }
}

class SiteKeeper implements RunningSite {
  readonly #parts: SiteParts
  readonly link: SiteLink
  readonly #stopping = new AbortController()
  #worker: Worker | null = null
  #gone: Promise<void> = Promise.resolve()
  #delayMs = FIRST_DELAY_MS
  #onReady: () => void = () => {}
  #onFailed: (error: Error) => void = () => {}
  #onDrained: () => void = () => {}

  constructor(parts: SiteParts) {
    this.#parts = parts
    this.link = new SiteLink({
      login: (question) => parts.credentials.login(question),
      uploaded: (account, file) => parts.folders?.uploaded(account, file),
      ready: (addresses) => {
        parts.log.info({ sftp: addresses.sftp, ftp: addresses.ftp }, 'the drop folders can be reached')
        this.#onReady()
      },
      failed: (code, message) => {
        this.#onFailed(new EngineError('CONFIG_INVALID', `the drop folders cannot be served: ${message} (${code})`))
      },
      drained: () => this.#onDrained(),
    })
  }

  /** Resolves when the servers listen. */
  async begin(): Promise<void> {
    const first = new Promise<void>((resolve, reject) => {
      this.#onReady = resolve
      this.#onFailed = reject
    })
    this.#run()
    try {
      await first
    } catch (error) {
      await this.stop(0)
      throw error
    }
    this.#onFailed = (error) => {
      this.#parts.log.error({ error }, 'the site thread cannot do its work')
      void this.#worker?.terminate()
    }
  }

  #run(): void {
    const startedAtMs = systemClock.monotonic()
    const worker = new Worker(new URL('./site.thread.js', import.meta.url), { workerData: this.#start(), name: 'site' })
    this.#worker = worker
    this.link.use(worker)
    worker.on('error', (error) => {
      this.#parts.log.error({ error }, 'the site thread died')
      this.#onFailed(new EngineError('INTERNAL', `the site thread died: ${error.message}`))
    })
    this.#gone = new Promise((resolve) => {
      worker.on('exit', () => {
        this.link.lost()
        this.#onDrained()
        resolve()
        if (!this.#stopping.signal.aborted) void this.#again(systemClock.monotonic() - startedAtMs)
      })
    })
  }

  async #again(ranMs: number): Promise<void> {
    this.#delayMs = ranMs >= WELL_MS ? FIRST_DELAY_MS : Math.min(DELAY_MS_MAX, this.#delayMs * 2)
    this.#parts.log.warn({ delayMs: this.#delayMs }, 'the site thread is started anew')
    const { signal } = this.#stopping
    await wait(this.#delayMs, undefined, { signal }).catch(() => {})
    if (!signal.aborted) this.#run()
  }

  #start(): SiteStart {
    const { config, metrics } = this.#parts
    const { root, fileBytesMax, site, sftp = null, ftp = null } = config.dropFolder!
    const { dataDir, logLevel } = config
    return { dataDir, root: resolve(root), fileBytesMax, site, sftp, ftp, metrics, logLevel }
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopping.abort()
    if (deadlineMs > 0) {
      const drained = new Promise<void>((resolve) => {
        this.#onDrained = resolve
      })
      this.link.drain(deadlineMs)
      await Promise.race([drained, this.#gone])
    }
    await this.#worker?.terminate()
    await this.#gone
  }
}
