/**
 * The façade that http and the roots call: accounts, jobs, messages and carriers behind one interface. It decides who may
 * see what; the folders below it know account numbers only. Main thread.
 */
import type { Change } from './accounts/accounts.js'
import { answerWrites } from './accounts/kept-answers.js'
import { timeAsked } from './base/instant.js'
import type {
  AccountSettings,
  AccountView,
  DryRunView,
  EngineApi,
  Idempotent,
  JobFilter,
  JobPreview,
  JobView,
  MessageAccepted,
  MessageRequest,
  MessageView,
  NewAccountSettings,
  Page,
  PageQuery,
  Principal,
} from './contract/api.js'
import type { KeySettings, KeyView } from './contract/api-key.js'
import type { ArchiveApi } from './contract/archive.js'
import type { AudienceApi } from './contract/audience.js'
import type { AuditApi } from './contract/audit.js'
import type { BackupsApi } from './contract/backups.js'
import type { CarrierPatch, CarrierView } from './contract/channel.js'
import type { ContactsApi } from './contract/contacts.js'
import type { DraftPatch, DraftsApi } from './contract/drafts.js'
import type { DropCredentialsApi } from './contract/drop-credentials.js'
import type { DropsApi } from './contract/drops.js'
import type { ErasuresApi } from './contract/erasures.js'
import { EngineError } from './contract/errors.js'
import type { ExplainQuestion, ExplainView } from './contract/explain.js'
import { jobId } from './contract/ids.js'
import type { InboundApi } from './contract/inbound.js'
import type { JobPatch, JobSettings } from './contract/job.js'
import type { MessagePage } from './contract/message-page.js'
import type { JobMessageQuery, MessageQuery } from './contract/message-query.js'
import type { MoneyApi } from './contract/money.js'
import type { NoticesApi } from './contract/notices.js'
import type { ProfilesApi } from './contract/profiles.js'
import type { Readiness } from './contract/readiness.js'
import type { RecordingsApi, SpeechApi } from './contract/recordings.js'
import type { ReportsApi } from './contract/report.js'
import type { RetriesApi } from './contract/retry.js'
import type { EventsApi, RulesApi } from './contract/rule-events.js'
import type { SamplesApi } from './contract/sample.js'
import type { SuppressionsApi } from './contract/suppressions.js'
import type { TemplatesApi } from './contract/templates.js'
import type { TraceBatch, TraceFilter } from './contract/trace.js'
import type { MessageExplainView } from './contract/waits.js'
import type { WebhooksApi } from './contract/webhook.js'
import type { EngineParts } from './engine-parts.js'
import { requireRows } from './jobs/erased-job.js'
import { accountAsked, nobody } from './messages/explain-asker.js'
import { fillTemplates } from './messages/template-text.js'
import { recipientAsked } from './phone/recipient.js'
import { jobTextWrites } from './profiles/saved-settings.js'

export class Engine implements EngineApi {
  readonly audit: AuditApi
  readonly backups: BackupsApi
  readonly erasures: ErasuresApi
  readonly money: MoneyApi
  readonly inbound: InboundApi
  readonly recordings: RecordingsApi
  readonly speech: SpeechApi
  readonly suppressions: SuppressionsApi
  readonly reports: ReportsApi
  readonly notices: NoticesApi
  readonly templates: TemplatesApi
  readonly webhooks: WebhooksApi
  readonly contacts: ContactsApi
  readonly audience: AudienceApi
  readonly profiles: ProfilesApi
  readonly samples: SamplesApi
  readonly drops: DropsApi
  readonly dropCredentials: DropCredentialsApi
  readonly retries: RetriesApi
  readonly drafts: DraftsApi
  readonly archive: ArchiveApi
  readonly rules: RulesApi
  readonly events: EventsApi
  readonly #parts: EngineParts

  constructor(parts: EngineParts) {
    this.templates = parts.templates
    this.webhooks = parts.webhooks
    this.contacts = parts.contacts
    this.audience = parts.audience
    this.profiles = parts.profiles
    this.samples = parts.samples
    this.drops = parts.drops
    this.dropCredentials = parts.dropCredentials
    this.retries = parts.retries
    this.drafts = parts.drafts
    this.archive = parts.archive
    this.rules = parts.rules
    this.events = parts.events
    this.audit = parts.audit
    this.backups = parts.backups
    this.erasures = parts.erasures
    this.money = parts.money
    this.inbound = parts.inbound
    this.recordings = parts.recordings
    this.speech = parts.speech
    this.suppressions = parts.suppressions
    this.#parts = parts
    this.reports = parts.reports
    this.notices = parts.notices
  }

  authenticate(key: string, ip?: string): Principal | null {
    return this.#parts.accounts.authenticate(key, ip)
  }

