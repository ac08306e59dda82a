/**
 * Turns texts into sounds on disk: finds the voice, looks into the cache, has the program speak what is new — once, however
 * many ask for it at a time — and keeps what it spoke. Speech thread.
 */
import { createHash } from 'node:crypto'
import { noVoice } from '../../engine/base/speech-refusal.js'
import type { SpeechConfig } from '../../engine/config/speech.js'
import type { Clock } from '../../engine/contract/clock.js'
import type { Log } from '../../engine/contract/log.js'
import type { Counter, Histogram, Metrics } from '../../engine/contract/metrics.js'
import type { SpeechStatus } from '../../engine/contract/speech-work.js'
import { phoneSound } from '../media/phone-sound.js'
import { SAMPLES_PER_SECOND } from '../media/sound-file.js'
import { readWav } from '../media/wav.js'
import { canList, findProgram, listVoices, programOf, type Spoken } from './program.js'
import type { Lane, RenderQueue } from './render-queue.js'
import { levelled, trimmed } from './sound-shape.js'
import {
  type After,
  isProblem,
  type Speaking,
  type SpeakProblem,
  speak,
  tooLong,
  unavailable,
} from './speak-command.js'
import type { SpeechCache } from './speech-cache.js'
import { spokenText } from './spoken-text.js'
import { findVoice, type VoiceTable, voiceTable } from './voices.js'

/** Changes when the same text, voice and program come to sound otherwise by our doing. */
const FORM = 1

export interface SpokenSound {
  file: string
  ms: number
}

export interface SpeakerDeps {
  config: SpeechConfig
  searchPath: string
  cache: SpeechCache
  queue: RenderQueue
  clock: Clock
  log: Log
  metrics: Metrics
  after: After
  /** What can be spoken has changed. */
  changed(status: SpeechStatus): void
}

export class Speaker {
  readonly #deps: SpeakerDeps
  readonly #rendering = new Map<string, Promise<SpokenSound | SpeakProblem>>()
  readonly #speaking = new Set<Speaking>()
  readonly #results: Readonly<Record<'ok' | 'failed' | 'unavailable', Counter>>
  readonly #hits: Counter
  readonly #seconds: Histogram
  #config: SpeechConfig
  /** null: the program is not there, or was not looked for. */
  #voices: { table: VoiceTable | null } | null = null
  #status: SpeechStatus | null = null
  #looking: Promise<SpeechStatus> | null = null
  #isStopped = false

  constructor(deps: SpeakerDeps) {
    this.#deps = deps
    this.#config = deps.config
    const count = (result: string) => deps.metrics.counter('trunkline_speech_renders_total', { result })
    this.#results = { ok: count('ok'), failed: count('failed'), unavailable: count('unavailable') }
    this.#hits = deps.metrics.counter('trunkline_speech_cache_hits_total')
    this.#seconds = deps.metrics.histogram('trunkline_speech_render_seconds')
  }

  async use(config: SpeechConfig): Promise<void> {
    this.#config = config
    this.#voices = null
    await this.#looking
    await this.look()
  }

  get status(): SpeechStatus | null {
    return this.#status
  }

  /** Whether the program is there; its voices are asked for when it has just appeared. */
  look(): Promise<SpeechStatus> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async #look(): Promise<SpeechStatus> {
    const config = this.#config
    const name = config.command[0]!
    const file = await findProgram(name, this.#deps.searchPath)
    if (file === null) return this.#missing(config, unavailable(name, 'ENOENT').detail)
    if (this.#voices !== null) return this.#tell({ ...this.#status!, isAvailable: true })
    const known = canList(config) ? await listVoices(file, config, this.#deps.searchPath) : null
    if (known !== null && 'reason' in known) return this.#missing(config, known.detail)
    const table = voiceTable(config.voices, known)
    this.#voices = { table }
    const languages = table === null ? null : [...table.keys()].sort()
    const { language } = config
    return this.#tell({ isAvailable: true, detail: `texts are spoken by ${name}`, languages, language })
  }

  #missing({ voices, language }: SpeechConfig, detail: string): SpeechStatus {
    this.#voices = null
    const languages = Object.keys(voices).map((tag) => tag.toLowerCase())
    return this.#tell({ isAvailable: false, detail, languages: languages.sort(), language })
  }

  #tell(status: SpeechStatus): SpeechStatus {
    const before = this.#status
    this.#status = status
    if (JSON.stringify(before) !== JSON.stringify(status)) this.#deps.changed(status)
    return status
  }

