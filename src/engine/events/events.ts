/** Automatic events behind the façade: whose they are, one thing at a time for each, and how they are shown. Main thread. */
import type { AccountRecord } from '../accounts/account-record.js'
import type { Askers } from '../accounts/askers.js'
import type { Audit } from '../audit/audit.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { StateName } from '../contract/message.js'
import {
  EVENTS_PER_REQUEST,
  type EventAnswer,
  type EventFilter,
  type EventRequest,
  type EventsApi,
  type EventView,
} from '../contract/rule-events.js'
import { contentOf } from './check-event.js'
import type { EventKeeper, Kept } from './event-keeper.js'
import { type EventRecord, isSame, newEvent } from './event-record.js'
import type { EventPlace, EventStore } from './event-store.js'
import { Turns } from './event-turns.js'
import { eventState, eventView } from './event-view.js'

/** Events that one page looks at. */
const LOOKED_AT = 10_000

export interface EventsDeps {
  store: EventStore
  keeper: EventKeeper
  askers: Askers
  audit: Audit
  clock: Clock
  /** null once it was deleted. */
  account(number: number): AccountRecord | null
  /** Of messages, by ref. */
  states(refs: readonly number[]): Promise<Map<number, StateName>>
  /** @throws EngineError STORE_FULL, SHUTTING_DOWN. */
  admit(): void
}

export class Events implements EventsApi {
  readonly #deps: EventsDeps
  readonly #turns = new Turns()

  constructor(deps: EventsDeps) {
    this.#deps = deps
  }

  async put(principal: Principal, request: EventRequest): Promise<EventView> {
    const account = this.#sender(principal)
    return await this.#viewOf(await this.#take(principal, account, request))
  }

  async putAll(principal: Principal, requests: EventRequest[]): Promise<EventAnswer[]> {
    if (requests.length > EVENTS_PER_REQUEST) {
      throw new EngineError('TOO_LARGE', `At most ${EVENTS_PER_REQUEST} events fit a request.`)
    }
    const account = this.#sender(principal)
    const taken = await Promise.all(requests.map((request) => this.#takeOrSay(principal, account, request)))
    const kept = taken.filter((one): one is Kept => 'record' in one)
    const views = await this.#views(kept)
    return taken.map((one) => ('record' in one ? views.get(one)! : one))
  }

  #sender(principal: Principal): AccountRecord {
    this.#deps.admit()
    return this.#deps.askers.sender(principal)
  }

  async #takeOrSay(
    principal: Principal,
    account: AccountRecord,
    request: EventRequest,
  ): Promise<Kept | Exclude<EventAnswer, EventView>> {
    try {
      return await this.#take(principal, account, request)
    } catch (error) {
      if (!(error instanceof EngineError) || error.status >= 500) throw error
      return { id: request.id, code: error.code, message: error.message }
    }
  }

