/** Puts together what the binds of a carrier share, and fits it anew when the carrier's configuration changes under traffic. */
import { isDeepStrictEqual } from 'node:util'
import { AdaptiveRate } from '../engine/base/adaptive-rate.js'
import type { Random } from '../engine/base/random.js'
import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'
import { type Clock, systemTimers, type Timers } from '../engine/contract/clock.js'
import type { Log } from '../engine/contract/log.js'
import type { MessageRef } from '../engine/contract/message.js'
import type { Metrics } from '../engine/contract/metrics.js'
import type { OutcomeSink } from '../engine/contract/outcome.js'
import { CarrierMetrics } from '../engine/observe/carrier-metrics.js'
import { TraceWatchers } from '../engine/observe/trace-watchers.js'
import { BrokenConnections } from './broken-connections.js'
import { CarrierActions } from './carrier-actions.js'
import type { CarrierContext } from './carrier-context.js'
import { CarrierHosts } from './hosts.js'
import { OutcomeTable } from './outcome-table.js'
import { ReceiptReader } from './receipt.js'
import { SenderRates } from './sender-rates.js'
import { type Connect, openSocket } from './socket.js'
import { statusLabel } from './status.js'
import { StrangeReceipts } from './strange-receipts.js'
import { SubmitEncoder } from './submit.js'
import { PduTracer } from './tracer.js'
import { BufferPool } from './writer.js'

export interface SmppChannelDeps {
  sink: OutcomeSink
  clock: Clock
  /** Absent: those of the event loop. */
  timers?: Timers
  /** Absent: TCP, or TLS. */
  connect?: Connect
  /** Asked again before the rest of a message that found no room; absent: it may. */
  mayGoOn?: (ref: MessageRef) => boolean
  random: Random
  metrics: Metrics
  log: Log
  /** Absent: nobody can watch. */
  tracer?: PduTracer
  /** Sequence number of the first request of each session; absent: 1 (SMPP 3.4 §3.2). */
  firstSequence?: number
}

/** `actionsChanged`: a rule begins or ends to act on the carrier. */
export function makeContext(
  carrier: SmppCarrierConfig,
  deps: SmppChannelDeps,
  actionsChanged: () => void,
): CarrierContext {
  const { sink, clock, random, log, timers = systemTimers, connect = openSocket, mayGoOn = () => true } = deps
  const metrics = new CarrierMetrics(deps.metrics, carrier.id, statusLabel)
  return {
    carrier,
    sink,
    clock,
    timers,
    connect,
    mayGoOn,
    random,
    log,
    metrics,
    encoder: new SubmitEncoder(carrier, () => clock.now()),
    receipts: new ReceiptReader(carrier.receipts),
    strange: new StrangeReceipts(carrier.id, deps),
    pool: new BufferPool(),
    hosts: new CarrierHosts(carrier),
    broken: new BrokenConnections(),
    tracer: deps.tracer ?? new PduTracer(clock, new TraceWatchers(() => {})),
    outcomes: new OutcomeTable(carrier),
    actions: new CarrierActions({ carrier: carrier.id, clock, log, metrics, changed: actionsChanged }),
    rate: new AdaptiveRate(carrier.ratePerSecond ?? null),
    senders: new SenderRates(carrier.ratePerSecondPerSender ?? null),
    firstSequence: deps.firstSequence ?? 1,
    window: carrier.window,
    cap: carrier.unsettledCap ?? carrier.window,
    paused: false,
  }
}

/** What a session was opened with: a change needs a new one. */
const OF_SESSIONS: readonly (keyof SmppCarrierConfig)[] = [
  'host',
  'port',
  'hosts',
  'tls',
  'systemId',
  'password',
  'systemType',
  'interfaceVersion',
  'bindType',
]

/** From now on the carrier is as the new configuration says. True: its sessions must be opened anew. */
export function refit(context: CarrierContext, carrier: SmppCarrierConfig): boolean {
  const before = context.carrier
  const differs = (key: keyof SmppCarrierConfig): boolean => !isDeepStrictEqual(before[key], carrier[key])
  context.carrier = carrier
  context.encoder = new SubmitEncoder(carrier, () => context.clock.now())
  context.outcomes = new OutcomeTable(carrier)
  if (differs('receipts')) context.receipts = new ReceiptReader(carrier.receipts)
  if (differs('ratePerSecondPerSender')) context.senders.set(carrier.ratePerSecondPerSender ?? null)
  if (differs('host') || differs('hosts') || differs('port')) context.hosts = new CarrierHosts(carrier)
  context.cap = carrier.unsettledCap ?? context.window
  return OF_SESSIONS.some(differs)
}
