/** Calls in the history of a message, for the API, webhooks and reports. Pure. */
import { type CallFacts, readCallFacts } from '../base/call-facts.js'
import type { CallView } from '../contract/call-view.js'
import type { HistoryItem } from '../store/decoded-state.js'

export function callView({ heardPercent, ringSeconds, talkSeconds, digits, gateway, words }: CallFacts): CallView {
  const said = { gateway: gateway === '' ? null : gateway, words: words === '' ? null : words }
  return { heardPercent, ringSeconds, talkSeconds, digits, ...said }
}

/** The last call of a message; null: none was made. */
export function lastCall(items: readonly HistoryItem[]): { item: HistoryItem; facts: CallFacts } | null {
  for (let n = items.length - 1; n >= 0; n--) {
    const item = items[n]!
    const facts = readCallFacts(item.error)
    if (facts !== null) return { item, facts }
  }
  return null
}
