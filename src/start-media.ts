/**
 * Runs the media thread beside a dispatcher: it is started with the first call, and anew with the next one when it has
 * died (its calls are told so, nothing else is lost). Dispatcher thread.
 */
import { Worker } from 'node:worker_threads'
import type { Log } from './engine/contract/log.js'
import type { createLog } from './engine/observe/log.js'
import { MediaLink } from './sip/media/media-link.js'
import type { FromMedia } from './sip/media/media-messages.js'

export interface MediaStart {
  logLevel: Parameters<typeof createLog>[0]
}

export interface RunningMedia {
  /** Each carrier joins it with a listener of its own. */
  link: MediaLink
  /** The thread of now; null: no call was made yet, or it died. */
  readonly thread: Worker | null
  /** All calls end as if the thread had died. Resolves when it is gone. */
  stop(): Promise<void>
}

/** Starts nothing yet. */
export function prepareMedia(start: MediaStart, log: Log): RunningMedia {
  return new MediaKeeper(start, log)
}

class MediaKeeper implements RunningMedia {
  readonly link: MediaLink
  readonly #log: Log
  readonly #start: MediaStart
  #worker: Worker | null = null
  #isStopping = false

  constructor(start: MediaStart, log: Log) {
    this.#start = start
    this.#log = log
    this.link = new MediaLink(() => this.#run())
  }

  get thread(): Worker | null {
    return this.#worker
  }

  #run(): Worker {
    const workerData = { ...this.#start, memory: this.link.memory }
    const worker = new Worker(new URL('./media.thread.js', import.meta.url), { workerData, name: 'media' })
    this.#worker = worker
    // The dispatcher lives as long as it wants to, whatever this thread does.
    worker.unref()
    worker.on('message', (message: FromMedia) => this.link.received(message))
    worker.on('error', (error) => this.#log.error({ error: error.stack ?? error.message }, 'the media thread died'))
    worker.on('exit', () => this.#gone(worker))
    return worker
  }

  #gone(worker: Worker): void {
    if (worker !== this.#worker) return
    this.#worker = null
    if (!this.#isStopping) this.#log.warn({ calls: this.link.callsOpen }, 'the sound of all open calls has ended')
    this.link.lost('the media thread died')
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    const worker = this.#worker
    if (worker === null) return
    await worker.terminate()
    this.#gone(worker)
  }
}
