/**
 * Who sends next at one carrier: strict priority, within it deficit round robin over accounts by weight (Shreedhar and
 * Varghese 1995), within an account its lanes in turn. Costs are parts, so long texts do not buy more than their share.
 */
import type { Seat } from './lane.js'

/** Parts that an account of weight 1 may send per round. */
const QUANTUM = 64

interface AccountTurn {
  account: number
  weight: number
  deficit: number
  seats: Seat[]
  at: number
  /** It may send nothing now, whichever of its lanes; others go on, and it loses no turn. */
  rests: boolean
}

class Level {
  readonly accounts: AccountTurn[] = []
  at = 0
  /** Accounts that rest, at most: some of them may have left. */
  resting = 0

  add(seat: Seat): void {
    const { account, weight } = seat.lane.job
    let turn = this.accounts.find((one) => one.account === account)
    if (turn === undefined) {
      turn = { account, weight, deficit: 0, seats: [], at: 0, rests: false }
      this.accounts.push(turn)
    }
    turn.weight = weight
    turn.seats.push(seat)
  }

  /** True when the seat was here. */
  remove(seat: Seat): boolean {
    const index = this.accounts.findIndex((one) => one.seats.includes(seat))
    if (index < 0) return false
    const turn = this.accounts[index]!
    const place = turn.seats.indexOf(seat)
    turn.seats.splice(place, 1)
    if (place < turn.at) turn.at--
    if (turn.seats.length > 0) return true
    this.accounts.splice(index, 1)
    if (index < this.at) this.at--
    return true
  }

  /** The account whose turn it is, with a positive deficit; null: none of them may send. */
  turn(): AccountTurn | null {
    if (this.accounts.length === 0 || (this.resting > 0 && this.accounts.every(({ rests }) => rests))) return null
    for (;;) {
      if (this.at >= this.accounts.length) this.at = 0
      const turn = this.accounts[this.at]!
      if (turn.rests) {
        this.at++
        continue
      }
      if (turn.deficit > 0) return turn
      turn.deficit += QUANTUM * turn.weight
      if (turn.deficit > 0 && this.accounts.length === 1) return turn
      this.at++
    }
  }
}

/** What `next` grants: reused. */
export interface Grant {
  seat: Seat
  /** Parts the lane may take before it is another's turn. */
  parts: number
}

export class FairQueue {
  readonly #levels = [new Level(), new Level(), new Level()]
  #turn: AccountTurn | null = null

  get empty(): boolean {
    return this.#levels.every((level) => level.accounts.length === 0)
  }

  activate(seat: Seat): void {
    if (seat.active) return
    seat.active = true
    this.#levels[seat.lane.job.priority]!.add(seat)
  }

  deactivate(seat: Seat): void {
    if (!seat.active) return
    seat.active = false
    // By search over the levels, since a changed priority must not lose the seat.
    for (const level of this.#levels) if (level.remove(seat)) break
  }

  /** null: nobody wants to send. */
  next(): Grant | null {
    for (const level of this.#levels) {
      const turn = level.turn()
      if (turn === null) continue
      if (turn.at >= turn.seats.length) turn.at = 0
      this.#turn = turn
      return { seat: turn.seats[turn.at]!, parts: turn.deficit }
    }
    return null
  }

  /** The account of the last grant may send nothing until the next `wake`. */
  rest(): void {
    if (this.#turn === null) return
    this.#turn.rests = true
    for (const level of this.#levels) if (level.accounts.includes(this.#turn)) level.resting++
  }

  /** Accounts that rest are asked again. */
  wake(): void {
    for (const level of this.#levels) {
      if (level.resting === 0) continue
      level.resting = 0
      for (const turn of level.accounts) turn.rests = false
    }
  }

  /** Reports what the lane of the last grant took; its account's next lane follows. */
  spend(parts: number): void {
    const turn = this.#turn
    if (turn === null) return
    turn.deficit -= parts
    turn.at++
  }
}
