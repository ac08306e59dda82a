/** WAV files that an account keeps under names, which calls play; and how a text sounds. */
import type { Page, PageQuery, Principal } from './api.js'

export interface RecordingSettings {
  /** The WAV file; it may be refused before all of it was read. */
  wav: AsyncIterable<Buffer>
  description?: string
}

export interface RecordingView {
  name: string
  seconds: number
  /** Samples per second and channels as uploaded; played is one channel of 8,000. */
  rate: number
  channels: number
  /** Octets as uploaded. */
  bytes: number
  /** Of its sound: equal for files that sound alike. */
  sha256: string
  description: string | null
  createdAt: string
  updatedAt: string
}

/** A foreign recording is as unknown as one that never was: NOT_FOUND. */
export interface RecordingsApi {
  /** Makes it or replaces it; accepted messages play what they were accepted with. @throws EngineError RECORDING_INVALID, VALIDATION. */
  put(principal: Principal, name: string, settings: RecordingSettings): Promise<RecordingView>
  get(principal: Principal, name: string): RecordingView
  /** By name. */
  list(principal: Principal, query: PageQuery): Page<RecordingView>
  remove(principal: Principal, name: string): Promise<void>
  /** WAV of 8 kHz, as it is heard. */
  audio(principal: Principal, name: string): Promise<Uint8Array>
}

export interface SpokenText {
  text: string
  /** BCP 47; absent: as configured. */
  language?: string
}

export interface SpeechView {
  available: boolean
  /** The program, or what is missing and what to do. */
  detail: string
  /** What is spoken where nothing is said. */
  language: string
  /** All that can be spoken; null: the program cannot be asked. */
  languages: string[] | null
}

export interface SpeechApi {
  view(): Promise<SpeechView>
  /** WAV of 8 kHz: the text as a call speaks it. @throws EngineError SPEECH_UNAVAILABLE, SPEECH_FAILED, VALIDATION, RATE_LIMITED, FEATURE_OFF. */
  say(principal: Principal, spoken: SpokenText): Promise<Uint8Array>
}
