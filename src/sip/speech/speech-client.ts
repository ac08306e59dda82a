/** The main thread's end of the speech thread: questions with their answers, and what it says of the program. Main thread. */
import { EngineError } from '../../engine/contract/errors.js'
import type { SpeechStatus } from '../../engine/contract/speech-work.js'
import type { FromSpeech, SpeechTask, SpeechTasks, ToSpeech } from './speech-messages.js'

/** A worker thread as this file needs it. */
export interface SpeechPort {
  postMessage(message: ToSpeech): void
  on(event: 'message', listener: (message: FromSpeech) => void): unknown
}

interface Waiting {
  resolve(answer: SpeechTasks[SpeechTask]['answer']): void
  reject(error: EngineError): void
}

export class SpeechClient {
  readonly #waiting = new Map<number, Waiting>()
  readonly #told: (status: SpeechStatus) => void
  #port: SpeechPort | null = null
  #lastRequest = 0
  #onStopped: () => void = () => {}

  /** `told`: whenever what can be spoken has changed. */
  constructor(told: (status: SpeechStatus) => void) {
    this.#told = told
  }

  use(port: SpeechPort): void {
    this.#port = port
    port.on('message', (message) => this.#received(message))
  }

  #received(message: FromSpeech): void {
    if (message.type === 'status') this.#told(message.status)
    else if (message.type === 'stopped') this.#onStopped()
    else {
      const waiting = this.#waiting.get(message.request)
      this.#waiting.delete(message.request)
      if (message.type === 'answer') waiting?.resolve(message.answer)
      else {
        const { code, message: text, ...more } = message.error
        waiting?.reject(new EngineError(code, text, more))
      }
    }
  }

  async ask<T extends SpeechTask>(task: T, asked: SpeechTasks[T]['asked']): Promise<SpeechTasks[T]['answer']> {
    if (this.#port === null) throw lost()
    const request = ++this.#lastRequest
    this.#port.postMessage({ type: task, request, ...asked } as unknown as ToSpeech)
    return await new Promise((resolve, reject) => {
      this.#waiting.set(request, { resolve, reject })
    })
  }

  post(message: ToSpeech): void {
    this.#port?.postMessage(message)
  }

  /** Resolves when no program runs any more, or the thread is gone. */
  async stop(): Promise<void> {
    if (this.#port === null) return
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve
    })
    this.#port.postMessage({ type: 'stop' })
    await stopped
  }

  /** The thread is gone. */
  lost(): void {
    this.#port = null
    this.#onStopped()
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(lost())
  }
}

function lost(): EngineError {
  return new EngineError('SHUTTING_DOWN', 'Speech is starting or stopping; try again in a moment.', {
    retryAfterSeconds: 1,
  })
}
