/** What the folder of jobs is given: everything it may touch, by name. */
import type { Audit } from '../audit/audit.js'
import type { Clock } from '../contract/clock.js'
import type { JobSettings } from '../contract/job.js'
import type { Log } from '../contract/log.js'
import type { Metrics } from '../contract/metrics.js'
import type { WayOutPlan } from '../contract/opt-out.js'
import type { VoiceTexts } from '../contract/speech.js'
import type { SpeechStatus } from '../contract/speech-work.js'
import type { DispatchCounts, RangeRecord } from '../contract/store.js'
import type { TemplateTexts } from '../contract/templates.js'
import type { ToDispatcher } from '../contract/thread.js'
import type { Money } from '../money/money.js'
import type { DocumentKey, DocumentWrite } from '../store/documents.js'
import type { AudienceFiles } from './audience-uploads.js'
import type { JobAccount } from './create.js'
import type { FairPool } from './fair-pool.js'
import type { JobBook } from './job-book.js'
import type { JobRecord } from './job-record.js'
import type { ProgressBook } from './progress.js'
import type { RouteBook } from './route-book.js'

export type MailTexts = Pick<TemplateTexts, 'subject' | 'html'>

/** What calls need beside the text of a job. */
export interface VoicePorts {
  /** What calls have of the templates that a keyword column picks from, by the same keywords as `texts`. */
  texts(job: number): Record<string, VoiceTexts>
  /** Name → SHA-256 of its sound, of all recordings of an account. */
  recordings(account: number): ReadonlyMap<string, string>
  /** Of speech, as configured. */
  usualLanguage: string
  /** What can be spoken as far as is known; null: nobody knows. */
  speech(): SpeechStatus | null
}

export interface JobsStore {
  ranges(job: number, from?: number): Iterable<RangeRecord>
  marks(block: number): Buffer | null
  discard(job: number, from?: number): void
  counts(job: number): DispatchCounts | null
}

export interface JobPorts {
  book: JobBook
  progress: ProgressBook
  store: JobsStore
  pool: FairPool
  audiences: AudienceFiles
  /** Columns that the job keeps with the contacts; durable when it resolves, and done in the background. */
  saveContacts(record: JobRecord, file: string): Promise<void>
  routes: RouteBook
  clock: Clock
  log: Log
  metrics: Metrics
  dataDir: string
  money: Pick<Money, 'hold' | 'closing' | 'resume' | 'isPrepaid' | 'jobRefusal'>
  /** null once it was deleted. */
  account(number: number): JobAccount | null
  audit: Audit
  takeNumber(): { value: number; write: DocumentWrite }
  /** States of blocks as the dispatcher has them, durable; null = never claimed. */
  blockStates(blocks: number[]): Promise<(Uint8Array | null)[]>
  /** Records of the retries of a job, by its number and theirs. */
  earlierRetries<T extends object>(job: number): { key: DocumentKey; value: T }[]
  /** Texts that a keyword column picks from, by folded keyword, as they were when the job was made. */
  texts(job: number): Record<string, string>
  /** What emails have beside these texts, by the same keywords. */
  mailTexts(job: number): Record<string, MailTexts>
  voice: VoicePorts
  /** Memory of the filter of suppressions, as it is now. */
  suppressions(): SharedArrayBuffer
  /** What the job adds to each text; null: nothing. @throws EngineError VALIDATION: the way out would be none. */
  wayOut(account: JobAccount, settings: Pick<JobSettings, 'unsubscribe' | 'from' | 'channel'>): WayOutPlan | null
  /** Makes sure that the URL is told of the job; durable. @throws EngineError VALIDATION. */
  callback(account: JobAccount, url: string | undefined): Promise<void>
  /** How long replies to its messages are the account's; 0: no conversation lock. */
  lockSeconds(account: JobAccount | null, setting: boolean | number | undefined): number
  post(message: ToDispatcher): void
  /** @throws EngineError STORE_FULL, SHUTTING_DOWN: nothing new is taken now. */
  admit(): void
  /** True: the disk has room for what a file becomes; false: not yet, ask again if it is still wanted. */
  room(): Promise<boolean>
  /** The store failed in the background: the process must stop. */
  fail(error: unknown): void
}
