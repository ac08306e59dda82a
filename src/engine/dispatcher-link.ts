/**
 * The main thread's end of the wire to the dispatcher thread: requests with their answers, and what it posts by itself.
 * Bodies never cross it.
 */
import type { MessagePort } from 'node:worker_threads'
import type { CarrierPatch, CarrierView } from './contract/channel.js'
import { EngineError } from './contract/errors.js'
import type {
  FromDispatcher,
  JobProgress,
  RedactTask,
  RouteDispatch,
  SettleTask,
  ToDispatcher,
} from './contract/thread.js'
import type { Wait } from './contract/waits.js'
import { TraceFeed } from './trace-feed.js'

/** A worker thread as this file needs it. */
export interface DispatcherPort {
  postMessage(message: ToDispatcher, transfer?: readonly MessagePort[]): void
  on(event: 'message', listener: (message: FromDispatcher) => void): unknown
}

export interface DispatcherEvents {
  progress(jobs: JobProgress[]): void
  finished(job: number): void
  inbound(): void
  /** Message events of these accounts are durable. */
  events(accounts: number[]): void
  fatal(code: string, message: string): void
}

type Answer = Extract<FromDispatcher, { request: number }>

interface Waiting {
  resolve(answer: Answer): void
  reject(error: EngineError): void
}

export class DispatcherLink {
  readonly #port: DispatcherPort
  readonly #events: DispatcherEvents
  readonly #waiting = new Map<number, Waiting>()
  readonly ready: Promise<void>
  readonly traces = new TraceFeed((message) => this.post(message))
  readonly #drained: Promise<void>
  #isAlive = false
  #nextRequest = 1

  constructor(port: DispatcherPort, events: DispatcherEvents) {
    this.#port = port
    this.#events = events
    let onReady = (): void => {}
    let onDrained = (): void => {}
    this.ready = new Promise((resolve) => {
      onReady = resolve
    })
    this.#drained = new Promise((resolve) => {
      onDrained = resolve
    })
    port.on('message', (message) => {
      if (message.type === 'ready') {
        this.#isAlive = true
        onReady()
      } else if (message.type === 'drained') {
        this.#isAlive = false
        onDrained()
      } else this.#receive(message)
    })
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  #receive(message: FromDispatcher): void {
    if (message.type === 'progress') this.#events.progress(message.jobs)
    else if (message.type === 'finished') this.#events.finished(message.job)
    else if (message.type === 'inbound') this.#events.inbound()
    else if (message.type === 'events') this.#events.events(message.accounts)
    else if (message.type === 'traced') this.traces.traced(message.watch, message.batch)
    else if (message.type === 'fatal') this.#events.fatal(message.code, message.message)
    else if ('request' in message) {
      this.#waiting.get(message.request)?.resolve(message)
      this.#waiting.delete(message.request)
    }
  }

  post(message: ToDispatcher, transfer?: readonly MessagePort[]): void {
    this.#port.postMessage(message, transfer)
  }

  #ask(message: (request: number) => ToDispatcher): Promise<Answer> {
    if (!this.#isAlive) return Promise.reject(new EngineError('SHUTTING_DOWN', 'The dispatcher is not running.'))
    const request = this.#nextRequest++
    return new Promise((resolve, reject) => {
      this.#waiting.set(request, { resolve, reject })
      this.post(message(request))
    })
  }

  async carriers(): Promise<CarrierView[]> {
    const answer = await this.#ask((request) => ({ type: 'carriers', request }))
    return answer.type === 'carriers' ? answer.items : []
  }

  async patchCarrier(id: string, change: CarrierPatch): Promise<CarrierView[]> {
    this.post({ type: 'carrier', id, change })
    return await this.carriers()
  }

  /** How many of the messages were unknown; they are settled durably. */
  async settle(task: SettleTask): Promise<number> {
    const answer = await this.#ask((request) => ({ type: 'settle', request, task }))
    return answer.type === 'settled' ? answer.settled : 0
  }

  /** How many of the messages waited; they are canceled durably. */
  async cancelMessages(refs: number[]): Promise<number> {
    const answer = await this.#ask((request) => ({ type: 'cancel', request, refs }))
    return answer.type === 'canceled' ? answer.canceled : 0
  }

  /** Neither memory nor log tells of these recipients any more; of states that is so after a `snapshot`. */
  async redact(task: RedactTask): Promise<void> {
    await this.#ask((request) => ({ type: 'redact', request, task }))
  }

  /** Resolves with what changed, a line each. */
  async reload(carriers: unknown[], routes: RouteDispatch[]): Promise<string[]> {
    const answer = await this.#ask((request) => ({ type: 'reload', request, carriers, routes }))
    return answer.type === 'reloaded' ? answer.changed : []
  }

  /** State snapshots in the order asked, durable; null = never claimed. */
  async states(blocks: number[]): Promise<(Uint8Array | null)[]> {
    if (blocks.length === 0) return []
    const answer = await this.#ask((request) => ({ type: 'states', request, blocks }))
    return answer.type === 'states' ? answer.states : []
  }

  /** Resolves when the states of all blocks are stored as they are now. */
  async snapshot(): Promise<void> {
    await this.#ask((request) => ({ type: 'snapshot', request }))
  }

  /** What a message that is not final waits for now. */
  async waits(ref: number): Promise<Wait[]> {
    const answer = await this.#ask((request) => ({ type: 'waits', request, ref }))
    return answer.type === 'waits' ? answer.waits : []
  }

  /** Resolves when the dispatcher has unbound and flushed, or never if it is gone. */
  async drain(deadlineMs: number): Promise<void> {
    this.post({ type: 'drain', deadlineMs })
    await this.#drained
  }

  /** The thread is gone: nobody waits for its answers any more. */
  closed(): void {
    this.#isAlive = false
    for (const waiting of this.#waiting.values()) {
      waiting.reject(new EngineError('SHUTTING_DOWN', 'The dispatcher has stopped.'))
    }
    this.#waiting.clear()
  }
}
