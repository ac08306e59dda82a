/**
 * The rate of one carrier: what was agreed, less what its throttling answers say. Pure: time is an argument, in monotonic
 * milliseconds.
 *
 * Multiplicative decrease, additive increase. Once a second at most the rate is cut by twice the share of throttled
 * answers, by half at most; only answers to parts that left after the last cut count, since earlier ones say nothing about
 * the new rate. While others are accepted it rises by a fortieth of the agreed rate a second, slowly in the first seconds
 * after a cut, so that it dwells below what the carrier takes: from the floor it is back at 95 % in about 45 s.
 * Without an agreed rate the limit begins at what was accepted lately, and is lifted once twice that works.
 *
 * A cut that helps ends the throttling or lessens it. Where the share stays what it was over several cuts, it has nothing
 * to do with our rate: the cuts are taken back, and that share is borne until it changes.
 */
import { RateLimiter } from './rate.js'

const EPOCH_MS = 1_000
/** Fewer answers say little of a share: the epoch waits for them, but not for ever. */
const EPOCH_ANSWERS = 20
const EPOCH_MS_MOST = 5_000
/** A share above this is a storm, and never borne. */
const BORNE_MOST = 0.5
const STORM_ANSWERS = 10
/**
 * A cut by twice the share ends the throttling of a carrier that takes so much and no more. Whether it did shows once so
 * many refusals would have come without it; more than this part of them means that it did not help.
 */
const EXPECTED_REFUSALS = 8
const VERDICT_MS_MOST = 8_000
const UNHELPED = 0.35
const UNHELPFUL_CUTS = 2
/** Throttled more than half of so many answers: nothing more is sent in this second. */
const URGENT_ANSWERS = 20
const CUT_MOST = 0.5
/** A smaller share is noise: it slows, but does not delay the way back. */
const NOISE = 0.03
const RISE_PER_SECOND = 1 / 40
/** Without an agreed rate nothing is known but what was measured: it is left sooner. */
const RISE_UNAGREED = 1 / 8
const GENTLE_MS = 8_000
/** Least rate: enough to notice the end of a storm, too little to feed it. */
const FLOOR_SHARE = 0.01
const FLOOR_LEAST = 0.2
const FLOOR_UNAGREED = 0.25
const FLOOR_MOST = 5
/** After silence one success must not stand for all of it. */
const ELAPSED_MAX_MS = 10_000
/** Without an agreed rate: what a carrier is thought to take at least, when it has accepted nothing yet. */
const MEASURED_LEAST = 10
const LIFT = 2

export class AdaptiveRate {
  #agreed: number | null
  /** A limit for a time, by an operator's rule. */
  #ceiling: number | null = null
  #limiter: RateLimiter | null
  /** What throttling left of the rate; null: all of it. */
  #slowed: number | null = null
  /** Without an agreed rate: what was accepted per second before the first cut. */
  #measured = 0
  #ok = 0
  #refused = 0
  #epochAt = -1
  #lastOkPerSecond = 0
  #cutAt = Number.NEGATIVE_INFINITY
  /** Share before the cut whose help is not proved yet, how many did not help, the rate before the first; 0: none. */
  #shareAtCut = 0
  #unhelpful = 0
  #beforeCuts = 0
  /** Nothing is sent before. */
  #restUntil = Number.NEGATIVE_INFINITY
  /** Share that no cut lessens; 0: none is known. */
  #borne = 0
  #gentleSince = Number.NEGATIVE_INFINITY
  #raisedAt = 0
  /** Rate in force at the last tick. */
  #told: number | null

  /** `agreed`: parts per second; null: no limit. */
  constructor(agreed: number | null) {
    this.#agreed = agreed
    this.#told = agreed
    this.#limiter = agreed === null ? null : new RateLimiter(agreed)
  }

  get agreed(): number | null {
    return this.#agreed
  }
  /** The rate in force; null: no limit. */
  get perSecond(): number | null {
    return this.#limiter?.perSecond ?? null
  }
  get isSlowed(): boolean {
    return this.#slowed !== null
  }

