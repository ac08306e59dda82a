/**
 * The dispatcher's end of the speech thread. The main thread hands over a port, and another one whenever the thread had to
 * be started anew: what was asked and not answered is then asked again, which does no harm, since equal texts are spoken
 * once. Dispatcher thread.
 */
import type { MessagePort } from 'node:worker_threads'
import type { SpeechBody } from '../../engine/text/speech-body.js'
import type { PreparedSpeech, Speech, SpeechProblem } from './speech.js'
import type { PreparedMessage, PrepareMessage } from './speech-messages.js'

/** A play list with which the thread died so often is not asked for again. */
const TRIES_MAX = 3

const LOST: SpeechProblem = {
  reason: 'SPEECH_FAILED',
  detail: 'the speech thread died over it more than once',
  isTemporary: true,
}

interface Waiting {
  body: SpeechBody
  tries: number
  done(result: PreparedSpeech | SpeechProblem): void
}

export class SpeechLink implements Speech {
  readonly #waiting = new Map<number, Waiting>()
  #port: MessagePort | null = null
  #lastRequest = 0

  /** Play lists that are not answered yet. */
  get open(): number {
    return this.#waiting.size
  }

  prepare(body: SpeechBody, done: (result: PreparedSpeech | SpeechProblem) => void): void {
    const request = ++this.#lastRequest
    const waiting = { body, tries: 0, done }
    this.#waiting.set(request, waiting)
    this.#ask(request, waiting)
  }

  /** From now on the thread is asked over this port. */
  use(port: MessagePort): void {
    this.#port?.close()
    this.#port = port
    port.on('message', (message: PreparedMessage) => this.#answered(message))
    // The dispatcher lives as long as the process: a port alone must not keep it up.
    port.unref()
    for (const [request, waiting] of [...this.#waiting]) {
      if (waiting.tries < TRIES_MAX) this.#ask(request, waiting)
      else this.#answered({ request, result: LOST })
    }
  }

  #ask(request: number, waiting: Waiting): void {
    if (this.#port === null) return
    waiting.tries++
    this.#port.postMessage({ request, body: waiting.body } satisfies PrepareMessage)
  }

  #answered({ request, result }: PreparedMessage): void {
    const waiting = this.#waiting.get(request)
    this.#waiting.delete(request)
    waiting?.done(result)
  }
}
