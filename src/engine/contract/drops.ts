/**
 * Drop & Go: what became of dropped files, as the API shows it, and what the parts of src/drop/ ask of each other. A file
 * that was put into an account's folder is a drop from the moment that it is claimed.
 */
import type { Page, PageQuery, Principal } from './api.js'
import type { JobState } from './job.js'

/**
 * reading: it is claimed, and read into its job. sending: it lies in processed/, and its messages are on their way. done:
 * all its messages are final, and the report lies beside it. canceled: its job was. failed: it lies in error/.
 */
export const DROP_STATES = ['reading', 'sending', 'done', 'canceled', 'failed'] as const
export type DropState = (typeof DROP_STATES)[number]

/**
 * Why a file lies in error/, besides the codes of errors.ts that a job or upload is refused with: code → what to do. Append
 * only.
 */
export const DROP_ERRORS = {
  NO_PROFILE:
    'Make a profile whose file pattern fits this name, or one named default: with trunkline profile --from FILE --name default --text TEXT --save, or PUT /v1/profiles/default. Then drop the file again.',
  DROPPED_BEFORE:
    'Nothing needs to be done: it was taken the first time. To send it again on purpose, change something in it; an empty line at its end is enough.',
  NOTHING_ACCEPTED:
    'Look into the file with the rejected rows, which says of each what is wrong; put that right and drop the file again.',
  FILE_UNREADABLE: 'Give the server the right to read the file, or copy it anew; then drop it again.',
  NOT_A_FILE: 'Drop the file itself, not a link to it.',
  FILE_HAS_SECOND_NAME: 'Copy the file into the folder instead of linking it.',
  FILE_TOO_LARGE: 'Cut the file into several smaller ones and drop these.',
  FILE_VANISHED: 'Drop the file again.',
  JOB_CANCELED: 'Drop the file again if it is to be sent after all.',
} as const

/** A stable code, and a sentence or two that an office user understands. */
export interface DropError {
  code: string
  detail: string
}

export interface DropView {
  id: string
  account: string
  /** As it was dropped. */
  file: string
  /** Octets; null: not known yet, or no plain file. */
  size: number | null
  /** Of its content as it is read (unpacked, if it is gzip-compressed); null: it was not read. */
  sha256: string | null
  state: DropState
  /** null: none was made. */
  job: string | null
  jobState: JobState | null
  /** The profile whose settings it was read with. */
  profile: string | null
  /** Where it lies now: such as processed/clients.csv; null: it is being read. */
  storedAs: string | null
  rows: number
  accepted: number
  rejected: number
  /** Rows that became no message, by reason code: rejected, suppressed and duplicate ones. */
  rejectedByReason: Record<string, number>
  duplicate: number
  suppressed: number
  /** Accepted rows that are called rather than written to. */
  landlines: number
  /** Messages that a carrier took, whatever became of them since: those delivered and undelivered are among them. */
  sent: number
  delivered: number
  undelivered: number
  /** Messages that ended otherwise: failed, expired or canceled. */
  failed: number
  startedAt: string
  finishedAt: string | null
  error: DropError | null
}

export interface DropQuery extends PageQuery {
  state?: DropState
  /** RFC 3339; claimed at or after. */
  since?: string
  /** Only of this account; for admins. */
  account?: string
}

export interface DropsApi {
  /** Newest first; the admin sees those of all accounts. @throws EngineError VALIDATION. */
  list(principal: Principal, query: DropQuery): Page<DropView>
  /** @throws EngineError NOT_FOUND. */
  get(principal: Principal, id: string): DropView
}

/** What an account may be told of by email. */
export const DROP_NOTICES = ['done', 'failed'] as const

export interface DropNotices {
  /** Addresses. */
  email: string[]
  on: (typeof DROP_NOTICES)[number][]
}
/** `on`: absent: all. */
export type DropNoticesSetting = Pick<DropNotices, 'email'> & Partial<Pick<DropNotices, 'on'>>

/** An entry of drop.updated. */
export type DropUpdate = DropView & { at: string }

/**
 * What the SFTP and FTP sites need of the folders. Main thread; calls from the site's thread come by postMessage.
 *
 * Names that the folder never takes for dropped files: those with a dot in front (so an upload is written to
 * `.NAME.part` and renamed to NAME when it is complete). `processed` and `error` are the folders that the account looks
 * into; whatever else has a dot in front is none of its business.
 */
export interface DropFolders {
  /** Absolute path of the account's folder, made if need be; null: no such account, or its feature is off. */
  folder(account: string): Promise<string | null>
  /** NAME in this folder is complete (it was closed and renamed): it is claimed without waiting for it to settle. */
  uploaded(account: string, name: string | Buffer): void
}
