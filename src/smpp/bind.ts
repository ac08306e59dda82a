/**
 * One bind of a carrier: a transceiver, or a transmitter with its receiver, seen as one place for `window` requests.
 *
 * Two limits hold (reliability.md P2): at most W in flight, and at most W + C in flight or answered and not durable yet,
 * so that a crash leaves at most W + C parts in doubt. Parts of one message leave here together and in order.
 */
import { LatencyWindow } from '../engine/base/latency-window.js'
import { RateLimiter } from '../engine/base/rate.js'
import type { BindState, BindView } from '../engine/contract/channel.js'
import type { MessageRef, OutgoingMessage } from '../engine/contract/message.js'
import { OUTCOME, type Settlement } from '../engine/contract/outcome.js'
import type { BindMetrics } from '../engine/observe/carrier-metrics.js'
import type { CarrierContext } from './carrier-context.js'
import { COMMAND } from './constants.js'
import { generationOf, isDataSm } from './inbound.js'
import { Link, type LinkOwner } from './link.js'
import { nextOpenPart, PendingParts } from './pending.js'

const DRAIN_STEP_MS = 10
/** How long acknowledgements are awaited once every submit is answered. */
const ACKNOWLEDGE_MS = 1_000
const UNBIND_MS = 5_500
const ORDER: readonly BindState[] = ['closed', 'waiting', 'connecting', 'binding', 'unbinding', 'bound']

export class Bind implements LinkOwner {
  readonly index: number
  readonly metrics: BindMetrics
  #context: CarrierContext
  #sender: Link
  /** Second connection of a transmitter and receiver pair. */
  #receiver: Link | null = null
  #pending = new PendingParts()
  #unsettled = 0
  #generation = 0
  #latency: LatencyWindow
  /** Of this bind alone; null: none. */
  #rate: RateLimiter | null = null
  #draining = false
  /** Counts drains: one that was overtaken by `start` gives up. */
  #drains = 0

  /** `before`: the bind whose place it takes. */
  constructor(context: CarrierContext, index: number, before: Bind | null = null) {
    this.#context = context
    this.index = index
    this.#generation = before === null ? 0 : before.#generation
    this.#unsettled = before === null ? 0 : before.#unsettled
    this.#latency = new LatencyWindow(context.window, context.carrier.adaptiveWindow)
    this.refit()
    this.metrics = context.metrics.bind(index)
    const pair = context.carrier.bindType === 'transmitter+receiver'
    this.#sender = new Link(context, this, pair ? COMMAND.bindTransmitter : COMMAND.bindTransceiver)
    if (pair) this.#receiver = new Link(context, this, COMMAND.bindReceiver)
  }

