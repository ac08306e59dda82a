/**
 * command_status (SMPP 3.4 §5.1.3): name and what becomes of a part that is answered with it.
 *
 * Only what is certain to pass by itself is retried: an unknown status counts as a permanent refusal, since sending
 * again what a carrier refuses costs money and reputation. What this carrier cannot do and another may goes to the next
 * carrier of its route: a sender or service type that it does not know, an address form that it does not take. A carrier
 * that forgets who we are is left alone for a minute. 0x400 to 0x4FF are the vendors' own and are used for throttling by
 * most of them (carriers.md 75): the default of `throttleCodes`.
 */
import { OUTCOME, type OutcomeCode } from '../engine/contract/outcome.js'
import type { CarrierRule, Verdict } from './outcome-table.js'

export const STATUS = {
  ok: 0x00,
  invalidCommandLength: 0x02,
  invalidCommandId: 0x03,
  invalidBindStatus: 0x04,
  alreadyBound: 0x05,
  systemError: 0x08,
  invalidSource: 0x0a,
  invalidDestination: 0x0b,
  bindFailed: 0x0d,
  invalidPassword: 0x0e,
  invalidSystemId: 0x0f,
  queueFull: 0x14,
  invalidSystemType: 0x53,
  throttled: 0x58,
  temporaryAppError: 0x64,
} as const

const { accepted, rejected, rerouted, throttled, unavailable } = OUTCOME
const TABLE: readonly (readonly [number, string, OutcomeCode])[] = [
  [0x00, 'ESME_ROK', accepted],
  [0x01, 'ESME_RINVMSGLEN', rejected],
  [0x02, 'ESME_RINVCMDLEN', rejected],
  [0x03, 'ESME_RINVCMDID', rejected],
  [0x04, 'ESME_RINVBNDSTS', unavailable],
  [0x05, 'ESME_RALYBND', unavailable],
  [0x06, 'ESME_RINVPRTFLG', rejected],
  [0x07, 'ESME_RINVREGDLVFLG', rejected],
  [0x08, 'ESME_RSYSERR', unavailable],
  [0x0a, 'ESME_RINVSRCADR', rerouted],
  [0x0b, 'ESME_RINVDSTADR', rejected],
  [0x0c, 'ESME_RINVMSGID', rejected],
  [0x0d, 'ESME_RBINDFAIL', unavailable],
  [0x0e, 'ESME_RINVPASWD', unavailable],
  [0x0f, 'ESME_RINVSYSID', unavailable],
  [0x11, 'ESME_RCANCELFAIL', rejected],
  [0x13, 'ESME_RREPLACEFAIL', rejected],
  [0x14, 'ESME_RMSGQFUL', throttled],
  [0x15, 'ESME_RINVSERTYP', rerouted],
  [0x33, 'ESME_RINVNUMDESTS', rejected],
  [0x34, 'ESME_RINVDLNAME', rejected],
  [0x40, 'ESME_RINVDESTFLAG', rejected],
  [0x42, 'ESME_RINVSUBREP', rejected],
  [0x43, 'ESME_RINVESMCLASS', rejected],
  [0x44, 'ESME_RCNTSUBDL', rejected],
  [0x45, 'ESME_RSUBMITFAIL', unavailable],
  [0x48, 'ESME_RINVSRCTON', rerouted],
  [0x49, 'ESME_RINVSRCNPI', rerouted],
  [0x50, 'ESME_RINVDSTTON', rerouted],
  [0x51, 'ESME_RINVDSTNPI', rerouted],
  [0x53, 'ESME_RINVSYSTYP', unavailable],
  [0x54, 'ESME_RINVREPFLAG', rejected],
  [0x55, 'ESME_RINVNUMMSGS', rejected],
  [0x58, 'ESME_RTHROTTLED', throttled],
  [0x61, 'ESME_RINVSCHED', rejected],
  [0x62, 'ESME_RINVEXPIRY', rejected],
  [0x63, 'ESME_RINVDFTMSGID', rejected],
  [0x64, 'ESME_RX_T_APPN', unavailable],
  [0x65, 'ESME_RX_P_APPN', rejected],
  [0x66, 'ESME_RX_R_APPN', rejected],
  [0x67, 'ESME_RQUERYFAIL', rejected],
  [0xc0, 'ESME_RINVOPTPARSTREAM', rejected],
  [0xc1, 'ESME_ROPTPARNOTALLWD', rejected],
  [0xc2, 'ESME_RINVPARLEN', rejected],
  [0xc3, 'ESME_RMISSINGOPTPARAM', rejected],
  [0xc4, 'ESME_RINVOPTPARAMVAL', rejected],
  [0xfe, 'ESME_RDELIVERYFAILURE', rejected],
  [0xff, 'ESME_RUNKNOWNERR', unavailable],
]
const byNumber = new Map(TABLE.map(([status, name, code]) => [status, { name, code }]))

/** ESME_… of the specification, else the number as 0x…: a label of bounded variety for metrics and the log. */
export function statusName(status: number): string {
  return byNumber.get(status)?.name ?? `0x${(status >>> 0).toString(16).padStart(8, '0')}`
}

export function statusOutcome(status: number): OutcomeCode {
  return byNumber.get(status)?.code ?? rejected
}

/** Statuses by which a carrier says that it does not know us any more. */
const STRANGERS: readonly number[] = [0x0d, 0x0e, 0x0f, 0x53]
const SUSPEND_MS = 60_000

/** What the table says of a refusal, for a carrier whose own rules say nothing. */
export function defaultVerdict(status: number): Verdict {
  const code = statusOutcome(status)
  const rule: CarrierRule | null = STRANGERS.includes(status) ? strangerRule(status) : null
  // The carrier is to blame, not the message: it keeps its attempts.
  return { code: rule === null ? code : throttled, delayMs: -1, throttles: code === throttled, rule }
}

function strangerRule(status: number): CarrierRule {
  return {
    action: 'suspend',
    forMs: SUSPEND_MS,
    ratePerSecond: 0,
    count: 1,
    withinMs: SUSPEND_MS,
    reason: `answers with ${statusName(status)}`,
  }
}

/** For metrics: unknown numbers share one label, so that a hostile peer cannot make series without end. */
export function statusLabel(status: number): string {
  if (status >= 0x400 && status <= 0x4ff) return 'vendor'
  return byNumber.get(status)?.name ?? 'other'
}
