/**
 * Reads what subscribers sent, in the order in which the dispatcher kept it, joins parts, and puts whole messages into the
 * list. The store says what is done: a start reads what is kept once more, and so rebuilds what was awaited. Main thread.
 */
import { crashPoint } from '../base/crash-point.js'
import type { Clock } from '../contract/clock.js'
import type { Log } from '../contract/log.js'
import type { Counter, Metrics } from '../contract/metrics.js'
import type { InboundRecord } from '../store/inbound-record.js'
import type { Alongside, InboundItem, InboundStore, NewItem } from '../store/inbound-store.js'
import { arrivalOf } from './arrival.js'
import { alphabetOf, type CarrierCodings, headerOf } from './decode-body.js'
import { itemOf, keyOf, type PartRecord, placeIn } from './inbound-item.js'
import { rememberListed } from './memory-after-start.js'
import { NulHabit, type TrailingNul } from './nul-habit.js'
import { type GivenUp, type Group, type Listed, Reassembler } from './reassembler.js'
import { RecentMessages } from './recent-messages.js'
import type { Came, Routed } from './routing.js'

/** What the config says of a carrier's inbound messages. */
export interface CarrierInbound extends CarrierCodings {
  trailingNul: TrailingNul
  /** Id of the account that gets what no rule brings to another. */
  inboundAccount?: string
}

export interface InboundDeps {
  store: InboundStore
  clock: Clock
  log: Log
  metrics: Metrics
  carrier(id: string): CarrierInbound
  partsTimeoutMs: number
  retentionMs: number
  /**
   * A message is about to be listed, with its account: whatever must be on disk together with it. null: nothing. Called
   * once a message, in the order of the list.
   */
  alongside?(listed: NewItem): Promise<Alongside | null>
  /** Whom a message is for; absent: nobody in particular. */
  route?(item: InboundItem, came: Came): Routed
  /** Everything up to this number was read, and what follows from it is on disk. */
  read?(number: number): void
  /** The process must stop. */
  fail(error: unknown): void
}

/** Read in one turn: some milliseconds of the main thread. */
const BATCH = 256
/** After a start carriers deliver what they held back: nothing is given up before. */
const GRACE_MS = 60_000
const FORGET_EVERY_MS = 60_000
const FORGET_BATCH = 500

type Kind = 'message' | 'incomplete' | 'late' | 'part' | 'repeat' | 'corrupt'

/** What one turn came to: written in one transaction. */
interface Turn {
  items: NewItem[]
  done: number[]
}

export class InboundDesk {
  readonly #deps: InboundDeps
  readonly #reassembler: Reassembler
  readonly #recent = new RecentMessages()
  readonly #nuls = new NulHabit()
  readonly #counters = new Map<string, Counter>()
  /** Highest number that was read. */
  #cursor = 0
  #quietUntilMs = 0
  #forgetAtMs = 0
  #running: Promise<void> | null = null
  #again = false
  #isStopping = false
  #carrier: (id: string) => CarrierInbound

  constructor(deps: InboundDeps) {
    this.#deps = deps
    this.#carrier = deps.carrier
    this.#reassembler = new Reassembler({ timeoutMs: deps.partsTimeoutMs })
  }

