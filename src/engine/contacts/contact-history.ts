/**
 * Everything that went to a contact and came from it, newest first: two lists, of messages and of what subscribers wrote, read
 * page by page side by side. A cursor says how far either is. Main thread.
 */
import type { MessageView, Page, PageQuery, Principal } from '../contract/api.js'
import type { HistoryItem } from '../contract/contacts.js'
import type { InboundView } from '../contract/inbound.js'
import type { MessagePage } from '../contract/message-page.js'
import type { ContactHistory } from './contacts.js'

export interface HistoryDeps {
  /** To one of these addresses. */
  sent(principal: Principal, to: readonly string[], query: PageQuery): Promise<MessagePage>
  received(principal: Principal, from: string, query: PageQuery): Page<InboundView>
}

/** Pages that one answer looks through where few of them hold anything of the contact. */
const LOOKS_MAX = 16
const END = '-'

type ReadPage = (cursor: string | null) => Promise<{ items: HistoryItem[]; next: string | null }>

/** One of the two lists, as far as this answer has read it. */
class Strand {
  #items: HistoryItem[] = []
  #taken = 0
  /** Behind what was taken; null: from the beginning. */
  #cursor: string | null
  /** Behind what was read; null: that is all. */
  #next: string | null
  readonly #read: ReadPage
  isOver: boolean

  constructor(at: string, read: ReadPage) {
    this.isOver = at === END
    this.#cursor = at === '' || at === END ? null : at
    this.#next = this.#cursor
    this.#read = read
  }

  /** null: nothing is read of it at this moment; `isOver` says whether there is more. */
  get head(): HistoryItem | null {
    return this.#items[this.#taken] ?? null
  }

  async more(): Promise<void> {
    const { items, next } = await this.#read(this.#next)
    this.#items = items
    this.#taken = 0
    this.#next = next
    this.#settle()
  }

  take(): HistoryItem {
    const item = this.#items[this.#taken++]!
    this.#cursor = (item.message ?? item.inbound)!.id
    this.#settle()
    return item
  }

  #settle(): void {
    if (this.head !== null) return
    this.#cursor = this.#next
    this.isOver = this.#next === null
  }

  get cursor(): string {
    return this.isOver ? END : (this.#cursor ?? '')
  }
}

export function contactHistory(deps: HistoryDeps): ContactHistory {
  return async (principal, { number, email }, { limit, cursor }) => {
    const [sentAt = '', receivedAt = ''] = cursor?.split('.') ?? []
    const to = [number, email].filter((address) => address !== null)
    const page = (at: string | null): PageQuery => ({ limit, ...(at === null ? {} : { cursor: at }) })
    const damaged = new Set<string>()
    const sent = new Strand(sentAt, async (at) => {
      const { items, nextCursor, damaged: lacked = [] } = await deps.sent(principal, to, page(at))
      for (const id of lacked) damaged.add(id)
      return { items: items.map(sentItem), next: nextCursor }
    })
    const received = new Strand(number === null ? END : receivedAt, async (at) => {
      const { items, nextCursor } = deps.received(principal, number!, page(at))
      return { items: items.map(receivedItem), next: nextCursor }
    })
    const items = await merged(sent, received, limit)
    const isOver = sent.isOver && received.isOver
    const answer = { items, nextCursor: isOver ? null : `${sent.cursor}.${received.cursor}` }
    return damaged.size === 0 ? answer : { ...answer, damaged: [...damaged] }
  }
}

async function merged(sent: Strand, received: Strand, limit: number): Promise<HistoryItem[]> {
  const items: HistoryItem[] = []
  let looks = 0
  while (items.length < limit) {
    for (const strand of [sent, received]) {
      if (strand.head !== null || strand.isOver) continue
      // What is older than the unread part of one list may not be shown before it.
      if (looks++ === LOOKS_MAX) return items
      await strand.more()
    }
    const [a, b] = [sent.head, received.head]
    if (a === null && b === null) {
      if (sent.isOver && received.isOver) return items
      continue
    }
    if ((a === null && !sent.isOver) || (b === null && !received.isOver)) continue
    const isSent = b === null || (a !== null && Date.parse(a.at) >= Date.parse(b.at))
    items.push(isSent ? sent.take() : received.take())
  }
  return items
}

function sentItem(message: MessageView): HistoryItem {
  return { direction: 'sent', at: message.createdAt, message, inbound: null }
}

function receivedItem(inbound: InboundView): HistoryItem {
  return { direction: 'received', at: inbound.receivedAt, message: null, inbound }
}
