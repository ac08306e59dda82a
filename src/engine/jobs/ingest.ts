/**
 * The ingest runs of all jobs: begins them, releases a job to the dispatcher when its file is done, takes back what a
 * failed or canceled one stored. Main thread.
 */
import { crashPoint } from '../base/crash-point.js'
import { packPrices } from '../base/price-table.js'
import { EngineError } from '../contract/errors.js'
import { jobId } from '../contract/ids.js'
import type { IngestTask, JobPlan, RangeResult, SniffResult } from '../contract/ingest.js'
import type { JobSettings } from '../contract/job.js'
import { limits } from '../contract/limits.js'
import { CHANNELS } from '../contract/message.js'
import { DEFAULT_NUMBER_RULES, numberRules } from '../contract/number-rules.js'
import type { VoicePlan } from '../contract/speech.js'
import type { Tally } from '../contract/store.js'
import { bindTemplate, compileTemplate, labelLookup } from '../text/template.js'
import { type JobAccount, suppressedNumbers } from './create.js'
import { reviewOf } from './file-findings.js'
import { IngestRun } from './ingest-run.js'
import { hoursOf } from './job-hours.js'
import { type JobRecord, type JobTotals, noTotals } from './job-record.js'
import { mayHaveMail, sendersOf } from './mail-settings.js'
import type { JobPorts } from './ports.js'
import { firstRun } from './recurring.js'
import { dispatchOf } from './release.js'
import { removeUpload, uploadPath } from './upload-file.js'
import { routesWithCaller, spokenTexts, voicePlanOf } from './voice-settings.js'

/** After which some files may have been read. */
const RETRY_SECONDS = 5

/** A run as it is needed here, whatever it reads. */
export interface LiveRun {
  readonly totals: Readonly<JobTotals>
  readonly tally: Tally
  finished(): Promise<JobTotals>
  stop(): Promise<void>
}

interface Live {
  run: LiveRun
  startedAt: number
  /** When the job is released, or what was wrong with its file is in its record. */
  end: Promise<void> | null
}

export class Ingest {
  readonly #ports: JobPorts
  readonly #live = new Map<number, Live>()
  #isStopping = false

