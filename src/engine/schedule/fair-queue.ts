/**
 * Who sends next at one carrier: strict priority, within it deficit round robin over accounts by weight (Shreedhar and
 * Varghese 1995), within an account its lanes in turn. Costs are parts, so long texts do not buy more than their share.
 */
import type { Lane } from './lane.js'

/** Parts that an account of weight 1 may send per round. */
const QUANTUM = 64

interface AccountTurn {
  account: number
  weight: number
  deficit: number
  lanes: Lane[]
  at: number
}

class Level {
  readonly accounts: AccountTurn[] = []
  at = 0

  add(lane: Lane): void {
    let turn = this.accounts.find((one) => one.account === lane.job.account)
    if (turn === undefined) {
      turn = { account: lane.job.account, weight: lane.job.weight, deficit: 0, lanes: [], at: 0 }
      this.accounts.push(turn)
    }
    turn.weight = lane.job.weight
    turn.lanes.push(lane)
  }

  /** True when the lane was here. */
  remove(lane: Lane): boolean {
    const index = this.accounts.findIndex((one) => one.lanes.includes(lane))
    if (index < 0) return false
    const turn = this.accounts[index]!
    const place = turn.lanes.indexOf(lane)
    turn.lanes.splice(place, 1)
    if (place < turn.at) turn.at--
    if (turn.lanes.length > 0) return true
    this.accounts.splice(index, 1)
    if (index < this.at) this.at--
    return true
  }

  /** The account whose turn it is, with a positive deficit. */
  turn(): AccountTurn | null {
    if (this.accounts.length === 0) return null
    for (;;) {
      if (this.at >= this.accounts.length) this.at = 0
      const turn = this.accounts[this.at]!
      if (turn.deficit > 0) return turn
      turn.deficit += QUANTUM * turn.weight
      if (turn.deficit > 0 && this.accounts.length === 1) return turn
      this.at++
    }
  }
}

/** What `next` grants: reused. */
export interface Grant {
  lane: Lane
  /** Parts the lane may take before it is another's turn. */
  parts: number
}

export class FairQueue {
  readonly #levels = [new Level(), new Level(), new Level()]
  #turn: AccountTurn | null = null

  get empty(): boolean {
    return this.#levels.every((level) => level.accounts.length === 0)
  }

  activate(lane: Lane): void {
    if (lane.active) return
    lane.active = true
    this.#levels[lane.job.priority]!.add(lane)
  }

  deactivate(lane: Lane): void {
    if (!lane.active) return
    lane.active = false
    // By search over the levels, since a changed priority must not lose the lane.
    for (const level of this.#levels) if (level.remove(lane)) break
  }

  /** null: nobody wants to send. */
  next(): Grant | null {
    for (const level of this.#levels) {
      const turn = level.turn()
      if (turn === null) continue
      if (turn.at >= turn.lanes.length) turn.at = 0
      this.#turn = turn
      return { lane: turn.lanes[turn.at]!, parts: turn.deficit }
    }
    return null
  }

  /** Reports what the lane of the last grant took; its account's next lane follows. */
  spend(parts: number): void {
    const turn = this.#turn
    if (turn === null) return
    turn.deficit -= parts
    turn.at++
  }
}
