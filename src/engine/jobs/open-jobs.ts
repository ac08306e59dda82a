/**
 * What open jobs take of the memory, about, of each account and altogether: their records are resident until they close, and the
 * settings of one may be megabytes. Main thread.
 */
import { EngineError } from '../contract/errors.js'
import type { JobSettings } from '../contract/job.js'
import { limits } from '../contract/limits.js'
import type { JobRecord } from './job-record.js'

/** A record without its settings, and what else is kept of a job. */
const RECORD_BYTES = 1_024
/** An entry of a list beside its characters. */
const ENTRY_BYTES = 32
/** After which some of them may have ended. */
const RETRY_SECONDS = 60

export class OpenJobs {
  readonly #sizes = new Map<number, number>()
  readonly #accounts = new Map<number, number>()
  #bytes = 0

  /** `before`, `after`: null when it is not open. */
  changed(before: JobRecord | null, after: JobRecord | null): void {
    if (before !== null && before.settings === after?.settings) return
    if (before !== null) this.#add(before.account, -(this.#sizes.get(before.job) ?? 0))
    if (before !== null) this.#sizes.delete(before.job)
    if (after === null) return
    const bytes = bytesOf(after.settings)
    this.#sizes.set(after.job, bytes)
    this.#add(after.account, bytes)
  }

  /** @throws EngineError RATE_LIMITED, OVERLOADED. */
  requireRoom(account: number, settings: JobSettings): void {
    const bytes = bytesOf(settings)
    const own = (this.#accounts.get(account) ?? 0) + bytes
    const refusal = { members: { bound: 'jobs' }, retryAfterSeconds: RETRY_SECONDS }
    if (own > limits.openJobBytesPerAccount) {
      throw new EngineError('RATE_LIMITED', 'The account has too many open jobs; cancel or delete some.', refusal)
    }
    if (this.#bytes + bytes > limits.openJobBytes) {
      throw new EngineError('OVERLOADED', 'There are too many open jobs; come again when some have ended.', refusal)
    }
  }

  #add(account: number, bytes: number): void {
    this.#bytes += bytes
    const left = (this.#accounts.get(account) ?? 0) + bytes
    if (left > 0) this.#accounts.set(account, left)
    else this.#accounts.delete(account)
  }
}

function bytesOf({ suppressed = [], ...settings }: JobSettings): number {
  let bytes = RECORD_BYTES + JSON.stringify(settings).length
  for (const entry of suppressed) bytes += ENTRY_BYTES + entry.length
  return bytes
}
