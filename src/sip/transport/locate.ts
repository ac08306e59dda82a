/**
 * From the gateways of the configuration to addresses (RFC 3263, reduced): an address stands for itself; a name with a port
 * is asked for its addresses; a name without one for its SRV records first, in the order of RFC 2782. NAPTR is not asked,
 * since the configuration says which transport it is. Dispatcher thread: `tick` begins a look-up, nothing waits for one.
 *
 * One name is asked at a time, and each again every minute. What was found stays in force until something else is found.
 */
import { isIP, isIPv6 } from 'node:net'
import { connectionProblem } from '../../engine/base/connection-problem.js'
import type { Random } from '../../engine/base/random.js'
import type { NameService, Service } from './name-service.js'
import type { Peer, TransportName } from './transport.js'

export interface LocateTarget {
  /** Name or address; IPv6 without brackets. */
  host: string
  port?: number
}

export interface LocatorOptions {
  targets: readonly LocateTarget[]
  transport: TransportName
  /** Our own address where there is one: only far ends of its family can be reached from it. */
  localAddress?: string
  names: NameService
  random: Random
  /** `index` of targets. `peers` in the order of preference; none: `why`, and what was told before stays true. Never within `tick`. */
  located(index: number, peers: readonly Peer[], why: string): void
}

const REFRESH_MS = 60_000
/** After a look-up that failed, and between two that were asked for. */
const AGAIN_MS = 5_000
/** Addresses of one gateway. */
const PEERS_MOST = 16
const USUAL_PORT: Readonly<Record<TransportName, number>> = { udp: 5060, tcp: 5060, tls: 5061 }
const SERVICE: Readonly<Record<TransportName, string>> = { udp: '_sip._udp', tcp: '_sip._tcp', tls: '_sips._tcp' }

interface Entry {
  target: LocateTarget
  /** The last that was told of. */
  peers: readonly Peer[]
  dueMs: number
  /** When it was last asked. */
  askedMs: number
}

export class Locator {
  readonly #options: LocatorOptions
  readonly #entries: Entry[]
  #isAsking = false
  #isStopped = false
  #nowMs = 0

