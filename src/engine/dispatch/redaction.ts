/**
 * Messages whose recipient, or all of them, was taken out of the store by the main thread: here what memory and history still
 * tell of them goes as well. Receipts that come later find their message and say what became of it, no more. Dispatcher thread.
 */
import { looseFit } from '../base/loose-number.js'
import { EngineError } from '../contract/errors.js'
import { blockOf, type MessageRef, placeOf } from '../contract/message.js'
import type { RedactTask } from '../contract/thread.js'
import type { BlockState } from '../store/block-state.js'
import type { Ledger } from './ledger.js'
import type { Receipts } from './receipts.js'

export class Redaction {
  readonly #ledger: Ledger
  readonly #receipts: Receipts
  readonly #wake: () => void

  constructor(ledger: Ledger, receipts: Receipts, wake: () => void) {
    this.#ledger = ledger
    this.#receipts = receipts
    this.#wake = wake
  }

  /** Calls `done` when what the commit holds is durable; states follow with the next snapshot. */
  redact({ refs, dropped, recipient, account }: RedactTask, done: () => void): void {
    const { residents, store, talks } = this.#ledger
    store.environment.root.resetReadTxn()
    for (const block of new Set(refs.map((ref) => blockOf(ref as MessageRef)))) residents.bodyChanged(block)
    for (const block of dropped) residents.drop(block)
    const gone = new Set(dropped)
    for (const ref of refs as MessageRef[]) {
      if (!gone.has(blockOf(ref))) this.#state(blockOf(ref))?.redact(placeOf(ref))
    }
    if (refs.length > 0) this.#receipts.forgetNumbers(new Set(refs))
    if (recipient !== 0) {
      talks.forget((number, of) => (account === null || of === account) && looseFit(number, recipient) === 2)
    }
    this.#ledger.whenDurable(done)
    this.#wake()
  }

  /** null: there is none, or it is damaged, and names nobody then. */
  #state(block: number): BlockState | null {
    try {
      return this.#ledger.residents.state(block)
    } catch (error) {
      if (error instanceof EngineError && error.code === 'STORE_CORRUPT') return null
      throw error
    }
  }
}
