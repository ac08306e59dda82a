/**
 * The messages that were accepted by SMS, by the marker in their text: each must be delivered in the end, must have come to
 * the carrier, again only where it was left unanswered, and its end must have come to the webhook.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { MessageView, Page } from '../../src/engine/contract/api.js'
import type { CarrierSeen } from '../torture/carrier-ledger.js'
import { readLedger } from '../torture/ledger.js'
import { markerText, recipientOf } from '../torture/marker.js'
import type { SinkSeen } from '../torture/sink.js'
import { type CrashStand, REPEATS_PER_CRASH } from './crash-stand.js'

const LOOK_MS = 20

export class SentMessages {
  /** Marker → id of the message; '': it came in a file. */
  readonly #accepted = new Map<number, string>()
  /** Seen as such: that is final. */
  readonly #delivered = new Set<number>()
  readonly #stand: CrashStand
  #next = 0

  constructor(stand: CrashStand) {
    this.#stand = stand
  }

  /** A marker that nobody had before. */
  take(): number {
    return this.#next++
  }

  to(marker: number): string {
    return recipientOf(marker)
  }

  text(marker: number): string {
    return `Crash ${markerText(marker)} over`
  }

  accepted(marker: number, id = ''): void {
    this.#accepted.set(marker, id)
  }

  get count(): number {
    return this.#accepted.size
  }

  /** Every accepted message is delivered; the time limit of the test ends the waiting. */
  async untilDelivered(): Promise<void> {
    for (const [marker, id] of this.#accepted) {
      if (this.#delivered.has(marker)) continue
      while ((await this.#of(marker, id)).state !== 'delivered') await pause(LOOK_MS)
      this.#delivered.add(marker)
    }
  }

  async #of(marker: number, id: string): Promise<MessageView> {
    const { client } = this.#stand
    if (id !== '') return await client.get<MessageView>(`/v1/messages/${id}`)
    const { items } = await client.get<Page<MessageView>>(`/v1/messages?to=${encodeURIComponent(this.to(marker))}`)
    // What was canceled and made anew elsewhere (a retry, an event that changed) is the same message to us.
    const standing = items.filter(({ text, state }) => text === this.text(marker) && state !== 'canceled')
    if (standing.length !== 1) throw new Error(`${standing.length} messages to ${this.to(marker)} of one row`)
    this.#accepted.set(marker, standing[0]!.id)
    return standing[0]!
  }

  /** Call when all is delivered. */
  async check(): Promise<string[]> {
    const came = await this.#came()
    const problems: string[] = []
    for (const marker of this.#accepted.keys())
      if (!came.has(marker)) problems.push(`${marker} never came to the carrier`)
    let repeats = 0
    for (const [marker, times] of came) {
      if (!this.#accepted.has(marker)) problems.push(`${marker} came to the carrier and was never accepted`)
      else if (times > 1) problems.push(...(await this.#unlisted(marker, times)))
      repeats += times - 1
    }
    const most = this.#stand.crashes * REPEATS_PER_CRASH
    if (repeats > most) problems.push(`${repeats} came twice; ${most} may, after ${this.#stand.crashes} crashes`)
    return [...problems, ...(await this.#webhookProblems())]
  }

  /** By marker, how often the carrier took it. */
  async #came(): Promise<Map<number, number>> {
    const came = new Map<number, number>()
    for await (const seen of readLedger<CarrierSeen>(this.#stand.carrierLedger)) {
      if (seen.e !== 'submit' || seen.marker < 0) continue
      came.set(seen.marker, (came.get(seen.marker) ?? 0) + 1)
    }
    return came
  }

  /** What came again is listed as unanswered in the message's history. */
  async #unlisted(marker: number, times: number): Promise<string[]> {
    const { history } = await this.#of(marker, this.#accepted.get(marker)!)
    const listed = history.filter(({ event }) => event === 'unanswered').length
    return listed >= times - 1 ? [] : [`${marker} came ${times} times and is listed as unanswered ${listed} times`]
  }

  async #webhookProblems(): Promise<string[]> {
    for (;;) {
      const missing = await this.#missing()
      if (missing.length === 0) return await this.#forged()
      // Retries take their time, but come; the time limit of the test ends the waiting.
      await pause(10 * LOOK_MS)
    }
  }

  async #missing(): Promise<string[]> {
    const missing = new Set(this.#accepted.values())
    for await (const seen of readLedger<SinkSeen>(this.#stand.sinkLedger)) {
      if (seen.e !== 'delivery' || seen.status !== 204) continue
      for (const { id, state } of seen.entries) if (state === 'delivered') missing.delete(id)
    }
    return [...missing]
  }

  async #forged(): Promise<string[]> {
    const problems: string[] = []
    for await (const seen of readLedger<SinkSeen>(this.#stand.sinkLedger)) {
      if (seen.e === 'forged') problems.push(`delivery ${seen.id} was not signed as it must be`)
    }
    return problems
  }
}
