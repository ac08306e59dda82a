/**
 * Whether one gateway is there (RFC 3261 §11): OPTIONS at an interval, and any response at all means that it is, also one
 * that refuses. Two misses in a row mean that it is down, the first response that it is back. Dispatcher thread; time is
 * what `tick` says.
 */
import type { Peer } from '../transport/transport.js'
import type { RequestSender } from './request-sender.js'

export interface KeepaliveOptions {
  to: Peer
  /** Request-URI, such as `sip:gw.example.com`. */
  uri: string
  /** URI of From. */
  from: string
  /** Between two questions; 0: nothing is asked, and the gateway counts as up. */
  everyMs: number
  /** Called when up becomes down or down up, from within `tick` or `heard`. */
  changed: (isUp: boolean, why: string) => void
}

/** UDP sends a request four times within this (RFC 3261 §17.1.2.2: after 0.5, 1.5 and 3.5 s). */
const ANSWER_MS = 4_000
/** The second question does not wait for the interval, but long enough for a gateway to open its port again. */
const AFTER_MISS_MS = 1_000
/** Who is down is asked so often at least. */
const WHILE_DOWN_MS_MOST = 30_000
const MISSES_MOST = 2

export class Keepalive {
  readonly #options: KeepaliveOptions
  readonly #sender: RequestSender
  #isAsking = false
  /** Of the question that is out: null: not ended; '' = a response came, else why none did. */
  #ended: string | null = null
  #dueMs = Number.NEGATIVE_INFINITY
  #misses = 0
  #why = ''
  #isStopped = false

  constructor(options: KeepaliveOptions, sender: RequestSender) {
    this.#options = options
    this.#sender = sender
  }

  /** True until two questions were missed. */
  get isUp(): boolean {
    return this.#misses < MISSES_MOST
  }

  /** Why it is down; '' = it is up. */
  get problem(): string {
    return this.isUp ? '' : this.#why
  }

  /** Something came from that gateway otherwise: it need not be asked for an interval. */
  heard(nowMs: number): void {
    if (this.#isAsking || this.#isStopped || this.#options.everyMs === 0) return
    this.#answered(nowMs)
  }

  tick(nowMs: number): void {
    if (this.#options.everyMs === 0 || this.#isStopped) return
    if (this.#ended !== null) this.#end(nowMs, this.#ended)
    if (!this.#isAsking && nowMs >= this.#dueMs) this.#ask()
  }

  /** Milliseconds until `tick` has something to do. */
  nextMs(nowMs: number): number {
    if (this.#options.everyMs === 0 || this.#isStopped) return Number.POSITIVE_INFINITY
    if (this.#ended !== null) return 0
    return this.#isAsking ? Number.POSITIVE_INFINITY : Math.max(0, this.#dueMs - nowMs)
  }

  /** Nothing is asked any more. */
  stop(): void {
    this.#isStopped = true
  }

  #ask(): void {
    const { to, uri, from } = this.#options
    this.#isAsking = true
    const headers = [['accept', 'application/sdp']] as const
    const question = { method: 'OPTIONS', uri, to, from, headers, credentials: null, timeoutMs: ANSWER_MS }
    this.#sender.request(question, (response, why) => {
      this.#ended = response === null ? why || 'no answer' : ''
    })
  }

  #end(nowMs: number, why: string): void {
    this.#ended = null
    this.#isAsking = false
    if (why === '') this.#answered(nowMs)
    else this.#missed(nowMs, why)
  }

  #missed(nowMs: number, why: string): void {
    this.#why = why
    this.#misses++
    this.#dueMs = nowMs + (this.isUp ? AFTER_MISS_MS : Math.min(this.#options.everyMs, WHILE_DOWN_MS_MOST))
    if (this.#misses === MISSES_MOST) this.#options.changed(false, why)
  }

  #answered(nowMs: number): void {
    const wasUp = this.isUp
    this.#misses = 0
    this.#dueMs = nowMs + this.#options.everyMs
    if (!wasUp) this.#options.changed(true, '')
  }
}
