/** What the driver writes down: what it is about to ask before it asks, and what was answered. Times as in ledger.ts. */

/**
 * How messages are handed in. single, batch: POST /v1/messages. json, form, profile: POST /v1/jobs with the rows in JSON, as
 * multipart, as CSV with a saved profile. upload: POST /v1/jobs, then PUT of the file. drop: a file in the drop folder. closed:
 * as json, with sending hours that do not come today.
 */
export const WORK_KINDS = ['single', 'batch', 'json', 'form', 'profile', 'upload', 'drop', 'closed'] as const
export type WorkKind = (typeof WORK_KINDS)[number]

/** Written before it is asked for. Rows have the markers `first` to `first + count - 1`. */
export interface Intent {
  e: 'intent'
  t: number
  /** The Idempotency-Key; of a dropped file its name. */
  key: string
  kind: WorkKind
  account: string
  from: string
  first: number
  count: number
  /** Further rows whose number is none, and further ones that repeat the first rows. */
  bad: number
  repeats: number
  /** Of each message. */
  parts: number
  /** All to the recipient of `first`, to be sent in the order of their markers. */
  ordered: boolean
  /** Of the job; 0: no limit of its own. */
  ratePerSecond: number
}

/** It was accepted: 2xx, or the dropped file lies in processed/. */
export interface Accepted {
  e: 'accepted'
  t: number
  key: string
  /** Of the job; '' of single messages and of dropped files. */
  job: string
  /** Of messages that came without a job, in the order of their markers. */
  messages: string[]
  /** Requests that it took. */
  tries: number
}

/** It was refused for good though nothing is wrong with it. */
export interface Refused {
  e: 'refused'
  t: number
  key: string
  status: number
  detail: string
}

/** Before and after a number was suppressed over the API, or by a STOP that the engine acknowledged. */
export interface OptOut {
  e: 'optOut' | 'optedOut'
  t: number
  marker: number
  to: string
  how: 'api' | 'stop'
}

export type DriverSeen = Intent | Accepted | Refused | OptOut
