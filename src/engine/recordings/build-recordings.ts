/** Puts recordings and speech together: what the façade offers of them, and what is tidied up beside. Main thread. */
import { join } from 'node:path'
import type { Accounts } from '../accounts/accounts.js'
import type { NamedDeps } from '../accounts/named-desk.js'
import type { Clock } from '../contract/clock.js'
import type { Log } from '../contract/log.js'
import type { Readiness } from '../contract/readiness.js'
import type { RecordingsApi, SpeechApi } from '../contract/recordings.js'
import type { SpeechWork } from '../contract/speech-work.js'
import { Recordings } from './recordings.js'
import { SpeechDesk } from './speech-desk.js'
import { sweepSounds } from './sweep-sounds.js'

export interface RecordingParts extends NamedDeps {
  config: { dataDir: string }
  accounts: Accounts
  clock: Clock
  log: Log
  speech: SpeechWork
  admit(): void
}

export interface BuiltRecordings {
  recordings: RecordingsApi
  speech: SpeechApi
  notes(): Readiness['checks']
}

export function buildRecordings(parts: RecordingParts): BuiltRecordings {
  const { accounts, documents, clock, log, config } = parts
  const folder = join(config.dataDir, 'recordings')
  const facts = { folder, documents, isAccount: (number: number) => accounts.byNumber(number) !== null }
  sweepSounds(facts, clock.now()).then(
    (removed) => {
      if (removed > 0) log.info({ removed }, 'removed sounds that no recording has had for long')
    },
    (error) => log.warn({ error }, 'dataDir/recordings could not be tidied up'),
  )
  return {
    recordings: new Recordings({ ...parts, folder }),
    speech: new SpeechDesk(parts),
    notes: () => [parts.speech.note()].flatMap((note) => note ?? []),
  }
}
