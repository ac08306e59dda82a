/**
 * The simulator's own account of what it saw, for tests: append-only, one JSON object a line.
 *
 *   {"event":"submit","us":…,"session":…,"sequence":…,"from":"…","to":"…","esm":…,"dcs":…,"length":…,"hash":"…",
 *    "id":"…","status":…}
 *   {"event":"receipt","us":…,"session":…,"sequence":…,"id":"…","status":…}
 *
 * submit: a submit_sm and the command_status answered; -1 when no answer was sent, -2 when the connection was cut; id is
 * '' unless status is 0. receipt: a deliver_sm_resp. us: monotonic microseconds of the simulator. hash: 16 hex digits
 * over destination and payload (user data header included), so that repeats can be counted.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import type { MessagePdu } from '../decode.js'
import { print } from './fingerprints.js'

const WRITE_CHARACTERS = 64 * 1024

export interface LedgerEvent {
  micros: number
  session: number
  sequence: number
  id: number
  status: number
}

export class Ledger {
  #file: number
  #text = ''

  /** Appends to the file at `path`. */
  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  /** The fingerprint of the submit must be in `print`. */
  submit(bytes: Buffer, pdu: MessagePdu, event: LedgerEvent): void {
    const { source, destination, text } = pdu
    const from = JSON.stringify(bytes.latin1Slice(source.start, source.start + source.length))
    const to = JSON.stringify(bytes.latin1Slice(destination.start, destination.start + destination.length))
    const hash = print.high.toString(16).padStart(8, '0') + print.low.toString(16).padStart(8, '0')
    const content = `"esm":${pdu.esmClass},"dcs":${pdu.dataCoding},"length":${text.length},"hash":"${hash}"`
    this.#line(`${head('submit', event)},"from":${from},"to":${to},${content},${tail(event)}}\n`)
  }

  receipt(event: LedgerEvent): void {
    this.#line(`${head('receipt', event)},"id":"${event.id}","status":${event.status}}\n`)
  }

  flush(): void {
    if (this.#text === '') return
    writeSync(this.#file, this.#text)
    this.#text = ''
  }

  close(): void {
    this.flush()
    closeSync(this.#file)
  }

  #line(text: string): void {
    this.#text += text
    if (this.#text.length >= WRITE_CHARACTERS) this.flush()
  }
}

function head(name: string, event: LedgerEvent): string {
  return `{"event":"${name}","us":${event.micros},"session":${event.session},"sequence":${event.sequence}`
}

function tail(event: LedgerEvent): string {
  return `"id":"${event.status === 0 ? event.id : ''}","status":${event.status}`
}
