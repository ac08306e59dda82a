/**
 * What the drop folder asks of the engine: records of its files that survive every kill, and jobs for them. One record a
 * claimed file, and one job a record at most, however often the process dies. Main thread on both sides.
 */
import type { DropError, DropState, DropView } from './drops.js'
import type { JobState } from './job.js'

/** Folders of an account that files end in. */
export type DropArea = 'processed' | 'error'

export interface DropRecord {
  drop: number
  /** Account number, and its public id. */
  account: number
  accountId: string
  /** Name of the claim's own folder: no two claims of a data directory share one. */
  claim: string
  /** Octets of the file's name, which need be no text, and the same for people. */
  name: Uint8Array
  file: string
  /** As in DropView. */
  size: number | null
  sha256: string | null
  profile: string | null
  job: number | null
  state: DropState
  /** Decided, before the file is moved: it goes to error/ for this. */
  error: DropError | null
  /** Where it goes, decided before it is moved there. */
  place: { area: DropArea; name: Uint8Array } | null
  startedAtMs: number
  finishedAtMs: number | null
  /** Nothing about it changes any more. */
  closed: boolean
}

export type NewDrop = Pick<DropRecord, 'account' | 'accountId' | 'claim' | 'name' | 'file'>

export interface DropAccount {
  number: number
  id: string
  timeZone: string
  /** The feature is on: it has a folder. */
  hasFolder: boolean
  /** Its files are taken: the feature is on, and it is not suspended. */
  takes: boolean
}

/** What is known of a file before it becomes a job. */
export interface DropContent {
  size: number
  sha256: string
}

/** The same content came before. */
export interface EarlierDrop {
  id: string
  file: string
  job: string
  atMs: number
}

/** What the job of a drop has come to. */
export interface DropJob {
  id: string
  state: JobState
  /** Why a failed or paused one is so. */
  reason: string | null
  detail: string | null
  /** Its last byte is durable. */
  accepted: boolean
  /** The whole file was read: its counts of rows are known. */
  ingested: boolean
  /** Nothing about it changes any more. */
  over: boolean
}

/** As people are told of it by email. */
export interface DropNotice {
  subject: string
  text: string
}

export interface DropKeeper {
  /** Of this data directory: two engines on one folder tell their claims apart by it. */
  readonly owner: string
  /** @throws EngineError STORE_FULL, SHUTTING_DOWN: nothing new may be taken. */
  admit(): void

  accounts(): DropAccount[]
  /** null: no such account. */
  account(number: number): DropAccount | null
  find(id: string): DropAccount | null

  /** Records that are not closed, oldest first. */
  open(): DropRecord[]
  get(drop: number): DropRecord
  /** Durable when it resolves, as everything below. */
  begin(claim: NewDrop): Promise<DropRecord>
  update(drop: number, change: Partial<DropRecord>): Promise<DropRecord>
  /** The file went elsewhere before anything was made of it. */
  forget(drop: number): Promise<void>
  /**
   * Last word on it: told to webhooks in the same transaction, and by email, once, before. A failed one may be dropped
   * again.
   */
  close(drop: number, state: 'done' | 'canceled' | 'failed', notice: DropNotice): Promise<DropRecord>

  /** The profile that serves a file of this name; null: none does. */
  profile(account: number, file: string): string | null
  /**
   * The job, in one transaction with the record and with what refuses the same content for 72 h. Gives the earlier drop
   * of this content instead, if there is one. @throws EngineError as jobs are refused.
   */
  makeJob(drop: number, content: DropContent & { profile: string }): Promise<EarlierDrop | null>
  /** Hands the file to its job; resolves when the last byte is durable. @throws what uploads are refused with. */
  upload(drop: number, body: AsyncIterable<Buffer>): Promise<void>
  /** null: it has none. */
  job(drop: number): DropJob | null
  /** Resolves when the job has read its file, or is over. */
  ingested(drop: number): Promise<void>
  /** Nothing will come for a job that still awaits its file. */
  giveUp(drop: number): Promise<void>

  view(drop: number): DropView
  /** rejects.csv and report.csv of its job, in pieces. */
  rejects(drop: number): AsyncIterable<string | Buffer>
  report(drop: number): AsyncIterable<string>
}

/** What the engine tells the folder. */
export interface DropListener {
  /** An account was made, changed or deleted. */
  accountChanged(account: number): void
  /** The job of a drop is over. */
  jobOver(drop: number): void
}
