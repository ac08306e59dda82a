/**
 * The client of the torture: hands in messages and files in every way there is, again with the same key until it has an
 * answer, and takes numbers off the lists. What it is about to ask stands in its ledger before it is asked.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/engine/base/random.js'
import { type Answered, Asker } from './driver-http.js'
import type { Accepted, Intent, OptOut } from './driver-ledger.js'
import {
  COLUMNS,
  csvOf,
  drawWork,
  FORM_TYPE,
  formOf,
  inlineOf,
  messagesOf,
  settingsOf,
  TEMPLATE,
} from './driver-work.js'
import { type LedgerWriter, nowMicros } from './ledger.js'
import { recipientOf } from './marker.js'

const AGAIN_MS = 40
const RETRY_MAX_MS = 1_000
/** Markers of slow jobs that may be taken off the lists while they wait. */
const SLOW_KEPT = 200

export interface Account {
  id: string
  key: string
  /** Its own number: whoever answers it writes to this account, so that its recipients can say STOP. */
  sender: string
}

export interface DriverOptions {
  accounts: readonly Account[]
  urlOf: () => string
  ledger: LedgerWriter
  random: Random
  /** The first marker; what several drivers use must not overlap. */
  firstMarker?: number
  /** Folder of the drop folders; null: nothing is dropped. */
  dropRoot?: string | null
  /** Rows of one file at most. */
  rowsMax?: number
  /** Requests under way at once. */
  workers?: number
  /** Messages that are handed in in a second, at most. */
  perSecond?: number
  /** Lets a subscriber send STOP; resolves once the engine has acknowledged it. Absent: the API alone is used. */
  stop?: (from: string, to: string) => Promise<void>
}

export class Driver {
  /** Messages in work that was accepted. */
  accepted = 0
  /** Pieces of work that were accepted. */
  answers = 0
  /** Requests that were made again, since nobody answered. */
  repeated = 0
  optOuts = 0
  readonly #closed = new Map<string, { jobs: number; messages: number }>()
  readonly #dropped = new Map<string, Set<string>>()
  readonly asker: Asker
  readonly #options: DriverOptions
  #marker: number
  #work = 0
  #isEnding = false
  #workers: Promise<void>[] = []
  #slow: { marker: number; account: Account }[] = []
  #budgetAt = performance.now()

  constructor(options: DriverOptions) {
    this.#options = options
    this.#marker = options.firstMarker ?? 0
    this.asker = new Asker(options.urlOf)
  }

  /** Once, of each account; the engine must be up. */
  static async prepare(asker: Asker, { id, key, sender }: Account): Promise<void> {
    const body = JSON.stringify({ from: sender, text: TEMPLATE, columns: COLUMNS })
    const answer = await asker.ask('PUT', '/v1/profiles/default', { key, body })
    if (answer?.status !== 200) throw new Error(`profile of ${id}: ${answer?.status} ${answer?.text}`)
  }

  /** What of an account was accepted and waits for hours that do not come. */
  closedOf(account: string): { jobs: number; messages: number } {
    return this.#closed.get(account) ?? { jobs: 0, messages: 0 }
  }

  /** Names of the files that were put into the account's folder. */
  droppedOf(account: string): ReadonlySet<string> {
    return this.#dropped.get(account) ?? new Set()
  }

  start(): void {
    for (let n = 0; n < (this.#options.workers ?? 4); n++) this.#workers.push(this.#loop(n))
  }

  /** Nothing new; resolves when everything that was begun has its answer, for which the engine must be up in the end. */
  async finish(): Promise<void> {
    this.#isEnding = true
    await Promise.all(this.#workers)
    this.#options.ledger.flush()
  }

  async close(): Promise<void> {
    await this.asker.close()
  }

  async #loop(worker: number): Promise<void> {
    const { random } = this.#options
    while (!this.#isEnding) {
      if (worker === 0 && random.below(8) === 0) await this.#optOut()
      await this.#once()
    }
  }

  async #once(): Promise<void> {
    const { random, accounts, dropRoot = null, rowsMax = 400 } = this.#options
    const account = accounts[random.below(accounts.length)]!
    const drawn = drawWork(random, { rowsMax, hasDrop: dropRoot !== null })
    await this.#waitForBudget(drawn.count)
    if (this.#isEnding) return
    const first = this.#marker
    this.#marker += drawn.count
    const key = `${account.id}-${first}-${++this.#work}${drawn.kind === 'drop' ? '.csv' : ''}`
    const { id, sender: from } = account
    const intent: Intent = { e: 'intent', t: nowMicros(), key, account: id, from, first, ...drawn }
    this.#options.ledger.writeNow(intent)
    if (intent.kind === 'drop') this.#drop(intent)
    else await this.#handIn(intent, account)
  }

  /** Hands it in until it is answered. */
  async #handIn(intent: Intent, account: Account): Promise<void> {
    for (let tries = 1; ; tries++) {
      const answer = await this.#try(intent, account)
      if (answer !== null && answer.status < 300) {
        this.#noteAccepted(intent, answer, { tries, account })
        return
      }
      if (answer !== null && isFinal(answer)) {
        const { status, text } = answer
        this.#options.ledger.writeNow({ e: 'refused', t: nowMicros(), key: intent.key, status, detail: text })
        return
      }
      this.repeated++
      await pause(Math.min(RETRY_MAX_MS, Math.max(AGAIN_MS, answer?.retryAfterMs ?? 0)))
    }
  }

  #noteAccepted(intent: Intent, answer: Answered, { tries, account }: { tries: number; account: Account }): void {
    const json = JSON.parse(answer.text) as { id?: string; messages?: { id: string }[] }
    const isMessages = intent.kind === 'single' || intent.kind === 'batch'
    const messages = json.messages?.map(({ id }) => id) ?? (intent.kind === 'single' ? [json.id!] : [])
    const entry: Accepted = {
      e: 'accepted',
      t: nowMicros(),
      key: intent.key,
      job: isMessages ? '' : json.id!,
      messages,
      tries,
    }
    this.#options.ledger.writeNow(entry)
    this.accepted += intent.count
    this.answers++
    if (intent.kind === 'closed') {
      const { jobs, messages } = this.closedOf(account.id)
      this.#closed.set(account.id, { jobs: jobs + 1, messages: messages + intent.count })
    }
    if (intent.ratePerSecond === 0) return
    for (let n = 0; n < intent.count; n++) this.#slow.push({ marker: intent.first + n, account })
    this.#slow.splice(0, Math.max(0, this.#slow.length - SLOW_KEPT))
  }

