/** What the simulated gateway counts. */
import type { DeviationView } from './deviation.js'

export interface GatewayStats {
  /** INVITEs that began a call, challenges apart. */
  calls: number
  answered: number
  /** Answered and acknowledged calls that are over. */
  ended: number
  /** By what was drawn for the number, such as busy. */
  fates: Record<string, number>
  /** Final responses to INVITE by status. */
  statuses: Record<string, number>
  /** The caller gave up before the answer. */
  canceled: number
  callerHungUp: number
  weHungUp: number
  /** Answers that nobody acknowledged in 32 s. */
  unacknowledged: number
  callsNow: number
  /** Most calls at once, and most INVITEs in any sliding second. */
  maxCalls: number
  maxPerSecond: number
  overCapacity: number
  overRate: number
  challenges: number
  /** Wrong user, password or nonce. */
  loginFailures: number
  registrations: number
  options: number
  digitsPressed: number
  heardMs: number
  rtpPackets: number
  rtpLost: number
  rtpStray: number
  rtpJumps: number
  /** Interval between two packets of sound less 20 ms, whatever its sign, as it is measured here. */
  rtpDeviationMs: DeviationView
  /** SIP messages that came in again, and those that were dropped as lost. */
  repeats: number
  dropped: number
  /** ACKs of nothing that is open, such as one that came again after its call. */
  strayAcks: number
  /** What callers did that RFC 3261 forbids; the first few in words. */
  protocolErrors: number
  complaints: string[]
}

const COMPLAINTS_KEPT = 20

export class GatewayCounters {
  readonly stats: Omit<GatewayStats, 'rtpDeviationMs' | 'maxPerSecond'> = {
    ...{ calls: 0, answered: 0, ended: 0, fates: {}, statuses: {}, canceled: 0, callerHungUp: 0, weHungUp: 0 },
    ...{ unacknowledged: 0, callsNow: 0, maxCalls: 0, overCapacity: 0, overRate: 0, challenges: 0, loginFailures: 0 },
    ...{ registrations: 0, options: 0, digitsPressed: 0, heardMs: 0, rtpPackets: 0, rtpLost: 0, rtpStray: 0 },
    ...{ rtpJumps: 0, repeats: 0, strayAcks: 0, dropped: 0, protocolErrors: 0, complaints: [] },
  }

  fate(word: string): void {
    const { fates } = this.stats
    fates[word] = (fates[word] ?? 0) + 1
  }

  status(status: number): void {
    const { statuses } = this.stats
    statuses[status] = (statuses[status] ?? 0) + 1
  }

  callBegan(): void {
    this.stats.callsNow++
    this.stats.maxCalls = Math.max(this.stats.maxCalls, this.stats.callsNow)
  }

  complain(what: string): void {
    this.stats.protocolErrors++
    if (this.stats.complaints.length < COMPLAINTS_KEPT) this.stats.complaints.push(what)
  }
}
