/**
 * Where automatic events lie: in the environment of the queue, so that an event and its messages become durable together.
 * Nothing of them is kept in memory. Main thread.
 */
import type { RuleEventWrite } from '../contract/store.js'
import type { Environment } from '../store/environment.js'
import { packed, unpacked } from '../store/packed-document.js'
import type { EventRecord } from './event-record.js'

const NOTHING = Buffer.alloc(0)
const INFINITE = Number.POSITIVE_INFINITY

export interface EventName {
  account: number
  id: string
}

/** Where a list goes on: behind this event, which is the newest that the page before had left. */
export interface EventPlace {
  createdMs: number
  id: string
}

export class EventStore {
  readonly #environment: Environment

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /** null: there is none. */
  get(account: number, id: string): EventRecord | null {
    const bytes = this.#environment.ruleEvents.getBinary([account, id])
    return bytes === undefined ? null : unpacked<EventRecord>(bytes, `the event ${account}/${id}`)
  }

  /** The record in place of the one before, with all that finds it. */
  writes(account: number, record: EventRecord, before: EventRecord | null): RuleEventWrite[] {
    const { id, createdMs, endsSeconds } = record
    const writes: RuleEventWrite[] = [{ table: 'ruleEvents', key: [account, id], value: packed(record) }]
    if (before === null) writes.push({ table: 'ruleEventOrder', key: [account, createdMs, id], value: NOTHING })
    if (before !== null && before.endsSeconds !== endsSeconds) {
      writes.push({ table: 'ruleEventEnds', key: [before.endsSeconds, account, id], value: null })
    }
    if (before?.endsSeconds !== endsSeconds) {
      writes.push({ table: 'ruleEventEnds', key: [endsSeconds, account, id], value: NOTHING })
    }
    const isOpen = record.next !== null || record.chase.length > 0
    const wasOpen = before !== null && (before.next !== null || before.chase.length > 0)
    if (isOpen !== wasOpen) {
      writes.push({ table: 'ruleEventWork', key: [account, id], value: isOpen ? NOTHING : null })
    }
    return writes
  }

  /** Takes an event out for good. */
  removal(account: number, { id, createdMs, endsSeconds }: EventRecord): RuleEventWrite[] {
    return [
      { table: 'ruleEvents', key: [account, id], value: null },
      { table: 'ruleEventOrder', key: [account, createdMs, id], value: null },
      { table: 'ruleEventEnds', key: [endsSeconds, account, id], value: null },
      { table: 'ruleEventWork', key: [account, id], value: null },
    ]
  }

  /** From the newest; each is read when it is asked for. */
  *newest(account: number, behind: EventPlace | null): Iterable<EventRecord> {
    const start = behind === null ? [account, INFINITE] : [account, behind.createdMs, behind.id]
    const range = { start, end: [account], reverse: true, exclusiveStart: behind !== null, snapshot: false }
    for (const key of this.#environment.ruleEventOrder.getKeys(range as object)) {
      const record = this.get(account, key[2] as string)
      if (record !== null) yield record
    }
  }

  /** Events whose change is not complete, at most so many. */
  unfinished(limit: number, after: EventName | null): EventName[] {
    const start = after === null ? [] : { start: [after.account, after.id], exclusiveStart: true }
    const names: EventName[] = []
    for (const key of this.#environment.ruleEventWork.getKeys({ ...start, limit } as object)) {
      names.push({ account: key[0] as number, id: key[1] as string })
    }
    return names
  }

  /** Events that are to be forgotten, at most so many. */
  over(nowSeconds: number, limit: number): EventName[] {
    const names: EventName[] = []
    for (const key of this.#environment.ruleEventEnds.getKeys({ start: [0], end: [nowSeconds], limit })) {
      names.push({ account: key[1] as number, id: key[2] as string })
    }
    return names
  }
}
