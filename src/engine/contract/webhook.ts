/** Webhooks: where an account is told what happens, as the API shows them and as their bodies carry it. */
import type { Page, PageQuery, Principal } from './api.js'
import type { CallView } from './call-view.js'
import type { InboundView } from './inbound.js'
import type { Counts, JobState } from './job.js'
import type { ChannelName, StateName } from './message.js'
import type { ReasonCode } from './reasons.js'

/** The `type` of a body. */
export const WEBHOOK_EVENTS = ['messages.updated', 'inbound.received', 'job.updated', 'drop.updated'] as const
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number]

/** Message states that are events: all that a message can stay in. `scheduled`: the number is called again. */
export const WEBHOOK_STATES = [
  'scheduled',
  'sent',
  'delivered',
  'undelivered',
  'failed',
  'expired',
  'canceled',
  'unknown',
] as const

export const ENDPOINT_STATES = ['active', 'retrying', 'parked', 'disabled'] as const
export type EndpointState = (typeof ENDPOINT_STATES)[number]

export interface WebhookSettings {
  url: string
  /** Absent: all. */
  events?: WebhookEvent[]
  /** Only these message states; absent: all. */
  states?: StateName[]
  /** Absent: the endpoint keeps its own, a new one gets one made. Another one than it has makes that the previous one. */
  secret?: string
  /** Signs beside the other. Absent: as it is; null: there is none any more. */
  previousSecret?: string | null
  /** Makes a new secret; the one so far becomes the previous one. */
  rotateSecret?: boolean
  /** true: nothing is delivered until it is false again. */
  disabled?: boolean
}

export interface WebhookView {
  name: string
  account: string
  url: string
  events: WebhookEvent[]
  /** null: all. */
  states: StateName[] | null
  secret: string
  /** Signs beside it while a rotation is under way. */
  previousSecret: string | null
  state: EndpointState
  /** Why a disabled endpoint is so. */
  disabledReason: 'GONE' | 'BY_REQUEST' | null
  /** true: made for the callbackUrl of jobs or the dlr-url of messages, and gone when nothing open needs it. */
  isCallback: boolean
  /** Entries that wait to be delivered. Where `states` is given, or it is a callback: an upper bound. */
  backlog: number
  /** Entries whose retries are over; a replay brings them back. */
  parked: number
  /** Deliveries that failed since the last success. */
  failures: number
  nextAttemptAt: string | null
  lastSuccessAt: string | null
  lastError: { at: string; reason: string } | null
  createdAt: string
}

/** An entry of messages.updated. */
export interface MessageUpdate {
  id: string
  /** null: it came one by one. */
  job: string | null
  state: StateName
  reason: ReasonCode | null
  /** Nothing more is expected of it. */
  final: boolean
  /** null: the message is kept no more. */
  to: string | null
  from: string | null
  /** null: the message is kept no more. */
  channel: ChannelName | null
  parts: number | null
  carrier: string | null
  /** The carrier's status of a refusal, and the error text of its receipt. */
  status: number | null
  error: string | null
  /** Of a call that was made; else null. */
  voice: CallView | null
  clientReference: string | null
  /** Of the job. */
  tags: string[]
  at: string
}

/** An entry of job.updated. */
export interface JobUpdate {
  id: string
  name: string | null
  state: JobState
  reason: string | null
  /** The recurring job that it is a run of. */
  parent: string | null
  counts: Counts
  clientReference: string | null
  tags: string[]
  at: string
}

/** An entry of drop.updated: a dropped file is done, canceled or failed. */
export type { DropUpdate } from './drops.js'

/** An entry of inbound.received: as GET /v1/inbound shows it. */
export type InboundUpdate = InboundView

export interface ReplayResult {
  /** Entries that wait to be delivered now. */
  backlog: number
  /** How many of them were brought back. */
  replayed: number
}

export interface WebhooksApi {
  /** @throws EngineError VALIDATION, NOT_FOUND (no such account). */
  put(principal: Principal, name: string, settings: WebhookSettings): Promise<WebhookView>
  get(principal: Principal, name: string): WebhookView
  /** By name; the admin sees those of all accounts. */
  list(principal: Principal, query: PageQuery): Page<WebhookView>
  remove(principal: Principal, name: string): Promise<void>
  /** `since`: RFC 3339. */
  replay(principal: Principal, name: string, since: string): Promise<ReplayResult>
}
