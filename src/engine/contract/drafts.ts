/** Drafts: jobs that were made to be looked at first (`review: true`), changed, copied and thrown away before they are sent. */
import type { JobView, Principal } from './api.js'
import type { JobPatch, JobSettings } from './job.js'

/** What is changed of a job that has sent nothing. */
export const CONTENT_SETTINGS = [
  'channel',
  'from',
  'text',
  'subject',
  'html',
  'prompts',
  'language',
  'template',
  'csv',
  'columns',
  'defaultCountry',
  'timeZone',
  'landlines',
  'transliterate',
  'maxParts',
  'validForSeconds',
  'onUnanswered',
  'conversationLock',
  'deduplicate',
  'suppressed',
  'unsubscribe',
  'flash',
  'tlvs',
  'audience',
] as const satisfies readonly (keyof JobSettings)[]

/** null takes a setting away. */
export type DraftPatch = { [Name in (typeof CONTENT_SETTINGS)[number]]?: JobSettings[Name] | null }

export interface CopyOrder {
  /** Default: that of the job. */
  name?: string
  /** The rows of its file as well; default: true. An audience is always read anew. */
  rows?: boolean
}

export interface DraftsApi {
  /** A new draft with the settings of a job of any state. @throws EngineError NOT_FOUND, and as making a job. */
  copy(principal: Principal, id: string, order: CopyOrder): Promise<JobView>
  /**
   * What a draft says and to whom, and, of any job, when and how fast. A file that was read is read anew.
   * @throws EngineError NOT_FOUND, WRONG_STATE, UPLOAD_RUNNING, and as making a job: then nothing has changed.
   */
  change(principal: Principal, id: string, change: JobPatch & DraftPatch): Promise<JobView>
  /** Of a job that has sent nothing. @throws EngineError NOT_FOUND, WRONG_STATE. */
  remove(principal: Principal, id: string): Promise<void>
}
