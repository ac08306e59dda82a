/** A page of messages while it is put together. Main thread. */
import type { MessageView } from '../contract/api.js'
import { messageId } from '../contract/ids.js'
import type { MessageRef } from '../contract/message.js'
import type { MessagePage } from '../contract/message-page.js'

export class PageDraft {
  readonly #limit: number
  readonly #items: MessageView[] = []
  readonly #damaged = new Set<string>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get isFull(): boolean {
    return this.#items.length === this.#limit
  }

  add(item: MessageView): void {
    this.#items.push(item)
  }

  /** It would stand here, and cannot be read. */
  lack(id: string): void {
    this.#damaged.add(id)
  }

  /** `next`: the message behind which the next page begins; null: there is none. */
  end(next: MessageRef | null): MessagePage {
    const page = { items: this.#items, nextCursor: next === null ? null : messageId(next) }
    return this.#damaged.size === 0 ? page : { ...page, damaged: [...this.#damaged] }
  }
}
