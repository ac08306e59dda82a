/** One ESME's connection to the simulator: binds, answers submits, delivers receipts (SMPP 3.4 §2.2, §4). */
import type { Socket } from 'node:net'
import { systemClock } from '../../engine/contract/clock.js'
import { COMMAND, HEADER_BYTES, RESPONSE, SEQUENCE_MAX } from '../constants.js'
import { cStringEnd, type MessagePdu, newMessagePdu, readMessagePdu, readUint32 } from '../decode.js'
import { beginPdu, endPdu, writeBindResponse, writeHeaderOnly, writeSubmitResponse } from '../encode.js'
import { Framer } from '../framer.js'
import { STATUS } from '../status.js'
import { Window } from '../window.js'
import { type BufferPool, Writer } from '../writer.js'
import { DelayedAnswers } from './delayed-answers.js'
import { Manners, writeGarbage, writeRefusal, writeUninvited } from './manners.js'
import { writeReceipt } from './receipt-pdu.js'
import type { ReceiptWriter } from './receipt-text.js'
import type { SessionScript } from './session-script.js'
import type { SubscriberPdu } from './subscriber-pdu.js'
import type { Subscribers } from './subscribers.js'

/** Most receipts that wait for their deliver_sm_resp on one session. */
const RECEIPTS_IN_FLIGHT = 500
/** Of what the script sends of its own accord; far from the numbers of receipts. */
const ENQUIRE_SEQUENCE = SEQUENCE_MAX - 1

/** What the simulator decides about one submit. `status` -1: no answer; -2: the connection is cut; -3: generic_nack. */
export interface Decision {
  status: number
  id: number
  twice: boolean
}

/** The carrier behind all sessions. */
export interface SessionHost {
  readonly pool: BufferPool
  readonly systemId: string
  readonly latencyMs: number
  readonly muted: boolean
  readonly script: SessionScript
  readonly subscribers: Subscribers
  authorise(session: SmscSession, password: string): number
  submit(session: SmscSession, bytes: Buffer, pdu: MessagePdu, sequence: number): Decision
  acknowledged(session: SmscSession, record: number, status: number, sequence: number): void
  worked(session: SmscSession): void
  protocolError(session: SmscSession, what: string): void
  unbound(): void
  enquireAnswered(): void
  closed(session: SmscSession, unacknowledged: number[]): void
  /** What the receipt says, until the next call. */
  receipt(record: number): ReceiptWriter
  /** The id of a response in the carrier's dialect. */
  responseId(id: number): string
}

const pdu = newMessagePdu()

export class SmscSession {
  readonly number: number
  /** '' until bound. */
  system = ''
  /** Registered number of the system, set by the host. */
  systemNumber = -1
  receives = false
  #host: SessionHost
  #manners: Manners
  #socket: Socket
  #writer: Writer
  #framer: Framer
  #receipts = new Window(RECEIPTS_IN_FLIGHT, 1)
  #delayed = new DelayedAnswers()
  #sends = false
  #unanswered = 0
  #closed = false

  constructor(number: number, socket: Socket, host: SessionHost) {
    this.number = number
    this.#socket = socket
    this.#host = host
    this.#manners = new Manners(() => host.script, number)
    this.#writer = new Writer(socket, host.pool, () => this.#onRelieved())
    this.#framer = new Framer((bytes, start, end) => this.#onPdu(bytes, start, end))
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#onChunk(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#onClose())
  }

  /** Submits read and not answered: what the peer has outstanding as far as it can be seen here. */
  get outstanding(): number {
    return this.#unanswered
  }
  get delayed(): number {
    return this.#delayed.size
  }
  get receiptsInFlight(): number {
    return this.#receipts.inFlight
  }
  /** May take another receipt. */
  get hungry(): boolean {
    return this.receives && !this.#closed && this.#receipts.inFlight < RECEIPTS_IN_FLIGHT && !this.#writer.congested
  }

