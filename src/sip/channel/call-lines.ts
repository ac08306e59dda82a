/**
 * The lines of one carrier: at most `maxCalls` calls between INVITE and end, at most `callsPerSecond` INVITEs that open a call
 * in any second (one to a further gateway counts, one that answers a challenge does not). Speech is prepared for a few calls
 * more than there are lines, so that a free line is used at once. Dispatcher thread; monotonic milliseconds.
 */
import { packCallFacts } from '../../engine/base/call-facts.js'
import { packCallStatus } from '../../engine/base/call-status.js'
import { RateLimiter } from '../../engine/base/rate.js'
import type { CallOutcomeName } from '../../engine/config/sip-outcomes.js'
import type { MessageRef } from '../../engine/contract/message.js'
import type { CallSink } from '../../engine/contract/outcome.js'
import type { CallEnd } from '../call/call.js'
import type { CallContext, CallDesk, CallResult } from './call-context.js'
import type { Candidate } from './gateways.js'
import { type CallOrder, PlacedCall } from './placed-call.js'

/** Prepared beyond the free lines: what a second needs. */
const AHEAD_LEAST = 2
/** No port was free: those that rest come back within seconds. */
const OPEN_AGAIN_MS = 200
const NONE_TRIED: ReadonlySet<string> = new Set()

/** What the lines need of their channel. */
export interface LinesHost {
  readonly sink: CallSink
  /** The first gateway that may be called by now and was not tried; null: none. */
  next(tried: ReadonlySet<string>): Candidate | null
  /** Where the called's gateway reaches our sound. */
  soundAddress(candidate: Candidate): string
  mayStillGo(ref: MessageRef): boolean
  noted(candidate: Candidate, end: CallEnd, outcome: CallOutcomeName | null): void
  optedOut(call: PlacedCall, digit: string): void
}

export class CallLines implements CallDesk {
  readonly #host: LinesHost
  readonly #limiter: RateLimiter
  #context!: CallContext
  readonly #calls = new Map<number, PlacedCall>()
  /** Prepared, in order. */
  #ready: PlacedCall[] = []
  /** With a port for their sound: they wait for the rate alone. */
  #opened: PlacedCall[] = []
  /** On to their next gateway. */
  #again: { call: PlacedCall; candidate: Candidate }[] = []
  /** Calls that have a line: opening, dialled, talking. */
  readonly #lines = new Set<PlacedCall>()
  #lastNumber = 0
  #openAt = Number.NEGATIVE_INFINITY
  #maxCalls = 0
  #sessionBase = 0

  constructor(host: LinesHost, callsPerSecond: number) {
    this.#host = host
    this.#limiter = new RateLimiter(callsPerSecond)
  }

  /** Once, and again when the configuration changed. */
  use(context: CallContext): void {
    this.#context = context
    this.#sessionBase ||= Math.floor(context.clock.now())
  }

  set callsPerSecond(perSecond: number) {
    this.#limiter.set(perSecond)
  }
  set maxCalls(calls: number) {
    this.#maxCalls = calls
  }
  get maxCalls(): number {
    return this.#maxCalls
  }

