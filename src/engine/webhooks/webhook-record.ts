/** An endpoint as stored: what it is (`webhooks`) and how far it has come (`webhook-states`). Main thread. */
import type { CallbackFormat } from '../contract/extras.js'
import type { StateName } from '../contract/message.js'
import type { WebhookEvent } from '../contract/webhook.js'
import type { DocumentKey } from '../store/documents.js'
import { HEALTHY, type RetryState } from './retry-schedule.js'

export interface WebhookRecord {
  /** Account number. */
  account: number
  accountId: string
  name: string
  /** Tells an endpoint from a former one of the same name; part of the ids of its deliveries. */
  uid: string
  url: string
  events: WebhookEvent[]
  /** null: all. */
  states: StateName[] | null
  /** The newest first; two while one is being replaced. */
  secrets: string[]
  disabled: 'GONE' | 'BY_REQUEST' | null
  /** Made for the callbackUrl of jobs: gets what concerns them and nothing else. */
  isCallback: boolean
  /** Made for messages that say themselves where they are reported: gets those of this kind whose URL has the same origin. */
  reports?: CallbackFormat
  /** Of such an endpoint: when a message named it last, to the day. */
  namedAtMs?: number
  createdAtMs: number
}

/** How many events of each kind were given up, and the number of the first of them; 0: none. */
export interface Parked {
  count: number
  first: number
}

export interface WebhookState extends RetryState {
  /** Number of the next event of each kind that is not acknowledged. */
  cursors: Record<WebhookEvent, number>
  /** Numbers at which batches ended that were tried and not acknowledged: they go again as they were, under the same id. */
  ends: Record<WebhookEvent, number[]>
  parked: Record<WebhookEvent, Parked>
  lastSuccessMs: number
  lastError: { atMs: number; reason: string } | null
}

export const WEBHOOKS = 'webhooks'
export const WEBHOOK_STATES = 'webhook-states'

export function keyOf({ account, name }: Pick<WebhookRecord, 'account' | 'name'>): DocumentKey {
  return [account, name]
}

/** `cursors`: where its events begin. */
export function newState(cursors: Record<WebhookEvent, number>): WebhookState {
  return {
    ...HEALTHY,
    cursors,
    ends: { 'messages.updated': [], 'inbound.received': [], 'job.updated': [], 'drop.updated': [] },
    parked: {
      'messages.updated': { count: 0, first: 0 },
      'inbound.received': { count: 0, first: 0 },
      'job.updated': { count: 0, first: 0 },
      'drop.updated': { count: 0, first: 0 },
    },
    lastSuccessMs: 0,
    lastError: null,
  }
}
