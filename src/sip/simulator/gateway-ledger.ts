/**
 * The simulated gateway's own account of its calls, for tests and trials: append-only, one JSON object a call once it is over.
 *
 *   {"event":"call","callId":"…","number":"…","caller":"…","fate":"…","start":…,"answered":…,"end":…,"by":"…","status":…,
 *    "cause":…,"heardMs":…,"packets":…,"lost":…,"stray":…,"jumps":…,"digits":"…","recording":…}
 *
 * start, answered (null: never), end: epoch milliseconds. by: caller, gateway, or lost for an answer that nobody acknowledged. status: final
 * one of the INVITE. cause: Q.850, ours or the caller's; 0: none. heardMs: sound that arrived. recording: file name or null.
 */
import { closeSync, openSync, writeSync } from 'node:fs'

export interface CallEntry {
  callId: string
  number: string
  caller: string
  fate: string
  start: number
  answered: number | null
  end: number
  by: 'caller' | 'gateway' | 'lost'
  status: number
  cause: number
  heardMs: number
  packets: number
  lost: number
  stray: number
  jumps: number
  digits: string
  recording: string | null
}

export class GatewayLedger {
  readonly #file: number

  /** Appends to the file at `path`. */
  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  write(entry: CallEntry): void {
    writeSync(this.#file, `${JSON.stringify({ event: 'call', ...entry })}\n`)
  }

  close(): void {
    closeSync(this.#file)
  }
}
