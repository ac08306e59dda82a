/** The open-ended job that takes an account's single messages of one priority; made durably at the first one. Main thread. */
import type { PriorityName } from '../contract/message.js'
import type { SendingWindow } from '../contract/sending-hours.js'
import { type NewJob, newJob } from '../jobs/create.js'
import type { JobRecord } from '../jobs/job-record.js'

/**
 * answers: to STOP, START and HELP. notices: of the engine to people of the account. With a window behind the priority: those
 * that leave within these hours only.
 */
export type SingleKind = PriorityName | 'answers' | 'notices' | `${PriorityName} ${string}`

/** Messages with the same hours share a job, whatever made them. */
export function windowedKind(priority: PriorityName, window: SendingWindow | null): SingleKind {
  if (window === null) return priority
  const { days, from, to, timeZone } = window
  return `${priority} ${JSON.stringify({ days, from, to, timeZone })}`
}

/** What was unanswered of an answer is held: none is sent twice. Both kinds of our own pass hours and suppressions. */
export function singleJob(facts: NewJob, kind: SingleKind): JobRecord {
  if (kind === 'notices') return { ...newJob(facts, {}), answers: true }
  const window = kind.indexOf(' ')
  if (window > 0) {
    const priority = kind.slice(0, window) as PriorityName
    return newJob(facts, { priority, window: JSON.parse(kind.slice(window + 1)) as SendingWindow })
  }
  if (kind !== 'answers') return newJob(facts, { priority: kind as PriorityName })
  return { ...newJob(facts, { priority: 'high', onUnanswered: 'hold' }), answers: true }
}

export interface SingleJobsDeps {
  find(account: number, priority: SingleKind): number | null
  /** Durable when it resolves; the dispatcher knows of it. */
  make(account: string, priority: SingleKind): Promise<number>
}

export class SingleJobs {
  readonly #deps: SingleJobsDeps
  readonly #known = new Map<string, number>()
  readonly #making = new Map<string, Promise<number>>()

  constructor(deps: SingleJobsDeps) {
    this.#deps = deps
  }

  /** Job number, or a promise of it the first time. */
  job(account: { id: string; number: number }, priority: SingleKind): number | Promise<number> {
    const key = `${account.number} ${priority}`
    const known = this.#known.get(key) ?? this.#deps.find(account.number, priority)
    if (known !== null) {
      this.#known.set(key, known)
      return known
    }
    const making = this.#making.get(key)
    if (making !== undefined) return making
    const made = this.#make(key, account.id, priority)
    this.#making.set(key, made)
    return made
  }

  async #make(key: string, account: string, priority: SingleKind): Promise<number> {
    try {
      const job = await this.#deps.make(account, priority)
      this.#known.set(key, job)
      return job
    } finally {
      this.#making.delete(key)
    }
  }
}
