/** The jobs that the dispatcher knows, their totals and their lanes. */

import type { JobDispatch } from '../contract/lane.js'
import { STATE, STATES } from '../contract/message.js'
import type { DispatchCounts } from '../contract/store.js'
import { Lane } from '../schedule/lane.js'
import type { RecipientHours } from '../schedule/recipient-hours.js'
import type { Route } from '../schedule/routes.js'
import type { SendingHours } from '../schedule/sending-hours.js'
import type { DispatchStore } from '../store/dispatch-store.js'
import { Pace } from './pace.js'

export interface JobTotals {
  readonly number: number
  /** null: only late receipts concern it. */
  dispatch: JobDispatch | null
  counts: DispatchCounts
  /** Changed since the last commit. */
  dirty: boolean
  /** Parts per second of this job, and of its account; null: no limit. */
  pace: Pace | null
  accountPace: Pace | null
  /** Kept by `Gates`; null: at any time. */
  hours: SendingHours | null
  /** It is outside its hours. */
  isShut: boolean
  /** In the zone of each recipient; null: they are not. Kept by `Gates`. */
  zoned: RecipientHours | null
  finishedPosted: boolean
  /** Messages of claimed blocks that are scheduled: calls that are made again. */
  putOff: number
  /** Earliest due time of its scheduled blocks, epoch seconds; Infinity when there are none. */
  nextDueSeconds: number
  /** Canceled messages of unclaimed blocks of which the disk knows nothing yet: the queue index still counts them. */
  leaving: number
  readonly lanes: Map<number, Lane>
}

function noDispatchCounts(): DispatchCounts {
  return { states: new Float64Array(STATES.length), partsSent: 0, sentFinal: 0, canceledUnclaimed: 0 }
}

/** Of a job that nothing is known of. */
export function noTotals(job: number): JobTotals {
  return {
    number: job,
    dispatch: null,
    counts: noDispatchCounts(),
    dirty: false,
    pace: null,
    accountPace: null,
    hours: null,
    isShut: false,
    zoned: null,
    finishedPosted: false,
    putOff: 0,
    nextDueSeconds: Number.POSITIVE_INFINITY,
    leaving: 0,
    lanes: new Map(),
  }
}

/** All accepted messages are final, by counts that are durable: `unknown` ends too, until somebody settles it. */
export function isFinished(dispatch: JobDispatch | null, states: readonly number[], sentFinal: number): boolean {
  if (dispatch === null || dispatch.openEnded) return false
  const final =
    states[STATE.delivered]! +
    states[STATE.undelivered]! +
    states[STATE.failed]! +
    states[STATE.expired]! +
    states[STATE.canceled]! +
    states[STATE.unknown]! +
    sentFinal
  return final >= dispatch.accepted
}

/** The pace for this rate, with what it has counted so far; 0: none. */
function paceOf(known: Pace | null, perSecond: number): Pace | null {
  if (perSecond <= 0) return null
  const pace = known ?? new Pace(perSecond)
  pace.set(perSecond)
  return pace
}

export class Board {
  readonly #store: DispatchStore
  readonly #jobs = new Map<number, JobTotals>()
  readonly #routeOf: (route: number) => Route
  readonly dirty: JobTotals[] = []
  readonly #accountPaces = new Map<number, Pace>()
  /** False: no job or account has had a rate of its own in this run, so that nobody need look. */
  hasPaces = false

  constructor(store: DispatchStore, routeOf: (route: number) => Route) {
    this.#store = store
    this.#routeOf = routeOf
  }

  /** Totals of any job, read from the store at first use. */
  totals(job: number): JobTotals {
    let totals = this.#jobs.get(job)
    if (totals === undefined) {
      const counts = this.#store.counts(job)
      totals = { ...noTotals(job), ...(counts === null ? {} : { counts }) }
      this.#jobs.set(job, totals)
    }
    return totals
  }

  /** null: nothing concerned this job lately. */
  known(job: number): JobTotals | null {
    return this.#jobs.get(job) ?? null
  }

  all(): IterableIterator<JobTotals> {
    return this.#jobs.values()
  }

  touch(totals: JobTotals): void {
    if (totals.dirty) return
    totals.dirty = true
    this.dirty.push(totals)
  }

  /** Takes in a job or its changed settings. */
  register(dispatch: JobDispatch): JobTotals {
    const totals = this.totals(dispatch.job)
    totals.dispatch = dispatch
    totals.pace = paceOf(totals.pace, dispatch.ratePerSecond)
    this.#paceAccount(totals, dispatch)
    this.hasPaces ||= totals.pace !== null || totals.accountPace !== null
    for (const lane of totals.lanes.values()) lane.job = dispatch
    return totals
  }

  /** One pace for all jobs of an account: it is told with each of them. */
  #paceAccount(totals: JobTotals, { account, accountRatePerSecond }: JobDispatch): void {
    const pace = paceOf(this.#accountPaces.get(account) ?? null, accountRatePerSecond)
    if (pace === null) this.#accountPaces.delete(account)
    else this.#accountPaces.set(account, pace)
    if (pace === totals.accountPace) return
    totals.accountPace = pace
    for (const other of this.#jobs.values()) if (other.dispatch?.account === account) other.accountPace = pace
  }

  /** null: the job is not dispatched any more. */
  lane(job: number, route: number): Lane | null {
    const totals = this.totals(job)
    const known = totals.lanes.get(route)
    if (known !== undefined) return known
    if (totals.dispatch === null) return null
    const lane = new Lane(totals.dispatch, this.#routeOf(route))
    lane.isShut = totals.isShut
    lane.zoned = totals.zoned
    totals.lanes.set(route, lane)
    return lane
  }

  /** Not while it has changes that no commit has taken. */
  forget(totals: JobTotals): void {
    if (!totals.dirty) this.#jobs.delete(totals.number)
  }
}
