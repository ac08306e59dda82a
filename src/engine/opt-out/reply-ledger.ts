/**
 * What was answered to whom on which day, so that a STOP that is repeated is confirmed once, and two machines that answer
 * each other come to an end. Kept for two days, in the transaction of the answers. Main thread.
 */
import { decode, encode } from '@msgpack/msgpack'
import { limits } from '../contract/limits.js'
import { bodyOf, checkedBytes } from '../store/checked-bytes.js'
import type { Environment } from '../store/environment.js'
import type { Place, StagedChange } from './suppression-book.js'

const DAY_MS = 86_400_000
const FORGET_BATCH = 1_000

interface Answers {
  /** Of this day (UTC). */
  count: number
  /** When the last STOP was confirmed that holds; 0: none. */
  stopAtMs: number
}

const NONE: Answers = { count: 0, stopAtMs: 0 }

export class ReplyLedger {
  readonly #environment: Environment
  /** What is staged and not on disk. */
  readonly #staged = new Map<string, Answers>()

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /** False: enough was said to this number today. */
  mayAnswer(place: Place, nowMs: number): boolean {
    return this.#of(dayOf(nowMs), place).count < limits.optOutAnswersPerDay
  }

  /** True: its STOP was confirmed within a day, and it has not come back since. */
  hasConfirmed(place: Place, nowMs: number): boolean {
    const today = dayOf(nowMs)
    const atMs = Math.max(this.#of(today, place).stopAtMs, this.#of(today - 1, place).stopAtMs)
    return atMs > 0 && nowMs - atMs < DAY_MS
  }

  /** An answer goes out; `isStop`: it confirms a STOP. */
  answered(place: Place, nowMs: number, isStop: boolean): StagedChange {
    const { count, stopAtMs } = this.#of(dayOf(nowMs), place)
    return this.#stage(dayOf(nowMs), place, { count: count + 1, stopAtMs: isStop ? nowMs : stopAtMs })
  }

  /** It opted in again: its next STOP is a new one. */
  cameBack(place: Place, nowMs: number): StagedChange[] {
    return [dayOf(nowMs), dayOf(nowMs) - 1].flatMap((day) => {
      const known = this.#of(day, place)
      return known.stopAtMs === 0 ? [] : [this.#stage(day, place, { ...known, stopAtMs: 0 })]
    })
  }

  #of(day: number, { account, number }: Place): Answers {
    const staged = this.#staged.get(`${day} ${account} ${number}`)
    if (staged !== undefined) return staged
    const bytes = this.#environment.optOutReplies.getBinary([day, account, number])
    return bytes === undefined ? NONE : (decode(bodyOf(bytes, 'what was answered to a STOP')) as Answers)
  }

  #stage(day: number, { account, number }: Place, answers: Answers): StagedChange {
    const key = `${day} ${account} ${number}`
    const { optOutReplies } = this.#environment
    const old = [...optOutReplies.getKeys({ start: [0], end: [day - 1], limit: FORGET_BATCH })]
    this.#staged.set(key, answers)
    return {
      put() {
        optOutReplies.put([day, account, number], checkedBytes(encode(answers)))
        for (const each of old) optOutReplies.remove(each)
      },
      durable: () => {
        if (this.#staged.get(key) === answers) this.#staged.delete(key)
      },
    }
  }
}

function dayOf(nowMs: number): number {
  return Math.floor(nowMs / DAY_MS)
}
