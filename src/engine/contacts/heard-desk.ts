/**
 * Carries STOP and START from the list of subscribers' messages into the opt-in of contacts, in the order of the list. How far
 * it is stands in a document; after a kill the last ones are read once more, which changes nothing. Main thread.
 */
import { Coalesced } from '../base/coalesced.js'
import type { Documents } from '../store/documents.js'
import type { InboundItem, InboundStore, NumberedItem } from '../store/inbound-store.js'
import type { Consent, ConsentDesk } from './consent-desk.js'

const COLLECTION = 'contacts-heard'
const KEY = [0]
const BATCH = 256
/** The cursor is written after so many messages that say nothing, and after each that does. */
const UNSAVED_MAX = 4_096

export interface HeardDeps {
  store: InboundStore
  documents: Documents
  consents: ConsentDesk
  /** E.164 of who wrote, as the account reads numbers; null: none. */
  writer(item: InboundItem, account: number): number | null
  isStopping(): boolean
  /** The process must stop. */
  fail(error: unknown): void
}

export class HeardDesk {
  readonly #deps: HeardDeps
  readonly #work = new Coalesced(() => this.#run())
  #cursor: number
  #saved: number

  constructor(deps: HeardDeps) {
    this.#deps = deps
    this.#cursor = deps.documents.get<{ number: number }>(COLLECTION, KEY)?.number ?? 0
    this.#saved = this.#cursor
  }

  /** More was listed. Cheap; never overlaps. */
  wake(): void {
    this.#work.run().catch((error) => {
      if (!this.#deps.isStopping()) this.#deps.fail(error)
    })
  }

  async stop(): Promise<void> {
    await this.#work.idle()
  }

  async #run(): Promise<void> {
    for (;;) {
      const items = this.#deps.store.listedAfter(this.#cursor, BATCH)
      for (const item of items) {
        if (this.#deps.isStopping()) return
        await this.#hear(item)
      }
      if (items.length < BATCH) return
    }
  }

  async #hear({ number, item }: NumberedItem): Promise<void> {
    const consent = item === null ? null : this.#consentOf(item)
    if (consent !== null) await this.#deps.consents.note(consent)
    this.#cursor = number
    if (consent === null && number - this.#saved < UNSAVED_MAX) return
    await this.#deps.documents.write([{ collection: COLLECTION, key: KEY, value: { number } }])
    this.#saved = number
  }

  /** null: it says nothing of the kind, or nobody knows to whom. */
  #consentOf(item: InboundItem): Consent | null {
    const keyword = item.optOut?.keyword
    if (keyword !== 'stop' && keyword !== 'start') return null
    const account = item.account ?? item.replied?.account ?? null
    const address = account === null ? null : this.#deps.writer(item, account)
    if (account === null || address === null) return null
    const said = {
      state: keyword === 'stop' ? ('out' as const) : ('in' as const),
      source: item.pressed === true ? 'VOICE' : keyword.toUpperCase(),
      text: (item.text ?? '').slice(0, 1_024),
      atMs: item.receivedAtMs,
      address: item.to,
    }
    return { account, address, channel: item.pressed === true ? 'voice' : 'sms', said }
  }
}
