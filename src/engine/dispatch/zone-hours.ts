/**
 * Hours in the recipients' own zones: which message of a block may go now, and when a block that may not is looked at again.
 * Such a block goes back into the queue index, due when the first of its messages may go, so that what waits for a
 * morning far away lies on disk and not in memory. Dispatcher thread; only for jobs with such hours.
 */
import type { Clock } from '../contract/clock.js'
import type { QueuedBlock } from '../contract/store.js'
import type { Lane } from '../schedule/lane.js'
import type { RecipientHours } from '../schedule/recipient-hours.js'
import type { HoursState } from '../schedule/sending-hours.js'
import type { BlockReader } from '../store/block.js'
import type { Ledger } from './ledger.js'
import type { Seating } from './seating.js'

/** Zones that share no hour are looked at again a day later: hours and clocks may change. */
const LOOK_AGAIN_MS = 86_400_000
const SECONDS_MAX = 0xffffffff

export function hoursOfPlace(hours: RecipientHours, reader: BlockReader, place: number, nowMs: number): HoursState {
  return hours.at(zonesOfPlace(hours, reader, place), nowMs)
}

export function zonesOfPlace(hours: RecipientHours, reader: BlockReader, place: number) {
  const { zone } = reader
  return hours.zonesOf({ digits: reader.digits(place), isNumber: reader.isPlaced(place), zone })
}

/** When a message that is shut out now is looked at again: at the latest when it is not valid any more. Epoch ms. */
export function againMs({ changesAtMs }: HoursState, expiresSeconds: number, nowMs: number): number {
  const opensMs = Number.isFinite(changesAtMs) ? changesAtMs : nowMs + LOOK_AGAIN_MS
  return expiresSeconds === 0 ? opensMs : Math.min(opensMs, expiresSeconds * 1000)
}

/** The queue key of a block that was moved from this one. */
export function movedKey(key: readonly number[], dueSeconds: number): number[] {
  return [key[0]!, key[1]!, dueSeconds, key[3]!]
}

export class ZoneHours {
  readonly #ledger: Ledger
  readonly #seating: Seating
  readonly #clock: Clock

  constructor(ledger: Ledger, seating: Seating, clock: Clock) {
    this.#ledger = ledger
    this.#seating = seating
    this.#clock = clock
  }

  /** True: none of its messages may go now; it went back into the queue. */
  postpone(lane: Lane, hours: RecipientHours, queued: QueuedBlock): boolean {
    const reader = this.#ledger.residents.body(queued.block)
    if (reader === null) return false
    const nowMs = this.#clock.now()
    let againAtMs = SECONDS_MAX * 1000
    for (let place = 0; place < reader.count; place++) {
      const state = hoursOfPlace(hours, reader, place, nowMs)
      const expires = reader.expiresSeconds(place)
      if (state.isOpen || (expires !== 0 && expires * 1000 <= nowMs)) return false
      againAtMs = Math.min(againAtMs, againMs(state, expires, nowMs))
    }
    const dueSeconds = Math.min(Math.ceil(againAtMs / 1000), SECONDS_MAX)
    if (dueSeconds <= queued.dueSeconds) return false
    const key = [lane.job.job, lane.route.number, queued.dueSeconds, queued.block]
    this.#ledger.move({
      key,
      dueSeconds,
      ownSeconds: queued.ownSeconds ?? queued.dueSeconds,
      messages: queued.messages,
    })
    this.#lookAgain(lane)
    return true
  }

  /** The hours of the job are others now: what waited for the ones before stands in the queue as it did at first. */
  restore(job: number, lanes: Iterable<Lane>): void {
    const { moving } = this.#ledger
    const under = [...moving.values()].filter(({ key }) => key[0] === job)
    for (const { key, dueSeconds, ownSeconds, messages } of under) {
      this.#ledger.move({ key: movedKey(key, dueSeconds), dueSeconds: ownSeconds, ownSeconds, messages })
    }
    for (const { key, messages, ownSeconds } of this.#ledger.store.queueOf(job)) {
      if (ownSeconds === undefined || moving.has(key[3]!)) continue
      this.#ledger.move({ key, dueSeconds: ownSeconds, ownSeconds, messages })
    }
    for (const lane of lanes) this.#lookAgain(lane)
  }

  /** The queue shows it when it is durable. */
  #lookAgain(lane: Lane): void {
    this.#ledger.whenDurable(() => {
      lane.mayHaveBlocks = true
      this.#ledger.board.totals(lane.job.job).nextDueSeconds = 0
      this.#seating.refresh(lane)
    })
  }
}
