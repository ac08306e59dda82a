/**
 * One connection to a relay: opened when there is work, one message at a time, closed after some idle seconds. What it takes
 * settles exactly once: by the reply, as unanswered when it broke off with the text under way, as not sent when it never
 * came to that. Dispatcher thread; nodemailer's SMTPConnection speaks the protocol.
 */

import { Readable } from 'node:stream'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { backoffMs } from '../engine/base/backoff.js'
import { crashPoint } from '../engine/base/crash-point.js'
import { packMailStatus } from '../engine/base/mail-status.js'
import type { BindState, BindView } from '../engine/contract/channel.js'
import { maskAddresses } from '../engine/contract/log.js'
import { type MessageRef, messageRef } from '../engine/contract/message.js'
import { OUTCOME, type Settlement } from '../engine/contract/outcome.js'
import type { BindMetrics } from '../engine/observe/carrier-metrics.js'
import { connectOptions } from './connect-options.js'
import type { ComposedMail, Mail } from './mail.js'
import type { RelayContext } from './relay-context.js'
import { enhancedOf, type MailError, type MailVerdict } from './reply.js'

/** Settlements that may wait for their commit: a crash repeats at most these and the one in flight. */
const UNSETTLED_MOST = 8
const RETRY = { firstMs: 1_000, maxMs: 60_000 }
/** Relays lock those out who come with a wrong password again and again. */
const LOGIN_RETRY = { firstMs: 30_000, maxMs: 300_000 }
/** Between QUIT and the end. */
const QUIT_MS = 2_000
const ERROR_CHARS = 300
const NO_ID = Buffer.alloc(0)
const OK = packMailStatus(250, '')

/** A message under way, and how far it came. */
interface Flight {
  mail: Mail
  sentAtMs: number
  /** The relay has asked for the text: it may have all of it. */
  dataBegan: boolean
}

export class RelayConnection {
  readonly index: number
  readonly #context: RelayContext
  readonly #metrics: BindMetrics
  readonly #settlement: Settlement
  #state: BindState = 'closed'
  #connection: SMTPConnection | null = null
  #flight: Flight | null = null
  /** RSET is under way: its answer ends what nodemailer knows of a message, so none may begin before it. */
  #isResetting = false
  #unsettled = 0
  #carried = 0
  #failures = 0
  #retryAt = 0
  #idleSince = 0
  #lastError: string | null = null
  /** Takes nothing any more: it is one too many, or all is coming to its end. */
  #isRetired = false
  /** Said QUIT, and is cut off if the relay does not close it. */
  #leaving: SMTPConnection | null = null
  #leaveBy = 0
  /** Its last message is waited for, until then (epoch ms). */
  #whenIdle: (() => void) | null = null
  #deadlineMs = Number.POSITIVE_INFINITY

  constructor(context: RelayContext, index: number) {
    this.#context = context
    this.index = index
    this.#metrics = context.metrics.bind(index)
    const blank = { ref: messageRef(0, 0), part: 0, code: OUTCOME.notSent, status: 0, delayMs: -1 }
    this.#settlement = { bind: index, ...blank, id: NO_ID, idStart: 0, idLength: 0 }
  }