  setAgreed(perSecond: number | null): void {
    this.#agreed = perSecond
    if (perSecond !== null && this.#slowed !== null && this.#slowed >= perSecond) this.#slowed = null
    this.#apply()
  }

  /** null: none any more. */
  setCeiling(perSecond: number | null): void {
    this.#ceiling = perSecond
    this.#apply()
  }

  /** Forgets what throttling taught: an operator knows better. */
  restore(): void {
    this.#slowed = null
    this.#measured = 0
    this.#restUntil = Number.NEGATIVE_INFINITY
    this.#endSeries()
    this.#apply()
  }

  /** Parts that may leave now. */
  available(nowMs: number): number {
    if (nowMs < this.#restUntil) return 0
    return this.#limiter === null ? Number.POSITIVE_INFINITY : this.#limiter.available(nowMs)
  }
  take(n: number, nowMs: number): void {
    this.#limiter?.take(n, nowMs)
  }
  /** Milliseconds until `available` is at least 1; 0 when it is. */
  nextMs(nowMs: number): number {
    return Math.max(this.#limiter === null ? 0 : this.#limiter.nextMs(nowMs), this.#restUntil - nowMs, 0)
  }

  /** An answer to a part that left at `sentAtMs`. Hot path. */
  answered(isThrottled: boolean, sentAtMs: number, nowMs: number): void {
    if (sentAtMs < this.#cutAt) return
    if (this.#epochAt < 0) this.#epochAt = nowMs
    if (!isThrottled) {
      this.#ok++
      return
    }
    this.#refused++
    const answers = this.#ok + this.#refused
    const isUrgent = answers >= URGENT_ANSWERS && this.#refused * 2 > answers
    // The rest of this second would be refused too: it is waited out, and then what the whole of it brought is known.
    if (isUrgent) this.#restUntil = Math.max(this.#restUntil, this.#epochAt + EPOCH_MS)
  }

  /** Time work; cheap. True: the rate in force has changed since the last tick. */
  tick(nowMs: number): boolean {
    if (this.#epochAt >= 0 && this.#isEpochOver(nowMs - this.#epochAt)) this.#endEpoch(nowMs)
    const hasChanged = this.perSecond !== this.#told
    this.#told = this.perSecond
    return hasChanged
  }

  #isEpochOver(elapsedMs: number): boolean {
    const answers = this.#ok + this.#refused
    if (elapsedMs < EPOCH_MS) return false
    const expected = answers * Math.max(this.#shareAtCut, this.#borne)
    if (expected > 0) return expected >= EXPECTED_REFUSALS || elapsedMs >= VERDICT_MS_MOST
    return this.#refused === 0 || answers >= EPOCH_ANSWERS || elapsedMs >= EPOCH_MS_MOST
  }

  #endEpoch(nowMs: number): void {
    const okPerSecond = (this.#ok * 1000) / (nowMs - this.#epochAt)
    const share = this.#refused / Math.max(1, this.#ok + this.#refused)
    const isBorne = this.#judge(share)
    if (this.#refused > 0 && !isBorne) this.#cut(nowMs, share, Math.max(okPerSecond, this.#lastOkPerSecond))
    else if (this.#ok > 0 && this.#slowed !== null) this.#raise(nowMs)
    if (this.#ok > 0) this.#lastOkPerSecond = okPerSecond
    this.#ok = 0
    this.#refused = 0
    this.#epochAt = -1
  }

  /** Looks whether the last cut has helped; takes the cuts back when several have not. True: this share is borne. */
  #judge(share: number): boolean {
    const before = this.#shareAtCut
    this.#shareAtCut = 0
    if (share > BORNE_MOST && this.#ok + this.#refused >= STORM_ANSWERS) {
      this.#borne = 0
      return false
    }
    if (this.#borne > 0) {
      if (share > 2 * this.#borne + NOISE) this.#borne = 0
      else if (share >= UNHELPED * this.#borne) return true
      else this.#endSeries()
    } else if (before > 0) {
      if (share >= UNHELPED * before) this.#unhelpful++
      else this.#endSeries()
    } else if (this.#refused === 0) this.#endSeries()
    if (this.#unhelpful < UNHELPFUL_CUTS) return false
    this.#borne = share
    this.#unhelpful = 0
    this.#slowed = this.#beforeCuts
    this.#apply()
    return true
  }

  #endSeries(): void {
    this.#unhelpful = 0
    this.#beforeCuts = 0
    this.#borne = 0
  }

  #cut(nowMs: number, share: number, okPerSecond: number): void {
    if (this.#slowed === null && this.#ceilingOrAgreed() === null)
      this.#measured = Math.max(okPerSecond, MEASURED_LEAST)
    const top = this.#top()
    const floor = this.#floor(top, share)
    // What rises meanwhile must not outweigh a small share for ever, nor a small share end all rising.
    if (share > NOISE) this.#gentleSince = nowMs
    else if (this.#slowed !== null) this.#raise(nowMs)
    const before = Math.min(this.#slowed ?? top, top)
    if (share > NOISE && share <= BORNE_MOST) this.#shareAtCut = share
    if (this.#beforeCuts === 0) this.#beforeCuts = before
    this.#slowed = Math.max(floor, before * (1 - Math.min(CUT_MOST, 2 * share)))
    this.#cutAt = nowMs
    this.#raisedAt = nowMs
    this.#apply()
  }

  #raise(nowMs: number): void {
    const top = this.#top()
    const elapsedMs = Math.min(ELAPSED_MAX_MS, nowMs - this.#raisedAt)
    const gentle = Math.min(1, Math.max(0, nowMs - this.#gentleSince) / GENTLE_MS)
    const perSecond = this.#ceilingOrAgreed() === null ? RISE_UNAGREED : RISE_PER_SECOND
    this.#raisedAt = nowMs
    this.#slowed = this.#slowed! + (top * perSecond * gentle * elapsedMs) / 1000
    const done = this.#ceilingOrAgreed() === null ? this.#slowed >= LIFT * this.#measured : this.#slowed >= top
    if (done) this.#slowed = null
    this.#apply()
  }

  #ceilingOrAgreed(): number | null {
    if (this.#agreed === null || this.#ceiling === null) return this.#agreed ?? this.#ceiling
    return Math.min(this.#agreed, this.#ceiling)
  }

  /** What the rate is measured by: the agreed one, or what was accepted before. */
  #top(): number {
    return this.#ceilingOrAgreed() ?? this.#measured
  }

  /** Without an agreed rate the top is what was really taken: a carrier that still takes a part of it can bear some of it. */
  #floor(top: number, share: number): number {
    if (this.#ceilingOrAgreed() === null) return Math.min(top, Math.max(FLOOR_MOST, top * FLOOR_UNAGREED * (1 - share)))
    return Math.min(top, Math.max(FLOOR_LEAST, Math.min(FLOOR_MOST, top * FLOOR_SHARE)))
  }

  #apply(): void {
    const limit = this.#ceilingOrAgreed()
    if (limit === null && this.#slowed === null) {
      this.#limiter = null
      return
    }
    const perSecond = Math.min(limit ?? Number.POSITIVE_INFINITY, this.#slowed ?? Number.POSITIVE_INFINITY)
    if (this.#limiter === null) this.#limiter = new RateLimiter(perSecond)
    else this.#limiter.set(perSecond)
  }
}
