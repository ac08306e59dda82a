/**
 * Everything that a run of the torture needs: an engine, carriers with dialects and a sink for its webhooks, each behind a
 * wire that can misbehave, a client, and the checker over all their ledgers.
 */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Random } from '../../src/engine/base/random.js'
import type { LedgerPaths } from './book.js'
import { CarriersUnderTest } from './carriers-under-test.js'
import { ChaosProxy } from './chaos-proxy.js'
import type { CarrierTerms, Terms } from './check-submits.js'
import { Checker, type Report } from './checker.js'
import { type Account, Driver, type DriverOptions } from './driver.js'
import { Asker } from './driver-http.js'
import { EngineUnderTest } from './engine-under-test.js'
import { LedgerWriter, nowMicros } from './ledger.js'
import { Sink } from './sink.js'
import { StillWaits } from './still-waits.js'

export interface StandCarrier extends CarrierTerms {
  name: string
  /** See src/smpp/simulator/dialect.ts and faults.ts. */
  dialect: string
  faults: string
  binds: number
  /** Between a part and its receipt. */
  receiptDelayMs: number
}

/** Two that differ in what they can: ids, forms of receipts, rates, windows. */
export const STAND_CARRIERS: readonly StandCarrier[] = [
  {
    ...{ name: 'alpha', dialect: 'ids=decToHex,number=national,order=shuffled,names=mixed,dates=12' },
    faults: 'undeliv=0.05,early=0.1',
    ...{ binds: 2, window: 10, cap: 10, rate: 300, receiptDelayMs: 150 },
  },
  {
    ...{
      name: 'beta',
      dialect: 'ids=padded,carries=text,spacing=double,intermediate=0.2,double=0.05',
      faults: 'undeliv=0.02',
    },
    ...{ binds: 1, window: 20, cap: 20, rate: null, receiptDelayMs: 400 },
  },
]

export interface StandOptions {
  /** Holds everything, and is to be removed by whoever made it. */
  folder: string
  seed: number
  host?: string
  carriers?: readonly StandCarrier[]
  /** Of every start of the engine: LD_PRELOAD and what belongs to it. */
  environment?: Record<string, string>
  /** Further keys of the configuration. */
  config?: Record<string, unknown>
  driver?: Pick<DriverOptions, 'rowsMax' | 'workers' | 'perSecond'>
}

const ACCOUNTS = ['acme', 'bolt']
/** Until a carrier answers, so that windows are in use. */
const LATENCY_MS = 3
const LAG_LOOK_MS = 50
const LAG_MICROS = 150_000
const LOOK_MS = 100
const STALL_MS = 60_000

export class Stand {
  readonly folder: string
  readonly random: Random
  readonly engine: EngineUnderTest
  readonly carriers: CarriersUnderTest
  readonly sink: Sink
  /** The wires before the carriers by name, before the sink, and before the engine's HTTP. */
  readonly wires: Readonly<Record<string, ChaosProxy>>
  readonly faults: LedgerWriter
  readonly terms: Terms
  /** Straight to the engine, past the wire. */
  readonly asker = new Asker(() => this.engine.url)
  driver!: Driver
  checker!: Checker
  accounts: Account[] = []
  readonly #options: StandOptions
  readonly #ledger: LedgerWriter
  #timer: NodeJS.Timeout | null = null

