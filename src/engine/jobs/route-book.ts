/**
 * Routes of the configuration under durable numbers: blocks carry the number, the dispatcher turns it into carriers, ingest
 * picks it by the longest prefix. Main thread.
 */
import { type CarrierConfig, isSip, isSmpp } from '../config/carrier.js'
import { configuredRoutes } from '../config/default-routes.js'
import { preferredIds, routeCarriers } from '../config/route-carriers.js'
import type { Config, RouteConfig } from '../config/schema.js'
import type { RouteView } from '../contract/explain.js'
import type { RoutePlan } from '../contract/ingest.js'
import type { RouteDispatch } from '../contract/thread.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import { callTerms } from './call-terms.js'
import { textPlan } from './text-plan.js'

interface KnownRoute {
  number: number
  config: RouteConfig
}

/** `sms:44`, or `sms:44@acme` for one account alone. */
function routeKey(route: RouteConfig): string {
  const account = route.account === undefined ? '' : `@${route.account}`
  return `${route.channel}:${route.prefix}${account}`
}

export interface RouteBookDeps {
  documents: Documents
  takeNumber(): { value: number; write: DocumentWrite }
}

export class RouteBook {
  readonly #deps: RouteBookDeps
  /** By key; a number once given stays with its key. */
  readonly #numbers: Map<string, number>
  #known: KnownRoute[] = []
  #carriers: ReadonlyMap<string, CarrierConfig> = new Map()
  readonly #plans = new Map<string, RoutePlan[]>()

  private constructor(deps: RouteBookDeps) {
    this.#deps = deps
    const stored = deps.documents.list<{ number: number }>('routes')
    this.#numbers = new Map(stored.map(({ key, value }) => [String(key[0]), value.number]))
  }

  static async open(config: Config, deps: RouteBookDeps): Promise<RouteBook> {
    const book = new RouteBook(deps)
    await book.reload(config)
    return book
  }

  /** Takes over the routes of a configuration; new ones get their numbers, durably, before anybody uses them. */
  async reload(config: Config): Promise<void> {
    const writes: DocumentWrite[] = []
    const fresh = new Map<string, number>()
    const known = configuredRoutes(config).map((route) => {
      const key = routeKey(route)
      let number = this.#numbers.get(key) ?? fresh.get(key)
      if (number === undefined) {
        const taken = this.#deps.takeNumber()
        number = taken.value
        fresh.set(key, number)
        writes.push({ collection: 'routes', key: [key], value: { number } }, taken.write)
      }
      return { number, config: route }
    })
    if (writes.length > 0) await this.#deps.documents.write(writes)
    for (const [key, number] of fresh) this.#numbers.set(key, number)
    this.#known = known
    this.#carriers = new Map(config.carriers.map((carrier) => [carrier.id, carrier]))
    this.#plans.clear()
  }

  /**
   * All routes that blocks may name. One that is configured no more goes as the route does that would take its numbers
   * now; where there is none, its messages wait until there is.
   */
  dispatch(): RouteDispatch[] {
    return [...this.#numbers].map(([key, number]) => {
      const route = this.#known.find((known) => known.number === number)?.config ?? this.#covering(key)
      if (route === undefined) return { route: number, carriers: [], failoverAfterMs: 0 }
      const { carriers, failoverAfterSeconds = 0 } = route
      return { route: number, carriers: routeCarriers(carriers), failoverAfterMs: failoverAfterSeconds * 1000 }
    })
  }

  #covering(key: string): RouteConfig | undefined {
    const [, channel, prefix, account] = /^([a-z]+):([0-9]*)(?:@(.*))?$/.exec(key) ?? []
    if (prefix === undefined) return undefined
    const candidates = this.#known.filter(
      ({ config }) =>
        config.channel === channel &&
        prefix.startsWith(config.prefix) &&
        (config.account === undefined || config.account === account),
    )
    // The longest prefix; of two, the account's own.
    const rank = ({ config }: KnownRoute): number => config.prefix.length * 2 + (config.account === undefined ? 0 : 1)
    return candidates.sort((left, right) => rank(right) - rank(left))[0]?.config
  }

  /** For metrics and reports. */
  name(route: number): string {
    for (const [key, number] of this.#numbers) if (number === route) return key
    return String(route)
  }

  /** As configured, with its carriers in order of preference; null: it is configured no more. */
  view(route: number): RouteView | null {
    const config = this.#known.find(({ number }) => number === route)?.config
    if (config === undefined) return null
    const { channel, prefix, account = null } = config
    return { channel, prefix, account, carriers: preferredIds(config.carriers) }
  }

  /** Routes of an account, longest prefix first; its own route hides the common one of the same prefix. */
  plans(account: string): RoutePlan[] {
    const made = this.#plans.get(account)
    if (made !== undefined) return made
    const chosen = new Map<string, KnownRoute>()
    for (const route of this.#known) {
      const { account: only, channel, prefix } = route.config
      if (only !== undefined && only !== account) continue
      const key = `${channel}:${prefix}`
      if (only !== undefined || !chosen.has(key)) chosen.set(key, route)
    }
    const plans = [...chosen.values()]
      .map((route) => this.#plan(route))
      .sort((a, b) => b.prefix.length - a.prefix.length)
    this.#plans.set(account, plans)
    return plans
  }

  #plan({ number, config }: KnownRoute): RoutePlan {
    const ids = preferredIds(config.carriers)
    const carriers = ids.map((id) => this.#carriers.get(id)).filter((carrier) => carrier !== undefined)
    return {
      route: number,
      channel: config.channel,
      prefix: config.prefix,
      carrier: ids[0]!,
      ...textPlan(carriers.filter(isSmpp)),
      ...(config.channel === 'voice' ? { call: callTerms(carriers.filter(isSip)) } : {}),
    }
  }
}
