/**
 * Calls behind the Channel port: one carrier's gateways, as many calls at once and as many begun in a second as it allows,
 * each message one call. Dispatcher thread. Times are of Clock.monotonic, but for the drain's deadline, which is epoch time.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Random } from '../../engine/base/random.js'
import type { SipCarrierConfig } from '../../engine/config/sip-carrier.js'
import type { CallOutcomeName } from '../../engine/config/sip-outcomes.js'
import type { ActionView, CarrierPatch, CarrierView, Channel } from '../../engine/contract/channel.js'
import type { Clock } from '../../engine/contract/clock.js'
import type { Log } from '../../engine/contract/log.js'
import type { MessageRef, OutgoingMessage } from '../../engine/contract/message.js'
import type { Metrics } from '../../engine/contract/metrics.js'
import type { CallSink } from '../../engine/contract/outcome.js'
import { unpackSpeech } from '../../engine/text/speech-body.js'
import type { CallEnd } from '../call/call.js'
import type { MediaLink } from '../media/media-link.js'
import type { Speech } from '../speech/speech.js'
import type { NameService } from '../transport/name-service.js'
import type { SipTap } from '../transport/transport-options.js'
import { Breaker } from './breaker.js'
import { CallLines, type LinesHost } from './call-lines.js'
import { CallMetrics } from './call-metrics.js'
import { Callers } from './caller.js'
import { type Candidate, Gateways } from './gateways.js'
import { OutcomeTable } from './outcome-table.js'
import type { PlacedCall } from './placed-call.js'
import { OF_SOCKETS, SipStack } from './sip-stack.js'

export interface SipChannelDeps {
  sink: CallSink
  clock: Clock
  random: Random
  metrics: Metrics
  log: Log
  speech: Speech
  media: MediaLink
  names: NameService
  /** Of a message that is here and was not dialled yet: nothing has come between. */
  mayStillGo(ref: MessageRef): boolean
  tap?: SipTap
}

export interface SipCarrierChannel extends Channel {
  /** True: its sockets are opened anew. */
  reconfigure(carrier: SipCarrierConfig): boolean
}

/** Keys whose change makes the gateways anew, beside those of the sockets. */
const OF_GATEWAYS = [
  ...['host', 'port', 'hosts', 'domain', 'user', 'password', 'callerId', 'register'],
  ...['registerSeconds', 'optionsSeconds'],
] as const satisfies readonly string[]
/** A call that is hung up and of which nothing more is heard is settled by what was played, this long before the drain ends. */
const CONCLUDE_MS = 1_000
const DIALLED_ON_TRIAL = 1

/** Nothing is connected before `start`. */
export function createSipChannel(carrier: SipCarrierConfig, deps: SipChannelDeps): SipCarrierChannel {
  return new SipChannel(carrier, deps)
}

/** Gateways of before, until their registrations are taken back and their calls are over. */
interface Retired {
  gateways: Gateways
  stack: SipStack
}

class SipChannel implements SipCarrierChannel, LinesHost {
  readonly id: string
  readonly avoided = false
  readonly limitsSenders = false
  readonly sink: CallSink
  readonly #deps: SipChannelDeps
  readonly #lines: CallLines
  readonly #metrics: CallMetrics
  readonly #breaker = new Breaker()
  readonly #media: ReturnType<MediaLink['join']>
  #config: SipCarrierConfig
  #stack: SipStack
  #gateways: Gateways
  #retired: Retired[] = []
  #callsPerSecond: number
  #isStarted = false
  #isPaused = false
  #isDraining = false
  #wasUp = false
  #suspendedAtMs = 0
  #whenOver: (() => void) | null = null
  /** Epoch. */
  #deadlineMs = Number.POSITIVE_INFINITY

