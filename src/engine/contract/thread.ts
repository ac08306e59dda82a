/** Every message that crosses between main and a dispatcher, typed once. Bodies never do: they go through the store. */
import type { CarrierPatch, CarrierView } from './channel.js'
import type { JobDispatch } from './lane.js'

/** A route with its carriers in order of preference, as the dispatcher uses it. */
export interface RouteDispatch {
  route: number
  carriers: string[]
}

/** What the dispatcher thread starts with. `carriers` are the config's own records. */
export interface DispatcherStart {
  dataDir: string
  carriers: unknown[]
  routes: RouteDispatch[]
  /** Open jobs at start: the dispatcher recovers before it takes anything else. */
  jobs: JobDispatch[]
  metrics: SharedArrayBuffer
  logLevel: string
}

export type ToDispatcher =
  | { type: 'job'; job: JobDispatch }
  /** New blocks of an open-ended job are durable. */
  | { type: 'appended'; job: number; route: number }
  | { type: 'carrier'; id: string; change: CarrierPatch }
  | { type: 'carriers'; request: number }
  | { type: 'states'; request: number; blocks: number[] }
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
  | { type: 'carriers'; request: number; items: CarrierView[] }
  /** In the order asked; null = never claimed. Durable when this arrives. */
  | { type: 'states'; request: number; states: (Uint8Array | null)[] }
  | { type: 'metric'; slot: number; name: string; labels: Record<string, string> }
  | { type: 'drained' }
  | { type: 'fatal'; code: string; message: string }
