/**
 * The carrier simulator: an SMSC on a real socket, true to SMPP 3.4, for tests, the demo and benchmarks.
 *
 * Answers within the chunk that brought the submit (or after `latencyMs`), issues receipts after `receiptDelayMs` in
 * windows of 500 a bind, and delivers again after the next bind of the same system_id what was not acknowledged.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { Random } from '../../engine/base/random.js'
import { SecondCounter } from '../../engine/base/second-counter.js'
import { systemClock } from '../../engine/contract/clock.js'
import type { Log } from '../../engine/contract/log.js'
import type { MessagePdu } from '../decode.js'
import { STATUS } from '../status.js'
import { BufferPool } from '../writer.js'
import { type Dialect, isReceipted, parseDialect, responseId } from './dialect.js'
import { drawFault, type Faults, parseFaults } from './faults.js'
import { FingerprintSet, fingerprint, print } from './fingerprints.js'
import { Ledger } from './ledger.js'
import { RECEIPT_KIND, ReceiptQueue, ReceiptStore } from './receipt-store.js'
import { ReceiptWriter } from './receipt-text.js'
import type { SessionScript } from './session-script.js'
import type { SmscOptions } from './smsc-options.js'
import { type Decision, type SessionHost, SmscSession } from './smsc-session.js'
import { newStats, type SmscStats } from './smsc-stats.js'
import { StatsWatch } from './stats-watch.js'
import { Subscribers } from './subscribers.js'

/** One share of tolerance for jitter: as carriers do, the rate is enforced at 1 % and one message above. */
const RATE_TOLERANCE = 1.01
const TICK_MS = 1
const RETRY_MS = 1_000
const LEDGER_MS = 50

interface System {
  name: string
  sessions: SmscSession[]
  queue: ReceiptQueue
}

