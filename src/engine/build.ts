/**
 * Puts the engine of the main thread together from the stores and functions that the root hands in. Two steps, because
 * the dispatcher starts with what the documents say and the engine needs the dispatcher.
 */
import { Accounts } from './accounts/accounts.js'
import { AnswerSeal } from './accounts/answer-seal.js'
import { Askers } from './accounts/askers.js'
import { DataSecret } from './accounts/data-secret.js'
import { Idempotency } from './accounts/idempotency.js'
import { answerNote, StoredAnswers } from './accounts/kept-answers.js'
import { lockSecondsOf } from './accounts/lock-seconds.js'
import { Numbering } from './accounts/numbering.js'
import { Audit } from './audit/audit.js'
import { buildAudit } from './audit/build-audit.js'
import { Backups } from './backup/backups.js'
import { CarrierHold } from './backup/carrier-hold.js'
import type { BuildParts } from './build-parts.js'
import { type BuiltContacts, buildContacts } from './contacts/build-contacts.js'
import { contactHistory } from './contacts/contact-history.js'
import type { ContactHistory } from './contacts/contacts.js'
import { EngineError } from './contract/errors.js'
import type { DispatcherEvents, DispatcherLink } from './dispatcher-link.js'
import { type BuiltDrops, buildDrops, type DropParts } from './drops/build-drops.js'
import { Engine } from './engine.js'
import { buildEvents } from './events/build-events.js'
import type { EventTending } from './events/event-tending.js'
import { buildInbound } from './inbound/build-inbound.js'
import { InboundBook } from './inbound/inbound-book.js'
import type { InboundDesk } from './inbound/inbound-desk.js'
import { FairPool } from './jobs/fair-pool.js'
import { JobBook } from './jobs/job-book.js'
import type { JobRecord } from './jobs/job-record.js'
import { Jobs } from './jobs/jobs.js'
import { ProgressBook } from './jobs/progress.js'
import { RouteBook } from './jobs/route-book.js'
import { voicePorts } from './jobs/voice-ports.js'
import { buildMessageDesks } from './messages/build-message-desks.js'
import { buildMessageExplainer } from './messages/build-message-explainer.js'
import { buildMessages } from './messages/build-messages.js'
import { buildReader, viewNames } from './messages/build-reader.js'
import type { MessageReader } from './messages/message-reader.js'
import { attachMoney, buildMoney } from './money/build-money.js'
import type { Money } from './money/money.js'
import { MoneyDesk } from './money/money-desk.js'
import { SharedScrapes } from './observe/shared-scrapes.js'
import { OptOut } from './opt-out/build-opt-out.js'
import { isCountry } from './phone/number.js'
import { type BuiltPrivacy, buildPrivacy } from './privacy/build-privacy.js'
import { buildSaved } from './profiles/build-saved.js'
import { readJobTexts, readMailTexts } from './profiles/saved-settings.js'
import { QueueGauges } from './queue-gauges.js'
import { buildRecordings } from './recordings/build-recordings.js'
import { Reports } from './reports/reports.js'
import { SpaceWatch } from './space.js'
import { InboundStore } from './store/inbound-store.js'
import { type BuiltWebhooks, buildWebhooks } from './webhooks/build-webhooks.js'
import type { WebhookDesk } from './webhooks/webhook-desk.js'

export interface Built {
  routes: RouteBook
  /** Carriers that may send although the directory was restored; null: all may. */
  resumed: readonly string[] | null
  jobs: Jobs
  /** For the dispatcher's link. */
  events: DispatcherEvents
  inbound: InboundDesk
  contacts: BuiltContacts
  webhooks: WebhookDesk
  optOut: OptOut
  money: Money
  space: SpaceWatch
  connect(link: DispatcherLink): Engine
  /** What the drop folder and its servers work with, once it is connected. */
  drops(): BuiltDrops
  /** What automatic events have to do beside requests; once connected. */
  tending(): EventTending
  /** What is erased, or forgotten when its time is over; once connected. */
  privacy(): BuiltPrivacy
  close(): Promise<void>
}

