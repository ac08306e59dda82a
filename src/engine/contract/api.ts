/**
 * The façade as http and the command line see it: engine.ts implements it. Everything returned is plain JSON of the
 * public contract; everything refused is an EngineError.
 */
import type { KeySettings, KeyView } from './api-key.js'
import type { ArchiveApi } from './archive.js'
import type { AudienceApi } from './audience.js'
import type { AuditApi } from './audit.js'
import type { BackupsApi } from './backups.js'
import type { CallView } from './call-view.js'
import type { CarrierPatch, CarrierView } from './channel.js'
import type { ContactsApi } from './contacts.js'
import type { DraftPatch, DraftsApi } from './drafts.js'
import type { DropCredentialsApi } from './drop-credentials.js'
import type { DropNotices, DropNoticesSetting, DropsApi } from './drops.js'
import type { ErasuresApi } from './erasures.js'
import type { ExplainQuestion, ExplainView } from './explain.js'
import type { MessageCallback } from './extras.js'
import type { InboundApi, InboundRules, InboundSettings } from './inbound.js'
import type { PreviewRow } from './ingest.js'
import type { Counts, Estimate, JobPatch, JobSettings, JobState } from './job.js'
import type { ChannelName, CodingName, PriorityName, StateName } from './message.js'
import type { MessagePage } from './message-page.js'
import type { JobMessageQuery, MessageQuery } from './message-query.js'
import type { AccountMoney, Amount, MoneyApi, QuotaSettings, Quotas, Refusal } from './money.js'
import type { NoticesApi } from './notices.js'
import type { NumberRules } from './number-rules.js'
import type { OptOutPatch, OptOutSettings } from './opt-out.js'
import type { PriceSetting, PriceView } from './price.js'
import type { ProfilesApi } from './profiles.js'
import type { Readiness } from './readiness.js'
import type { ReasonCode } from './reasons.js'
import type { RecordingsApi, SpeechApi } from './recordings.js'
import type { RunsView, RunView } from './recurrence.js'
import type { ReportsApi } from './report.js'
import type { RetriesApi } from './retry.js'
import type { EventsApi, RulesApi } from './rule-events.js'
import type { SamplesApi } from './sample.js'
import type { SendingWindow } from './sending-hours.js'
import type { AccountVoice, AccountVoiceSetting, SpokenSettings, SpokenView } from './speech.js'
import type { SubmitSettings } from './submit-fields.js'
import type { SuppressionsApi } from './suppressions.js'
import type { TemplatesApi } from './templates.js'
import type { TraceBatch, TraceFilter } from './trace.js'
import type { MessageExplainView } from './waits.js'
import type { WebhooksApi } from './webhook.js'

/** What a key may do: look at things; send messages and steer jobs; change what sending rests on (templates, webhooks …). */
export const SCOPES = ['read', 'send', 'manage'] as const
export type Scope = (typeof SCOPES)[number]

/** Who asks. The account comes from the key and from nowhere else; `key` is 'admin' where an admin acts for it. */
export type Principal =
  | { kind: 'admin'; ip?: string }
  | {
      kind: 'account'
      account: string
      key: string
      /** Absent: all. */
      scopes?: readonly Scope[]
      /** Where the request came from. */
      ip?: string
    }

export interface Features {
  sms: boolean
  voice: boolean
  email: boolean
  drop: boolean
}

export interface AccountSettings extends Partial<NumberRules>, AccountVoiceSetting {
  name?: string
  features?: Partial<Features>
  defaultCountry?: string | null
  timeZone?: string
  weight?: number
  ratePerSecond?: number | null
  /** Of every job that names no window of its own; null: at any time. */
  sendingHours?: SendingWindow | null
  /** Replaces the whole list. */
  prices?: PriceSetting[]
  /** ISO 4217; of all prices. */
  currency?: string | null
  /** What may be spent, paid in advance; null: the account pays afterwards. */
  balance?: Amount | null
  /** Replaces all of them; null: none. */
  quotas?: QuotaSettings | null
  /** Given keys only; lists are replaced whole. */
  optOut?: OptOutPatch
  /** Senders that it may use; empty: any. The first one is used where a message or job names none. */
  senders?: string[]
  /** Nothing is sent for it while this holds. */
  suspended?: boolean
  /** How long replies are its own where a message does not say; 0: not at all; null: as configured. */
  conversationLockSeconds?: number | null
  /** Jobs message only contacts that have opted in. */
  requireOptIn?: boolean
  inbound?: InboundSettings
  /** Emails when a dropped file is done or failed; null: none. */
  dropNotices?: DropNoticesSetting | null
}

export interface NewAccountSettings extends AccountSettings {
  /** What its first key is made for. */
  key?: KeySettings
}

