/** Emails and calls, a message at a time: each arrives, what arrives twice is listed, and repeats are bounded. */
import { setTimeout as pause } from 'node:timers/promises'
import type { MessageAccepted, MessageView } from '../../../src/engine/contract/api.js'
import type { Gateway } from '../../../src/sip/simulator/gateway.js'
import type { MailPeer } from '../../../test/mail-peer.js'
import { landline } from '../../../test/voice-stand.js'
import type { CrashStand } from '../crash-stand.js'
import { Repeated } from '../workload.js'

const LOOK_MS = 20
/** Connections of a relay, each with one message in flight and eight answers that may not be durable. */
const MAILS_PER_CRASH = 5 * (1 + 8)

async function ended({ client }: CrashStand, id: string, state: string): Promise<MessageView> {
  for (;;) {
    const message = await client.get<MessageView>(`/v1/messages/${id}`)
    if (message.state === state) return message
    await pause(LOOK_MS)
  }
}

function unanswered({ history }: MessageView): number {
  return history.filter(({ event }) => event === 'unanswered').length
}

/** Calls that a stop ended before enough was heard. */
function hungUp({ history }: MessageView): number {
  return history.filter(({ event, reason }) => event === 'postponed' && reason === 'PARTLY_HEARD').length
}

/** Requests of one message each. */
abstract class OneByOne extends Repeated<MessageAccepted> {
  protected readonly stand: CrashStand
  constructor(stand: CrashStand) {
    super()
    this.stand = stand
  }

  protected abstract name: string
  protected abstract body(number: number): object

  protected async request(number: number): Promise<MessageAccepted | null> {
    const options = { body: this.body(number), once: `${this.name}-${number}` }
    return await this.stand.client.ask<MessageAccepted>('POST', '/v1/messages', options)
  }
}

export class Emails extends OneByOne {
  protected name = 'email'
  readonly #peer: MailPeer
  constructor(stand: CrashStand, peer: MailPeer) {
    super(stand)
    this.#peer = peer
  }

  #to(number: number): string {
    return `reader${number}@example.com`
  }
  protected body(number: number): object {
    return { channel: 'email', to: this.#to(number), subject: 'Hello', text: `Letter ${number}` }
  }

  async check(): Promise<string[]> {
    const problems: string[] = []
    for (const [number, { id }] of this.answers.entries()) {
      const message = await ended(this.stand, id!, 'sent')
      const copies = this.#peer.received.filter(({ to }) => to === this.#to(number)).length
      if (copies === 0) problems.push(`${id} never arrived`)
      if (copies - 1 > unanswered(message)) problems.push(`${id} arrived ${copies} times, and nothing says why`)
    }
    const repeats = this.#peer.received.length - this.answers.length
    if (repeats > this.stand.crashes * MAILS_PER_CRASH) problems.push(`${repeats} emails came twice`)
    return problems
  }
}

export class Calls extends OneByOne {
  protected name = 'call'
  readonly #gateway: Gateway
  readonly #maxCalls: number
  constructor(stand: CrashStand, gateway: Gateway, maxCalls: number) {
    super(stand)
    this.#gateway = gateway
    this.#maxCalls = maxCalls
  }

  protected body(number: number): object {
    return { channel: 'voice', to: landline(number), text: 'On Monday.' }
  }

  /** One call at a time goes on until the engine dies. */
  override async step(): Promise<void> {
    await super.step()
    const last = this.answers.at(-1)
    if (last === undefined) return
    for (;;) {
      const message = await this.stand.client.ask<MessageView>('GET', `/v1/messages/${last.id}`)
      if (message === null || message.state === 'delivered') return
      await pause(LOOK_MS)
    }
  }

  async check(): Promise<string[]> {
    let left = 0
    let cutOff = 0
    for (const { id } of this.answers) {
      const message = await ended(this.stand, id!, 'delivered')
      left += unanswered(message)
      cutOff += hungUp(message)
    }
    const repeats = this.#gateway.stats().calls - this.answers.length
    const listed = `${left} are listed as unanswered, ${cutOff} as hung up by a stop`
    const problems = repeats <= left + cutOff ? [] : [`${repeats} were called twice, ${listed}`]
    if (left > 2 * this.stand.crashes * this.#maxCalls) problems.push(`${left} calls were left unanswered`)
    return problems
  }
}