  async #take(principal: Principal, account: AccountRecord, request: EventRequest): Promise<Kept> {
    const content = contentOf(request)
    const { id } = request
    return await this.#inTurn(account, id, async (before) => {
      const knownMs = this.#deps.clock.now()
      const { canceled = false } = request
      // A cancel that overtakes its event is one that is known and canceled.
      if (before === null) return await this.#deps.keeper.create(account, newEvent(id, { content, canceled, knownMs }))
      if (canceled) return await this.#canceled(principal, account, before)
      const isKnown = !before.canceled && isSame(before.content, content)
      if (isKnown) return { record: before, states: new Map() }
      return await this.#deps.keeper.change(account, before, { content, knownMs })
    })
  }

  /** A change that a kill cut short is carried out before anything else. */
  async #inTurn<T>(account: AccountRecord, id: string, work: (record: EventRecord | null) => Promise<T>): Promise<T> {
    return await this.#turns.take(`${account.number} ${id}`, async () => {
      const record = this.#deps.store.get(account.number, id)
      if (record === null || record.next === null) return await work(record)
      return await work((await this.#deps.keeper.finish(account, record)).record)
    })
  }

  async cancel(principal: Principal, id: string): Promise<EventView> {
    const account = this.#deps.askers.record(principal)
    const kept = await this.#inTurn(account, id, async (before) => {
      if (before === null) throw noEvent()
      return await this.#canceled(principal, account, before)
    })
    return await this.#viewOf(kept)
  }

  async #canceled(principal: Principal, account: AccountRecord, before: EventRecord): Promise<Kept> {
    if (before.canceled) return { record: before, states: new Map() }
    const { audit, clock, keeper } = this.#deps
    const kept = await keeper.change(account, before, { content: null, knownMs: clock.now() })
    await audit.write([], { principal, account, action: 'event.cancel', object: `event/${before.id}` })
    return kept
  }

  async get(principal: Principal, id: string): Promise<EventView> {
    const account = this.#deps.askers.record(principal)
    let record = this.#deps.store.get(account.number, id)
    if (record === null) throw noEvent()
    if (record.next !== null) record = await this.#inTurn(account, id, async (now) => now)
    return await this.#viewOf({ record: record!, states: new Map() })
  }

  async list(principal: Principal, { limit, cursor, type, state }: PageQuery & EventFilter): Promise<Page<EventView>> {
    const account = this.#deps.askers.record(principal)
    const nowMs = this.#deps.clock.now()
    const found: Kept[] = []
    let last: EventPlace | null = cursor === undefined ? null : placeOf(cursor)
    let seen = 0
    let isMore = false
    for (const record of this.#deps.store.newest(account.number, last)) {
      isMore = found.length === limit || seen === LOOKED_AT
      if (isMore) break
      seen++
      last = record
      if (type !== undefined && record.content.type !== type) continue
      if (state === undefined || eventState(record, nowMs) === state) found.push({ record, states: new Map() })
    }
    const views = await this.#views(found)
    return { items: found.map((kept) => views.get(kept)!), nextCursor: isMore ? cursorOf(last!) : null }
  }

  async #viewOf(kept: Kept): Promise<EventView> {
    return (await this.#views([kept])).get(kept)!
  }

  /** States of all their messages are asked for together. */
  async #views(kept: readonly Kept[]): Promise<Map<Kept, EventView>> {
    const unknown: number[] = []
    for (const { record, states } of kept) {
      for (const { ref } of [...record.outcomes, ...record.earlier]) {
        if (ref !== null && !states.has(ref)) unknown.push(ref)
      }
    }
    const asked = unknown.length === 0 ? new Map<number, StateName>() : await this.#deps.states(unknown)
    const nowMs = this.#deps.clock.now()
    return new Map(kept.map((one) => [one, eventView(one.record, new Map([...asked, ...one.states]), nowMs)]))
  }

  /** What an event has still to do, by itself: a change that was announced, messages that may come back. */
  async tend(number: number, id: string): Promise<void> {
    const account = this.#deps.account(number)
    const { store, keeper } = this.#deps
    await this.#turns.take(`${number} ${id}`, async () => {
      const record = store.get(number, id)
      if (record === null) return
      if (account === null) await keeper.forget(number, record)
      else if (record.next !== null) await keeper.finish(account, record)
      else if (record.chase.length > 0) await keeper.chase(account, record)
    })
  }

  /** Takes an event out whose time is over. */
  async forget(number: number, id: string, nowSeconds: number): Promise<void> {
    const { store, keeper } = this.#deps
    await this.#turns.take(`${number} ${id}`, async () => {
      const record = store.get(number, id)
      if (record !== null && record.endsSeconds <= nowSeconds) await keeper.forget(number, record)
    })
  }
}

function noEvent(): EngineError {
  return new EngineError('NOT_FOUND', 'There is no such event.')
}

function cursorOf({ createdMs, id }: EventPlace): string {
  return `${createdMs}:${id}`
}

/** @throws EngineError VALIDATION. */
function placeOf(cursor: string): EventPlace {
  const found = /^(\d{1,15}):(.+)$/s.exec(cursor)
  if (found !== null) return { createdMs: Number(found[1]), id: found[2]! }
  const message = 'must be the nextCursor of a page'
  throw new EngineError('VALIDATION', `cursor ${message}.`, { fields: [{ pointer: '/cursor', message }] })
}
