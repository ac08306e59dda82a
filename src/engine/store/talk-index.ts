/**
 * Who wrote last from this sender to this recipient: a hot table, tables whose segment is not on disk yet, and the segments,
 * as one. What is entered becomes durable in the commit of the outcomes that it stands for; a start rebuilds the table from
 * the log. Why it is built so: docs/decisions. Dispatcher thread.
 */
import { limits } from '../contract/limits.js'
import type { TalksCommit } from '../contract/store.js'
import type { Environment } from './environment.js'
import { blankTalk, type Forgotten, readTalk, TALK_BYTES, type Talk, type TalkLook } from './talk.js'
import { TalkLog } from './talk-log.js'
import { type SegmentPut, TalkSegments, withoutTalks } from './talk-segments.js'
import { TalkTable } from './talk-table.js'
import { TALKS_FROM } from './talk-writer.js'

export class TalkIndex {
  readonly #environment: Environment
  readonly #limit: number
  readonly #segments: TalkSegments
  readonly #log = new TalkLog()
  #table: TalkTable
  /** Full tables whose segment is not on disk yet, from the oldest. */
  #retiring: TalkTable[] = []
  #puts: SegmentPut[] = []
  #gone: number[][] = []
  /** All that was logged before the next commit is superfluous from then on. */
  #supersedes = false
  /** Entries in the log that a start would read. */
  #logged = 0

  /** `limit`: entries of the hot table. */
  constructor(environment: Environment, limit: number = limits.talksHot) {
    this.#environment = environment
    this.#limit = limit
    this.#table = new TalkTable(limit)
    this.#segments = new TalkSegments(environment)
    this.#load()
  }

  #load(): void {
    this.#segments.load()
    const { talks, meta } = this.#environment
    const start = meta.getBinary(TALKS_FROM)?.readDoubleLE(0) ?? 0
    const talk = blankTalk()
    for (const { value } of talks.getRange({ start })) {
      for (let at = 0; at + TALK_BYTES <= value.length; at += TALK_BYTES) {
        readTalk(value, at, talk)
        this.#table.put(talk)
        this.#logged++
      }
    }
  }

  /** Conversations in memory, and segments on disk. */
  get size(): { hot: number; segments: number } {
    return { hot: this.#table.size, segments: this.#segments.count }
  }

  enter(talk: Talk): void {
    if (this.#table.full) this.#turnOver(talk.sentMs)
    if (this.#table.put(talk)) this.#log.add(talk)
  }

  /** The full table stays findable until its segment is durable, since reads see committed segments only. */
  #turnOver(nowMs: number): void {
    this.#puts.push(...this.#segments.spill(this.#table, nowMs))
    this.#gone.push(...this.#segments.outdated(nowMs))
    this.#retiring.push(this.#table)
    this.#table = new TalkTable(this.#limit)
    this.#log.clear()
    this.#logged = 0
    this.#supersedes = true
  }

  /** With the next commit nothing on disk names them any more, but batches of the log that are superfluous then. */
  forget(isForgotten: Forgotten): void {
    for (const table of [this.#table, ...this.#retiring]) table.forget(isForgotten)
    this.#puts = this.#puts.filter(({ key }) => key[1] === 0).concat(this.#rebuilt(isForgotten))
    this.#rewriteLog()
  }

  /** Chunks that are on disk, or on their way there. */
  #rebuilt(isForgotten: Forgotten): SegmentPut[] {
    const waiting = this.#puts.filter(({ key }) => key[1] !== 0)
    return [...this.#segments.forget(isForgotten), ...waiting.map((put) => withoutTalks(put, isForgotten))]
  }

  /** Leaves the last message of the pair in `look.found`; rank 0: there is none. */
  find(look: TalkLook): void {
    this.#table.find(look)
    for (let place = this.#retiring.length - 1; place >= 0 && look.rank === 0; place--)
      this.#retiring[place]!.find(look)
    if (look.rank === 0) this.#segments.find(look)
  }

  /** What happened since, for the next commit; `durable` is to be called when that is on disk. */
  seal(): { talks: TalksCommit; durable: () => void } {
    this.#logged += this.#log.count
    // A pair that is written to again and again fills the log, not the table: then the table itself is the log.
    if (this.#logged > 2 * this.#limit) this.#rewriteLog()
    const talks = { log: this.#log.take(), puts: this.#puts, gone: this.#gone, supersedes: this.#supersedes }
    const retired = [...this.#retiring]
    this.#puts = []
    this.#gone = []
    this.#supersedes = false
    const durable = (): void => {
      if (retired.length > 0) this.#retiring = this.#retiring.filter((table) => !retired.includes(table))
    }
    return { talks, durable }
  }

  #rewriteLog(): void {
    this.#log.clear()
    this.#table.each((talk) => this.#log.add(talk))
    this.#logged = this.#log.count
    this.#supersedes = true
  }
}
