/**
 * The simulated SIP gateway with telephones behind it, for demo, tests and trials (RFC 3261 from the called side): takes calls,
 * registrations and OPTIONS, counts what callers do, and complains of what the RFC forbids. Reads and writes messages with the
 * engine's code, all else is its own.
 */
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { join } from 'node:path'
import { Random } from '../../engine/base/random.js'
import { SecondCounter } from '../../engine/base/second-counter.js'
import { systemClock } from '../../engine/contract/clock.js'
import type { Codec } from '../media/media.js'
import { hostPort } from '../message/host-port.js'
import { listOf } from '../message/list.js'
import { parseNameAddress, tagOf } from '../message/name-address.js'
import { parseSip, SipParseError } from '../message/parse.js'
import type { SipMessage, SipRequest, SipResponse } from '../message/sip-message.js'
import { escapeUser, userOf } from '../message/uri.js'
import { writeSip } from '../message/write.js'
import type { CallSite } from './call-site.js'
import { Deviation } from './deviation.js'
import { type Ear, type EarOptions, EarSockets } from './ear.js'
import { type Fate, type FateRules, fateOf, parseFates } from './fates.js'
import { GatewayCall } from './gateway-call.js'
import { type CallEntry, GatewayLedger } from './gateway-ledger.js'
import type { GatewayOptions } from './gateway-options.js'
import { type Flow, GatewaySockets } from './gateway-sockets.js'
import { GatewayCounters, type GatewayStats } from './gateway-stats.js'
import { Login } from './login.js'
import { OwnRequests } from './own-requests.js'
import type { RemoteSide } from './remote-side.js'
import { ALLOW, contactUri, faultsOf, responseTo } from './responses.js'
import { type ServerTransaction, ServerTransactions } from './server-transactions.js'

const FRAME_MS = 20
const REALM = 'gateway.test'
const NUMBERS_KEPT = 1_000_000
const REGISTERED_SECONDS = 300

export class Gateway implements CallSite {
  readonly options: GatewayOptions
  readonly counters = new GatewayCounters()
  readonly codecs: readonly Codec[]
  readonly #random: Random
  readonly #fates: FateRules
  readonly #sockets: GatewaySockets
  readonly #ears = new Set<Ear>()
  readonly #earSockets: EarSockets
  readonly #transactions: ServerTransactions
  readonly #own = new OwnRequests()
  readonly #login: Login | null
  readonly #ledger: GatewayLedger | null
  readonly #deviation = new Deviation()
  readonly #arrivals = new SecondCounter()
  readonly #calls = new Map<string, GatewayCall>()
  /** Number → calls to it so far, for fates of the first few. */
  readonly #callsTo = new Map<string, number>()
  #port = 0
  #isClosed = false
  #frames: NodeJS.Timeout | null = null

