/** A simulated carrier that writes down everything it sees: binds and their ends, submits and its answers, receipts and theirs. */
import { silentLog } from '../../src/engine/contract/log.js'
import type { MessagePdu } from '../../src/smpp/decode.js'
import { type Dialect, parseDialect, receiptId } from '../../src/smpp/simulator/dialect.js'
import type { ReceiptWriter } from '../../src/smpp/simulator/receipt-text.js'
import { Smsc } from '../../src/smpp/simulator/smsc.js'
import type { SmscOptions } from '../../src/smpp/simulator/smsc-options.js'
import type { Decision, SmscSession } from '../../src/smpp/simulator/smsc-session.js'
import type { CarrierLedger } from './carrier-ledger.js'

export interface CarrierSpec {
  /** In orders, and in the name of its ledger. */
  name: string
  options: SmscOptions
}

export class WatchedSmsc extends Smsc {
  readonly #ledger: CarrierLedger
  readonly #dialect: Dialect
  readonly #window: number
  /** What the receipts say that wait for their answer: record → id and state. */
  readonly #said = new Map<number, { id: string; state: number }>()

  constructor(options: SmscOptions, ledger: CarrierLedger) {
    super(options, silentLog)
    this.#ledger = ledger
    this.#window = options.window ?? Number.POSITIVE_INFINITY
    this.#dialect = parseDialect(options.dialect ?? '')
  }

  override authorise(session: SmscSession, password: string): number {
    const status = super.authorise(session, password)
    this.#ledger.bind(session, status)
    return status
  }

  override submit(session: SmscSession, bytes: Buffer, pdu: MessagePdu, sequence: number): Decision {
    if (session.outstanding > this.#window) this.#ledger.beyond(session, session.outstanding)
    const decision = super.submit(session, bytes, pdu, sequence)
    const receipt = decision.id === 0 ? '' : receiptId(this.#dialect, decision.id)
    this.#ledger.submit(session, { bytes, pdu, sequence, decision, receipt })
    return decision
  }

  override receipt(record: number): ReceiptWriter {
    const writer = super.receipt(record)
    this.#said.set(record, { id: writer.id, state: writer.state })
    return writer
  }

  override acknowledged(session: SmscSession, record: number, status: number, sequence: number): void {
    const said = this.#said.get(record)
    if (said !== undefined) this.#ledger.receipt(session, { ...said, status })
    if (status === 0) this.#said.delete(record)
    super.acknowledged(session, record, status, sequence)
  }

  override protocolError(session: SmscSession, what: string): void {
    this.#ledger.wrong(session, what)
    super.protocolError(session, what)
  }

  override closed(session: SmscSession, unacknowledged: number[]): void {
    this.#ledger.closed(session)
    super.closed(session, unacknowledged)
  }
}