  /** Of all: on a line, or on the way to one. */
  get size(): number {
    return this.#calls.size
  }
  /** Between INVITE and end. */
  get active(): number {
    let active = 0
    for (const call of this.#lines) if (call.isOnLine) active++
    return active
  }
  get free(): number {
    return Math.max(0, this.#maxCalls - this.#lines.size)
  }
  /** Most messages that can be here at once. */
  get total(): number {
    return this.#maxCalls + this.#ahead
  }
  get #ahead(): number {
    return Math.min(this.#maxCalls, Math.max(AHEAD_LEAST, Math.ceil(this.#limiter.perSecond)))
  }

  /** Messages that may be taken now; `most`: as long as the carrier is on trial. */
  room(most: number): number {
    return Math.max(0, Math.min(most, this.total) - this.#calls.size)
  }

  take(order: CallOrder): void {
    const number = ++this.#lastNumber
    const call = new PlacedCall(number, order, this.#context)
    this.#calls.set(number, call)
    call.prepare()
  }

  /** The call by which the media thread knows it. */
  call(number: number): PlacedCall | undefined {
    return this.#calls.get(number)
  }

  callOf(ref: MessageRef): PlacedCall | undefined {
    for (const call of this.#calls.values()) if (call.order.ref === ref) return call
    return undefined
  }

  /** `isUp`: its gateways may be called by. */
  tick(nowMs: number, isUp: boolean): void {
    for (const call of this.#lines) call.tick(nowMs)
    if (isUp) this.#openLines(nowMs)
    else this.giveBackWaiting()
    this.#dial()
  }

  /** Those that nobody was called for yet. */
  giveBackWaiting(): void {
    for (const call of this.#calls.values()) if (call.dialledAtMs < 0) call.giveBack()
  }

  #openLines(nowMs: number): void {
    const { config } = this.#context
    const { from, to } = config.rtpPorts
    while (this.#ready.length > 0 && this.#lines.size < this.#maxCalls && nowMs >= this.#openAt) {
      const peer = this.#host.next(NONE_TRIED)?.peer
      if (peer === undefined) return
      const call = this.#ready.shift()!
      this.#lines.add(call)
      const any = peer.address.includes(':') ? '::' : '0.0.0.0'
      call.open({ address: config.localAddress ?? any, from, to }, (isOpen) => this.#lineOpen(call, isOpen))
    }
  }

  #lineOpen(call: PlacedCall, isOpen: boolean): void {
    if (isOpen) this.#opened.push(call)
    else {
      this.#lines.delete(call)
      this.#ready.unshift(call)
      this.#openAt = this.#context.clock.monotonic() + OPEN_AGAIN_MS
    }
    this.#host.sink.capacityChanged()
  }

  /** Those that were let down by a gateway come first: somebody's phone may be about to ring. */
  #dial(): void {
    while (this.#again.length > 0 || this.#opened.length > 0) {
      const nowMs = this.#context.clock.monotonic()
      if (this.#limiter.available(nowMs) === 0) return
      const again = this.#again.shift()
      const call = again?.call ?? this.#opened.shift()!
      const candidate = again?.candidate ?? this.#host.next(NONE_TRIED)
      if (candidate === null || !this.mayStillGo(call.order.ref)) {
        call.giveBack()
        continue
      }
      const address = this.#host.soundAddress(candidate)
      call.dial(candidate, { address, sessionId: this.#sessionBase + call.number, nowMs })
      // Counted once it is out: a call that took long to set up would else stand closer to the next ones at the peer.
      this.#limiter.take(1, this.#context.clock.monotonic())
    }
  }

  /** Milliseconds until `tick` has something to do. */
  nextMs(nowMs: number): number {
    let due = Number.POSITIVE_INFINITY
    for (const call of this.#lines) due = Math.min(due, call.dueMs - nowMs)
    if (this.#again.length > 0 || this.#opened.length > 0) due = Math.min(due, this.#limiter.nextMs(nowMs))
    if (this.#ready.length > 0 && this.free > 0) due = Math.min(due, this.#openAt - nowMs)
    return Math.max(0, due)
  }

  /** Everybody is hung up on, or not called after all. */
  cutAll(): void {
    for (const call of [...this.#calls.values()]) call.cut()
  }
  /** Those that are waited for no longer. */
  concludeAll(): void {
    for (const call of [...this.#calls.values()]) call.conclude()
  }
  abandonAll(): void {
    for (const call of [...this.#calls.values()]) call.abandon()
  }

  // What calls ask for.

  mayDial(call: PlacedCall, candidate: Candidate | null): void {
    if (candidate === null) this.#ready.push(call)
    else this.#again.push({ call, candidate })
    this.#host.sink.capacityChanged()
  }

  next(tried: ReadonlySet<string>): Candidate | null {
    return this.#host.next(tried)
  }
  mayStillGo(ref: MessageRef): boolean {
    return this.#host.mayStillGo(ref)
  }
  noted(candidate: Candidate, end: CallEnd, outcome: CallOutcomeName | null): void {
    this.#host.noted(candidate, end, outcome)
  }
  optedOut(call: PlacedCall, digit: string): void {
    this.#host.optedOut(call, digit)
  }

  lineFree(call: PlacedCall): void {
    this.#lines.delete(call)
    this.#host.sink.capacityChanged()
  }

  settled(call: PlacedCall, { code, status, q850, delayMs, facts, gateway }: CallResult): void {
    this.#calls.delete(call.number)
    this.#lines.delete(call)
    this.#ready = this.#ready.filter((one) => one !== call)
    this.#opened = this.#opened.filter((one) => one !== call)
    this.#again = this.#again.filter((one) => one.call !== call)
    const id = Buffer.from(facts === null ? '' : packCallFacts(facts), 'latin1')
    const about = { bind: gateway, ref: call.order.ref, part: 0, code, status: packCallStatus(status, q850) }
    this.#host.sink.settled({ ...about, delayMs: Math.round(delayMs), id, idStart: 0, idLength: id.length })
    this.#host.sink.capacityChanged()
  }
}
