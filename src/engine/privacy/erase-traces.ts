/**
 * What of a number or address stands elsewhere in the queue's environment: messages of the subscriber, answers to STOP,
 * receipts that matched nothing, automatic events, kept answers of requests, and the words beside a suppression. Main thread.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Database, Key } from 'lmdb'
import { EVERY_ACCOUNT } from '../base/number-filter.js'
import { numberTail } from '../base/number-tail.js'
import type { ErasedCounts } from '../contract/erasures.js'
import type { EventRecord } from '../events/event-record.js'
import { EventStore } from '../events/event-store.js'
import type { Environment } from '../store/environment.js'
import { openRecord, sealRecord } from '../store/inbound-record.js'
import type { InboundItem } from '../store/inbound-store.js'
import { storeFailed } from '../store/lmdb-store.js'
import { unpacked } from '../store/packed-document.js'
import { openReasons, type SuppressionReason, sealReasons } from '../store/suppression-table.js'
import { unlessDamaged } from './damage.js'
import { masked } from './mask-text.js'
import { isWrittenBy, keyOfSubject, type Subject } from './subject.js'

const RECORDS_PER_TURN = 512
/** Within the record of a receipt that matched nothing, see store/orphans.ts. */
const ORPHAN_TAILS_AT = [10, 14]
const ORPHAN_HEAD_BYTES = 23
const IDEMPOTENCY = 'idempotency:'

export type ErasedTraces = Pick<ErasedCounts, 'inbound' | 'events' | 'replies' | 'receipts' | 'answers'>

export class TraceErasure {
  readonly #environment: Environment

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /**
   * Suppressions that stay, without the words of the subscriber; `add` is told of the rest as it is erased. Durable when it
   * resolves, and idempotent. @throws EngineError STORE_FAILED.
   */
  async erase(subject: Subject, add: (erased: Partial<ErasedTraces>) => Promise<void>): Promise<number> {
    await add({ inbound: await this.#inbound(subject) })
    await add({ events: await this.#events(subject) })
    await add({ replies: await this.#replies(subject) })
    await add({ receipts: await this.#receipts(subject) })
    await add({ answers: await this.#answers(subject) })
    return await this.#suppressions(subject)
  }

  /** The item keeps its number, its time and whom it was routed to. */
  async #inbound(subject: Subject): Promise<number> {
    const { inboundList } = this.#environment
    return await this.#each(inboundList, {}, (key, value) => {
      const item = openRecord<InboundItem>(value)
      if (item === null || (subject.account !== null && item.account !== subject.account)) return 0
      const { address, ton } = item.source
      if (!isWrittenBy(subject, item.from) && !isWrittenBy(subject, address, ton)) return 0
      inboundList.put(key as number, sealRecord(withoutWriter(item)))
      return 1
    })
  }

  /** With its data; what of it was to be sent is canceled by now. */
  async #events(subject: Subject): Promise<number> {
    const { ruleEvents } = this.#environment
    const store = new EventStore(this.#environment)
    return await this.#each(ruleEvents, rangeOf(subject), (key, value) => {
      const record = unpacked<EventRecord>(value, `the event ${String(key)}`)
      if (!names(subject, record)) return 0
      for (const { table, key: at } of store.removal((key as [number, string])[0], record)) {
        ;(this.#environment[table] as Database<Buffer, Key>).remove(at)
      }
      return 1
    })
  }

  async #replies(subject: Subject): Promise<number> {
    const { optOutReplies } = this.#environment
    return await this.#each(optOutReplies, {}, (key) => {
      const [, account, number] = key as [number, number, number]
      if (number !== keyOfSubject(subject) || !isOf(subject, account)) return 0
      optOutReplies.remove(key as number[])
      return 1
    })
  }

  /** Of no account, so only for all of them: by the ends of the addresses. */
  async #receipts(subject: Subject): Promise<number> {
    if (subject.isEmail || subject.account !== null) return 0
    const { orphans } = this.#environment
    const tail = numberTail(Buffer.from(subject.stored), 0, subject.stored.length)
    return await this.#each(orphans, {}, (key, value) => {
      const isFull = value.length >= ORPHAN_HEAD_BYTES && (value[2]! & 0x80) !== 0
      if (!isFull || tail === 0 || !ORPHAN_TAILS_AT.some((at) => value.readUInt32LE(at) === tail)) return 0
      orphans.remove(key as number)
      return 1
    })
  }

