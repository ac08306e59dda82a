/** What the speech thread does for the main thread: sound from texts and from uploads. It is started when first needed. */
import type { ReasonCode } from './reasons.js'

/** A sound on disk, played by the SHA-256 of what it sounds like (64 hexadecimal digits). */
export interface KeptSound {
  sha256: string
  seconds: number
  /** As uploaded. */
  rate: number
  channels: number
}

export interface SpeechStatus {
  /** The program that speaks texts is there. */
  isAvailable: boolean
  /** For people: the program, or what is missing and what to do. */
  detail: string
  /** BCP 47, of all voices; null: the program takes any and cannot be asked. */
  languages: string[] | null
  /** What is spoken where nothing is said. */
  language: string
}

/** Why a text cannot be spoken. */
export interface SpeechRefusal {
  reason: ReasonCode
  detail: string
}

export interface SpeechWork {
  /** Of the last look; null: not looked yet, which is soon over when a sip carrier is configured. */
  status(): SpeechStatus | null
  /** Looks first where nobody has looked. */
  look(): Promise<SpeechStatus>
  /** For /readyz; null: no sip carrier is configured, so that nobody need know. */
  note(): { name: string; ok: boolean; detail: string } | null
  /** Whether texts of this language ('' = as configured) can be spoken as far as is known now; null: they can. */
  refusal(language: string): SpeechRefusal | null
  /** WAV of 8 kHz, as a call lets it be heard. @throws EngineError SPEECH_UNAVAILABLE, SPEECH_FAILED, VALIDATION, RATE_LIMITED. */
  say(text: string, language: string): Promise<Uint8Array>
  /** Converts a WAV file and keeps its sound durably. @throws EngineError RECORDING_INVALID with the remedy. */
  keep(wav: Uint8Array): Promise<KeptSound>
  /** WAV of 8 kHz; null: there is no such sound. */
  audio(sha256: string): Promise<Uint8Array | null>
}
