/** The list of subscribers' messages, newest first: of one account by its index, or all of it. Main thread. */
import type { Page, PageQuery } from '../contract/api.js'
import { inboundId, parseInboundId } from '../contract/ids.js'
import type { InboundView } from '../contract/inbound.js'
import { wordsOf } from '../opt-out/keyword-finder.js'
import type { InboundItem, InboundStore, NumberedItem } from '../store/inbound-store.js'
import { inboundView, type Viewer } from './inbound-view.js'

/** Items that one page looks through where filters leave few; the cursor goes on behind them. */
const LOOKED_AT_MAX = 4_000
const BATCH = 100
/** An item's time may lie so much before that of an older one: clocks step, and the store is read late after a start. */
const OUT_OF_ORDER_MS = 600_000

export interface InboundQuery extends PageQuery {
  /** With or without '+'. */
  from?: string
  to?: string
  carrier?: string
  /** Epoch milliseconds. */
  sinceMs?: number
  untilMs?: number
  keyword?: string
  /** Account number: only what was routed to it. */
  account?: number
}

export function listInbound(store: InboundStore, query: InboundQuery, viewer: Viewer): Page<InboundView> {
  const items: InboundView[] = []
  const sinceMs = query.sinceMs ?? Number.NEGATIVE_INFINITY
  const fits = filterOf(query)
  let before = query.cursor === undefined ? Number.MAX_SAFE_INTEGER : (parseInboundId(query.cursor) ?? 0)
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; lookedAt += BATCH) {
    const batch = below(store, before, query.account)
    for (const { number, item } of batch) {
      before = number
      if (item === null) continue
      if (item.receivedAtMs < sinceMs - OUT_OF_ORDER_MS) return { items, nextCursor: null }
      if (!fits(item)) continue
      items.push(inboundView(number, item, viewer))
      if (items.length === query.limit) return { items, nextCursor: inboundId(number) }
    }
    if (batch.length < BATCH) return { items, nextCursor: null }
  }
  return { items, nextCursor: inboundId(before) }
}

function below(store: InboundStore, before: number, account: number | undefined): NumberedItem[] {
  return account === undefined ? store.newest(before, BATCH) : store.newestOf(account, before, BATCH)
}

function filterOf(query: InboundQuery): (item: InboundItem) => boolean {
  const { carrier, sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY } = query
  const from = query.from === undefined ? null : bareNumber(query.from)
  const to = query.to === undefined ? null : bareNumber(query.to)
  const keyword = query.keyword === undefined ? null : (wordsOf(query.keyword)[0] ?? '')
  return (item) => {
    if (item.receivedAtMs < sinceMs || item.receivedAtMs >= untilMs) return false
    if (carrier !== undefined && item.carrier !== carrier) return false
    if (from !== null && bareNumber(item.from) !== from) return false
    if (to !== null && bareNumber(item.to) !== to) return false
    return keyword === null || wordsOf(item.text ?? '')[0] === keyword
  }
}

function bareNumber(address: string): string {
  return address.startsWith('+') ? address.slice(1) : address
}
