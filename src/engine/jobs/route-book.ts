/**
 * Routes of the configuration under durable numbers: blocks carry the number, the dispatcher turns it into carriers, ingest
 * picks it by the longest prefix. Main thread.
 */
import type { Config, RouteConfig } from '../config/schema.js'
import type { SmppCarrierConfig } from '../config/smpp-carrier.js'
import type { RoutePlan } from '../contract/ingest.js'
import type { RouteDispatch } from '../contract/thread.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
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

/** Without routes, all SMS goes to all carriers in their order. */
function configuredRoutes(config: Config): RouteConfig[] {
  if (config.routes.length > 0 || config.carriers.length === 0) return config.routes
  return [{ channel: 'sms', prefix: '', carriers: config.carriers.map((carrier) => carrier.id) }]
}

export class RouteBook {
  readonly #known: KnownRoute[]
  /** Routes that only old blocks know: nothing carries them until they are configured again. */
  readonly #gone: number[]
  readonly #carriers: ReadonlyMap<string, SmppCarrierConfig>
  readonly #names = new Map<number, string>()
  readonly #plans = new Map<string, RoutePlan[]>()

  private constructor(known: KnownRoute[], all: Map<string, number>, config: Config) {
    this.#known = known
    this.#gone = [...all.values()].filter((number) => !known.some((route) => route.number === number))
    this.#carriers = new Map(config.carriers.map((carrier) => [carrier.id, carrier]))
    for (const [key, number] of all) this.#names.set(number, key)
  }

  /** Gives new routes their numbers, durably. */
  static async open(
    config: Config,
    documents: Documents,
    takeNumber: () => { value: number; write: DocumentWrite },
  ): Promise<RouteBook> {
    const numbers = new Map(
      documents.list<{ number: number }>('routes').map(({ key, value }) => [String(key[0]), value.number]),
    )
    const writes: DocumentWrite[] = []
    const known = configuredRoutes(config).map((route) => {
      const key = routeKey(route)
      let number = numbers.get(key)
      if (number === undefined) {
        const taken = takeNumber()
        number = taken.value
        numbers.set(key, number)
        writes.push({ collection: 'routes', key: [key], value: { number } }, taken.write)
      }
      return { number, config: route }
    })
    if (writes.length > 0) await documents.write(writes)
    return new RouteBook(known, numbers, config)
  }

  dispatch(): RouteDispatch[] {
    const known = this.#known.map(({ number, config }) => ({ route: number, carriers: config.carriers }))
    return [...known, ...this.#gone.map((route) => ({ route, carriers: [] }))]
  }

  /** For metrics and reports. */
  name(route: number): string {
    return this.#names.get(route) ?? String(route)
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
    const carriers = config.carriers.map((id) => this.#carriers.get(id)).filter((carrier) => carrier !== undefined)
    return {
      route: number,
      channel: config.channel,
      prefix: config.prefix,
      carrier: config.carriers[0]!,
      ...textPlan(carriers),
    }
  }
}
