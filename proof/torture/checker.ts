/**
 * Says which invariant of reliability.md is broken for whom, from ledgers and the public API alone. `light` in the midst of
 * it, `full` when all is done.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import type { Random } from '../../src/engine/base/random.js'
import type { JobView, MessageView } from '../../src/engine/contract/api.js'
import { Book, type LedgerPaths } from './book.js'
import { checkReceipts } from './check-receipts.js'
import { checkRows } from './check-rows.js'
import { checkSubmits, type Terms } from './check-submits.js'
import type { Account } from './driver.js'
import type { Asker } from './driver-http.js'
import type { Accepted, DriverSeen } from './driver-ledger.js'
import { EngineView, sumsOf } from './engine-view.js'
import type { Violation } from './violation.js'

/** Of what was accepted since the last look, and before it. */
const LOOKED_NEW = 12
const LOOKED_OLD = 6
const FINAL = new Set(['delivered', 'undelivered', 'failed', 'expired', 'canceled'])

export interface CheckerOptions {
  asker: Asker
  accounts: readonly Account[]
  ledgers: LedgerPaths
  terms: Terms
  random: Random
}

export interface Report {
  violations: Violation[]
  messages: number
  jobs: number
  submits: number
  /** Parts that carriers may have more than once, and most of one lost bind. */
  repeated: number
  repeatsPerBind: number
  mostPerSecond: number
  receipts: number
  told: number
  optOuts: number
}

export class Checker {
  readonly #options: CheckerOptions
  readonly #accepted: Accepted[] = []
  /** Final states that the API has shown: they stay. */
  readonly #finals = new Map<string, string>()
  #ledgerAt = 0
  #rest = ''
  /** Looks at a job or message. */
  looks = 0

  constructor(options: CheckerOptions) {
    this.#options = options
  }

  /** After a restart: newest jobs add up, a sample of what was accepted is there, and what was final still is. */
  async light(): Promise<Violation[]> {
    const fresh = this.#readDriver()
    const found: Violation[] = []
    for (const { key } of this.#options.accounts) {
      const { items } = await this.#options.asker.get<{ items: JobView[] }>('/v1/jobs?limit=20', key)
      for (const { id, counts } of items) {
        this.looks++
        const sums = sumsOf(counts)
        if (sums !== '') found.push({ invariant: 'I1', id, detail: sums })
      }
    }
    for (const one of [...fresh.slice(-LOOKED_NEW), ...this.#some(LOOKED_OLD)]) {
      const violation = await this.#look(one)
      if (violation !== null) found.push(violation)
    }
    return found
  }

  /** When the driver has finished, nothing waits and the ledgers are flushed. */
  async full(): Promise<Report> {
    const { asker, accounts, ledgers, terms } = this.#options
    const book = await Book.read(ledgers)
    const view = await EngineView.read(asker, accounts)
    const { violations, ...submits } = checkSubmits(book, terms)
    const foreign = await this.#checkForeign(view)
    return {
      ...submits,
      violations: [...checkRows(book, view), ...violations, ...checkReceipts(book, view), ...foreign],
      messages: view.messages.size,
      jobs: view.jobs.size,
      receipts: [...book.receipts.values()].reduce((sum, list) => sum + list.length, 0),
      told: book.told.size,
      optOuts: book.optedOut.size,
    }
  }

  /** I6: what belongs to one account does not exist for another. */
  async #checkForeign(view: EngineView): Promise<Violation[]> {
    const { asker, accounts } = this.#options
    const found: Violation[] = []
    const messages = [...view.messages.values()].slice(-LOOKED_NEW).map(([message]) => message!)
    for (const { id, account, job } of messages) {
      const other = accounts.find((one) => one.id !== account)
      if (other === undefined) continue
      for (const route of [`/v1/messages/${id}`, ...(job === null ? [] : [`/v1/jobs/${job}`])]) {
        const answer = await asker.ask('GET', route, { key: other.key })
        if (answer?.status !== 404)
          found.push({ invariant: 'I6', id: route, detail: `${other.id} got ${answer?.status}` })
      }
    }
    return found
  }

  async #look({ job, messages, key }: Accepted): Promise<Violation | null> {
    const [account] = key.split('-')
    const { key: secret } = this.#options.accounts.find(({ id }) => id === account)!
    const id = job === '' ? messages[this.#options.random.below(messages.length)] : job
    if (id === undefined) return null
    this.looks++
    const answer = await this.#options.asker.surely('GET', `/v1/${job === '' ? 'messages' : 'jobs'}/${id}`, {
      key: secret,
    })
    if (answer.status !== 200)
      return { invariant: 'I1', id, detail: `was accepted and is answered with ${answer.status} (${key})` }
    return job === '' ? this.#stays(JSON.parse(answer.text) as MessageView) : null
  }

  #stays({ id, state }: MessageView): Violation | null {
    const before = this.#finals.get(id)
    if (FINAL.has(state)) this.#finals.set(id, state)
    return before === undefined || before === state
      ? null
      : { invariant: 'I5', id, detail: `was ${before} and is ${state}` }
  }

  #some(count: number): Accepted[] {
    if (this.#accepted.length === 0) return []
    return Array.from({ length: count }, () => this.#accepted[this.#options.random.below(this.#accepted.length)]!)
  }

  /** What the driver wrote since the last time. */
  #readDriver(): Accepted[] {
    const { driver } = this.#options.ledgers
    const bytes = Buffer.alloc(statSync(driver).size - this.#ledgerAt)
    const file = openSync(driver, 'r')
    readSync(file, bytes, 0, bytes.length, this.#ledgerAt)
    closeSync(file)
    this.#ledgerAt += bytes.length
    const lines = (this.#rest + bytes.toString('latin1')).split('\n')
    this.#rest = lines.pop()!
    const seen = lines.map((line) => JSON.parse(line) as DriverSeen)
    const fresh = seen.filter((one): one is Accepted => one.e === 'accepted')
    this.#accepted.push(...fresh)
    return fresh
  }
}