  /** null: there is nothing in it to say. Never rejects. `language`: '' = as configured. */
  async sound(text: string, language: string, lane: Lane): Promise<SpokenSound | SpeakProblem | null> {
    const words = spokenText(text)
    if (words === '') return null
    const spoken = await this.#voiceFor(language === '' ? this.#config.language : language)
    if (isProblem(spoken)) return spoken
    const key = this.#key(words, spoken)
    const running = this.#rendering.get(key)
    if (running !== undefined) return await running
    const made = this.#make(key, { words, spoken, lane }).finally(() => this.#rendering.delete(key))
    this.#rendering.set(key, made)
    return await made
  }

  async #voiceFor(language: string): Promise<Spoken | SpeakProblem> {
    if (this.#voices === null) await this.look()
    if (this.#voices === null) {
      this.#results.unavailable.add(1)
      return { reason: 'SPEECH_UNAVAILABLE', detail: this.#status!.detail, isTemporary: true }
    }
    const voice = findVoice(this.#voices.table, language)
    if (voice !== null) return { voice, language }
    return { reason: 'LANGUAGE_UNSPOKEN', detail: noVoice(language), isTemporary: false, pointer: '/language' }
  }

  #key(words: string, { voice, language }: Spoken): string {
    const { command, rate } = this.#config
    return createHash('sha256')
      .update(JSON.stringify([FORM, command, voice, language.toLowerCase(), rate, words]))
      .digest('hex')
  }

  async #make(key: string, wanted: Wanted): Promise<SpokenSound | SpeakProblem> {
    const { cache, queue } = this.#deps
    const kept = await cache.find(key)
    if (kept !== null) {
      this.#hits.add(1)
      return { file: cache.path(key), ms: kept.ms }
    }
    const rendered = queue.run(wanted.lane, () => this.#render(key, wanted))
    return await (rendered ?? {
      reason: 'SPEECH_FAILED',
      detail: 'too many texts wait to be spoken',
      isTemporary: true,
    })
  }

  async #render(key: string, { words, spoken }: Wanted): Promise<SpokenSound | SpeakProblem> {
    const { clock, after, searchPath, cache } = this.#deps
    const { timeoutMs, maxSeconds } = this.#config
    if (this.#isStopped) return { reason: 'SPEECH_FAILED', detail: 'the engine is stopping', isTemporary: true }
    const startedAtMs = clock.monotonic()
    const program = programOf(this.#config, spoken, searchPath)
    const speaking = speak({ program, text: words, timeoutMs, maxSeconds }, after)
    this.#speaking.add(speaking)
    const wav = await speaking.done
    this.#speaking.delete(speaking)
    const made = isProblem(wav) ? wav : await this.#keep(key, wav, maxSeconds)
    this.#seconds.observe((clock.monotonic() - startedAtMs) / 1000)
    if (!isProblem(made)) this.#results.ok.add(1)
    else this.#failed(made)
    return isProblem(made) ? made : { file: cache.path(key), ms: made.ms }
  }

  #failed({ reason, detail }: SpeakProblem): void {
    const isMissing = reason === 'SPEECH_UNAVAILABLE'
    this.#results[isMissing ? 'unavailable' : 'failed'].add(1)
    if (isMissing) this.#missing(this.#config, detail)
    else this.#deps.log.warn({ detail }, 'a text could not be turned into speech')
  }

  async #keep(key: string, wav: Buffer, maxSeconds: number): Promise<{ ms: number } | SpeakProblem> {
    try {
      const read = readWav(wav)
      if ('problem' in read) {
        const detail = `the program wrote no WAV that can be read: ${read.problem}`
        return { reason: 'SPEECH_FAILED', detail, isTemporary: true }
      }
      const pcm = trimmed(phoneSound(read))
      if (pcm.length === 0) return { reason: 'SPEECH_FAILED', detail: 'the program spoke silence', isTemporary: false }
      if (pcm.length > maxSeconds * SAMPLES_PER_SECOND) return tooLong(maxSeconds)
      return await this.#deps.cache.put(key, levelled(pcm))
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      const detail = `the sound could not be kept in dataDir/speech: ${code ?? message}`
      return { reason: 'SPEECH_FAILED', detail, isTemporary: true }
    }
  }

  /** No program may run on. */
  async stop(): Promise<void> {
    this.#isStopped = true
    const speaking = [...this.#speaking]
    for (const { kill } of speaking) kill()
    await Promise.all(speaking.map(({ done }) => done))
  }
}

interface Wanted {
  words: string
  spoken: Spoken
  lane: Lane
}
