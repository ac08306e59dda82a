/**
 * What goes on for events beside requests: changes that a kill cut short are carried out, messages that come back after
 * their event was changed are canceled, and events whose time is over are forgotten. Bounded pieces. Main thread.
 */
import { Coalesced } from '../base/coalesced.js'
import type { Clock } from '../contract/clock.js'
import type { EventName, EventStore } from './event-store.js'
import type { Events } from './events.js'

const AT_ONCE = 200
const FORGET_EVERY_MS = 60_000

export interface TendingDeps {
  store: EventStore
  events: Events
  clock: Clock
}

export class EventTending {
  readonly #deps: TendingDeps
  readonly #tend = new Coalesced(() => this.#run())
  /** Where the next look at unfinished events goes on. */
  #after: EventName | null = null
  #forgottenMs = Number.NEGATIVE_INFINITY
  #isStopped = false

  constructor(deps: TendingDeps) {
    this.#deps = deps
  }

  /**
   * Once after a start, while nothing is sent yet: a message that the kill left unanswered would go again, although its event
   * was changed or canceled meanwhile. @throws EngineError STORE_FAILED.
   */
  async catchUp(): Promise<void> {
    do await this.tend()
    while (this.#after !== null && !this.#isStopped)
  }

  /** Call it now and again. @throws EngineError STORE_FAILED. */
  async tend(): Promise<void> {
    if (!this.#isStopped) await this.#tend.run()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#tend.idle()
  }

  async #run(): Promise<void> {
    const { events, store } = this.#deps
    const unfinished = store.unfinished(AT_ONCE, this.#after)
    this.#after = unfinished.length < AT_ONCE ? null : unfinished.at(-1)!
    await Promise.all(unfinished.map(({ account, id }) => events.tend(account, id)))
    await this.#forget()
  }

  async #forget(): Promise<void> {
    const { clock, events, store } = this.#deps
    const nowMs = clock.now()
    if (nowMs - this.#forgottenMs < FORGET_EVERY_MS) return
    const nowSeconds = Math.floor(nowMs / 1_000)
    const over = store.over(nowSeconds, AT_ONCE)
    await Promise.all(over.map(({ account, id }) => events.forget(account, id, nowSeconds)))
    // A full piece: there may be more, which the next call takes.
    if (over.length < AT_ONCE) this.#forgottenMs = nowMs
  }
}
