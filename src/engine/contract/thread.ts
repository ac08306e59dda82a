/** Every message that crosses between main and a dispatcher, typed once. Bodies go through the store; see trace.ts for the exception. */
import type { MessagePort } from 'node:worker_threads'
import type { CarrierPatch, CarrierView } from './channel.js'
import type { JobDispatch } from './lane.js'
import type { TraceBatch, TraceFilter } from './trace.js'
import type { Wait } from './waits.js'

/** A route with its carriers, as the dispatcher uses it: see schedule/routes.ts. */
export interface RouteDispatch {
  route: number
  carriers: { id: string; order: number; weight: number }[]
  /** A message that waited so long for the preferred carriers may go by the next ones; 0: never. */
  failoverAfterMs: number
}

/** What the dispatcher thread starts with. `carriers` are the config's own records. */
export interface DispatcherStart {
  dataDir: string
  carriers: unknown[]
  routes: RouteDispatch[]
  /** Carriers that may send although the data directory was restored, see backup/carrier-hold.ts; null: all may. */
  resumed: readonly string[] | null
  /** Open jobs at start: the dispatcher recovers before it takes anything else. */
  jobs: JobDispatch[]
  /** Accounts whose message events are wanted. */
  eventAccounts: number[]
  metrics: SharedArrayBuffer
  /** See base/number-filter.ts: sending begins when it is open. */
  suppressions: SharedArrayBuffer
  /** Whether somebody waits for the store, see store/commit-turn.ts. */
  turn: SharedArrayBuffer
  /** The writes to the store that are under way, see store/store-pulse.ts. */
  pulse: SharedArrayBuffer
  logLevel: string
}

/** Messages whose end is unknown, and what an operator says of them. */
export interface SettleTask {
  refs: number[]
  /** State number; queued: to be sent again. */
  to: number
  /** Who says so: id of a key, or admin. */
  by: string
  /** Set when the job had ended and is to go on. */
  job: JobDispatch | null
}

/** Messages whose recipients were taken out of the store, or that are gone from it altogether. */
export interface RedactTask {
  refs: number[]
  /** Blocks of which nothing is left. */
  dropped: number[]
  /** Conversations with this number go as well, see base/loose-number.ts; 0: none. */
  recipient: number
  /** Of this account; null: of all. */
  account: number | null
}

export type ToDispatcher =
  | { type: 'job'; job: JobDispatch }
  /** New blocks of an open-ended job are durable. */
  | { type: 'appended'; job: number; route: number }
  | { type: 'carrier'; id: string; change: CarrierPatch }
  | { type: 'carriers'; request: number }
  | { type: 'states'; request: number; blocks: number[] }
  /** What a message waits for now. */
  | { type: 'waits'; request: number; ref: number }
  /** Store the states of all blocks, so that money and usage can follow. */
  | { type: 'snapshot'; request: number }
  /** The configuration's carriers and the routes, as they are from now on. */
  | { type: 'reload'; request: number; carriers: unknown[]; routes: RouteDispatch[] }
  /** Begins to watch a carrier's PDUs, or ends it (null). */
  | { type: 'trace'; watch: number; carrier: string; filter: TraceFilter | null }
  /** The last batch of this watch was used up. */
  | { type: 'traceMore'; watch: number; carrier: string }
  /** Accounts whose message events are wanted, from now on. */
  | { type: 'eventAccounts'; accounts: number[] }
  | { type: 'settle'; request: number; task: SettleTask }
  /** Messages that are not to be sent, where they have not been handed over. */
  | { type: 'cancel'; request: number; refs: number[] }
  | { type: 'redact'; request: number; task: RedactTask }
  /** Subscribers' messages up to this number were read, and what follows from them is in effect. */
  | { type: 'heard'; number: number }
  /** The filter of suppressed numbers has moved to larger memory. */
  | { type: 'suppressions'; filter: SharedArrayBuffer }
  /** An end of the speech thread, transferred; another one whenever that thread was started anew. */
  | { type: 'speech'; port: MessagePort }
  | { type: 'drain'; deadlineMs: number }

/** Live totals of a job; `states` by state number, as DispatchCounts. */
export interface JobProgress {
  job: number
  states: number[]
  partsSent: number
}

export type FromDispatcher =
  | { type: 'ready' }
  /** Durable counts of the jobs that changed; at most ten times a second. */
  | { type: 'progress'; jobs: JobProgress[] }
  | { type: 'finished'; job: number }
  /** Subscribers' messages are durable and wait to be read. */
  | { type: 'inbound' }
  /** Message events of these accounts are durable. */
  | { type: 'events'; accounts: number[] }
  | { type: 'carriers'; request: number; items: CarrierView[] }
  /** In the order asked; null = never claimed. Durable when this arrives. */
  | { type: 'states'; request: number; states: (Uint8Array | null)[] }
  /** How many of them were unknown; durable when this arrives. */
  | { type: 'settled'; request: number; settled: number }
  /** How many of them waited; durable when this arrives. */
  | { type: 'canceled'; request: number; canceled: number }
  /** It is durable. */
  | { type: 'redacted'; request: number }
  | { type: 'waits'; request: number; waits: Wait[] }
  | { type: 'snapshot'; request: number }
  /** What the new configuration changed, a line each. */
  | { type: 'reloaded'; request: number; changed: string[] }
  | { type: 'metric'; slot: number; name: string; labels: Record<string, string> }
  | { type: 'traced'; watch: number; batch: TraceBatch }
  | { type: 'drained' }
  | { type: 'fatal'; code: string; message: string }
