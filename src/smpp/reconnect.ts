/**
 * When a lost or refused bind is tried again. Pure: time and chance are arguments.
 *
 * The first try after a loss comes within a second; then exponential backoff with full jitter from 1 s to 60 s. A wrong
 * password or name is not tried often, since carriers lock accounts; "already bound" waits for the old session to die
 * there, which takes some minutes at most carriers (carriers.md 71).
 */
import type { Random } from '../engine/base/random.js'
import { STATUS, statusName } from './status.js'

const FLOOR_MS = 1_000
const CEILING_MS = 60_000
const QUICK_MS_MIN = 100
const CREDENTIALS_MS = { low: 30_000, first: 60_000, ceiling: 300_000 } as const
/** ESME_RBINDFAIL says that the account may not bind, or nothing at all: not as long as a wrong password. */
const REFUSED_MS = { low: 10_000, first: 20_000, ceiling: 300_000 } as const
const ALREADY_BOUND_MS = { low: 5_000, first: 10_000, ceiling: CEILING_MS } as const
const ORDINARY_MS = { low: FLOOR_MS, first: FLOOR_MS, ceiling: CEILING_MS } as const

interface Range {
  low: number
  /** Top of the range at attempt 0; doubles with each attempt up to `ceiling`. */
  first: number
  ceiling: number
}

const BY_STATUS = new Map<number, Range>([
  [STATUS.invalidPassword, CREDENTIALS_MS],
  [STATUS.invalidSystemId, CREDENTIALS_MS],
  [STATUS.bindFailed, REFUSED_MS],
  [STATUS.invalidSystemType, REFUSED_MS],
  [STATUS.alreadyBound, ALREADY_BOUND_MS],
])

/** Milliseconds until try number `attempt` (from 0) after an end with this bind status (0: none). */
export function reconnectDelayMs(attempt: number, status: number, random: Random): number {
  const special = BY_STATUS.get(status)
  if (special === undefined && attempt === 0) return between(QUICK_MS_MIN, FLOOR_MS, random)
  const { low, first, ceiling } = special ?? ORDINARY_MS
  return between(low, Math.min(first * 2 ** Math.min(attempt, 8), ceiling), random)
}

/** The refusal is about the account: every bind of the carrier would hear the same, at whatever host. */
export function concernsAccount(status: number): boolean {
  return status !== STATUS.alreadyBound && BY_STATUS.has(status)
}

/** A refused bind in words: the status first, then what it means for whoever reads it. */
export function refusalText(status: number): string {
  const meaning = MEANING.get(status)
  return `bind refused: ${statusName(status)}${meaning === undefined ? '' : `: ${meaning}`}`
}

const MEANING = new Map<number, string>([
  [STATUS.invalidBindStatus, 'the carrier does not allow this kind of bind'],
  [STATUS.alreadyBound, 'the carrier holds an earlier session still, or allows no more sessions'],
  [STATUS.systemError, 'the carrier has trouble of its own'],
  [STATUS.bindFailed, 'the carrier does not say why; name, password, address or number of sessions may be wrong'],
  [STATUS.invalidPassword, 'the password is wrong'],
  [STATUS.invalidSystemId, 'the carrier does not know this systemId'],
  [STATUS.invalidSystemType, 'the carrier wants another systemType'],
  [STATUS.throttled, 'too many binds at once'],
])

function between(low: number, high: number, random: Random): number {
  return low + random.next() * Math.max(0, high - low)
}