  private constructor(options: StandOptions, parts: { carriers: CarriersUnderTest; sink: Sink }) {
    const { folder, seed } = options
    this.#options = options
    this.folder = folder
    this.random = new Random(seed)
    this.carriers = parts.carriers
    this.sink = parts.sink
    this.engine = new EngineUnderTest({ folder, host: this.host, environment: options.environment })
    this.wires = this.#makeWires()
    this.faults = new LedgerWriter(path.join(folder, 'faults.ledger'))
    this.#ledger = new LedgerWriter(path.join(folder, 'driver.ledger'))
    this.terms = Object.fromEntries(this.#carriers.map(({ name, window, cap, rate }) => [name, { window, cap, rate }]))
  }

  /** Everything runs but the driver: the engine is up, accounts, profiles and webhooks are made. */
  static async open(options: StandOptions): Promise<Stand> {
    const { folder, host = '127.0.0.1', carriers = STAND_CARRIERS, seed } = options
    const sink = new Sink(path.join(folder, 'sink.ledger'), host)
    await sink.listen()
    const specs = carriers.map(({ name, dialect, faults, receiptDelayMs, window }, index) => {
      const options = {
        host,
        port: 0,
        dialect,
        faults,
        receiptDelayMs,
        window,
        latencyMs: LATENCY_MS,
        seed: seed + index,
      }
      return { name, options }
    })
    const stand = new Stand(options, { carriers: await CarriersUnderTest.start(folder, specs), sink })
    try {
      await stand.#begin()
    } catch (error) {
      await stand.close()
      throw error
    }
    return stand
  }

  async #begin(): Promise<void> {
    for (const wire of Object.values(this.wires)) await wire.listen()
    this.engine.config = this.#config()
    await this.engine.start()
    await this.#makeAccounts()
    this.#watchLag()
  }

