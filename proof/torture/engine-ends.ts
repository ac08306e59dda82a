/**
 * The ways in which an engine ends, or stands still, under torture: each leaves it dead, to be started again, or says what is
 * wrong with how it went.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { CRASH_POINTS } from '../../src/engine/base/crash-points.js'
import type { Random } from '../../src/engine/base/random.js'
import { ERRNO, type FaultyDisk } from '../../test/disk-faults.js'
import { nowMicros } from './ledger.js'
import type { Stand } from './stand.js'
import type { Violation } from './violation.js'

export type EndKind = 'kill' | 'early kill' | 'crash point' | 'power cut' | 'failed write' | 'SIGTERM' | 'SIGSTOP'

/** In a hundred; what a stand has no disk for becomes a kill. */
const SHARES: readonly (readonly [EndKind, number])[] = [
  ['kill', 40],
  ['early kill', 14],
  ['crash point', 16],
  ['power cut', 12],
  ['failed write', 6],
  ['SIGTERM', 6],
  ['SIGSTOP', 6],
]
/** Points that the work of the driver passes; the others wait for email, calls, contacts, events. */
const OTHER_WORK =
  /^(email|call|contacts|recording|retry|run|event|site|answers-kept|job-changed|compact|erasure|backup)/
export const POINTS = Object.keys(CRASH_POINTS).filter((name) => !OTHER_WORK.test(name))

const LEAST_MS = 50
const MOST_MS = 1_500
/** Until a named point is passed, or a write fails, at the longest: then it is killed instead. */
const WAIT_MS = 4_000
const STAND_STILL_MS = 20_000
const TERM_MS = 30_000
const FREEZE_MS = 6_000
const OPS = 200

export class EngineEnds {
  readonly counts: Record<string, number> = {}
  /** Ends of any kind that came while another fault was on. */
  overlapping = 0
  total = 0
  pagesLost = 0
  readonly #stand: Stand
  readonly #disk: FaultyDisk | null
  readonly #random: Random
  readonly #isOther: () => boolean

  /** `isOther`: whether another fault is on at this moment. */
  constructor(parts: { stand: Stand; disk: FaultyDisk | null; random: Random; isOther: () => boolean }) {
    this.#stand = parts.stand
    this.#disk = parts.disk
    this.#random = parts.random
    this.#isOther = parts.isOther
  }

  draw(): EndKind {
    let left = this.#random.below(100)
    for (const [kind, share] of SHARES) {
      left -= share
      if (left >= 0) continue
      return this.#disk === null && (kind === 'power cut' || kind === 'failed write') ? 'kill' : kind
    }
    return 'kill'
  }

  /** Lets it live a moment, ends it in this way, and starts it again. @throws StartFailed */
  async once(kind: EndKind): Promise<Violation[]> {
    const { engine } = this.#stand
    const violations = await this.#end(kind)
    this.#count(kind)
    if (!engine.isRunning) await engine.start()
    return violations
  }

  async #end(kind: EndKind): Promise<Violation[]> {
    switch (kind) {
      case 'crash point':
        return await this.#crash()
      case 'failed write':
        return await this.#failWrite()
      case 'SIGTERM':
        return await this.#terminate()
      case 'SIGSTOP':
        return await this.#freeze()
      case 'early kill':
        return await this.#killEarly()
      default:
        await pause(this.#moment())
        await this.#kill(kind)
        if (kind === 'power cut') this.pagesLost += this.#disk!.cut(this.#random)
        return []
    }
  }

  /** Once more while the next one starts. */
  async #killEarly(): Promise<Violation[]> {
    const { engine } = this.#stand
    await engine.kill()
    const start = engine.start().catch(() => {})
    await pause(this.#moment())
    await this.#kill('early kill')
    await start
    return []
  }

  async #crash(): Promise<Violation[]> {
    const { engine } = this.#stand
    const point = POINTS[this.#random.below(POINTS.length)]!
    await engine.kill()
    // It may come so early that it never listens.
    const start = engine.start({ CRASH_AT: `${point}:${1 + this.#random.below(20)}` }).catch(() => {})
    await Promise.race([engine.exited, start.then(() => pause(WAIT_MS, null, { ref: false }))])
    await this.#kill('crash point')
    await start
    return []
  }

  /** One operation on the disk fails: it ends with a code above 0, or goes on as if nothing had been (reliability.md F4, P10). */
  async #failWrite(): Promise<Violation[]> {
    const { asker } = this.#stand
    const disk = this.#disk!
    const failErrno = this.#random.below(2) === 0 ? ERRNO.EIO : ERRNO.ENOSPC
    disk.set({ failErrno, failTimes: 1, failed: 0, failAt: disk.get('ops') + 1 + this.#random.below(OPS) })
    const ended = await this.#endsWithin(WAIT_MS)
    const isHit = disk.get('failed') > 0
    disk.set({ failAt: 0 })
    if (ended === null && isHit && (await this.#endsWithin(STAND_STILL_MS)) === null) {
      const answer = await asker.ask('GET', '/v1/jobs?limit=1', { key: this.#stand.accounts[0]!.key })
      await this.#kill('failed write')
      if (answer?.status === 200) return []
      return [{ invariant: 'P10', id: 'engine', detail: 'stands still after a write failed' }]
    }
    await this.#kill('failed write')
    return ended === 0 ? [{ invariant: 'P10', id: 'engine', detail: 'ended with 0 after a write failed' }] : []
  }

  async #terminate(): Promise<Violation[]> {
    await pause(this.#moment())
    this.#note('SIGTERM')
    const { end, ms } = await this.#stand.engine.stop()
    if (end === 0 && ms < TERM_MS) return []
    return [{ invariant: 'F18', id: 'engine', detail: `ended with ${end} ${Math.round(ms)} ms after SIGTERM` }]
  }

  async #freeze(): Promise<Violation[]> {
    const { engine } = this.#stand
    await pause(this.#moment())
    const began = nowMicros()
    this.#overlap()
    engine.signal('SIGSTOP')
    await pause(LEAST_MS + this.#random.below(FREEZE_MS))
    engine.signal('SIGCONT')
    this.#stand.noteFault('SIGSTOP', 'engine', began)
    return []
  }

  async #kill(kind: EndKind): Promise<void> {
    this.#note(kind === 'SIGTERM' ? 'SIGTERM' : 'kill')
    await this.#stand.engine.kill()
  }

  #note(kind: 'kill' | 'SIGTERM'): void {
    this.#overlap()
    this.#stand.noteFault(kind, 'engine')
  }

  #overlap(): void {
    if (this.#isOther()) this.overlapping++
  }

  #count(kind: EndKind): void {
    this.total++
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
  }

  #endsWithin(ms: number): Promise<number | string | null> {
    return Promise.race([this.#stand.engine.exited, pause(ms, null, { ref: false })])
  }

  #moment(): number {
    return LEAST_MS + this.#random.below(MOST_MS - LEAST_MS)
  }
}
