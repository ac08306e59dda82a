/**
 * The SIP user agent (RFC 3261 §8): calls that we make, requests outside of calls, and what comes from outside. Dispatcher
 * thread; sockets are behind SipTransport, and all time is given by the clock and by `tick`.
 *
 * Each message finds its transaction by branch, its call by Call-ID and its dialog by tags; what finds none is answered
 * without keeping anything of it (§8.2.7).
 */
import type { Random } from '../../engine/base/random.js'
import type { Clock } from '../../engine/contract/clock.js'
import type { Log } from '../../engine/contract/log.js'
import { tagOf } from '../message/name-address.js'
import type { SipMessage, SipRequest, SipResponse } from '../message/sip-message.js'
import { Timers } from '../transaction/timers.js'
import { TransactionTable } from '../transaction/transaction-table.js'
import type { Peer, SipTransport, TransportListener } from '../transport/transport.js'
import { Agent } from './agent.js'
import type { Call, CallListener, OutgoingCall } from './call.js'
import { type CallHost, LiveCall } from './live-call.js'
import { type OutOfDialogRequest, type RequestSeries, type ResponseHandler, sendOutOfDialog } from './out-of-dialog.js'
import { OutsideAnswers } from './outside-answers.js'

export interface UserAgentOptions {
  transport: SipTransport
  clock: Clock
  /** Of tags, branches and Call-IDs; its seed must not be guessable (RFC 3261 §19.3). */
  random: Random
  log: Log
  /** User-Agent and Server header. */
  name: string
}

export class UserAgent implements TransportListener {
  readonly #agent: Agent
  readonly #timers: Timers
  readonly #table: TransactionTable
  readonly #outside: OutsideAnswers
  /** By Call-ID: those not ended, and those whose INVITE may still bring something. */
  readonly #calls = new Map<string, LiveCall>()
  readonly #open = new Set<LiveCall>()
  readonly #host: CallHost = {
    ended: (call) => this.#open.delete(call),
    gone: (call) => this.#calls.delete(call.callId),
  }
  #ignored = 0

  constructor({ transport, clock, random, log, name }: UserAgentOptions) {
    this.#timers = new Timers(clock)
    this.#table = new TransactionTable(transport, this.#timers)
    this.#agent = new Agent({ transport, timers: this.#timers, table: this.#table, random, log, name })
    this.#outside = new OutsideAnswers(this.#agent)
  }

  /** Calls whose `ended` is still to come. */
  get callsOpen(): number {
    return this.#open.size
  }

  /** Whatever is kept: transactions, calls and running timers. 0 when all is over. */
  get entries(): number {
    return this.#table.size + this.#calls.size + this.#open.size + this.#timers.size
  }

  /** Messages that belonged to nothing, or made no sense. */
  get ignored(): number {
    return this.#ignored
  }

  /** Sends the INVITE. Nothing of the listener is called before this returns. */
  invite(call: OutgoingCall, listener: CallListener): Call {
    const live = new LiveCall(this.#agent, call, listener, this.#host)
    this.#calls.set(live.callId, live)
    this.#open.add(live)
    live.start()
    return live
  }

  /** Answers a 401 or 407 itself. */
  request(request: OutOfDialogRequest, done: ResponseHandler): void {
    sendOutOfDialog(this.#agent, request, done)
  }

  newSeries(): RequestSeries {
    return { callId: this.#agent.newCallId(), cseq: 0 }
  }

  /** `<sip:user@host:port>` under which `peer` reaches us. */
  contactFor(peer: Peer, user: string): string {
    return this.#agent.contactFor(peer, user)
  }

  /** BYE or CANCEL for every call; `ended` of each follows. */
  hangUpAll(): void {
    for (const call of [...this.#open]) call.hangUp()
  }

  /** The parser lets through only what has its six header fields (message/message-rules.ts). */
  received(message: SipMessage, from: Peer): void {
    if (message.kind === 'response') this.#response(message, from)
    else if (!this.#table.request(message)) this.#request(message, from)
  }

  failed(peer: Peer, why: string): void {
    this.#table.failed(peer, why)
  }

  /** Runs what is due. `nowMs`: Clock.monotonic. */
  tick(nowMs: number): void {
    this.#timers.tick(nowMs)
  }

  /** Milliseconds until `tick` has something to do; Infinity: nothing waits. Anew after whatever was called here. */
  nextMs(nowMs: number): number {
    return this.#timers.nextMs(nowMs)
  }

  /** More than one Via: it is another's, and came here by mistake (§8.1.3.3). */
  #response(response: SipResponse, from: Peer): void {
    const vias = response.headers.all('via')
    const isOurs = vias.length === 1 && this.#table.response(response, from)
    if (!isOurs) this.#ignored++
  }

  #request(request: SipRequest, from: Peer): void {
    const { headers } = request
    const call = request.method === 'CANCEL' ? undefined : this.#calls.get(headers.get('call-id')!)
    if (tagOf(headers.get('to')) !== '' && call?.request(request, from)) return
    if (request.method === 'ACK') this.#ignored++
    else this.#outside.answer(request, from)
  }
}
