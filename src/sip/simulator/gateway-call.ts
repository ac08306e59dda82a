/**
 * One call that has come to the simulated gateway (RFC 3261 §13.3, §14.2, §15): from its INVITE to its line in the ledger. What
 * the telephone does is its fate; time is what the options say.
 */
import type { Codec } from '../media/media.js'
import { listHas } from '../message/list.js'
import { q850Of } from '../message/reason.js'
import type { SipRequest, SipResponse } from '../message/sip-message.js'
import type { CallSite } from './call-site.js'
import { CallTimers } from './call-timers.js'
import { Ear, type EarTarget } from './ear.js'
import type { Fate } from './fates.js'
import type { CallEntry } from './gateway-ledger.js'
import { type AudioOffer, answerAudio, offerAudio, readAudio } from './gateway-sdp.js'
import { RemoteSide } from './remote-side.js'
import { ALLOW, reasonValue, responseTo, setSdp } from './responses.js'
import { LIFE_MS, type ServerTransaction, T2_MS } from './server-transactions.js'

export interface CallFacts {
  number: string
  caller: string
  fate: Fate
  /** Epoch milliseconds. */
  start: number
  /** Of our side of the dialog. */
  tag: string
  /** Number of the call, from 1. */
  index: number
}

const NO_ANSWER = { status: 480, cause: 19 }
const RINGS_AT_MOST_MS = 180_000
const COSTLY = '+8821300000000'

export class GatewayCall {
  readonly #site: CallSite
  readonly #facts: CallFacts
  readonly #invite: ServerTransaction
  readonly #remote: RemoteSide
  readonly #timers = new CallTimers()
  readonly callId: string
  /** From 1. */
  readonly index: number
  #ear: Ear | null = null
  #offer: AudioOffer | null
  #codec: Codec = 'pcma'
  #answeredAt: number | null = null
  #acknowledge: (() => void) | null = null
  #provisional: { rseq: number; acknowledged: () => void } | null = null
  #sdpVersion = 1
  #digits = ''
  #status = 0
  #isOver = false

  constructor(site: CallSite, invite: ServerTransaction, facts: CallFacts) {
    this.#site = site
    this.#facts = facts
    this.#invite = invite
    const { request, flow } = invite
    this.index = facts.index
    this.callId = request.headers.get('call-id')!
    const contact = site.contactFor(facts.number)
    const { sentBy, options } = site
    this.#remote = new RemoteSide(request, flow, { tag: facts.tag, contact, sentBy, transport: options.transport })
    this.#offer = request.body.length === 0 ? null : readAudio(request.body.toString())
  }

  isOf(request: SipRequest): boolean {
    return this.#remote.isOf(request)
  }

  /** The telephone does what it is fated to. */
  async begin(): Promise<void> {
    const { fate } = this.#facts
    if (fate.kind === 'silent') {
      this.#invite.ignore()
      this.#finish('caller', 0)
      return
    }
    this.#respond(100)
    if (this.#invite.request.body.length > 0 && this.#chosen() === null) {
      this.refuse(488, 0)
      return
    }
    await this.#timers.pause(this.#site.options.postDialMs ?? 0)
    if (this.#isOver) return
    if (fate.kind === 'refuses' && !fate.ringsFirst) {
      this.refuse(fate.status, fate.cause)
      return
    }
    if (fate.kind !== 'refuses' && !(await this.#openEar())) return
    await this.#ring()
  }

  async #openEar(): Promise<boolean> {
    const socket = await this.#site.openSocket()
    if (this.#isOver || socket === null) {
      socket?.close()
      if (!this.#isOver) this.refuse(503, 34)
      return false
    }
    this.#ear = new Ear(
      socket,
      this.#site.earOptions(() => this.#heardFirst()),
    )
    this.#codec = this.#chosen() ?? this.#site.codecs[0]!
    const target = this.#target(this.#offer)
    if (target !== null) this.#ear.connect(target)
    this.#site.joined(this.#ear)
    return true
  }

  /** First of its codecs that is ours. */
  #chosen(): Codec | null {
    return this.#offer?.codecs.find((codec) => this.#site.codecs.includes(codec)) ?? null
  }

  #target(offer: AudioOffer | null): EarTarget | null {
    if (offer === null) return null
    return { address: offer.address, port: offer.port, codec: this.#codec, eventType: offer.eventType }
  }

  async #ring(): Promise<void> {
    const { options } = this.#site
    const { fate } = this.#facts
    const status = options.ringing ?? 180
    const response = this.#made(status)
    if (status === 183 && this.#ear !== null && this.#offer !== null) this.#describe(response)
    await this.#provide(response)
    if (fate.kind === 'rings')
      this.#timers.later(RINGS_AT_MOST_MS, () => this.refuse(NO_ANSWER.status, NO_ANSWER.cause))
    else {
      await this.#timers.pause(options.ringMs ?? 200)
      if (this.#isOver) return
      if (fate.kind === 'refuses') this.refuse(fate.status, fate.cause)
      else this.#answer()
    }
  }

  /** Resolves when it was acknowledged, where that is asked for (RFC 3262 §3). */
  async #provide(response: SipResponse): Promise<void> {
    const { headers } = this.#invite.request
    const asked = [...headers.all('supported'), ...headers.all('require')]
    if (
      !listHas(headers.all('require'), '100rel') &&
      !(this.#site.options.isReliable === true && listHas(asked, '100rel'))
    ) {
      this.#invite.respond(response)
      return
    }
    const rseq = 1 + Math.floor(this.#site.chance() * 1_000_000)
    response.headers.append('require', '100rel')
    response.headers.append('rseq', String(rseq))
    this.#invite.respond(response)
    await new Promise<void>((resolve) => {
      const stop = this.#timers.repeat(() => this.#invite.sendAgain(), {
        fails: () => this.refuse(504, 0),
        most: LIFE_MS,
      })
      this.#provisional = {
        rseq,
        acknowledged: () => {
          stop()
          resolve()
        },
      }
    })
  }

