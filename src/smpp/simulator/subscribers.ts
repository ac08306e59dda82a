/**
 * Messages of the simulated carrier's subscribers on their way to the peers: each PDU is delivered until it is answered
 * with ESME_ROK, on whichever session has room, again after a refusal and again after a session that broke off.
 */
import { systemClock } from '../../engine/contract/clock.js'
import { type SubscriberMessage, type SubscriberPdu, subscriberPdus } from './subscriber-pdu.js'

/** A session as it is needed here. */
export interface InboundSession {
  /** Has room for one more. */
  readonly hungry: boolean
  /** `number` comes back in the answer. */
  deliverPdu(number: number, pdu: SubscriberPdu, nowMs: number): void
  flush(): void
}

interface Pending {
  number: number
  pdu: SubscriberPdu
  /** Monotonic: not before. */
  dueAtMs: number
  answered(): void
}

const RETRY_MS = 1_000
const TICK_MS = 2

export class Subscribers {
  readonly #sessions: () => Iterable<InboundSession>
  #waiting: Pending[] = []
  readonly #open = new Map<number, Pending>()
  #next = 1
  #reference = 0
  #taken = 0
  #refused = 0
  #timer: NodeJS.Timeout | null = null

  constructor(sessions: () => Iterable<InboundSession>) {
    this.#sessions = sessions
  }

  /** PDUs answered with ESME_ROK, with anything else, and those that are owed and not under way. */
  stats(): { inboundTaken: number; inboundRefused: number; inboundWaiting: number } {
    return { inboundTaken: this.#taken, inboundRefused: this.#refused, inboundWaiting: this.#waiting.length }
  }

  /** Resolves with the number of its PDUs when all are taken. @throws RangeError where it cannot be sent. */
  async send(message: SubscriberMessage): Promise<number> {
    this.#reference = (this.#reference + 1) & 0xffff
    const pdus = subscriberPdus(message, this.#reference)
    const answers = pdus.map(
      (pdu) =>
        new Promise<void>((answered) => {
          this.#waiting.push({ number: this.#next++, pdu, dueAtMs: 0, answered })
        }),
    )
    this.#deliver()
    await Promise.all(answers)
    return pdus.length
  }

  answered(number: number, status: number): void {
    const pending = this.#open.get(number)!
    this.#open.delete(number)
    if (status === 0) {
      this.#taken++
      pending.answered()
    } else {
      this.#refused++
      pending.dueAtMs = systemClock.monotonic() + RETRY_MS
      this.#waiting.push(pending)
    }
    this.#deliver()
  }

  /** Their session broke off before they were answered; in the order of their delivery. */
  putBack(numbers: readonly number[]): void {
    this.#waiting.unshift(...numbers.map((number) => this.#open.get(number)!))
    for (const number of numbers) this.#open.delete(number)
    this.#deliver()
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#waiting = []
  }

  /** In turn to every session that has room; looks again soon while some wait. */
  #deliver(): void {
    const nowMs = systemClock.monotonic()
    while (this.#deliverRound(nowMs));
    if (this.#waiting.length === 0 || this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#deliver()
    }, TICK_MS)
  }

  /** True: each session that had room has one more, and there may be room for another round. */
  #deliverRound(nowMs: number): boolean {
    let delivered = false
    for (const session of this.#sessions()) {
      const place = this.#waiting.findIndex(({ dueAtMs }) => dueAtMs <= nowMs)
      if (place < 0) return false
      if (!session.hungry) continue
      const [pending] = this.#waiting.splice(place, 1)
      this.#open.set(pending!.number, pending!)
      session.deliverPdu(pending!.number, pending!.pdu, nowMs)
      session.flush()
      delivered = true
    }
    return delivered
  }
}
