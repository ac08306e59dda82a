/**
 * One TCP connection's life: connecting → binding → bound → unbinding → closed (SMPP 3.4 §2.2). Dispatcher thread.
 *
 * Socket events only record and answer; sending happens at the channel's pace. Nothing here throws for what a peer does:
 * an unreadable stream, a refusal or silence ends the session with a reason, and its owner opens the next one.
 */
import type { Endpoint } from '../engine/config/endpoint.js'
import type { MessageRef, OutgoingMessage } from '../engine/contract/message.js'
import { OUTCOME } from '../engine/contract/outcome.js'
import type { CarrierContext } from './carrier-context.js'
import { type BindCommand, COMMAND, RESPONSE } from './constants.js'
import { readUint32, scInterfaceVersion } from './decode.js'
import { writeBind, writeDeliverResponse, writeHeaderOnly } from './encode.js'
import { Framer } from './framer.js'
import { InboundReader } from './inbound.js'
import { refusalText } from './reconnect.js'
import { type Answer, Requests, type RequestsOwner } from './requests.js'
import type { Connection } from './socket.js'
import { STATUS, statusName } from './status.js'
import { SessionTimers } from './timers.js'
import { type ByteSink, Writer } from './writer.js'

export type SessionState = 'connecting' | 'binding' | 'bound' | 'unbinding' | 'closed'

/** Why a session ended. `status` is the refusal of the bind, 0 for any other end. */
export interface SessionEnd {
  reason: string
  status: number
  /** The bind was written, whatever became of it. */
  wasAsked: boolean
  wasBound: boolean
  /** How long it was bound; 0 = never. */
  wasBoundMs: number
  /** At least one submit was accepted. */
  wasUseful: boolean
}

export interface SessionOwner extends RequestsOwner {
  /** `version`: what both sides speak, 0x34 or 0x50. */
  bound(version: number): void
  /** Every part of the session is settled before this. */
  closed(end: SessionEnd): void
}

/** Which connection this is: index of the bind, command, and the number of this connection among the bind's. */
export interface SessionIdentity {
  bind: number
  command: BindCommand
  generation: number
  endpoint: Endpoint
  /** interface_version that is offered. */
  version: number
}

/** What is open gets this long after an unbind of either side, and a peer that never answers ours (carriers.md 72). */
const UNBIND_MS = 5_000

export class Session {
  readonly identity: SessionIdentity
  #context: CarrierContext
  #owner: SessionOwner
  #socket: Connection
  #writer: Writer
  #framer: Framer
  #requests: Requests
  #inbound: InboundReader
  #timers: SessionTimers
  #state: SessionState = 'connecting'
  #since: number
  #boundAt = -1
  #reading = true
  #answers = 0
  #peerUnbound = false
  #useful = false
  #unflushedBatch = 0
  /** Filled anew for each answer to a submit. */
  readonly #answer: Answer = { status: 0, sequence: 0, nowMs: 0 }
  #now: number

