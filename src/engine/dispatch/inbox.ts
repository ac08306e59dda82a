/**
 * What channels reported since the last tick, in typed arrays: the sinks only record, the tick acts.
 */

import type { MessageRef } from '../contract/message.js'
import type { CallSink, Inbound, OptOutDigit, OutcomeCode, Receipt, Settlement } from '../contract/outcome.js'

/** Growing columns of one kind of report; ids lie end to end in one buffer. */
export class Reports {
  count = 0
  channel = new Uint16Array(1024)
  bind = new Uint16Array(1024)
  code = new Uint8Array(1024)
  /** Of a receipt: 1 when its text alone makes it one. */
  part = new Uint8Array(1024)
  /** Of a receipt: the carrier's date. */
  status = new Uint32Array(1024)
  /** Ends of a receipt's addresses. */
  source = new Uint32Array(1024)
  destination = new Uint32Array(1024)
  /** -1: as the table of retries says. */
  delayMs = new Int32Array(1024)
  ref = new Float64Array(1024)
  session = new Float64Array(1024)
  sequence = new Float64Array(1024)
  idStart = new Uint32Array(1024)
  idLength = new Uint8Array(1024)
  error: string[] = []
  ids = Buffer.allocUnsafeSlow(32 * 1024)
  #idsLength = 0

  /** Row to fill, with the id copied. */
  add(channel: number, report: Settlement | Receipt): number {
    const row = this.count++
    if (row === this.channel.length) this.#grow()
    const length = report.idLength
    if (this.#idsLength + length > this.ids.length) this.#growIds(length)
    this.channel[row] = channel
    this.bind[row] = report.bind
    this.code[row] = report.code
    this.idStart[row] = this.#idsLength
    this.idLength[row] = length
    const { ids } = this
    const { id, idStart } = report
    for (let n = 0; n < length; n++) ids[this.#idsLength + n] = id[idStart + n]!
    this.#idsLength += length
    return row
  }

  clear(): void {
    this.count = 0
    this.#idsLength = 0
    if (this.error.length > 0) this.error.length = 0
  }

  #grow(): void {
    const size = this.channel.length * 2
    this.channel = widen(this.channel, new Uint16Array(size))
    this.bind = widen(this.bind, new Uint16Array(size))
    this.code = widen(this.code, new Uint8Array(size))
    this.part = widen(this.part, new Uint8Array(size))
    this.status = widen(this.status, new Uint32Array(size))
    this.source = widen(this.source, new Uint32Array(size))
    this.destination = widen(this.destination, new Uint32Array(size))
    this.delayMs = widen(this.delayMs, new Int32Array(size))
    this.ref = widen(this.ref, new Float64Array(size))
    this.session = widen(this.session, new Float64Array(size))
    this.sequence = widen(this.sequence, new Float64Array(size))
    this.idStart = widen(this.idStart, new Uint32Array(size))
    this.idLength = widen(this.idLength, new Uint8Array(size))
  }

  #growIds(length: number): void {
    const grown = Buffer.allocUnsafeSlow(this.ids.length * 2 + length)
    this.ids.copy(grown, 0, 0, this.#idsLength)
    this.ids = grown
  }
}

function widen<T extends { set(source: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}

export interface InboundReport {
  channel: number
  inbound: Inbound
}

export interface PressedReport {
  channel: number
  pressed: OptOutDigit
}

export class Inbox {
  readonly settlements = new Reports()
  readonly late = new Reports()
  readonly receipts = new Reports()
  inbound: InboundReport[] = []
  pressed: PressedReport[] = []
  bindsChanged = false
  readonly #wake: () => void

  /** `wake` asks for a tick; it is called for every report and must be cheap. */
  constructor(wake: () => void) {
    this.#wake = wake
  }

  get empty(): boolean {
    const { settlements, late, receipts, inbound, pressed } = this
    return settlements.count + late.count + receipts.count + inbound.length + pressed.length === 0
  }

  /** The sink that the channel with this index reports to. */
  sink(channel: number): CallSink {
    return {
      settled: (settlement) => {
        addSettlement(this.settlements, channel, settlement)
        this.#wake()
      },
      answeredLate: (settlement) => {
        addSettlement(this.late, channel, settlement)
        this.#wake()
      },
      receipt: (receipt) => {
        const { receipts } = this
        const row = receipts.add(channel, receipt)
        receipts.session[row] = receipt.session
        receipts.sequence[row] = receipt.sequence
        receipts.error[row] = receipt.error
        receipts.status[row] = receipt.doneSeconds
        receipts.source[row] = receipt.source
        receipts.destination[row] = receipt.destination
        receipts.part[row] = receipt.byText ? 1 : 0
        this.#wake()
      },
      inbound: (inbound) => {
        this.inbound.push({ channel, inbound })
        this.#wake()
      },
      pressed: (pressed) => {
        this.pressed.push({ channel, pressed })
        this.#wake()
      },
      capacityChanged: () => {
        this.#wake()
      },
      bindChanged: () => {
        this.bindsChanged = true
        this.#wake()
      },
    }
  }
}

function addSettlement(reports: Reports, channel: number, settlement: Settlement): void {
  const row = reports.add(channel, settlement)
  reports.ref[row] = settlement.ref
  reports.part[row] = settlement.part
  reports.status[row] = settlement.status
  reports.delayMs[row] = settlement.delayMs
}

export function settlementRef(reports: Reports, row: number): MessageRef {
  return reports.ref[row] as MessageRef
}
export function reportCode(reports: Reports, row: number): OutcomeCode {
  return reports.code[row] as OutcomeCode
}
