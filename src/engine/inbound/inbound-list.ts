/** The list of subscribers' messages as the API shows it, newest first. Main thread. */
import type { Page, PageQuery } from '../contract/api.js'
import { inboundId, parseInboundId } from '../contract/ids.js'
import type { InboundView } from '../contract/inbound.js'
import type { InboundItem, InboundStore } from '../store/inbound-store.js'

/** Items that one page looks through where filters leave few; the cursor goes on behind them. */
const LOOKED_AT_MAX = 4_000
const BATCH = 100
/** An item's time may lie so much before that of an older one: clocks step, and the store is read late after a start. */
const OUT_OF_ORDER_MS = 600_000

export interface InboundFilter {
  /** With or without '+'. */
  from?: string
  to?: string
  carrier?: string
  /** Epoch milliseconds. */
  sinceMs?: number
}

export function listInbound(store: InboundStore, query: PageQuery & InboundFilter): Page<InboundView> {
  const items: InboundView[] = []
  let before = query.cursor === undefined ? Number.MAX_SAFE_INTEGER : (parseInboundId(query.cursor) ?? 0)
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; lookedAt += BATCH) {
    const batch = store.newest(before, BATCH)
    for (const { number, item } of batch) {
      before = number
      if (item === null) continue
      if (query.sinceMs !== undefined && item.receivedAtMs < query.sinceMs - OUT_OF_ORDER_MS)
        return { items, nextCursor: null }
      if (!fits(item, query)) continue
      items.push(inboundView(number, item))
      if (items.length === query.limit) return { items, nextCursor: inboundId(number) }
    }
    if (batch.length < BATCH) return { items, nextCursor: null }
  }
  return { items, nextCursor: inboundId(before) }
}

function fits(item: InboundItem, { from, to, carrier, sinceMs }: InboundFilter): boolean {
  if (carrier !== undefined && item.carrier !== carrier) return false
  if (from !== undefined && bareNumber(item.from) !== bareNumber(from)) return false
  if (to !== undefined && bareNumber(item.to) !== bareNumber(to)) return false
  return sinceMs === undefined || item.receivedAtMs >= sinceMs
}

function bareNumber(address: string): string {
  return address.startsWith('+') ? address.slice(1) : address
}

export function inboundView(number: number, item: InboundItem): InboundView {
  const { from, to, text, encoding, dataCoding, messageClass, data, ports, total, missing } = item
  return {
    id: inboundId(number),
    from,
    to,
    text,
    encoding,
    dataCoding,
    messageClass,
    data: data === null ? null : Buffer.from(data).toString('hex'),
    ports,
    parts: total,
    complete: missing.length === 0,
    missing,
    lateFor: item.lateFor === 0 ? null : inboundId(item.lateFor),
    carrier: item.carrier,
    bind: item.bind,
    receivedAt: new Date(item.receivedAtMs).toISOString(),
    firstPartAt: new Date(item.firstAtMs).toISOString(),
    account: null,
    reason: item.reason,
    source: item.source,
    destination: item.destination,
  }
}
