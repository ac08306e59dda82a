/** Jobs as the façade uses them: make, take the file, look at, change. Main thread. */
import { crashPoint } from '../base/crash-point.js'
import type { JobFilter, JobPreview, JobView, Page, PageQuery, Principal } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import { jobId, parseJobId } from '../contract/ids.js'
import type { JobPlan, PreviewResult, SniffResult } from '../contract/ingest.js'
import type { Counts, JobSettings, JobState } from '../contract/job.js'
import type { JobDispatch } from '../contract/lane.js'
import type { Refusal } from '../contract/money.js'
import { type RecipientHours, recipientHours } from '../schedule/recipient-hours.js'
import type { DocumentWrite } from '../store/documents.js'
import { AudienceUploads } from './audience-uploads.js'
import { JobControl } from './control.js'
import { areAllFinal, countsOf, isBeforeItsTime } from './counts.js'
import { type JobAccount, newJob } from './create.js'
import { Drafts } from './drafts.js'
import { Ingest } from './ingest.js'
import { inlineFile, inlineLabels, inlineRows, inlineSettings } from './inline.js'
import { hoursOf, isWithin } from './job-hours.js'
import { type JobRecord, noTotals, shownState } from './job-record.js'
import { jobView } from './job-view.js'
import type { JobPorts } from './ports.js'
import { Recurrences } from './recurrences.js'
import { firstRun } from './recurring.js'
import { dispatchOf } from './release.js'
import { Retries } from './retries.js'
import { makeUploadFolder, removeUpload } from './upload-file.js'
import { Uploads } from './uploads.js'

const PREVIEW_ROWS = 12

export class Jobs {
  readonly control: JobControl
  readonly retries: Retries
  readonly drafts: Drafts
  readonly recurrences: Recurrences
  readonly #ports: JobPorts
  readonly #ingest: Ingest
  readonly #uploads: Uploads
  readonly #audiences: AudienceUploads

