/** What one seed stands for: carriers, accounts, jobs and faults of a run, all drawn from it. */
import { Random } from '../../src/engine/base/random.js'
import type { OnUnanswered } from '../../src/engine/contract/lane.js'
import type { HoursRule } from '../../src/engine/contract/sending-hours.js'

export type Mode = 'safety' | 'liveness'

/** Shares of 1 of what a carrier does wrong. */
export interface CarrierHabits {
  throttled: number
  refused: number
  unavailable: number
  /** No answer, though the part was taken or was not. */
  lost: number
  /** The answer comes after its time-out. */
  late: number
  twice: number
  /** An answer to nothing. */
  strange: number
  bindRefused: number
  bindSilent: number
  noReceipt: number
  earlyReceipt: number
  lateReceipt: number
  receiptTwice: number
  contradicted: number
  otherBind: number
  enroute: number
  undelivered: number
}

export interface CarrierPlan {
  id: string
  binds: number
  window: number
  /** Answers not durable, a bind. */
  cap: number
  /** Parts per second; null: no limit. */
  rate: number | null
  responseTimeoutMs: number
  enquireLinkMs: number
  receiptTimeoutSeconds: number
  isPair: boolean
  longMessages: 'udh8' | 'udh16' | 'sar'
  /** Receipts have ids in hex, responses in decimal. */
  hexReceipts: boolean
  /** One way, on average. */
  latencyMs: number
  /** It answers on the beat of so many ms. */
  beatMs: number
  habits: CarrierHabits
}

export interface JobPlan {
  job: number
  account: number
  route: number
  priority: number
  rate: number
  accountRate: number
  onUnanswered: OnUnanswered
  distinct: boolean
  rows: number
  partsMax: number
  /** After the beginning. */
  sendAfterMs: number
  hours: HoursRule | null
  /** Share of its rows that have a time of their own, and a validity. */
  dueShare: number
  validityShare: number
  from: string
  appendedAtMs: number
}

export interface Fault {
  atMs: number
  kind: 'crash' | 'stop' | 'freeze' | 'clog' | 'cut' | 'storeFails' | 'storeSlow' | 'carrierDown' | 'webhooksDown'
  /** Of what lasts. */
  forMs: number
}

export interface Action {
  atMs: number
  kind: 'pause' | 'resume' | 'cancel' | 'cancelMessages' | 'optOut'
  /** Job by index, or chance for which row. */
  pick: number
}

export interface Plan {
  seed: number
  mode: Mode
  epochMs: number
  /** Faults end then; in safety mode the run does too. */
  horizonMs: number
  tenants: number
  carriers: CarrierPlan[]
  jobs: JobPlan[]
  /** Accounts with a webhook. */
  webhooks: number[]
  faults: Fault[]
  actions: Action[]
  commitMs: number
}

/** Sunday 2026-11-22 09:00 UTC. */
const EPOCH_MS = Date.UTC(2026, 10, 22, 9)
/** Zones whose offset from UTC in minutes never changes, so that whoever checks needs no table of zones. */
export const FIXED_ZONES = { UTC: 0, 'Asia/Kolkata': 330, 'America/Phoenix': -420 } as const
const ZONES = Object.keys(FIXED_ZONES) as (keyof typeof FIXED_ZONES)[]

class Draw {
  readonly random: Random

  constructor(random: Random) {
    this.random = random
  }
  /** A whole number from `low` to `high`. */
  whole(low: number, high: number): number {
    return low + this.random.below(high - low + 1)
  }
  /** Small ones as often as large ones. */
  wide(low: number, high: number): number {
    return Math.round(low * (high / low) ** this.random.next())
  }
  chance(share: number): boolean {
    return this.random.next() < share
  }
  of<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)]!
  }
  /** A share up to `most`; 0 in most seeds, so that faults come alone and together. */
  share(most: number): number {
    return this.chance(0.4) ? this.random.next() * most : 0
  }
}

/** The same for the same seed and mode. */
export function planOf(seed: number, mode: Mode): Plan {
  const draw = new Draw(new Random((seed * 2 + (mode === 'liveness' ? 1 : 0)) >>> 0))
  const horizonMs = draw.wide(4_000, 45_000)
  const tenants = draw.whole(1, 8)
  const carriers = carriersOf(draw)
  const epochMs = EPOCH_MS + draw.whole(0, 59_999)
  const about = { draw, tenants, carriers, epochMs, horizonMs }
  return {
    ...{ seed, mode, epochMs, horizonMs, tenants, carriers },
    jobs: jobsOf(about),
    webhooks: Array.from({ length: tenants }, (_, index) => index + 1).filter(() => draw.chance(0.4)),
    faults: faultsOf(draw, horizonMs),
    actions: actionsOf(draw, horizonMs),
    commitMs: draw.of([0.3, 2, 8, 30]),
  }
}

function carriersOf(draw: Draw): CarrierPlan[] {
  const count = draw.chance(0.3) ? 2 : 1
  return Array.from({ length: count }, (_, index) => {
    const window = draw.chance(0.2) ? 1 : draw.wide(1, 50)
    return {
      id: `carrier-${index}`,
      binds: draw.whole(1, count === 1 ? 6 : 3),
      window,
      cap: draw.chance(0.7) ? window : draw.whole(1, window),
      rate: draw.chance(0.75) ? draw.wide(1, 2000) : null,
      responseTimeoutMs: draw.of([300, 1000, 3000]),
      enquireLinkMs: draw.of([500, 2000, 10_000]),
      receiptTimeoutSeconds: draw.of([5, 20]),
      isPair: draw.chance(0.2),
      longMessages: draw.of(['udh8', 'udh16', 'sar'] as const),
      hexReceipts: draw.chance(0.2),
      latencyMs: draw.of([0.2, 3, 40]),
      beatMs: draw.of([1, 5, 20]),
      habits: habitsOf(draw),
    }
  })
}

