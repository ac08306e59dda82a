/**
 * The timers of a bound session as a pure state machine over milliseconds (SMPP 3.4 §2.7, carriers.md 73): inactivity
 * asks the peer with enquire_link, no answer to it means dead, and no answer at all to the submits that wait means
 * stalled, even where enquire_link is answered. The time of a single response is the window's (requests.ts).
 */
export type TimerVerdict = 'fine' | 'enquire' | 'dead' | 'stalled'

export interface TimerSettings {
  enquireLinkMs: number
  responseTimeoutMs: number
  /** Absent: two response times. */
  progressTimeoutMs?: number
}

/** More than this between two ticks means that the process stood still: what the peer sent meanwhile is unread. */
const FROZEN_MS = 2_000

export class SessionTimers {
  #settings: TimerSettings
  #receivedAt: number
  #enquiredAt = -1
  #tickedAt: number
  #lookedAt: number
  /** Time that submits waited since the last one was answered; time without any in flight does not count. */
  #deafMs = 0

  constructor(settings: TimerSettings, nowMs: number) {
    this.#settings = settings
    this.#receivedAt = nowMs
    this.#tickedAt = nowMs
    this.#lookedAt = nowMs
  }

  /** A whole PDU came in: octets that never make one are no sign of life. */
  received(nowMs: number): void {
    this.#receivedAt = nowMs
  }

  /** enquire_link_resp came (or a nack to it: the peer lives). */
  enquireAnswered(): void {
    this.#enquiredAt = -1
  }

  /** A submit was answered. */
  progressed(): void {
    this.#deafMs = 0
  }

  /** True when this process stood still since the last call: read first, judge at the next tick. */
  stoodStill(nowMs: number): boolean {
    const stood = nowMs - this.#lookedAt > FROZEN_MS
    this.#lookedAt = nowMs
    if (stood) this.#tickedAt = nowMs
    return stood
  }

  /** `enquire`: send enquire_link now; it counts as sent. Call before what is overdue is taken out of the window. */
  tick(nowMs: number, inFlight: number): TimerVerdict {
    const { enquireLinkMs, responseTimeoutMs, progressTimeoutMs = 2 * responseTimeoutMs } = this.#settings
    if (inFlight > 0) this.#deafMs += nowMs - this.#tickedAt
    this.#tickedAt = nowMs
    if (this.#deafMs >= progressTimeoutMs) return 'stalled'
    // Whatever came since shows that the peer lives, though it may not know enquire_link.
    if (this.#receivedAt > this.#enquiredAt) this.#enquiredAt = -1
    if (this.#enquiredAt >= 0) return nowMs - this.#enquiredAt >= responseTimeoutMs ? 'dead' : 'fine'
    if (nowMs - this.#receivedAt < enquireLinkMs) return 'fine'
    this.#enquiredAt = nowMs
    return 'enquire'
  }
}
