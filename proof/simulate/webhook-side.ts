/** The webhooks of one life: real endpoints, streams, schedule and cursors over the simulation's store; the sink stands for all receivers. */
import { Random } from '../../src/engine/base/random.js'
import { silentLog } from '../../src/engine/contract/log.js'
import type { WebhookEvent } from '../../src/engine/contract/webhook.js'
import { carrierNames } from '../../src/engine/store/carrier-names.js'
import { EventLog } from '../../src/engine/store/event-log.js'
import type { LmdbStore } from '../../src/engine/store/lmdb-store.js'
import { Deliveries } from '../../src/engine/webhooks/deliveries.js'
import { EndpointBook } from '../../src/engine/webhooks/endpoint-book.js'
import type { EventSource } from '../../src/engine/webhooks/event-source.js'
import { KnownJobs } from '../../src/engine/webhooks/job-facts.js'
import { MessageSource } from '../../src/engine/webhooks/message-source.js'
import type { WebhookRecord } from '../../src/engine/webhooks/webhook-record.js'
import type { MemoryStore } from './memory-store.js'
import type { Plan } from './plan.js'
import type { Life, VirtualTime } from './virtual-time.js'
import type { WebhookSink } from './webhook-sink.js'

const TICK_MS = 500
const EVENT: WebhookEvent = 'messages.updated'
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
/** Kinds of events that the simulation has none of. */
const NOTHING: EventSource = {
  next: () => 1,
  waiting: () => 0,
  since: () => 1,
  read: (_endpoint, from) => ({ entries: [], next: from }),
}

export interface WebhookSideDeps {
  plan: Plan
  life: Life
  time: VirtualTime
  random: Random
  store: MemoryStore
  blocks: LmdbStore
  sink: WebhookSink
  fatal(error: unknown): void
}

export class WebhookSide {
  readonly #deps: WebhookSideDeps
  readonly #deliveries: Deliveries
  readonly #book: EndpointBook
  readonly #log: EventLog

  constructor(deps: WebhookSideDeps) {
    this.#deps = deps
    const { store, blocks, time, life, sink, fatal } = deps
    const { environment, documents } = store
    this.#log = new EventLog(environment)
    this.#deliveries = new Deliveries({
      ...{ documents, courier: sink.courier(life), clock: time.clock(), timers: time.timers(life), log: silentLog },
      ...{ random: new Random(deps.random.below(0x1_0000_0000)), places: 8, userAgent: 'Trunkline', fail: fatal },
    })
    const messages = new MessageSource({
      ...{ log: this.#log, environment, jobs: new KnownJobs(() => null) },
      block: (block) => blocks.block(block),
      marks: (block) => blocks.marks(block),
      carrier: (number) => carrierNames(environment)[number],
    })
    const sources = { [EVENT]: messages, 'inbound.received': NOTHING, 'job.updated': NOTHING, 'drop.updated': NOTHING }
    const book = { documents, sources: sources as ConstructorParameters<typeof EndpointBook>[0]['sources'] }
    this.#book = new EndpointBook({ ...book, deliveries: this.#deliveries, wanted: () => {} })
  }

  accounts(): number[] {
    return this.#deps.plan.webhooks
  }

  /** Makes the endpoints of the plan in the first life, and ticks. */
  start(): void {
    const { plan, store, fatal, time, sink, life } = this.#deps
    for (const account of plan.webhooks) {
      if (this.#book.find(account, 'all') !== null) continue
      const { writes, enter } = this.#book.create(recordOf(account))
      enter()
      store.documents.write(writes).then(() => sink.watches(account, life.number), fatal)
    }
    time.settle()
    this.#tick()
  }

  #tick(): void {
    const { time, life } = this.#deps
    this.#deliveries.tick()
    time.settle()
    time.after(TICK_MS, () => this.#tick(), life)
  }

  eventsOf(accounts: readonly number[]): void {
    this.#log.refresh()
    for (const account of accounts) this.#deliveries.serve(this.#book.of(account))
    this.#deps.time.settle()
  }

  get backlog(): number {
    let backlog = 0
    for (const endpoint of this.#book.all()) backlog += endpoint.backlog + endpoint.underWay
    return backlog
  }
}

function recordOf(account: number): WebhookRecord {
  return {
    ...{ account, accountId: `acc_${account}`, name: 'all', uid: `uid-${account}`, url: 'https://sink.example/' },
    ...{ events: [EVENT], states: null, secrets: [SECRET], disabled: null, isCallback: false, createdAtMs: 0 },
  }
}
