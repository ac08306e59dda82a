/** What the façade is put together from: build.ts makes it, engine.ts calls it. Main thread. */
import type { Accounts } from './accounts/accounts.js'
import type { Askers } from './accounts/askers.js'
import type { Idempotency } from './accounts/idempotency.js'
import type { Audit } from './audit/audit.js'
import type { CarrierHold } from './backup/carrier-hold.js'
import type { ArchiveApi } from './contract/archive.js'
import type { AudienceApi } from './contract/audience.js'
import type { AuditApi } from './contract/audit.js'
import type { BackupsApi } from './contract/backups.js'
import type { ContactsApi } from './contract/contacts.js'
import type { DraftsApi } from './contract/drafts.js'
import type { DropCredentialsApi } from './contract/drop-credentials.js'
import type { DropsApi } from './contract/drops.js'
import type { ErasuresApi } from './contract/erasures.js'
import type { InboundApi } from './contract/inbound.js'
import type { SniffResult } from './contract/ingest.js'
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
import type { WebhooksApi } from './contract/webhook.js'
import type { DispatcherLink } from './dispatcher-link.js'
import type { Jobs } from './jobs/jobs.js'
import type { CancelDesk } from './messages/cancel-desk.js'
import type { Explainer } from './messages/explain.js'
import type { MessageExplainer } from './messages/explain-message.js'
import type { MessageReader } from './messages/message-reader.js'
import type { Submitter } from './messages/submit.js'
import type { SavedSettings } from './profiles/saved-settings.js'
import type { Space } from './space.js'

/** Streams rejects.csv of a job; ingest knows the file, so the roots hand it in. */
export type RejectsStream = (
  job: { job: number; path: string; sniff: SniffResult | null },
  raw: boolean,
) => AsyncIterable<string | Buffer>

export interface EngineParts {
  accounts: Accounts
  askers: Askers
  audit: AuditApi
  backups: BackupsApi
  erasures: ErasuresApi
  /** Of a data directory that was restored. */
  hold: CarrierHold
  /** Writes the audit log. */
  trail: Audit
  idempotency: Idempotency
  money: MoneyApi
  jobs: Jobs
  saved: SavedSettings
  templates: TemplatesApi
  webhooks: WebhooksApi
  contacts: ContactsApi
  audience: AudienceApi
  profiles: ProfilesApi
  samples: SamplesApi
  drops: DropsApi
  dropCredentials: DropCredentialsApi
  retries: RetriesApi
  drafts: DraftsApi
  archive: ArchiveApi
  canceling: CancelDesk
  submitter: Submitter
  explainer: Explainer
  messageExplainer: MessageExplainer
  reader: MessageReader
  link: DispatcherLink
  space(): Space
  /** @throws EngineError SHUTTING_DOWN, STORE_FULL when nothing new may be taken. */
  admit(): void
  reports: ReportsApi
  notices: NoticesApi
  rules: RulesApi
  events: EventsApi
  rejects: RejectsStream
  inbound: InboundApi
  recordings: RecordingsApi
  speech: SpeechApi
  /** What is worth knowing beside, and keeps nobody from sending. */
  notes(): Readiness['checks']
  suppressions: SuppressionsApi
  metricsText(): Promise<{ contentType: string; body: string }>
  isStopping(): boolean
}
