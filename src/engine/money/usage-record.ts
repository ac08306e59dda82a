/** Usage of one account, day, country and channel as stored: sums that only the main thread changes. */
import { addBuckets } from '../base/log-histogram.js'
import type { ChannelName } from '../contract/message.js'
import { openRecord, sealRecord } from '../store/sealed-record.js'

/** States that usage counts apart, in their stored order. */
export const COUNTED = ['sent', 'delivered', 'undelivered', 'failed', 'expired', 'canceled', 'unknown'] as const
export type CountedState = (typeof COUNTED)[number]

/** What became of messages. */
export interface Outcomes {
  partsSent: number
  /** Millionths. */
  cost: number
  /** Messages by place in COUNTED. */
  states: number[]
  /** Times to the final receipt, see base/log-histogram.ts. */
  delays: number[]
}

export interface UsageRecord extends Outcomes {
  rows: number
  parts: number
  /** Millionths. */
  price: number
}

export type UsageKey = [account: number, day: number, country: string, channel: ChannelName]

export function noOutcomes(): Outcomes {
  return { partsSent: 0, cost: 0, states: COUNTED.map(() => 0), delays: [] }
}

export function noUsage(): UsageRecord {
  return { rows: 0, parts: 0, price: 0, ...noOutcomes() }
}

export function addOutcomes(sum: Outcomes, added: Outcomes, sign: 1 | -1): void {
  sum.partsSent += sign * added.partsSent
  sum.cost += sign * added.cost
  for (let state = 0; state < COUNTED.length; state++) sum.states[state]! += sign * (added.states[state] ?? 0)
  if (added.delays.length > 0) sum.delays = addBuckets(sum.delays, added.delays, sign)
}

export function addUsage(sum: UsageRecord, added: UsageRecord): void {
  sum.rows += added.rows
  sum.parts += added.parts
  sum.price += added.price
  addOutcomes(sum, added, 1)
}

type Packed = [rows: number, parts: number, price: number, ...PackedOutcomes]
export type PackedOutcomes = [partsSent: number, cost: number, states: number[], delays: number[]]

export function packOutcomes({ partsSent, cost, states, delays }: Outcomes): PackedOutcomes {
  return [partsSent, cost, states, delays]
}

export function unpackOutcomes([partsSent, cost, states, delays]: PackedOutcomes): Outcomes {
  return { partsSent, cost, states, delays }
}

export function sealUsage(record: UsageRecord): Buffer {
  const { rows, parts, price } = record
  return sealRecord([rows, parts, price, ...packOutcomes(record)] satisfies Packed)
}

/** @throws EngineError STORE_CORRUPT. */
export function openUsage(bytes: Buffer): UsageRecord {
  const [rows, parts, price, ...outcomes] = openRecord<Packed>(bytes, 'usage')
  return { rows, parts, price, ...unpackOutcomes(outcomes) }
}
