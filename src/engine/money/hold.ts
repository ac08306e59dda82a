/**
 * What a job holds of its account's money: all that its messages cost, from when it is accepted until each of them is
 * settled. What was never claimed (a cancelled job, a damaged block) is given back when the job is over.
 */
import type { ChannelName } from '../contract/message.js'
import { openRecord, sealRecord } from '../store/sealed-record.js'
import type { Demand } from './demand.js'

export interface HoldGroup {
  country: string
  channel: ChannelName
  /** Accepted messages, and those of them in blocks that were folded. */
  rows: number
  seen: number
}

export interface Hold {
  account: number
  job: number
  /** On which it was accepted. */
  day: number
  /** Millionths: of all messages, of those in blocks that were folded, and of those that are settled. */
  amount: number
  seen: number
  settled: number
  groups: HoldGroup[]
  /** The job is over: nothing more of it is claimed. */
  closed: boolean
}

export function holdOf(demand: Demand, of: { account: number; job: number; day: number }): Hold {
  const groups = demand.groups.map(({ country, channel, rows }) => ({ country, channel, rows, seen: 0 }))
  return { ...of, amount: demand.micros, seen: 0, settled: 0, groups, closed: false }
}

export function sealHold(hold: Hold): Buffer {
  return sealRecord(hold)
}

/** @throws EngineError STORE_CORRUPT. */
export function openHold(bytes: Buffer): Hold {
  return openRecord<Hold>(bytes, "a job's reservation")
}