  constructor(context: CarrierContext, identity: SessionIdentity, owner: SessionOwner) {
    this.identity = identity
    this.#context = context
    this.#owner = owner
    this.#now = context.clock.monotonic()
    this.#since = this.#now
    this.#timers = new SessionTimers(context.carrier, this.#now)
    this.#framer = new Framer((bytes, start, end) => this.#onPdu(bytes, start, end))
    this.#inbound = new InboundReader(context, identity)
    this.#socket = context.connect(context.carrier, identity.endpoint, {
      opened: () => this.#onOpened(),
      chunk: (bytes, length) => this.#onChunk(bytes, length),
      ended: (reason) => this.#finish(reason, 0),
    })
    this.#writer = new Writer(this.#tapped(this.#socket), context.pool, () => this.#onRelieved())
    this.#requests = new Requests(context, this.#writer, identity.bind, owner)
  }

  get state(): SessionState {
    return this.#state
  }
  get inFlight(): number {
    return this.#requests.inFlight
  }
  get isDoubtful(): boolean {
    return this.#requests.isDoubtful
  }
  get unacknowledged(): number {
    return this.#inbound.unacknowledged
  }
  /** May carry submits now. */
  get ready(): boolean {
    return this.#state === 'bound' && this.identity.command !== COMMAND.bindReceiver && !this.#writer.congested
  }

  /** Call only while `ready` and within the window. */
  submit(message: OutgoingMessage, part: number, nowMs: number): void {
    this.#requests.submit(message, part, nowMs)
  }

  /** Answers a deliver_sm or data_sm; written at the next flush. */
  acknowledge(sequence: number, dataSm: boolean, ok: boolean): void {
    if (this.#state === 'closed') return
    this.#inbound.acknowledged(sequence)
    const command = dataSm ? COMMAND.dataSmResp : COMMAND.deliverSmResp
    writeDeliverResponse(this.#writer, command, ok ? STATUS.ok : STATUS.temporaryAppError, sequence)
    if (this.#reading || !this.#inbound.isRelieved) return
    this.#reading = true
    this.#socket.resume()
  }

  sentAtOf(ref: MessageRef): number {
    return this.#requests.sentAtOf(ref)
  }

  resizeWindow(window: number): void {
    this.#requests.resize(window)
  }

  flush(): void {
    if (this.#state !== 'closed') this.#writer.flush()
  }

  tick(nowMs: number): void {
    this.#now = nowMs
    const { responseTimeoutMs } = this.#context.carrier
    if (this.#state === 'closed' || this.#timers.stoodStill(nowMs)) return
    if (this.#state === 'connecting' || this.#state === 'binding') {
      if (nowMs - this.#since >= responseTimeoutMs) this.#finish(`no answer while ${this.#state}`, 0)
      return
    }
    if (this.#state === 'bound' && !this.#lives(nowMs)) return
    if (this.#reading && this.#requests.expire(nowMs - responseTimeoutMs) > 0) this.#context.sink.capacityChanged()
    if (this.#state === 'unbinding') this.#tickUnbinding(nowMs)
    this.#flushLeftover()
  }

  /** Asks the carrier to end the session; what is in flight may still be answered for five seconds. */
  unbind(): void {
    if (this.#state !== 'bound') {
      this.#finish('closed by us', 0)
      return
    }
    this.#enterUnbinding()
    writeHeaderOnly(this.#writer, COMMAND.unbind, 0, this.#requests.sequence())
    this.#writer.flush()
  }

  /** Ends at once. */
  close(reason: string): void {
    this.#finish(reason, 0)
  }

  /** What the last tick found encoded already goes out even where nobody calls `flush`. */
  #flushLeftover(): void {
    if (this.#writer.length > 0 && this.#writer.batch === this.#unflushedBatch) this.flush()
    this.#unflushedBatch = this.#writer.length > 0 ? this.#writer.batch : 0
  }

  /** False: the peer is dead or deaf, and the session is over. What we do not read ourselves is not held against it. */
  #lives(nowMs: number): boolean {
    if (!this.#reading) {
      this.#timers.received(nowMs)
      this.#timers.progressed()
    }
    const verdict = this.#timers.tick(nowMs, this.#requests.inFlight)
    if (verdict === 'enquire') {
      writeHeaderOnly(this.#writer, COMMAND.enquireLink, 0, this.#requests.sequence())
      this.#writer.flush()
    }
    if (verdict === 'dead') this.#finish('enquire_link was not answered', 0)
    if (verdict === 'stalled') this.#finish('no submit was answered, though the connection lives', 0)
    return this.#state !== 'closed'
  }

  #tickUnbinding(nowMs: number): void {
    if (nowMs - this.#since >= UNBIND_MS) this.#finish('unbound', 0)
    else if (this.#peerUnbound && this.#requests.inFlight + this.unacknowledged === 0) {
      this.flush()
      this.#finish('unbound by the carrier', 0)
    }
  }

  #onOpened(): void {
    if (this.#state !== 'connecting') return
    const { systemId, password, systemType } = this.#context.carrier
    this.#state = 'binding'
    this.#since = this.#context.clock.monotonic()
    const { command, version } = this.identity
    writeBind(this.#writer, { command, systemId, password, systemType, version }, this.#requests.sequence())
    this.#writer.flush()
    this.#context.sink.bindChanged()
  }

  #onChunk(bytes: Buffer, length: number): boolean {
    this.#now = this.#context.clock.monotonic()
    const broken = this.#framer.push(bytes, length)
    if (broken !== 0 && this.#state !== 'closed') {
      this.#finish(`command_length ${broken === -1 ? 0 : broken} is impossible`, 0)
      return false
    }
    if (this.#answers > 0) this.#reportAnswers()
    if (!this.#inbound.isFull) return true
    this.#reading = false
    return false
  }

  #reportAnswers(): void {
    this.#answers = 0
    this.#timers.progressed()
    this.#context.sink.capacityChanged()
  }

  #onRelieved(): void {
    if (this.#state === 'bound') this.#context.sink.capacityChanged()
  }

  /** The socket, with whoever watches told what goes out. */
  #tapped(socket: Connection): ByteSink {
    const { tracer } = this.#context
    return {
      write: (bytes, written) => {
        if (tracer.isOn) tracer.octets(this.identity, bytes as Buffer)
        return socket.write(bytes, written)
      },
    }
  }

  #onPdu(bytes: Buffer, start: number, end: number): void {
    this.#timers.received(this.#now)
    const { tracer } = this.#context
    if (tracer.isOn) tracer.pdu(this.identity, 'in', bytes, { start, end })
    const command = readUint32(bytes, start + 4)
    if (command === COMMAND.submitSmResp) {
      this.#onSubmitResponse(bytes, start, end)
      return
    }
    if (command === COMMAND.deliverSm || command === COMMAND.dataSm) {
      this.#onDeliver(bytes, start, end)
      return
    }
    if (command === (this.identity.command | RESPONSE) >>> 0) {
      this.#onBindResponse(readUint32(bytes, start + 8), scInterfaceVersion(bytes, start, end))
      return
    }
    this.#onOther(command, readUint32(bytes, start + 8), readUint32(bytes, start + 12))
  }

  #onSubmitResponse(bytes: Buffer, start: number, end: number): void {
    const answer = this.#answer
    answer.status = readUint32(bytes, start + 8)
    answer.sequence = readUint32(bytes, start + 12)
    this.#settle(bytes, start, end)
  }

  /** submit_sm_resp, or generic_nack to a submit. */
  #settle(bytes: Buffer, start: number, end: number): void {
    this.#answer.nowMs = this.#now
    const code = this.#requests.answer(bytes, start, end, this.#answer)
    if (code === null) return
    this.#answers++
    if (code === OUTCOME.accepted) this.#useful = true
  }

  #onDeliver(bytes: Buffer, start: number, end: number): void {
    const command = readUint32(bytes, start + 4)
    const sequence = readUint32(bytes, start + 12)
    const bound = this.#state === 'bound' || this.#state === 'unbinding'
    if (bound && this.#inbound.read(bytes, start, end)) return
    // Nothing in it can be stored: a receipt without any id. It must not block the carrier's queue (carriers.md 26).
    writeDeliverResponse(
      this.#writer,
      (command | RESPONSE) >>> 0,
      bound ? STATUS.ok : STATUS.invalidBindStatus,
      sequence,
    )
  }

  #onOther(command: number, status: number, sequence: number): void {
    switch (command) {
      case COMMAND.enquireLink:
        writeHeaderOnly(this.#writer, COMMAND.enquireLinkResp, 0, sequence)
        this.#writer.flush()
        return
      case COMMAND.enquireLinkResp:
        this.#timers.enquireAnswered()
        return
      case COMMAND.genericNack:
        this.#onNack(status, sequence)
        return
      case COMMAND.unbind:
        this.#onPeerUnbind(sequence)
        return
      case COMMAND.unbindResp:
        if (this.#state === 'unbinding') this.#finish('unbound', 0)
        return
      case COMMAND.outbind:
      case COMMAND.alertNotification:
        this.#context.log.info({ ...this.#labels(), command }, 'ignored: alert_notification or outbind')
        return
      default:
        this.#onUnknown(command, sequence)
    }
  }

  #onUnknown(command: number, sequence: number): void {
    if (command >>> 31 === 0) {
      this.#context.log.warn({ ...this.#labels(), command }, 'unknown command_id')
      writeHeaderOnly(this.#writer, COMMAND.genericNack, STATUS.invalidCommandId, sequence)
      this.#writer.flush()
    } else {
      this.#context.metrics.unmatched()
    }
  }

  /** The lower version of the two is spoken; a carrier that names none speaks 3.4 (carriers.md 63). */
  #onBindResponse(status: number, theirs: number): void {
    if (this.#state !== 'binding') return
    if (status !== 0) {
      this.#finish(refusalText(status), status)
      return
    }
    this.#state = 'bound'
    this.#boundAt = this.#now
    this.#timers = new SessionTimers(this.#context.carrier, this.#now)
    this.#owner.bound(Math.min(this.identity.version, theirs))
  }

  /** generic_nack (§4.3): to a submit when its sequence number waits; any other says at least that the peer lives. */
  #onNack(status: number, sequence: number): void {
    if (this.#state === 'binding') {
      this.#finish(refusalText(status), status)
      return
    }
    if (this.#requests.sentAt(sequence) < 0) {
      this.#context.log.warn({ ...this.#labels(), status: statusName(status) }, 'generic_nack to no request of ours')
      this.#timers.enquireAnswered()
    }
    // A nack has no body; status 0 in one would be absurd and must not count as accepted.
    this.#answer.status = status === 0 ? STATUS.systemError : status
    this.#answer.sequence = sequence
    this.#settle(NO_BODY, 0, 0)
  }

  /** Answered at once; what is open gets five seconds, then the connection is closed and opened anew. */
  #onPeerUnbind(sequence: number): void {
    writeHeaderOnly(this.#writer, COMMAND.unbindResp, 0, sequence)
    this.#writer.flush()
    this.#peerUnbound = true
    if (this.#state !== 'unbinding') this.#enterUnbinding()
  }

  #enterUnbinding(): void {
    this.#state = 'unbinding'
    this.#since = this.#context.clock.monotonic()
    this.#context.sink.bindChanged()
  }

  #labels(): { carrier: string; bind: number } {
    return { carrier: this.#context.carrier.id, bind: this.identity.bind }
  }

  /** Ends the session once: everything open settles, then the owner hears of it. */
  #finish(reason: string, status: number): void {
    if (this.#state === 'closed') return
    const polite = this.#state === 'unbinding'
    if (!polite) this.#inbound.broke()
    const wasAsked = this.#state !== 'connecting'
    this.#state = 'closed'
    this.#framer.stop()
    this.#requests.abandon()
    // After an unbind our last octets must still go out; a broken connection has nothing to say.
    if (polite) this.#socket.destroySoon()
    else this.#socket.destroy()
    const wasBound = this.#boundAt >= 0
    const wasBoundMs = wasBound ? this.#context.clock.monotonic() - this.#boundAt : 0
    this.#owner.closed({ reason, status, wasAsked, wasBound, wasBoundMs, wasUseful: this.#useful })
  }
}

const NO_BODY = Buffer.alloc(0)
