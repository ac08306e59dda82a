/**
 * One registration at one gateway (RFC 3261 §10.2): made, renewed before it ends by the time that the registrar gave,
 * taken back at the end. What is refused is tried again later and later, so that a wrong password neither loops nor locks
 * the account. Dispatcher thread; time is what `tick` says.
 */
import { type BackoffShape, backoffMs } from '../../engine/base/backoff.js'
import type { Random } from '../../engine/base/random.js'
import { addressesOf } from '../message/name-address.js'
import { retryAfterSeconds } from '../message/retry-after.js'
import type { SipResponse } from '../message/sip-message.js'
import { wholeNumber } from '../message/syntax.js'
import { escapeUser, uriEquals } from '../message/uri.js'
import type { Peer } from '../transport/transport.js'
import type { Credentials } from './call.js'
import type { RequestSeries } from './out-of-dialog.js'
import type { Ending, RequestSender } from './request-sender.js'

export interface RegistrationOptions {
  to: Peer
  /** Domain of the registrar: Request-URI `sip:domain`, address of record `sip:user@domain`. IPv6 in brackets. */
  domain: string
  /** User part of the address of record and of the contact, without escapes. */
  user: string
  credentials: Credentials | null
  /** How long a registration is asked for. */
  seconds: number
  random: Random
  /** Called when registered becomes not registered or the other way round, from within `tick`. */
  changed: (isRegistered: boolean, why: string) => void
}

/** Lost answers, 5xx: the gateway may be back at any time. */
const SOON: BackoffShape = { firstMs: 2_000, maxMs: 120_000 }
/** Refused for what we are or know: somebody has to change something first. */
const LATE: BackoffShape = { firstMs: 60_000, maxMs: 3_600_000 }
const ANSWER_MS = 10_000
/** An end that nobody answers does not hold up ours. */
const LAST_ANSWER_MS = 2_000
const SECONDS_MOST = 604_800
/** Between two renewals, whatever the registrar grants. */
const RENEW_MS_LEAST = 2_000
const REASON_CHARS = 100

export class Registration {
  readonly #options: RegistrationOptions
  readonly #sender: RequestSender
  readonly #series: RequestSeries
  #seconds: number
  #isAsking = false
  #ended: Ending<SipResponse> | null = null
  #dueMs = Number.NEGATIVE_INFINITY
  /** Registered until then. */
  #untilMs = Number.NEGATIVE_INFINITY
  #isRegistered = false
  #failures = 0
  /** The last try was refused for what we are or know. */
  #isRefused = false
  #problem = ''
  #stop: 'no' | 'wanted' | 'asked' | 'done' = 'no'

  constructor(options: RegistrationOptions, sender: RequestSender) {
    this.#options = options
    this.#sender = sender
    this.#series = sender.newSeries()
    this.#seconds = options.seconds
  }

  /** As of the last tick. */
  get isRegistered(): boolean {
    return this.#isRegistered
  }

  /** Of the last try, such as `403 Forbidden`; '' = it succeeded. */
  get problem(): string {
    return this.#problem
  }

  /** After `stop`: nothing is left to wait for. */
  get isOver(): boolean {
    return this.#stop === 'done'
  }

