/**
 * Email behind the Channel port: a pool of connections to one relay, under the carrier's rate. A relay is up while its last
 * connection could be opened; while it is not, one connection tries again with backoff and the routes use the next relay.
 * Dispatcher thread. Times are of Clock.monotonic, but for the drain's deadline, which is epoch time.
 */
import { isDeepStrictEqual } from 'node:util'
import { AdaptiveRate } from '../engine/base/adaptive-rate.js'
import type { Random } from '../engine/base/random.js'
import type { SmtpCarrierConfig } from '../engine/config/smtp-carrier.js'
import type { ActionView, CarrierPatch, CarrierView, Channel } from '../engine/contract/channel.js'
import type { Clock } from '../engine/contract/clock.js'
import { limits } from '../engine/contract/limits.js'
import type { Log } from '../engine/contract/log.js'
import type { MessageRef, OutgoingMessage } from '../engine/contract/message.js'
import type { Metrics } from '../engine/contract/metrics.js'
import type { OutcomeSink } from '../engine/contract/outcome.js'
import { CarrierMetrics } from '../engine/observe/carrier-metrics.js'
import { OF_CONNECTIONS } from './connect-options.js'
import { MailWriter, mailOf } from './mail.js'
import { RelayConnection } from './relay-connection.js'
import type { RelayContext } from './relay-context.js'
import { mailStatusLabel, Replies } from './reply.js'

export interface SmtpChannelDeps {
  sink: OutcomeSink
  clock: Clock
  random: Random
  metrics: Metrics
  log: Log
}

export interface SmtpCarrierChannel extends Channel {
  /** True: connections are opened anew. */
  reconfigure(carrier: SmtpCarrierConfig): boolean
}

/** Nothing is connected before `start`. */
export function createSmtpChannel(carrier: SmtpCarrierConfig, deps: SmtpChannelDeps): SmtpCarrierChannel {
  return new SmtpChannel(carrier, deps)
}

class SmtpChannel implements SmtpCarrierChannel {
  readonly id: string
  readonly avoided = false
  readonly limitsSenders = false
  readonly #context: RelayContext
  readonly #connections: RelayConnection[] = []
  /** Connections in use; those behind were retired by a patch. */
  #active = 0
  #isPaused = false
  #isDraining = false
  #isStarted = false
  #wasSlowed = false
  #slowedAtMs = 0

