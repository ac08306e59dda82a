/**
 * One gateway of a carrier: where it is, and whether it may be called by. It is asked whether it is there (OPTIONS), registered
 * at where that is wanted, and left alone for a while after it failed a call. Dispatcher thread; monotonic milliseconds.
 */
import { backoffMs } from '../../engine/base/backoff.js'
import type { Random } from '../../engine/base/random.js'
import type { SipCarrierConfig } from '../../engine/config/sip-carrier.js'
import type { BindState, BindView } from '../../engine/contract/channel.js'
import { Keepalive } from '../call/keepalive.js'
import { Registration } from '../call/registration.js'
import type { UserAgent } from '../call/user-agent.js'
import { hostPort } from '../message/host-port.js'
import { escapeUser } from '../message/uri.js'
import type { Peer } from '../transport/transport.js'
import { credentialsOf } from './caller.js'

/** After a call that it did not answer: so long none is tried, then one call finds out. */
const HOLD = { firstMs: 5_000, maxMs: 60_000 }
/** However long it asks for rest. */
export const REST_MS_MOST = 300_000

export interface GatewayDeps {
  config: SipCarrierConfig
  agent: UserAgent
  random: Random
  changed(): void
}

export class Gateway {
  readonly index: number
  /** As the configuration names it. */
  readonly host: string
  readonly port: number | undefined
  readonly #deps: GatewayDeps
  #peers: readonly Peer[] = []
  /** Of `#peers`, the one that is called by. */
  #at = 0
  #keepalive: Keepalive | null = null
  #registration: Registration | null = null
  #failures = 0
  #holdUntil = Number.NEGATIVE_INFINITY
  /** As it asked for itself: what it still says to calls under way does not end that. */
  #restUntil = Number.NEGATIVE_INFINITY
  #lastError: string | null = null
  /** Calls under way. */
  inFlight = 0

  constructor(index: number, at: { host: string; port: number | undefined }, deps: GatewayDeps) {
    this.index = index
    this.host = at.host
    this.port = at.port
    this.#deps = deps
  }

  get peer(): Peer | null {
    return this.#peers[this.#at] ?? null
  }

  /** As it is configured, and so the same wherever it is found. */
  get name(): string {
    return hostPort(this.host, this.port ?? 0)
  }

  /** `host:port` of the peer in use, or as it is configured. */
  get label(): string {
    return hostPort(this.host, this.peer?.port ?? this.port ?? 0)
  }

  /** Where it is found now; none: `why`. What did not change is not touched. */
  located(peers: readonly Peer[], why: string): void {
    if (peers.length === 0) {
      // What was known is better than nothing.
      this.#lastError = why
      return
    }
    const before = this.peer
    this.#peers = peers
    const still = peers.findIndex((peer) => isSame(peer, before))
    this.#at = Math.max(0, still)
    if (still < 0) this.#watch(peers[this.#at]!)
  }

  #watch(peer: Peer): void {
    const { config, agent, random, changed } = this.#deps
    this.#keepalive?.stop()
    this.#registration?.stop()
    const domain = bracketed(config.domain ?? this.host)
    const user = config.user ?? config.callerId ?? 'trunkline'
    const tell = (isWell: boolean, why: string): void => {
      this.#lastError = isWell ? null : why
      changed()
    }
    const everyMs = config.optionsSeconds * 1000
    const about = { to: peer, uri: `sip:${domain}`, from: `sip:${escapeUser(user)}@${domain}`, everyMs }
    this.#keepalive = new Keepalive(
      {
        ...about,
        changed: (isUp, why) => {
          if (isUp) this.#registration?.renew()
          if (isUp) this.#holdUntil = Number.NEGATIVE_INFINITY
          tell(isUp, why)
        },
      },
      agent,
    )
    this.#registration = null
    if (!config.register) return
    const login = { user, credentials: credentialsOf(config), seconds: config.registerSeconds }
    this.#registration = new Registration({ to: peer, domain, ...login, random, changed: tell }, agent)
  }

  /** A call may go by it now. */
  isUsable(nowMs: number): boolean {
    return this.peer !== null && this.isUp && nowMs >= this.#quietUntil
  }

  get #quietUntil(): number {
    return Math.max(this.#holdUntil, this.#restUntil)
  }

  /** It answers, as far as is known, and we are registered where that is wanted. */
  get isUp(): boolean {
    if (this.#keepalive === null || !this.#keepalive.isUp) return false
    return this.#registration === null || this.#registration.isRegistered
  }

  /** It said something to a call. */
  heard(nowMs: number): void {
    this.#failures = 0
    if (nowMs >= this.#restUntil) this.#lastError = null
    this.#holdUntil = Number.NEGATIVE_INFINITY
    this.#keepalive?.heard(nowMs)
  }

  /** It said nothing to a call, or could not be reached: the next address of its name, where it has one, or a pause. */
  failed(why: string, nowMs: number): void {
    this.#lastError = why
    if (this.#peers.length > 1) {
      this.#at = (this.#at + 1) % this.#peers.length
      this.#watch(this.peer!)
      if (this.#failures++ % this.#peers.length !== this.#peers.length - 1) return
    } else this.#failures++
    this.#holdUntil = nowMs + backoffMs(HOLD, this.#failures - 1, this.#deps.random)
  }

  /** 503 with Retry-After (RFC 3261 §21.5.4): nothing is sent to it before. */
  rest(seconds: number, nowMs: number): void {
    this.#lastError = `503, asks for ${seconds} s of rest`
    this.#restUntil = nowMs + Math.min(seconds * 1000, REST_MS_MOST)
  }

  /** An operator mended something. */
  release(): void {
    this.#holdUntil = Number.NEGATIVE_INFINITY
    this.#restUntil = Number.NEGATIVE_INFINITY
    this.#registration?.retry()
  }

  tick(nowMs: number): void {
    this.#keepalive?.tick(nowMs)
    this.#registration?.tick(nowMs)
  }

  nextMs(nowMs: number): number {
    const hold = this.#quietUntil > nowMs ? this.#quietUntil - nowMs : Number.POSITIVE_INFINITY
    const asks = Math.min(this.#keepalive?.nextMs(nowMs) ?? Infinity, this.#registration?.nextMs(nowMs) ?? Infinity)
    return Math.min(hold, asks)
  }

  /** Takes the registration back; `isOver` when that is done. */
  stop(): void {
    this.#keepalive?.stop()
    this.#registration?.stop()
  }
  get isOver(): boolean {
    return this.#registration === null || this.#registration.isOver
  }

  view({ nowMs, free }: { nowMs: number; free: number }): BindView {
    const state = this.#state(nowMs)
    const { inFlight } = this
    return {
      ...{ index: this.index, state, inFlight, window: this.#deps.config.maxCalls },
      windowNow: inFlight + free,
      lastError: this.#lastError ?? (this.#registration?.problem || this.#keepalive?.problem || null),
      host: this.label,
      retryInMs: state === 'waiting' && this.#quietUntil > nowMs ? Math.ceil(this.#quietUntil - nowMs) : null,
    }
  }

  #state(nowMs: number): BindState {
    if (this.isUsable(nowMs)) return 'bound'
    if (this.peer === null || this.#keepalive === null) return this.#lastError === null ? 'connecting' : 'waiting'
    if (this.#registration !== null && !this.#registration.isRegistered && this.#registration.problem === '')
      return 'binding'
    return 'waiting'
  }
}

function isSame(peer: Peer, other: Peer | null): boolean {
  return (
    other !== null && peer.address === other.address && peer.port === other.port && peer.transport === other.transport
  )
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}
