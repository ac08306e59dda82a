/** POST /v1/messages, five at a time, each request under an Idempotency-Key of its own. */
import type { MessageAccepted } from '../../../src/engine/contract/api.js'
import type { CrashStand } from '../crash-stand.js'
import { Repeated } from '../workload.js'

const AT_ONCE = 5
/** Answered requests that are repeated at the end. */
const ASKED_AGAIN = 5

interface Answer {
  items: MessageAccepted[]
}

export class SingleMessages extends Repeated<Answer> {
  readonly stand: CrashStand
  readonly #name: string
  readonly #markers: number[][] = []

  /** `name`: of the keys, which no other workload has. */
  constructor(stand: CrashStand, name: string) {
    super()
    this.stand = stand
    this.#name = name
  }

  protected async request(number: number): Promise<Answer | null> {
    const { messages, client } = this.stand
    this.#markers[number] ??= Array.from({ length: AT_ONCE }, () => messages.take())
    const asked = this.#markers[number].map((marker) => ({ to: messages.to(marker), text: messages.text(marker) }))
    const answer = await client.ask<Answer>('POST', '/v1/messages', {
      body: { messages: asked },
      once: `${this.#name}-${number}`,
    })
    answer?.items.forEach(({ id }, index) => {
      messages.accepted(this.#markers[number]![index]!, id!)
    })
    return answer
  }

  /** Requests that were answered. */
  get count(): number {
    return this.answers.length
  }

  /** The same request under the same key has the same answer (reliability.md P3). */
  async check(): Promise<string[]> {
    const problems: string[] = []
    const first = Math.max(0, this.answers.length - ASKED_AGAIN)
    for (const [index, before] of this.answers.entries()) {
      if (index < first) continue
      const again = await this.request(index)
      if (JSON.stringify(again) !== JSON.stringify(before)) problems.push(`request ${index} was answered otherwise`)
    }
    return problems
  }
}
