/** The receiver of all webhooks of a simulation: answers well or not, and keeps a ledger of what it has taken. */
import type { Random } from '../../src/engine/base/random.js'
import type { Courier, Delivery, DeliveryAnswer } from '../../src/engine/contract/webhook-delivery.js'
import type { Life, VirtualTime } from './virtual-time.js'

export interface Told {
  state: string
  isFinal: boolean
  /** After a crash what was told and not noted durably is told again, perhaps in other batches. */
  life: number
}

interface Body {
  data: { id: string; state: string; final: boolean }[]
}

export class WebhookSink {
  readonly #time: VirtualTime
  readonly #random: Random
  readonly #taken = new Set<string>()
  /** Message id → what was told of it, in order; a batch that comes twice counts once. */
  readonly told = new Map<string, Told[]>()
  readonly watched = new Set<number>()
  readonly #errorShare: number
  #downUntilMs = 0
  #behaves = false

  constructor(time: VirtualTime, random: Random) {
    this.#time = time
    this.#random = random
    this.#errorShare = random.next() < 0.5 ? random.next() * 0.4 : 0
  }

  /** An endpoint of the account is durable; whoever has one since the first life is told of everything. */
  watches(account: number, life: number): void {
    if (life === 0) this.watched.add(account)
  }

  goDown(ms: number): void {
    this.#downUntilMs = this.#time.nowMs + ms
  }
  behave(): void {
    this.#behaves = true
    this.#downUntilMs = 0
  }

  courier(life: Life): Courier {
    return {
      refusal: () => null,
      resolvedRefusal: () => Promise.resolve(null),
      deliver: (delivery) => this.#deliver(delivery, life),
      forget: () => {},
      close: () => Promise.resolve(),
    }
  }

  #deliver(delivery: Delivery, life: Life): Promise<DeliveryAnswer> {
    return new Promise((resolve) => {
      this.#time.after(this.#random.next() * 40, () => {
        const answer = this.#take(delivery, life.number)
        this.#time.after(
          this.#random.next() * 40,
          () => {
            resolve(answer)
            this.#time.settle()
          },
          life,
        )
      })
    })
  }

  #take(delivery: Delivery, life: number): DeliveryAnswer {
    const isDown = this.#time.nowMs < this.#downUntilMs
    const isLost = !this.#behaves && this.#random.next() < this.#errorShare
    // An answer that is lost: the batch was taken, and comes again.
    const kind = isDown ? 0 : isLost ? this.#random.below(4) : 4
    if (kind >= 3) this.#enter(delivery, life)
    if (kind === 0) return { kind: 'failed', reason: 'no connection' }
    if (kind === 1) return { kind: 'answered', status: 500, retryAfterMs: null }
    if (kind === 2) return { kind: 'answered', status: 429, retryAfterMs: 2_000 }
    return kind === 3 ? { kind: 'failed', reason: 'timed out' } : { kind: 'answered', status: 200, retryAfterMs: null }
  }

  #enter({ headers, body }: Delivery, life: number): void {
    const id = headers['webhook-id']!
    if (this.#taken.has(id)) return
    this.#taken.add(id)
    for (const { id: message, state, final } of (JSON.parse(String(body)) as Body).data) {
      const before = this.told.get(message) ?? []
      before.push({ state, isFinal: final, life })
      this.told.set(message, before)
    }
  }
}
