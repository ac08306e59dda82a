/** What a simulated carrier writes down, and how it is read. Times as in ledger.ts. */

import { ESM, TAG } from '../../src/smpp/constants.js'
import type { MessagePdu } from '../../src/smpp/decode.js'
import type { Decision, SmscSession } from '../../src/smpp/simulator/smsc-session.js'
import { findTlv, type TlvView } from '../../src/smpp/tlv.js'
import { LedgerWriter, nowMicros } from './ledger.js'
import { markerOf } from './marker.js'

/** A bind that was answered with this status. */
export interface BindSeen {
  e: 'bind'
  t: number
  session: number
  status: number
}
export interface ClosedSeen {
  e: 'closed'
  t: number
  session: number
}
export interface SubmitSeen {
  e: 'submit'
  t: number
  session: number
  sequence: number
  from: string
  to: string
  /** Of the row, see marker.ts; -1: a text without one, such as an answer to STOP. */
  marker: number
  part: number
  parts: number
  /** What was answered: a command_status; -1 nothing, -2 the connection was cut, -3 generic_nack. */
  status: number
  /** Of its receipt, in the form in which receipts have it; '' unless it was taken. */
  id: string
}
/** What the peer answered to a receipt. */
export interface ReceiptSeen {
  e: 'receipt'
  t: number
  session: number
  id: string
  /** message_state: 2 delivered, 5 undeliverable, 6 accepted. */
  state: number
  status: number
}
/** The carrier's process itself stood still so long before. */
export interface LagSeen {
  e: 'lag'
  t: number
  ms: number
}
export interface WrongSeen {
  e: 'wrong'
  t: number
  session: number
  what: string
}
/** More submits than its window were read of a session and not answered. */
export interface BeyondSeen {
  e: 'beyond'
  t: number
  session: number
  outstanding: number
}
export type CarrierSeen = BindSeen | ClosedSeen | SubmitSeen | ReceiptSeen | LagSeen | WrongSeen | BeyondSeen

interface Submit {
  bytes: Buffer
  pdu: MessagePdu
  sequence: number
  decision: Decision
  receipt: string
}

const found: TlvView = { start: 0, length: 0 }
const ONE = { part: 1, parts: 1, textStart: 0 }

export class CarrierLedger {
  readonly #file: LedgerWriter

  constructor(path: string) {
    this.#file = new LedgerWriter(path)
  }

  bind(session: SmscSession, status: number): void {
    this.#write({ e: 'bind', t: nowMicros(), session: session.number, status })
  }

  closed(session: SmscSession): void {
    this.#write({ e: 'closed', t: nowMicros(), session: session.number })
  }

  submit(session: SmscSession, { bytes, pdu, sequence, decision, receipt }: Submit): void {
    const { part, parts, textStart } = placeOf(bytes, pdu)
    const { start, length } = pdu.text
    this.#write({
      ...{ e: 'submit', t: nowMicros(), session: session.number, sequence },
      from: bytes.latin1Slice(pdu.source.start, pdu.source.start + pdu.source.length),
      to: bytes.latin1Slice(pdu.destination.start, pdu.destination.start + pdu.destination.length),
      marker: markerOf(bytes.latin1Slice(start + textStart, start + length)),
      ...{ part, parts, status: decision.status, id: receipt },
    })
  }

  receipt(session: SmscSession, { id, state, status }: { id: string; state: number; status: number }): void {
    this.#write({ e: 'receipt', t: nowMicros(), session: session.number, id, state, status })
  }

  lag(ms: number): void {
    this.#write({ e: 'lag', t: nowMicros(), ms: Math.ceil(ms) })
  }

  beyond(session: SmscSession, outstanding: number): void {
    this.#write({ e: 'beyond', t: nowMicros(), session: session.number, outstanding })
  }

  wrong(session: SmscSession, what: string): void {
    this.#write({ e: 'wrong', t: nowMicros(), session: session.number, what })
  }

  flush(): void {
    this.#file.flush()
  }

  close(): void {
    this.#file.close()
  }

  #write(entry: CarrierSeen): void {
    this.#file.write(entry)
  }
}

/** By the user data header (3GPP TS 23.040 §9.2.3.24.1 and .8), or by sar parameters. */
function placeOf(bytes: Buffer, pdu: MessagePdu): { part: number; parts: number; textStart: number } {
  const { start, length } = pdu.text
  if ((pdu.esmClass & ESM.udhi) !== 0 && length > 7) {
    const at = start + (bytes[start + 1] === 8 ? 5 : 4)
    return { parts: bytes[at]!, part: bytes[at + 1]!, textStart: bytes[start]! + 1 }
  }
  if (!findTlv(bytes, pdu.tlvs, TAG.sarTotal, found)) return ONE
  const parts = bytes[found.start]!
  return { parts, part: findTlv(bytes, pdu.tlvs, TAG.sarSequence, found) ? bytes[found.start]! : 1, textStart: 0 }
}
