/**
 * A carrier of the simulation: takes binds and submits, answers by its habits, sends receipts and keeps a ledger of all of it.
 * Code of its own throughout: it shares none with the product that it judges.
 */
import type { Random } from '../../src/engine/base/random.js'
import type { Ledger, Submit } from './ledger.js'
import { bindResponse, COMMAND, headerOnly, isBind, type SeenPdu, submitResponse } from './pdus.js'
import type { CarrierHabits, CarrierPlan } from './plan.js'
import { ReceiptDesk } from './receipt-desk.js'
import type { Trace } from './trace.js'
import type { VirtualTime } from './virtual-time.js'
import type { WireConnection, WireEnd } from './wire.js'

const STATUS = { throttled: 0x58, queueFull: 0x14, refused: 0x0b, unavailable: 0x64, strange: 0x03 } as const
const BIND_REFUSALS = [0x05, 0x08, 0x0d] as const
const NO_TROUBLE: CarrierHabits = {
  ...{
    throttled: 0,
    refused: 0,
    unavailable: 0,
    lost: 0,
    late: 0,
    twice: 0,
    strange: 0,
    bindRefused: 0,
    bindSilent: 0,
  },
  ...{ noReceipt: 0, earlyReceipt: 0, lateReceipt: 0, receiptTwice: 0, contradicted: 0, otherBind: 0, enroute: 0 },
  undelivered: 0,
}

export interface SmscDeps {
  plan: CarrierPlan
  /** Of all carriers. */
  index: number
  time: VirtualTime
  random: Random
  trace: Trace
  ledger: Ledger
  /** Each submit as it is written, before anything else sees it. */
  watch(submit: Submit): void
}

interface Session {
  connection: WireConnection
  isBound: boolean
  /** Of a receiver alone: no submits. */
  canReceive: boolean
  answerAtMs: number
}

export class Smsc implements WireEnd {
  readonly plan: CarrierPlan
  readonly #deps: SmscDeps
  #habits: CarrierHabits
  readonly #sessions = new Map<WireConnection, Session>()
  readonly #receipts: ReceiptDesk
  #isDown = false
  #ids: number

  constructor(deps: SmscDeps) {
    this.#deps = deps
    this.plan = deps.plan
    this.#habits = deps.plan.habits
    this.#ids = 1_000 + deps.random.below(1_000_000)
    this.#receipts = new ReceiptDesk({ ...deps, targets: () => this.#receivers() })
  }

  get latencyMs(): number {
    return this.plan.latencyMs
  }
  get listens(): boolean {
    return !this.#isDown
  }

  /** Nothing goes wrong here from now on. */
  behave(): void {
    this.#habits = NO_TROUBLE
    this.#isDown = false
    this.#receipts.behave()
  }

  /** All connections break, and none is taken for so long. */
  goDown(ms: number): void {
    this.#isDown = true
    for (const { connection } of [...this.#sessions.values()]) connection.cut('connection reset')
    this.#deps.time.after(ms, () => {
      this.#isDown = false
    })
  }

  connections(): WireConnection[] {
    return [...this.#sessions.keys()]
  }

  #receivers(): WireConnection[] {
    const found: WireConnection[] = []
    for (const session of this.#sessions.values()) {
      if (session.isBound && session.canReceive && session.connection.isOpen) found.push(session.connection)
    }
    return found
  }

  opened(connection: WireConnection): void {
    this.#sessions.set(connection, { connection, isBound: false, canReceive: false, answerAtMs: 0 })
  }

  closed(connection: WireConnection): void {
    this.#sessions.delete(connection)
    this.#receipts.gone(connection)
    const seen = this.#deps.ledger.connections[connection.number]
    if (seen !== undefined) seen.isOpen = false
  }

  /** At the product's end of the line: the stamps that rate and window are held against. */
  wrote(connection: WireConnection, pdus: readonly SeenPdu[]): void {
    const { time, ledger, index, watch, trace } = this.#deps
    ledger.connections[connection.number] ??= {
      ...{ number: connection.number, carrier: index, life: connection.life.number },
      ...{ outstanding: new Map(), isOpen: true },
    }
    for (const pdu of pdus) {
      trace.note(time.nowMs, `wrote ${pdu.command.toString(16)}`, connection.number, pdu.sequence)
      if (pdu.command === COMMAND.deliverResp) this.#receipts.acked(connection, pdu)
      if (pdu.command === COMMAND.submit) watch(this.#submitOf(connection, pdu))
    }
  }

  #submitOf(connection: WireConnection, { row, part, sequence }: SeenPdu): Submit {
    const { ledger, index, time } = this.#deps
    const submit: Submit = {
      ...{ row: ledger.rows[row]!, part, carrier: index, connection: connection.number, sequence },
      ...{ life: connection.life.number, writtenMs: time.nowMs, verdict: '', id: '', answeredMs: -1 },
    }
    return submit
  }