export class Smsc implements SessionHost {
  readonly pool = new BufferPool()
  readonly systemId = 'trunkline-smsc'
  muted = false
  #options: SmscOptions
  #log: Log
  #random: Random
  #faults: Faults
  #server: Server
  #sessions = new Set<SmscSession>()
  readonly subscribers = new Subscribers(() => this.#sessions)
  #systems: System[] = []
  #receipts = new ReceiptStore()
  readonly #dialect: Dialect
  readonly #receiptRandom: Random
  readonly #receiptWriter: ReceiptWriter
  #waiting = new ReceiptQueue()
  #retries = new ReceiptQueue()
  #ledger: Ledger | null
  #ledgerAt = 0
  #prints: FingerprintSet | null
  #stats: SmscStats = newStats()
  #second = new SecondCounter()
  #accepted = new SecondCounter()
  #nextId: number
  #sessionNumber = 0
  #timer: NodeJS.Timeout | null = null
  #watch = new StatsWatch(() => this.stats())
  #decision: Decision = { status: 0, id: 0, twice: false }

  /** Throws a RangeError for faults or a dialect that cannot be read. */
  constructor(options: SmscOptions, log: Log) {
    this.#options = options
    this.#log = log
    this.#random = new Random(options.seed ?? 1)
    this.#faults = parseFaults(options.faults ?? '')
    this.#dialect = parseDialect(options.dialect ?? '')
    this.#receiptRandom = new Random((options.seed ?? 1) + 1)
    this.#receiptWriter = new ReceiptWriter(this.#receipts, this.#dialect, this.#receiptRandom)
    this.#ledger = options.ledgerPath === undefined ? null : new Ledger(options.ledgerPath)
    this.#prints = options.countRepeats === true ? new FingerprintSet() : null
    // Ids stay unique over restarts: the start in microseconds, from which fewer than a million a second are used.
    this.#nextId = systemClock.now() * 1000 + ((options.seed ?? 0) % 1000)
    this.#server = createServer({ noDelay: true }, (socket) => this.#onSocket(socket))
  }

  responseId(id: number): string {
    return responseId(this.#dialect, id)
  }

  get script(): SessionScript {
    return this.#faults.script
  }

  get latencyMs(): number {
    return this.#options.latencyMs ?? 0
  }

  listen(): Promise<{ port: number }> {
    const { host, port } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => resolve({ port: (this.#server.address() as { port: number }).port }))
    })
  }

  /** Cuts all connections and writes the ledger out. */
  async close(): Promise<void> {
    this.subscribers.stop()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const session of this.#sessions) session.drop()
    await closed
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#ledger?.close()
    this.#ledger = null
  }

  stats(): SmscStats {
    const { most } = this.#second
    const receiptsWaiting = this.#waiting.size + this.#retries.size + this.#systems.reduce(queued, 0)
    return {
      ...this.#stats,
      ...this.subscribers.stats(),
      maxPerSecond: most,
      distinct: this.#prints?.size ?? 0,
      receiptsWaiting,
    }
  }

  /** Resolves as soon as the statistics fit; looked at after each chunk and tick. */
  waitFor(test: (stats: SmscStats) => boolean): Promise<SmscStats> {
    return this.#watch.until(test)
  }

  setFaults(text: string): void {
    this.#faults = parseFaults(text)
  }

  setRate(perSecond: number | undefined): void {
    this.#options = { ...this.#options, ratePerSecond: perSecond }
  }

  setLatency(latencyMs: number): void {
    this.#options = { ...this.#options, latencyMs }
  }

  /** Cuts every connection without a word. */
  dropAll(): void {
    for (const session of this.#sessions) session.drop()
  }

  /** Asks every peer to unbind. */
  unbindAll(): void {
    for (const session of this.#sessions) session.unbind()
  }

  /** Writes the ledger's lines out now, so that a test can read them. */
  flushLedger(): void {
    this.#ledger?.flush()
  }

  authorise(session: SmscSession, password: string): number {
    const { systemId, maxBinds } = this.#options
    if (systemId !== undefined && session.system !== systemId) return STATUS.invalidSystemId
    if (this.#options.password !== undefined && password !== this.#options.password) return STATUS.invalidPassword
    const system = this.#systemOf(session.system)
    if (maxBinds !== undefined && system.sessions.length >= maxBinds) return STATUS.alreadyBound
    session.systemNumber = this.#systems.indexOf(system)
    system.sessions.push(session)
    this.#stats.binds++
    this.#schedule()
    return STATUS.ok
  }

  submit(session: SmscSession, bytes: Buffer, pdu: MessagePdu, sequence: number): Decision {
    const nowMs = systemClock.monotonic()
    const stats = this.#stats
    stats.submits++
    this.#second.add(1, nowMs)
    this.#watchWindow(session)
    const decision = this.#decide(session, pdu, nowMs)
    if (decision.status === 0) decision.id = this.#nextId++
    if (this.#prints !== null || this.#ledger !== null) fingerprint(bytes, pdu.destination, pdu.text)
    // A refused message may rightly come again; only what was taken, or may have been, counts as repeated.
    const taken = decision.status <= 0 && decision.status !== -3
    if (taken && this.#prints !== null && !this.#prints.add(print.low, print.high)) stats.repeats++
    if (decision.status === 0 || decision.status === -1) this.#owe(session, bytes, pdu, nowMs)
    if (this.#ledger !== null) this.#note(session, bytes, pdu, { sequence, nowMs })
    return decision
  }

  acknowledged(session: SmscSession, record: number, status: number, sequence: number): void {
    if (this.#ledger !== null) {
      const micros = Math.floor(systemClock.monotonic() * 1000)
      const id = this.#receipts.id(record)
      this.#ledger.receipt({ micros, session: session.number, sequence, id, status })
    }
    if (status === 0) {
      this.#stats.receiptsAcknowledged++
      this.#receipts.remove(record)
    } else {
      this.#stats.receiptsRefused++
      this.#receipts.push(this.#retries, record, systemClock.monotonic() + RETRY_MS)
    }
  }

  receipt(record: number): ReceiptWriter {
    return this.#receiptWriter.write(record)
  }

  worked(session: SmscSession): void {
    if (session.systemNumber >= 0) this.#deliver(this.#systems[session.systemNumber]!, systemClock.monotonic())
    this.#schedule()
    this.#watch.look()
  }

  protocolError(session: SmscSession, what: string): void {
    this.#stats.protocolErrors++
    this.#log.warn({ session: session.number, what }, 'protocol error of the peer')
  }

  unbound(): void {
    this.#stats.unbinds++
  }

  enquireAnswered(): void {
    this.#stats.enquireAnswers++
  }

  closed(session: SmscSession, unacknowledged: number[]): void {
    this.#sessions.delete(session)
    this.#stats.sessions = this.#sessions.size
    if (session.systemNumber >= 0) {
      const system = this.#systems[session.systemNumber]!
      system.sessions = system.sessions.filter((other) => other !== session)
      for (const record of unacknowledged.reverse()) this.#receipts.pushFront(system.queue, record)
    }
    this.#schedule()
    this.#watch.look()
  }

  #onSocket(socket: Socket): void {
    this.#sessions.add(new SmscSession(++this.#sessionNumber, socket, this))
    this.#stats.sessions = this.#sessions.size
  }

  #systemOf(name: string): System {
    let system = this.#systems.find((known) => known.name === name)
    if (system === undefined) {
      system = { name, sessions: [], queue: new ReceiptQueue() }
      this.#systems.push(system)
    }
    return system
  }

  #watchWindow(session: SmscSession): void {
    const { outstanding } = session
    if (outstanding > this.#stats.maxInFlight) this.#stats.maxInFlight = outstanding
    if (outstanding > (this.#options.window ?? Number.POSITIVE_INFINITY)) this.#stats.windowViolations++
  }

  #decide(session: SmscSession, pdu: MessagePdu, nowMs: number): Decision {
    const decision = this.#decision
    decision.twice = false
    decision.id = 0
    decision.status = this.#statusOf(session, pdu, nowMs)
    if (decision.status === 0) this.#accepted.add(1, nowMs)
    return decision
  }

  #statusOf(session: SmscSession, pdu: MessagePdu, nowMs: number): number {
    if (!pdu.sound) {
      this.protocolError(session, 'a field of submit_sm is cut off or too long')
      return STATUS.invalidCommandLength
    }
    if (pdu.destination.length === 0) return STATUS.invalidDestination
    const { ratePerSecond } = this.#options
    if (ratePerSecond !== undefined && this.#accepted.recent(nowMs) >= ratePerSecond * RATE_TOLERANCE + 1) {
      this.#stats.throttled++
      return STATUS.throttled
    }
    return this.#faultOf()
  }

  #faultOf(): number {
    switch (drawFault(this.#faults, this.#random)) {
      case 'throttle':
        this.#stats.throttled++
        return this.#faults.throttleStatus
      case 'nack':
        return -3
      case 'reject':
        this.#stats.rejected++
        return this.#faults.rejectStatus
      case 'drop':
        return -2
      case 'noresp':
        return -1
      case 'dupresp':
        this.#decision.twice = true
        return STATUS.ok
      default:
        return STATUS.ok
    }
  }

  /** A receipt follows when registered_delivery asks for one (§5.2.17: 1 always, 2 on failure). */
  #owe(session: SmscSession, bytes: Buffer, pdu: MessagePdu, nowMs: number): void {
    const asked = pdu.registeredDelivery & 3
    const { undeliv, norcpt, early } = this.#faults.shares
    const failed = undeliv > 0 && this.#random.next() < undeliv
    if (asked === 0 || asked === 3 || (asked === 2 && !failed)) return
    if (this.#decision.status !== 0 || (norcpt > 0 && this.#random.next() < norcpt)) return
    if (!isReceipted(this.#dialect, bytes, pdu)) return
    const receipt = {
      id: this.#decision.id,
      system: session.systemNumber,
      kind: failed ? RECEIPT_KIND.failed : RECEIPT_KIND.delivered,
      nowEpochMs: systemClock.now(),
    }
    const record = this.#receipts.add(bytes, pdu, receipt)
    if (early > 0 && session.hungry && this.#random.next() < early) {
      this.#stats.receiptsSent++
      session.deliver(record, nowMs)
      return
    }
    const dueMs = nowMs + this.latencyMs + (this.#options.receiptDelayMs ?? 0)
    const { intermediate, double } = this.#dialect.shares
    if (intermediate > 0 && this.#receiptRandom.next() < intermediate) {
      const accepted = this.#receipts.add(bytes, pdu, { ...receipt, kind: RECEIPT_KIND.accepted })
      this.#receipts.push(this.#waiting, accepted, dueMs)
    }
    this.#receipts.push(this.#waiting, record, dueMs)
    if (double > 0 && this.#receiptRandom.next() < double) {
      this.#receipts.push(this.#waiting, this.#receipts.add(bytes, pdu, receipt), dueMs)
    }
  }

  #note(session: SmscSession, bytes: Buffer, pdu: MessagePdu, at: { sequence: number; nowMs: number }): void {
    const { status, id } = this.#decision
    const micros = Math.floor(at.nowMs * 1000)
    this.#ledger!.submit(bytes, pdu, { micros, session: session.number, sequence: at.sequence, id, status })
  }

  #schedule(): void {
    if (this.#timer !== null || !this.#busy) return
    this.#timer = setTimeout(() => this.#tick(), TICK_MS)
  }

  get #busy(): boolean {
    if (this.#waiting.size + this.#retries.size > 0 || this.#ledger !== null) return this.#sessions.size > 0
    for (const session of this.#sessions) if (session.delayed > 0) return true
    return this.#systems.some((system) => system.queue.size > 0 && system.sessions.some((one) => one.hungry))
  }

  #tick(): void {
    this.#timer = null
    const nowMs = systemClock.monotonic()
    for (const session of this.#sessions) session.answerDue(nowMs)
    this.#makeReady(this.#waiting, nowMs)
    this.#makeReady(this.#retries, nowMs)
    for (const system of this.#systems) this.#deliver(system, nowMs)
    if (nowMs - this.#ledgerAt >= LEDGER_MS) {
      this.#ledgerAt = nowMs
      this.#ledger?.flush()
    }
    this.#watch.look()
    this.#schedule()
  }

  #makeReady(queue: ReceiptQueue, nowMs: number): void {
    for (let record = this.#receipts.shift(queue, nowMs); record >= 0; record = this.#receipts.shift(queue, nowMs)) {
      this.#receipts.push(this.#systems[this.#receipts.system(record)]!.queue, record, nowMs)
    }
  }

  /** Hands ready receipts to the sessions of the system in turn, as far as their windows reach. */
  #deliver(system: System, nowMs: number): void {
    if (system.queue.size === 0) return
    let delivered = true
    while (delivered && system.queue.size > 0) {
      delivered = false
      for (const session of system.sessions) {
        if (!session.hungry) continue
        const record = this.#receipts.shift(system.queue, nowMs)
        if (record < 0) break
        session.deliver(record, nowMs)
        this.#stats.receiptsSent++
        delivered = true
      }
    }
    for (const session of system.sessions) session.flush()
  }
}

function queued(sum: number, system: System): number {
  return sum + system.queue.size
}