  constructor(carrier: SipCarrierConfig, deps: SipChannelDeps) {
    this.id = carrier.id
    this.sink = deps.sink
    this.#deps = deps
    this.#config = carrier
    this.#callsPerSecond = carrier.callsPerSecond
    this.#metrics = new CallMetrics(deps.metrics, carrier.id)
    this.#lines = new CallLines(this, carrier.callsPerSecond)
    this.#media = deps.media.join({
      digit: (call, digit) => this.#lines.call(call)?.heardDigit(digit),
      played: (call) => this.#lines.call(call)?.played(),
      failed: (call, why) => {
        deps.log.warn({ carrier: carrier.id, why }, 'the sound of a call failed')
        this.#lines.call(call)?.soundFailed()
      },
    })
    this.#stack = this.#newStack(carrier)
    this.#gateways = this.#newGateways(carrier)
    if (deps.tap !== undefined) deps.tap.gatewayOf = (peer) => this.#gateways.indexOf(peer)
    this.#use(carrier)
  }

  #newStack(config: SipCarrierConfig): SipStack {
    return new SipStack(config, this.#deps, () => this.sink.bindChanged())
  }

  #newGateways(config: SipCarrierConfig): Gateways {
    const { random, names } = this.#deps
    const changed = (): void => {
      this.#noteGateways()
      this.sink.bindChanged()
    }
    return new Gateways({ config, agent: this.#stack.agent, random, changed }, names)
  }

  #use(config: SipCarrierConfig): void {
    const { clock, speech } = this.#deps
    this.#config = config
    this.#lines.maxCalls = config.maxCalls
    this.#lines.callsPerSecond = this.#callsPerSecond
    this.#metrics.limit(this.#callsPerSecond)
    this.#lines.use({
      ...{ config, clock, speech, media: this.#media, metrics: this.#metrics, desk: this.#lines },
      table: new OutcomeTable(config),
      callers: new Callers(config),
    })
  }

  get up(): boolean {
    if (!this.#isStarted || this.#isHeld || this.#breaker.state === 'open') return false
    return this.#stack.isOpen && this.#gateways.isUp(this.#deps.clock.monotonic())
  }
  get #isHeld(): boolean {
    return this.#isPaused || this.#isDraining
  }
  get windowTotal(): number {
    return this.#lines.total
  }
  get windowNow(): number {
    return this.#lines.total
  }

  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.sink.bindChanged()
  }

  senderRoom(): number {
    return Number.POSITIVE_INFINITY
  }
  senderWaitMs(): number {
    return 0
  }

  sentAgoMs(ref: MessageRef): number {
    const dialledAtMs = this.#lines.callOf(ref)?.dialledAtMs ?? -1
    return dialledAtMs < 0 ? -1 : this.#deps.clock.monotonic() - dialledAtMs
  }

  /** The rate decides later, when a call is dialled: its sound is prepared meanwhile. */
  capacity(): number {
    if (!this.up) return 0
    return this.#lines.room(this.#breaker.state === 'probing' ? DIALLED_ON_TRIAL : Number.POSITIVE_INFINITY)
  }

  send(message: OutgoingMessage): boolean {
    if (!this.up) return false
    const { bytes, toStart, toLength, partStarts, partLengths, ref, from, attempt } = message
    const start = partStarts[0]!
    const digits = bytes.latin1Slice(toStart, toStart + toLength)
    this.#lines.take({ ref, digits, from, attempt, body: unpackSpeech(bytes, start, start + partLengths[0]!) })
    return true
  }

  flush(): void {}

  tick(nowMs: number): void {
    if (!this.#isStarted) return
    this.#stack.tick(nowMs)
    if (this.#stack.isOpen) this.#gateways.tick(nowMs)
    if (this.#breaker.tick(nowMs)) this.sink.bindChanged()
    for (const { gateways, stack } of this.#retired) {
      if (stack !== this.#stack) stack.tick(nowMs)
      gateways.tick(nowMs)
    }
    this.#lines.tick(nowMs, this.up)
    this.#metrics.active(this.#lines.active)
    this.#noteStanding()
    this.#forgetRetired()
    if (this.#whenOver !== null) this.#drainOn()
  }

  /** Lanes look for another carrier when this one goes, and come back with it. */
  #noteStanding(): void {
    const isUp = this.up
    if (isUp === this.#wasUp) return
    this.#wasUp = isUp
    this.#noteGateways()
    this.sink.bindChanged()
  }

  /** Each for itself: one of several that goes is not the carrier. */
  #noteGateways(): void {
    for (const { name, isUp } of this.#gateways.standings()) this.#metrics.gateway(name, isUp)
  }

  #forgetRetired(): void {
    if (this.#retired.length === 0) return
    this.#retired = this.#retired.filter(({ gateways, stack }) => {
      const isOver = gateways.isOver && (stack === this.#stack || stack.agent.callsOpen === 0)
      if (isOver && stack !== this.#stack) void stack.close()
      return !isOver
    })
  }

  nextCapacityMs(): number {
    return Number.POSITIVE_INFINITY
  }

  nextTickMs(nowMs: number): number {
    const next = Math.min(this.#stack.nextMs(nowMs), this.#gateways.nextMs(nowMs), this.#lines.nextMs(nowMs))
    return this.#breaker.state === 'open' ? Math.min(next, this.#breaker.untilMs - nowMs) : next
  }

  durable(): void {}

  /** Nothing that a gateway sends is acknowledged by what we store. */
  acknowledge(): void {}

  // What the lines ask for.

  next(tried: ReadonlySet<string>): Candidate | null {
    return this.#gateways.next(tried, this.#deps.clock.monotonic())
  }
  soundAddress({ peer }: Candidate): string {
    return this.#config.advertisedAddress ?? this.#config.localAddress ?? this.#stack.transport.localOf(peer).host
  }
  mayStillGo(ref: MessageRef): boolean {
    return !this.#isHeld && this.#deps.mayStillGo(ref)
  }

  noted({ gateway }: Candidate, end: CallEnd, outcome: CallOutcomeName | null): void {
    const nowMs = this.#deps.clock.monotonic()
    if (end.how === 'silent' || end.how === 'unreachable') {
      this.#gateways.failed(gateway, end.reason || end.how, nowMs)
      this.#noteGateways()
    } else if (end.status === 503 && end.retryAfterSeconds > 0) gateway.rest(end.retryAfterSeconds, nowMs)
    else gateway.heard(nowMs)
    const words = `${end.status} ${end.reason}`.trim()
    if (this.#breaker.note(outcome, words, nowMs)) this.#breakerChanged()
  }

  #breakerChanged(): void {
    const { log, clock } = this.#deps
    const isOpen = this.#breaker.state === 'open'
    this.#metrics.acted(isOpen)
    if (isOpen) {
      this.#suspendedAtMs = clock.now()
      log.error({ carrier: this.id, why: this.#breaker.why }, 'the carrier is suspended')
    } else log.info({ carrier: this.id }, 'the carrier is suspended no more')
    this.sink.bindChanged()
  }

  optedOut({ order }: PlacedCall, digit: string): void {
    this.sink.pressed({ ref: order.ref, digit })
  }

  patch({ paused, ratePerSecond, window, clearActions }: CarrierPatch): void {
    const { callsPerSecond } = this.#config
    if (paused !== undefined) this.#isPaused = paused
    if (ratePerSecond !== undefined) this.#callsPerSecond = ratePerSecond ?? callsPerSecond
    if (window !== undefined) this.#lines.maxCalls = Math.max(1, Math.min(Math.floor(window), this.#config.maxCalls))
    this.#lines.callsPerSecond = this.#callsPerSecond
    this.#metrics.limit(this.#callsPerSecond)
    if (paused === false || clearActions === true) {
      if (this.#breaker.close()) this.#breakerChanged()
      this.#gateways.release()
    }
    this.sink.bindChanged()
    this.sink.capacityChanged()
  }

  reconfigure(carrier: SipCarrierConfig): boolean {
    const before = this.#config
    const differs = (keys: readonly (keyof SipCarrierConfig)[]): boolean =>
      keys.some((key) => !isDeepStrictEqual(before[key], carrier[key]))
    const isNew = differs(OF_SOCKETS)
    if (before.callsPerSecond !== carrier.callsPerSecond) this.#callsPerSecond = carrier.callsPerSecond
    if (isNew || differs(OF_GATEWAYS)) {
      this.#gateways.stop()
      this.#retired.push({ gateways: this.#gateways, stack: this.#stack })
      if (isNew) this.#stack = this.#newStack(carrier)
      this.#gateways = this.#newGateways(carrier)
      if (this.#breaker.close()) this.#breakerChanged()
    }
    this.#use(carrier)
    this.sink.bindChanged()
    this.sink.capacityChanged()
    return isNew
  }

  view(): CarrierView {
    const nowMs = this.#deps.clock.monotonic()
    const rate = this.#callsPerSecond
    const binds = this.#gateways.views(nowMs, this.#lines.free)
    const problem = this.#stack.lastError
    return {
      ...{ id: this.id, protocol: 'sip', paused: this.#isPaused, ratePerSecond: rate, rateNowPerSecond: rate },
      actions: this.#actions(nowMs),
      binds: problem === null ? binds : binds.map((bind) => ({ ...bind, state: 'closed', lastError: problem })),
    }
  }

  #actions(nowMs: number): ActionView[] {
    if (this.#breaker.state !== 'open') return []
    const at = new Date(this.#suspendedAtMs).toISOString()
    const until = new Date(this.#deps.clock.now() + this.#breaker.untilMs - nowMs).toISOString()
    return [{ at, action: 'suspended', reason: this.#breaker.why, until }]
  }

  /** Where there is time for the longest call, those under way go on to their end; else everybody is hung up on at once. */
  async drain(deadlineMs: number): Promise<void> {
    const { clock } = this.#deps
    const { ringSeconds, maxCallSeconds } = this.#config
    this.#isDraining = true
    if (deadlineMs - clock.now() < (ringSeconds + maxCallSeconds) * 1000) this.#lines.cutAll()
    else this.#lines.giveBackWaiting()
    this.#gateways.stop()
    this.#deadlineMs = deadlineMs
    if (this.#isStarted && this.#stack.isOpen) {
      await new Promise<void>((resolve) => {
        this.#whenOver = resolve
        this.#drainOn()
      })
    }
    this.#lines.abandonAll()
    this.#metrics.active(0)
    await Promise.all([this.#stack, ...this.#retired.map(({ stack }) => stack)].map((stack) => stack.close()))
  }

  /** The loop's ticks go on while carriers drain. */
  #drainOn(): void {
    const leftMs = this.#deadlineMs - this.#deps.clock.now()
    if (leftMs <= CONCLUDE_MS) this.#lines.concludeAll()
    const isOver = this.#lines.size === 0 && this.#gateways.isOver
    if (!isOver && leftMs > 0) return
    this.#whenOver?.()
    this.#whenOver = null
  }
}
