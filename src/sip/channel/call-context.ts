/** What all calls of one carrier share, and what they ask of the channel. Owned by the channel. */

import type { CallFacts } from '../../engine/base/call-facts.js'
import type { SipCarrierConfig } from '../../engine/config/sip-carrier.js'
import type { CallOutcomeName } from '../../engine/config/sip-outcomes.js'
import type { Clock } from '../../engine/contract/clock.js'
import type { MessageRef } from '../../engine/contract/message.js'
import type { OutcomeCode } from '../../engine/contract/outcome.js'
import type { CallEnd } from '../call/call.js'
import type { Media } from '../media/media.js'
import type { Speech } from '../speech/speech.js'
import type { CallMetrics } from './call-metrics.js'
import type { Callers } from './caller.js'
import type { Candidate } from './gateways.js'
import type { OutcomeTable } from './outcome-table.js'
import type { PlacedCall } from './placed-call.js'

/** What became of a message's call. */
export interface CallResult {
  code: OutcomeCode
  /** Of the last INVITE; 0: none was answered. */
  status: number
  q850: number
  /** Until it is called again, in ms; -1: the dispatcher decides. */
  delayMs: number
  /** null: nothing happened that anybody need know. */
  facts: CallFacts | null
  gateway: number
}

/** Replaced with the configuration, but for `media`, `speech` and `clock`. */
export interface CallContext {
  config: SipCarrierConfig
  table: OutcomeTable
  callers: Callers
  readonly clock: Clock
  readonly media: Media
  readonly speech: Speech
  readonly metrics: CallMetrics
  readonly desk: CallDesk
}

export interface CallDesk {
  /** Everything is ready for it to be dialled, or to be dialled by the next gateway (`candidate`). */
  mayDial(call: PlacedCall, candidate: Candidate | null): void
  /** A gateway that was not tried by this call and may be called by now; null: none. */
  next(tried: ReadonlySet<string>): Candidate | null
  /** Nothing speaks against calling this number now: it is asked just before each INVITE. */
  mayStillGo(ref: MessageRef): boolean
  /** A gateway has answered, or not: `outcome` null: the called did. */
  noted(candidate: Candidate, end: CallEnd, outcome: CallOutcomeName | null): void
  /** The last call of the message is over, and no other follows: its line is free. */
  lineFree(call: PlacedCall): void
  /** Exactly once a message. */
  settled(call: PlacedCall, result: CallResult): void
  optedOut(call: PlacedCall, digit: string): void
}
