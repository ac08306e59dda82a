/**
 * What is known of a call that is over, in one line of text, which travels where other protocols have the text of an error:
 * through the outcome log, the history of a message and the events of webhooks.
 *
 * Layout: U+0002 · 8 hexadecimal digits: epoch seconds at which it is called again, 0: not · 2 hexadecimal digits: number of
 * the reason · then fields, each after a `|`: percent heard, ring and talk in tenths of a second (empty: none), digits,
 * gateway, Call-ID, words.
 */
import { type ReasonCode, reasonCode, reasonNumber } from '../contract/reasons.js'

export interface CallFacts {
  /** NONE: it was heard. */
  reason: ReasonCode
  /** null: it was not answered. */
  heardPercent: number | null
  /** From the first request to the answer, or to the end. null: nobody was called. */
  ringSeconds: number | null
  /** From the answer to the end; null: it was not answered. */
  talkSeconds: number | null
  /** Pressed by the called, in order. */
  digits: string
  /** `host:port`; '' = none was asked. */
  gateway: string
  callId: string
  /** Reason phrase and text of the Reason header, or why the gateway could not be asked; '' = none. */
  words: string
  /** When the number is called again, epoch seconds; 0: it is not. */
  againSeconds: number
}

const MARK = '\u0002'
const AGAIN_AT = 1
const REASON_AT = 9
const FIELDS_AT = 11
const DIGITS_MOST = 32
const GATEWAY_MOST = 64
const CALL_ID_MOST = 48
const WORDS_MOST = 72

/** At most 250 characters, all of ASCII. */
export function packCallFacts(facts: CallFacts): string {
  const fields = [
    facts.heardPercent ?? '',
    tenths(facts.ringSeconds),
    tenths(facts.talkSeconds),
    plain(facts.digits, DIGITS_MOST),
    plain(facts.gateway, GATEWAY_MOST),
    plain(facts.callId, CALL_ID_MOST),
    facts.words.replace(/[^\x20-\x7b\x7d\x7e]/g, '?').slice(0, WORDS_MOST),
  ]
  const head = MARK + hex(facts.againSeconds, 8) + hex(reasonNumber(facts.reason), 2)
  return `${head}|${fields.join('|')}`
}

function tenths(seconds: number | null): string {
  return seconds === null ? '' : String(Math.round(seconds * 10))
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0')
}

function plain(text: string, most: number): string {
  return text.replace(/[^\x21-\x7b\x7d\x7e]/g, '').slice(0, most)
}

export function isCallFacts(text: string): boolean {
  return text.startsWith(MARK)
}

/** The call was answered: how much of it was heard is among the facts. */
export function wasAnswered(text: string): boolean {
  return isCallFacts(text) && text[FIELDS_AT + 1] !== '|'
}

/** Of packed facts. */
export function reasonOfFacts(text: string): number {
  return Number.parseInt(text.slice(REASON_AT, FIELDS_AT), 16) || 0
}
export function againOfFacts(text: string): number {
  return Number.parseInt(text.slice(AGAIN_AT, REASON_AT), 16) || 0
}
/** The same facts with another time. */
export function withAgain(text: string, againSeconds: number): string {
  return MARK + hex(againSeconds, 8) + text.slice(REASON_AT)
}

/** null: it is something else. */
export function readCallFacts(text: string): CallFacts | null {
  if (!isCallFacts(text)) return null
  const [heard = '', ring = '', talk = '', digits = '', gateway = '', callId = '', words = ''] = text
    .slice(FIELDS_AT + 1)
    .split('|')
  return {
    reason: reasonCode(reasonOfFacts(text)),
    heardPercent: heard === '' ? null : Number(heard),
    ringSeconds: ring === '' ? null : Number(ring) / 10,
    talkSeconds: talk === '' ? null : Number(talk) / 10,
    digits,
    gateway,
    callId,
    words,
    againSeconds: againOfFacts(text),
  }
}
