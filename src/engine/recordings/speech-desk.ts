/** How a text sounds, for people who write texts; few at a time, since calls need the same program. Main thread. */
import type { Askers } from '../accounts/askers.js'
import type { Principal } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import type { SpeechApi, SpeechView, SpokenText } from '../contract/recordings.js'
import type { SpeechWork } from '../contract/speech-work.js'

const AT_ONCE = 32
const AT_ONCE_OF_ACCOUNT = 2

export interface SpeechDeskDeps {
  askers: Askers
  speech: SpeechWork
}

export class SpeechDesk implements SpeechApi {
  readonly #deps: SpeechDeskDeps
  /** Number of the account → texts that it waits for. */
  readonly #waiting = new Map<number, number>()
  #open = 0

  constructor(deps: SpeechDeskDeps) {
    this.#deps = deps
  }

  async view(): Promise<SpeechView> {
    const { isAvailable, detail, language, languages } = await this.#deps.speech.look()
    return { available: isAvailable, detail, language, languages }
  }

  async say(principal: Principal, { text, language = '' }: SpokenText): Promise<Uint8Array> {
    const account = this.#deps.askers.record(principal)
    if (!account.features.voice) throw new EngineError('FEATURE_OFF', 'Voice is switched off for this account.')
    const waiting = this.#waiting.get(account.number) ?? 0
    if (waiting >= AT_ONCE_OF_ACCOUNT || this.#open >= AT_ONCE) {
      throw new EngineError('RATE_LIMITED', 'Too many texts are being spoken.', { retryAfterSeconds: 1 })
    }
    this.#waiting.set(account.number, waiting + 1)
    this.#open++
    try {
      return await this.#deps.speech.say(text, language)
    } finally {
      this.#open--
      const left = this.#waiting.get(account.number)! - 1
      if (left === 0) this.#waiting.delete(account.number)
      else this.#waiting.set(account.number, left)
    }
  }
}
