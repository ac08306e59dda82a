/**
 * SMPP behind the Channel port: all binds of a carrier as one pool, filled evenly, under the carrier's rate. Dispatcher
 * thread. All times are of Clock.monotonic, but for the drain's deadline, which crosses threads and is epoch time.
 */

import type { Random } from '../engine/base/random.js'
import { RateLimiter } from '../engine/base/rate.js'
import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'
import type { CarrierPatch, CarrierView, Channel } from '../engine/contract/channel.js'
import type { Clock } from '../engine/contract/clock.js'
import { limits } from '../engine/contract/limits.js'
import type { Log } from '../engine/contract/log.js'
import type { OutgoingMessage } from '../engine/contract/message.js'
import type { Metrics } from '../engine/contract/metrics.js'
import type { OutcomeSink } from '../engine/contract/outcome.js'
import { Bind } from './bind.js'
import { BrokenConnections } from './broken-connections.js'
import type { CarrierContext } from './carrier-context.js'
import { CarrierMetrics } from './carrier-metrics.js'
import { CarrierHosts } from './hosts.js'
import { MessageIds } from './message-id.js'
import { SubmitEncoder } from './submit.js'
import { ThrottleRest } from './throttle.js'
import { BufferPool } from './writer.js'

export interface SmppChannelDeps {
  sink: OutcomeSink
  clock: Clock
  random: Random
  metrics: Metrics
  log: Log
}

/** Nothing is connected before `start`. */
export function createSmppChannel(carrier: SmppCarrierConfig, deps: SmppChannelDeps): Channel {
  return new SmppChannel({
    carrier,
    sink: deps.sink,
    clock: deps.clock,
    random: deps.random,
    log: deps.log,
    metrics: new CarrierMetrics(deps.metrics, carrier.id),
    encoder: new SubmitEncoder(carrier),
    ids: new MessageIds(carrier.receipts.idFormat),
    pool: new BufferPool(),
    hosts: new CarrierHosts(carrier),
    rest: new ThrottleRest(),
    broken: new BrokenConnections(),
    rate: carrier.ratePerSecond === undefined ? null : new RateLimiter(carrier.ratePerSecond),
    window: carrier.window,
    cap: carrier.unsettledCap ?? carrier.window,
    paused: false,
  })
}

class SmppChannel implements Channel {
  readonly id: string
  #context: CarrierContext
  #binds: Bind[] = []
  /** Binds in use; those behind were retired by a patch and wait to be used again. */
  #active = 0
  #cursor = 0
  #started = false
  #draining = false

  constructor(context: CarrierContext) {
    this.#context = context
    this.id = context.carrier.id
    this.#setBinds(context.carrier.binds)
    context.metrics.rateLimit(context.rate?.perSecond ?? 0)
  }

  get up(): boolean {
    if (this.#context.paused || this.#draining) return false
    for (let n = 0; n < this.#active; n++) if (this.#binds[n]!.up) return true
    return false
  }

  get windowTotal(): number {
    return this.#active * this.#context.window
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    for (let n = 0; n < this.#active; n++) this.#binds[n]!.start()
    this.tick(this.#context.clock.monotonic())
  }

  capacity(nowMs: number): number {
    if (!this.#sendable(nowMs)) return 0
    let room = 0
    for (let n = 0; n < this.#active; n++) {
      const bind = this.#binds[n]!
      if (bind.hasPending) bind.pump(nowMs)
      room += bind.room
    }
    const { rate } = this.#context
    return rate === null || room === 0 ? room : Math.min(room, rate.available(nowMs))
  }

  send(message: OutgoingMessage, nowMs: number): boolean {
    if (!this.#sendable(nowMs)) return false
    for (let tried = 0; tried < this.#active; tried++) {
      if (this.#cursor >= this.#active) this.#cursor = 0
      const bind = this.#binds[this.#cursor++]!
      if (bind.room > 0) return bind.send(message, nowMs)
    }
    return false
  }

  flush(): void {
    for (const bind of this.#binds) bind.flush()
  }

  tick(nowMs: number): void {
    if (!this.#started) return
    const sendable = this.#sendable(nowMs)
    for (const bind of this.#binds) {
      bind.tick(nowMs)
      if (sendable && bind.hasPending) bind.pump(nowMs)
    }
    this.#context.metrics.publish()
  }

  nextCapacityMs(nowMs: number): number {
    const { rate, rest, paused } = this.#context
    if (paused || this.#draining) return Number.POSITIVE_INFINITY
    const resting = rest.remainingMs(nowMs)
    if (resting > 0) return resting
    const waitMs = rate === null ? 0 : rate.nextMs(nowMs)
    return waitMs > 0 ? waitMs : Number.POSITIVE_INFINITY
  }

  durable(bind: number, count: number): void {
    this.#binds[bind]?.durable(count)
  }

  acknowledge(bind: number, session: number, sequence: number, ok: boolean): void {
    this.#binds[bind]?.acknowledge(session, sequence, ok)
  }

  patch(change: CarrierPatch): void {
    const { paused, ratePerSecond, window, binds } = change
    const context = this.#context
    if (paused !== undefined) context.paused = paused
    if (paused === false) this.#connectNow()
    if (ratePerSecond !== undefined) this.#setRate(ratePerSecond)
    if (window !== undefined) {
      context.window = Math.max(1, Math.min(Math.floor(window), limits.windowMax))
      context.cap = context.carrier.unsettledCap ?? context.window
      for (const bind of this.#binds) bind.resizeWindow(context.window)
    }
    if (binds !== undefined) this.#setBinds(Math.max(1, Math.min(Math.floor(binds), limits.bindsMax)))
    context.sink.bindChanged()
    context.sink.capacityChanged()
  }

  view(): CarrierView {
    const { carrier, paused, rate } = this.#context
    const binds = this.#binds.slice(0, this.#active).map((bind) => bind.view())
    return { id: carrier.id, protocol: 'smpp', paused, ratePerSecond: rate?.perSecond ?? null, binds }
  }

  async drain(deadlineMs: number): Promise<void> {
    this.#draining = true
    await Promise.all(this.#binds.map((bind) => bind.drain(deadlineMs)))
    this.#context.metrics.publish()
  }

  /** Whoever ends a pause has mended something: waits between binds are over. */
  #connectNow(): void {
    this.#context.hosts.wake()
    for (const bind of this.#binds) bind.connectNow()
  }

  #sendable(nowMs: number): boolean {
    const { paused, rest } = this.#context
    return !paused && !this.#draining && rest.remainingMs(nowMs) === 0
  }

  #setRate(perSecond: number | null): void {
    const context = this.#context
    if (perSecond === null) context.rate = null
    else if (context.rate === null) context.rate = new RateLimiter(perSecond)
    else context.rate.set(perSecond)
    context.metrics.rateLimit(perSecond ?? 0)
  }

  /** More binds connect at once; the highest ones too many answer what they have in flight, then unbind. */
  #setBinds(count: number): void {
    while (this.#binds.length < count) this.#binds.push(new Bind(this.#context, this.#binds.length))
    const before = this.#active
    this.#active = count
    if (!this.#started) return
    for (let n = before; n < count; n++) this.#binds[n]!.start()
    const { clock, carrier } = this.#context
    for (let n = count; n < before; n++) void this.#binds[n]!.drain(clock.now() + carrier.responseTimeoutMs)
  }
}
