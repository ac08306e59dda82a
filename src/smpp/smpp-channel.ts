/**
 * SMPP behind the Channel port: all binds of a carrier as one pool, filled evenly, under the carrier's rate. Dispatcher
 * thread. All times are of Clock.monotonic, but for the drain's deadline, which crosses threads and is epoch time.
 */

import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'
import type { ActionView, CarrierPatch, CarrierView, Channel } from '../engine/contract/channel.js'
import { limits } from '../engine/contract/limits.js'
import type { MessageRef, OutgoingMessage } from '../engine/contract/message.js'
import { Bind } from './bind.js'
import type { CarrierContext } from './carrier-context.js'
import { makeContext, refit, type SmppChannelDeps } from './carrier-setup.js'

/** While slowed without a rate of its own. */
const SLOWED_SHARE = 0.1
/** Between two looks at how binds are spread over hosts. */
const EVEN_MS = 2_000

/** A channel that takes a changed configuration under traffic. */
export interface SmppCarrierChannel extends Channel {
  /**
   * Healthy binds stay, unless what they were opened with has changed: then they are opened anew, one half at a time.
   * True: they are.
   */
  reconfigure(carrier: SmppCarrierConfig): boolean
}

/** Nothing is connected before `start`. */
export function createSmppChannel(carrier: SmppCarrierConfig, deps: SmppChannelDeps): SmppCarrierChannel {
  return new SmppChannel(carrier, deps)
}

class SmppChannel implements SmppCarrierChannel {
  readonly id: string
  #context: CarrierContext
  #binds: Bind[] = []
  /** Binds in use; those behind were retired by a patch and wait to be used again. */
  #active = 0
  #cursor = 0
  #started = false
  #draining = false
  /** Counts changes that open the sessions anew. */
  #reopens = 0
  /** When the spread over hosts is looked at next. */
  #evenAt = 0
  #wasSlowed = false
  #slowedAtMs = 0

  constructor(carrier: SmppCarrierConfig, deps: SmppChannelDeps) {
    this.#context = makeContext(carrier, deps, () => this.#onActions())
    this.id = carrier.id
    this.#setBinds(carrier.binds)
    this.#publishRate()
  }