  async #try(intent: Intent, { key }: Account): Promise<Answered | null> {
    const idempotencyKey = intent.key
    const nowMs = Date.now()
    switch (intent.kind) {
      case 'single':
        return await this.#post('/v1/messages', { key, idempotencyKey, body: JSON.stringify(messagesOf(intent)[0]) })
      case 'batch':
        return await this.#post('/v1/messages', {
          key,
          idempotencyKey,
          body: JSON.stringify({ messages: messagesOf(intent) }),
        })
      case 'form':
        return await this.#post('/v1/jobs', { key, idempotencyKey, body: formOf(intent, nowMs), type: FORM_TYPE })
      case 'profile':
        return await this.#post('/v1/jobs?profile=default', {
          key,
          idempotencyKey,
          body: csvOf(intent),
          type: 'text/csv',
        })
      case 'upload':
        return await this.#upload(intent, key)
      default: {
        const body = JSON.stringify({ ...settingsOf(intent, nowMs), recipients: inlineOf(intent) })
        return await this.#post('/v1/jobs', { key, idempotencyKey, body })
      }
    }
  }

  #post(route: string, what: Parameters<Asker['ask']>[2]): Promise<Answered | null> {
    return this.asker.ask('POST', route, what)
  }

  /** A third of the uploads break off once on the way. */
  async #upload(intent: Intent, key: string): Promise<Answered | null> {
    const made = await this.#post('/v1/jobs', {
      key,
      idempotencyKey: intent.key,
      body: JSON.stringify(settingsOf(intent, 0)),
    })
    if (made === null || made.status >= 300) return made
    const { id } = JSON.parse(made.text) as { id: string }
    const route = `/v1/jobs/${id}/recipients`
    const body = csvOf(intent)
    if (this.#options.random.below(3) === 0)
      await this.asker.ask('PUT', route, { key, body: brokenOff(body), type: 'text/csv' })
    const put = await this.asker.ask('PUT', route, { key, body, type: 'text/csv' })
    if (put?.status !== 409) return put
    // An earlier one that nobody answered was durable: the job says so.
    const seen = await this.asker.ask('GET', `/v1/jobs/${id}`, { key })
    if (seen?.status !== 200) return null
    return (JSON.parse(seen.text) as { state: string }).state === 'receiving' ? null : seen
  }

  /** Whether it was taken is seen in the end: it must lie in processed/ then, and its rows in one job. */
  #drop(intent: Intent): void {
    const folder = path.join(this.#options.dropRoot!, intent.account)
    mkdirSync(folder, { recursive: true })
    const partial = path.join(folder, `.${intent.key}.part`)
    writeFileSync(partial, csvOf(intent))
    renameSync(partial, path.join(folder, intent.key))
    const names = this.#dropped.get(intent.account) ?? new Set()
    this.#dropped.set(intent.account, names.add(intent.key))
  }

  /** A number of a job that is still being sent; told until it is answered. */
  async #optOut(): Promise<void> {
    const { random, ledger, stop } = this.#options
    if (this.#slow.length === 0) return
    const [{ marker, account }] = this.#slow.splice(random.below(this.#slow.length), 1) as [
      { marker: number; account: Account },
    ]
    const to = recipientOf(marker)
    const how = stop !== undefined && random.below(3) === 0 ? 'stop' : 'api'
    const entry: OptOut = { e: 'optOut', t: nowMicros(), marker, to, how }
    ledger.writeNow(entry)
    if (how === 'stop') await stop!(to, account.sender)
    else await this.#suppress(to, account.key)
    ledger.writeNow({ ...entry, e: 'optedOut', t: nowMicros() } satisfies OptOut)
    this.optOuts++
  }

  async #suppress(to: string, key: string): Promise<void> {
    for (;;) {
      const answer = await this.asker.ask('PUT', `/v1/suppressions/${encodeURIComponent(to)}`, { key })
      if (answer !== null && answer.status < 300) return
      await pause(AGAIN_MS)
    }
  }

  /** Spreads the messages evenly over time. */
  async #waitForBudget(messages: number): Promise<void> {
    const perMs = (this.#options.perSecond ?? 200) / 1_000
    const now = performance.now()
    const at = Math.max(this.#budgetAt, now)
    this.#budgetAt = at + messages / perMs
    while (!this.#isEnding && performance.now() < at) await pause(Math.min(100, at - performance.now() + 1))
  }
}

/** No repetition would help: neither conflict, load, nor an error of the server. */
function isFinal({ status }: Answered): boolean {
  return status >= 400 && status < 500 && status !== 409 && status !== 429 && status !== 408
}

async function* brokenOff(body: Buffer): AsyncIterable<Buffer> {
  yield body.subarray(0, body.length >> 1)
  throw new Error('broken off by the driver')
}
