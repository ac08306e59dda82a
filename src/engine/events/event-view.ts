/** An automatic event as the API shows it. Main thread. */
import { messageId } from '../contract/ids.js'
import type { MessageRef, StateName } from '../contract/message.js'
import type { EventOutcome, EventState, EventView } from '../contract/rule-events.js'
import { atOf, type EventRecord, lastDueMs, type StoredOutcome } from './event-record.js'

/** By time alone: what became of each message, it says for itself. */
export function eventState(record: EventRecord, nowMs: number): EventState {
  if (record.canceled) return 'canceled'
  return lastDueMs(record) > nowMs ? 'scheduled' : 'done'
}

/** `states`: of its messages. */
export function eventView(record: EventRecord, states: ReadonlyMap<number, StateName>, nowMs: number): EventView {
  const { id, content, version, createdMs, knownMs, outcomes, earlier } = record
  return {
    id,
    type: content.type,
    at: new Date(atOf(record)).toISOString(),
    to: content.to,
    data: content.data,
    state: eventState(record, nowMs),
    version,
    createdAt: new Date(createdMs).toISOString(),
    updatedAt: new Date(knownMs).toISOString(),
    messages: outcomes.map((outcome) => outcomeView(outcome, states)),
    earlier: earlier.map((outcome) => outcomeView(outcome, states)),
  }
}

function outcomeView(outcome: StoredOutcome, states: ReadonlyMap<number, StateName>): EventOutcome {
  const { rule, channel, template, recipient, ref, version, dueMs, reason, detail } = outcome
  const state = ref === null ? undefined : states.get(ref)
  return {
    ...{ rule, channel, template, recipient, version, reason, detail },
    message: ref === null ? null : messageId(ref as MessageRef),
    due: dueMs === null ? null : new Date(dueMs).toISOString(),
    ...(state === undefined ? {} : { state }),
  }
}
