/**
 * One endpoint at work: its streams, how many deliveries it may have under way, its retries, and what of all that is to
 * be stored. Decides, but sends nothing itself. Main thread.
 */
import type { EndpointState, WebhookEvent } from '../contract/webhook.js'
import { WEBHOOK_EVENTS } from '../contract/webhook.js'
import type { EventSource } from './event-source.js'
import { failed, givenUpBefore, HEALTHY, type RetryState } from './retry-schedule.js'
import { type Batch, Stream } from './stream.js'
import type { Parked, WebhookRecord, WebhookState } from './webhook-record.js'

/** A clock that goes back by more was set. */
const CLOCK_STEP_MS = 10_000

/** Deliveries of one endpoint under way at once, while it answers well. */
const WINDOW_MAX = 8

export type Sources = Record<WebhookEvent, EventSource>

export class Endpoint {
  readonly #sources: Sources
  #record: WebhookRecord
  readonly #streams: Record<WebhookEvent, Stream>
  #retry: RetryState
  #parked: Record<WebhookEvent, Parked>
  #lastSuccessMs: number
  #lastError: WebhookState['lastError']
  /** Grows with each success, so that a receiver that hangs holds one connection from its first request on. */
  #window = 1
  #round = 0
  #underWay = 0
  /** Batches of before a replay are under way: nothing may overtake them. */
  #waitsForOld = false
  #turn = 0
  #lookedMs = Number.NEGATIVE_INFINITY
  /** Differs from what is stored. */
  isDirty = false
  isRemoved = false