  get isBusy(): boolean {
    return this.#flight !== null
  }
  get isBound(): boolean {
    return this.#state === 'bound'
  }
  /** May take a message now. */
  get hasRoom(): boolean {
    if (this.#flight !== null || this.#isResetting || this.#isRetired || this.#unsettled >= UNSETTLED_MOST) return false
    return this.#state === 'bound' || (this.#state === 'closed' && this.#context.isReachable)
  }

  /** Monotonic ms at which this message was handed over; -1: it is not here. */
  sentAtOf(ref: MessageRef): number {
    return this.#flight?.mail.ref === ref && this.#flight.dataBegan ? this.#flight.sentAtMs : -1
  }

  /** Call only while `hasRoom`. */
  take(mail: Mail, nowMs: number): void {
    this.#flight = { mail, sentAtMs: nowMs, dataBegan: false }
    this.#metrics.submitted++
    if (this.#state === 'bound') this.#begin(this.#flight)
    else this.open()
  }

  /** Connects and logs in, unless it does so already or waits to be allowed to. */
  open(): void {
    if (this.#state !== 'closed') return
    const { carrier } = this.#context
    const connection = new SMTPConnection(connectOptions(carrier))
    this.#connection = connection
    this.#carried = 0
    this.#setState('connecting')
    connection.on('error', (error: MailError) => this.#broke(connection, error))
    connection.once('end', () => this.#ended(connection))
    connection.connect((error) => {
      if (error) this.#broke(connection, error as MailError)
      else if (this.#connection === connection) this.#logIn(connection)
    })
  }

  #logIn(connection: SMTPConnection): void {
    const { user, password } = this.#context.carrier
    if (user === undefined) {
      this.#opened(connection)
      return
    }
    this.#setState('binding')
    connection.login({ user, pass: password }, (error) => {
      if (error) this.#broke(connection, error as MailError)
      else this.#opened(connection)
    })
  }

  #opened(connection: SMTPConnection): void {
    if (this.#connection !== connection) return
    this.#failures = 0
    this.#lastError = null
    this.#context.isReachable = true
    this.#idleSince = this.#context.clock.monotonic()
    this.#setState('bound')
    if (this.#flight === null) this.#context.sink.capacityChanged()
    else this.#begin(this.#flight)
  }

  #begin(flight: Flight): void {
    const { writer, clock, log, carrier } = this.#context
    const connection = this.#connection!
    writer.compose(flight.mail, clock.now()).then(
      (composed) => this.#hand(connection, flight, composed),
      (error: unknown) => {
        log.error({ carrier: carrier.id, error: String(error) }, 'an email could not be composed')
        this.#settle(flight, { code: OUTCOME.rejected, status: 0, delayMs: -1, throttles: false })
        this.#free()
      },
    )
  }

  #hand(connection: SMTPConnection, flight: Flight, { envelope, bytes }: ComposedMail): void {
    // The connection broke off, or the time was over, while it was being composed.
    if (this.#connection !== connection || this.#flight !== flight) return
    let isRead = false
    const text = new Readable({
      read() {
        flight.dataBegan = true
        if (!isRead) this.push(bytes)
        isRead = true
        this.push(null)
      },
    })
    connection.send(envelope, text, (error, info) => {
      if (this.#flight !== flight) return
      if (error) this.#refused(connection, flight, error as MailError)
      else this.#accepted(flight, String(info?.response ?? ''))
    })
  }

  #accepted(flight: Flight, response: string): void {
    crashPoint('email-taken')
    const { metrics, rate, clock, carrier } = this.#context
    const nowMs = clock.monotonic()
    metrics.answered(0, nowMs - flight.sentAtMs, false)
    rate.answered(false, flight.sentAtMs, nowMs)
    const enhanced = enhancedOf(response)
    const status = enhanced === '' ? OK : packMailStatus(250, enhanced)
    this.#settle(flight, { code: OUTCOME.accepted, status, delayMs: -1, throttles: false })
    this.#carried++
    if (this.#carried >= carrier.messagesPerConnection) this.#close()
    this.#free()
  }

  /** The relay said no, or nothing more. */
  #refused(connection: SMTPConnection, flight: Flight, error: MailError): void {
    const { metrics, rate, clock, replies } = this.#context
    const verdict = replies.verdict(error, flight.dataBegan)
    if (verdict.status !== 0) {
      const nowMs = clock.monotonic()
      metrics.answered(verdict.status, nowMs - flight.sentAtMs, verdict.throttles)
      rate.answered(verdict.throttles, flight.sentAtMs, nowMs)
    }
    const isOver = error.responseCode === undefined || error.responseCode === 421
    // Before it is settled: whoever is told so may bring the next message at once.
    this.#isResetting = this.#connection === connection && !isOver
    this.#settle(flight, verdict)
    if (this.#connection !== connection) return
    if (isOver) this.#broke(connection, error)
    else this.#reset(connection)
  }

  /** What was refused half way through leaves a transaction open. */
  #reset(connection: SMTPConnection): void {
    connection.reset((failed) => {
      if (this.#connection !== connection) return
      this.#isResetting = false
      if (failed) this.#close()
      this.#free()
    })
  }

  /** The connection is over, whatever the reason; whoever waits for it is told, once. */
  #broke(connection: SMTPConnection, error: MailError): void {
    if (this.#connection !== connection) return
    const { carrier, log, random, clock, replies } = this.#context
    const wasBound = this.#state === 'bound'
    this.#drop()
    this.#lastError = wordsOf(error)
    const flight = this.#flight
    if (flight !== null) {
      const notSent = { code: OUTCOME.notSent, status: 0, delayMs: -1, throttles: false }
      this.#settle(flight, wasBound ? replies.verdict(error, flight.dataBegan) : notSent)
    }
    if (wasBound) {
      this.#metrics.reconnected()
      this.#setState('closed')
    } else {
      const shape = error.code === 'EAUTH' ? LOGIN_RETRY : RETRY
      this.#retryAt = clock.monotonic() + backoffMs(shape, this.#failures++, random)
      this.#setState('waiting')
      const about = { carrier: carrier.id, connection: this.index, error: this.#lastError }
      log.warn(about, 'a connection to the relay could not be opened')
    }
    this.#free()
  }

  /** The relay closed it in good order: idle ones are closed by most after some minutes. */
  #ended(connection: SMTPConnection): void {
    if (this.#connection !== connection) return
    if (this.#flight !== null) {
      // Its last word, such as 421, is told right behind the end, and says more than the end does.
      queueMicrotask(() => this.#broke(connection, new Error('the relay closed the connection')))
      return
    }
    this.#drop()
    this.#setState('closed')
  }

  #drop(): void {
    const connection = this.#connection
    this.#connection = null
    this.#isResetting = false
    connection?.close()
  }

  /** Politely; the next message opens another one. */
  #close(): void {
    const connection = this.#connection
    this.#connection = null
    this.#isResetting = false
    if (connection !== null) {
      connection.quit()
      this.#leaving?.close()
      this.#leaving = connection
      this.#leaveBy = this.#context.clock.monotonic() + QUIT_MS
    }
    this.#setState('closed')
  }

  #free(): void {
    this.#idleSince = this.#context.clock.monotonic()
    this.#whenIdle?.()
    if (this.#isRetired && this.#state === 'bound') this.#close()
    this.#context.sink.capacityChanged()
  }

  #settle(flight: Flight, { code, status, delayMs }: MailVerdict): void {
    if (this.#flight !== flight) return
    this.#flight = null
    this.#unsettled++
    const settlement = this.#settlement
    settlement.ref = flight.mail.ref
    settlement.code = code
    settlement.status = status
    settlement.delayMs = delayMs
    this.#context.sink.settled(settlement)
  }

  durable(count: number): void {
    this.#unsettled -= count
    if (this.#unsettled + count >= UNSETTLED_MOST) this.#context.sink.capacityChanged()
  }

  /** True: its waiting time was over, and it is tried again. */
  tick(nowMs: number): boolean {
    this.#metrics.publish(this.isBusy ? 1 : 0, 1)
    if (this.#leaving !== null && nowMs >= this.#leaveBy) {
      this.#leaving.close()
      this.#leaving = null
    }
    if (this.#whenIdle !== null && this.#context.clock.now() >= this.#deadlineMs) this.#whenIdle()
    if (this.#state === 'waiting' && nowMs >= this.#retryAt && !this.#isRetired) {
      this.#state = 'closed'
      return true
    }
    const idleMs = nowMs - this.#idleSince
    const isIdle = this.#state === 'bound' && this.#flight === null
    if (isIdle && idleMs >= this.#context.carrier.idleSeconds * 1000) this.#close()
    return false
  }

  /** Whoever ends a pause has mended something: the waiting is over. */
  connectNow(): void {
    if (this.#state === 'waiting') this.#retryAt = 0
  }

  /** With other settings from now on: what is under way ends on the old connection. */
  renew(): void {
    if (this.#flight !== null) this.#carried = Number.POSITIVE_INFINITY
    else if (this.#connection !== null) this.#close()
    this.connectNow()
  }

  use(): void {
    this.#isRetired = false
  }

  /** Takes nothing more. Resolves when its message is answered, at the latest at the deadline (epoch ms). */
  async retire(deadlineMs: number): Promise<void> {
    this.#isRetired = true
    if (this.#flight !== null) await this.#idle(deadlineMs)
    const flight = this.#flight
    if (flight !== null) {
      const code = flight.dataBegan ? OUTCOME.unanswered : OUTCOME.notSent
      this.#settle(flight, { code, status: 0, delayMs: -1, throttles: false })
      this.#drop()
      this.#setState('closed')
    } else if (this.#connection !== null) this.#close()
  }

  /** The loop's ticks go on while carriers drain. */
  async #idle(deadlineMs: number): Promise<void> {
    this.#deadlineMs = deadlineMs
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve
    })
    this.#whenIdle = null
  }

  #setState(state: BindState): void {
    if (this.#state === state) return
    this.#state = state
    this.#metrics.up(state === 'bound')
    this.#context.sink.bindChanged()
  }

  view(): BindView {
    const { carrier, clock } = this.#context
    const waitMs = this.#state === 'waiting' ? Math.max(0, Math.ceil(this.#retryAt - clock.monotonic())) : null
    return {
      index: this.index,
      state: this.#state,
      inFlight: this.isBusy ? 1 : 0,
      window: 1,
      windowNow: 1,
      lastError: this.#lastError,
      host: `${carrier.host}:${carrier.port}`,
      retryInMs: waitMs,
    }
  }
}

/** One line, without what a relay may repeat of a long text. */
function wordsOf(error: MailError): string {
  return maskAddresses(error.message.replace(/\s+/g, ' ').slice(0, ERROR_CHARS))
}
