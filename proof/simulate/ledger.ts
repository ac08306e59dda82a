/**
 * What the simulation itself has seen: each row that was accepted, each submit that was written and what the carrier made of it,
 * each receipt and whether the product said that it has it. The product knows nothing of it.
 */
import type { JobPlan } from './plan.js'

export interface Row {
  row: number
  job: JobPlan
  number: number
  parts: number
  block: number
  place: number
  /** Epoch seconds; 0: none. */
  dueSeconds: number
  expiresSeconds: number
  /** Milliseconds; -1: nobody was told. */
  acceptedMs: number
  canceledMs: number
  submits: Submit[]
  receipts: GivenReceipt[]
}

export interface Submit {
  row: Row
  part: number
  carrier: number
  /** Of all connections. */
  connection: number
  life: number
  sequence: number
  writtenMs: number
  /** What the carrier made of it; '' until it came. */
  verdict: '' | 'accepted' | 'throttled' | 'refused' | 'unavailable'
  id: string
  /** When the first answer came to the product; -1: none did. */
  answeredMs: number
}

export interface GivenReceipt {
  submit: Submit
  stat: string
  /** When the product first said that it has it; -1: it did not. */
  ackedMs: number
  /** How often it said so: a receipt that saw no answer comes again. */
  acks: number
}

/** A connection as its end concerns the repeats that follow. */
export interface SeenConnection {
  number: number
  carrier: number
  life: number
  /** Submits of which no answer has come, by sequence number. */
  outstanding: Map<number, Submit>
  isOpen: boolean
}

/** How a life ended. */
export interface SeenLife {
  number: number
  begunMs: number
  endedMs: number
  /** It was asked to stop, and did. */
  wasStopped: boolean
}

export class Ledger {
  readonly rows: Row[] = []
  readonly byPlace = new Map<number, Row>()
  readonly submits: Submit[] = []
  readonly connections: SeenConnection[] = []
  readonly lives: SeenLife[] = []
  /** `account number` → when its opt-out was acknowledged. */
  readonly optOuts = new Map<string, number>()
  /** Rows that were seen in a state that is the end, and which. */
  readonly ended = new Map<Row, number>()

  enter(row: Row): void {
    this.rows[row.row] = row
  }
}
