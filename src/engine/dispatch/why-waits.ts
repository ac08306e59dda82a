/**
 * Why a message is not sent yet, answered from what the dispatcher goes by itself: nothing is noted per message for it, and
 * nothing is changed. What holds the message comes first, what would hold it next behind. Dispatcher thread; once a question.
 */
import type { TimeHeap } from '../base/heap.js'
import type { CarrierView } from '../contract/channel.js'
import type { Clock } from '../contract/clock.js'
import { blockOf, type MessageRef, placeOf, STATE } from '../contract/message.js'
import { OUTCOME, type OutcomeCode } from '../contract/outcome.js'
import { reasonCode } from '../contract/reasons.js'
import type { Wait } from '../contract/waits.js'
import type { Lane } from '../schedule/lane.js'
import { BlockReader } from '../store/block.js'
import type { BlockState } from '../store/block-state.js'
import { type JobTotals, noTotals } from './board.js'
import type { Carrier } from './carriers.js'
import type { Ledger } from './ledger.js'
import type { Pace } from './pace.js'
import { messagesBefore } from './queue-place.js'
import type { Seating } from './seating.js'
import { zonesOfPlace } from './zone-hours.js'

const REFUSALS: readonly OutcomeCode[] = [
  OUTCOME.throttled,
  OUTCOME.unavailable,
  OUTCOME.unanswered,
  OUTCOME.notSent,
  OUTCOME.rerouted,
]

export interface WhyWaitsDeps {
  ledger: Ledger
  seating: Seating
  carriers: readonly Carrier[]
  waiting: TimeHeap
  clock: Clock
}

/** The message that is asked about. */
interface Asked {
  ref: MessageRef
  place: number
  reader: BlockReader
  /** null: its block was never claimed. */
  state: BlockState | null
  /** Without settings or lanes where the job is over: a message of it may still be `unknown`. */
  totals: JobTotals
  nowMs: number
}

export class WhyWaits {
  readonly #deps: WhyWaitsDeps

  constructor(deps: WhyWaitsDeps) {
    this.#deps = deps
  }

