/** Recordings of an account behind the façade: uploads become sounds, names stand for them. Main thread. */
import { type NamedDeps, NamedDesk } from '../accounts/named-desk.js'
import { checkedName } from '../accounts/named-documents.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { RecordingSettings, RecordingsApi, RecordingView } from '../contract/recordings.js'
import type { SpeechWork } from '../contract/speech-work.js'
import { RECORDINGS, type RecordingRecord, recordingView } from './recording-record.js'
import { startKeeping } from './sweep-sounds.js'

/** Uploads of one account that are converted at a time; each is held in memory until then. */
const AT_ONCE = 4

export interface RecordingsDeps extends NamedDeps {
  clock: Clock
  speech: SpeechWork
  /** Of the sounds: dataDir/recordings. */
  folder: string
  /** @throws EngineError SHUTTING_DOWN, STORE_FULL. */
  admit(): void
}

export class Recordings implements RecordingsApi {
  readonly #deps: RecordingsDeps
  readonly #desk: NamedDesk<RecordingRecord, RecordingView>
  readonly #running = new Map<number, number>()

  constructor(deps: RecordingsDeps) {
    this.#deps = deps
    this.#desk = new NamedDesk(deps, { collection: RECORDINGS, noun: 'recording', view: recordingView })
  }

  async put(principal: Principal, given: string, { wav, description }: RecordingSettings): Promise<RecordingView> {
    const { askers, speech, clock, admit } = this.#deps
    const account = askers.record(principal).number
    const name = checkedName(given)
    admit()
    const { sound, bytes } = await this.#oneOfFew(account, async () => {
      const file = await collected(wav)
      return { sound: await speech.keep(file), bytes: file.length }
    })
    await this.#loosen(account, name, sound.sha256)
    return await this.#desk.put(principal, name, {
      check: () => {},
      next: ({ before }) => {
        const nowMs = clock.now()
        const facts = { ...sound, bytes, description: description ?? null }
        return { name, ...facts, createdAtMs: before?.createdAtMs ?? nowMs, updatedAtMs: nowMs }
      },
    })
  }

  /** What the name stood for is kept for messages that were accepted with it. */
  async #loosen(account: number, name: string, next: string | null): Promise<void> {
    const before = this.#desk.documents.find(account, name)?.sha256 ?? next
    if (before !== next) await startKeeping(this.#deps.folder, before!, this.#deps.clock.now())
  }

  async #oneOfFew<T>(account: number, work: () => Promise<T>): Promise<T> {
    const running = this.#running.get(account) ?? 0
    if (running >= AT_ONCE) {
      const detail = `At most ${AT_ONCE} recordings of an account are converted at once.`
      throw new EngineError('RATE_LIMITED', detail, { retryAfterSeconds: 1 })
    }
    this.#running.set(account, running + 1)
    try {
      return await work()
    } finally {
      const left = this.#running.get(account)! - 1
      if (left === 0) this.#running.delete(account)
      else this.#running.set(account, left)
    }
  }

  get(principal: Principal, name: string): RecordingView {
    return this.#desk.get(principal, name)
  }

  list(principal: Principal, query: PageQuery): Page<RecordingView> {
    return this.#desk.list(principal, query)
  }

  async remove(principal: Principal, name: string): Promise<void> {
    await this.#loosen(this.#deps.askers.record(principal).number, name, null)
    await this.#desk.remove(principal, name)
  }

  async audio(principal: Principal, name: string): Promise<Uint8Array> {
    const { sha256 } = this.#desk.get(principal, name)
    const wav = await this.#deps.speech.audio(sha256)
    if (wav !== null) return wav
    throw new EngineError('NOT_FOUND', 'The sound of the recording is missing or broken on disk; upload it again.')
  }
}

async function collected(file: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of file) chunks.push(chunk)
  return Buffer.concat(chunks)
}
