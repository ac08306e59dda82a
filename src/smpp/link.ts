/** Keeps one connection of a bind alive: opens it, and opens it again after each end, at the pace of reconnect.ts. */
import type { BindState } from '../engine/contract/channel.js'
import type { Settlement } from '../engine/contract/outcome.js'
import type { CarrierContext } from './carrier-context.js'
import type { BindMetrics } from './carrier-metrics.js'
import type { BindCommand } from './constants.js'
import { reconnectDelayMs } from './reconnect.js'
import { Session, type SessionEnd } from './session.js'

/** A session that lasted this long proved that the carrier is well: backoff starts anew. */
const STABLE_MS = 5_000

export interface LinkOwner {
  readonly index: number
  readonly metrics: BindMetrics
  nextGeneration(): number
  settled(settlement: Settlement): void
  linkChanged(): void
}

export class Link {
  lastError: string | null = null
  #context: CarrierContext
  #owner: LinkOwner
  #command: BindCommand
  #session: Session | null = null
  #wanted = false
  #attempt = 0
  #retryAt = 0
  #everBound = false

  constructor(context: CarrierContext, owner: LinkOwner, command: BindCommand) {
    this.#context = context
    this.#owner = owner
    this.#command = command
  }

  get session(): Session | null {
    return this.#session
  }

  get state(): BindState {
    if (this.#session !== null) return this.#session.state
    return this.#wanted ? 'waiting' : 'closed'
  }

  start(): void {
    this.#wanted = true
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
    if (this.#session !== null) this.#session.tick(nowMs)
    else if (this.#wanted && nowMs >= this.#retryAt && this.#context.gate.enter(nowMs)) this.#open()
  }

  #open(): void {
    const { index: bind, metrics } = this.#owner
    if (this.#everBound) metrics.reconnected()
    const identity = { bind, command: this.#command, generation: this.#owner.nextGeneration() }
    this.#session = new Session(this.#context, identity, {
      bound: () => this.#onBound(),
      closed: (end) => this.#onClosed(end),
      settled: (settlement) => this.#owner.settled(settlement),
    })
    this.#owner.linkChanged()
  }

  #onBound(): void {
    const { carrier, gate, log } = this.#context
    gate.succeeded()
    this.#everBound = true
    this.lastError = null
    log.info({ carrier: carrier.id, bind: this.#owner.index }, 'bound')
    this.#owner.linkChanged()
  }

  #onClosed(end: SessionEnd): void {
    const { carrier, clock, gate, log, random } = this.#context
    const nowMs = clock.monotonic()
    this.#session = null
    if (end.wasBoundMs === 0) gate.failed(nowMs)
    if (this.#wanted) {
      this.lastError = end.reason
      if (end.wasBoundMs >= STABLE_MS) this.#attempt = 0
      else if (end.wasUseful) this.#attempt = Math.min(this.#attempt, 1)
      const retryMs = Math.ceil(reconnectDelayMs(this.#attempt, end.status, random))
      this.#attempt++
      this.#retryAt = nowMs + retryMs
      log.warn({ carrier: carrier.id, bind: this.#owner.index, reason: end.reason, retryMs }, 'bind lost')
    } else {
      log.info({ carrier: carrier.id, bind: this.#owner.index }, 'unbound')
    }
    this.#owner.linkChanged()
  }
}