  /**
   * The gateway was away and is back: it may have forgotten us, so we register at once. Not after a refusal, which being back
   * does not change.
   */
  renew(): void {
    if (!this.#isRefused) this.#dueMs = Number.NEGATIVE_INFINITY
  }

  /** Somebody has mended something: it is tried at once, whatever was said before. */
  retry(): void {
    this.#isRefused = false
    this.#failures = 0
    this.#dueMs = Number.NEGATIVE_INFINITY
  }

  /** Takes the registration back, once; `isOver` tells when that was answered, or was waited for long enough. */
  stop(): void {
    if (this.#stop === 'no') this.#stop = 'wanted'
  }

  tick(nowMs: number): void {
    if (this.#ended !== null) this.#end(nowMs, this.#ended)
    if (this.#isRegistered && nowMs >= this.#untilMs) this.#setRegistered(false, this.#problem || 'it ran out')
    if (this.#stop === 'wanted' && !this.#isAsking) this.#takeBack()
    if (this.#stop === 'no' && !this.#isAsking && nowMs >= this.#dueMs) this.#ask(this.#seconds, ANSWER_MS)
  }

  /** Milliseconds until `tick` has something to do. */
  nextMs(nowMs: number): number {
    if (this.#ended !== null || (this.#stop === 'wanted' && !this.#isAsking)) return 0
    const lapse = this.#isRegistered ? Math.max(0, this.#untilMs - nowMs) : Number.POSITIVE_INFINITY
    if (this.#isAsking || this.#stop !== 'no') return lapse
    return Math.min(lapse, Math.max(0, this.#dueMs - nowMs))
  }

  #ask(seconds: number, timeoutMs: number): void {
    const { to, domain, user, credentials } = this.#options
    const contact = `${this.#sender.contactFor(to, user)};expires=${seconds}`
    const headers: [string, string][] = [
      ['contact', contact],
      ['expires', String(seconds)],
    ]
    const from = `sip:${escapeUser(user)}@${domain}`
    const ours = { uri: `sip:${domain}`, to, from, headers, series: this.#series, credentials }
    this.#isAsking = true
    this.#sender.request({ method: 'REGISTER', ...ours, timeoutMs }, (response, why) => {
      this.#ended = { response, why }
    })
  }

  #takeBack(): void {
    this.#stop = this.#isRegistered ? 'asked' : 'done'
    if (this.#isRegistered) this.#ask(0, LAST_ANSWER_MS)
  }

  #end(nowMs: number, { response, why }: Ending<SipResponse>): void {
    this.#ended = null
    this.#isAsking = false
    if (this.#stop === 'asked') {
      this.#stop = 'done'
      this.#setRegistered(false, 'stopped')
    } else if (response === null) this.#failed(nowMs, why || 'no answer', SOON)
    else if (response.status < 300) this.#accepted(nowMs, this.#grantedSeconds(response))
    else if (response.status === 423) this.#tooBrief(nowMs, response)
    else this.#refused(nowMs, response)
  }

  #accepted(nowMs: number, seconds: number): void {
    if (seconds > 0) this.#granted(nowMs, seconds)
    else this.#failed(nowMs, 'granted for no time', LATE)
  }

  #granted(nowMs: number, seconds: number): void {
    this.#failures = 0
    this.#isRefused = false
    this.#problem = ''
    this.#untilMs = nowMs + seconds * 1_000
    // A minute is left for tries that fail, or half of the time where there is less; jitter keeps gateways apart.
    const latest = Math.max(seconds * 500, seconds * 1_000 - 60_000)
    this.#dueMs = nowMs + Math.max(RENEW_MS_LEAST, latest * (0.9 + 0.1 * this.#options.random.next()))
    this.#setRegistered(true, '')
  }

  /** Of our contact among those that the registrar lists (§10.2.4), else of Expires, else what we asked for. */
  #grantedSeconds({ headers }: SipResponse): number {
    const { to, user } = this.#options
    const ours = this.#sender.contactFor(to, user).replace(/^<|>$/g, '')
    const contacts = addressesOf(headers, 'contact') ?? []
    const found = contacts.find(({ uri }) => uriEquals(uri, ours)) ?? (contacts.length === 1 ? contacts[0] : undefined)
    const said = found?.parameters.get('expires') ?? headers.get('expires') ?? ''
    const seconds = wholeNumber(said, Number.MAX_SAFE_INTEGER)
    return seconds < 0 ? this.#seconds : Math.min(seconds, SECONDS_MOST)
  }

  /** 423 (§10.2.8): the registrar wants less work. */
  #tooBrief(nowMs: number, response: SipResponse): void {
    const least = wholeNumber(response.headers.get('min-expires') ?? '', SECONDS_MOST)
    if (least > this.#seconds) {
      this.#seconds = least
      this.#dueMs = nowMs
    } else this.#refused(nowMs, response)
  }

  #refused(nowMs: number, { status, reason, headers }: SipResponse): void {
    const isPassing = status >= 500 && status < 600 && status !== 501 && status !== 505
    const isRefusal = !isPassing && status !== 408 && status !== 480
    this.#failed(nowMs, `${status} ${reason}`.trim().slice(0, REASON_CHARS), isRefusal ? LATE : SOON)
    if (isRefusal) this.#setRegistered(false, this.#problem)
    const waitMs = Math.min(retryAfterSeconds(headers.get('retry-after')) * 1_000, LATE.maxMs)
    if (waitMs > 0) this.#dueMs = isRefusal ? Math.max(this.#dueMs, nowMs + waitMs) : nowMs + waitMs
  }

  /** A registration that was granted lasts until it ends, whatever becomes of its renewal. */
  #failed(nowMs: number, why: string, shape: BackoffShape): void {
    this.#problem = why
    this.#isRefused = shape === LATE
    this.#dueMs = nowMs + backoffMs(shape, this.#failures++, this.#options.random)
  }

  #setRegistered(isRegistered: boolean, why: string): void {
    if (this.#isRegistered === isRegistered) return
    this.#isRegistered = isRegistered
    this.#options.changed(isRegistered, why)
  }
}
