/** Makes a play list ready: every text spoken, every recording there, and how long it all lasts. Speech thread. */
import { join } from 'node:path'
import type { SpeechBody, SpokenItem } from '../../engine/text/speech-body.js'
import type { Clip } from '../media/media.js'
import { soundInfo } from '../media/sound-file.js'
import { isProblem, type SpeakProblem } from './speak-command.js'
import type { Speaker } from './speaker.js'
import type { PreparedSpeech, SpeechProblem } from './speech.js'
import { isWhole, stampOf } from './whole-sound.js'

interface Ready {
  /** null: nothing is heard of it. */
  clip: Clip | null
  ms: number
}

const NOTHING: Ready = { clip: null, ms: 0 }

export class PlayLists {
  readonly #speaker: Speaker
  readonly #folder: string
  /** Sums of these were right while they had this stamp. */
  readonly #checked = new Map<string, string>()

  /** `folder`: of the sounds of recordings. */
  constructor(speaker: Speaker, folder: string) {
    this.#speaker = speaker
    this.#folder = folder
  }

  /**
   * Never rejects. The first thing that is wrong tells why; but a closing that nobody here can speak (no program, no voice of
   * its language) is left out of a message of recordings, whose digits work all the same.
   */
  async prepare({ items, language, closing = 0 }: SpeechBody): Promise<PreparedSpeech | SpeechProblem> {
    const ready = await Promise.all(items.map((item) => this.#ready(item, language)))
    const messageItems = Math.max(0, ready.length - closing)
    const all = ready.map((part, index) => (index >= messageItems && isUnspeakable(part) ? NOTHING : part))
    const wrong = all.find(isProblem)
    if (wrong !== undefined) return wrong
    const message = (all as Ready[]).slice(0, messageItems)
    const hasSound = message.some(({ clip }) => clip !== null && 'file' in clip)
    if (!hasSound) return { reason: 'SPEECH_FAILED', detail: 'there is nothing to be heard', isTemporary: false }
    const clips = (all as Ready[]).flatMap(({ clip }) => clip ?? [])
    return { clips, totalMs: lengthOf(all as Ready[]), messageMs: lengthOf(message) }
  }

  async #ready(item: SpokenItem, language: string): Promise<Ready | SpeakProblem> {
    if ('pauseMs' in item) return item.pauseMs > 0 ? { clip: item, ms: item.pauseMs } : NOTHING
    if ('recording' in item) return await this.#recording(item.recording)
    const sound = await this.#speaker.sound(item.text, language, 'call')
    if (sound === null) return NOTHING
    return isProblem(sound) ? sound : { clip: { file: sound.file }, ms: sound.ms }
  }

  async #recording(sha256: string): Promise<Ready | SpeakProblem> {
    const file = join(this.#folder, sha256)
    const info = await soundInfo(file)
    if (info === null || !(await this.#isWhole(file))) {
      const detail = 'the sound of the recording is missing or broken in dataDir/recordings; upload it again'
      return { reason: 'RECORDING_UNKNOWN', detail, isTemporary: false }
    }
    return { clip: { file }, ms: info.ms }
  }

  async #isWhole(file: string): Promise<boolean> {
    const stamp = await stampOf(file)
    if (stamp === null) return false
    if (this.#checked.get(file) === stamp) return true
    if (!(await isWhole(file))) return false
    this.#checked.set(file, stamp)
    return true
  }
}

function isUnspeakable(part: Ready | SpeakProblem): boolean {
  return isProblem(part) && (part.reason === 'SPEECH_UNAVAILABLE' || part.reason === 'LANGUAGE_UNSPOKEN')
}

function lengthOf(all: readonly Ready[]): number {
  return all.reduce((sum, { ms }) => sum + ms, 0)
}
