/**
 * Endpoints that nobody made by hand. For the callbackUrl of jobs: one for each account and URL, made with the first job
 * that names it, which gets what concerns these jobs. For messages that say themselves where they are reported: one for each
 * account and origin of such a URL. They are taken away when nothing open needs them and everything is delivered. Main thread.
 */
import { hash } from 'node:crypto'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { MessageCallback } from '../contract/extras.js'
import { limits } from '../contract/limits.js'
import type { Courier } from '../contract/webhook-delivery.js'
import type { JobRecord } from '../jobs/job-record.js'
import type { Documents } from '../store/documents.js'
import type { Endpoint } from './endpoint.js'
import type { EndpointBook } from './endpoint-book.js'
import type { WebhookRecord } from './webhook-record.js'
import { CALLBACK_PREFIX, isForCallbacks, newRecord } from './webhook-settings.js'

/** A job may name an endpoint long before it is on disk itself: its rows come in the same request. */
const LEAST_LIFE_MS = 600_000
const DAY_MS = 86_400_000
/** The last receipt of a message comes so long after it was made: late ones, and a day for what is written by the day. */
const REPORTS_LIFE_MS = limits.lateReceiptSeconds * 1000 + 4 * DAY_MS

export interface CallbacksDeps {
  book: EndpointBook
  documents: Documents
  courier: Pick<Courier, 'refusal' | 'resolvedRefusal'>
  clock: Clock
  openJobs(): JobRecord[]
}

interface CallbackAccount {
  number: number
  id: string
}

/** '' for what is no URL. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : ''
}

export class Callbacks {
  readonly #deps: CallbacksDeps
  /** When an endpoint was named last, by its uid. */
  readonly #namedAtMs = new Map<string, number>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(deps: CallbacksDeps) {
    this.#deps = deps
  }

  /** For a job. Durable when it resolves: call before the job is. @throws EngineError VALIDATION. */
  async ensure(account: CallbackAccount, url: string): Promise<void> {
    await this.#check(url)
    await this.#inTurn(async () => {
      const endpoint = await this.#make(account, hash('sha256', url, 'hex'), (facts) => ({
        ...newRecord(facts, { url, events: ['messages.updated', 'job.updated'] }),
        isCallback: true,
      }))
      this.#namedAtMs.set(endpoint.record.uid, this.#deps.clock.now())
    })
  }

  /** For a message. Durable when it resolves: call before the message is. @throws EngineError VALIDATION. */
  async ensureReports(account: CallbackAccount, { url, format }: MessageCallback): Promise<void> {
    const origin = originOf(url)
    const print = hash('sha256', `${format} ${origin}`, 'hex')
    const nowMs = this.#deps.clock.now()
    const known = this.#deps.book.find(account.number, nameOf(print))
    if (known !== null && nowMs - (known.record.namedAtMs ?? 0) < DAY_MS) return
    await this.#check(url)
    await this.#inTurn(async () => {
      const endpoint = await this.#make(account, print, (facts) => ({
        ...newRecord(facts, { url: origin, events: ['messages.updated'] }),
        ...{ reports: format, namedAtMs: nowMs },
      }))
      if (endpoint.record.namedAtMs === nowMs) return
      const { writes, enter } = this.#deps.book.change(endpoint, { ...endpoint.record, namedAtMs: nowMs })
      await this.#deps.documents.write(writes)
      enter()
    })
  }

  async #check(url: string): Promise<void> {
    const { courier } = this.#deps
    const refusal = courier.refusal(url) ?? (await courier.resolvedRefusal(url))
    if (refusal !== null) throw wrongCallback(refusal)
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.catch(() => {}).then(work)
    this.#turn = turn
    await turn
  }

  async #make(
    account: CallbackAccount,
    print: string,
    recordOf: (facts: Parameters<typeof newRecord>[0]) => WebhookRecord,
  ): Promise<Endpoint> {
    const { book, documents, clock } = this.#deps
    const name = nameOf(print)
    const known = book.find(account.number, name)
    if (known !== null) return known
    const count = [...book.of(account.number)].filter(({ record }) => isForCallbacks(record)).length
    if (count >= limits.callbacksPerAccount) throw wrongCallback(`is one too many: the account has ${count} others`)
    const { writes, enter } = book.create(recordOf({ account, name, before: null, nowMs: clock.now() }))
    await documents.write(writes)
    return enter()
  }

  /** Takes away endpoints that nobody needs any more. @throws EngineError STORE_FAILED. */
  async sweep(): Promise<void> {
    const { book, documents } = this.#deps
    const callbacks = [...book.all()].filter(({ record }) => isForCallbacks(record))
    if (callbacks.length === 0) return
    const needed = new Set<string>()
    for (const { account, settings } of this.#deps.openJobs()) {
      if (settings.callbackUrl !== undefined) needed.add(`${account} ${settings.callbackUrl}`)
    }
    const writes = callbacks.filter((one) => !this.#isNeeded(one, needed)).flatMap((one) => book.remove(one))
    if (writes.length > 0) await documents.write(writes)
  }

  #isNeeded({ record, backlog, underWay }: Endpoint, needed: ReadonlySet<string>): boolean {
    const nowMs = this.#deps.clock.now()
    if (backlog > 0 || underWay > 0) return true
    if (record.reports !== undefined) return (record.namedAtMs ?? 0) + REPORTS_LIFE_MS > nowMs
    if (needed.has(`${record.account} ${record.url}`)) return true
    const namedAtMs = this.#namedAtMs.get(record.uid) ?? record.createdAtMs
    if (namedAtMs + LEAST_LIFE_MS > nowMs) return true
    this.#namedAtMs.delete(record.uid)
    return false
  }
}

function nameOf(print: string): string {
  return CALLBACK_PREFIX + print.slice(0, 24)
}

function wrongCallback(message: string): EngineError {
  return new EngineError('VALIDATION', `callbackUrl ${message}.`, { fields: [{ pointer: '/callbackUrl', message }] })
}
