/**
 * Subscribers' messages in the queue's environment, seen from the main thread: those that the dispatcher kept and nobody
 * has read yet (`inbound`), and the list of whole ones (`inboundList`), by account in `inboundOf`. A message enters the list in the
 * transaction that takes its parts out of the other table, so a kill at any moment leaves it in exactly one of them.
 */
import type { InboundEncoding, InboundReason } from '../contract/inbound.js'
import type { OptOutOutcome } from '../contract/opt-out.js'
import type { Environment } from './environment.js'
import { type InboundRecord, openInbound, openRecord, sealRecord, type TalkedTo } from './inbound-record.js'
import { storeFailed } from './lmdb-store.js'
import { FLOORS, floorOf } from './number-floor.js'

/** How a part came; see engine/inbound/arrival.ts. */
export interface ListedArrival {
  part: number
  print: string
  run: number
  bind: number
  connection: number
  atMs: number
}

/** The message that this one answers. */
export interface Replied extends TalkedTo {
  /** 0: it came one by one. */
  job: number
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
  /** Whom it was routed to. */
  account: number | null
  reason: InboundReason
  /** Absent in items of earlier versions. */
  replied?: Replied | null
  /** What its parts were joined by; '' for a message of one part. */
  key: string
  arrivals: ListedArrival[]
  /** It is the digit by which somebody opted out during a call. */
  pressed?: boolean
  /** Set where it is, or looks like, STOP, START or HELP. */
  optOut?: OptOutOutcome
}

export interface NewItem {
  number: number
  item: InboundItem
}

/** What else is to be written in the transaction that lists messages. */
export interface Alongside {
  /** Puts and removes in the queue's environment; called within the transaction. */
  put(): void
  /** The transaction is on disk. */
  durable?(): void
}

export interface NumberedItem {
  number: number
  /** null: damaged. */
  item: InboundItem | null
}

const ONE = Buffer.from([1])

export class InboundStore {
  readonly #environment: Environment
  #last = 0
  /** Messages of this account are listed and durable. */
  onListed: (account: number) => void = () => {}

  constructor(environment: Environment) {
    this.#environment = environment
    this.#last = floorOf(environment, FLOORS.inbound)
    for (const key of environment.inboundList.getKeys({ reverse: true, limit: 1 }))
      this.#last = Math.max(this.#last, key as number)
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
  async list(items: NewItem[], done: number[], alongside: Alongside[] = []): Promise<void> {
    const { inbound, inboundList, inboundOf } = this.#environment
    const sealed = items.map(({ number, item }) => ({ number, account: item.account, bytes: sealRecord(item) }))
    await this.#batch(() => {
      for (const { number, account, bytes } of sealed) {
        inboundList.put(number, bytes)
        if (account !== null) inboundOf.put([account, number], ONE)
      }
      for (const number of done) inbound.remove(number)
      for (const other of alongside) other.put()
    })
    for (const other of alongside) other.durable?.()
    for (const { account } of sealed) if (account !== null) this.onListed(account)
  }

  /** Numbers of the account's items from `from` on, in order. */
  numbersOf(account: number, from: number, limit: number): number[] {
    const range = { start: [account, from], end: [account, Number.POSITIVE_INFINITY], limit }
    return [...this.#environment.inboundOf.getKeys(range)].map((key) => key[1]!)
  }

  /** Number behind the last one given. */
  get nextNumber(): number {
    return this.#last + 1
  }

  /** null: there is none of this number, or it is damaged. */
  one(number: number): InboundItem | null {
    const bytes = this.#environment.inboundList.getBinary(number)
    return bytes === undefined ? null : openRecord<InboundItem>(bytes)
  }

  /** Items of the list behind a number, in order. */
  listedAfter(after: number, limit: number): NumberedItem[] {
    this.#environment.root.resetReadTxn()
    return [...this.#environment.inboundList.getRange({ start: after + 1, limit })].map(numbered)
  }

  /** Items of the account below `before`, from the newest; of one that was forgotten meanwhile `item` is null. */
  newestOf(account: number, before: number, limit: number): NumberedItem[] {
    const range = { start: [account, before - 1], end: [account, 0], reverse: true, limit }
    return [...this.#environment.inboundOf.getKeys(range)].map((key) => {
      const number = key[1]!
      return { number, item: this.one(number) }
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
    const { inboundList, inboundOf } = this.#environment
    const old: NumberedItem[] = []
    for (const each of inboundList.getRange({ limit })) {
      const { number, item } = numbered(each)
      if (number === this.#last || (item !== null && item.receivedAtMs >= beforeMs)) break
      old.push({ number, item })
    }
    if (old.length === 0) return 0
    await this.#batch(() => {
      for (const { number, item } of old) {
        inboundList.remove(number)
        if (item !== null && item.account !== null) inboundOf.remove([item.account, number])
      }
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