function habitsOf(draw: Draw): CarrierHabits {
  return {
    throttled: draw.share(0.3),
    refused: draw.share(0.1),
    unavailable: draw.share(0.1),
    lost: draw.share(0.1),
    late: draw.share(0.1),
    twice: draw.share(0.2),
    strange: draw.share(0.05),
    bindRefused: draw.share(0.3),
    bindSilent: draw.share(0.2),
    noReceipt: draw.share(0.2),
    earlyReceipt: draw.share(0.5),
    lateReceipt: draw.share(0.2),
    receiptTwice: draw.share(0.3),
    contradicted: draw.share(0.2),
    otherBind: draw.share(0.5),
    enroute: draw.share(0.3),
    undelivered: draw.share(0.3),
  }
}

interface About {
  draw: Draw
  tenants: number
  carriers: readonly CarrierPlan[]
  epochMs: number
  horizonMs: number
}

/** Most seeds have few rows, so that thousands of seeds take minutes; a few have what the design asks of one. */
function rowsOf(draw: Draw): number {
  const chance = draw.random.next()
  if (chance < 0.6) return draw.whole(10, 60)
  if (chance < 0.93) return draw.whole(60, 250)
  if (chance < 0.995) return draw.whole(250, 1_000)
  return draw.whole(2_000, 20_000)
}

function jobsOf(about: About): JobPlan[] {
  const { draw, carriers, horizonMs } = about
  const slowest = Math.min(...carriers.map(({ rate }) => rate ?? 2_000))
  const jobs = draw.whole(1, 6)
  const rows = Math.max(jobs, Math.min(rowsOf(draw), Math.ceil((slowest * horizonMs) / 500)))
  return Array.from({ length: jobs }, (_, index) => jobOf(about, index, Math.ceil(rows / jobs)))
}

function jobOf(about: About, index: number, rows: number): JobPlan {
  const { draw, tenants, carriers, horizonMs, epochMs } = about
  const account = draw.whole(1, tenants)
  return {
    job: index + 1,
    account,
    route: draw.whole(1, carriers.length),
    priority: draw.whole(0, 2),
    rate: draw.chance(0.2) ? draw.wide(5, 500) : 0,
    // The same for all jobs of an account.
    accountRate: account % 4 === 0 ? 20 + account * 10 : 0,
    onUnanswered: draw.chance(0.3) ? 'hold' : 'resend',
    distinct: draw.chance(0.5),
    rows,
    partsMax: draw.chance(0.3) ? draw.whole(2, 5) : 1,
    sendAfterMs: draw.chance(0.2) ? draw.whole(1, horizonMs) : 0,
    hours: draw.chance(0.15) ? hoursOf(draw, epochMs) : null,
    dueShare: draw.share(0.3),
    validityShare: draw.share(0.3),
    from: `FROM${account}`,
    appendedAtMs: draw.chance(0.5) ? 0 : draw.whole(0, Math.floor(horizonMs / 2)),
  }
}

/** Hours that open or shut within the run, by the minute. */
function hoursOf(draw: Draw, epochMs: number): HoursRule {
  const timeZone = draw.of(ZONES)
  const minute = Math.floor(epochMs / 60_000) + FIXED_ZONES[timeZone]
  const fromMinute = (((minute + draw.whole(-1, 1)) % 1440) + 1440) % 1440
  return { days: [1, 2, 3, 4, 5, 6, 7], fromMinute, toMinute: (fromMinute + draw.whole(1, 2)) % 1440, timeZone }
}

const LASTING_MS: Partial<Record<Fault['kind'], number>> = {
  freeze: 6_000,
  clog: 8_000,
  storeSlow: 12_000,
  carrierDown: 5_000,
  webhooksDown: 30_000,
}
const KINDS: readonly Fault['kind'][] = [
  ...(['crash', 'crash', 'crash', 'stop', 'freeze', 'clog', 'cut', 'cut', 'cut'] as const),
  ...(['storeFails', 'storeSlow', 'carrierDown', 'webhooksDown'] as const),
]

function faultsOf(draw: Draw, horizonMs: number): Fault[] {
  const count = draw.wide(2, 24)
  const faults: Fault[] = [{ atMs: draw.whole(10, horizonMs), kind: 'crash', forMs: 0 }]
  for (let n = 1; n < count; n++) {
    const kind = draw.of(KINDS)
    const most = LASTING_MS[kind] ?? 0
    faults.push({ atMs: draw.whole(10, horizonMs), kind, forMs: most === 0 ? 0 : draw.wide(100, most) })
  }
  return faults.sort((one, other) => one.atMs - other.atMs)
}

function actionsOf(draw: Draw, horizonMs: number): Action[] {
  const kinds = ['pause', 'resume', 'resume', 'cancel', 'cancelMessages', 'optOut', 'optOut', 'optOut'] as const
  return Array.from({ length: draw.whole(0, 10) }, () => ({
    atMs: draw.whole(10, horizonMs),
    kind: draw.of(kinds),
    pick: draw.random.next(),
  }))
}