export async function buildEngine(parts: BuildParts): Promise<Built> {
  const { config, documents, clock } = parts
  const numbering = new Numbering(documents)
  const secret = new DataSecret(config.dataDir)
  const audit = new Audit({ documents, clock, secret: secret.derive('audit') })
  const backups = new Backups({ ...parts, work: parts.backup, audit })
  const hold = new CarrierHold(documents, parts.log)
  const money = buildMoney(parts)
  const accounts = new Accounts({
    documents,
    numbering,
    audit,
    clock,
    money,
    adminKey: parts.adminKey,
    knownCountry: isCountry,
  })
  const routes = await RouteBook.open(config, { documents, takeNumber: () => numbering.take('route') })
  const assembly = new Assembly(parts, { accounts, numbering, routes, secret, audit, backups, hold, money })
  return {
    routes,
    resumed: hold.resumed,
    jobs: assembly.jobs,
    events: assembly.events,
    inbound: assembly.inbound,
    contacts: assembly.contacts,
    webhooks: assembly.webhooks.desk,
    optOut: assembly.optOut,
    space: assembly.space,
    money,
    connect: (link) => assembly.connect(link),
    drops: () => assembly.drops,
    tending: () => assembly.tending!,
    privacy: () => assembly.privacy!,
    close: async () => {
      await backups.stop()
      await accounts.flushLastUsed(true)
    },
  }
}

interface Foundations {
  accounts: Accounts
  numbering: Numbering
  routes: RouteBook
  secret: DataSecret
  audit: Audit
  backups: Backups
  hold: CarrierHold
  money: Money
}

class Assembly {
  readonly #parts: BuildParts
  readonly #base: Foundations
  readonly #book: JobBook
  readonly #progress = new ProgressBook()
  readonly space: SpaceWatch
  readonly #pool: FairPool
  readonly contacts: BuiltContacts
  readonly jobs: Jobs
  readonly events: DispatcherEvents
  readonly inbound: InboundDesk
  readonly webhooks: BuiltWebhooks
  readonly optOut: OptOut
  readonly #inboundStore: InboundStore
  tending: EventTending | null = null
  privacy: BuiltPrivacy | null = null
  #link: DispatcherLink | null = null
  #engine: Engine | null = null
  #history: ContactHistory | null = null
  #drops: BuiltDrops | null = null