  get up(): boolean {
    if (this.#isHeld) return false
    for (let n = 0; n < this.#active; n++) if (this.#binds[n]!.up) return true
    return false
  }

  get avoided(): boolean {
    return this.#context.actions.isAvoided
  }

  get fixedSender(): string | null {
    return this.#context.carrier.source.address ?? null
  }

  get limitsSenders(): boolean {
    return this.#context.senders.isOn
  }

  senderRoom(from: string, nowMs: number, withinMs: number): number {
    return this.#context.senders.within(from, nowMs, withinMs)
  }

  senderWaitMs(from: string, nowMs: number): number {
    return this.#context.senders.waitMs(from, nowMs)
  }

  /** Nothing is handed over, whatever the binds say. */
  get #isHeld(): boolean {
    const { paused, actions } = this.#context
    return paused || this.#draining || actions.isSuspended
  }

  get windowTotal(): number {
    return this.#active * this.#context.window
  }

  get windowNow(): number {
    let most = 0
    for (let n = 0; n < this.#active; n++) most += this.#binds[n]!.windowNow
    return most
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    this.#warnOfPlainText()
    for (let n = 0; n < this.#active; n++) this.#binds[n]!.start()
    this.tick(this.#context.clock.monotonic())
  }

  /** SMPP itself hides nothing; on the same machine nobody can listen. */
  #warnOfPlainText(): void {
    const { host = '', hosts, tls } = this.#context.carrier
    const isLocal = [host, ...hosts].every((each) => each === '' || /^(?:127\.|localhost\b|\[?::1\b)/.test(each))
    if (tls !== false || isLocal) return
    this.#context.log.warn({ carrier: this.id }, 'without TLS its password and all texts can be read on the way')
  }

  capacity(nowMs: number): number {
    if (this.#isHeld) return 0
    let room = 0
    for (let n = 0; n < this.#active; n++) {
      const bind = this.#binds[n]!
      if (bind.hasPending) bind.pump(nowMs)
      room += bind.room(nowMs)
    }
    return room === 0 ? 0 : Math.min(room, this.#context.rate.available(nowMs))
  }

  /** Binds take turns; of the next two that have room, the one with less in flight has it. */
  send(message: OutgoingMessage, nowMs: number): boolean {
    if (this.#isHeld) return false
    const first = this.#nextWithRoom(this.#cursor, this.#active, nowMs)
    if (first < 0) return false
    const left = this.#active - 1 - ((first - this.#cursor + this.#active) % this.#active)
    const second = this.#nextWithRoom(first + 1, left, nowMs)
    const isBetter = second >= 0 && this.#binds[second]!.inFlight < this.#binds[first]!.inFlight
    const chosen = isBetter ? second : first
    this.#cursor = (chosen + 1) % this.#active
    return this.#binds[chosen]!.send(message, nowMs)
  }

  sentAgoMs(ref: MessageRef): number {
    const sentAt = Math.max(...this.#binds.map((bind) => bind.sentAtOf(ref)))
    return sentAt < 0 ? -1 : this.#context.clock.monotonic() - sentAt
  }

  /** Index of the first bind with room among `count` from `from` on; -1: none. */
  #nextWithRoom(from: number, count: number, nowMs: number): number {
    for (let n = 0; n < count; n++) {
      const index = (from + n) % this.#active
      if (this.#binds[index]!.room(nowMs) > 0) return index
    }
    return -1
  }

  flush(): void {
    for (const bind of this.#binds) bind.flush()
  }

  tick(nowMs: number): void {
    if (!this.#started) return
    const { rate, actions } = this.#context
    actions.tick(nowMs)
    if (rate.tick(nowMs)) this.#onRate()
    const sendable = !this.#isHeld
    for (const bind of this.#binds) {
      bind.tick(nowMs)
      if (sendable && bind.hasPending) bind.pump(nowMs)
    }
    if (nowMs >= this.#evenAt) this.#evenOut(nowMs)
    this.#context.metrics.publish()
    this.#context.tracer.tick()
  }

  nextCapacityMs(nowMs: number): number {
    if (this.#isHeld) return Number.POSITIVE_INFINITY
    const waitMs = this.#context.rate.nextMs(nowMs)
    if (waitMs > 0) return waitMs
    let least = Number.POSITIVE_INFINITY
    for (let n = 0; n < this.#active; n++) {
      const bindMs = this.#binds[n]!.rateWaitMs(nowMs)
      if (bindMs > 0) least = Math.min(least, bindMs)
    }
    return least
  }

  durable(bind: number, count: number): void {
    this.#binds[bind]?.durable(count)
  }

  acknowledge(bind: number, session: number, sequence: number, ok: boolean): void {
    this.#binds[bind]?.acknowledge(session, sequence, ok)
  }

  patch(change: CarrierPatch): void {
    const { paused, ratePerSecond, window, binds, clearActions } = change
    const context = this.#context
    if (paused !== undefined) context.paused = paused
    if (paused === false) this.#connectNow()
    if (ratePerSecond !== undefined) context.rate.setAgreed(ratePerSecond)
    if (clearActions === true) {
      context.actions.clear()
      context.rate.restore()
    }
    this.#onRate()
    if (window !== undefined) {
      context.window = Math.max(1, Math.min(Math.floor(window), limits.windowMax))
      context.cap = context.carrier.unsettledCap ?? context.window
      for (const bind of this.#binds) bind.resizeWindow(context.window)
    }
    if (binds !== undefined) this.#setBinds(Math.max(1, Math.min(Math.floor(binds), limits.bindsMax)))
    context.sink.bindChanged()
    context.sink.capacityChanged()
  }

  reconfigure(carrier: SmppCarrierConfig): boolean {
    const before = this.#context.carrier
    const isNew = refit(this.#context, carrier)
    const { ratePerSecond = null, window, binds } = carrier
    // What an operator changed by hand holds until the file says something else.
    const change: CarrierPatch = {}
    if (before.ratePerSecond !== carrier.ratePerSecond) change.ratePerSecond = ratePerSecond
    if (before.window !== window) change.window = window
    if (before.binds !== binds) change.binds = binds
    for (const bind of this.#binds) bind.refit()
    this.patch(change)
    if (isNew) {
      this.#context.hosts.wake()
      void this.#reopen()
    }
    return isNew
  }

  /** Every bind is opened with the settings of now: first those with an even index, so that the others go on meanwhile. */
  async #reopen(): Promise<void> {
    const turn = ++this.#reopens
    for (const odd of [0, 1]) {
      const own = this.#binds.filter((bind) => bind.index % 2 === odd)
      await Promise.all(own.map((bind) => this.#renew(bind, turn)))
    }
  }

  async #renew(bind: Bind, turn: number): Promise<void> {
    const { clock, carrier } = this.#context
    await bind.drain(clock.now() + carrier.responseTimeoutMs)
    // A later change, or the end of the channel, has overtaken this one.
    if (this.#draining || turn !== this.#reopens || this.#binds[bind.index] !== bind) return
    const renewed = new Bind(this.#context, bind.index, bind)
    this.#binds[bind.index] = renewed
    if (this.#started && bind.index < this.#active) renewed.start()
  }

  /** Moves a bind from a crowded host to one that came back, once all are well: one at a time, and politely. */
  #evenOut(nowMs: number): void {
    this.#evenAt = nowMs + EVEN_MS
    const active = this.#binds.slice(0, this.#active)
    const crowded = this.#context.hosts.crowded(nowMs)
    if (crowded === null || this.#isHeld || active.some((bind) => !bind.up)) return
    const moving = active.findLast((bind) => bind.hostName === crowded.name)
    if (moving === undefined) return
    this.#context.log.info({ carrier: this.id, bind: moving.index, host: crowded.name }, 'leaves its host for another')
    void this.#renew(moving, this.#reopens)
  }

  /** A rule begins or ends to act: lanes look for another carrier, or come back. */
  #onActions(): void {
    const { actions, rate, sink } = this.#context
    const { slowedTo } = actions
    const tenth = (rate.agreed ?? rate.perSecond ?? this.windowTotal) * SLOWED_SHARE
    rate.setCeiling(slowedTo === 0 ? tenth : slowedTo)
    this.#onRate()
    sink.bindChanged()
    sink.capacityChanged()
  }

  #onRate(): void {
    const { rate, log } = this.#context
    this.#publishRate()
    if (rate.isSlowed === this.#wasSlowed) return
    this.#wasSlowed = rate.isSlowed
    const about = { carrier: this.id, ratePerSecond: rate.perSecond }
    if (rate.isSlowed) {
      this.#slowedAtMs = this.#context.clock.now()
      log.warn(about, 'the carrier throttles; it is sent less')
    } else log.info(about, 'the carrier throttles no more')
    this.#context.metrics.acted('throttled', rate.isSlowed)
  }

  #publishRate(): void {
    this.#context.metrics.rateLimit(this.#context.rate.perSecond ?? 0)
  }

  view(): CarrierView {
    const { carrier, paused, rate } = this.#context
    const binds = this.#binds.slice(0, this.#active).map((bind) => bind.view())
    return {
      id: carrier.id,
      protocol: 'smpp',
      paused,
      ratePerSecond: rate.agreed,
      rateNowPerSecond: rate.perSecond,
      actions: this.#actionViews(),
      binds,
    }
  }

  #actionViews(): ActionView[] {
    const { actions, rate, clock } = this.#context
    const views = actions.view(clock.monotonic())
    if (!rate.isSlowed) return views
    const at = new Date(this.#slowedAtMs).toISOString()
    return [{ at, action: 'throttled', reason: 'its answers ask for less', until: null }, ...views]
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