  arrived(connection: WireConnection, pdus: readonly SeenPdu[]): void {
    const session = this.#sessions.get(connection)
    if (session === undefined) return
    for (const pdu of pdus) this.#take(session, pdu)
  }

  #take(session: Session, pdu: SeenPdu): void {
    const { connection } = session
    const { command, sequence } = pdu
    if (isBind(command)) this.#bind(session, pdu)
    else if (command === COMMAND.submit) this.#submit(session, sequence)
    else if (command === COMMAND.deliverResp) this.#receipts.answered(connection, pdu)
    else if (command === COMMAND.enquire) connection.send(headerOnly(COMMAND.enquireResp, sequence), () => {})
    else if (command === COMMAND.unbind) {
      connection.send(headerOnly(COMMAND.unbindResp, sequence), () => {})
      session.isBound = false
    }
  }

  #bind(session: Session, { command, sequence }: SeenPdu): void {
    const { random } = this.#deps
    if (random.next() < this.#habits.bindSilent) return
    const isRefused = random.next() < this.#habits.bindRefused
    const status = isRefused ? BIND_REFUSALS[random.below(BIND_REFUSALS.length)]! : 0
    session.isBound = !isRefused
    session.canReceive = command !== 0x02
    session.connection.send(bindResponse(command, status, sequence), () => {})
  }

  #submit(session: Session, sequence: number): void {
    const { random, ledger, trace, time } = this.#deps
    const { connection } = session
    const submit = ledger.connections[connection.number]!.outstanding.get(sequence)
    if (submit === undefined || !session.isBound) return
    const habits = this.#habits
    const isLost = random.next() < habits.lost
    // What sees no answer may have been taken, or not.
    const status = isLost && random.next() < 0.5 ? STATUS.unavailable : this.#statusOf(random)
    submit.verdict = verdictOf(status)
    trace.note(time.nowMs, submit.verdict, submit.row.row, submit.part)
    if (submit.verdict === 'accepted') this.#accept(submit, connection)
    if (isLost) return
    const late = random.next() < habits.late ? this.plan.responseTimeoutMs * (1 + random.next()) : 0
    this.#answer(session, submit, { status, lateMs: late })
    if (random.next() < habits.strange) {
      connection.send(submitResponse(STATUS.strange, (sequence + 100_000) & 0x7fffffff, ''), () => {})
    }
  }

  #accept(submit: Submit, connection: WireConnection): void {
    const id = this.#ids++
    submit.id = String(id)
    this.#receipts.plan(submit, connection, this.plan.hexReceipts ? id.toString(16) : submit.id)
  }

  #statusOf(random: Random): number {
    const { throttled, refused, unavailable } = this.#habits
    const chance = random.next()
    if (chance < throttled) return random.next() < 0.5 ? STATUS.throttled : STATUS.queueFull
    if (chance < throttled + refused) return STATUS.refused
    return chance < throttled + refused + unavailable ? STATUS.unavailable : 0
  }

  #answer({ connection }: Session, submit: Submit, { status, lateMs }: { status: number; lateMs: number }): void {
    const { time, random, ledger } = this.#deps
    const beat = this.plan.beatMs
    const atMs = Math.ceil((time.nowMs + random.next() * 3 * beat) / beat) * beat + lateMs
    const times = random.next() < this.#habits.twice ? 2 : 1
    for (let n = 0; n < times; n++) {
      time.after(atMs + n * beat - time.nowMs, () => {
        connection.send(submitResponse(status, submit.sequence, submit.id), () => {
          if (submit.answeredMs >= 0) return
          submit.answeredMs = time.nowMs
          ledger.connections[connection.number]!.outstanding.delete(submit.sequence)
        })
      })
    }
  }
}

function verdictOf(status: number): Submit['verdict'] {
  if (status === 0) return 'accepted'
  if (status === STATUS.refused) return 'refused'
  return status === STATUS.unavailable ? 'unavailable' : 'throttled'
}
