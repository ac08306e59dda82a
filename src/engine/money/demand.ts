/** What a call or a job asks for: messages, parts and money, split as quotas and usage count them. Main thread. */
import type { ChannelName } from '../contract/message.js'
import type { Tally } from '../contract/store.js'

/** Messages that usage counts together. */
export interface DemandGroup {
  country: string
  channel: ChannelName
  rows: number
  parts: number
  micros: number
}

export class Demand {
  messages = 0
  parts = 0
  /** Millionths of the account's currency. */
  micros = 0
  readonly groups: DemandGroup[] = []
  /** Messages by prefix of a quota. */
  readonly prefixes = new Map<string, number>()

  add(country: string, channel: ChannelName, of: { rows: number; parts: number; partPrice: number | null }): void {
    const { rows, parts } = of
    const micros = parts * (of.partPrice ?? 0)
    this.messages += rows
    this.parts += parts
    this.micros += micros
    const group = this.#group(country, channel)
    group.rows += rows
    group.parts += parts
    group.micros += micros
  }

  countPrefix(prefix: string, rows: number): void {
    if (prefix !== '') this.prefixes.set(prefix, (this.prefixes.get(prefix) ?? 0) + rows)
  }

  #group(country: string, channel: ChannelName): DemandGroup {
    const { groups } = this
    for (let index = groups.length - 1; index >= 0; index--) {
      const group = groups[index]!
      if (group.country === country && group.channel === channel) return group
    }
    const group = { country, channel, rows: 0, parts: 0, micros: 0 }
    groups.push(group)
    return group
  }

  static of(tally: Tally): Demand {
    const demand = new Demand()
    for (const kind of tally.kinds) {
      demand.add(kind.country, kind.channel, kind)
      demand.countPrefix(kind.quotaPrefix ?? '', kind.rows)
    }
    return demand
  }
}