  /** The wires are in this process: while it stands still, nothing passes through them. */
  #watchLag(): void {
    let looked = nowMicros()
    this.#timer = setInterval(() => {
      const now = nowMicros()
      if (now - looked > LAG_MICROS) this.noteFault('lag', 'carriers', looked)
      looked = now
    }, LAG_LOOK_MS)
  }

  get host(): string {
    return this.#options.host ?? '127.0.0.1'
  }

  get #carriers(): readonly StandCarrier[] {
    return this.#options.carriers ?? STAND_CARRIERS
  }

  get ledgers(): LedgerPaths {
    return {
      driver: this.#ledger.path,
      sink: this.sink.ledger.path,
      faults: this.faults.path,
      carriers: Object.fromEntries(this.carriers.names.map((name) => [name, this.carriers.ledgerOf(name)])),
    }
  }

  /** Of a carrier while nothing else is said. */
  faultsOf(name: string): string {
    return this.#carriers.find((carrier) => carrier.name === name)!.faults
  }

  get latencyMs(): number {
    return LATENCY_MS
  }

  /** Where clients reach the engine, at whatever port it listens now. */
  get url(): string {
    return `http://${this.host}:${this.wires.http!.port}`
  }

  get dropRoot(): string {
    return path.join(this.folder, 'drop')
  }

  /** Into the ledger of faults; the checker allows for what was slow then. */
  noteFault(kind: string, on: string, began = nowMicros()): void {
    const t = nowMicros()
    this.faults.writeNow({ e: 'fault', t: began, ...(began < t ? { until: t } : {}), kind, on })
  }

  /** Every PUT makes a webhook try again at once, also one that answered 410. @throws Error when the engine does not answer */
  async callWebhooksAgain(): Promise<void> {
    for (const account of this.accounts) await this.#putWebhook(account)
  }

  /**
   * With all faults over: resolves when the driver has all its answers and nothing waits anywhere. Null: so it came; else what
   * still waits after a minute without any progress (I12).
   */
  async settle(): Promise<string | null> {
    await this.driver.finish()
    await this.callWebhooksAgain()
    const { asker, accounts, driver, carriers } = this
    const still = new StillWaits({ asker, accounts, driver, carriers })
    let seen = ''
    let changedAt = performance.now()
    for (;;) {
      const waits = await still.look()
      if (waits === '') break
      if (waits !== seen) changedAt = performance.now()
      if (performance.now() - changedAt > STALL_MS) return waits
      seen = waits
      await pause(LOOK_MS)
    }
    await this.carriers.flush()
    return null
  }

  /** After `settle`. */
  async reconcile(): Promise<Report> {
    return await this.checker.full()
  }

  /** Ends all processes; the folder stays. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.driver?.close()
    await this.asker.close()
    await this.engine.kill()
    await this.carriers.stop()
    for (const wire of Object.values(this.wires)) await wire.close()
    await this.sink.close()
    this.faults.close()
    this.#ledger.close()
  }

  #makeWires(): Record<string, ChaosProxy> {
    const { host, random } = this
    const wires: Record<string, ChaosProxy> = {
      sink: new ChaosProxy({ host, random, target: () => ({ host, port: this.sink.port }) }),
      http: new ChaosProxy({ host, random, target: () => this.#engineAddress() }),
    }
    for (const { name } of this.#carriers) {
      wires[name] = new ChaosProxy({ host, random, target: () => ({ host, port: this.carriers.ports[name]! }) })
    }
    return wires
  }

  #engineAddress(): { host: string; port: number } | null {
    if (!this.engine.isRunning || this.engine.url === '') return null
    return { host: this.host, port: Number(new URL(this.engine.url).port) }
  }

  #config(): Record<string, unknown> {
    const { host } = this
    const carriers = this.#carriers.map(({ name, binds, window, cap, rate }) => ({
      ...{ id: name, protocol: 'smpp', host, port: this.wires[name]!.port, systemId: name, password: 'torture' },
      ...{
        binds,
        window,
        unsettledCap: cap,
        responseTimeoutMs: 3_000,
        enquireLinkMs: 2_000,
        inboundAccount: ACCOUNTS[0],
      },
      ...(rate === null ? {} : { ratePerSecond: rate }),
    }))
    const weighted = this.#carriers.map(({ name }) => ({ id: name, order: 1, weight: 1 }))
    return {
      ...{ carriers, routes: [{ channel: 'sms', carriers: weighted }], threads: { ingest: 1 } },
      webhooks: { allowPrivateAddresses: true, timeoutMs: 2_000 },
      dropFolder: { root: this.dropRoot, settleMs: 200, scanMs: 500 },
      ...this.#options.config,
    }
  }

  async #makeAccounts(): Promise<void> {
    const { asker } = this
    for (const [index, id] of ACCOUNTS.entries()) {
      const sender = `44770090000${1 + index}`
      // The first has what comes to nobody in particular, the others what comes to their numbers.
      const inbound = { numbers: index === 0 ? [] : [sender] }
      const body = JSON.stringify({ id, defaultCountry: 'GB', inbound })
      const answer = await asker.ask('POST', '/v1/accounts', { key: this.engine.adminKey, body })
      if (answer?.status !== 201) throw new Error(`account ${id}: ${answer?.status} ${answer?.text}`)
      const account = { id, key: (JSON.parse(answer.text) as { key: string }).key, sender }
      this.accounts.push(account)
      await Driver.prepare(asker, account)
    }
    this.#makeDriver()
    await this.callWebhooksAgain()
  }

  #makeDriver(): void {
    const { accounts, random } = this
    mkdirSync(this.dropRoot, { recursive: true })
    const urlOf = () => this.url
    const first = this.#carriers[0]!.name
    this.driver = new Driver({
      ...{ accounts, random, urlOf, ledger: this.#ledger, dropRoot: this.dropRoot },
      stop: async (from, to) => {
        await this.carriers.subscriber(first, { from, to, text: 'STOP' })
      },
      ...this.#options.driver,
    })
    this.checker = new Checker({ asker: this.asker, accounts, ledgers: this.ledgers, terms: this.terms, random })
  }

  async #putWebhook({ id, key }: Account): Promise<void> {
    const url = `http://${this.host}:${this.wires.sink!.port}${this.sink.pathOf(id)}`
    const answer = await this.asker.surely('PUT', '/v1/webhooks/main', { key, body: JSON.stringify({ url }) })
    if (answer.status !== 200) throw new Error(`webhook of ${id}: ${answer.status} ${answer.text}`)
    this.sink.setSecret(id, (JSON.parse(answer.text) as { secret: string }).secret)
  }
}