export interface AccountView extends NumberRules, AccountVoice {
  id: string
  name: string
  features: Features
  defaultCountry: string | null
  timeZone: string
  weight: number
  ratePerSecond: number | null
  sendingHours: SendingWindow | null
  prices: PriceView[]
  currency: string | null
  balance: number | null
  reserved: number
  spent: number
  quotas: Quotas
  today: AccountMoney['today']
  optOut: OptOutSettings
  senders: string[]
  suspended: boolean
  conversationLockSeconds: number | null
  requireOptIn: boolean
  inbound: InboundRules
  dropNotices: DropNotices | null
  keys: KeyView[]
  createdAt: string
}

export interface JobView extends RunsView {
  id: string
  name: string | null
  state: JobState
  /** Why a failed or paused job is so. */
  reason: string | null
  detail: string | null
  /** `suppressed`: the first ten. */
  settings: JobSettings & { suppressedCount?: number }
  /** The job whose messages this one sends again; null: it is no retry. */
  retryOf: string | null
  /** The recurring job that this one is a run of; null: it is none. */
  parent: string | null
  run: RunView | null
  counts: Counts
  /** Rows that became no message, by reason code: rejected, suppressed and duplicate ones. */
  rejectedByReason: Record<string, number>
  /** Of the rows read so far; duplicates are taken out when the file is done. null: no row was read. */
  estimate: Estimate | null
  /** Dialect and column map with guesses, once the file's head was read. */
  file: {
    bytes: number
    sha256: string | null
    dialect: object | null
    columns: object | null
    warnings: string[]
    /** Counts by code of contract/findings.ts. */
    findings: Record<string, number>
  } | null
  progress: { rowsPerSecond: number; messagesPerSecond: number; estimatedEndAt: string | null }
  /** When texts, and then rows with their numbers, were forgotten; null: nothing was. */
  erased: { textsAt: string; rowsAt: string | null } | null
  createdAt: string
  startedAt: string | null
  finishedAt: string | null
}

/** What messages would come to. */
export interface DryRunView extends Pick<JobView, 'counts' | 'rejectedByReason' | 'estimate'> {
  rows: PreviewRow[]
  /** Why all of it would be refused if it were accepted now: balance or quotas; null: it would not. */
  refusal: Refusal | null
}
/** The first rows of a job, and what all of it comes to, before anything is sent. */
export interface JobPreview extends DryRunView, Pick<JobView, 'file'> {}

export type FieldValue = string | number | boolean | null

export interface MessageRequest extends SubmitSettings, SpokenSettings {
  to: string
  from?: string
  /** One of this, `template` and `data`; an email may have `html` alone. */
  text?: string
  /** Of an email; in place of its template's. */
  subject?: string
  html?: string
  /** Name of a template, filled with `fields`. */
  template?: string
  /** Label in the text → value. */
  fields?: Record<string, FieldValue>
  /** Octets in hex in place of a text, with a header of their own in `udh` if need be. */
  data?: string
  channel?: 'auto' | ChannelName
  priority?: PriorityName
  validForSeconds?: number
  sendAt?: string
  maxParts?: number
  transliterate?: boolean
  /** As of a job. */
  conversationLock?: boolean | number
  clientReference?: string
  /** Where this one message is reported to; only of the routes that speak like other gateways. */
  callback?: MessageCallback
}

/** What POST /v1/messages answers per message; `reason` set when it was refused (in a batch). */
export interface MessageAccepted {
  id: string | null
  state: StateName | 'rejected'
  to: string
  channel: ChannelName
  encoding: CodingName
  parts: number
  /** The preferred carrier of its route; for a dry run. */
  carrier?: string | null
  reason?: ReasonCode
  detail?: string
}

export interface HistoryEntry {
  at: string
  event: string
  carrier?: string
  bind?: number
  part?: number
  attempt?: number
  status?: number
  statusName?: string
  carrierId?: string
  error?: string
  /** What the carrier's receipt says of the time. Its clock may be wrong. */
  carrierTime?: string
  /** Of `failed`: why we gave it up, where no carrier refused it. Of a call: why it was not heard. */
  reason?: ReasonCode
  /** Of a call. */
  voice?: CallView
  /** Of `postponed`: when the number is called again. */
  until?: string
  /** Of a message that an operator settled: what it became then, and who said so. */
  state?: StateName
  by?: string
}

export interface MessageView extends SpokenView {
  id: string
  job: string | null
  state: StateName
  reason: ReasonCode | null
  to: string
  from: string
  channel: ChannelName
  text: string
  /** Of an email; else null. `html` null: it is plain text. */
  subject: string | null
  html: string | null
  /** Octets of 8-bit data in hex; null: it is a text. */
  data: string | null
  /** What of it was erased: its text, or its text and recipient; null: nothing. */
  erased: 'text' | 'message' | null
  encoding: CodingName
  parts: number
  /** Of all its parts, by the price list when it was accepted; null: it had no price. */
  price: number | null
  /** ISO 3166; null: a network of no country. */
  country: string | null
  /** Of the file, from 1, at which the record of the message begins; null: it came one by one. */
  line: number | null
  /** The customer's own name for it; null: none was given. */
  clientReference: string | null
  createdAt: string
  history: HistoryEntry[]
}

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}
export interface PageQuery {
  limit: number
  cursor?: string
}