  constructor(carrier: SmtpCarrierConfig, { sink, clock, random, metrics, log }: SmtpChannelDeps) {
    this.id = carrier.id
    this.#context = {
      ...{ carrier, sink, clock, random, log },
      writer: new MailWriter(carrier),
      replies: new Replies(carrier),
      metrics: new CarrierMetrics(metrics, carrier.id, mailStatusLabel),
      rate: new AdaptiveRate(carrier.ratePerSecond ?? null),
      isReachable: false,
    }
    this.#setConnections(carrier.connections)
    this.#publishRate()
  }

  get up(): boolean {
    return !this.#isHeld && this.#isStarted && (this.#context.isReachable || this.#used.some(({ isBound }) => isBound))
  }
  get #isHeld(): boolean {
    return this.#isPaused || this.#isDraining
  }
  get #used(): RelayConnection[] {
    return this.#connections.slice(0, this.#active)
  }
  get windowTotal(): number {
    return this.#active
  }
  get windowNow(): number {
    return this.#active
  }

  /** One connection is opened at once: whether the relay can be reached is known before there is work. */
  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    const { tls, host } = this.#context.carrier
    if (tls === 'none' && !/^(?:127\.|localhost$|::1$)/.test(host)) {
      this.#context.log.warn({ carrier: this.id }, 'without TLS its password and all texts can be read on the way')
    }
    this.#connections[0]!.open()
  }

  senderRoom(): number {
    return Number.POSITIVE_INFINITY
  }
  senderWaitMs(): number {
    return 0
  }

  sentAgoMs(ref: MessageRef): number {
    const sentAt = Math.max(...this.#connections.map((connection) => connection.sentAtOf(ref)))
    return sentAt < 0 ? -1 : this.#context.clock.monotonic() - sentAt
  }

  capacity(nowMs: number): number {
    if (this.#isHeld || !this.#isStarted) return 0
    let room = 0
    for (let n = 0; n < this.#active; n++) if (this.#connections[n]!.hasRoom) room++
    return room === 0 ? 0 : Math.min(room, this.#context.rate.available(nowMs))
  }

  /** An open connection before one that has to be opened. */
  send(message: OutgoingMessage, nowMs: number): boolean {
    if (this.#isHeld) return false
    let chosen: RelayConnection | null = null
    for (let n = 0; n < this.#active; n++) {
      const connection = this.#connections[n]!
      if (!connection.hasRoom) continue
      if (chosen === null || connection.isBound) chosen = connection
      if (connection.isBound) break
    }
    if (chosen === null) return false
    this.#context.rate.take(1, nowMs)
    chosen.take(mailOf(message, this.#context.carrier), nowMs)
    return true
  }

  /** Each connection writes as it goes. */
  flush(): void {}

  tick(nowMs: number): void {
    if (!this.#isStarted) return
    const { rate, metrics } = this.#context
    if (rate.tick(nowMs)) this.#onRate()
    for (const connection of this.#connections) if (connection.tick(nowMs) && !this.#isDraining) connection.open()
    this.#noteStanding()
    metrics.publish()
  }

  /** None is open and the last try failed: lanes look for another relay, until a try succeeds. */
  #noteStanding(): void {
    const context = this.#context
    if (!context.isReachable) return
    const views = this.#used.map((connection) => connection.view().state)
    if (!views.includes('waiting') || views.includes('bound')) return
    context.isReachable = false
    context.sink.bindChanged()
  }

  nextCapacityMs(nowMs: number): number {
    if (this.#isHeld) return Number.POSITIVE_INFINITY
    const waitMs = this.#context.rate.nextMs(nowMs)
    return waitMs > 0 ? waitMs : Number.POSITIVE_INFINITY
  }

  durable(bind: number, count: number): void {
    this.#connections[bind]?.durable(count)
  }

  /** Relays send no receipts. */
  acknowledge(): void {}

  patch({ paused, ratePerSecond, binds, clearActions }: CarrierPatch): void {
    const { rate, sink } = this.#context
    if (paused !== undefined) this.#isPaused = paused
    if (paused === false) for (const connection of this.#connections) connection.connectNow()
    if (ratePerSecond !== undefined) rate.setAgreed(ratePerSecond)
    if (clearActions === true) rate.restore()
    this.#onRate()
    if (binds !== undefined) this.#setConnections(Math.max(1, Math.min(Math.floor(binds), limits.bindsMax)))
    sink.bindChanged()
    sink.capacityChanged()
  }

  reconfigure(carrier: SmtpCarrierConfig): boolean {
    const context = this.#context
    const before = context.carrier
    const isNew = OF_CONNECTIONS.some((key) => !isDeepStrictEqual(before[key], carrier[key]))
    context.carrier = carrier
    context.writer = new MailWriter(carrier)
    context.replies = new Replies(carrier)
    const change: CarrierPatch = {}
    if (before.ratePerSecond !== carrier.ratePerSecond) change.ratePerSecond = carrier.ratePerSecond ?? null
    if (before.connections !== carrier.connections) change.binds = carrier.connections
    this.patch(change)
    if (isNew) for (const connection of this.#connections) connection.renew()
    if (isNew && !context.isReachable && this.#isStarted) this.#connections[0]!.open()
    return isNew
  }

  #onRate(): void {
    const { rate, log, metrics, clock } = this.#context
    this.#publishRate()
    if (rate.isSlowed === this.#wasSlowed) return
    this.#wasSlowed = rate.isSlowed
    const about = { carrier: this.id, ratePerSecond: rate.perSecond }
    if (rate.isSlowed) {
      this.#slowedAtMs = clock.now()
      log.warn(about, 'the carrier throttles; it is sent less')
    } else log.info(about, 'the carrier throttles no more')
    metrics.acted('throttled', rate.isSlowed)
  }

  #publishRate(): void {
    this.#context.metrics.rateLimit(this.#context.rate.perSecond ?? 0)
  }

  view(): CarrierView {
    const { rate } = this.#context
    return {
      id: this.id,
      protocol: 'smtp',
      paused: this.#isPaused,
      ratePerSecond: rate.agreed,
      rateNowPerSecond: rate.perSecond,
      actions: this.#actions(),
      binds: this.#used.map((connection) => connection.view()),
    }
  }

  #actions(): ActionView[] {
    if (!this.#context.rate.isSlowed) return []
    const at = new Date(this.#slowedAtMs).toISOString()
    return [{ at, action: 'throttled', reason: 'its answers ask for less', until: null }]
  }

  async drain(deadlineMs: number): Promise<void> {
    this.#isDraining = true
    await Promise.all(this.#connections.map((connection) => connection.retire(deadlineMs)))
    this.#context.metrics.publish()
  }

  #setConnections(count: number): void {
    while (this.#connections.length < count) {
      this.#connections.push(new RelayConnection(this.#context, this.#connections.length))
    }
    const before = this.#active
    this.#active = count
    for (let n = 0; n < count; n++) this.#connections[n]!.use()
    const { clock, carrier } = this.#context
    for (let n = count; n < before; n++) void this.#connections[n]!.retire(clock.now() + carrier.responseTimeoutMs)
  }
}
