/**
 * An engine on one folder that is crashed again and again, with carrier and webhook receiver in this process, which outlive
 * it and write down what they see. Everything asked of it is asked over HTTP.
 */
import { mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { AccountMoney } from '../../src/engine/contract/money.js'
import type { WebhookView } from '../../src/engine/contract/webhook.js'
import { CarrierLedger } from '../torture/carrier-ledger.js'
import { ADMIN_KEY, EngineUnderTest } from '../torture/engine-under-test.js'
import { Sink } from '../torture/sink.js'
import { WatchedSmsc } from '../torture/watched-smsc.js'
import { CrashClient } from './crash-client.js'
import { SentMessages } from './sent-messages.js'

export const WINDOW = 20
/** What of a kill may come twice: window, and as much of what was answered and not yet durable (reliability.md P2). */
export const REPEATS_PER_CRASH = 2 * WINDOW
/** In millionths of the account's currency. */
const PRICE = 10_000
const BALANCE = 10_000
const HOST = '127.0.3.1'

export interface CrashStandOptions {
  /** Gets everything; it must not be there yet, and is removed by `close`. */
  folder: string
  /** Further carriers of the configuration. */
  carriers?: object[]
  /** Further keys of the simulated one. */
  sim?: object
  /** Further keys of it. */
  config?: Record<string, unknown>
  /** Of the engine: a module that it loads first. */
  preload?: string
}

export class CrashStand {
  readonly folder: string
  readonly engine: EngineUnderTest
  readonly smsc: WatchedSmsc
  readonly sink: Sink
  readonly client: CrashClient
  readonly messages: SentMessages
  /** Starts that ended by a crash point. */
  crashes = 0
  readonly #ledger: CarrierLedger

  private constructor(
    folder: string,
    parts: { engine: EngineUnderTest; smsc: WatchedSmsc; sink: Sink; ledger: CarrierLedger },
  ) {
    this.folder = folder
    this.engine = parts.engine
    this.smsc = parts.smsc
    this.sink = parts.sink
    this.#ledger = parts.ledger
    this.client = new CrashClient(this.engine)
    this.messages = new SentMessages(this)
  }

  /** With an account `acme` that pays in advance and has a webhook; the engine does not run any more. */
  static async make({
    folder,
    carriers = [],
    config = {},
    sim: more = {},
    preload,
  }: CrashStandOptions): Promise<CrashStand> {
    mkdirSync(folder, { recursive: true })
    const ledger = new CarrierLedger(path.join(folder, 'carrier.ledger'))
    const smsc = new WatchedSmsc(
      { host: HOST, port: 0, receiptDelayMs: 10, countRepeats: true, window: WINDOW },
      ledger,
    )
    const { port } = await smsc.listen()
    const sink = new Sink(path.join(folder, 'sink.ledger'), HOST)
    await sink.listen()
    const sim = { id: 'sim', protocol: 'smpp', host: HOST, port, systemId: 'trunk', password: 'secret', window: WINDOW }
    const engine = new EngineUnderTest({
      folder,
      host: HOST,
      ...(preload === undefined ? {} : { preload }),
      config: {
        carriers: [{ ...sim, inboundAccount: 'acme', ...more }, ...carriers],
        webhooks: { allowPrivateAddresses: true },
        shutdownSeconds: 5,
        ...config,
      },
    })
    const stand = new CrashStand(folder, { engine, smsc, sink, ledger })
    await stand.#open()
    return stand
  }

  async #open(): Promise<void> {
    await this.engine.start()
    const features = { sms: true, voice: true, email: true, drop: true }
    const settings = {
      defaultCountry: 'GB',
      prices: ['sms', 'email', 'voice'].map((channel) => ({ channel, price: PRICE / 1e6 })),
      balance: BALANCE,
      currency: 'EUR',
      features,
    }
    const made = await this.client.ask<{ key: string }>('POST', '/v1/accounts', { body: { id: 'acme', ...settings } })
    this.client.key = made!.key
    const url = `http://${HOST}:${this.sink.port}${this.sink.pathOf('acme')}`
    const hook = await this.client.ask<WebhookView>('PUT', '/v1/webhooks/main', {
      body: { url, events: ['messages.updated', 'inbound.received', 'job.updated'] },
    })
    this.sink.setSecret('acme', hook!.secret!)
    await this.engine.stop()
  }

  get carrierLedger(): string {
    this.#ledger.flush()
    return path.join(this.folder, 'carrier.ledger')
  }

  get sinkLedger(): string {
    return this.sink.ledger.path
  }

  /** What is wrong with the account's money, once nothing is under way: each part is paid for once, whatever was repeated. */
  async moneyProblems(parts: number): Promise<string[]> {
    let money = await this.client.get<AccountMoney>('/v1/balance')
    while (money.reserved > 0) money = await this.client.get<AccountMoney>('/v1/balance')
    const spent = Math.round(money.spent * 1e6)
    const left = Math.round((money.balance ?? 0) * 1e6)
    const problems = []
    if (spent !== parts * PRICE) problems.push(`${parts} parts were delivered, ${spent / PRICE} were paid for`)
    if (spent + left !== BALANCE * 1e6) problems.push(`of ${BALANCE} are ${(spent + left) / 1e6} accounted for`)
    return problems
  }

  admin<T>(method: string, route: string, body?: object): Promise<T | null> {
    return this.client.ask<T>(method, route, { body, key: ADMIN_KEY })
  }

  async close(): Promise<void> {
    await this.engine.kill()
    await this.smsc.close()
    this.#ledger.close()
    await this.sink.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