  /** Takes over what the configuration says of a single bind. */
  refit(): void {
    const { ratePerSecondPerBind, adaptiveWindow } = this.#context.carrier
    this.#latency.switchTo(adaptiveWindow)
    if (ratePerSecondPerBind === undefined) this.#rate = null
    else if (this.#rate === null) this.#rate = new RateLimiter(ratePerSecondPerBind)
    else this.#rate.set(ratePerSecondPerBind)
  }

  /** Parts that may be handed to `send` now, by this bind's limits alone. */
  room(nowMs: number): number {
    if (!this.#pending.empty || this.#draining) return 0
    const free = this.#free
    return this.#rate === null || free === 0 ? free : Math.min(free, this.#rate.available(nowMs))
  }

  /** Milliseconds until this bind's own rate lets another part go; 0: it does not hold it up. */
  rateWaitMs(nowMs: number): number {
    return this.#rate === null || !this.up ? 0 : this.#rate.nextMs(nowMs)
  }

  get hasPending(): boolean {
    return !this.#pending.empty
  }

  get up(): boolean {
    return !this.#draining && this.#sender.state === 'bound'
  }

  /** `host:port` of its sending session; null: it never had one. */
  get hostName(): string | null {
    return this.#sender.hostName
  }

  get inFlight(): number {
    return this.#sender.session?.inFlight ?? 0
  }

  get #free(): number {
    const session = this.#sender.session
    if (session === null || !session.ready) return 0
    const { window, cap } = this.#context
    const { inFlight } = session
    return Math.max(0, Math.min(this.windowNow - inFlight, window + cap - inFlight - this.#unsettled))
  }

  /** Most parts that are let be in flight; while it is not bound, so many as it will begin with. */
  get windowNow(): number {
    return this.#sender.session?.isDoubtful ? 1 : this.#latency.now
  }

  start(): void {
    this.#draining = false
    this.#drains++
    this.#sender.start()
    this.#receiver?.start()
  }

  /** Takes the message whole: what finds no room waits here and goes first. False: no room for its first part. */
  send(message: OutgoingMessage, nowMs: number): boolean {
    let part = nextOpenPart(message, 0)
    if (this.room(nowMs) === 0 || part >= message.partCount) return false
    const joined = this.#context.encoder.joinsParts(message)
    do {
      if (!this.#submit(message, part, nowMs)) {
        this.#pending.keep(message, part)
        if (this.#senderIsOut(message, nowMs)) this.#giveUpPending()
        return true
      }
      part = joined ? message.partCount : nextOpenPart(message, part + 1)
    } while (part < message.partCount)
    return true
  }

  /** Sends of the waiting message what there is room for. */
  pump(nowMs: number): void {
    const { message } = this.#pending
    while (this.#mayGoOn(message) && this.#submit(message, this.#pending.part, nowMs)) {
      if (this.#context.encoder.joinsParts(message)) this.#pending.clear()
      else this.#pending.advance()
    }
    if (!this.#pending.empty && this.#senderIsOut(message, nowMs)) this.#giveUpPending()
  }

  /** False: nothing waits, or its recipient has opted out meanwhile, or the hours are over: the rest goes back. */
  #mayGoOn({ ref }: OutgoingMessage): boolean {
    if (this.#pending.empty) return false
    if (this.#free === 0 || this.#context.mayGoOn(ref)) return true
    this.#giveUpPending()
    return false
  }

  /** The rest of a message whose sender has used up its rate goes back: others need not wait for it. */
  #senderIsOut(message: OutgoingMessage, nowMs: number): boolean {
    return this.#context.senders.available(message.from, nowMs) === 0
  }

  #submit(message: OutgoingMessage, part: number, nowMs: number): boolean {
    const { rate, senders } = this.#context
    if (this.#free === 0 || rate.available(nowMs) === 0) return false
    if (this.#rate !== null && this.#rate.available(nowMs) === 0) return false
    if (senders.isOn) {
      if (senders.available(message.from, nowMs) === 0) return false
      senders.take(message.from, nowMs)
    }
    rate.take(1, nowMs)
    this.#rate?.take(1, nowMs)
    this.#sender.session!.submit(message, part, nowMs)
    this.metrics.submitted++
    return true
  }

  /** Does not wait any longer for the next try. */
  connectNow(): void {
    this.#sender.connectNow()
    this.#receiver?.connectNow()
  }

  flush(): void {
    this.#sender.session?.flush()
    this.#receiver?.session?.flush()
  }

  tick(nowMs: number): void {
    this.#sender.tick(nowMs)
    this.#receiver?.tick(nowMs)
    this.#latency.tick(nowMs)
    this.metrics.publish(this.inFlight, this.#latency.now)
  }

  durable(count: number): void {
    this.#unsettled = Math.max(0, this.#unsettled - count)
  }

  acknowledge(session: number, sequence: number, ok: boolean): void {
    const generation = generationOf(session)
    const sender = this.#sender.session
    const from = sender?.identity.generation === generation ? sender : this.#receiver?.session
    if (from?.identity.generation === generation) from.acknowledge(sequence, isDataSm(session), ok)
  }

  /** Monotonic ms at which a request for this message was sent that is in flight; -1: none is. */
  sentAtOf(ref: MessageRef): number {
    return this.#sender.session?.sentAtOf(ref) ?? -1
  }

  resizeWindow(window: number): void {
    this.#latency.resize(window)
    this.#sender.session?.resizeWindow(window)
  }

  view(): BindView {
    const links = this.#receiver === null ? [this.#sender] : [this.#sender, this.#receiver]
    const worst = links.reduce((low, link) => (ORDER.indexOf(link.state) < ORDER.indexOf(low.state) ? link : low))
    const { hosts, clock, window } = this.#context
    const waits = worst.state === 'waiting'
    const lastError = worst.lastError ?? this.#sender.lastError ?? (waits ? hosts.restReason : null)
    const retryInMs = waits ? worst.retryInMs(clock.monotonic()) : null
    const { inFlight, index } = this
    const windowNow = this.#latency.now
    return { index, state: worst.state, inFlight, window, windowNow, lastError, host: this.hostName, retryInMs }
  }

  /** Stops sending, waits for answers, unbinds, closes, all before `deadlineMs` (epoch); see Channel.drain. */
  async drain(deadlineMs: number): Promise<void> {
    this.#draining = true
    const drain = ++this.#drains
    this.#giveUpPending()
    this.flush()
    const { clock } = this.#context
    const endsAt = clock.monotonic() + Math.max(0, deadlineMs - clock.now())
    // A silent carrier answers neither: a third of the time at most is kept for the unbind.
    const unbindMs = Math.min(UNBIND_MS, (endsAt - clock.monotonic()) / 3)
    const answeredBy = endsAt - unbindMs
    await this.#until(() => this.inFlight === 0 || clock.monotonic() >= answeredBy)
    const acknowledgedBy = Math.min(clock.monotonic() + ACKNOWLEDGE_MS, answeredBy)
    await this.#until(() => this.#unacknowledged === 0 || clock.monotonic() >= acknowledgedBy)
    if (drain !== this.#drains) return
    this.#sender.stop()
    this.#receiver?.stop()
    const closedBy = Math.min(clock.monotonic() + UNBIND_MS, endsAt)
    await this.#until(() => this.#closed || clock.monotonic() >= closedBy)
    if (drain !== this.#drains) return
    this.#sender.close('closed by us')
    this.#receiver?.close('closed by us')
  }

  get #unacknowledged(): number {
    return (this.#sender.session?.unacknowledged ?? 0) + (this.#receiver?.session?.unacknowledged ?? 0)
  }

  get #closed(): boolean {
    return this.#sender.session === null && (this.#receiver === null || this.#receiver.session === null)
  }

  /** Resolves once `done`; ticks and flushes meanwhile, since the dispatcher may have stopped doing so. */
  #until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const { clock, timers } = this.#context
      const step = (): void => {
        this.flush()
        this.tick(clock.monotonic())
        if (done()) resolve()
        else timers.after(DRAIN_STEP_MS, step)
      }
      step()
    })
  }

  nextGeneration(): number {
    return ++this.#generation
  }

  settled(settlement: Settlement): void {
    this.#unsettled++
    this.#context.sink.settled(settlement)
  }

  answered(sentAtMs: number, nowMs: number): void {
    this.#latency.answered(sentAtMs, nowMs)
  }

  linkChanged(): void {
    const { sink } = this.#context
    if (this.#sender.session === null) {
      this.#giveUpPending()
      this.#latency.reset(this.#context.clock.monotonic())
    }
    this.metrics.up(this.#sender.state === 'bound')
    sink.bindChanged()
    sink.capacityChanged()
  }

  /** What was never written goes back at once. */
  #giveUpPending(): void {
    const { message } = this.#pending
    while (!this.#pending.empty) {
      this.settled({
        bind: this.index,
        ref: message.ref,
        part: this.#pending.part,
        code: OUTCOME.notSent,
        status: 0,
        delayMs: -1,
        id: NO_ID,
        idStart: 0,
        idLength: 0,
      })
      this.#pending.advance()
    }
  }
}

const NO_ID = Buffer.alloc(0)
