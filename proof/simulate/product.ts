/**
 * The product in one life of its process: the real dispatcher, SMPP channels, suppressions and webhooks, put together as the
 * composition roots do it, over the store, time and wire of the simulation.
 */
import Value from 'typebox/value'
import { Random } from '../../src/engine/base/random.js'
import { type SmppCarrierConfig, SmppCarrierSchema } from '../../src/engine/config/smpp-carrier.js'
import type { JobDispatch } from '../../src/engine/contract/lane.js'
import { silentLog } from '../../src/engine/contract/log.js'
import { noMetrics } from '../../src/engine/contract/metrics.js'
import { Carrier } from '../../src/engine/dispatch/carriers.js'
import { Dispatcher } from '../../src/engine/dispatch/dispatcher.js'
import type { DispatcherPort } from '../../src/engine/dispatch/dispatcher-deps.js'
import { SuppressionBook } from '../../src/engine/opt-out/suppression-book.js'
import { BlockNumbers } from '../../src/engine/store/block-numbers.js'
import { numberCarriers } from '../../src/engine/store/carrier-names.js'
import { CommitTurn } from '../../src/engine/store/commit-turn.js'
import { LmdbStore } from '../../src/engine/store/lmdb-store.js'
import { SuppressionCheck } from '../../src/engine/store/suppression-table.js'
import { createSmppChannel } from '../../src/smpp/smpp-channel.js'
import type { Breakage } from './breakages.js'
import { type Disk, type MemoryStore, openMemoryStore, type StoreFate } from './memory-store.js'
import type { CarrierPlan, Plan } from './plan.js'
import type { Smsc } from './smsc.js'
import type { Life, VirtualTime } from './virtual-time.js'
import { WebhookSide } from './webhook-side.js'
import type { WebhookSink } from './webhook-sink.js'
import { connectTo } from './wire.js'

const FAILOVER_MS = 700

export interface ProductDeps {
  plan: Plan
  life: Life
  time: VirtualTime
  disk: Disk
  fate: StoreFate
  random: Random
  smscs: readonly Smsc[]
  sink: WebhookSink
  breakage: Breakage | null
  nextConnection(): number
  finished(job: number): void
  fatal(error: unknown): void
}

export class Product {
  readonly #deps: ProductDeps
  readonly store: MemoryStore
  readonly blocks: LmdbStore
  readonly dispatcher: Dispatcher
  readonly book: SuppressionBook
  readonly webhooks: WebhookSide
  /** Its recovery is over: it takes commands. */
  isReady = false

  constructor(deps: ProductDeps) {
    this.#deps = deps
    const { life, time, disk, fate } = deps
    this.store = openMemoryStore(disk, { time, life, fate })
    const { environment } = this.store
    const turn = new CommitTurn()
    this.blocks = new LmdbStore(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }), turn)
    this.book = new SuppressionBook({ environment, moved: (buffer) => check.filter.use(buffer) })
    const check = new SuppressionCheck(environment, this.book.filter)
    this.book.filter.open()
    this.webhooks = new WebhookSide({ ...deps, store: this.store, blocks: this.blocks })
    this.dispatcher = new Dispatcher({
      environment,
      clock: time.clock(),
      timers: time.timers(life),
      random: new Random(deps.random.below(0x1_0000_0000)),
      metrics: noMetrics,
      log: silentLog,
      termsOf: (route) => termsOf(deps.plan, route),
      hasSpace: () => true,
      turn,
      suppressions: deps.breakage?.ignoresOptOuts === true ? undefined : check,
      port: this.#port(),
    })
    this.dispatcher.feed.use(this.webhooks.accounts())
    this.dispatcher.feed.onDurable = (accounts) => this.webhooks.eventsOf(accounts)
  }

  #port(): DispatcherPort {
    const { finished, fatal } = this.#deps
    return { progress: () => {}, finished, inbound: () => {}, fatal }
  }

  /** Recovers and begins to send. `isSilent`: no carrier is connected, so that nothing is sent. */
  start(jobs: JobDispatch[], then: () => void, isSilent = false): void {
    const carriers = this.#carriers(isSilent)
    const { fatal, time } = this.#deps
    this.dispatcher.start(carriers, jobs).then(() => {
      this.isReady = true
      then()
      time.settle()
    }, fatal)
    time.settle()
    this.webhooks.start()
  }

  #carriers(isSilent: boolean): Carrier[] {
    const { plan, smscs, time, life, random, breakage, nextConnection } = this.#deps
    const numbers = numberCarriers(
      this.store.environment,
      plan.carriers.map(({ id }) => id),
    )
    return plan.carriers.map((carrier, index) => {
      const config = configOf(carrier, breakage)
      const channel = createSmppChannel(config, {
        sink: this.dispatcher.inbox.sink(index),
        clock: time.clock(),
        timers: time.timers(life),
        random: new Random(random.below(0x1_0000_0000)),
        metrics: noMetrics,
        log: silentLog,
        connect: connectTo(smscs[index]!, { time, random, life, nextNumber: nextConnection }),
        mayGoOn: (ref) => this.dispatcher.mayGoOn(ref),
      })
      if (isSilent) channel.start = () => {}
      const terms = { ...config.receipts, timeoutSeconds: config.receiptTimeoutSeconds }
      return new Carrier(channel, numbers[index]!, { terms, metrics: noMetrics })
    })
  }

  crash(): void {
    this.store.crash()
  }
}

/** Route 1 has the first carrier; route 2 prefers the second and falls back on the first. */
function termsOf(plan: Plan, route: number): ReturnType<ConstructorParameters<typeof Dispatcher>[0]['termsOf']> {
  const first = { id: plan.carriers[0]!.id, order: 2, weight: 1 }
  if (route === 1) return { carriers: [first], failoverAfterMs: 0 }
  return { carriers: [{ id: plan.carriers[1]!.id, order: 1, weight: 1 }, first], failoverAfterMs: FAILOVER_MS }
}

function configOf(plan: CarrierPlan, breakage: Breakage | null): SmppCarrierConfig {
  const window = plan.window + (breakage?.widensWindow === true ? 1 : 0)
  const rate = plan.rate === null ? {} : { ratePerSecond: plan.rate * (breakage?.quickens === true ? 1.5 : 1) }
  return Value.Default(SmppCarrierSchema, {
    ...{
      id: plan.id,
      protocol: 'smpp',
      host: '127.0.0.1',
      systemId: 'sim',
      password: 'sim',
      binds: plan.binds,
      window,
    },
    ...{ ...rate, unsettledCap: breakage?.freesSlotsEarly === true ? 10_000 : plan.cap },
    ...{ responseTimeoutMs: plan.responseTimeoutMs, enquireLinkMs: plan.enquireLinkMs },
    ...{ receiptTimeoutSeconds: plan.receiptTimeoutSeconds, longMessages: plan.longMessages },
    bindType: plan.isPair ? 'transmitter+receiver' : 'transceiver',
    receipts: { idFormat: plan.hexReceipts ? 'hexToDec' : 'same' },
  }) as SmppCarrierConfig
}
