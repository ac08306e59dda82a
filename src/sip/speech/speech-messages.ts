/** Every message that crosses between the speech thread and those who ask it, typed once. */
import type { MessagePort } from 'node:worker_threads'
import type { ErrorCode, FieldError } from '../../engine/contract/errors.js'
import type { KeptSound, SpeechStatus } from '../../engine/contract/speech-work.js'
import type { SpeechBody } from '../../engine/text/speech-body.js'
import type { PreparedSpeech, SpeechProblem } from './speech.js'

/** What the thread starts with; `speech` is the config's own record. */
export interface SpeechStart {
  dataDir: string
  speech: unknown
  /** retention.textDays. */
  textDays: number
  /** Where programs are: PATH. */
  searchPath: string
  metrics: SharedArrayBuffer
  logLevel: string
}

/** From the dispatcher. */
export interface PrepareMessage {
  request: number
  body: SpeechBody
}

export interface PreparedMessage {
  request: number
  result: PreparedSpeech | SpeechProblem
}

/** What the main thread asks, and each answer. */
export interface SpeechTasks {
  look: { asked: Record<never, never>; answer: SpeechStatus }
  say: { asked: { text: string; language: string }; answer: Uint8Array }
  keep: { asked: { wav: Uint8Array }; answer: KeptSound }
  audio: { asked: { sha256: string }; answer: Uint8Array | null }
}
export type SpeechTask = keyof SpeechTasks

export type ToSpeech =
  | { [T in SpeechTask]: { type: T; request: number } & SpeechTasks[T]['asked'] }[SpeechTask]
  /** One end of a channel whose other end the dispatcher has. */
  | { type: 'port'; port: MessagePort }
  /** The configuration as it is from now on. */
  | { type: 'config'; speech: unknown }
  /** No program may run on; answered by `stopped`. */
  | { type: 'stop' }

/** An EngineError, as it crosses threads. */
export interface SpeechError {
  code: ErrorCode
  message: string
  fields: FieldError[]
  retryAfterSeconds: number
}

export type FromSpeech =
  | { type: 'status'; status: SpeechStatus }
  | { type: 'answer'; request: number; answer: SpeechTasks[SpeechTask]['answer'] }
  | { type: 'refused'; request: number; error: SpeechError }
  | { type: 'stopped' }
