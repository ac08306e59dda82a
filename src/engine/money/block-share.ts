/**
 * What one block comes to in money and usage, from its head and its stored state alone. Pure, so that the difference to
 * what was counted before is exact whatever happened in between. Some 20 µs a block.
 *
 * A message is settled when it waits no more: not queued, scheduled or sending, nor unknown. Then the parts that a carrier
 * accepted are charged and the others returned.
 */
import { bucketOf } from '../base/log-histogram.js'
import type { ChannelName } from '../contract/message.js'
import { STATE } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import type { BlockReader } from '../store/block.js'
import { openRecord, sealRecord } from '../store/sealed-record.js'
import type { StateView } from '../store/state-view.js'
import { noOutcomes, type Outcomes, type PackedOutcomes, packOutcomes, unpackOutcomes } from './usage-record.js'

export interface ShareGroup {
  country: string
  channel: ChannelName
  /** Messages without duplicates. */
  rows: number
  outcomes: Outcomes
}

export interface BlockShare {
  /** Day on which its messages were accepted. */
  day: number
  /** Millionths: of all its messages, and of those that are settled. */
  reserved: number
  charged: number
  returned: number
  groups: ShareGroup[]
}

/** State → place in COUNTED, -1: it waits, or is a duplicate. */
const COUNTED_AS = [-1, -1, -1, 0, 1, 2, 3, 4, 5, 6, -1]

export function emptyShare(day: number): BlockShare {
  return { day, reserved: 0, charged: 0, returned: 0, groups: [] }
}

/** null: the block has no kinds, so an earlier version accepted it and nothing of it was ever counted. */
export function blockShare(reader: BlockReader, state: StateView, day: number): BlockShare | null {
  const kinds = reader.kinds()
  if (kinds === null) return null
  const share = emptyShare(day)
  const groups = kinds.map(({ country, channel }) => groupOf(share, country, channel))
  const delays = receiptDelays(state)
  for (let place = 0; place < state.count; place++) {
    const now = state.state(place)
    if (now === STATE.duplicate) continue
    const kind = reader.kindOf(place)
    const group = groups[kind]!
    const price = kinds[kind]!.partPrice ?? 0
    const parts = state.parts(place)
    const sent = bitsIn(state.accepted(place))
    group.rows++
    group.outcomes.partsSent += sent
    share.reserved += parts * price
    const counted = COUNTED_AS[now] ?? -1
    if (counted < 0) continue
    group.outcomes.states[counted]!++
    if (now === STATE.unknown) continue
    share.charged += sent * price
    share.returned += (parts - sent) * price
    group.outcomes.cost += sent * price
  }
  for (const [place, ms] of delays) countDelay(groups[reader.kindOf(place)]!.outcomes, ms)
  return share
}

function groupOf(share: BlockShare, country: string, channel: ChannelName): ShareGroup {
  const known = share.groups.find((group) => group.country === country && group.channel === channel)
  if (known !== undefined) return known
  const group = { country, channel, rows: 0, outcomes: noOutcomes() }
  share.groups.push(group)
  return group
}

function bitsIn(word: number): number {
  let bits = 0
  for (let rest = word >>> 0; rest !== 0; rest &= rest - 1) bits++
  return bits
}

function isReceiptEnd(code: number): boolean {
  return (
    code === OUTCOME.delivered || code === OUTCOME.undelivered || code === OUTCOME.expired || code === OUTCOME.rejected
  )
}

const ENDED: ReadonlySet<number> = new Set([STATE.delivered, STATE.undelivered, STATE.expired, STATE.failed])

/** By place: from the last answer of the carrier to the last final receipt. */
function receiptDelays(state: StateView): Map<number, number> {
  const accepted = new Float64Array(state.count)
  const received = new Float64Array(state.count)
  state.eachTime((place, code, byReceipt, atMs) => {
    if (code === OUTCOME.accepted) accepted[place] = Math.max(accepted[place]!, atMs)
    else if (byReceipt && isReceiptEnd(code)) received[place] = Math.max(received[place]!, atMs)
  })
  const delays = new Map<number, number>()
  for (let place = 0; place < state.count; place++) {
    if (received[place] === 0 || accepted[place] === 0 || !ENDED.has(state.state(place))) continue
    delays.set(place, Math.max(0, received[place]! - accepted[place]!))
  }
  return delays
}

function countDelay({ delays }: Outcomes, ms: number): void {
  const bucket = bucketOf(ms)
  let at = 0
  while (at < delays.length && delays[at]! < bucket) at += 2
  if (delays[at] === bucket) delays[at + 1]!++
  else delays.splice(at, 0, bucket, 1)
}

type Packed = [number, number, number, number, [string, ChannelName, number, PackedOutcomes][]]

export function sealShare({ day, reserved, charged, returned, groups }: BlockShare): Buffer {
  const packed: Packed = [
    day,
    reserved,
    charged,
    returned,
    groups.map(({ country, channel, rows, outcomes }) => [country, channel, rows, packOutcomes(outcomes)]),
  ]
  return sealRecord(packed)
}

/** @throws EngineError STORE_CORRUPT. */
export function openShare(bytes: Buffer): BlockShare {
  const [day, reserved, charged, returned, groups] = openRecord<Packed>(bytes, 'a folded block')
  return {
    day,
    reserved,
    charged,
    returned,
    groups: groups.map(([country, channel, rows, outcomes]) => {
      return { country, channel, rows, outcomes: unpackOutcomes(outcomes) }
    }),
  }
}