  constructor(parts: BuildParts, base: Foundations) {
    this.#parts = parts
    this.#base = base
    this.#book = new JobBook(parts.documents)
    this.space = new SpaceWatch(parts.config.dataDir, parts.clock, parts.writeAges)
    this.optOut = new OptOut({
      ...{ ...parts, ...base, post: (message) => this.#link?.post(message) },
      said: (consent) => this.contacts.consents.note(consent),
    })
    this.#inboundStore = new InboundStore(parts.store.environment)
    this.#pool = new FairPool(parts.runTask, parts.config.threads.ingest)
    this.contacts = buildContacts({
      ...{ ...parts, ...base, pool: this.#pool, admit: () => this.#admit(), room: () => this.space.room() },
      suppressions: () => this.optOut.book.filter.buffer,
      history: (principal, addresses, query) => this.#history!(principal, addresses, query),
      caughtUp: () => base.money.catchUp(),
      inbound: this.#inboundStore,
    })
    this.jobs = this.#makeJobs()
    base.accounts.watch((account) => {
      this.jobs.accountChanged(account).catch(parts.fail)
    })
    this.inbound = buildInbound(parts.config, {
      ...{ ...parts, ...base, ...this.optOut.ears, store: this.#inboundStore },
      block: (block) => parts.store.block(block),
    })
    this.webhooks = this.#makeWebhooks()
    this.events = this.#makeEvents()
  }

  #makeWebhooks(): BuiltWebhooks {
    const built = buildWebhooks({
      ...{ ...this.#parts, ...this.#base, jobBook: this.#book, inboundStore: this.#inboundStore },
      inbound: { get: (principal, id) => this.#engine!.inbound.get(principal, id) },
      counts: (record) => this.jobs.counts(record),
      wanted: (accounts) => this.#link?.post({ type: 'eventAccounts', accounts }),
    })
    const { desk } = built
    const written = (record: JobRecord): void => {
      desk.jobWritten(record)
      this.#drops?.desk.jobWritten(record)
    }
    this.#book.watcher = { writes: desk.jobWrites, written }
    this.#inboundStore.onListed = (account) => {
      desk.inboundOf(account)
      this.contacts.heard.wake()
    }
    this.#base.accounts.watch((account) => desk.accountChanged(account))
    return built
  }

  #makeJobs(): Jobs {
    const { store, clock, log, metrics, config, fail } = this.#parts
    const { accounts, audit, numbering, routes } = this.#base
    return new Jobs({
      book: this.#book,
      progress: this.#progress,
      store,
      pool: this.#pool,
      audiences: this.contacts.audiences,
      saveContacts: (record, file) => this.contacts.imports.ofJob(record, file),
      routes,
      clock,
      log,
      metrics,
      dataDir: config.dataDir,
      account: (number) => accounts.byNumber(number),
      money: this.#base.money,
      takeNumber: () => numbering.take('job'),
      lockSeconds: (account, setting) => lockSecondsOf(setting, account, config.inbound.conversationLockSeconds),
      audit,
      blockStates: (blocks) => this.#link!.states(blocks),
      earlierRetries: (job) => this.#parts.documents.list('job-retries', { prefix: [job] }),
      texts: (job) => readJobTexts(this.#parts.documents, job),
      mailTexts: (job) => readMailTexts(this.#parts.documents, job),
      voice: voicePorts(this.#parts),
      suppressions: () => this.optOut.book.filter.buffer,
      wayOut: (account, settings) => this.optOut.plan(account, settings),
      callback: (account, url) => this.webhooks.desk.callback(account, url),
      post: (message) => this.#link?.post(message),
      admit: () => this.#admit(),
      room: () => this.space.room(),
      fail,
    })
  }

  #admit(): void {
    if (this.#parts.isStopping()) throw new EngineError('SHUTTING_DOWN', 'The engine is stopping.')
    const { ok, freeBytes } = this.space.look()
    if (!ok) throw new EngineError('STORE_FULL', `Only ${Math.floor(freeBytes / 2 ** 20)} MiB are free.`)
  }

  #makeEvents(): DispatcherEvents {
    const { clock, fail } = this.#parts
    return {
      progress: (jobs) => {
        const monotonicMs = clock.monotonic()
        for (const progress of jobs) {
          if (this.#book.isOpen(progress.job)) this.#progress.record(progress, monotonicMs)
        }
      },
      finished: (job) => {
        this.jobs.finished(job).catch(fail)
      },
      inbound: () => this.inbound.wake(),
      events: (accounts) => this.webhooks.desk.eventsOf(accounts),
      fatal: (code, message) => fail(new Error(`dispatcher: ${code} ${message}`)),
    }
  }

  get drops(): BuiltDrops {
    return this.#drops!
  }

  #makeDrops(own: Pick<DropParts, 'profiles' | 'saved' | 'askers' | 'sealed'>): BuiltDrops {
    this.#drops = buildDrops({
      ...{ ...this.#parts, ...this.#base, ...own, jobs: this.jobs, webhooks: this.webhooks.desk },
      admit: () => this.#admit(),
      engine: () => this.#engine!,
    })
    return this.#drops
  }

  connect(link: DispatcherLink): Engine {
    this.#link = link
    const { documents, rejects, store } = this.#parts
    const { accounts } = this.#base
    const names = viewNames(this.#parts)
    const idempotency = this.#idempotency()
    const folded = { snapshot: () => link.snapshot(), stored: this.contacts.last.stored.bind(this.contacts.last) }
    attachMoney(this.#base.money, { accounts, book: this.#book, ...folded })
    const { submitter, explainer, notices } = buildMessages({
      ...{ ...this.#parts, ...this.#base, book: this.#book, optOut: this.optOut },
      ...{ webhooks: this.webhooks.desk, idempotency, link, admit: () => this.#admit() },
    })
    const gauges = this.#gauges()
    const scrapes = new SharedScrapes(() => this.#metricsText(gauges))
    const askers = new Askers(accounts)
    const admit = () => this.#admit()
    const common = { ...this.#parts, ...this.#base, askers, jobs: this.jobs, book: this.#book, admit }
    const saved = buildSaved({ ...common, pool: this.#pool })
    const drops = this.#makeDrops({ ...saved, askers, sealed: (answer) => idempotency.sealed(answer) })
    const reader = buildReader({
      ...{ ...this.#parts, names },
      book: this.#book,
      states: (blocks) => link.states(blocks),
      isOutside: (record) => this.jobs.isOutside(record),
      zoned: (record) => this.jobs.zoned(record),
    })
    this.#history = this.#contactHistory(askers, reader)
    const automatic = buildEvents({ ...common, reader, submitter, saved: saved.saved, link })
    this.tending = automatic.tending
    this.privacy = buildPrivacy({ ...common, contacts: this.contacts, tables: this.#parts.contacts, link })
    const engine = new Engine({
      accounts,
      webhooks: this.webhooks.api,
      contacts: this.contacts.contacts,
      audience: this.contacts.audiences,
      money: new MoneyDesk({
        ...{ money: this.#base.money, accounts, askers, audit: this.#base.audit, environment: store.environment },
        noteFor: (answer) => answerNote(idempotency.current, answer),
        admit: () => this.#admit(),
      }),
      askers,
      audit: buildAudit(documents, askers),
      backups: this.#base.backups,
      erasures: this.privacy.erasures,
      hold: this.#base.hold,
      trail: this.#base.audit,
      idempotency,
      jobs: this.jobs,
      ...buildMessageDesks({ ...common, saved: saved.saved, idempotency, reader, link }),
      ...{ ...saved, ...automatic, ...buildRecordings(common) },
      drops: drops.api,
      dropCredentials: drops.credentials,
      submitter,
      explainer,
      notices,
      messageExplainer: buildMessageExplainer({ accounts, book: this.#book, explainer, reader, link, names }),
      reader,
      reports: new Reports({ askers, jobs: this.jobs, reader, names, ranges: (job) => store.ranges(job) }),
      link,
      rejects,
      inbound: new InboundBook({ store: this.#inboundStore, accounts, askers }),
      suppressions: this.optOut.routes(askers),
      admit,
      space: () => this.space.look(),
      isStopping: this.#parts.isStopping,
      metricsText: () => scrapes.text(),
    })
    this.#engine = engine
    return engine
  }

  #contactHistory(askers: Askers, reader: MessageReader): ContactHistory {
    return contactHistory({
      sent: (principal, recipients, query) => reader.ofAccount(askers.number(principal), { ...query, recipients }),
      received: (principal, from, query) => this.#engine!.inbound.list(principal, { ...query, from }),
    })
  }

  #idempotency(): Idempotency {
    const { clock, documents, store } = this.#parts
    return new Idempotency({
      answers: new StoredAnswers(documents, store.environment.meta),
      clock,
      seal: new AnswerSeal(this.#base.secret),
      revive: (kept) => this.jobs.revive(kept),
    })
  }

  async #metricsText(gauges: QueueGauges): Promise<{ contentType: string; body: string }> {
    const { metrics, metricsText } = this.#parts
    gauges.update()
    metrics.gauge('trunkline_store_free_bytes').set(this.space.look().freeBytes)
    await this.#base.accounts.flushLastUsed()
    metrics.gauge('trunkline_webhook_backlog').set(this.webhooks.desk.backlog())
    return await metricsText()
  }

  #gauges(): QueueGauges {
    const { store, metrics, clock } = this.#parts
    return new QueueGauges({
      environment: store.environment,
      metrics,
      clock,
      jobs: () => this.#book.open(),
      waiting: (record) => {
        const counts = this.jobs.counts(record)
        return counts.queued + counts.scheduled
      },
      routeName: (route) => this.#base.routes.name(route),
    })
  }
}
