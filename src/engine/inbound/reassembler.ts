/**
 * Parts of subscribers' messages until they are whole: over several binds and restarts, in any order, repeated by the
 * carrier, with parts that never come, and with references that are used again (carriers.md 51, 56, 57).
 *
 * A pure state machine over integer time. It knows where a part is stored, not what it says: memory is bounded by the
 * number of messages under way. The key of a message is carrier, sender, recipient, reference and total.
 */
import { limits } from '../contract/limits.js'
import type { PartPlace } from '../contract/outcome.js'
import { type Arrival, isRepeat } from './arrival.js'

export interface Piece {
  /** Where the part is stored. */
  number: number
  key: string
  place: PartPlace
  arrival: Arrival
}

/** A message under way. `pieces` by part, from 1. */
export interface Group {
  key: string
  total: number
  pieces: Map<number, Piece>
  firstAtMs: number
  /** Each of its parts so far is the same as one of this listed message. */
  shadowOf: Listed | null
}

/** A message that is in the list, complete or not. */
export interface Listed {
  /** Its number in the list. */
  item: number
  key: string
  total: number
  arrivals: Map<number, Arrival>
  listedAtMs: number
}

export type Verdict =
  | { kind: 'waits' }
  /** The carrier delivered it before. */
  | { kind: 'repeat' }
  | { kind: 'whole'; group: Group }
  /** Its message was given up without it. */
  | { kind: 'late'; listed: Listed }

/** What a group came to when its time was over. */
export type GivenUp = { kind: 'incomplete'; group: Group } | { kind: 'repeats'; group: Group }

export class Reassembler {
  readonly #timeoutMs: number
  /** In order of their first part. */
  readonly #groups = new Set<Group>()
  readonly #byKey = new Map<string, Group[]>()
  readonly #listed = new Map<string, Listed[]>()
  /** In order of listing. */
  readonly #memory: Listed[] = []

  constructor(options: { timeoutMs: number }) {
    this.#timeoutMs = options.timeoutMs
  }

  /** Messages whose parts are awaited. */
  get waiting(): number {
    return this.#groups.size
  }

  add(piece: Piece): Verdict {
    const groups = this.#byKey.get(piece.key) ?? []
    if (groups.some((group) => isSame(group.pieces.get(piece.place.part)?.arrival, piece))) return { kind: 'repeat' }
    const open = groups.findLast((group) => !group.pieces.has(piece.place.part))
    if (open !== undefined) return this.#join(open, piece)
    return this.#beside(piece) ?? this.#begin(piece)
  }

  #join(group: Group, piece: Piece): Verdict {
    group.pieces.set(piece.place.part, piece)
    if (!isSame(group.shadowOf?.arrivals.get(piece.place.part), piece)) group.shadowOf = null
    if (group.pieces.size < group.total) return { kind: 'waits' }
    this.#forget(group)
    return { kind: 'whole', group }
  }

  /** Looks at messages that are in the list already. null: the part begins a message of its own. */
  #beside(piece: Piece): Verdict | null {
    const { part } = piece.place
    const listed = this.#listed.get(piece.key) ?? []
    for (const one of listed) {
      const before = one.arrivals.get(part)
      if (!isSame(before, piece) || !isRepeat(before!, piece.arrival)) continue
      one.arrivals.set(part, piece.arrival)
      return { kind: 'repeat' }
    }
    const lacking = listed.findLast(({ arrivals }) => !arrivals.has(part))
    return lacking === undefined ? null : { kind: 'late', listed: lacking }
  }

  #begin(piece: Piece): Verdict {
    const { key, place, arrival } = piece
    const listed = this.#listed.get(key) ?? []
    const shadowOf = listed.findLast(({ arrivals }) => isSame(arrivals.get(place.part), piece)) ?? null
    const pieces = new Map([[place.part, piece]])
    const group = { key, total: place.total, pieces, firstAtMs: arrival.atMs, shadowOf }
    this.#groups.add(group)
    this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), group])
    return { kind: 'waits' }
  }

  #forget(group: Group): void {
    this.#groups.delete(group)
    const left = (this.#byKey.get(group.key) ?? []).filter((one) => one !== group)
    if (left.length === 0) this.#byKey.delete(group.key)
    else this.#byKey.set(group.key, left)
  }

  /** Messages whose time is over, at most `most`; so are the oldest when too many wait. `nowMs` is epoch. */
  giveUp(nowMs: number, most: number): GivenUp[] {
    const given: GivenUp[] = []
    for (const group of this.#groups) {
      const isOver = nowMs - group.firstAtMs >= this.#timeoutMs
      if (given.length === most || !(isOver || this.#groups.size > limits.inboundGroups)) break
      this.#forget(group)
      given.push({ kind: group.shadowOf === null ? 'incomplete' : 'repeats', group })
    }
    this.#forgetListed(nowMs)
    return given
  }

  /** A message came into the list; remembered for as long as its parts may still come or come again. */
  listed(message: Listed): void {
    this.#memory.push(message)
    this.#listed.set(message.key, [...(this.#listed.get(message.key) ?? []), message])
  }

  /** A late part is in the list as well. */
  cameLate(listed: Listed, part: number, arrival: Arrival): void {
    listed.arrivals.set(part, arrival)
  }

  #forgetListed(nowMs: number): void {
    const keptMs = Math.max(this.#timeoutMs, limits.inboundDoubtMs)
    let gone = 0
    while (gone < this.#memory.length) {
      const isOld = nowMs - this.#memory[gone]!.listedAtMs > keptMs
      if (!isOld && this.#memory.length - gone <= limits.inboundRemembered) break
      this.#forgetOne(this.#memory[gone++]!)
    }
    if (gone > 0) this.#memory.splice(0, gone)
  }

  #forgetOne(message: Listed): void {
    const left = (this.#listed.get(message.key) ?? []).filter((one) => one !== message)
    if (left.length === 0) this.#listed.delete(message.key)
    else this.#listed.set(message.key, left)
  }
}

function isSame(before: Arrival | undefined, piece: Piece): boolean {
  return before !== undefined && before.print === piece.arrival.print
}
