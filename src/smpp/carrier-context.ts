/** What all binds of one carrier share. Owned by the channel. */

import type { Random } from '../engine/base/random.js'
import type { RateLimiter } from '../engine/base/rate.js'
import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'
import type { Clock } from '../engine/contract/clock.js'
import type { Log } from '../engine/contract/log.js'
import type { OutcomeSink } from '../engine/contract/outcome.js'
import type { BrokenConnections } from './broken-connections.js'
import type { CarrierMetrics } from './carrier-metrics.js'
import type { CarrierHosts } from './hosts.js'
import type { MessageIds } from './message-id.js'

import type { SubmitEncoder } from './submit.js'
import type { ThrottleRest } from './throttle.js'
import type { BufferPool } from './writer.js'

export interface CarrierContext {
  readonly carrier: SmppCarrierConfig
  readonly sink: OutcomeSink
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: CarrierMetrics
  readonly encoder: SubmitEncoder
  readonly ids: MessageIds
  readonly pool: BufferPool
  readonly hosts: CarrierHosts
  readonly rest: ThrottleRest
  readonly broken: BrokenConnections
  /** null: no limit. */
  rate: RateLimiter | null
  /** Requests in flight per bind, changed live. */
  window: number
  /** Answers not durable yet, per bind. */
  cap: number
  paused: boolean
}