  /** Throws a RangeError for faults or endings that cannot be read. */
  constructor(options: GatewayOptions) {
    const { seed = 1, user, password = '', algorithm = 'MD5', nonceSeconds = 300 } = options
    this.options = options
    this.codecs = options.codecs ?? ['pcma', 'pcmu']
    this.#random = new Random(seed)
    this.#fates = parseFates(options.faults ?? '', options.endings ?? '', seed)
    this.#sockets = new GatewaySockets(options, { received: (bytes, flow) => this.#received(bytes, flow) })
    this.#earSockets = new EarSockets(options.rtpPorts ?? null)
    this.#transactions = new ServerTransactions({
      asked: (request, transaction) => this.#asked(request, transaction),
      canceled: (invite) => this.#callOf(invite.request)?.canceled(),
      repeated: () => this.counters.stats.repeats++,
    })
    const login = { user: user ?? '', password, realm: REALM, algorithm, nonceMs: nonceSeconds * 1_000 }
    this.#login = user === undefined ? null : new Login(login)
    this.#ledger = options.ledgerPath === undefined ? null : new GatewayLedger(options.ledgerPath)
  }

  /** Resolves to its port. */
  async listen(): Promise<number> {
    this.#port = await this.#sockets.listen()
    return this.#port
  }

  stats(): GatewayStats {
    return {
      ...this.counters.stats,
      maxPerSecond: this.#arrivals.most,
      rtpDeviationMs: this.#deviation.view(),
    }
  }

  /** Calls that are open end without a word and have their line in the ledger. Again: nothing happens. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const call of [...this.#calls.values()]) call.close()
    if (this.#frames !== null) clearInterval(this.#frames)
    this.#own.close()
    this.#transactions.close()
    this.#sockets.close()
    this.#ledger?.close()
  }

  /** Every telephone that is off the hook rings off. */
  hangUpAll(): void {
    for (const call of [...this.#calls.values()]) call.hangUp()
  }

  #received(bytes: Buffer, flow: Flow): void {
    if (!flow.isReliable && this.#isLost()) return
    try {
      this.#message(parseSip(bytes, flow.isReliable), flow)
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error
      // Keepalives of a NAT are no messages.
      if (bytes.some((octet) => octet > 0x20)) this.counters.complain(`not SIP: ${error.message}`)
      if (error.request?.headers.has('via')) flow.send(writeSip(responseTo(error.request, error.status, '')))
    }
  }

  #message(message: SipMessage, flow: Flow): void {
    const way = flow.isReliable ? flow : this.#lossy(flow)
    if (message.kind === 'response') {
      this.#own.received(message)
      return
    }
    const { faults, isFatal } = faultsOf(message)
    for (const fault of faults) this.counters.complain(fault)
    if (!isFatal) this.#transactions.received(message, way)
    else if (message.method !== 'ACK' && message.headers.has('via')) way.send(writeSip(responseTo(message, 400, '')))
  }

  #isLost(): boolean {
    const { loss = 0 } = this.options
    if (loss === 0 || this.#random.next() >= loss) return false
    this.counters.stats.dropped++
    return true
  }

  #lossy(flow: Flow): Flow {
    if ((this.options.loss ?? 0) === 0) return flow
    return { ...flow, send: (bytes) => (this.#isLost() ? undefined : flow.send(bytes)) }
  }

  #asked(request: SipRequest, transaction: ServerTransaction | null): void {
    const call = this.#callOf(request)
    if (transaction === null && call === null) this.counters.stats.strayAcks++
    else if (transaction === null) call!.asked(request, null)
    else if (request.method === 'CANCEL') {
      transaction.respond(responseTo(request, this.#transactions.knowsInviteOf(request) ? 200 : 481, this.#tag()))
    } else if (tagOf(request.headers.get('to')) !== '') {
      if (call === null) transaction.respond(responseTo(request, 481, ''))
      else call.asked(request, transaction)
    } else this.#fresh(request, transaction)
  }

  /** null: none, or one whose tags are others. */
  #callOf(request: SipRequest): GatewayCall | null {
    const call = this.#calls.get(request.headers.get('call-id') ?? '')
    if (call === undefined) return null
    return tagOf(request.headers.get('to')) === '' || call.isOf(request) ? call : null
  }

  /** Outside of any dialog. */
  #fresh(request: SipRequest, transaction: ServerTransaction): void {
    const { method } = request
    const unknown = listOf(request.headers.all('require'))?.filter((tag) => tag !== '100rel') ?? []
    if (unknown.length > 0) this.#refuse(transaction, 420, [['unsupported', unknown.join(', ')]])
    else if (method === 'INVITE') this.#invited(request, transaction)
    else if (method === 'REGISTER') this.#registers(request, transaction)
    else if (method === 'OPTIONS') this.#optionsAsked(transaction)
    else this.#refuse(transaction, 405, [['allow', ALLOW]])
  }

  #refuse(transaction: ServerTransaction, status: number, headers: [string, string][] = []): void {
    const response = responseTo(transaction.request, status, this.#tag())
    for (const [name, value] of headers) response.headers.append(name, value)
    transaction.respond(response)
  }

  #optionsAsked(transaction: ServerTransaction): void {
    this.counters.stats.options++
    this.#refuse(transaction, 200, [
      ['allow', ALLOW],
      ['accept', 'application/sdp'],
      ['supported', '100rel'],
    ])
  }

  #registers(request: SipRequest, transaction: ServerTransaction): void {
    if (!this.#isLoggedIn(request, transaction, 401)) return
    this.counters.stats.registrations++
    const contact = contactUri(request)
    const seconds = Number.parseInt(request.headers.get('expires') ?? '', 10)
    const granted = Number.isNaN(seconds) ? REGISTERED_SECONDS : Math.min(seconds, REGISTERED_SECONDS)
    const headers: [string, string][] =
      contact === null || granted === 0 ? [] : [['contact', `<${contact}>;expires=${granted}`]]
    this.#refuse(transaction, 200, headers)
  }

  /** False: it was answered with a challenge or a refusal. */
  #isLoggedIn(request: SipRequest, transaction: ServerTransaction, status: 401 | 407): boolean {
    if (this.#login === null) return true
    const nowMs = systemClock.now()
    const result = this.#login.judge(request, status, nowMs)
    if (result === 'right') return true
    if (result === 'wrong') {
      this.counters.stats.loginFailures++
      this.#refuse(transaction, 403)
      return false
    }
    this.counters.stats.challenges++
    const response = responseTo(request, status, this.#tag())
    this.#login.challenge(response, { status, nowMs, isStale: result === 'stale' })
    transaction.respond(response)
    return false
  }

  #invited(request: SipRequest, transaction: ServerTransaction): void {
    const callId = request.headers.get('call-id')!
    if (!this.#isLoggedIn(request, transaction, this.options.challenge ?? 407)) return
    if (this.#calls.has(callId)) {
      // Two ways to the same telephone: the call is there already (RFC 3261 §8.2.2.2).
      this.#refuse(transaction, 482)
      return
    }
    const number = userOf(request.uri).replace(/^\+/, '').split(';')[0]!
    const fate = this.#fateOf(number)
    const { stats } = this.counters
    stats.calls++
    this.counters.fate(fate.word)
    this.#arrivals.add(1, systemClock.monotonic())
    const call = new GatewayCall(this, transaction, {
      ...{
        number,
        fate,
        caller: userOf(parseNameAddress(request.headers.get('from') ?? '')?.uri ?? ''),
        start: systemClock.now(),
        tag: this.#tag(),
      },
      index: stats.calls,
    })
    this.#calls.set(callId, call)
    this.counters.callBegan()
    const isTooMany = this.#isTooMany()
    if (isTooMany) call.refuse(503, 34)
    else void call.begin()
  }

  #isTooMany(): boolean {
    const { maxCalls = Number.POSITIVE_INFINITY, callsPerSecond = Number.POSITIVE_INFINITY } = this.options
    const { stats } = this.counters
    const isOverRate = this.#arrivals.recent(systemClock.monotonic()) > callsPerSecond
    const isOverCapacity = stats.callsNow > maxCalls
    if (isOverRate) stats.overRate++
    if (isOverCapacity) stats.overCapacity++
    return isOverRate || isOverCapacity
  }

  #fateOf(number: string): Fate {
    if (number === '8821300000000') this.counters.complain('a 302 was followed to a costly number')
    const calls = (this.#callsTo.get(number) ?? 0) + 1
    if (this.#callsTo.size < NUMBERS_KEPT || calls > 1) this.#callsTo.set(number, calls)
    return fateOf(this.#fates, number, calls)
  }

  get sentBy(): string {
    return hostPort(this.options.host, this.#port)
  }

  get mediaAddress(): string {
    return this.options.host
  }

  contactFor(number: string): string {
    const { transport } = this.options
    return `sip:${escapeUser(number)}@${this.sentBy}${transport === 'udp' ? '' : `;transport=${transport}`}`
  }

  now(): number {
    return systemClock.now()
  }

  chance(): number {
    return this.#random.next()
  }

  /** Not by the seed: what a peer may not guess, and what differs between two gateways (RFC 3261 §19.3). */
  branch(): string {
    return randomBytes(9).toString('hex')
  }

  #tag(): string {
    return randomBytes(6).toString('hex')
  }

  openSocket(): Promise<Socket | null> {
    return this.#earSockets.open(this.options.host)
  }

  earOptions(began: () => void): EarOptions {
    const { loss = 0, recordFolder } = this.options
    return {
      ...{ chance: () => this.#random.next(), loss, isRecorded: recordFolder !== undefined },
      ...{ deviation: this.#deviation, began },
    }
  }

  joined(ear: Ear): void {
    this.#ears.add(ear)
    const speaks = this.options.speaks === true
    this.#frames ??= setInterval(() => {
      for (const each of this.#ears) if (speaks || each.isBusy) each.frame(speaks)
    }, FRAME_MS)
  }

  ask(request: SipRequest, remote: RemoteSide, done: (response: SipResponse | null) => void): void {
    const flow = remote.way(this.#sockets, request.method === 'BYE' && this.options.connectsForBye === true)
    this.#own.send(request, flow.isReliable ? flow : this.#lossy(flow), done)
  }

  say(request: SipRequest, remote: RemoteSide): void {
    remote.way(this.#sockets, false).send(writeSip(request))
  }

  ended(call: GatewayCall, ear: Ear | null, entry: Omit<CallEntry, 'recording'>): void {
    this.#calls.delete(call.callId)
    const { stats } = this.counters
    stats.callsNow--
    if (entry.answered !== null && entry.by !== 'lost') stats.ended++
    stats.heardMs += entry.heardMs
    stats.rtpPackets += entry.packets
    stats.rtpLost += entry.lost
    stats.rtpStray += entry.stray
    stats.rtpJumps += entry.jumps
    const recording = this.#record(ear, `${entry.number}-${call.index}.wav`)
    if (ear !== null) this.#ears.delete(ear)
    ear?.close()
    this.#ledger?.write({ ...entry, recording })
  }

  #record(ear: Ear | null, name: string): string | null {
    const { recordFolder } = this.options
    if (recordFolder === undefined || ear === null || ear.view.packets === 0) return null
    ear.write(join(recordFolder, name))
    return name
  }
}
