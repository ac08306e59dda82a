/** Subscribers write: each message is delivered by the carrier until it is answered, and must be listed once. */
import { setTimeout as pause } from 'node:timers/promises'
import type { InboundView } from '../../../src/engine/contract/inbound.js'
import type { CrashStand } from '../crash-stand.js'
import type { Workload } from '../workload.js'

const PAUSE_MS = 20
/** Beyond so many the carrier waits for answers. */
const OPEN_MAX = 20
const SERVICE = '60099'

export class InboundMessages implements Workload {
  protected readonly stand: CrashStand
  /** By their text. */
  readonly #written = new Set<string>()
  readonly #taken = new Set<string>()

  constructor(stand: CrashStand) {
    this.stand = stand
  }

  /** What the n-th one says, and who wrote it. */
  protected textOf(number: number): string {
    return `Question ${number}`
  }
  protected fromOf(number: number): string {
    return `4477129${String(number).padStart(5, '0')}`
  }

  async step(): Promise<void> {
    if (this.#written.size - this.#taken.size < OPEN_MAX) {
      const number = this.#written.size
      const name = `${this.fromOf(number)} ${this.textOf(number)}`
      this.#written.add(name)
      const sent = this.stand.smsc.subscribers.send({
        from: this.fromOf(number),
        to: SERVICE,
        text: this.textOf(number),
      })
      void sent.then(() => this.#taken.add(name))
    }
    await pause(PAUSE_MS)
  }

  async settle(): Promise<void> {
    while (this.#taken.size < this.#written.size) await pause(PAUSE_MS)
  }

  async check(): Promise<string[]> {
    let listed = await this.#listed()
    // What is durable and answered is read a moment later.
    while (new Set(listed).size < this.#written.size) {
      await pause(PAUSE_MS)
      listed = await this.#listed()
    }
    const problems =
      listed.length === this.#written.size ? [] : [`${this.#written.size} wrote, ${listed.length} are listed`]
    for (const name of listed) if (!this.#written.has(name)) problems.push(`nobody wrote: ${name}`)
    return problems
  }

  async #listed(): Promise<string[]> {
    const own = new Set([...this.#written].map((name) => name.split(' ')[0]))
    const items = await this.stand.client.all<InboundView>('/v1/inbound')
    return items
      .map(({ from, text }) => `${from.replace('+', '')} ${text}`)
      .filter((name) => own.has(name.split(' ')[0]))
  }

  protected get writers(): string[] {
    return [...this.#written].map((name) => name.split(' ')[0]!)
  }
}

/** Each writes STOP, and is suppressed from the moment on at which the carrier was answered. */
export class Stops extends InboundMessages {
  protected override textOf(): string {
    return 'STOP'
  }
  protected override fromOf(number: number): string {
    return `4477128${String(number).padStart(5, '0')}`
  }

  override async check(): Promise<string[]> {
    const problems = await super.check()
    for (const from of this.writers) {
      const entry = await this.stand.client.ask('GET', `/v1/suppressions/+${from}`).catch(() => null)
      if (entry === null) problems.push(`${from} wrote STOP and is not suppressed`)
    }
    return problems
  }
}