  constructor(options: LocatorOptions) {
    this.#options = options
    this.#entries = options.targets.map((target) => ({
      ...{ target, peers: [] },
      ...{ dueMs: Number.NEGATIVE_INFINITY, askedMs: Number.NEGATIVE_INFINITY },
    }))
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs
    if (this.#isAsking || this.#isStopped) return
    const index = this.#entries.findIndex(({ dueMs }) => dueMs <= nowMs)
    if (index < 0) return
    const entry = this.#entries[index]!
    this.#isAsking = true
    entry.askedMs = nowMs
    this.#find(entry.target, entry.peers.length > 0).then(
      (peers) => this.#found(index, peers),
      (error: unknown) => this.#failed(index, connectionProblem(error as Error)),
    )
  }

  /** Milliseconds until `tick` has something to do. */
  nextMs(nowMs: number): number {
    if (this.#isAsking || this.#isStopped) return Number.POSITIVE_INFINITY
    return Math.max(0, Math.min(...this.#entries.map(({ dueMs }) => dueMs)) - nowMs)
  }

  /** It does not answer any more: perhaps it has moved. */
  again(index: number): void {
    const entry = this.#entries[index]
    if (entry !== undefined && isIP(entry.target.host) === 0) {
      entry.dueMs = Math.min(entry.dueMs, entry.askedMs + AGAIN_MS)
    }
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#isStopped = true
  }

  async #find(target: LocateTarget, isKnown: boolean): Promise<Peer[]> {
    const { host, port } = target
    if (isIP(host) !== 0) return [this.#peer(host, port)]
    const services = port === undefined ? await this.#services(host, isKnown) : []
    if (services.length === 0) return await this.#peersOf(host, port)
    const peers: Peer[] = []
    let failure: unknown = null
    for (const { name, port: servicePort } of inOrder(services, this.#options.random)) {
      if (peers.length >= PEERS_MOST) break
      try {
        peers.push(...(await this.#peersOf(name, servicePort, host)))
      } catch (error) {
        failure = error
      }
    }
    if (peers.length === 0) throw failure
    return peers
  }

  /**
   * A name service that cannot say whether there are any is no reason to move a gateway that was found before; one that was
   * never found is looked for by its address.
   */
  async #services(host: string, isKnown: boolean): Promise<Service[]> {
    try {
      const found = await this.#options.names.services(`${SERVICE[this.#options.transport]}.${host}`)
      if (found.length === 1 && ['', '.'].includes(found[0]!.name)) {
        throw new Error('the DNS says that there is no such service (SRV is ".")')
      }
      return found
    } catch (error) {
      if (isKnown || (error as NodeJS.ErrnoException).code === undefined) throw error
      return []
    }
  }

  /** `domain`: the name that was meant, and that its certificate has to have (RFC 5922 §7.1). */
  async #peersOf(name: string, port: number | undefined, domain = name): Promise<Peer[]> {
    const { localAddress } = this.#options
    const found = await this.#options.names.addresses(name.toLowerCase())
    const addresses = localAddress === undefined ? found : found.filter((each) => isIPv6(each) === isIPv6(localAddress))
    if (addresses.length === 0) throw new Error('the name has no address that can be reached from localAddress')
    return addresses.slice(0, PEERS_MOST).map((address) => this.#peer(address, port, domain))
  }

  #peer(address: string, port: number | undefined, domain?: string): Peer {
    const { transport } = this.#options
    const place = { transport, address, port: port ?? USUAL_PORT[transport] }
    return transport === 'tls' && domain !== undefined ? { ...place, serverName: domain } : place
  }

  #found(index: number, peers: Peer[]): void {
    if (this.#isStopped) return
    this.#isAsking = false
    const entry = this.#entries[index]!
    const isLiteral = isIP(entry.target.host) !== 0
    entry.dueMs = isLiteral ? Number.POSITIVE_INFINITY : this.#nowMs + REFRESH_MS
    // Chance has ordered them anew: those in use stay where they are.
    if (!isSameSet(peers, entry.peers)) entry.peers = peers
    this.#options.located(index, entry.peers, '')
  }

  #failed(index: number, why: string): void {
    if (this.#isStopped) return
    this.#isAsking = false
    this.#entries[index]!.dueMs = this.#nowMs + AGAIN_MS
    this.#options.located(index, [], why)
  }
}

/** RFC 2782: lower priorities first; among equals by chance, in proportion to their weight. */
export function inOrder(services: readonly Service[], random: Random): Service[] {
  const ordered: Service[] = []
  const rest = [...services]
  while (rest.length > 0) {
    const priority = Math.min(...rest.map((each) => each.priority))
    const candidates = rest.filter((each) => each.priority === priority)
    const chosen = byWeight(candidates, random)
    ordered.push(chosen)
    rest.splice(rest.indexOf(chosen), 1)
  }
  return ordered
}

/** Weight 0 has a small chance beside others, and an even one among its like. */
function byWeight(candidates: readonly Service[], random: Random): Service {
  const share = (weight: number): number => (weight === 0 ? 0.01 : weight)
  let left = random.next() * candidates.reduce((sum, { weight }) => sum + share(weight), 0)
  for (const candidate of candidates) {
    left -= share(candidate.weight)
    if (left < 0) return candidate
  }
  return candidates.at(-1)!
}

function isSameSet(peers: readonly Peer[], others: readonly Peer[]): boolean {
  const keys = new Set(others.map(placeOf))
  return peers.length === others.length && peers.every((peer) => keys.has(placeOf(peer)))
}

function placeOf({ transport, address, port }: Peer): string {
  return `${transport} ${address} ${port}`
}