/** What a list of jobs is asked for; absent: any. */
export interface JobFilter {
  state?: JobState
  clientReference?: string
  tag?: string
  name?: string
  /** RFC 3339; made at or after. */
  since?: string
  /** Id of a recurring job: only its runs. */
  parent?: string
}

/** Result of a call that may be replayed under an Idempotency-Key. */
export interface Idempotent<T> {
  value: T
  replayed: boolean
}

export interface EngineApi {
  readonly money: MoneyApi
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
  readonly audit: AuditApi
  readonly backups: BackupsApi
  readonly erasures: ErasuresApi
  readonly inbound: InboundApi
  readonly recordings: RecordingsApi
  readonly speech: SpeechApi
  readonly suppressions: SuppressionsApi

  /**
   * null: no such key. Constant time in the secret; `ip`: where the request came from.
   * @throws EngineError UNAUTHORIZED: mistyped or expired. FORBIDDEN: the key is not for this address.
   */
  authenticate(key: string, ip?: string): Principal | null

  createAccount(
    id: string,
    settings: NewAccountSettings,
    by?: Principal,
  ): Promise<{ account: AccountView; key: string }>
  accounts(query: PageQuery): Page<AccountView>
  account(id: string): AccountView
  /** `by`: who asked, for the audit log; absent: the program itself. */
  patchAccount(id: string, settings: AccountSettings, by?: Principal): Promise<AccountView>
  /** What is still queued for it is canceled. */
  deleteAccount(id: string, by?: Principal): Promise<void>
  createKey(account: string, settings?: KeySettings, by?: Principal): Promise<KeyView & { key: string }>
  deleteKey(account: string, keyId: string, by?: Principal): Promise<void>

  createJob(
    principal: Principal,
    settings: JobSettings,
    recipients: (string | Record<string, unknown>)[] | null,
  ): Promise<JobView>
  /** Resolves when the last byte is durable; the stream is read to its end or destroyed. */
  upload(principal: Principal, id: string, body: AsyncIterable<Buffer>): Promise<JobView>
  /** Newest first. A page that finds nothing within what it may look through is empty and has a nextCursor. */
  jobs(principal: Principal, query: PageQuery & JobFilter): Page<JobView>
  job(principal: Principal, id: string): JobView
  patchJob(principal: Principal, id: string, change: JobPatch & DraftPatch): Promise<JobView>
  startJob(principal: Principal, id: string): Promise<JobView>
  pauseJob(principal: Principal, id: string): Promise<JobView>
  resumeJob(principal: Principal, id: string): Promise<JobView>
  cancelJob(principal: Principal, id: string): Promise<JobView>
  preview(principal: Principal, id: string): Promise<JobPreview>
  /** Text of the CSV in pieces. */
  rejects(principal: Principal, id: string, raw: boolean): AsyncIterable<string | Buffer>
  jobMessages(principal: Principal, id: string, query: PageQuery & JobMessageQuery): Promise<MessagePage>

  submit(principal: Principal, messages: MessageRequest[]): Promise<MessageAccepted[]>
  /** What submit would answer, with nothing stored. */
  previewMessages(principal: Principal, messages: MessageRequest[]): DryRunView
  /** For any number and text, also such as would be refused. @throws VALIDATION: nothing is asked. */
  explain(principal: Principal, question: ExplainQuestion): Promise<ExplainView>
  /** What a message waits for now, and what `explain` says of it. */
  explainMessage(principal: Principal, id: string): Promise<MessageExplainView>
  message(principal: Principal, id: string): Promise<MessageView>
  /** Idempotent. @throws EngineError NOT_FOUND; WRONG_STATE: it was handed over, or has ended in another way. */
  cancelMessage(principal: Principal, id: string): Promise<MessageView>
  /** Newest first. A page that finds nothing within what it may look through is empty and has a nextCursor. */
  messages(principal: Principal, query: PageQuery & MessageQuery): Promise<MessagePage>

  /** Runs `work` once per (account, key) within 72 h; see ERRORS IDEMPOTENCY_*. `fingerprint` stands for the body. */
  idempotent<T>(
    principal: Principal,
    key: string | undefined,
    fingerprint: string,
    work: () => Promise<T>,
  ): Promise<Idempotent<T>>

  carriers(): Promise<CarrierView[]>
  patchCarrier(id: string, change: CarrierPatch, by?: Principal): Promise<CarrierView>
  /** PDUs of a live carrier until `signal` ends it; dropped rather than waited for. */
  trace(id: string, filter: TraceFilter, signal: AbortSignal): Promise<AsyncIterable<TraceBatch>>

  readiness(): Readiness
  /** Prometheus text. */
  metrics(): Promise<{ contentType: string; body: string }>
}
