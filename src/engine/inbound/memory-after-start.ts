/**
 * After a start: what is in the list tells which parts are late and what a carrier repeats. Read from the newest item back
 * to where nothing can follow any more. Main thread.
 */
import { limits } from '../contract/limits.js'
import type { InboundItem, InboundStore, NumberedItem } from '../store/inbound-store.js'
import type { Listed, Reassembler } from './reassembler.js'
import type { RecentMessages } from './recent-messages.js'

const PAGE = 500

export interface Memories {
  recent: RecentMessages
  reassembler: Reassembler
}

/** `partsSinceMs`: parts of messages that were listed before it come no more. */
export function rememberListed(store: InboundStore, partsSinceMs: number, memories: Memories): void {
  const byNumber = new Map<number, Listed>()
  for (const { number, item } of newestBackTo(store, partsSinceMs - limits.inboundDoubtMs).reverse()) {
    if (item === null) continue
    if (item.key === '') for (const arrival of item.arrivals) memories.recent.remember(arrival)
    else rememberParts(number, item, { byNumber, reassembler: memories.reassembler })
  }
}

function newestBackTo(store: InboundStore, sinceMs: number): NumberedItem[] {
  const found: NumberedItem[] = []
  while (found.length < limits.inboundRemembered) {
    const items = store.newest(found.at(-1)?.number ?? Number.MAX_SAFE_INTEGER, PAGE)
    found.push(...items)
    const last = items.at(-1)?.item
    if (items.length < PAGE || (last != null && last.receivedAtMs < sinceMs)) break
  }
  return found
}

interface Known {
  byNumber: Map<number, Listed>
  reassembler: Reassembler
}

/** A late part is remembered with the message that it belongs to. */
function rememberParts(number: number, item: InboundItem, { byNumber, reassembler }: Known): void {
  const arrivals = new Map(item.arrivals.map((arrival) => [arrival.part, arrival]))
  const whole = byNumber.get(item.lateFor)
  if (whole !== undefined) {
    for (const [part, arrival] of arrivals) reassembler.cameLate(whole, part, arrival)
    return
  }
  const listed = { item: number, key: item.key, total: item.total, arrivals, listedAtMs: item.receivedAtMs }
  byNumber.set(number, listed)
  reassembler.listed(listed)
}
