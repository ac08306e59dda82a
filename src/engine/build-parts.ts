/** What the roots hand in for the engine to be put together from. Main thread. */
import type { Config } from './config/schema.js'
import type { ContactTables } from './contacts/contact-tables.js'
import type { BackupWork } from './contract/backups.js'
import type { Clock } from './contract/clock.js'
import type { Log } from './contract/log.js'
import type { Metrics } from './contract/metrics.js'
import type { SpeechWork } from './contract/speech-work.js'
import type { Courier } from './contract/webhook-delivery.js'
import type { RejectsStream } from './engine-parts.js'
import type { RunTask } from './jobs/fair-pool.js'
import type { Documents } from './store/documents.js'
import type { LmdbStore } from './store/lmdb-store.js'
import type { WriteAges } from './store/write-ages.js'

export interface BuildParts {
  config: Config
  documents: Documents
  store: LmdbStore
  contacts: ContactTables
  clock: Clock
  log: Log
  metrics: Metrics
  adminKey: string
  runTask: RunTask
  speech: SpeechWork
  writeAges: WriteAges
  backup: BackupWork
  rejects: RejectsStream
  statusName(status: number): string
  /** Delivers webhooks. */
  courier: Courier
  metricsText(): Promise<{ contentType: string; body: string }>
  /** The process must stop. */
  fail(error: unknown): void
  isStopping(): boolean
}
