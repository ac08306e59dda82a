/** Receivers of webhooks for the tests: real servers on port 0 that keep what they were sent and answer as told. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { JobUpdate, MessageUpdate } from '../src/engine/contract/webhook.js'

/** An entry of any kind. */
type Entry = Omit<MessageUpdate, 'state'> & Omit<JobUpdate, 'state'> & { state: string; text: string }

export interface Received {
  id: string
  headers: Record<string, string>
  /** As it came. */
  text: string
  body: { type: string; timestamp: string; data: Entry[] }
}

export type Answer = (response: ServerResponse, received: Received) => void

export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (response) => response.writeHead(code, headers).end()
}

/** As much of a tap test as is needed here. */
interface Owner {
  teardown(work: () => Promise<void>): void
}

export class Receiver {
  readonly received: Received[] = []
  answer: Answer = status(204)
  #server: Server
  #waiting: (() => void)[] = []

  constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response))
  }

  static async start(owner: Owner): Promise<Receiver> {
    const receiver = new Receiver()
    await receiver.listen()
    owner.teardown(() => receiver.close())
    return receiver
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer)
    } catch {
      return
    }
    const text = Buffer.concat(chunks).toString()
    const headers = request.headers as Record<string, string>
    const received = { id: headers['webhook-id']!, headers, text, body: JSON.parse(text || 'null') }
    this.received.push(received)
    this.answer(response, received)
    for (const look of this.#waiting.splice(0)) look()
  }

  /** Resolves once what came satisfies the question; the test's own time limit ends the waiting. */
  async until(isEnough: (receiver: this) => boolean): Promise<void> {
    while (!isEnough(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Entries of all bodies, in the order in which they came. */
  get entries(): Received['body']['data'] {
    return this.received.flatMap(({ body }) => body.data)
  }

  /** Throws when a request is not signed with the secret. */
  verify(secret: string): void {
    const webhook = new Webhook(secret)
    for (const { text, headers } of this.received) webhook.verify(text, headers)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
