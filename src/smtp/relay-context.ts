/** What all connections of one relay share. Owned by the channel. */
import type { AdaptiveRate } from '../engine/base/adaptive-rate.js'
import type { Random } from '../engine/base/random.js'
import type { SmtpCarrierConfig } from '../engine/config/smtp-carrier.js'
import type { Clock } from '../engine/contract/clock.js'
import type { Log } from '../engine/contract/log.js'
import type { OutcomeSink } from '../engine/contract/outcome.js'
import type { CarrierMetrics } from '../engine/observe/carrier-metrics.js'
import type { MailWriter } from './mail.js'
import type { Replies } from './reply.js'

export interface RelayContext {
  /** Replaced with writer and replies when the configuration changes under traffic. */
  carrier: SmtpCarrierConfig
  writer: MailWriter
  replies: Replies
  readonly sink: OutcomeSink
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: CarrierMetrics
  readonly rate: AdaptiveRate
  /** A connection was opened at the last try, so more of them may be. */
  isReachable: boolean
}
