/** What the dispatcher's loop needs of the world around it. Dispatcher thread. */
import type { Random } from '../base/random.js'
import type { Clock, Timers } from '../contract/clock.js'
import type { Log } from '../contract/log.js'
import type { Metrics } from '../contract/metrics.js'
import type { JobProgress } from '../contract/thread.js'
import type { RouteTerms } from '../schedule/routes.js'
import type { CommitTurn } from '../store/commit-turn.js'
import type { Environment } from '../store/environment.js'
import type { SuppressionCheck } from '../store/suppression-table.js'

/** How the loop speaks to the main thread. */
export interface DispatcherPort {
  progress(jobs: JobProgress[]): void
  finished(job: number): void
  /** Messages of subscribers are durable and wait to be read. */
  inbound(): void
  /** The process must stop. */
  fatal(error: unknown): void
}

export interface DispatcherDeps {
  environment: Environment
  clock: Clock
  /** Absent: those of the event loop. */
  timers?: Timers
  random: Random
  metrics: Metrics
  log: Log
  port: DispatcherPort
  termsOf(route: number): RouteTerms
  /** False: the disk has no room for what subscribers send. */
  hasSpace(): boolean
  /** Absent: nobody else writes to the store. */
  turn?: CommitTurn
  /** Absent: nobody has opted out. */
  suppressions?: SuppressionCheck
}
