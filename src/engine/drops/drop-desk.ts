/**
 * Gives the drop folder what it needs of the engine: records, jobs for files, and what has become of them. The job of a
 * drop is made in the transaction that notes it in the record, so no file ever has two. Main thread.
 */

import type { AccountRecord } from '../accounts/account-record.js'
import type { Accounts } from '../accounts/accounts.js'
import type { Askers } from '../accounts/askers.js'
import type { Numbering } from '../accounts/numbering.js'
import type { Audit } from '../audit/audit.js'
import { crashPoint } from '../base/crash-point.js'
import type { Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import type {
  DropAccount,
  DropContent,
  DropJob,
  DropKeeper,
  DropListener,
  DropNotice,
  DropRecord,
  EarlierDrop,
  NewDrop,
} from '../contract/drop-keeper.js'
import type { DropView } from '../contract/drops.js'
import { EngineError } from '../contract/errors.js'
import { dropId, jobId } from '../contract/ids.js'
import type { JobSettings } from '../contract/job.js'
import type { Log } from '../contract/log.js'
import type { Metrics } from '../contract/metrics.js'
import type { NoticesApi } from '../contract/notices.js'
import type { JobRecord } from '../jobs/job-record.js'
import type { Jobs } from '../jobs/jobs.js'
import type { Profiles } from '../profiles/profiles.js'
import type { SavedSettings } from '../profiles/saved-settings.js'
import { jobTextWrites } from '../profiles/saved-settings.js'
import type { DocumentWrite } from '../store/documents.js'
import type { DropBook } from './drop-book.js'
import { dropView } from './drop-view.js'

/** The operator's eyes: what is filed away is the account's own. */
const ADMIN: Principal = { kind: 'admin' }
const NAME_CHARS_MAX = 256
const SWEEP_EVERY_MS = 3_600_000

export interface DropDeskDeps {
  owner: string
  book: DropBook
  accounts: Accounts
  askers: Askers
  numbering: Numbering
  audit: Audit
  jobs: Jobs
  profiles: Profiles
  saved: SavedSettings
  clock: Clock
  metrics: Metrics
  log: Log
  admit(): void
  notify: NoticesApi['send']
  rejects(principal: Principal, job: string): AsyncIterable<string | Buffer>
  report(principal: Principal, job: string): AsyncIterable<string>
  /** What tells webhooks of a drop that is closed: written with it, then told. */
  news: { writes(record: DropRecord, view: DropView): DocumentWrite[]; told(account: number): void }
}

export class DropDesk implements DropKeeper {
  readonly #deps: DropDeskDeps
  readonly #waiters = new Map<number, (() => void)[]>()
  /** By account: one content after the other, so that of two at once the second is refused. */
  readonly #turns = new Map<number, Promise<unknown>>()
  #sweepAtMs = 0
  listener: DropListener = { accountChanged() {}, jobOver() {} }

  constructor(deps: DropDeskDeps) {
    this.#deps = deps
    deps.accounts.watch((account) => this.listener.accountChanged(account))
  }

  get owner(): string {
    return this.#deps.owner
  }
  admit(): void {
    this.#deps.admit()
  }

  accounts(): DropAccount[] {
    const { accounts } = this.#deps
    return accounts.numbers().map((number) => dropAccount(accounts.byNumber(number)!))
  }
  account(number: number): DropAccount | null {
    const record = this.#deps.accounts.byNumber(number)
    return record === null ? null : dropAccount(record)
  }
  find(id: string): DropAccount | null {
    const number = this.#deps.accounts.find(id)
    return number === undefined ? null : this.account(number)
  }

  open(): DropRecord[] {
    return this.#deps.book.open()
  }
  get(drop: number): DropRecord {
    return this.#deps.book.get(drop)!
  }

  async begin(claim: NewDrop): Promise<DropRecord> {
    const { book, clock, numbering } = this.#deps
    const number = numbering.take('drop')
    const record: DropRecord = {
      ...claim,
      drop: number.value,
      ...{ size: null, sha256: null, profile: null, job: null, state: 'reading', error: null, place: null },
      ...{ startedAtMs: clock.now(), finishedAtMs: null, closed: false },
    }
    await book.create(record, [number.write])
    await this.#sweep()
    return record
  }

  async #sweep(): Promise<void> {
    const nowMs = this.#deps.clock.now()
    if (nowMs < this.#sweepAtMs) return
    this.#sweepAtMs = nowMs + SWEEP_EVERY_MS
    await this.#deps.book.sweep(nowMs)
  }

  async update(drop: number, change: Partial<DropRecord>): Promise<DropRecord> {
    if (change.state === 'sending') this.#count('sending')
    return await this.#deps.book.update(drop, change)
  }
  async forget(drop: number): Promise<void> {
    await this.#deps.book.remove(drop)
  }

  async close(drop: number, state: 'done' | 'canceled' | 'failed', notice: DropNotice): Promise<DropRecord> {
    const { book, clock, news } = this.#deps
    if (state !== 'canceled') await this.#notify(drop, state, notice)
    const finishedAtMs = clock.now()
    const record = await book.update(drop, { state, finishedAtMs, closed: true }, (next) => [
      ...(this.#cameToNothing(next) ? book.forgetContent(next) : []),
      ...news.writes(next, this.#view(next)),
    ])
    this.#count(state)
    news.told(record.account)
    return record
  }

  /** Its key lets it go once, however often the end of a drop is begun again. */
  async #notify(drop: number, state: 'done' | 'failed', notice: DropNotice): Promise<void> {
    const { accounts, notify, log } = this.#deps
    const account = accounts.byNumber(this.get(drop).account)
    if (account === null || account.dropNotices?.on.includes(state) !== true) return
    const id = dropId(drop)
    const result = await notify({
      ...notice,
      account: account.id,
      to: account.dropNotices.email,
      key: `${id} ${state}`,
    })
    if (result === 'noRoute') log.warn({ drop: id, account: account.id }, 'an email about a dropped file had no route')
  }

  #count(state: string): void {
    this.#deps.metrics.counter('trunkline_drops_total', { state }).add(1)
  }

  /** Nothing of it was sent, nor will be. */
  #cameToNothing({ state, job }: DropRecord): boolean {
    if (state !== 'canceled') return state === 'failed'
    const record = this.#jobRecord(job)
    if (record === null) return true
    const { accepted, canceled } = this.#deps.jobs.counts(record)
    return accepted === canceled
  }

  profile(account: number, file: string): string | null {
    return this.#deps.profiles.nameFor(account, file)
  }

  async makeJob(drop: number, content: DropContent & { profile: string }): Promise<EarlierDrop | null> {
    const { account } = this.get(drop)
    const before = this.#turns.get(account) ?? Promise.resolve()
    const turn = before.catch(() => {}).then(() => this.#makeJob(drop, content))
    this.#turns.set(account, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(account) === turn) this.#turns.delete(account)
    }
  }

  async #makeJob(
    drop: number,
    { size, sha256, profile }: DropContent & { profile: string },
  ): Promise<EarlierDrop | null> {
    const { book, clock, jobs, audit, accounts, askers } = this.#deps
    const record = { ...this.get(drop), size, sha256, profile }
    const nowMs = clock.now()
    const earlier = book.earlier(record.account, sha256, nowMs)
    if (earlier !== null) return earlier
    askers.requireActive(record.account)
    const account = accounts.record(record.accountId)
    if (!account.features.drop) throw new EngineError('FEATURE_OFF', 'Drop & Go is switched off for this account.')
    const whole = this.#deps.saved.resolve(account.number, this.#settings(record, profile))
    let next = record
    await jobs.create(account, whole.settings, null, (job) => {
      next = { ...record, job }
      const entry = {
        principal: null,
        action: 'job.create',
        object: `job/${jobId(job)}`,
        account,
        after: whole.settings,
      }
      return [
        ...jobTextWrites(job, whole.texts),
        ...audit.recordWrites(entry),
        ...book.writesOf(next),
        book.contentWrite(next, job, nowMs),
      ]
    })
    book.hold(next)
    crashPoint('drop-job-made')
    return null
  }

  /** The job is named after its file, unless the profile names it. */
  #settings({ account, file }: DropRecord, profile: string): JobSettings {
    const name = this.#deps.profiles.settings(account, profile)?.name
    return { profile, ...(name === undefined ? { name: file.slice(0, NAME_CHARS_MAX) } : {}) }
  }

  async upload(drop: number, body: AsyncIterable<Buffer>): Promise<void> {
    const record = this.#jobRecord(this.get(drop).job)!
    this.#deps.askers.requireActive(record.account)
    await this.#deps.jobs.upload(record, body, null)
  }

  #jobRecord(job: number | null): JobRecord | null {
    return job === null ? null : this.#deps.jobs.find(null, jobId(job))
  }

  job(drop: number): DropJob | null {
    const record = this.#jobRecord(this.get(drop).job)
    if (record === null) return null
    return {
      id: jobId(record.job),
      state: record.state,
      reason: record.reason,
      detail: record.detail,
      accepted: record.upload !== null,
      ingested: record.totals !== null,
      over: record.closed,
    }
  }

  async ingested(drop: number): Promise<void> {
    const { job } = this.get(drop)
    for (;;) {
      const record = this.#jobRecord(job)
      if (record === null || record.totals !== null || record.closed) return
      await new Promise<void>((resolve) => {
        const waiting = this.#waiters.get(job!) ?? []
        waiting.push(resolve)
        this.#waiters.set(job!, waiting)
      })
    }
  }

  async giveUp(drop: number): Promise<void> {
    const record = this.#jobRecord(this.get(drop).job)
    if (record?.state === 'receiving' && record.upload === null) await this.#deps.jobs.control.cancel(record.job, null)
  }

  /** A job of whatever origin has changed, and the disk has it. */
  readonly jobWritten = ({ job, totals, closed }: JobRecord): void => {
    const drop = this.#deps.book.ofJob(job)
    if (drop === undefined) return
    if (totals !== null || closed) {
      const waiting = this.#waiters.get(job) ?? []
      this.#waiters.delete(job)
      for (const resolve of waiting) resolve()
    }
    if (closed) this.listener.jobOver(drop)
  }

  view(drop: number): DropView {
    return this.#view(this.get(drop))
  }
  readonly viewOf = (record: DropRecord): DropView => this.#view(record)
  #view(record: DropRecord): DropView {
    const job = this.#jobRecord(record.job)
    return dropView(record, job === null ? null : this.#deps.jobs.view(job))
  }

  rejects(drop: number): AsyncIterable<string | Buffer> {
    return this.#deps.rejects(ADMIN, jobId(this.get(drop).job!))
  }
  report(drop: number): AsyncIterable<string> {
    return this.#deps.report(ADMIN, jobId(this.get(drop).job!))
  }
}

function dropAccount({ number, id, timeZone, features, suspended }: AccountRecord): DropAccount {
  return { number, id, timeZone, hasFolder: features.drop, takes: features.drop && !suspended }
}
