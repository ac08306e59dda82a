/** Backups behind the façade: one at a time, followed while it is made. What became of the last ones is told until the engine ends. Main thread. */
import path from 'node:path'
import type { Audit } from '../audit/audit.js'
import type { Principal } from '../contract/api.js'
import type { BackupDone, BackupState, BackupsApi, BackupView, BackupWork } from '../contract/backups.js'
import type { Clock } from '../contract/clock.js'
import { EngineError, type ErrorCode } from '../contract/errors.js'
import type { Log } from '../contract/log.js'

const REMEMBERED = 20

export interface BackupParts {
  work: BackupWork
  audit: Audit
  clock: Clock
  log: Log
  isStopping(): boolean
}

interface Running {
  id: string
  folder: string
  state: BackupState
  startedMs: number
  startedMonotonic: number
  finishedMs: number | null
  bytes: number
  bytesDone: number
  done: BackupDone | null
  error: { code: ErrorCode; detail: string } | null
  aborting: AbortController
  end: Promise<void>
}

export class Backups implements BackupsApi {
  readonly #parts: BackupParts
  /** From the oldest. */
  readonly #known: Running[] = []
  #next = 1

  constructor(parts: BackupParts) {
    this.#parts = parts
  }

  async start(principal: Principal, folder: string): Promise<BackupView> {
    const { audit, clock, isStopping } = this.#parts
    if (isStopping()) throw new EngineError('SHUTTING_DOWN', 'The engine is stopping.')
    requireAbsolute(folder)
    const running = this.#known.find(({ state }) => state === 'running')
    if (running !== undefined) {
      throw new EngineError('WRONG_STATE', `The backup ${running.id} is being made; wait for it or cancel it.`)
    }
    const backup: Running = {
      ...{ id: `bak_${this.#next++}`, folder, state: 'running', startedMs: clock.now(), finishedMs: null },
      ...{ startedMonotonic: clock.monotonic(), bytes: 0, bytesDone: 0, done: null, error: null },
      ...{ aborting: new AbortController(), end: Promise.resolve() },
    }
    this.#known.push(backup)
    if (this.#known.length > REMEMBERED) this.#known.shift()
    backup.end = this.#run(backup)
    await audit.write([], { principal, action: 'backup.make', object: `backup/${backup.id}`, account: null })
    return this.#view(backup)
  }

  async #run(backup: Running): Promise<void> {
    const { work, clock, log } = this.#parts
    const { id, folder, aborting } = backup
    const progress = (bytes: number, bytesDone: number): void => {
      Object.assign(backup, { bytes, bytesDone })
    }
    try {
      backup.done = await work.run(folder, { progress, signal: aborting.signal })
      backup.state = 'finished'
      log.info({ backup: id, folder, ...backup.done }, 'backup made')
    } catch (error) {
      backup.state = aborting.signal.aborted ? 'canceled' : 'failed'
      if (backup.state === 'failed') backup.error = told(error)
      log.warn({ backup: id, folder, state: backup.state, error }, 'backup not made')
    } finally {
      backup.finishedMs = clock.now()
    }
  }

  list(): BackupView[] {
    return [...this.#known].reverse().map((backup) => this.#view(backup))
  }

  #find(id: string): Running {
    const found = this.#known.find((backup) => backup.id === id)
    if (found === undefined) throw new EngineError('NOT_FOUND', 'There is no such backup since the engine was started.')
    return found
  }

  get(id: string): BackupView {
    return this.#view(this.#find(id))
  }

  async cancel(principal: Principal, id: string): Promise<BackupView> {
    const backup = this.#find(id)
    if (backup.state !== 'running') return this.#view(backup)
    await this.#parts.audit.write([], { principal, action: 'backup.cancel', object: `backup/${id}`, account: null })
    backup.aborting.abort(new Error('canceled'))
    await backup.end
    return this.#view(backup)
  }

  /** The engine stops: a backup that is being made is taken away. */
  async stop(): Promise<void> {
    for (const { aborting } of this.#known) aborting.abort(new Error('the engine stops'))
    await Promise.all(this.#known.map(({ end }) => end))
  }

  #view(backup: Running): BackupView {
    const { id, folder, state, bytes, bytesDone, done, error, startedMs, finishedMs } = backup
    const share = state === 'finished' ? 1 : bytes === 0 ? 0 : Math.min(0.99, bytesDone / bytes)
    return {
      ...{ id, folder, state, error },
      progress: { bytes, bytesDone, percent: Math.floor(share * 100), secondsLeft: this.#secondsLeft(backup, share) },
      instantAt: done?.instantAt ?? null,
      records: done?.records ?? null,
      files: done?.files ?? null,
      bytes: done?.bytes ?? null,
      startedAt: new Date(startedMs).toISOString(),
      finishedAt: finishedMs === null ? null : new Date(finishedMs).toISOString(),
    }
  }

  #secondsLeft({ state, startedMonotonic }: Running, share: number): number | null {
    if (state !== 'running' || share === 0) return null
    const seconds = (this.#parts.clock.monotonic() - startedMonotonic) / 1000
    return Math.ceil((seconds / share) * (1 - share))
  }
}

function requireAbsolute(folder: string): void {
  if (path.isAbsolute(folder) && !folder.includes('\0')) return
  const message = 'must be an absolute path of the machine that the engine runs on'
  throw new EngineError('VALIDATION', `/folder ${message}.`, { fields: [{ pointer: '/folder', message }] })
}

function told(error: unknown): { code: ErrorCode; detail: string } {
  if (error instanceof EngineError) return { code: error.code, detail: error.message }
  const { code, message } = error as NodeJS.ErrnoException
  return { code: 'INTERNAL', detail: code === undefined ? message : `${code}: ${message}` }
}
