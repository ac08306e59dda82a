/**
 * Runs the speech thread beside the engine: starts it when it is first needed (at once where a sip carrier is configured),
 * starts it anew when it dies, and hands the dispatcher a port to each one. Main thread.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { speechRefusal } from './engine/base/speech-refusal.js'
import { searchPath } from './engine/config/load.js'
import type { Config } from './engine/config/schema.js'
import { systemClock } from './engine/contract/clock.js'
import type { Log } from './engine/contract/log.js'
import type { KeptSound, SpeechRefusal, SpeechStatus, SpeechWork } from './engine/contract/speech-work.js'
import { SpeechClient } from './sip/speech/speech-client.js'
import type { SpeechStart } from './sip/speech/speech-messages.js'

const FIRST_DELAY_MS = 100
const DELAY_MS_MAX = 30_000
/** A thread that ran so long was well: the next one is started at once again. */
const WELL_MS = 60_000
/** It makes little garbage but for sounds, which lie outside the heap. */
const YOUNG_MB = 16

export interface SpeechParts {
  config: Config
  log: Log
  metrics: SharedArrayBuffer
}

export class SpeechKeeper implements SpeechWork {
  readonly #parts: SpeechParts
  readonly #client: SpeechClient
  readonly #stopping = new AbortController()
  #config: Config
  #worker: Worker | null = null
  #gone: Promise<void> = Promise.resolve()
  #delayMs = FIRST_DELAY_MS
  #status: SpeechStatus | null = null
  /** Gives the dispatcher its end; null: it does not run yet. */
  #connect: ((port: MessagePort) => void) | null = null

  constructor(parts: SpeechParts) {
    this.#parts = parts
    this.#config = parts.config
    this.#client = new SpeechClient((status) => this.#told(status))
  }

  #hasCalls(): boolean {
    return this.#config.carriers.some(({ protocol }) => protocol === 'sip')
  }

  /** The dispatcher runs: where calls are configured, texts can be spoken from now on. */
  serve(connect: (port: MessagePort) => void): void {
    this.#connect = connect
    if (!this.#hasCalls()) return
    if (this.#worker === null) this.#run()
    else this.#handOver()
  }

  /** The configuration as it is from now on. */
  reload(config: Config): void {
    this.#config = config
    this.#client.post({ type: 'config', speech: config.speech })
    if (this.#hasCalls() && this.#worker === null && !this.#stopping.signal.aborted) this.#run()
  }

  #run(): void {
    const startedAtMs = systemClock.monotonic()
    const worker = new Worker(new URL('./speech.thread.js', import.meta.url), {
      workerData: this.#start(),
      name: 'speech',
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    this.#worker = worker
    this.#client.use(worker)
    this.#handOver()
    worker.on('error', (error) => this.#parts.log.error({ error }, 'the speech thread died'))
    this.#gone = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#client.lost()
        resolve()
        if (!this.#stopping.signal.aborted) void this.#again(systemClock.monotonic() - startedAtMs)
      })
    })
  }

  #handOver(): void {
    if (this.#connect === null) return
    const { port1, port2 } = new MessageChannel()
    this.#worker!.postMessage({ type: 'port', port: port1 }, [port1])
    this.#connect(port2)
  }

  async #again(ranMs: number): Promise<void> {
    this.#delayMs = ranMs >= WELL_MS ? FIRST_DELAY_MS : Math.min(DELAY_MS_MAX, this.#delayMs * 2)
    this.#parts.log.warn({ delayMs: this.#delayMs }, 'the speech thread is started anew')
    const { signal } = this.#stopping
    await wait(this.#delayMs, undefined, { signal }).catch(() => {})
    if (!signal.aborted) this.#run()
  }

  #start(): SpeechStart {
    const { metrics, config } = this.#parts
    const { dataDir, logLevel, speech } = this.#config
    const { textDays } = config.retention
    return { dataDir, speech, textDays, searchPath: searchPath(), metrics, logLevel }
  }

  #told(status: SpeechStatus): void {
    this.#status = status
    const { log } = this.#parts
    const { detail, language } = status
    if (!status.isAvailable) log.warn({ detail }, 'texts of calls cannot be spoken; recordings can be played')
    else if (this.refusal('') === null) log.info({ detail }, 'texts of calls can be spoken')
    else log.warn({ language }, 'no voice speaks the language of speech.language')
  }

  status(): SpeechStatus | null {
    return this.#status
  }

  note(): { name: string; ok: boolean; detail: string } | null {
    if (!this.#hasCalls()) return null
    const refusal = this.refusal('')
    return { name: 'speech', ok: refusal === null, detail: refusal?.detail ?? this.#status?.detail ?? 'starting' }
  }

  async look(): Promise<SpeechStatus> {
    return await this.#awake().ask('look', {})
  }

  refusal(language: string): SpeechRefusal | null {
    return speechRefusal(this.#status, language)
  }

  async say(text: string, language: string): Promise<Uint8Array> {
    return await this.#awake().ask('say', { text, language })
  }

  async keep(wav: Uint8Array): Promise<KeptSound> {
    return await this.#awake().ask('keep', { wav })
  }

  async audio(sha256: string): Promise<Uint8Array | null> {
    return await this.#awake().ask('audio', { sha256 })
  }

  #awake(): SpeechClient {
    if (this.#worker === null && !this.#stopping.signal.aborted) this.#run()
    return this.#client
  }

  /** No program runs on, and the thread is gone. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#client.stop()
    await this.#worker?.terminate()
    await this.#gone
  }
}
