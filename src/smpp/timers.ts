/**
 * The three timers of a bound session as a pure state machine over milliseconds (SMPP 3.4 §2.7, carriers.md 73):
 * inactivity asks the peer with enquire_link, no answer to it means dead, and no submit response at all while requests
 * wait means stalled, even where enquire_link is still answered.
 */
export type TimerVerdict = 'fine' | 'enquire' | 'dead' | 'stalled'

export interface TimerSettings {
  enquireLinkMs: number
  responseTimeoutMs: number
}

export class SessionTimers {
  #settings: TimerSettings
  #receivedAt: number
  #enquiredAt = -1
  #progressAt: number

  constructor(settings: TimerSettings, nowMs: number) {
    this.#settings = settings
    this.#receivedAt = nowMs
    this.#progressAt = nowMs
  }

  /** A whole PDU came in: octets that never make one are no sign of life. */
  received(nowMs: number): void {
    this.#receivedAt = nowMs
  }

  /** enquire_link_resp came (or a nack to it: the peer lives). */
  enquireAnswered(): void {
    this.#enquiredAt = -1
  }

  /** A submit was answered, or the first one went out into an empty window. */
  progressed(nowMs: number): void {
    this.#progressAt = nowMs
  }

  /** `enquire`: send enquire_link now; it counts as sent. Two response times without any answer are a stall. */
  tick(nowMs: number, inFlight: number): TimerVerdict {
    const { enquireLinkMs, responseTimeoutMs } = this.#settings
    if (this.#enquiredAt >= 0) return nowMs - this.#enquiredAt >= responseTimeoutMs ? 'dead' : 'fine'
    if (inFlight > 0 && nowMs - this.#progressAt >= 2 * responseTimeoutMs) return 'stalled'
    if (nowMs - this.#receivedAt < enquireLinkMs) return 'fine'
    this.#enquiredAt = nowMs
    return 'enquire'
  }
}
