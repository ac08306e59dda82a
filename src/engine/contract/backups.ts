/** Backups as the API shows them, and the port through which the engine has one made. Only the admin asks. */
import type { Principal } from './api.js'
import type { ErrorCode } from './errors.js'

export const BACKUP_STATES = ['running', 'finished', 'failed', 'canceled'] as const
export type BackupState = (typeof BACKUP_STATES)[number]

export interface BackupView {
  id: string
  folder: string
  state: BackupState
  /** Octets to copy, about, and copied. */
  progress: { bytes: number; bytesDone: number; percent: number; secondsLeft: number | null }
  /** The moment that it shows, once it is finished. */
  instantAt: string | null
  /** Records and files in it, and all its octets, once it is finished. */
  records: number | null
  files: number | null
  bytes: number | null
  /** Why it failed. */
  error: { code: ErrorCode; detail: string } | null
  startedAt: string
  finishedAt: string | null
}

export interface BackupsApi {
  /** Begins one; one at a time. @throws EngineError VALIDATION, WRONG_STATE, SHUTTING_DOWN. */
  start(principal: Principal, folder: string): Promise<BackupView>
  /** Those of this run of the engine, newest first. */
  list(): BackupView[]
  /** @throws EngineError NOT_FOUND. */
  get(id: string): BackupView
  /** Takes away what was made of it; resolves when that is done. One that has ended stays as it is. @throws EngineError NOT_FOUND. */
  cancel(principal: Principal, id: string): Promise<BackupView>
}

/** What came of a backup. */
export interface BackupDone {
  instantAt: string
  records: number
  files: number
  bytes: number
}

/** Makes a backup without holding the main thread. */
export interface BackupWork {
  /** @throws EngineError, and what `signal` ended it with. */
  run(
    folder: string,
    steps: { progress(bytes: number, bytesDone: number): void; signal: AbortSignal },
  ): Promise<BackupDone>
}
