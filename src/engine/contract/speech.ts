/** What a call lets its recipient hear, as templates, jobs and requests say it and as messages are stored. */
import type { SpeechStatus } from './speech-work.js'

/** One thing of a play list: a text that is spoken, a recording that is played, or silence. */
export type PlayItem = { text: string } | { recording: string } | { pauseMs: number }

/** As it is written in JSON: a plain string is a text. Texts and names of recordings may have ~label~ in them. */
export type PromptSetting = string | PlayItem

/** Language of speech (BCP 47), as far as voices are chosen by it. */
export const LANGUAGE_PATTERN = '^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}$'

/** What an account says about all of its calls. */
export interface VoiceSettings {
  /** Of what names none itself; null: as configured. */
  language: string | null
  /** Played before each message, without labels; null: nothing. */
  greeting: PromptSetting[] | null
  /** Played after each message; null: the built-in offer of the digits, in the language of the message; []: nothing. */
  closing: PromptSetting[] | null
}

export type VoicePatch = Partial<VoiceSettings>

/** Of the view of an account. */
export interface AccountVoice {
  voice: VoiceSettings
}

/** Of the settings of an account; given keys only are changed. */
export interface AccountVoiceSetting {
  voice?: VoicePatch
}

export const DEFAULT_VOICE: VoiceSettings = { language: null, greeting: null, closing: null }

/** What calls have beside, or in the place of, a text. */
export interface VoiceTexts {
  prompts: PromptSetting[] | null
  language: string | null
}

/** What jobs and messages say about calls. */
export interface SpokenSettings {
  /** Played in the place of the text, or of the template's. */
  prompts?: PromptSetting[]
  /** Of the call (BCP 47); absent: the template's, the account's, or as configured. */
  language?: string
}

/** What a message was made of where it is a call; else null. */
export interface SpokenView {
  /** All of it in order, greeting and closing with it; a recording by its name, or by the SHA-256 of its sound. */
  prompts: PlayItem[] | null
  /** '' = as configured. */
  language: string | null
}

/** What a route's carriers say about calls. */
export interface CallTerms {
  /** Numbers that a message may name as its sender; the first is the carrier's own choice. */
  callerIds: readonly string[]
  /** '' = none. */
  optOutDigit: string
  repeatDigit: string
}

/** How the calls of a job are put together; crosses to the ingest threads. */
export interface VoicePlan {
  /** Played in the place of the text; absent: the text is spoken. */
  prompts?: readonly PromptSetting[]
  /** By the same keywords as the texts. */
  templates: Record<string, VoiceTexts>
  /** Of rows and templates that name none; '' = as configured. */
  language: string
  /** What '' stands for. */
  usualLanguage: string
  greeting: readonly PromptSetting[]
  /** null: built in. */
  closing: readonly PromptSetting[] | null
  /** Name (NFC) → SHA-256, of what the play lists name. */
  recordings: ReadonlyMap<string, string>
  /** What can be spoken as far as is known; null or absent: nobody knows. */
  speech?: SpeechStatus | null
}
