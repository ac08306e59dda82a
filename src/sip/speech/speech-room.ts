/**
 * What the speech thread does, apart from its threads and timers: play lists for the dispatcher, texts and recordings for
 * the main thread. Every question is answered once.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { SpeechConfig } from '../../engine/config/speech.js'
import type { Clock } from '../../engine/contract/clock.js'
import { EngineError } from '../../engine/contract/errors.js'
import type { Log } from '../../engine/contract/log.js'
import type { Gauge, Metrics } from '../../engine/contract/metrics.js'
import type { SpeechStatus } from '../../engine/contract/speech-work.js'
import type { SpeechBody } from '../../engine/text/speech-body.js'
import { decodeG711 } from '../media/g711.js'
import { readSound } from '../media/sound-file.js'
import { PlayLists } from './play-list.js'
import { RecordingSounds } from './recording-sounds.js'
import { RenderQueue } from './render-queue.js'
import { type After, isProblem, type SpeakProblem } from './speak-command.js'
import { Speaker } from './speaker.js'
import type { PreparedSpeech, SpeechProblem } from './speech.js'
import { SpeechCache } from './speech-cache.js'
import type { SpeechTask, SpeechTasks } from './speech-messages.js'
import { writeWav } from './wav-file.js'

const DAY_MS = 86_400_000
const PARALLEL_MAX = 16
/** What waits is little beside what is spoken: the dispatcher prepares only what it may soon dial. */
const WAITING = { call: 4_096, desk: 32 } as const

export interface SpeechRoomDeps {
  dataDir: string
  config: SpeechConfig
  /** So long texts are kept, and what they sound like when it is not used; 0: for ever. */
  textDays: number
  searchPath: string
  clock: Clock
  log: Log
  metrics: Metrics
  after: After
  changed(status: SpeechStatus): void
}

type Answers = { [T in SpeechTask]: (asked: SpeechTasks[T]['asked']) => Promise<SpeechTasks[T]['answer']> }

export class SpeechRoom implements Answers {
  readonly #cache: SpeechCache
  readonly #queue: RenderQueue
  readonly #speaker: Speaker
  readonly #sounds: RecordingSounds
  readonly #lists: PlayLists
  readonly #waiting: Gauge
  readonly #opened: Promise<void>
  #config: SpeechConfig

  constructor(deps: SpeechRoomDeps) {
    const { dataDir, config, textDays, clock, metrics, log } = deps
    this.#config = config
    const bytes = metrics.gauge('trunkline_speech_cache_bytes')
    this.#cache = new SpeechCache({ folder: join(dataDir, 'speech'), clock, bytes })
    this.#cache.bytesMax = config.cacheMegabytes * 1e6
    if (textDays > 0) this.#cache.keptMs = textDays * DAY_MS
    this.#queue = new RenderQueue({ parallel: Math.min(PARALLEL_MAX, availableParallelism()), waiting: WAITING })
    this.#speaker = new Speaker({ ...deps, cache: this.#cache, queue: this.#queue })
    this.#sounds = new RecordingSounds(join(dataDir, 'recordings'), clock)
    this.#lists = new PlayLists(this.#speaker, this.#sounds.folder)
    this.#waiting = metrics.gauge('trunkline_speech_waiting')
    // Without its folder each text says why it cannot be kept.
    this.#opened = this.#cache.open().catch((error) => {
      log.error({ error }, 'dataDir/speech cannot be used')
    })
  }

  async use(config: SpeechConfig): Promise<void> {
    this.#config = config
    this.#cache.bytesMax = config.cacheMegabytes * 1e6
    await this.#opened
    await this.#cache.evict()
    await this.#speaker.use(config)
  }

  async prepare(body: SpeechBody): Promise<PreparedSpeech | SpeechProblem> {
    await this.#opened
    return await this.#lists.prepare(body)
  }

  /** A few times a minute: whether the program is there, and what is to be forgotten. */
  async tick(): Promise<void> {
    this.#waiting.set(this.#queue.waiting)
    await this.#opened
    await this.#cache.expire()
    await this.#speaker.look()
  }

  async look(): Promise<SpeechStatus> {
    return await this.#speaker.look()
  }

  /** @throws EngineError SPEECH_UNAVAILABLE, SPEECH_FAILED, VALIDATION. */
  async say({ text, language }: SpeechTasks['say']['asked']): Promise<Uint8Array> {
    await this.#opened
    const sound = await this.#speaker.sound(text, language, 'desk')
    if (sound === null) throw wrong('/text', 'has nothing that can be spoken: it needs letters or digits')
    if (isProblem(sound)) throw errorOf(sound)
    return writeWav(decodeG711('pcma', await readSound(sound.file, 'pcma')))
  }

  /** @throws EngineError RECORDING_INVALID. */
  async keep({ wav }: SpeechTasks['keep']['asked']): Promise<SpeechTasks['keep']['answer']> {
    const bytes = Buffer.from(wav.buffer, wav.byteOffset, wav.byteLength)
    return await this.#sounds.keep(bytes, this.#config.maxSeconds)
  }

  async audio({ sha256 }: SpeechTasks['audio']['asked']): Promise<Uint8Array | null> {
    return await this.#sounds.audio(sha256)
  }

  async stop(): Promise<void> {
    await this.#speaker.stop()
  }
}

function wrong(pointer: string, message: string): EngineError {
  return new EngineError('VALIDATION', `${pointer}: ${message}`, { fields: [{ pointer, message }] })
}

function errorOf({ reason, detail, isTemporary, pointer = '/text' }: SpeakProblem): EngineError {
  if (reason === 'SPEECH_UNAVAILABLE') return new EngineError('SPEECH_UNAVAILABLE', `${detail}.`)
  // What stays wrong is the text's doing or its language's.
  if (!isTemporary) return wrong(pointer, detail)
  return new EngineError('SPEECH_FAILED', `${detail}.`)
}
