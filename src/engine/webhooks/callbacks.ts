/**
 * The callbackUrl of jobs: an endpoint for each account and URL, made with the first job that names it and taken away when
 * no open job does and everything is delivered. It gets what concerns these jobs. Main thread.
 */
import { hash } from 'node:crypto'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import type { Courier } from '../contract/webhook-delivery.js'
import type { JobRecord } from '../jobs/job-record.js'
import type { Documents } from '../store/documents.js'
import type { Endpoint } from './endpoint.js'
import type { EndpointBook } from './endpoint-book.js'
import { CALLBACK_PREFIX, newRecord } from './webhook-settings.js'

/** A job may name an endpoint long before it is on disk itself: its rows come in the same request. */
const LEAST_LIFE_MS = 600_000

export interface CallbacksDeps {
  book: EndpointBook
  documents: Documents
  courier: Pick<Courier, 'refusal' | 'resolvedRefusal'>
  clock: Clock
  openJobs(): JobRecord[]
}

export class Callbacks {
  readonly #deps: CallbacksDeps
  /** When an endpoint was named last, by its uid. */
  readonly #namedAtMs = new Map<string, number>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(deps: CallbacksDeps) {
    this.#deps = deps
  }

  /** Durable when it resolves: call before the job is. @throws EngineError VALIDATION. */
  async ensure(account: { number: number; id: string }, url: string): Promise<void> {
    const { courier } = this.#deps
    const refusal = courier.refusal(url) ?? (await courier.resolvedRefusal(url))
    if (refusal !== null) throw wrongCallback(refusal)
    const turn = this.#turn.catch(() => {}).then(() => this.#make(account, url))
    this.#turn = turn
    await turn
  }

  async #make(account: { number: number; id: string }, url: string): Promise<void> {
    const { book, documents, clock } = this.#deps
    const name = CALLBACK_PREFIX + hash('sha256', url, 'hex').slice(0, 24)
    const nowMs = clock.now()
    let endpoint = book.find(account.number, name)
    if (endpoint === null) {
      const count = [...book.of(account.number)].filter(({ record }) => record.isCallback).length
      if (count >= limits.callbacksPerAccount) {
        throw wrongCallback(`is one too many: open jobs of the account name ${count} others`)
      }
      const facts = { account, name, before: null, nowMs }
      const record = { ...newRecord(facts, { url, events: ['messages.updated', 'job.updated'] }), isCallback: true }
      const { writes, enter } = book.create(record)
      await documents.write(writes)
      endpoint = enter()
    }
    this.#namedAtMs.set(endpoint.record.uid, nowMs)
  }

  /** Takes away endpoints that nobody needs any more. @throws EngineError STORE_FAILED. */
  async sweep(): Promise<void> {
    const { book, documents } = this.#deps
    const callbacks = [...book.all()].filter(({ record }) => record.isCallback)
    if (callbacks.length === 0) return
    const needed = new Set<string>()
    for (const { account, settings } of this.#deps.openJobs()) {
      if (settings.callbackUrl !== undefined) needed.add(`${account} ${settings.callbackUrl}`)
    }
    const writes = callbacks.filter((one) => !this.#isNeeded(one, needed)).flatMap((one) => book.remove(one))
    if (writes.length > 0) await documents.write(writes)
  }

  #isNeeded({ record, backlog, underWay }: Endpoint, needed: ReadonlySet<string>): boolean {
    if (needed.has(`${record.account} ${record.url}`) || backlog > 0 || underWay > 0) return true
    const namedAtMs = this.#namedAtMs.get(record.uid) ?? record.createdAtMs
    if (namedAtMs + LEAST_LIFE_MS > this.#deps.clock.now()) return true
    this.#namedAtMs.delete(record.uid)
    return false
  }
}

function wrongCallback(message: string): EngineError {
  return new EngineError('VALIDATION', `callbackUrl ${message}.`, { fields: [{ pointer: '/callbackUrl', message }] })
}
