/** What jobs are given for their calls. Main thread. */
import type { Config } from '../config/schema.js'
import type { SpeechWork } from '../contract/speech-work.js'
import { readVoiceTexts } from '../profiles/saved-settings.js'
import { recordingsOf } from '../recordings/recording-record.js'
import type { Documents } from '../store/documents.js'
import type { VoicePorts } from './ports.js'

export function voicePorts({
  config,
  documents,
  speech,
}: {
  config: Pick<Config, 'speech'>
  documents: Documents
  speech: Pick<SpeechWork, 'status'>
}): VoicePorts {
  return {
    texts: (job) => readVoiceTexts(documents, job),
    recordings: (account) => recordingsOf(documents, account),
    usualLanguage: config.speech.language,
    speech: () => speech.status(),
  }
}
