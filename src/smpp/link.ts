/** Keeps one connection of a bind alive: opens it, and opens it again after each end, at the pace of reconnect.ts. */
import type { BindState } from '../engine/contract/channel.js'
import type { Settlement } from '../engine/contract/outcome.js'
import type { BindMetrics } from '../engine/observe/carrier-metrics.js'
import type { CarrierContext } from './carrier-context.js'
import { type BindCommand, VERSION } from './constants.js'
import type { Host } from './hosts.js'
import { concernsAccount, reconnectDelayMs } from './reconnect.js'
import { Session, type SessionEnd } from './session.js'
import { STATUS } from './status.js'

/** A session that lasted this long proved that the carrier is well: backoff starts anew. */
const STABLE_MS = 5_000
const IS_NAME_OR_PASSWORD: ReadonlySet<number> = new Set([STATUS.invalidPassword, STATUS.invalidSystemId])

export interface LinkOwner {
  readonly index: number
  readonly metrics: BindMetrics
  nextGeneration(): number
  settled(settlement: Settlement): void
  answered(sentAtMs: number, nowMs: number): void
  linkChanged(): void
}

export class Link {
  lastError: string | null = null
  #context: CarrierContext
  #owner: LinkOwner
  #command: BindCommand
  #session: Session | null = null
  #host: Host | null = null
  #wanted = false
  #attempt = 0
  #retryAt = 0
  #everBound = false
  /** interface_version that the next bind offers. */
  #version: number

  constructor(context: CarrierContext, owner: LinkOwner, command: BindCommand) {
    this.#context = context
    this.#owner = owner
    this.#command = command
    this.#version = context.carrier.interfaceVersion === '5.0' ? VERSION.five : VERSION.threeFour
  }

  get session(): Session | null {
    return this.#session
  }

  get state(): BindState {
    if (this.#session !== null) return this.#session.state
    return this.#wanted ? 'waiting' : 'closed'
  }

  /** Host of the session that is, or was last; null: there was none. */
  get hostName(): string | null {
    return this.#host?.name ?? null
  }

  retryInMs(nowMs: number): number {
    return Math.ceil(Math.max(0, this.#retryAt - nowMs, this.#context.hosts.restMs(nowMs)))
  }

  start(): void {
    this.#wanted = true
  }

  /** The next try comes at once. */
  connectNow(): void {
    this.#retryAt = 0
    this.#attempt = 0
  }

  /** No new connection after this one; unbinds politely. */
  stop(): void {
    this.#wanted = false
    this.#session?.unbind()
  }

  close(reason: string): void {
    this.#wanted = false
    this.#session?.close(reason)
  }

  tick(nowMs: number): void {
    if (this.#session !== null) {
      this.#session.tick(nowMs)
      return
    }
    if (!this.#wanted || nowMs < this.#retryAt) return
    const host = this.#context.hosts.enter(nowMs)
    if (host !== null) this.#open(host)
  }

  #open(host: Host): void {
    const { index: bind, metrics } = this.#owner
    if (this.#everBound) metrics.reconnected()
    this.#host = host
    const generation = this.#owner.nextGeneration()
    const identity = { bind, command: this.#command, generation, endpoint: host.endpoint, version: this.#version }
    this.#session = new Session(this.#context, identity, {
      bound: (version) => this.#onBound(host, version),
      closed: (end) => this.#onClosed(host, end),
      settled: (settlement) => this.#owner.settled(settlement),
      answered: (sentAtMs, nowMs) => this.#owner.answered(sentAtMs, nowMs),
    })
    this.#owner.linkChanged()
  }

  #onBound(host: Host, version: number): void {
    const { carrier, hosts, log } = this.#context
    host.succeeded()
    hosts.recovered()
    this.#everBound = true
    this.lastError = null
    const interfaceVersion = `0x${version.toString(16)}`
    log.info({ carrier: carrier.id, bind: this.#owner.index, host: host.name, interfaceVersion }, 'bound')
    this.#owner.linkChanged()
  }

  #onClosed(host: Host, end: SessionEnd): void {
    const { carrier, clock, log } = this.#context
    const nowMs = clock.monotonic()
    this.#session = null
    host.links--
    const steppedDown = !end.wasBound && this.#stepDown(end)
    if (end.wasBound) host.bound--
    else host.failed(nowMs, this.#wanted && !steppedDown && isOfHost(end.status))
    // It takes binds and drops them at once: another host may do better.
    if (end.wasBound && !end.wasUseful && end.wasBoundMs < STABLE_MS && this.#wanted) host.avoid(nowMs)
    if (this.#wanted) {
      this.lastError = end.reason
      const retryMs = this.#planRetry(steppedDown ? { ...end, status: STATUS.ok } : end, nowMs)
      const facts = { carrier: carrier.id, bind: this.#owner.index, host: host.name, reason: end.reason, retryMs }
      log.warn(facts, 'bind lost')
    } else {
      log.info({ carrier: carrier.id, bind: this.#owner.index }, 'unbound')
    }
    this.#owner.linkChanged()
  }

  #planRetry(end: SessionEnd, nowMs: number): number {
    if (end.wasBoundMs >= STABLE_MS) this.#attempt = 0
    else if (end.wasUseful) this.#attempt = Math.min(this.#attempt, 1)
    const { hosts, random } = this.#context
    const retryMs = Math.ceil(reconnectDelayMs(this.#attempt, end.status, random))
    this.#attempt++
    this.#retryAt = nowMs + retryMs
    // What one bind hears, all would: none of them tries before this one may.
    if (concernsAccount(end.status)) hosts.rest(end.reason, nowMs, retryMs)
    return retryMs
  }

  /** A carrier that does not know 5.0 refuses the bind or hangs up: true when 3.4 is to be offered instead. */
  #stepDown({ wasAsked, status }: SessionEnd): boolean {
    if (this.#version === VERSION.threeFour || !wasAsked || IS_NAME_OR_PASSWORD.has(status)) return false
    this.#version = VERSION.threeFour
    const { carrier, log } = this.#context
    log.warn(
      { carrier: carrier.id, bind: this.#owner.index },
      'bind with version 5.0 failed: 3.4 is offered from now on',
    )
    return true
  }
}

/** The end says something about the host, not about the account. */
function isOfHost(status: number): boolean {
  return status !== STATUS.alreadyBound && !concernsAccount(status)
}