  constructor(ports: JobPorts) {
    this.#ports = ports
    this.#ingest = new Ingest(ports)
    this.#uploads = new Uploads(ports, this.#ingest)
    this.#audiences = new AudienceUploads(ports, this.#ingest, this.#uploads)
    this.control = new JobControl(ports, this.#ingest)
    this.retries = new Retries(ports, this.#ingest)
    this.drafts = new Drafts({ ports, ingest: this.#ingest, uploads: this.#uploads, audiences: this.#audiences })
    const counts = (record: JobRecord): Counts => this.counts(record)
    this.recurrences = new Recurrences({ ports, counts, begin: (record) => this.#beginRun(record) })
  }

  /** What the dispatcher starts with. */
  openDispatches(): JobDispatch[] {
    return this.#ports.book
      .open()
      .filter((record) => record.singles || record.released)
      .map((record) => dispatchOf(record, this.#ports.account(record.account)))
  }

  /**
   * An account has other settings: the dispatcher is told of its jobs anew, so that a suspended account sends nothing more.
   * A deleted one: its jobs are canceled.
   */
  async accountChanged(account: number): Promise<void> {
    const now = this.#ports.account(account)
    for (const record of this.#ports.book.open()) {
      if (record.account !== account) continue
      if (now === null && !record.singles) await this.control.cancel(record.job, null)
      else if (record.singles || record.released) this.#ports.post({ type: 'job', job: dispatchOf(record, now) })
    }
  }

  /** Takes up what the last run of the process left. Call when the dispatcher is ready. */
  async resume(): Promise<void> {
    await makeUploadFolder(this.#ports.dataDir)
    for (const record of this.#ports.book.open()) {
      if (record.singles) continue
      if (record.recurring !== undefined && record.totals !== null) continue
      if (record.released) await this.#finishIfFinal(record)
      else if (record.state === 'canceled') await this.control.finishCancel(record.job)
      else if (record.retry !== undefined && record.totals === null) this.retries.resume(record)
      else if (record.redo) this.drafts.redo(record).catch(() => {})
      else if (record.upload === null) await this.#clearBroken(record)
      else if (record.totals === null) this.#ingest.resume(record)
    }
    this.#ports.money.resume((job) => this.#ports.book.get(job)?.closed !== false)
  }

  async #clearBroken(record: JobRecord): Promise<void> {
    this.#ports.store.discard(record.job)
    await removeUpload(this.#ingest.path(record.job))
    if (record.sniff !== null) await this.#ports.book.update(record.job, () => ({ sniff: null }))
    // Begun anew beside the start; what goes wrong shows in the job.
    const isOwn = record.settings.audience !== undefined || record.rowsOf !== undefined
    if (isOwn) this.#audiences.begin(this.#ports.book.get(record.job)!).catch(() => {})
  }

  /** What goes wrong shows in the run. */
  #beginRun(record: JobRecord): void {
    if (record.settings.audience === undefined) this.#ingest.resume(record)
    else this.#audiences.begin(record).catch(() => {})
  }

  async #finishIfFinal(record: JobRecord): Promise<void> {
    if (this.#ports.store.counts(record.job) !== null && areAllFinal(this.counts(record))) {
      await this.finished(record.job)
    }
  }

  /** The dispatcher says that all messages of the job are final. */
  async finished(job: number): Promise<void> {
    const { book, clock, money, progress } = this.#ports
    money.closing(job)
    await book.update(job, (record) => {
      if (record.closed || record.singles) return null
      const state = record.state === 'canceled' ? 'canceled' : 'finished'
      return { state, finishedAtMs: record.finishedAtMs ?? clock.now(), closed: true }
    })
    progress.forget(job)
  }

  /** `beside`: written in the transaction that makes the job. @throws EngineError VALIDATION, TEMPLATE_INVALID … */
  async create(
    account: JobAccount,
    settings: JobSettings,
    recipients: unknown[] | null,
    beside: (job: number) => DocumentWrite[],
  ): Promise<JobRecord> {
    this.#ports.admit()
    if (settings.audience !== undefined) {
      if (recipients !== null) throw bothGiven()
      const whole = this.#ports.audiences.settings(account.number, settings)
      const record = await this.#make(account, whole, beside)
      if (record.recurring === undefined || record.settings.review) await this.#audiences.begin(record)
      else await this.#schedule(record)
      return this.#ports.book.get(record.job)!
    }
    if (recipients === null) return await this.#make(account, settings, beside)
    const rows = inlineRows(recipients, settings.columns)
    const labels = inlineLabels(rows)
    const record = await this.#make(account, inlineSettings(settings, labels), beside)
    return await this.#fill(record, labels, rows)
  }

  /** Nobody was told the id of a job whose rows were not taken, as when a stop came between: it would wait for them for ever. */
  async #fill(record: JobRecord, labels: string[], rows: Record<string, unknown>[]): Promise<JobRecord> {
    const { book } = this.#ports
    try {
      await this.#uploads.upload(record, inlineFile(labels, rows))
    } catch (error) {
      if (book.get(record.job)?.state === 'receiving') await this.control.cancel(record.job, null)
      throw error
    }
    return book.get(record.job)!
  }

  /** Who is meant is looked up for each run. */
  async #schedule({ job }: JobRecord): Promise<void> {
    const { book, clock } = this.#ports
    const nowMs = clock.now()
    await book.update(job, (record) => ({ totals: noTotals(), startedAtMs: nowMs, ...firstRun(record, nowMs) }))
  }

  /**
   * A draft with the settings of another job, as they were given, and the rows of its file. @throws as `create`.
   */
  async copy(
    account: JobAccount,
    settings: JobSettings,
    source: JobRecord | null,
    beside: (job: number) => DocumentWrite[],
  ): Promise<JobRecord> {
    if (source === null) return await this.create(account, settings, null, beside)
    this.#ports.admit()
    const record = await this.#make(account, settings, beside, source.job)
    await this.drafts.fill(record)
    return this.#ports.book.get(record.job)!
  }

  async #make(
    account: JobAccount,
    settings: JobSettings,
    beside: (job: number) => DocumentWrite[],
    rowsOf?: number,
  ): Promise<JobRecord> {
    this.#ports.book.load.requireRoom(account.number, settings)
    const facts = { job: 0, account, nowMs: this.#ports.clock.now(), singles: false }
    const draft = newJob(facts, settings)
    this.#ports.wayOut(account, settings)
    await this.#ports.callback(account, settings.callbackUrl)
    const number = this.#ports.takeNumber()
    const record = { ...draft, job: number.value, ...(rowsOf === undefined ? {} : { rowsOf }) }
    await this.#ports.book.create(record, [number.write, ...beside(record.job)])
    crashPoint('job-made')
    return record
  }

  /** `by`: who sends the file; null: the engine itself. */
  async upload(record: JobRecord, body: AsyncIterable<Buffer>, by: Principal | null): Promise<void> {
    await this.#uploads.upload(record, body, (before, after) => this.control.audited('job.upload', by, before, after))
  }

  /** A foreign job is as unknown as one that never was. `account`: number of the asking account, null for an admin. */
  find(account: number | null, id: string): JobRecord {
    const job = parseJobId(id)
    const record = job === null ? null : this.#ports.book.get(job)
    if (record === null || record.singles || (account !== null && record.account !== account)) {
      throw new EngineError('NOT_FOUND', 'There is no such job.')
    }
    return record
  }

  view(record: JobRecord): JobView {
    const { clock, progress } = this.#ports
    const newest = this.#ports.book.get(record.job) ?? record
    return jobView(newest, {
      counts: this.counts(newest),
      tally: newest.tally ?? this.#ingest.tally(newest.job),
      rowsPerSecond: newest.totals === null ? this.#ingest.rowsPerSecond(newest.job) : 0,
      messagesPerSecond: progress.messagesPerSecond(newest.job, clock.monotonic()),
      bytes: this.#uploads.bytes(newest.job),
      nowMs: clock.now(),
      state: this.#shown(newest),
      lastRunState: this.#lastRunState(newest),
    })
  }

  #lastRunState({ recurring }: JobRecord): JobState | null {
    const last = recurring?.last == null ? null : this.#ports.book.get(recurring.last.job)
    return last === null ? null : this.#shown(last)
  }

  counts(record: JobRecord): Counts {
    const totals = record.totals ?? this.#ingest.totals(record.job)
    const dispatched = this.#ports.progress.get(record.job) ?? this.#ports.store.counts(record.job)
    return countsOf(record, totals, dispatched, this.isHeld(record))
  }

  /** Nothing of it may be sent at this moment: before its time, or outside its hours. */
  isHeld(record: JobRecord): boolean {
    const nowMs = this.#ports.clock.now()
    return isBeforeItsTime(record, nowMs) || this.isOutside(record)
  }

  /** It is outside the sending hours of the job, or of its account. */
  isOutside(record: JobRecord): boolean {
    if (record.state === 'canceled') return false
    return !isWithin(hoursOf(record, this.#ports.account(record.account)), this.#ports.clock.now())
  }

  /** Its hours in the zone of each recipient; null: they are not. */
  zoned(record: JobRecord): RecipientHours | null {
    if (record.state === 'canceled' || record.answers) return null
    return recipientHours(hoursOf(record, this.#ports.account(record.account)))
  }

  /** A running job whose messages wait for its hours shows as scheduled. */
  #shown(record: JobRecord): JobState {
    const state = shownState(record, this.#ports.clock.now())
    if (state !== 'running') return state
    if (this.isOutside(record)) return this.counts(record).scheduled > 0 ? 'scheduled' : state
    if (this.zoned(record) === null) return state
    // All that is left waits for its morning.
    const { queued, sending, scheduled } = this.counts(record)
    return scheduled > 0 && queued + sending === 0 ? 'scheduled' : state
  }

  list(account: number | null, query: PageQuery & JobsWanted): Page<JobView> {
    const { state, sinceMs = 0 } = query
    const { records, next } = this.#ports.book.list({
      account,
      limit: query.limit,
      before: query.cursor === undefined ? null : parseJobId(query.cursor),
      reference: query.clientReference ?? null,
      parent: query.parent === undefined ? null : this.find(account, query.parent).job,
      isPast: (record) => record.createdAtMs < sinceMs,
      matches: (record) => isWanted(record, query) && (state === undefined || this.#shown(record) === state),
    })
    return { items: records.map((record) => this.view(record)), nextCursor: next === null ? null : jobId(next) }
  }

  /** How the rows of a job with these settings are made of a file that was looked at. @throws EngineError TEMPLATE_LABEL_UNKNOWN. */
  plan(record: JobRecord, sniff: SniffResult): JobPlan {
    return this.#ingest.plan(record, sniff)
  }

  async preview(record: JobRecord): Promise<JobPreview> {
    if (record.retry !== undefined) {
      throw new EngineError('WRONG_STATE', 'A retry has no file of its own to preview; look at its messages.')
    }
    if (record.sniff === null) {
      throw new EngineError('WRONG_STATE', 'Nothing of the file has been read yet; ask again when more has come.')
    }
    const plan = this.#ingest.plan(record, record.sniff)
    const available = record.upload?.bytes ?? this.#uploads.bytes(record.job)
    const complete = record.upload !== null
    const task = { kind: 'preview' as const, plan, available, complete, rows: PREVIEW_ROWS }
    const { rows } = (await this.#ports.pool.run(record.job, task, true)) as PreviewResult
    const { counts, rejectedByReason, estimate, file } = this.view(record)
    return { rows, counts, rejectedByReason, estimate, refusal: this.#refusal(record), file }
  }

  /** Of a job that has reserved nothing yet. */
  #refusal({ account: number, released, tally }: JobRecord): Refusal | null {
    const account = this.#ports.account(number)
    return account === null || released || tally == null ? null : this.#ports.money.jobRefusal(account, tally)
  }

  /**
   * What an Idempotency-Key answers whose first request ended with the process: the job as it is now; null when its rows
   * had not come, or when it failed, as a refusal leaves the key free: then the work is to be done again. Rows that the
   * first answer would have waited for are waited for here as well: it has their counts, or is refused for what they cost.
   */
  async revive(kept: { job: number | null; needsFile: boolean }): Promise<JobView | null> {
    const { book } = this.#ports
    const known = kept.job === null ? null : book.get(kept.job)
    if (known === null) return null
    if (this.#uploads.isWaitedFor(known) || this.retries.isWaitedFor(known)) await this.#ingest.read(known.job)
    const record = book.get(known.job)
    if (record === null || record.state === 'failed') return null
    return !kept.needsFile || record.upload !== null ? this.view(record) : null
  }

  /** The rows of a job that a kill left without them, now that the request came again; null: it takes none any more. */
  async refill(job: number, recipients: unknown[]): Promise<JobRecord | null> {
    const record = this.#ports.book.get(job)
    if (record === null || record.state !== 'receiving' || record.upload !== null) return null
    const rows = inlineRows(recipients, record.settings.columns)
    return await this.#fill(record, inlineLabels(rows), rows)
  }

  /** The file that its rows stand in. */
  path(record: JobRecord): string {
    return this.#ingest.pathOf(record)
  }

  async stop(): Promise<void> {
    await this.recurrences.stop()
    await this.#ingest.stop()
    await this.#uploads.idle()
  }
}

function bothGiven(): EngineError {
  const fields = [{ pointer: '/audience', message: 'cannot stand beside recipients' }]
  return new EngineError('VALIDATION', '/audience cannot stand beside recipients.', { fields })
}

/** What a list is asked for; absent: any. */
interface JobsWanted extends Omit<JobFilter, 'since'> {
  /** Epoch milliseconds. */
  sinceMs?: number
}

function isWanted({ settings }: JobRecord, { clientReference, tag, name }: JobsWanted): boolean {
  if (clientReference !== undefined && settings.clientReference !== clientReference) return false
  if (tag !== undefined && settings.tags?.includes(tag) !== true) return false
  return name === undefined || settings.name === name
}
