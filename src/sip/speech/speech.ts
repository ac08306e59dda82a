/** Play lists made ready before anybody is dialled, as the dispatcher thread asks for it; the speech thread does the work. */
import type { ReasonCode } from '../../engine/contract/reasons.js'
import type { SpeechBody } from '../../engine/text/speech-body.js'
import type { Clip } from '../media/media.js'

export interface PreparedSpeech {
  clips: readonly Clip[]
  totalMs: number
  /** Of it until the closing begins (SpeechBody.closing): the percentage heard is heardMs of this, at most 100. */
  messageMs: number
}

/** SPEECH_UNAVAILABLE, SPEECH_FAILED or RECORDING_UNKNOWN. */
export interface SpeechProblem {
  reason: ReasonCode
  detail: string
  /** Trying again later may help (the program was overloaded or killed, the disk was full). */
  isTemporary: boolean
}

export interface Speech {
  /** `done` is called once, never before `prepare` returns. What was spoken before comes from the cache; equal texts render once. */
  prepare(body: SpeechBody, done: (result: PreparedSpeech | SpeechProblem) => void): void
}