  constructor(ports: JobPorts) {
    this.#ports = ports
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  /** For one more file of this account. @throws EngineError RATE_LIMITED, OVERLOADED. */
  requireRoom(account: number): void {
    const refusal = { members: { bound: 'reading' }, retryAfterSeconds: RETRY_SECONDS }
    if (this.#live.size >= limits.jobsReading) {
      throw new EngineError('OVERLOADED', 'The engine is reading as many files as it can; send it again.', refusal)
    }
    if (this.#live.size < limits.jobsReadingPerAccount) return
    let own = 0
    for (const job of this.#live.keys()) if (this.#ports.book.get(job)?.account === account) own++
    if (own < limits.jobsReadingPerAccount) return
    throw new EngineError('RATE_LIMITED', 'As many files of this account are being read as may be.', refusal)
  }

  begin(record: JobRecord): IngestRun {
    const { job } = record
    const path = this.pathOf(record)
    const { pool, store, book } = this.#ports
    const plan = this.#planner(record)
    const run = new IngestRun(
      {
        job,
        path,
        run: async (task, isQuick) => {
          await this.#room(run.aborted)
          return await pool.run(job, task, isQuick)
        },
        ranges: () => store.ranges(job),
        discard: (from) => store.discard(job, from),
        sniffTask: (available, complete) => sniffTask(record, { path, available, complete }),
        plan,
        saveSniff: async (sniff) => {
          await book.update(job, () => ({ sniff }))
        },
        onRange: (range) => this.countRows(range),
        // The rows of a recurring job are read by its runs.
        onlyLook: record.recurring !== undefined,
      },
      record.sniff,
      record.settings.deduplicate ?? true,
    )
    this.adopt(job, run)
    return run
  }

  /**
   * A file goes on when the disk has room for what it becomes: a write that found it full would stop the engine, and the
   * next start would stop at the same place. @throws why the run was aborted meanwhile.
   */
  async #room(aborted: AbortSignal): Promise<void> {
    while (!(await this.#ports.room())) aborted.throwIfAborted()
  }

  /** A run that was begun elsewhere. */
  adopt(job: number, run: LiveRun): void {
    this.#live.set(job, { run, startedAt: this.#ports.clock.monotonic(), end: null })
  }

  path(job: number): string {
    return uploadPath(this.#ports.dataDir, jobId(job))
  }

  /** The file that the rows of the job stand in: a run reads that of its parent, a retry that of the first of its line. */
  pathOf(record: JobRecord): string {
    return this.path(record.retry?.file ?? record.file ?? record.job)
  }

  /** Sums so far of a job whose file is being read; null when none is. */
  totals(job: number): Readonly<JobTotals> | null {
    return this.#live.get(job)?.run.totals ?? null
  }

  /** As `totals`, by reason and kind. */
  tally(job: number): Tally | null {
    return this.#live.get(job)?.run.tally ?? null
  }

  rowsPerSecond(job: number): number {
    const live = this.#live.get(job)
    if (live === undefined) return 0
    const seconds = (this.#ports.clock.monotonic() - live.startedAt) / 1000
    return seconds > 0 ? live.run.totals.rows / seconds : 0
  }

  /** The plan is made once: its list of suppressed numbers lies in shared memory. */
  #planner(record: JobRecord): (sniff: SniffResult) => JobPlan {
    const ports = this.#ports
    const account = ports.account(record.account)
    const country = record.settings.defaultCountry ?? account?.defaultCountry ?? null
    const prices = packPrices(account?.prices ?? [])
    const templates =
      record.settings.columns?.keyword === undefined ? {} : this.#ports.texts(record.run?.of ?? record.job)
    const wayOut = account === null ? null : ports.wayOut(account, record.settings)
    const senders =
      account === null ? { phone: record.settings.from ?? '', mail: '' } : sendersOf(account, record.settings)
    const mailPlan = (): Pick<JobPlan, 'subject' | 'html' | 'mailTemplates' | 'mailFrom'> => ({
      subject: record.settings.subject,
      html: record.settings.html,
      mailTemplates: this.#ports.mailTexts(record.run?.of ?? record.job),
      mailFrom: senders.mail,
    })
    const all = ports.routes.plans(record.accountId)
    const hasCalls = all.some(({ channel }) => channel === 'voice')
    const routes = routesWithCaller(all, [record.settings.from, ...(account?.senders ?? [])])
    const voicePlan = (): Pick<JobPlan, 'voice'> => ({ voice: this.#voicePlan(record, account) })
    let suppressed: Float64Array | null | undefined
    return (sniff) => {
      for (const text of [record.settings.text, ...mailTexts(record.settings), ...spokenTexts(record.settings)])
        checkLabels(text, sniff)
      suppressed ??= suppressedNumbers(record.settings.suppressed, country, account?.allowShortCodes ?? false)
      return {
        job: record.job,
        account: record.account,
        path: this.pathOf(record),
        // The dispatcher holds the whole job until its sendAt, so that a PATCH can still move it.
        settings: { ...record.settings, from: senders.phone, suppressed: undefined, sendAt: undefined },
        text: record.settings.text,
        templates,
        ...(mayHaveMail(record.settings) ? mailPlan() : {}),
        ...(hasCalls ? voicePlan() : {}),
        dialect: sniff.dialect,
        columns: sniff.columns,
        routes,
        defaultCountry: country,
        timeZone: record.timeZone ?? 'UTC',
        prices,
        // With an empty list nothing costs anything.
        needsPrice: prices !== null && ports.money.isPrepaid(record.account),
        quotaPrefixes: account?.quotas.prefixes ?? [],
        suppressed,
        // Asked again for each task: the filter moves when it grows.
        get suppressions() {
          return ports.suppressions()
        },
        wayOut: wayOut ?? undefined,
        // Validity of a job that waits counts from its sending time.
        createdSeconds: Math.floor(Math.max(record.createdAtMs, record.sendAtMs) / 1000),
        lockSeconds: this.#ports.lockSeconds(account, record.settings.conversationLock),
        requireOptIn: account?.requireOptIn ?? false,
        byZone: hoursOf(record, account)?.byRecipient === true,
        rules: numberRules(account ?? DEFAULT_NUMBER_RULES),
        channelsOff: account === null ? [] : CHANNELS.filter((channel) => !account.features[channel]),
      }
    }
  }

  #voicePlan(record: JobRecord, account: JobAccount | null): VoicePlan {
    const { recordings, texts, usualLanguage, speech } = this.#ports.voice
    const { settings } = record
    return voicePlanOf({
      ...{ settings, usualLanguage, voice: account?.voice ?? null, speech: speech() },
      templates: settings.columns?.keyword === undefined ? {} : texts(record.run?.of ?? record.job),
      recordings: () => recordings(record.account),
    })
  }

  /** Looks at the head of a file that is whole. */
  sniffTask(record: JobRecord): IngestTask {
    return sniffTask(record, { path: this.path(record.job), available: record.upload!.bytes, complete: true })
  }

  plan(record: JobRecord, sniff: SniffResult): JobPlan {
    return this.#planner(record)(sniff)
  }

  countRows(range: RangeResult['record']): void {
    const { metrics } = this.#ports
    metrics.counter('trunkline_rows_total', { result: 'rejected' }).add(range.rejected)
    metrics.counter('trunkline_rows_total', { result: 'suppressed' }).add(range.suppressed)
  }

  /**
   * Waits for the end of the run and releases the job: its totals and its new state in one durable write, then the
   * dispatcher is told. @throws what was wrong with the file, once the job is marked failed.
   */
  async conclude(job: number, run: LiveRun): Promise<void> {
    const end = this.#conclude(job, run)
    const live = this.#live.get(job)
    if (live !== undefined) live.end = end
    await end
  }

  /**
   * Resolves when the rows of the job are read, whatever came of it; at once when none are being read, and soon where they
   * wait for room on the disk.
   */
  async read(job: number): Promise<void> {
    const live = this.#live.get(job)
    if (live === undefined || !(await this.#ports.room())) return
    await live.end?.catch(() => {})
  }

  async #conclude(job: number, run: LiveRun): Promise<void> {
    let totals: JobTotals
    try {
      totals = await run.finished()
      await this.#reserve(job, totals, run.tally)
      crashPoint('job-reserved')
      await this.#saveContacts(job)
    } catch (error) {
      if (this.#isStopping || this.#ports.book.get(job)?.state === 'canceled') return
      await this.failed(job, error)
      throw error
    }
    await this.#release(job, { ...totals }, run.tally)
    this.#live.delete(job)
  }

  /** Before the release, so that a kill between the two forgets nothing; it is noted once a job. */
  async #saveContacts(job: number): Promise<void> {
    const record = this.#ports.book.get(job)!
    const { columns } = record.settings
    if (columns?.saveToContact === undefined && columns?.tag === undefined) return
    if (record.retry !== undefined || record.recurring !== undefined) return
    // What later runs read of the file was kept with the first; contacts may have changed since.
    const isFirst = record.run === undefined || record.run.number === 1 || record.file === undefined
    if (isFirst && record.state !== 'canceled') await this.#ports.saveContacts(record, this.pathOf(record))
  }

  /** What is only to be looked at reserves when it is started. @throws EngineError INSUFFICIENT_BALANCE, QUOTA_EXCEEDED. */
  async #reserve(job: number, { accepted }: JobTotals, tally: Tally): Promise<void> {
    const { book, money, account } = this.#ports
    const record = book.get(job)!
    if (accepted === 0 || record.state === 'canceled' || record.state === 'receiving') return
    await money.hold({ job, account: record.account, id: jobId(job) }, account(record.account), tally)
  }

  async #release(job: number, totals: JobTotals, tally: Tally): Promise<void> {
    const { book, clock, metrics } = this.#ports
    const record = await book.update(job, (current) => {
      if (current.state === 'canceled') return null
      if (current.recurring !== undefined) return releaseRecurring(current, totals, clock.now())
      if (totals.accepted === 0) return { totals, tally, state: 'finished', finishedAtMs: clock.now(), closed: true }
      if (current.state === 'receiving') return { totals, tally, state: 'ready' }
      const review = reviewOf(totals, tally)
      return { totals, tally, released: true, ...(review === null ? {} : { ...review, state: 'paused' as const }) }
    })
    // A cancel that came meanwhile may have given back what was not reserved yet.
    if (record.state === 'canceled') this.#ports.money.closing(job)
    if (record.totals === null) return
    // Which rows are accepted is only known with the duplicates; each row counts once.
    metrics.counter('trunkline_rows_total', { result: 'accepted' }).add(totals.accepted)
    metrics.counter('trunkline_rows_total', { result: 'duplicate' }).add(totals.duplicate)
    if (!record.released) return
    crashPoint('job-released')
    this.#ports.post({ type: 'job', job: dispatchOf(record, this.#ports.account(record.account)) })
  }

  /** Marks the job failed and takes back what it stored. A failed store stops the process instead. */
  async failed(job: number, error: unknown): Promise<void> {
    const { book, clock, log, store } = this.#ports
    const code = error instanceof EngineError ? error.code : 'INTERNAL'
    if (code === 'STORE_FAILED' || code === 'STORE_CORRUPT') {
      this.#ports.fail(error)
      return
    }
    if (code === 'INTERNAL') log.error({ job: jobId(job), error }, 'ingest of a job failed')
    const detail = error instanceof EngineError ? error.message : 'The file could not be read.'
    this.#live.delete(job)
    store.discard(job)
    await book.update(job, () => ({
      state: 'failed',
      reason: code,
      detail,
      totals: noTotals(),
      tally: null,
      finishedAtMs: clock.now(),
      closed: true,
    }))
    this.#ports.money.closing(job)
  }

  /** Stops the run of a job, if there is one, and takes back everything that it stored. */
  async takeBack(job: number): Promise<void> {
    await this.#live.get(job)?.run.stop()
    this.#live.delete(job)
    this.#ports.store.discard(job)
    await removeUpload(this.path(job))
  }

  /** Goes on with an uploaded file after a restart, in the background. */
  resume(record: JobRecord): void {
    const run = this.begin(record)
    run.complete(record.upload!.bytes)
    this.watch(record.job, run)
  }

  /** Concludes in the background: what is wrong with the file shows in the job. */
  watch(job: number, run: LiveRun): void {
    this.conclude(job, run).catch((error) => {
      const code = error instanceof EngineError ? error.code : 'INTERNAL'
      if (code === 'STORE_FAILED') this.#ports.fail(error)
      else this.#ports.log.warn({ job: jobId(job), code }, 'a job failed')
    })
  }

  /** Lets the tasks in work end and begins no more; what is stored is gone on with at the next start. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all([...this.#live.values()].map(({ run }) => run.stop()))
  }
}

/** Its file is kept for the runs; the first of them comes when nobody holds it. */
function releaseRecurring(record: JobRecord, totals: JobTotals, nowMs: number): Partial<JobRecord> {
  if (record.state === 'receiving') return { totals, state: 'ready' }
  return record.state === 'paused' ? { totals } : { totals, ...firstRun(record, nowMs) }
}

function sniffTask(record: JobRecord, at: { path: string; available: number; complete: boolean }): IngestTask {
  const { settings } = record
  const texts = [settings.text ?? '', ...spokenTexts(settings)]
  const labelsNeeded = texts.some((text) => compileTemplate(text).labels.length > 0)
  const { csv = {}, columns = {}, channel } = settings
  return { kind: 'sniff', ...at, csv, columns, channel, labelsNeeded }
}

/** Of a job that may have emails. */
function mailTexts(settings: JobSettings): (string | undefined)[] {
  return mayHaveMail(settings) ? [settings.subject, settings.html] : []
}

/** @throws EngineError TEMPLATE_LABEL_UNKNOWN before a row is read, not once per range. */
function checkLabels(text: string | undefined, sniff: SniffResult): void {
  if (text === undefined) return
  const labels = Object.keys(sniff.columns.fields)
  bindTemplate(compileTemplate(text), labelLookup(labels))
}
