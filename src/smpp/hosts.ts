/**
 * The hosts of one carrier: where its next connection goes. Pure over milliseconds; shared by all binds.
 *
 * Connections are spread evenly over the hosts that live. A host that failed is left out for a time that doubles up to
 * a minute, unless all have failed: then the least bad is tried. When it may live again, binds come back one at a time. Each host has a gate: while tries fail, one connection
 * at a time is tried and no more than one a second. A refusal that concerns the account (a wrong password) is no fault of
 * the host: it makes the whole carrier rest, so that many binds do not hammer it together.
 */
import { type Endpoint, parseEndpoint } from '../engine/config/endpoint.js'
import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'

const GATE_MS = 1_000
const DEAD_MS_MIN = 5_000
const DEAD_MS_MAX = 60_000
/** A bind that is well is not risked often on a host that failed. */
const MOVE_MS_MIN = 30_000
const MOVE_MS_MAX = 1_800_000

export class Host {
  readonly endpoint: Endpoint
  /** Connections open or being opened. */
  links = 0
  /** Of these, sessions that are bound. */
  bound = 0
  #proven = false
  #trying = false
  #openAt = 0
  #failures = 0
  #deadUntil = 0
  #movableAt = 0

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint
  }

  /** `host:port`, for people. */
  get name(): string {
    const { host, port } = this.endpoint
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  }

  get deadUntil(): number {
    return this.#deadUntil
  }

  /** From then on a bind that is well elsewhere may be moved here to make things even. */
  get movableAt(): number {
    return this.#movableAt
  }

  /** True when a connection may be tried now; counts as tried until `succeeded` or `failed`. */
  enter(nowMs: number): boolean {
    if (!this.#proven) {
      if (this.#trying || nowMs < this.#openAt) return false
      this.#trying = true
    }
    this.links++
    return true
  }

  /** A session is bound. */
  succeeded(): void {
    this.bound++
    this.#proven = true
    this.#trying = false
    this.#failures = 0
    this.#deadUntil = 0
    this.#movableAt = 0
  }

  /** `blamed`: it is the host that failed, not the account. */
  failed(nowMs: number, blamed: boolean): void {
    this.#proven = false
    this.#trying = false
    this.#openAt = nowMs + GATE_MS
    if (blamed) this.avoid(nowMs)
  }

  /** Others are preferred for a time that grows while no bind succeeds here. */
  avoid(nowMs: number): void {
    const times = 2 ** Math.min(this.#failures, 10)
    this.#deadUntil = nowMs + Math.min(DEAD_MS_MIN * times, DEAD_MS_MAX)
    this.#movableAt = nowMs + Math.min(MOVE_MS_MIN * times, MOVE_MS_MAX)
    this.#failures++
  }

  /** Forgets failures: somebody says that it is worth a try. */
  wake(): void {
    this.#openAt = 0
    this.#deadUntil = 0
    this.#movableAt = 0
  }
}

export class CarrierHosts {
  readonly #hosts: Host[]
  #restUntil = 0
  /** Why the whole carrier rests; null: it does not. */
  #restReason: string | null = null

  constructor(carrier: Pick<SmppCarrierConfig, 'host' | 'port' | 'hosts'>) {
    const { host, port, hosts } = carrier
    const endpoints = hosts.map((text) => parseEndpoint(text, port))
    this.#hosts = (endpoints.length > 0 ? endpoints : [{ host: host ?? '', port }]).map((each) => new Host(each))
  }

  get restReason(): string | null {
    return this.#restReason
  }

  restMs(nowMs: number): number {
    return Math.max(0, this.#restUntil - nowMs)
  }

  /** The host for a new connection, entered; null: not now. */
  enter(nowMs: number): Host | null {
    if (nowMs < this.#restUntil) return null
    const host = this.#choose(nowMs)
    return host.enter(nowMs) ? host : null
  }

  /**
   * No connection of any bind for `forMs`: what one was told, all would be. Not while others are bound: then the carrier
   * allows fewer sessions than are wanted, and those that it allows must come back at once when they are lost.
   */
  rest(reason: string, nowMs: number, forMs: number): void {
    if (this.#hosts.some(({ bound }) => bound > 0)) return
    this.#restUntil = Math.max(this.#restUntil, nowMs + forMs)
    this.#restReason = reason
  }

  /** Somebody says that it is worth a try: rests and marks of death are over. */
  wake(): void {
    this.#endRest()
    for (const host of this.#hosts) host.wake()
  }

  /** A bind was accepted: what one was told holds no more. */
  recovered(): void {
    this.#endRest()
  }

  /** A host that has at least two connections more than one that may have another; null: all is even enough. */
  crowded(nowMs: number): Host | null {
    const most = this.#hosts.reduce((fullest, host) => (host.links > fullest.links ? host : fullest))
    const hasRoom = (host: Host): boolean => nowMs >= host.movableAt && most.links - host.links >= 2
    return this.#hosts.some(hasRoom) ? most : null
  }

  #endRest(): void {
    this.#restUntil = 0
    this.#restReason = null
  }

  #choose(nowMs: number): Host {
    let best = this.#hosts[0]!
    for (const host of this.#hosts) if (rank(host, best, nowMs) < 0) best = host
    return best
  }
}

/** Below 0: `host` goes before `other`. */
function rank(host: Host, other: Host, nowMs: number): number {
  const dead = Math.max(0, host.deadUntil - nowMs)
  const otherDead = Math.max(0, other.deadUntil - nowMs)
  return dead === otherDead ? host.links - other.links : dead - otherDead
}
