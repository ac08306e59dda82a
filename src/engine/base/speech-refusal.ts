/** Whether texts of a language can be spoken, as far as is known while a message is accepted. */
import type { SpeechRefusal, SpeechStatus } from '../contract/speech-work.js'
import { shorterTags } from './language-tag.js'

/** null: they can, or nobody knows yet. `language`: '' = as configured. */
export function speechRefusal(status: SpeechStatus | null, language: string): SpeechRefusal | null {
  if (status === null) return null
  if (!status.isAvailable) return { reason: 'SPEECH_UNAVAILABLE', detail: status.detail }
  const { languages } = status
  if (languages === null) return null
  const wanted = language === '' ? status.language : language
  for (const tag of shorterTags(wanted)) if (languages.includes(tag)) return null
  return { reason: 'LANGUAGE_UNSPOKEN', detail: noVoice(wanted) }
}

/** For people. */
export function noVoice(language: string): string {
  return `no voice speaks ${JSON.stringify(language)}; name one with speech.voices, or choose another language`
}
