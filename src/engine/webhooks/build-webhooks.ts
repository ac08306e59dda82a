/** Puts webhooks together: where events come from, who wants them, and how they are delivered. Main thread. */
import type { Accounts } from '../accounts/accounts.js'
import { Askers } from '../accounts/askers.js'
import type { Audit } from '../audit/audit.js'
import { Random } from '../base/random.js'
import type { Config } from '../config/schema.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import { inboundId } from '../contract/ids.js'
import type { InboundApi } from '../contract/inbound.js'
import type { Counts } from '../contract/job.js'
import type { Log } from '../contract/log.js'
import type { WebhooksApi } from '../contract/webhook.js'
import type { Courier } from '../contract/webhook-delivery.js'
import type { JobBook } from '../jobs/job-book.js'
import type { JobRecord } from '../jobs/job-record.js'
import { carrierNames } from '../store/carrier-names.js'
import type { Documents } from '../store/documents.js'
import { EventLog } from '../store/event-log.js'
import type { InboundStore } from '../store/inbound-store.js'
import type { LmdbStore } from '../store/lmdb-store.js'
import { Callbacks } from './callbacks.js'
import { Deliveries } from './deliveries.js'
import { DropEvents } from './drop-events.js'
import { EndpointBook } from './endpoint-book.js'
import { EventRetention } from './event-retention.js'
import { InboundSource } from './inbound-source.js'
import { JobEvents } from './job-events.js'
import { KnownJobs } from './job-facts.js'
import { MessageSource } from './message-source.js'
import { WebhookDesk } from './webhook-desk.js'
import { Webhooks } from './webhooks.js'

const DAY_MS = 86_400_000
const USER_AGENT = 'Trunkline'

export interface WebhookParts {
  config: Pick<Config, 'webhooks'>
  documents: Documents
  store: LmdbStore
  inboundStore: InboundStore
  /** As an account sees a message of the list. */
  inbound: Pick<InboundApi, 'get'>
  jobBook: JobBook
  accounts: Accounts
  audit: Audit
  courier: Courier
  clock: Clock
  log: Log
  counts(record: JobRecord): Counts
  /** Tells the dispatcher whose message events are wanted. */
  wanted(accounts: number[]): void
  fail(error: unknown): void
}

export interface BuiltWebhooks {
  api: WebhooksApi
  desk: WebhookDesk
}

export function buildWebhooks(parts: WebhookParts): BuiltWebhooks {
  const { config, documents, store, jobBook, accounts, audit, courier, clock, log, counts, wanted, fail } = parts
  const events = new EventLog(store.environment)
  events.onDamage = (account, first) => log.error({ account, first }, 'a record of message events is damaged')
  const jobs = new JobEvents(documents)
  const drops = new DropEvents(documents)
  const random = new Random(clock.now() >>> 0)
  const places = config.webhooks.deliveries
  const deliveries = new Deliveries({ documents, courier, clock, random, log, places, userAgent: USER_AGENT, fail })
  const sources = {
    'messages.updated': messageSource(parts, events),
    'inbound.received': inboundSource(parts),
    'job.updated': jobs,
    'drop.updated': drops,
  }
  const book = new EndpointBook({ documents, sources, deliveries, wanted })
  const callbacks = new Callbacks({ book, documents, courier, clock, openJobs: () => jobBook.open() })
  const retentionMs = config.webhooks.retentionDays * DAY_MS
  const retention = new EventRetention({ book, log: events, jobs, drops, documents, retentionMs })
  const desk = new WebhookDesk({
    ...{ book, callbacks, deliveries, retention, jobs, drops, log: events, clock, counts, fail },
    isAccount: (account) => accounts.byNumber(account) !== null,
    remove: (writes) => documents.write(writes),
  })
  const api = new Webhooks({ book, deliveries, courier, askers: new Askers(accounts), audit, clock })
  return { api, desk }
}

function messageSource({ store, jobBook }: WebhookParts, log: EventLog): MessageSource {
  let names = carrierNames(store.environment)
  return new MessageSource({
    ...{ log, environment: store.environment, jobs: new KnownJobs((job) => jobBook.get(job)) },
    block: (block) => store.block(block),
    marks: (block) => store.marks(block),
    carrier: (number) => {
      // A carrier that was configured since is in the dictionary once the dispatcher has started.
      if (names[number] === undefined) names = carrierNames(store.environment)
      return names[number]
    },
  })
}

function inboundSource({ inboundStore, inbound }: WebhookParts): InboundSource {
  return new InboundSource(inboundStore, (account, number) => {
    try {
      return inbound.get({ kind: 'account', account, key: '' }, inboundId(number))
    } catch (error) {
      if (error instanceof EngineError && error.code === 'NOT_FOUND') return null
      throw error
    }
  })
}
