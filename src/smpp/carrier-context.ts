/** What all binds of one carrier share. Owned by the channel. */

import type { AdaptiveRate } from '../engine/base/adaptive-rate.js'
import type { Random } from '../engine/base/random.js'
import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'
import type { Clock, Timers } from '../engine/contract/clock.js'
import type { Log } from '../engine/contract/log.js'
import type { MessageRef } from '../engine/contract/message.js'
import type { OutcomeSink } from '../engine/contract/outcome.js'
import type { CarrierMetrics } from '../engine/observe/carrier-metrics.js'
import type { BrokenConnections } from './broken-connections.js'
import type { CarrierActions } from './carrier-actions.js'
import type { CarrierHosts } from './hosts.js'
import type { OutcomeTable } from './outcome-table.js'
import type { ReceiptReader } from './receipt.js'
import type { SenderRates } from './sender-rates.js'
import type { Connect } from './socket.js'
import type { StrangeReceipts } from './strange-receipts.js'
import type { SubmitEncoder } from './submit.js'
import type { PduTracer } from './tracer.js'
import type { BufferPool } from './writer.js'

export interface CarrierContext {
  /** Replaced when the configuration changes under traffic, as are encoder, receipts, hosts and outcomes. */
  carrier: SmppCarrierConfig
  readonly sink: OutcomeSink
  readonly clock: Clock
  readonly timers: Timers
  readonly connect: Connect
  /** Of a message of which parts were sent: the rest may be too. */
  readonly mayGoOn: (ref: MessageRef) => boolean
  readonly random: Random
  readonly log: Log
  readonly metrics: CarrierMetrics
  encoder: SubmitEncoder
  receipts: ReceiptReader
  readonly strange: StrangeReceipts
  readonly pool: BufferPool
  hosts: CarrierHosts
  outcomes: OutcomeTable
  readonly actions: CarrierActions
  readonly broken: BrokenConnections
  readonly tracer: PduTracer
  readonly rate: AdaptiveRate
  readonly senders: SenderRates
  /** Sequence number of the first request of each session. */
  readonly firstSequence: number
  /** Requests in flight per bind, changed live. */
  window: number
  /** Answers not durable yet, per bind. */
  cap: number
  paused: boolean
}
