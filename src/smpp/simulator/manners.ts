/** How one session of the simulator behaves beside the specification: the script, and what the session has seen so far. */
import { COMMAND, VERSION } from '../constants.js'
import { beginPdu, endPdu, putCString, putTlv } from '../encode.js'
import { STATUS } from '../status.js'
import type { Writer } from '../writer.js'
import type { ScriptWord, SessionScript } from './session-script.js'

/** additional_status_info_text (§5.3.2.11). */
const STATUS_TEXT = 0x001d
const HTTP = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'
/** Octets of `writeAlert` and `writeOutbind` at most. */
const UNINVITED_BYTES = 128

/** What happens to the connection with a submit. */
export type SubmitFate = 'go' | 'ignore' | 'cut' | 'unbind' | 'garbage'

export class Manners {
  readonly #script: () => SessionScript
  readonly #session: number
  #submits = 0

  /** `session`: its number from 1. The script may change while the session lives. */
  constructor(script: () => SessionScript, session: number) {
    this.#script = script
    this.#session = session
  }

  has(word: ScriptWord): boolean {
    return this.value(word) !== null
  }

  /** null: the word is not there, or does not concern this session. */
  value(word: ScriptWord): number | null {
    const entry = this.#script()[word]
    return entry === undefined || this.#session > entry.sessions ? null : entry.value
  }

  /** Status with which a bind is refused whatever it says; 0: it is looked at. */
  bindRefusal(interfaceVersion: number): number {
    if (this.has('only34') && interfaceVersion > VERSION.threeFour) return STATUS.bindFailed
    return this.value('bind') ?? STATUS.ok
  }

  /** Counts a submit. */
  submitted(): SubmitFate {
    const before = this.#submits++
    if (this.#reached('cut', before)) return 'cut'
    if (this.#reached('garbage', before)) return 'garbage'
    if (this.#reached('deaf', before) || this.isSilent) return 'ignore'
    return this.value('unbind') === before ? 'unbind' : 'go'
  }

  /** Nothing at all is answered any more. */
  get isSilent(): boolean {
    const after = this.value('silent')
    return after !== null && this.#submits > after
  }

  #reached(word: ScriptWord, submits: number): boolean {
    const after = this.value(word)
    return after !== null && submits >= after
  }
}

/** submit_sm_resp of a refusal as some carriers write it: with a body, or with an optional parameter. */
export function writeRefusal(writer: Writer, status: number, sequence: number, manners: Manners): void {
  writer.reserve(64)
  let at = beginPdu(writer, COMMAND.submitSmResp, status, sequence)
  const { bytes } = writer
  if (manners.has('errbody') || manners.has('errtlv')) bytes[at++] = 0
  if (manners.has('errtlv')) {
    const text = 'refused by the script'
    at = putTlv(bytes, at, STATUS_TEXT, text.length + 1)
    at = putCString(bytes, at, text)
  }
  endPdu(writer, at)
}

/** alert_notification (§4.12.1) and outbind (§4.1.7.1), which nobody asked for and nobody answers. */
export function writeUninvited(writer: Writer, sequence: number): void {
  writer.reserve(UNINVITED_BYTES)
  const { bytes } = writer
  let at = beginPdu(writer, COMMAND.alertNotification, 0, sequence)
  for (const address of ['447700900000', '60099']) {
    bytes[at++] = 1
    bytes[at++] = 1
    at = putCString(bytes, at, address)
  }
  endPdu(writer, at)
  at = beginPdu(writer, COMMAND.outbind, 0, sequence)
  at = putCString(bytes, at, 'smsc')
  endPdu(writer, putCString(bytes, at, 'secret'))
}

/** Octets that are no PDU: a web server at the wrong port. */
export function writeGarbage(writer: Writer): void {
  writer.reserve(HTTP.length)
  writer.length += writer.bytes.latin1Write(HTTP, writer.length)
}