  /** What a repeated request is answered: the same, with the number blotted out. */
  async #answers(subject: Subject): Promise<number> {
    const { meta } = this.#environment
    const account = subject.account === null ? '' : `${subject.account}:`
    const range = { start: `${IDEMPOTENCY}${account}`, end: `${IDEMPOTENCY}${account}\uffff` }
    return await this.#each(meta, range, (key, value) => {
      const text = value.toString()
      const without = masked(text, subject)
      if (without === text) return 0
      meta.put(key as string, Buffer.from(without))
      return 1
    })
  }

  /** It must be known who may not be messaged; what they wrote, and where, is not needed for that. */
  async #suppressions(subject: Subject): Promise<number> {
    const { suppressions } = this.#environment
    const accounts = subject.account === null ? null : new Set([subject.account])
    let kept = 0
    await this.#each(suppressions, {}, (key, value) => {
      const [account, number] = key as [number, number]
      if (number !== keyOfSubject(subject)) return 0
      if (accounts !== null && !accounts.has(account)) return 0
      const reasons = openReasons(value)
      kept += reasons.filter((reason) => !subject.isEmail || reason.mail === subject.stored).length
      suppressions.put(key as number[], sealReasons(reasons.map(bare)))
      return 1
    })
    return kept
  }

  /** Sums what `change` gives; it puts and removes within a transaction. */
  async #each<K extends Key>(
    table: Database<Buffer, K>,
    range: { start?: Key; end?: Key },
    change: (key: Key, value: Buffer) => number,
  ): Promise<number> {
    let sum = 0
    for (let after: Key | null = null; ; ) {
      this.#environment.root.resetReadTxn()
      const behind: object = after === null ? {} : { start: after, exclusiveStart: true }
      const query: object = { ...range, ...behind, limit: RECORDS_PER_TURN }
      const some: { key: Key; value: Buffer }[] = [...table.getRange(query)].map(({ key, value }) => ({
        key,
        value: Buffer.from(value),
      }))
      if (some.length === 0) return sum
      await this.#batch(() => {
        for (const { key, value } of some) sum += unlessDamaged(() => change(key, value), 0)
      })
      after = some.at(-1)!.key
      await turn()
    }
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

function rangeOf({ account }: Subject): { start?: Key; end?: Key } {
  return account === null ? {} : { start: [account], end: [account + 1] }
}

function isOf({ account }: Subject, of: number): boolean {
  return account === null || account === of || of === EVERY_ACCOUNT
}

function withoutWriter(item: InboundItem): InboundItem {
  return {
    ...item,
    from: '',
    source: { ...item.source, address: '' },
    text: '',
    data: null,
    replied: null,
    key: '',
    arrivals: item.arrivals.map((arrival) => ({ ...arrival, print: '' })),
  }
}

function names(subject: Subject, { content, next, outcomes, earlier }: EventRecord): boolean {
  const addresses = [content.to, ...(next?.content == null ? [] : [next.content.to])]
  const written = addresses.flatMap(({ number, email }) => [number, email])
  const recipients = [...outcomes, ...earlier].map(({ recipient }) => recipient)
  return [...written, ...recipients].some((address) => address !== null && isWrittenBy(subject, address))
}

function bare({
  text: _text,
  address: _address,
  note: _note,
  inbound: _inbound,
  ...reason
}: SuppressionReason): SuppressionReason {
  return reason
}
