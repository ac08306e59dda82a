/** Receipts of a simulated carrier: when they come, on which connection, how often; each is kept until the product says that it has it. */
import type { Random } from '../../src/engine/base/random.js'
import type { GivenReceipt, Submit } from './ledger.js'
import { receipt, type SeenPdu } from './pdus.js'
import type { CarrierPlan } from './plan.js'
import type { Trace } from './trace.js'
import type { VirtualTime } from './virtual-time.js'
import type { WireConnection } from './wire.js'

/** One that saw no answer comes again. */
const AGAIN_MS = 3_000
const NOBODY_MS = 500
const ORDINARY_MS = 1_500
const LATE_MS = 12_000

interface Deps {
  plan: CarrierPlan
  time: VirtualTime
  random: Random
  trace: Trace
  /** Connections that take receipts now. */
  targets(): WireConnection[]
}

interface Due {
  given: GivenReceipt
  /** As receipts of this carrier write it. */
  id: string
  own: WireConnection
}

export class ReceiptDesk {
  readonly #deps: Deps
  readonly #waiting = new Map<WireConnection, Map<number, Due>>()
  #sequence = 1
  #behaves = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** From now on each part gets one receipt, soon. */
  behave(): void {
    this.#behaves = true
  }

  /** The part was taken under this id. */
  plan(submit: Submit, own: WireConnection, id: string): void {
    const { random, plan } = this.#deps
    const { habits } = plan
    const has = (share: number): boolean => !this.#behaves && random.next() < share
    if (has(habits.noReceipt)) return
    const stat = has(habits.undelivered) ? ['UNDELIV', 'EXPIRED', 'REJECTD'][random.below(3)]! : 'DELIVRD'
    const isEarly = has(habits.earlyReceipt)
    const ms = isEarly ? 0 : random.next() * (has(habits.lateReceipt) ? LATE_MS : ORDINARY_MS)
    if (has(habits.enroute)) this.#give({ submit, stat: 'ENROUTE' }, { id, own, ms: ms / 2 })
    this.#give({ submit, stat }, { id, own, ms })
    if (has(habits.receiptTwice)) this.#give({ submit, stat }, { id, own, ms: ms + random.next() * ORDINARY_MS })
    if (!has(habits.contradicted)) return
    this.#give({ submit, stat: stat === 'DELIVRD' ? 'UNDELIV' : 'DELIVRD' }, { id, own, ms: ms + random.next() * 500 })
  }

  #give(what: { submit: Submit; stat: string }, to: { id: string; own: WireConnection; ms: number }): void {
    const given: GivenReceipt = { ...what, ackedMs: -1, acks: 0 }
    what.submit.row.receipts.push(given)
    this.#deps.time.after(to.ms, () => this.#send({ given, id: to.id, own: to.own }))
  }

  #send(due: Due): void {
    const { time, targets, random, plan, trace } = this.#deps
    const there = targets()
    if (there.length === 0) {
      time.after(NOBODY_MS, () => this.#send(due))
      return
    }
    const isOwn = there.includes(due.own) && random.next() >= plan.habits.otherBind
    const connection = isOwn ? due.own : there[random.below(there.length)]!
    const sequence = this.#sequence++
    this.#of(connection).set(sequence, due)
    const { row } = due.given.submit
    trace.note(time.nowMs, due.given.stat, row.row, due.given.submit.part)
    connection.send(
      receipt(sequence, { id: due.id, stat: due.given.stat, from: String(row.number), to: row.job.from }),
      () => {},
    )
    time.after(AGAIN_MS, () => this.#again(connection, sequence))
  }

  #of(connection: WireConnection): Map<number, Due> {
    const known = this.#waiting.get(connection) ?? new Map<number, Due>()
    this.#waiting.set(connection, known)
    return known
  }

  #again(connection: WireConnection, sequence: number): void {
    const waiting = this.#waiting.get(connection)
    const due = waiting?.get(sequence)
    if (due === undefined) return
    waiting!.delete(sequence)
    this.#send(due)
  }

  /** The product says so: what it says must be on its disk by now. */
  acked(connection: WireConnection, { sequence, status }: SeenPdu): void {
    const due = this.#waiting.get(connection)?.get(sequence)
    if (due === undefined || status !== 0) return
    due.given.acks++
    if (due.given.ackedMs < 0) due.given.ackedMs = this.#deps.time.nowMs
  }

  /** The answer has come here. */
  answered(connection: WireConnection, { sequence, status }: SeenPdu): void {
    if (status === 0) this.#waiting.get(connection)?.delete(sequence)
  }

  gone(connection: WireConnection): void {
    const waiting = this.#waiting.get(connection)
    if (waiting === undefined) return
    this.#waiting.delete(connection)
    for (const due of waiting.values()) this.#deps.time.after(NOBODY_MS, () => this.#send(due))
  }
}
