/** Says once of each stored block or message that a reader finds it damaged or gone: in the log, and as a metric. Main thread. */
import { messageId } from '../contract/ids.js'
import type { Log } from '../contract/log.js'
import { type MessageRef, messageRef } from '../contract/message.js'

/** Beyond them each is said as often as it is read. */
const KEPT_MAX = 10_000

export interface DamageCounter {
  counter(name: string, labels: { what: string }): { add(count: number): void }
}

export class DamagedMessages {
  readonly #log: Log
  readonly #metrics: DamageCounter
  readonly #said = new Set<string>()

  constructor(log: Log, metrics: DamageCounter) {
    this.#log = log
    this.#metrics = metrics
  }

  /** Gives the id by which answers name it: that of its first message. */
  block(block: number): string {
    const id = messageId(messageRef(block, 0))
    if (this.#isNew(`block ${id}`)) {
      this.#metrics.counter('trunkline_damaged_found_total', { what: 'block' }).add(1)
      this.#log.error({ block, message: id, code: 'STORE_CORRUPT' }, 'a block of messages is damaged or gone')
    }
    return id
  }

  /** One message of a block that is otherwise whole. */
  message(ref: MessageRef): string {
    const id = messageId(ref)
    if (this.#isNew(id)) {
      this.#metrics.counter('trunkline_damaged_found_total', { what: 'message' }).add(1)
      this.#log.error({ message: id, code: 'RECORD_CORRUPT' }, 'a stored message is damaged')
    }
    return id
  }

  #isNew(name: string): boolean {
    if (this.#said.has(name)) return false
    if (this.#said.size < KEPT_MAX) this.#said.add(name)
    return true
  }
}