  /** The new key is kept, encrypted, with what makes it. */
  #change(by: Principal | undefined): Change {
    return { by: by ?? null, beside: (answer) => this.#parts.idempotency.sealed(answer) }
  }
  async createAccount(
    id: string,
    settings: NewAccountSettings,
    by?: Principal,
  ): Promise<{ account: AccountView; key: string }> {
    return await this.#parts.accounts.create(id, settings, this.#change(by))
  }
  accounts(query: PageQuery): Page<AccountView> {
    return this.#parts.accounts.list(query)
  }
  account(id: string): AccountView {
    return this.#parts.accounts.view(id)
  }
  async patchAccount(id: string, settings: AccountSettings, by?: Principal): Promise<AccountView> {
    return await this.#parts.accounts.patch(id, settings, this.#change(by))
  }
  async deleteAccount(id: string, by?: Principal): Promise<void> {
    await this.#parts.accounts.remove(id, this.#change(by))
  }
  async createKey(account: string, settings?: KeySettings, by?: Principal): Promise<KeyView & { key: string }> {
    return await this.#parts.accounts.createKey(account, settings, this.#change(by))
  }
  async deleteKey(account: string, keyId: string, by?: Principal): Promise<void> {
    await this.#parts.accounts.deleteKey(account, keyId, this.#change(by))
  }

