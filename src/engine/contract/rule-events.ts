/**
 * Automatic messages: things that happen at the customer's (an appointment, a basket left behind), and rules that make
 * messages of them. Product.md, "Events".
 */
import type { FieldValue, Page, PageQuery, Principal } from './api.js'
import type { Condition } from './audience.js'
import type { ErrorCode } from './errors.js'
import type { ChannelName, PriorityName, StateName } from './message.js'
import type { ReasonCode } from './reasons.js'
import type { SendingWindow } from './sending-hours.js'

/**
 * When a rule's messages are due: as soon as the event is known; so long before or after its `at`; or at a time of day so
 * many days before or after the day of its `at`. Durations: "90m", "24h", "2d", "1h30m".
 */
export type RuleWhen =
  | 'at once'
  | { before: string }
  | { after: string }
  | { daysBefore: number; at: string; timeZone?: string }
  | { daysAfter: number; at: string; timeZone?: string }

/** What to do with a message whose time is over when the event becomes known. */
export type RuleLate = 'send' | 'skip' | { within: string }

export interface RuleSend {
  channel?: 'auto' | ChannelName
  template: string
  from?: string
  validForSeconds?: number
}

/** The client of the event, somebody else, or whoever a field of the event names (a number or an email address). */
export type RuleRecipient = 'client' | { number?: string; email?: string } | { field: string }

/** Over the event's data (data.NAME) and the client's contact (attributes.NAME, tags, …): see audience.ts. */
export interface RuleConditions {
  all?: Condition[]
  any?: Condition[]
  not?: Condition
}

export interface RuleSettings {
  /** Type of the events that it is about. */
  event: string
  when: RuleWhen
  send: RuleSend[]
  /** Default: the client. */
  recipients?: RuleRecipient[]
  if?: RuleConditions
  window?: SendingWindow | null
  late?: RuleLate
  priority?: PriorityName
  enabled?: boolean
  description?: string | null
}

export interface RuleView extends Required<RuleSettings> {
  name: string
  createdAt: string
  updatedAt: string
}

/** A foreign rule is as unknown as one that never was: NOT_FOUND. */
export interface RulesApi {
  /** Makes it or replaces it whole; messages that it made stay as they are. @throws EngineError VALIDATION. */
  put(principal: Principal, name: string, settings: RuleSettings): Promise<RuleView>
  get(principal: Principal, name: string): RuleView
  /** By name. */
  list(principal: Principal, query: PageQuery): Page<RuleView>
  /** Messages that it made stay as they are. */
  remove(principal: Principal, name: string): Promise<void>
}

/** Whom an event is about: a number, an email address (either may be that of a contact), or both. */
export type EventTo = string | { number?: string; email?: string }

export interface EventRequest {
  type: string
  /** The customer's own, unique in the account. */
  id: string
  /** RFC 3339 with a zone; absent: now. */
  at?: string
  to?: EventTo
  data?: Record<string, FieldValue>
  /** true: as canceling it. */
  canceled?: boolean
}

/** What one rule may send, and one event altogether. */
export const SENDS_MOST = 10
export const RECIPIENTS_MOST = 20
export const MESSAGES_PER_EVENT = 200
export const EVENTS_PER_REQUEST = 1_000
/** Of an event's id and its type. */
export const EVENT_ID_CHARS = 128
export const EVENT_TYPE_CHARS = 64
export const EVENT_DATA_FIELDS = 100
/** So long after its last message an event is still known. */
export const EVENT_KEPT_DAYS = 90

export const EVENT_STATES = ['scheduled', 'done', 'canceled'] as const
export type EventState = (typeof EVENT_STATES)[number]

/** What came of one rule for one recipient by one channel. */
export interface EventOutcome {
  rule: string
  channel: 'auto' | ChannelName
  template: string | null
  recipient: string | null
  /** null: no message was made, and `reason` says why. */
  message: string | null
  /** Version of the event that it was made of. */
  version: number
  due: string | null
  /** Of the message now; absent: there is none. */
  state?: StateName
  reason: ReasonCode | null
  detail: string | null
}

export interface EventView {
  id: string
  type: string
  at: string
  to: { number: string | null; email: string | null }
  data: Record<string, FieldValue>
  state: EventState
  /** 1, and one more with each change. */
  version: number
  createdAt: string
  updatedAt: string
  messages: EventOutcome[]
  /** Of earlier versions: those that had been handed over when the event changed. */
  earlier: EventOutcome[]
}

export interface EventFilter {
  type?: string
  state?: EventState
}

/** In a list: the event, or why it was refused. */
export type EventAnswer = EventView | { id: string; code: ErrorCode; message: string }

export interface EventsApi {
  /**
   * Takes an event. The same id with the same content is answered as before; with another content it is changed: what has
   * not been sent is canceled and made anew. Resolves when all of that is durable.
   * @throws EngineError VALIDATION, ACCOUNT_SUSPENDED, STORE_FULL, SHUTTING_DOWN.
   */
  put(principal: Principal, request: EventRequest): Promise<EventView>
  /** Each as by itself, those of one id in their order. */
  putAll(principal: Principal, requests: EventRequest[]): Promise<EventAnswer[]>
  /** Cancels its messages that have not been handed over. Idempotent. @throws EngineError NOT_FOUND. */
  cancel(principal: Principal, id: string): Promise<EventView>
  get(principal: Principal, id: string): Promise<EventView>
  /** Newest first. A page that finds nothing within what it may look through is empty and has a nextCursor. */
  list(principal: Principal, query: PageQuery & EventFilter): Promise<Page<EventView>>
}