  /** Sends the answers whose latency is over. */
  answerDue(nowMs: number): void {
    if (this.#closed) return
    while (this.#delayed.due(nowMs)) {
      this.#answer(this.#delayed.sequence, this.#delayed.status, this.#delayed.id)
      this.#delayed.shift()
    }
    this.flush()
  }

  flush(): void {
    if (!this.#closed) this.#writer.flush()
  }

  /** A receipt, in the carrier's dialect. */
  deliver(record: number, nowMs: number): void {
    const sequence = this.#receipts.sequenceAt(this.#receipts.open(record, 0, nowMs, 0)) + this.#sequenceOffset
    writeReceipt(this.#writer, sequence, this.#host.receipt(record))
  }

  /** A message of a subscriber. Its slot of the window has a negative number, which no receipt has. */
  deliverPdu(number: number, { command, body }: SubscriberPdu, nowMs: number): void {
    this.#writer.reserve(HEADER_BYTES + body.length)
    const sequence = this.#receipts.sequenceAt(this.#receipts.open(-number, 0, nowMs, 0)) + this.#sequenceOffset
    const at = beginPdu(this.#writer, command, 0, sequence)
    endPdu(this.#writer, at + body.copy(this.#writer.bytes, at))
  }

  /** Asks the peer to leave. */
  unbind(): void {
    writeHeaderOnly(this.#writer, COMMAND.unbind, 0, SEQUENCE_MAX)
    this.flush()
  }

  drop(): void {
    this.#framer.stop()
    this.#socket.destroy()
  }

  end(): void {
    this.#socket.destroySoon()
  }

  #onChunk(chunk: Buffer): void {
    const broken = this.#framer.push(chunk, chunk.length)
    if (broken !== 0 && !this.#socket.destroyed) {
      this.#host.protocolError(this, `command_length ${broken}`)
      this.#socket.destroy()
    }
    this.flush()
    if (this.#writer.congested) this.#socket.pause()
    this.#host.worked(this)
  }

  #onRelieved(): void {
    if (this.#socket.isPaused()) this.#socket.resume()
    this.#host.worked(this)
  }

  #onClose(): void {
    if (this.#closed) return
    this.#closed = true
    this.#framer.stop()
    this.#writer.discard()
    const records: number[] = []
    for (let slot = this.#receipts.oldest(); slot >= 0; slot = this.#receipts.oldest()) {
      records.push(this.#receipts.refAt(slot))
      this.#receipts.close(slot)
    }
    this.#host.subscribers.putBack(records.filter((record) => record < 0).map((record) => -record))
    this.#host.closed(
      this,
      records.filter((record) => record >= 0),
    )
  }

  #onPdu(bytes: Buffer, start: number, end: number): void {
    if (this.#host.muted || this.#manners.isSilent) return
    const command = readUint32(bytes, start + 4)
    const sequence = readUint32(bytes, start + 12)
    if (command === COMMAND.submitSm) this.#onSubmit(bytes, start, end, sequence)
    else if (command === COMMAND.deliverSmResp || command === COMMAND.dataSmResp)
      this.#onDeliverResponse(readUint32(bytes, start + 8), sequence)
    else this.#onOther(bytes, start, end, command)
  }

  #onSubmit(bytes: Buffer, start: number, end: number, sequence: number): void {
    if (!this.#sends) {
      this.#host.protocolError(this, 'submit_sm on a session that may not send')
      writeSubmitResponse(this.#writer, STATUS.invalidBindStatus, sequence, '')
      return
    }
    if (!this.#survives()) return
    readMessagePdu(bytes, start, end, pdu)
    this.#unanswered++
    const { status, id, twice } = this.#host.submit(this, bytes, pdu, sequence)
    if (status === -2) this.drop()
    if (status === -3) writeHeaderOnly(this.#writer, COMMAND.genericNack, STATUS.systemError, sequence)
    if (status < 0) {
      this.#unanswered--
      return
    }
    const { latencyMs } = this.#host
    if (latencyMs > 0) this.#delayed.push(systemClock.monotonic() + latencyMs, sequence, status, id)
    else this.#answer(sequence, status, id)
    if (twice) writeSubmitResponse(this.#writer, status, sequence, this.#host.responseId(id))
  }

  /** False: the script wants that this submit is not even looked at. */
  #survives(): boolean {
    switch (this.#manners.submitted()) {
      case 'unbind':
        this.unbind()
        return true
      case 'cut':
        this.drop()
        return false
      case 'garbage':
        writeGarbage(this.#writer)
        return false
      case 'ignore':
        return false
      default:
        return true
    }
  }

  /** What the script adds to the numbers of its own requests, which count from 1. */
  get #sequenceOffset(): number {
    return (this.#manners.value('sequence') ?? 1) - 1
  }

  #answer(sequence: number, status: number, id: number): void {
    this.#unanswered--
    if (status !== 0) writeRefusal(this.#writer, status, sequence, this.#manners)
    else writeSubmitResponse(this.#writer, status, sequence, this.#manners.has('noid') ? '' : this.#host.responseId(id))
  }

  #onDeliverResponse(status: number, sequence: number): void {
    const slot = this.#receipts.find((sequence - this.#sequenceOffset) >>> 0)
    if (slot < 0) {
      this.#host.protocolError(this, 'deliver_sm_resp to no receipt')
      return
    }
    const record = this.#receipts.refAt(slot)
    this.#receipts.close(slot)
    if (record < 0) this.#host.subscribers.answered(-record, status)
    else this.#host.acknowledged(this, record, status, sequence)
  }

  #onOther(bytes: Buffer, start: number, end: number, command: number): void {
    const sequence = readUint32(bytes, start + 12)
    switch (command) {
      case COMMAND.bindReceiver:
      case COMMAND.bindTransmitter:
      case COMMAND.bindTransceiver:
        this.#onBind(bytes, start, end, command)
        return
      case COMMAND.enquireLink:
        if (this.#manners.has('noenquire')) return
        writeHeaderOnly(this.#writer, COMMAND.enquireLinkResp, 0, sequence)
        return
      case COMMAND.enquireLinkResp:
        this.#host.enquireAnswered()
        return
      case COMMAND.unbind:
        this.#onUnbind(sequence)
        return
      case COMMAND.unbindResp:
        this.end()
        return
      default:
        this.#host.protocolError(this, `command_id 0x${command.toString(16)}`)
        if (command >>> 31 === 0) {
          writeHeaderOnly(this.#writer, COMMAND.genericNack, STATUS.invalidCommandId, sequence)
        }
    }
  }

  #onUnbind(sequence: number): void {
    this.#host.unbound()
    if (this.#manners.has('nounbind')) return
    if (!this.#manners.has('unbindclose')) writeHeaderOnly(this.#writer, COMMAND.unbindResp, 0, sequence)
    this.flush()
    this.end()
  }

  /** §4.1.1: system_id, password, system_type, interface_version, addr_ton, addr_npi, address_range. */
  #onBind(bytes: Buffer, start: number, end: number, command: number): void {
    if (this.#manners.has('bindmute')) return
    const sequence = readUint32(bytes, start + 12)
    const systemEnd = cStringEnd(bytes, start + 16, end)
    const passwordEnd = cStringEnd(bytes, Math.min(systemEnd + 1, end), end)
    const typeEnd = cStringEnd(bytes, Math.min(passwordEnd + 1, end), end)
    const already = this.system !== ''
    let status: number = STATUS.alreadyBound
    if (!already) {
      this.system = bytes.latin1Slice(start + 16, systemEnd)
      status = this.#manners.bindRefusal(typeEnd + 1 < end ? bytes[typeEnd + 1]! : 0)
      if (status === 0) status = this.#host.authorise(this, bytes.latin1Slice(systemEnd + 1, passwordEnd))
    }
    if (status === 0) {
      this.#sends = command !== COMMAND.bindReceiver
      this.receives = command !== COMMAND.bindTransmitter
    } else if (!already) {
      this.system = ''
    }
    this.#answerBind((command | RESPONSE) >>> 0, status, sequence)
    if (status !== 0 && !already) this.end()
  }

  #answerBind(command: number, status: number, sequence: number): void {
    const manners = this.#manners
    if (manners.has('enquire')) writeHeaderOnly(this.#writer, COMMAND.enquireLink, 0, ENQUIRE_SEQUENCE)
    const systemId = status === 0 || manners.has('bindbody') ? this.#host.systemId : null
    writeBindResponse(this.#writer, command, status, { sequence, systemId, version: !manners.has('noversion') })
    if (status === 0 && manners.has('enquire')) {
      writeHeaderOnly(this.#writer, COMMAND.enquireLink, 0, ENQUIRE_SEQUENCE)
    }
    if (status === 0 && manners.has('uninvited')) writeUninvited(this.#writer, ENQUIRE_SEQUENCE)
    this.flush()
  }
}