  #number(principal: Principal): number | null {
    return this.#parts.askers.number(principal)
  }
  #find(principal: Principal, id: string) {
    return this.#parts.jobs.find(this.#number(principal), id)
  }
  #view(principal: Principal, id: string): JobView {
    return this.#parts.jobs.view(this.#find(principal, id))
  }

  /** With recipients it resolves when they are durable and ingested. */
  async createJob(
    principal: Principal,
    settings: JobSettings,
    recipients: (string | Record<string, unknown>)[] | null,
  ): Promise<JobView> {
    const account = this.#parts.askers.sender(principal)
    const running = this.#parts.idempotency.current
    const begun = running?.kept.job ?? null
    const filled = begun === null || recipients === null ? null : await this.#parts.jobs.refill(begun, recipients)
    if (filled !== null) return this.#parts.jobs.view(filled)
    const whole = this.#parts.saved.resolve(account.number, settings)
    const record = await this.#parts.jobs.create(account, whole.settings, recipients, (job) => {
      const entry = { principal, action: 'job.create', object: `job/${jobId(job)}`, account, after: whole.settings }
      const writes = [...jobTextWrites(job, whole.texts), ...this.#parts.trail.recordWrites(entry)]
      if (running === null) return writes
      Object.assign(running.kept, { job, needsFile: recipients !== null })
      return [...writes, ...answerWrites(running.account, running.key, running.kept)]
    })
    return this.#parts.jobs.view(record)
  }

  async upload(principal: Principal, id: string, body: AsyncIterable<Buffer>): Promise<JobView> {
    const record = this.#find(principal, id)
    this.#parts.askers.requireActive(record.account)
    await this.#parts.jobs.upload(record, body, principal)
    return this.#view(principal, id)
  }

  jobs(principal: Principal, { since, ...query }: PageQuery & JobFilter): Page<JobView> {
    return this.#parts.jobs.list(this.#number(principal), { ...query, sinceMs: timeAsked('since', since) })
  }
  job(principal: Principal, id: string): JobView {
    return this.#view(principal, id)
  }

  async patchJob(principal: Principal, id: string, change: JobPatch & DraftPatch): Promise<JobView> {
    return await this.drafts.change(principal, id, change)
  }
  async startJob(principal: Principal, id: string): Promise<JobView> {
    const { job, account } = this.#find(principal, id)
    this.#parts.askers.requireActive(account)
    await this.#parts.jobs.control.start(job, principal)
    return this.#view(principal, id)
  }
  async pauseJob(principal: Principal, id: string): Promise<JobView> {
    await this.#parts.jobs.control.pause(this.#find(principal, id).job, principal)
    return this.#view(principal, id)
  }
  async resumeJob(principal: Principal, id: string): Promise<JobView> {
    const { job, account } = this.#find(principal, id)
    this.#parts.askers.requireActive(account)
    await this.#parts.jobs.control.resume(job, principal)
    return this.#view(principal, id)
  }
  async cancelJob(principal: Principal, id: string): Promise<JobView> {
    await this.#parts.jobs.control.cancel(this.#find(principal, id).job, principal)
    return this.#view(principal, id)
  }

  async preview(principal: Principal, id: string): Promise<JobPreview> {
    return await this.#parts.jobs.preview(this.#find(principal, id))
  }

  rejects(principal: Principal, id: string, raw: boolean): AsyncIterable<string | Buffer> {
    const record = this.#find(principal, id)
    requireRows(record)
    return this.#parts.rejects({ job: record.job, path: this.#parts.jobs.path(record), sniff: record.sniff }, raw)
  }

  async jobMessages(
    principal: Principal,
    id: string,
    { to, ...query }: PageQuery & JobMessageQuery,
  ): Promise<MessagePage> {
    const { job } = this.#find(principal, id)
    const wanted = to === undefined ? undefined : this.#e164(principal, to)
    if (wanted === null) return { items: [], nextCursor: null }
    return await this.#parts.reader.ofJob(job, { ...query, to: wanted })
  }

  async submit(principal: Principal, messages: MessageRequest[]): Promise<MessageAccepted[]> {
    this.#parts.admit()
    const account = this.#parts.askers.sender(principal)
    return await this.#parts.submitter.submit(account, this.#filled(account.number, messages))
  }
  previewMessages(principal: Principal, messages: MessageRequest[]): DryRunView {
    const account = this.#parts.askers.record(principal)
    return this.#parts.submitter.preview(account, this.#filled(account.number, messages))
  }
  #filled(account: number, messages: MessageRequest[]): MessageRequest[] {
    return fillTemplates(messages, (name) => this.#parts.saved.texts(account, name))
  }
  async explain(principal: Principal, question: ExplainQuestion): Promise<ExplainView> {
    const { accounts, explainer } = this.#parts
    const job = question.job === undefined ? null : this.#find(principal, question.job)
    const id = accountAsked(principal, question, job)
    const asker = { account: id === null ? nobody() : accounts.record(id), job }
    return await explainer.explain(asker, question)
  }
  async explainMessage(principal: Principal, id: string): Promise<MessageExplainView> {
    return await this.#parts.messageExplainer.explain(this.#number(principal), id)
  }
  async message(principal: Principal, id: string): Promise<MessageView> {
    return await this.#parts.reader.message(this.#number(principal), id)
  }

  async cancelMessage(principal: Principal, id: string): Promise<MessageView> {
    return await this.#parts.canceling.cancel(principal, id)
  }

  async messages(principal: Principal, query: PageQuery & MessageQuery): Promise<MessagePage> {
    const { since, until, to, job, ...rest } = query
    const times = { sinceMs: timeAsked('since', since), untilMs: timeAsked('until', until) }
    const wanted = to === undefined ? undefined : this.#e164(principal, to)
    const number = job === undefined ? undefined : this.#find(principal, job).job
    // A number that is none was never sent to.
    if (wanted === null) return { items: [], nextCursor: null }
    const asked = { ...rest, ...times, to: wanted, job: number }
    return await this.#parts.reader.ofAccount(this.#number(principal), asked)
  }

  /** However it is written; null: not a number. */
  #e164(principal: Principal, number: string): string | null {
    const account = principal.kind === 'admin' ? null : this.#parts.accounts.record(principal.account)
    return recipientAsked(account, number)
  }

  async idempotent<T>(
    principal: Principal,
    key: string | undefined,
    fingerprint: string,
    work: () => Promise<T>,
  ): Promise<Idempotent<T>> {
    if (key === undefined) return { value: await work(), replayed: false }
    // An account name never begins with a colon, so the admin's keys are apart.
    const account = principal.kind === 'admin' ? ':admin' : String(this.#number(principal))
    return await this.#parts.idempotency.once({ account, key, fingerprint }, work)
  }

  async carriers(): Promise<CarrierView[]> {
    return this.#parts.hold.told(await this.#parts.link.carriers())
  }

  /** @throws EngineError NOT_FOUND. */
  async patchCarrier(id: string, change: CarrierPatch, by?: Principal): Promise<CarrierView> {
    const { hold, link } = this.#parts
    if (change.paused === false) {
      const known = (await link.carriers()).map((view) => view.id)
      if (known.includes(id)) await hold.resume(id, known)
    }
    const carrier = hold.told(await link.patchCarrier(id, change)).find((view) => view.id === id)
    if (carrier === undefined) throw new EngineError('NOT_FOUND', 'There is no such carrier.')
    const entry = {
      principal: by ?? null,
      action: 'carrier.change',
      object: `carrier/${id}`,
      account: null,
      after: change,
    }
    await this.#parts.trail.write([], entry)
    return carrier
  }
  async trace(id: string, filter: TraceFilter, signal: AbortSignal): Promise<AsyncIterable<TraceBatch>> {
    const { link } = this.#parts
    if (!(await link.carriers()).some((view) => view.id === id)) {
      throw new EngineError('NOT_FOUND', 'There is no such carrier.')
    }
    return link.traces.open(id, filter, signal)
  }

  readiness(): Readiness {
    const space = this.#parts.space()
    const isStopping = this.#parts.isStopping()
    const isAlive = this.#parts.link.isAlive
    const checks = [
      { name: 'store', ok: space.ok, detail: `${Math.floor(space.freeBytes / 2 ** 20)} MiB free` },
      diskCheck(space.writeSeconds),
      { name: 'dispatcher', ok: isAlive, detail: isAlive ? 'running' : 'not running' },
      { name: 'intake', ok: !isStopping, detail: isStopping ? 'stopping' : 'open' },
    ]
    return {
      ready: checks.every(({ ok }) => ok),
      checks: [...checks, ...this.#parts.hold.notes(), ...this.#parts.notes()],
    }
  }

  async metrics(): Promise<{ contentType: string; body: string }> {
    return await this.#parts.metricsText()
  }
}

/** A write that takes longer than carriers wait for an answer: what is sent meanwhile would be answered late. */
const SLOW_SECONDS = 10

function diskCheck(writeSeconds: number): Readiness['checks'][number] {
  const detail = writeSeconds === 0 ? 'writes in time' : `a write has taken ${writeSeconds} s so far`
  return { name: 'disk', ok: writeSeconds < SLOW_SECONDS, detail }
}
