/**
 * What a receipt's state means: `stat` of the text in all its spellings (carriers.md 10, 11), message_state as a number
 * (SMPP 3.4 §5.2.28), and the carrier's own table before both.
 */
import { OUTCOME, type OutcomeCode } from '../engine/contract/outcome.js'
import type { Span } from './decode.js'

const { delivered, undelivered, expired, rejected, enroute } = OUTCOME

/** Scheduled and skipped are of SMPP 5.0. UNKNOWN is a final state there: the message is in an invalid state. */
const BY_NUMBER: readonly OutcomeCode[] = [
  enroute,
  enroute,
  delivered,
  expired,
  undelivered,
  undelivered,
  enroute,
  undelivered,
  rejected,
  undelivered,
]
/** By the first letters, upper-case; the vendors' spellings differ only behind them. */
const BY_PREFIX: readonly (readonly [string, OutcomeCode])[] = [
  ['DELIV', delivered],
  ['DELVR', delivered],
  ['DLVR', delivered],
  ['UNDEL', undelivered],
  ['UNDLV', undelivered],
  ['EXP', expired],
  ['REJ', rejected],
  ['DELET', undelivered],
  ['FAIL', undelivered],
  ['UNKN', undelivered],
  ['SKIP', undelivered],
  ['ACCE', enroute],
  ['ACCP', enroute],
  ['ACK', enroute],
  ['ENRO', enroute],
  ['EN_RO', enroute],
  ['BUFF', enroute],
  ['SCHED', enroute],
  ['QUEUE', enroute],
  ['PEND', enroute],
]
const STAT_MAX = 20
const NAMES = { delivered, undelivered, expired, rejected, enroute } as const

export class StateTable {
  readonly #own = new Map<string, OutcomeCode>()

  /** `own`: the carrier's table, stat or number → meaning. */
  constructor(own: Readonly<Record<string, keyof typeof NAMES>>) {
    for (const [stat, name] of Object.entries(own)) this.#own.set(stat.trim().toUpperCase(), NAMES[name])
  }

  /** Undefined: nobody knows this word. */
  ofText(bytes: Buffer, place: Span): OutcomeCode | undefined {
    if (this.#own.size === 0 && isDelivered(bytes, place)) return delivered
    const { start } = place
    const text = bytes.latin1Slice(start, start + Math.min(place.length, STAT_MAX)).toUpperCase()
    const own = this.#own.get(text)
    if (own !== undefined) return own
    for (const [prefix, code] of BY_PREFIX) if (text.startsWith(prefix)) return code
    // The numbers of message_state, but for 0, which is written by those for whom it means no error.
    if (text === '0') return delivered
    return /^[1-9]$/.test(text) ? BY_NUMBER[Number(text)] : undefined
  }

  /** Undefined: no such state. */
  ofNumber(state: number): OutcomeCode | undefined {
    if (this.#own.size > 0) {
      const own = this.#own.get(String(state))
      if (own !== undefined) return own
    }
    return BY_NUMBER[state]
  }
}

/** The one word that nearly every receipt has: DELIV…, in any case. */
function isDelivered(bytes: Buffer, { start, length }: Span): boolean {
  return (
    length >= 5 &&
    (bytes[start]! | 0x20) === 0x64 &&
    (bytes[start + 1]! | 0x20) === 0x65 &&
    (bytes[start + 2]! | 0x20) === 0x6c &&
    (bytes[start + 3]! | 0x20) === 0x69 &&
    (bytes[start + 4]! | 0x20) === 0x76
  )
}
