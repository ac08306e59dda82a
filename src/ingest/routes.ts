/** Longest-prefix lookup of routes over the digits of a number: a trie in one typed array. Once per row. */
import type { RoutePlan } from '../engine/contract/ingest.js'
import type { ChannelName } from '../engine/contract/message.js'

const FANOUT = 10
const ZERO = 0x30

class PrefixTable {
  /** Child node by digit, 0 = none; node 0 is the root. */
  #children = new Uint32Array(FANOUT)
  readonly #plans: (RoutePlan | null)[] = [null]

  add(plan: RoutePlan): void {
    let node = 0
    for (const digit of plan.prefix) {
      const slot = node * FANOUT + digit.charCodeAt(0) - ZERO
      if (this.#children[slot] === 0) this.#grow(slot)
      node = this.#children[slot]!
    }
    // The first of two equal prefixes wins, as in the configuration.
    this.#plans[node] ??= plan
  }

  #grow(parentSlot: number): void {
    const node = this.#plans.push(null) - 1
    const grown = new Uint32Array(this.#plans.length * FANOUT)
    grown.set(this.#children)
    grown[parentSlot] = node
    this.#children = grown
  }

  find(digits: string): RoutePlan | null {
    let best = this.#plans[0]!
    let node = 0
    for (let at = 0; at < digits.length; at++) {
      node = this.#children[node * FANOUT + digits.charCodeAt(at) - ZERO]!
      if (node === 0) return best
      best = this.#plans[node] ?? best
    }
    return best
  }
}

export class RouteTable {
  readonly #tables = new Map<ChannelName, PrefixTable>()

  constructor(routes: readonly RoutePlan[]) {
    for (const plan of routes) {
      const table = this.#tables.get(plan.channel) ?? new PrefixTable()
      this.#tables.set(plan.channel, table)
      table.add(plan)
    }
  }

  /** null: NO_ROUTE. */
  find(channel: ChannelName, digits: string): RoutePlan | null {
    return this.#tables.get(channel)?.find(digits) ?? null
  }
}
