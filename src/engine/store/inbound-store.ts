/**
 * Subscribers' messages in the queue's environment, seen from the main thread: those that the dispatcher kept and nobody
 * has read yet (`inbound`), and the list of whole ones (`inboundList`). A message enters the list in the transaction that
 * takes its parts out of the other table, so a kill at any moment leaves it in exactly one of them.
 */
import type { InboundEncoding, InboundReason } from '../contract/inbound.js'
import type { Environment } from './environment.js'
import { type InboundRecord, openInbound, openRecord, sealRecord } from './inbound-record.js'
import { storeFailed } from './lmdb-store.js'

/** How a part came; see engine/inbound/arrival.ts. */
export interface ListedArrival {
  part: number
  print: string
  run: number
  bind: number
  connection: number
  atMs: number
}

/** A message of the list. */
export interface InboundItem {
  carrier: string
  bind: number
  from: string
  to: string
  source: { ton: number; npi: number; address: string }
  destination: { ton: number; npi: number; address: string }
  text: string | null
  encoding: InboundEncoding
  dataCoding: number
  messageClass: number | null
  data: Uint8Array | null
  ports: { source: number | null; destination: number | null } | null
  total: number
  missing: number[]
  /** Number in the list of the message that this part came too late for; 0: none. */
  lateFor: number
  firstAtMs: number
  receivedAtMs: number
  account: number | null
  reason: InboundReason
  /** What its parts were joined by; '' for a message of one part. */
  key: string
  arrivals: ListedArrival[]
}

export interface NumberedItem {
  number: number
  /** null: damaged. */
  item: InboundItem | null
}

export class InboundStore {
  readonly #environment: Environment
  #last = 0

  constructor(environment: Environment) {
    this.#environment = environment
    for (const key of environment.inboundList.getKeys({ reverse: true, limit: 1 })) this.#last = key as number
  }

  /** A fresh number of the list; numbers rise in the order of listing. */
  take(): number {
    return ++this.#last
  }

  /** Kept and not listed, behind number `after`, in order. `record` null: damaged. */
  kept(after: number, limit: number): { number: number; record: InboundRecord | null }[] {
    // What the dispatcher committed since the last look is not in a snapshot that is still held.
    this.#environment.root.resetReadTxn()
    return [...this.#environment.inbound.getRange({ start: after + 1, limit })].map(({ key, value }) => ({
      number: key as number,
      record: openInbound(value),
    }))
  }

  /** One that is kept; null: damaged or gone. */
  keptOne(number: number): InboundRecord | null {
    const bytes = this.#environment.inbound.getBinary(number)
    return bytes === undefined ? null : openInbound(bytes)
  }

  /** One transaction, durable when it resolves. @throws EngineError STORE_FAILED. */
  async list(items: { number: number; item: InboundItem }[], done: number[]): Promise<void> {
    const { inbound, inboundList } = this.#environment
    const sealed = items.map(({ number, item }) => ({ number, bytes: sealRecord(item) }))
    await this.#batch(() => {
      for (const { number, bytes } of sealed) inboundList.put(number, bytes)
      for (const number of done) inbound.remove(number)
    })
  }

  /** Items below `before`, from the newest. */
  newest(before: number, limit: number): NumberedItem[] {
    const range = { start: before - 1, end: 0, reverse: true, limit }
    return [...this.#environment.inboundList.getRange(range)].map(numbered)
  }

  /**
   * Forgets what was received before `beforeMs`, at most `limit` items from the oldest; gives how many. The newest item stays, because the next
   * number comes from it. A damaged one goes with its neighbours. @throws EngineError STORE_FAILED.
   */
  async forget(beforeMs: number, limit: number): Promise<number> {
    const { inboundList } = this.#environment
    const old: number[] = []
    for (const each of inboundList.getRange({ limit })) {
      const { number, item } = numbered(each)
      if (number === this.#last || (item !== null && item.receivedAtMs >= beforeMs)) break
      old.push(number)
    }
    if (old.length === 0) return 0
    await this.#batch(() => {
      for (const number of old) inboundList.remove(number)
    })
    return old.length
  }

  async #batch(work: () => void): Promise<void> {
    try {
      await this.#environment.root.batch(() => {
        work()
      })
    } catch (error) {
      throw storeFailed(error)
    }
  }
}

function numbered({ key, value }: { key: number; value: Buffer }): NumberedItem {
  const item = openRecord<InboundItem>(value)
  return { number: key, item }
}