  /** 200, again and again until the ACK comes (§13.3.1.4). */
  #answer(): void {
    const response = this.#made(200)
    response.headers.append('allow', ALLOW)
    this.#describe(response)
    this.#site.counters.stats.answered++
    this.#answeredAt = this.#site.now()
    this.#respondFinally(response)
    const stop = this.#timers.repeat(() => this.#invite.sendAgain(), {
      fails: () => this.#unacknowledged(),
      most: T2_MS,
    })
    this.#acknowledge = () => {
      stop()
      this.#established()
    }
  }

  #established(): void {
    const { options } = this.#site
    const { fate } = this.#facts
    if (fate.kind === 'hangsUp') this.#timers.later(options.hangUpMs ?? 1_500, () => this.hangUp())
    else if (options.talkMs !== undefined) this.#timers.later(options.talkMs, () => this.hangUp())
    if (options.reinviteMs !== undefined) this.#timers.later(options.reinviteMs, () => void this.#move())
  }

  #unacknowledged(): void {
    this.#site.counters.stats.unacknowledged++
    this.#sayBye(41)
    this.#finish('lost', 41)
  }

  /** The telephone rings off. */
  hangUp(): void {
    if (this.#isOver) return
    this.#site.counters.stats.weHungUp++
    this.#sayBye(16)
    this.#finish('gateway', 16)
  }

  #sayBye(cause: number): void {
    const request = this.#remote.request('BYE', this.#site.branch())
    request.headers.append('reason', reasonValue(cause))
    this.#site.ask(request, this.#remote, (response) => {
      if (response !== null && response.status >= 300 && response.status !== 481)
        this.#site.counters.complain(`BYE was answered with ${response.status}`)
    })
  }

  /** A re-INVITE: the sound goes to another port from now on (§14.1). */
  async #move(): Promise<void> {
    const socket = await this.#site.openSocket()
    if (socket === null || this.#isOver || this.#ear === null) {
      socket?.close()
      return
    }
    const request = this.#remote.request('INVITE', this.#site.branch())
    this.#sdpVersion++
    request.body = setSdp(request, offerAudio([this.#codec], { ...this.#place(), port: socket.address().port }))
    this.#site.ask(request, this.#remote, (response) => {
      if (response !== null && response.status < 300) {
        const sequence = Number.parseInt(request.headers.get('cseq')!, 10)
        this.#site.say(this.#remote.request('ACK', this.#site.branch(), sequence), this.#remote)
        if (!this.#isOver) this.#ear!.moveTo(socket)
        else socket.close()
      } else {
        this.#site.counters.complain(`re-INVITE was answered with ${response?.status ?? 'nothing'}`)
        socket.close()
      }
    })
  }

  /** Within the dialog, and new. */
  asked(request: SipRequest, transaction: ServerTransaction | null): void {
    if (transaction === null) this.#acknowledged(request)
    else if (this.#isOver) transaction.respond(responseTo(request, 481, ''))
    else if (!this.#remote.isInOrder(request)) transaction.respond(responseTo(request, 500, ''))
    else if (request.method === 'BYE') this.#bye(request, transaction)
    else if (request.method === 'PRACK') this.#prack(request, transaction)
    else if (request.method === 'INVITE' || request.method === 'UPDATE') this.#reoffered(request, transaction)
    else transaction.respond(responseTo(request, request.method === 'INFO' ? 200 : 405, ''))
  }

  #acknowledged(ack: SipRequest): void {
    if (this.#offer === null && ack.body.length > 0) {
      this.#offer = readAudio(ack.body.toString())
      const target = this.#target(this.#offer)
      if (target !== null) this.#ear?.connect(target)
    }
    this.#acknowledge?.()
    this.#acknowledge = null
  }

  #bye(request: SipRequest, transaction: ServerTransaction): void {
    transaction.respond(responseTo(request, 200, ''))
    if (this.#answeredAt === null) {
      this.#site.counters.complain('BYE before the answer')
      this.refuse(487, 0)
      return
    }
    this.#site.counters.stats.callerHungUp++
    this.#finish('caller', q850Of(request.headers)?.cause ?? 0)
  }

  #prack(request: SipRequest, transaction: ServerTransaction): void {
    const rseq = Number.parseInt(request.headers.get('rack') ?? '', 10)
    const isRight = this.#provisional !== null && rseq === this.#provisional.rseq
    if (!isRight) this.#site.counters.complain('PRACK of no provisional response')
    transaction.respond(responseTo(request, isRight ? 200 : 481, ''))
    if (isRight) this.#provisional!.acknowledged()
    if (isRight) this.#provisional = null
  }

  #reoffered(request: SipRequest, transaction: ServerTransaction): void {
    this.#remote.retarget(request)
    const offer = request.body.length === 0 ? null : readAudio(request.body.toString())
    if (request.body.length > 0 && (offer === null || !offer.codecs.includes(this.#codec))) {
      transaction.respond(responseTo(request, 488, ''))
      return
    }
    this.#offer = offer ?? this.#offer
    const response = responseTo(request, 200, '')
    response.headers.append('contact', `<${this.#site.contactFor(this.#facts.number)}>`)
    this.#sdpVersion++
    if (offer !== null) this.#describe(response)
    const target = this.#target(offer)
    if (target !== null) this.#ear?.connect(target)
    transaction.respond(response)
    if (request.method === 'UPDATE') return
    const stop = this.#timers.repeat(() => transaction.sendAgain(), { fails: () => this.hangUp(), most: T2_MS })
    this.#acknowledge = stop
  }

  /** The caller gives up; its INVITE is still open (§9.2). */
  canceled(): void {
    if (this.#isOver || this.#answeredAt !== null) return
    this.#site.counters.stats.canceled++
    this.refuse(487, 0)
  }

  #heardFirst(): void {
    const { digits } = this.#facts.fate
    if (digits === '') return
    this.#timers.later(this.#site.options.digitAfterMs ?? 2_000, () => {
      this.#digits = digits
      this.#site.counters.stats.digitsPressed += digits.length
      if (this.#site.options.digitsBy === 'info') this.#inform(digits)
      else this.#ear?.press(digits)
    })
  }

  /** One INFO a digit, each after the answer to the one before. */
  #inform(digits: string): void {
    if (digits === '' || this.#isOver) return
    const request = this.#remote.request('INFO', this.#site.branch())
    request.headers.append('content-type', 'application/dtmf-relay')
    request.body = Buffer.from(`Signal=${digits[0]}\r\nDuration=160\r\n`)
    this.#site.ask(request, this.#remote, () => this.#inform(digits.slice(1)))
  }

  #made(status: number): SipResponse {
    const { request } = this.#invite
    const response = responseTo(request, status, status === 100 ? '' : this.#facts.tag)
    if (status === 100) return response
    for (const value of request.headers.all('record-route')) response.headers.append('record-route', value)
    response.headers.append('contact', `<${this.#site.contactFor(this.#facts.number)}>`)
    return response
  }

  #respond(status: number): void {
    this.#invite.respond(this.#made(status))
  }

  #place(): { address: string; port: number; sessionId: number; version: number } {
    const port = this.#ear!.port
    return { address: this.#site.mediaAddress, port, sessionId: this.index, version: this.#sdpVersion }
  }

  #describe(response: SipResponse): void {
    const sdp =
      this.#offer === null
        ? offerAudio(this.#site.codecs, this.#place())
        : answerAudio(this.#offer, this.#codec, this.#place())
    response.body = setSdp(response, sdp)
  }

  /** With that status, and a Q.850 cause where it is not 0; nothing where the INVITE has its final response. */
  refuse(status: number, cause: number): void {
    if (this.#isOver || this.#invite.status !== 0) return
    const response = responseTo(this.#invite.request, status, this.#facts.tag)
    if (cause !== 0) response.headers.append('reason', reasonValue(cause))
    if (status === 503) response.headers.append('retry-after', '1')
    if (status >= 300 && status < 400) response.headers.append('contact', `<${this.#site.contactFor(COSTLY)}>`)
    this.#respondFinally(response)
    this.#finish(status === 487 ? 'caller' : 'gateway', cause)
  }

  #respondFinally(response: SipResponse): void {
    this.#status = response.status
    this.#site.counters.status(response.status)
    this.#invite.respond(response)
  }

  /** Ends without a word: the gateway is stopped. */
  close(): void {
    this.#finish('gateway', 0)
  }

  #finish(by: CallEntry['by'], cause: number): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#acknowledge = null
    this.#timers.stopAll()
    const { number, caller, fate, start } = this.#facts
    const view = this.#ear?.view ?? { heardMs: 0, packets: 0, lost: 0, stray: 0, jumps: 0 }
    this.#site.ended(this, this.#ear, {
      ...{
        callId: this.callId,
        number,
        caller,
        fate: fate.word,
        start,
        answered: this.#answeredAt,
        end: this.#site.now(),
      },
      ...{ by, status: this.#status, cause, ...view, digits: this.#digits },
    })
  }
}