  /** Call when the dispatcher is ready: it numbers new ones behind what is kept now. */
  start(): void {
    const { store, clock, partsTimeoutMs } = this.#deps
    this.#quietUntilMs = clock.now() + Math.min(GRACE_MS, partsTimeoutMs)
    rememberListed(store, clock.now() - partsTimeoutMs, { recent: this.#recent, reassembler: this.#reassembler })
    this.wake()
  }

  /** The configuration was read again: what comes from now on is read by it. */
  useCarriers(carrier: (id: string) => CarrierInbound): void {
    this.#carrier = carrier
  }

  /** More was kept, or time has passed. Cheap; never overlaps. */
  wake(): void {
    if (this.#isStopping) return
    if (this.#running !== null) {
      this.#again = true
      return
    }
    this.#running = this.#work()
      .catch((error) => this.#deps.fail(error))
      .finally(() => {
        this.#running = null
        if (!this.#again) return
        this.#again = false
        this.wake()
      })
  }

  /** Resolves when what was kept at the start is read, however much comes meanwhile. */
  async heard(): Promise<void> {
    await this.#running
  }

  /** Resolves when everything that was kept so far is read. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await this.idle()
  }

  async #work(): Promise<void> {
    const { store, clock } = this.#deps
    for (;;) {
      const kept = store.kept(this.#cursor, BATCH)
      const turn: Turn = { items: [], done: [] }
      for (const { number, record } of kept) {
        this.#cursor = number
        this.#take(number, record, turn)
      }
      const nowMs = clock.now()
      const isCaughtUp = kept.length < BATCH
      const given = isCaughtUp && nowMs >= this.#quietUntilMs ? this.#reassembler.giveUp(nowMs, BATCH) : []
      for (const each of given) this.#giveUp(each, nowMs, turn)
      if (turn.items.length > 0 || turn.done.length > 0) await this.#write(turn)
      if (kept.length > 0) this.#deps.read?.(this.#cursor)
      if (this.#isStopping || (isCaughtUp && given.length < BATCH)) break
    }
    await this.#forgetOld()
  }

  async #write({ items, done }: Turn): Promise<void> {
    const alongside: Alongside[] = []
    for (const item of items) {
      const beside = (await this.#deps.alongside?.(item)) ?? null
      if (beside !== null) alongside.push(beside)
    }
    crashPoint('inbound-joined')
    await this.#deps.store.list(items, done, alongside)
    crashPoint('inbound-listed')
  }

  #take(number: number, record: InboundRecord | null, turn: Turn): void {
    if (record === null) {
      this.#deps.log.error({ number }, 'an inbound message is damaged and was set aside')
      this.#count('none', 'corrupt')
      turn.done.push(number)
      return
    }
    this.#endsInNul(record)
    const place = placeIn(record)
    if (place === null) this.#takeWhole(number, record, turn)
    else this.#takePart(number, record, turn)
  }

  #takeWhole(number: number, record: InboundRecord, turn: Turn): void {
    turn.done.push(number)
    if (this.#recent.isRepeat(arrivalOf(record))) {
      this.#count(record.carrier, 'repeat')
      return
    }
    const parts = [this.#partRecord(record, 1)]
    this.#list({ parts, total: 1, lateFor: 0, receivedAtMs: record.atMs, key: '' }, record, turn)
    this.#count(record.carrier, 'message')
  }

  #takePart(number: number, record: InboundRecord, turn: Turn): void {
    const place = placeIn(record)!
    const key = keyOf(record, place)
    const verdict = this.#reassembler.add({ number, key, place, arrival: arrivalOf(record) })
    if (verdict.kind === 'waits') this.#count(record.carrier, 'part')
    else if (verdict.kind === 'whole') this.#takeGroup(verdict.group, record.atMs, turn)
    else {
      turn.done.push(number)
      this.#count(record.carrier, verdict.kind)
      if (verdict.kind === 'late') this.#takeLate(record, verdict.listed, turn)
    }
  }

  /** A part of a message that is in the list without it becomes an entry of its own, which names that message. */
  #takeLate(record: InboundRecord, listed: Listed, turn: Turn): void {
    const place = placeIn(record)!
    const parts = [this.#partRecord(record, place.part)]
    const shape = { parts, total: place.total, lateFor: listed.item, receivedAtMs: record.atMs, key: listed.key }
    this.#list(shape, record, turn)
    this.#reassembler.cameLate(listed, place.part, arrivalOf(record))
  }

  #giveUp({ kind, group }: GivenUp, nowMs: number, turn: Turn): void {
    if (kind === 'incomplete') {
      this.#takeGroup(group, nowMs, turn)
      return
    }
    for (const { number } of group.pieces.values()) turn.done.push(number)
    this.#count(carrierOf(group), 'repeat', group.pieces.size)
  }

  /** What came of a message goes into the list, whole or not. */
  #takeGroup(group: Group, receivedAtMs: number, turn: Turn): void {
    const parts: PartRecord[] = []
    let first = { number: Number.POSITIVE_INFINITY, record: null as InboundRecord | null }
    for (const [part, { number }] of [...group.pieces].sort(([a], [b]) => a - b)) {
      turn.done.push(number)
      const record = this.#deps.store.keptOne(number)
      if (record === null) continue
      parts.push(this.#partRecord(record, part))
      if (number < first.number) first = { number, record }
    }
    // Damaged since it was read: nothing is left to list.
    if (first.record === null) return
    const { key, total } = group
    const number = this.#list({ parts, total, lateFor: 0, receivedAtMs, key }, first.record, turn)
    const arrivals = new Map([...group.pieces].map(([part, { arrival }]) => [part, arrival]))
    this.#reassembler.listed({ item: number, key, total, arrivals, listedAtMs: receivedAtMs })
    this.#count(carrierOf(group), parts.length === total ? 'message' : 'incomplete')
  }

  #list(shape: Parameters<typeof itemOf>[0], came: InboundRecord, turn: Turn): number {
    const { store } = this.#deps
    const number = store.take()
    const item = itemOf(shape, this.#carrier(shape.parts[0]!.record.carrier))
    Object.assign(item, this.#routed(item, came, turn))
    turn.items.push({ number, item })
    return number
  }

  /** `came`: the part that came first, which decides. What came too late for its message follows it. */
  #routed(item: InboundItem, came: InboundRecord, { items }: Turn): Partial<Routed> {
    const { inboundAccount: carrierAccount = null } = this.#carrier(came.carrier)
    const about = { atMs: came.atMs, talkedTo: came.replied ?? null, carrierAccount }
    if (item.lateFor === 0) return this.#deps.route?.(item, about) ?? {}
    const whole = items.find(({ number }) => number === item.lateFor)?.item ?? this.#deps.store.one(item.lateFor)
    return whole === null ? {} : { account: whole.account, reason: whole.reason, replied: whole.replied ?? null }
  }

  #partRecord(record: InboundRecord, part: number): PartRecord {
    return { record, part, endsInNul: this.#endsInNul(record) }
  }

  #endsInNul(record: InboundRecord): boolean {
    const carrier = this.#carrier(record.carrier)
    if (carrier.gsm7Packed || alphabetOf(record.dataCoding, carrier) !== 'gsm7') return false
    const { header, isBroken } = headerOf(record)
    if (isBroken) return false
    return this.#nuls.look(record.carrier, record.payload.subarray(header?.octets ?? 0), carrier.trailingNul)
  }

  async #forgetOld(): Promise<void> {
    const { store, clock, retentionMs } = this.#deps
    const nowMs = clock.now()
    if (nowMs < this.#forgetAtMs) return
    this.#forgetAtMs = nowMs + FORGET_EVERY_MS
    while (!this.#isStopping && (await store.forget(nowMs - retentionMs, FORGET_BATCH)) === FORGET_BATCH);
  }

  #count(carrier: string, kind: Kind, count = 1): void {
    const key = `${carrier} ${kind}`
    let counter = this.#counters.get(key)
    if (counter === undefined) {
      counter = this.#deps.metrics.counter('trunkline_inbound_total', { carrier, kind })
      this.#counters.set(key, counter)
    }
    counter.add(count)
  }
}

/** The first element of the key. */
function carrierOf({ key }: Group): string {
  return (JSON.parse(key) as string[])[0]!
}
