/** The text of a receipt as SMPP 3.4 Appendix B prints it, and its message_state (§5.2.28). Reused per receipt. */
import { systemClock } from '../../engine/contract/clock.js'
import type { ReceiptStore } from './receipt-store.js'
import type { ReceiptText } from './smsc-session.js'

const DELIVERED = 2
const UNDELIVERABLE = 5
const MINUTE_MS = 60_000

export class ReceiptWriter implements ReceiptText {
  id = ''
  text = ''
  state = DELIVERED
  #store: ReceiptStore
  #minute = -1
  #minuteText = ''

  constructor(store: ReceiptStore) {
    this.#store = store
  }

  write(record: number): this {
    const failed = this.#store.failed(record)
    this.id = String(this.#store.id(record))
    this.state = failed ? UNDELIVERABLE : DELIVERED
    const submitted = this.#date(this.#store.submittedAt(record))
    const done = this.#date(systemClock.now())
    const result = failed ? 'dlvrd:000' : 'dlvrd:001'
    const end = failed ? 'stat:UNDELIV err:001' : 'stat:DELIVRD err:000'
    this.text = `id:${this.id} sub:001 ${result} submit date:${submitted} done date:${done} ${end} text:`
    return this
  }

  writeAddress(record: number, which: 'source' | 'destination', to: Buffer, at: number): number {
    return this.#store.writeAddress(record, which, to, at)
  }

  /** YYMMDDhhmm in UTC. */
  #date(epochMs: number): string {
    const minute = Math.floor(epochMs / MINUTE_MS)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#minuteText = new Date(epochMs).toISOString().replace(/[-:T]/g, '').slice(2, 12)
    }
    return this.#minuteText
  }
}
