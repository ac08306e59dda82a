/**
 * The gateways of one carrier in their order, where each is found, and the first that may be called by now. Dispatcher
 * thread; monotonic milliseconds.
 */
import { parseEndpoint } from '../../engine/config/endpoint.js'
import type { BindView } from '../../engine/contract/channel.js'
import type { UserAgent } from '../call/user-agent.js'
import { Locator } from '../transport/locate.js'
import type { NameService } from '../transport/name-service.js'
import type { Peer } from '../transport/transport.js'
import { Gateway, type GatewayDeps } from './gateway.js'

/** One address of one gateway, and the user agent that reaches it. */
export interface Candidate {
  gateway: Gateway
  peer: Peer
  agent: UserAgent
  /** No two addresses have the same. */
  key: string
}

export class Gateways {
  readonly #deps: GatewayDeps
  readonly #locator: Locator
  readonly #all: readonly Gateway[]

  constructor(deps: GatewayDeps, names: NameService) {
    const { host, port, hosts } = deps.config
    const first = host === undefined ? [] : [{ host, port }]
    const others = hosts.map((text) => {
      const { host, port } = parseEndpoint(text, 0)
      return { host, port: port === 0 ? deps.config.port : port }
    })
    this.#deps = deps
    this.#all = [...first, ...others].map((at, index) => new Gateway(index, at, deps))
    const { transport, localAddress } = deps.config
    this.#locator = new Locator({
      ...{ transport, localAddress, names, random: deps.random },
      targets: this.#all.map(({ host, port }) => ({ host, port })),
      located: (index, peers, why) => {
        this.#all[index]!.located(peers, why)
        deps.changed()
      },
    })
  }

  /** One of them is there, and we are registered where that is wanted. */
  isUp(nowMs: number): boolean {
    return this.#all.some((gateway) => gateway.isUsable(nowMs))
  }

  next(tried: ReadonlySet<string>, nowMs: number): Candidate | null {
    for (const gateway of this.#all) {
      const { peer } = gateway
      if (peer === null || !gateway.isUsable(nowMs)) continue
      const key = `${gateway.index} ${peer.transport} ${peer.address} ${peer.port}`
      if (!tried.has(key)) return { gateway, peer, agent: this.#deps.agent, key }
    }
    return null
  }

  /** The one with this address, of several the one with this port too; -1: none. */
  indexOf({ address, port }: Peer): number {
    const isAt = ({ peer }: Gateway): boolean => peer?.address === address && peer.port === port
    const exactly = this.#all.findIndex(isAt)
    return exactly >= 0 ? exactly : this.#all.findIndex(({ peer }) => peer?.address === address)
  }

  tick(nowMs: number): void {
    this.#locator.tick(nowMs)
    for (const gateway of this.#all) gateway.tick(nowMs)
  }

  /** It said nothing to a call, or could not be reached: perhaps its name leads elsewhere by now. */
  failed(gateway: Gateway, why: string, nowMs: number): void {
    gateway.failed(why, nowMs)
    this.#locator.again(gateway.index)
  }

  nextMs(nowMs: number): number {
    return Math.min(this.#locator.nextMs(nowMs), ...this.#all.map((gateway) => gateway.nextMs(nowMs)))
  }

  release(): void {
    for (const gateway of this.#all) gateway.release()
  }

  /** Registrations are taken back; `isOver` when that is done. */
  stop(): void {
    this.#locator.stop()
    for (const gateway of this.#all) gateway.stop()
  }
  get isOver(): boolean {
    return this.#all.every((gateway) => gateway.isOver)
  }

  views(nowMs: number, free: number): BindView[] {
    return this.#all.map((gateway) => gateway.view({ nowMs, free }))
  }

  standings(): { name: string; isUp: boolean }[] {
    return this.#all.map(({ name, isUp }) => ({ name, isUp }))
  }
}