  /** Empty: it is final, gone, or of a job that the dispatcher was not told of. */
  of(ref: MessageRef): Wait[] {
    const asked = this.#look(ref)
    if (asked === null) return []
    switch (asked.state?.states[asked.place] ?? STATE.queued) {
      case STATE.queued:
        return this.#queued(asked)
      case STATE.scheduled:
        return this.#putOff(asked)
      case STATE.sending:
        return asked.state!.inFlight[asked.place]! > 0
          ? [withCarrier(asked, this.#deps.carriers)]
          : this.#authorised(asked)
      case STATE.sent:
        return asked.state!.final[asked.place] === 1 ? [] : [this.#awaitsReceipt(asked)]
      case STATE.unknown:
        return [{ code: 'UNKNOWN_HELD', ...this.#last(asked, [OUTCOME.unanswered]) }]
      default:
        return []
    }
  }

  #look(ref: MessageRef): Asked | null {
    const { ledger, clock } = this.#deps
    ledger.store.environment.root.resetReadTxn()
    const bytes = ledger.store.block(blockOf(ref))
    const reader = bytes === null ? null : new BlockReader(bytes)
    if (reader === null || !reader.intact || placeOf(ref) >= reader.count) return null
    const totals = ledger.board.known(reader.job) ?? noTotals(reader.job)
    const state = ledger.residents.state(blockOf(ref))
    return { ref, place: placeOf(ref), reader, state, totals, nowMs: clock.now() }
  }

  #queued(asked: Asked): Wait[] {
    const { totals, reader, place, nowMs } = asked
    if (totals.dispatch === null) return []
    const waits = jobWaits(asked)
    const dueMs = reader.dueSeconds(place) * 1000
    if (dueMs > nowMs) waits.push({ code: 'NOT_DUE', untilMs: dueMs })
    if (totals.isShut) waits.push(shutWait(asked))
    const byZone = zoneWaits(asked)
    waits.push(...byZone)
    if (dueMs <= nowMs) waits.push(...this.#backoff(asked))
    const lane = totals.lanes.get(reader.route) ?? null
    const behind = lane?.order?.holderBefore(asked.ref) ?? -1
    if (behind >= 0) waits.push({ code: 'BEHIND_SAME_NUMBER', behind })
    const carriers = this.#carriersOf(asked)
    waits.push(...this.#carrierHolds(carriers))
    const isHeld = waits.length > 0
    const up = carriers.filter(({ channel }) => channel.up)
    if (up.length > 0) waits.push(...this.#limits(asked, up))
    if (lane !== null && dueMs <= nowMs && behind < 0 && byZone.length === 0)
      waits.push(...this.#others(asked, lane, up))
    return waits.length === 0 && !isHeld ? [{ code: 'IN_WORK' }] : waits
  }

  /** The number is called again later. */
  #putOff(asked: Asked): Wait[] {
    const untilMs = this.#deps.waiting.timeOf(asked.ref)
    const last = this.#last(asked, [OUTCOME.putOff])
    const reason = reasonCode(asked.state!.reasons[asked.place]!)
    const attempt = asked.state!.attempts[asked.place]!
    const again: Wait = { code: 'CALLED_AGAIN', untilMs: untilMs < 0 ? undefined : untilMs, reason, attempt, ...last }
    const waits = jobWaits(asked)
    if (asked.totals.isShut) waits.push(shutWait(asked))
    return [again, ...waits, ...zoneWaits(asked)]
  }

  /** It may be sent, and was not handed over yet. */
  #authorised(asked: Asked): Wait[] {
    const waits = jobWaits(asked)
    if (asked.totals.isShut) waits.push(shutWait(asked))
    waits.push(...zoneWaits(asked))
    const carrier = this.#deps.carriers.find(({ pipeline }) => pipeline.placeOf(asked.ref) >= 0)
    if (carrier === undefined) return waits.length > 0 ? waits : [{ code: 'IN_WORK' }]
    waits.push(...this.#carrierHolds([carrier]))
    if (carrier.channel.up) waits.push(...this.#limits(asked, [carrier]))
    const messages = carrier.pipeline.placeOf(asked.ref)
    if (messages > 0) waits.push(this.#behind(asked, messages, waits))
    return waits.length > 0 ? waits : [{ code: 'IN_WORK', carrier: carrier.channel.id }]
  }

  /** Those that may take it: the one that it is bound to, else those of its route that are in use. */
  #carriersOf({ ref, reader, totals }: Asked): Carrier[] {
    const { seating } = this.#deps
    const lane = totals.lanes.get(reader.route) ?? null
    const seat = lane === null ? null : seating.seatOf(lane, ref)
    const { outlets } = lane?.route ?? seating.route(reader.route)
    const open = outlets.filter(({ isOpen }) => isOpen)
    const chosen = seat !== null ? [seat.outlet] : open.length > 0 ? open : outlets
    return chosen.flatMap(({ carrier }) => seating.carrier(carrier) ?? [])
  }

  /** None of the carriers can take anything: why each of them does not. */
  #carrierHolds(carriers: readonly Carrier[]): Wait[] {
    if (carriers.length === 0) return [{ code: 'NO_CARRIER_LEFT' }]
    return carriers.some(({ channel }) => channel.up) ? [] : carriers.map(downWait)
  }

  /** Rates and windows that are used up at this moment. */
  #limits(asked: Asked, up: readonly Carrier[]): Wait[] {
    const { pace, accountPace } = asked.totals
    const waits: Wait[] = []
    this.#rate(waits, 'JOB_RATE', pace)
    this.#rate(waits, 'ACCOUNT_RATE', accountPace)
    const held = up.map((carrier) => this.#carrierLimit(asked, carrier))
    // One that has room takes it.
    if (!held.includes(null)) waits.push(...(held as Wait[]))
    return waits
  }

  #rate(waits: Wait[], code: 'JOB_RATE' | 'ACCOUNT_RATE', pace: Pace | null): void {
    const { clock } = this.#deps
    const nowMs = clock.monotonic()
    if (pace === null || (pace.room(nowMs) > 0 && pace.nextMs(nowMs) === 0)) return
    waits.push({ code, ratePerSecond: pace.perSecond, untilMs: clock.now() + pace.nextMs(nowMs) })
  }

  /** null: it has room. */
  #carrierLimit({ reader }: Asked, carrier: Carrier): Wait | null {
    const { clock } = this.#deps
    const { channel } = carrier
    const nowMs = clock.monotonic()
    const view = channel.view()
    if (
      channel.limitsSenders &&
      (channel.senderWaitMs(reader.from, nowMs) > 0 || carrier.senderRoom(reader.from) <= 0)
    ) {
      const waitMs = channel.senderWaitMs(reader.from, nowMs)
      return { code: 'SENDER_RATE', carrier: channel.id, untilMs: clock.now() + (Number.isFinite(waitMs) ? waitMs : 0) }
    }
    if (isFull(view)) return { code: 'WINDOW_FULL', carrier: channel.id, ...windowOf(view) }
    const waitMs = channel.nextCapacityMs(nowMs)
    const isPaced = (Number.isFinite(waitMs) && waitMs > 0) || carrier.pipeline.size > 0
    if (view.rateNowPerSecond === null || !isPaced) return null
    const untilMs = clock.now() + (Number.isFinite(waitMs) ? waitMs : 0)
    return { code: 'CARRIER_RATE', carrier: channel.id, ratePerSecond: view.rateNowPerSecond, untilMs }
  }

  #others(asked: Asked, lane: Lane, up: readonly Carrier[]): Wait[] {
    const before = messagesBefore(this.#deps.ledger, lane, asked.ref, blockDue(asked.reader))
    const letIn = up.reduce((sum, { pipeline }) => sum + pipeline.size, 0)
    if (before + letIn === 0) return []
    return [this.#behind(asked, before + letIn, this.#limits(asked, up))]
  }

  /** With the time that they take at the least of the rates that bind, where one does. */
  #behind(asked: Asked, messages: number, binding: readonly Wait[]): Wait {
    const rates = binding.flatMap(({ ratePerSecond }) => ratePerSecond ?? [])
    if (rates.length === 0) return { code: 'BEHIND_OTHERS', messages }
    return { code: 'BEHIND_OTHERS', messages, untilMs: asked.nowMs + (messages / Math.min(...rates)) * 1000 }
  }

  #backoff(asked: Asked): Wait[] {
    const untilMs = this.#deps.waiting.timeOf(asked.ref)
    if (asked.state === null || untilMs < asked.nowMs) return []
    return [{ code: 'BACKOFF', untilMs, attempt: asked.state.attempts[asked.place]!, ...this.#last(asked, REFUSALS) }]
  }

  #awaitsReceipt(asked: Asked): Wait {
    const { carriers } = this.#deps
    const last = this.#last(asked, [OUTCOME.accepted])
    const timeoutSeconds = carriers.find(({ channel }) => channel.id === last.carrier)?.terms.timeoutSeconds ?? 0
    const { sinceMs = asked.nowMs, carrier } = last
    return { code: 'AWAITING_RECEIPT', sinceMs, carrier, untilMs: sinceMs + timeoutSeconds * 1000 }
  }

  /** When, by which carrier and with what status the newest of such entries came. */
  #last({ state, place }: Asked, codes: readonly OutcomeCode[]): Pick<Wait, 'sinceMs' | 'carrier' | 'status'> {
    const found: Pick<Wait, 'sinceMs' | 'carrier' | 'status'> = {}
    state?.eachEntry((entry) => {
      if (entry.place !== place || !codes.includes(entry.code)) return
      found.sinceMs = entry.atMs
      found.carrier = this.#deps.carriers.find(({ number }) => number === entry.carrier)?.channel.id
      const isStatus = entry.code !== OUTCOME.accepted && entry.code !== OUTCOME.unanswered
      found.status = isStatus && entry.status !== 0 ? entry.status : undefined
    })
    return found
  }
}

/** As its key in the queue index says it. */
function blockDue(reader: BlockReader): number {
  let due = reader.dueSeconds(0)
  for (let place = 1; place < reader.count; place++) due = Math.min(due, reader.dueSeconds(place))
  return due
}

function jobWaits({ totals: { dispatch }, nowMs }: Asked): Wait[] {
  const waits: Wait[] = []
  if (dispatch?.state === 'paused') waits.push({ code: 'JOB_PAUSED' })
  if (dispatch !== null && dispatch.sendAtMs > nowMs) waits.push({ code: 'JOB_SCHEDULED', untilMs: dispatch.sendAtMs })
  return waits
}

function shutWait({ totals: { hours }, nowMs }: Asked): Wait {
  const { changesAtMs } = hours!.at(nowMs)
  const untilMs = Number.isFinite(changesAtMs) ? changesAtMs : undefined
  return { code: 'SENDING_HOURS', untilMs, zone: hours!.rule.timeZone }
}

/** Hours in the recipient's own zone. */
function zoneWaits({ totals: { zoned }, reader, place, nowMs }: Asked): Wait[] {
  if (zoned === null) return []
  const set = zonesOfPlace(zoned, reader, place)
  const { isOpen, changesAtMs } = zoned.at(set, nowMs)
  if (isOpen) return []
  const untilMs = Number.isFinite(changesAtMs) ? changesAtMs : undefined
  const zone = set.zones.length > 3 ? `${set.zones.slice(0, 3).join(', ')} …` : set.zones.join(', ')
  return [{ code: 'SENDING_HOURS', untilMs, zone: set.isKnown ? zone : 'unknown' }]
}

function withCarrier({ ref, nowMs }: Asked, carriers: readonly Carrier[]): Wait {
  for (const { channel } of carriers) {
    const agoMs = channel.sentAgoMs(ref)
    if (agoMs >= 0) return { code: 'WITH_CARRIER', carrier: channel.id, sinceMs: nowMs - agoMs }
  }
  return { code: 'WITH_CARRIER' }
}

function downWait({ channel, downSinceMs }: Carrier): Wait {
  const view = channel.view()
  const about = { carrier: channel.id, sinceMs: downSinceMs || undefined }
  if (view.paused) return { code: 'CARRIER_PAUSED', ...about }
  const held = view.actions.find(({ action }) => action === 'suspended' || action === 'stopped')
  if (held !== undefined) {
    const untilMs = held.until === null ? undefined : Date.parse(held.until)
    return { code: 'CARRIER_SUSPENDED', ...about, untilMs, error: held.reason }
  }
  const error = view.binds.find(({ lastError }) => lastError !== null)?.lastError ?? undefined
  return { code: 'CARRIER_DOWN', ...about, error }
}

function isFull({ binds }: CarrierView): boolean {
  const bound = binds.filter(({ state }) => state === 'bound')
  return bound.length > 0 && bound.every(({ inFlight, windowNow }) => inFlight >= windowNow)
}

function windowOf({ binds }: CarrierView): { inFlight: number; window: number } {
  const bound = binds.filter(({ state }) => state === 'bound')
  return {
    inFlight: bound.reduce((sum, { inFlight }) => sum + inFlight, 0),
    window: bound.reduce((sum, { windowNow }) => sum + windowNow, 0),
  }
}
