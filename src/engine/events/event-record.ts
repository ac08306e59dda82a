/** An automatic event as stored: what it says, what came of it, and a change that is not complete yet. Main thread. */
import { isDeepStrictEqual } from 'node:util'
import type { FieldValue } from '../contract/api.js'
import type { ChannelName } from '../contract/message.js'
import type { ReasonCode } from '../contract/reasons.js'
import { EVENT_KEPT_DAYS } from '../contract/rule-events.js'
import type { Address } from './event-client.js'

/** What the customer says of it. */
export interface EventContent {
  type: string
  /** null: when it came. */
  atMs: number | null
  to: Address
  data: Record<string, FieldValue>
}

/** What came of one rule for one recipient by one channel. */
export interface StoredOutcome {
  rule: string
  channel: 'auto' | ChannelName
  template: string
  recipient: string | null
  /** Of the message; null: none was made. */
  ref: number | null
  version: number
  /** When it would be due if the event had been known all along; 0: at once. */
  nominalMs: number
  /** null: no message was to be sent. */
  dueMs: number | null
  reason: ReasonCode | null
  detail: string | null
}

/** A change that was accepted: what was made of the version before is canceled, then this is put in its place. */
export interface EventChange {
  /** null: the event is canceled. */
  content: EventContent | null
  knownMs: number
}

export interface EventRecord {
  id: string
  content: EventContent
  canceled: boolean
  version: number
  createdMs: number
  /** When this version became known. */
  knownMs: number
  outcomes: StoredOutcome[]
  /** Of earlier versions: what could not be canceled any more. The latest ones. */
  earlier: StoredOutcome[]
  next: EventChange | null
  /** Messages that were being handed over when they should have been canceled, and may come back. */
  chase: number[]
  endsSeconds: number
}

export function newEvent(
  id: string,
  { content, canceled, knownMs }: { content: EventContent; canceled: boolean; knownMs: number },
): EventRecord {
  return {
    ...{ id, content, canceled, knownMs },
    version: 1,
    createdMs: knownMs,
    outcomes: [],
    earlier: [],
    next: null,
    chase: [],
    endsSeconds: 0,
  }
}

export function isSame(a: EventContent, b: EventContent): boolean {
  return isDeepStrictEqual(a, b)
}

export function atOf({ content, createdMs }: Pick<EventRecord, 'content' | 'createdMs'>): number {
  return content.atMs ?? createdMs
}

/** When the last of its messages is due; 0: it has none. */
export function lastDueMs({ outcomes }: Pick<EventRecord, 'outcomes'>): number {
  let last = 0
  for (const { ref, dueMs } of outcomes) if (ref !== null) last = Math.max(last, dueMs ?? 0)
  return last
}

/** When it is forgotten, epoch seconds. */
export function endOf(record: EventRecord): number {
  const lastMs = Math.max(atOf(record), record.knownMs, lastDueMs(record))
  return Math.ceil(lastMs / 1_000) + EVENT_KEPT_DAYS * 86_400
}