  constructor(record: WebhookRecord, state: WebhookState, sources: Sources) {
    this.#record = record
    this.#sources = sources
    const of = { endpoint: record, state }
    this.#streams = {
      'messages.updated': new Stream('messages.updated', sources['messages.updated'], of),
      'inbound.received': new Stream('inbound.received', sources['inbound.received'], of),
      'job.updated': new Stream('job.updated', sources['job.updated'], of),
      'drop.updated': new Stream('drop.updated', sources['drop.updated'], of),
    }
    const { failures, failingSinceMs, nextAttemptMs } = state
    this.#retry = { failures, failingSinceMs, nextAttemptMs }
    this.#parked = structuredClone(state.parked)
    this.#lastSuccessMs = state.lastSuccessMs
    this.#lastError = state.lastError
  }

  get record(): WebhookRecord {
    return this.#record
  }
  get retry(): RetryState {
    return this.#retry
  }
  get underWay(): number {
    return this.#underWay
  }
  get lastSuccessMs(): number {
    return this.#lastSuccessMs
  }
  get lastError(): WebhookState['lastError'] {
    return this.#lastError
  }

  /** What is to be stored. */
  get stored(): WebhookState {
    const of = <T>(what: (stream: Stream) => T): Record<WebhookEvent, T> => ({
      'messages.updated': what(this.#streams['messages.updated']),
      'inbound.received': what(this.#streams['inbound.received']),
      'job.updated': what(this.#streams['job.updated']),
      'drop.updated': what(this.#streams['drop.updated']),
    })
    return {
      ...this.#retry,
      cursors: of(({ cursor }) => cursor),
      ends: of(({ ends }) => ends),
      parked: structuredClone(this.#parked),
      lastSuccessMs: this.#lastSuccessMs,
      lastError: this.#lastError,
    }
  }

  cursor(event: WebhookEvent): number {
    return this.#streams[event].cursor
  }

  get backlog(): number {
    return this.#record.events.reduce((sum, event) => sum + this.#streams[event].backlog, 0)
  }
  get parked(): number {
    return WEBHOOK_EVENTS.reduce((sum, event) => sum + this.#parked[event].count, 0)
  }
  get state(): EndpointState {
    if (this.#record.disabled !== null) return 'disabled'
    if (this.#retry.failures === 0) return 'active'
    return this.parked > 0 ? 'parked' : 'retrying'
  }

  /** Other settings, and the next try at once. Kinds that it did not want before begin now. */
  change(record: WebhookRecord): void {
    for (const event of WEBHOOK_EVENTS) {
      const stream = this.#streams[event]
      stream.endpoint = record
      const isNew = record.events.includes(event) && !this.#record.events.includes(event)
      if (isNew) stream.moveTo(this.#sources[event].next(record.account))
    }
    this.#record = record
    this.#healed()
  }

  #healed(): void {
    this.#retry = HEALTHY
    this.#window = 1
    this.#round++
    this.isDirty = true
  }

  /** Everything since then once more; how many entries that brings back. */
  replay(sinceMs: number): number {
    let replayed = 0
    for (const event of this.#record.events) {
      const source = this.#sources[event]
      const { account } = this.#record
      const stream = this.#streams[event]
      const from = source.since(account, sinceMs)
      if (from >= stream.cursor) continue
      replayed += source.waiting(account, from) - stream.backlog
      const parked = this.#parked[event]
      if (from <= parked.first) this.#parked[event] = { count: 0, first: 0 }
      stream.moveTo(from)
    }
    this.#waitsForOld = this.#underWay > 0
    this.#healed()
    return replayed
  }

  /** True: a delivery could begin now. */
  mayStart(nowMs: number): boolean {
    if (this.isRemoved || this.#record.disabled !== null || this.#waitsForOld) return false
    this.#lookAtClock(nowMs)
    if (nowMs < this.#retry.nextAttemptMs) return false
    const isRestoring = this.#record.events.some((event) => this.#streams[event].isRestoring)
    const most = this.#retry.failures > 0 || isRestoring ? 1 : this.#window
    return this.#underWay < most
  }

  /** A retry waits for a time to pass: when the clock is set back by an hour, it does not wait for an hour more. */
  #lookAtClock(nowMs: number): void {
    const isSetBack = nowMs < this.#lookedMs - CLOCK_STEP_MS
    this.#lookedMs = nowMs
    if (isSetBack && nowMs < this.#retry.nextAttemptMs) this.#retry = { ...this.#retry, nextAttemptMs: nowMs }
  }

  /** What goes next: first what was tried before, then new entries of each kind in turn. null: nothing (yet). */
  take(nowMs: number): { batch: Batch | null; isBehind: boolean } {
    const { events } = this.#record
    for (const event of events) {
      const batch = this.#notParked(() => this.#streams[event].pending(), nowMs)
      if (batch !== null) return { batch: this.#started(batch), isBehind: true }
    }
    let isAnyBehind = false
    for (let n = 0; n < events.length; n++) {
      const stream = this.#streams[events[this.#turn++ % events.length]!]
      const { batch, isBehind } = stream.form()
      isAnyBehind ||= isBehind
      if (isBehind) this.isDirty = true
      if (batch !== null && !this.#park(batch, nowMs)) return { batch: this.#started(batch), isBehind: true }
    }
    return { batch: null, isBehind: isAnyBehind }
  }

  #notParked(next: () => Batch | null, nowMs: number): Batch | null {
    for (;;) {
      const batch = next()
      if (batch === null || !this.#park(batch, nowMs)) return batch
    }
  }

  /** Its retries are over: it is skipped until somebody asks for a replay. */
  #park(batch: Batch, nowMs: number): boolean {
    if (batch.newestAtMs > givenUpBefore(this.#retry, nowMs)) return false
    const { event } = batch.stream
    const parked = this.#parked[event]
    this.#parked[event] = { count: parked.count + batch.count, first: parked.first || batch.first }
    batch.stream.acknowledge(batch)
    this.isDirty = true
    return true
  }

  #started(batch: Batch): Batch {
    batch.phase = 1
    batch.round = this.#round
    this.#underWay++
    return batch
  }

  /** The receiver took it. */
  succeeded(batch: Batch, nowMs: number): void {
    this.#ended()
    if (!batch.stream.has(batch)) return
    batch.stream.acknowledge(batch)
    this.isDirty = true
    this.#lastSuccessMs = nowMs
    // Of an earlier round: something failed since, and waits for its time.
    if (batch.round !== this.#round) return
    this.#retry = HEALTHY
    this.#window = Math.min(WINDOW_MAX, this.#window * 2)
  }

  /** False: it was sent before something changed, and says nothing of how things are now. */
  failed(batch: Batch, nowMs: number, why: { reason: string; retryAfterMs: number | null; chance: number }): boolean {
    this.#ended()
    if (!batch.stream.has(batch)) return false
    batch.stream.putBack(batch)
    this.isDirty = true
    this.#lastError = { atMs: nowMs, reason: why.reason }
    // Several that were under way together count as one failure.
    if (batch.round !== this.#round) return false
    this.#round++
    this.#window = 1
    this.#retry = failed(this.#retry, nowMs, why)
    return true
  }

  #ended(): void {
    this.#underWay--
    if (this.#underWay === 0) this.#waitsForOld = false
  }
}
