/** How many messages of its lane go before a message: counted when somebody asks, within bounds. Dispatcher thread. */
import { limits } from '../contract/limits.js'
import { blockOf, type MessageRef, placeOf, STATE } from '../contract/message.js'
import type { Lane } from '../schedule/lane.js'
import type { Ledger } from './ledger.js'

/** Blocks that are looked at one by one; those beyond are taken for full ones. */
const BLOCKS_COUNTED = 512

/** Messages of the lane that are neither sent nor authorised and go before `ref`. `dueSeconds`: of its block, where it is unclaimed. */
export function messagesBefore(ledger: Ledger, lane: Lane, ref: MessageRef, dueSeconds: number): number {
  const returned = lane.returned.indexOf(ref)
  if (returned >= 0) return returned
  for (const { bound } of lane.seats) if (bound.indexOf(ref) >= 0) return bound.indexOf(ref)
  let before = lane.returned.size
  const { current } = lane
  const block = blockOf(ref)
  if (current !== null) {
    const isHere = current.block === block
    before += queuedIn(ledger, current.block, { from: current.next, to: isHere ? placeOf(ref) : current.count })
    if (isHere) return before
  }
  for (const recovered of lane.recovered.slice(0, BLOCKS_COUNTED)) {
    if (recovered === block) return before + queuedIn(ledger, block, { from: 0, to: placeOf(ref) })
    before += queuedIn(ledger, recovered, { from: 0, to: limits.messagesPerBlock })
  }
  return before + placeOf(ref) + unclaimedBefore(ledger, lane, [dueSeconds, block])
}

function queuedIn(ledger: Ledger, block: number, places: { from: number; to: number }): number {
  const state = ledger.residents.state(block)
  // Nothing of it was ever sent.
  if (state === null) return Math.max(0, places.to - places.from)
  let queued = 0
  for (let place = places.from; place < Math.min(places.to, state.count); place++) {
    if (state.states[place] === STATE.queued) queued++
  }
  return queued
}

function unclaimedBefore(ledger: Ledger, lane: Lane, end: number[]): number {
  const { queue } = ledger.store.environment
  const range = { start: [lane.job.job, lane.route.number], end: [lane.job.job, lane.route.number, ...end] }
  let messages = 0
  let seen = 0
  let last: number[] | null = null
  for (const { key, value } of queue.getRange({ ...range, limit: BLOCKS_COUNTED })) {
    seen++
    last = key
    if (!ledger.claiming.has(key[3]!)) messages += value.readUInt16LE(0)
  }
  if (seen < BLOCKS_COUNTED || last === null) return messages
  const rest = queue.getKeysCount({ start: last, end: range.end })
  return messages + Math.max(0, rest - 1) * limits.messagesPerBlock
}
