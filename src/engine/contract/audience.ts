/**
 * An audience: which contacts a job is for. Tags, and conditions over fields of the contact, as deep as limits.ts allows.
 *
 * How values compare: a number with numbers (text that is a number counts as one); a time, written YYYY-MM-DD or RFC 3339,
 * with times; true and false with themselves, also where a file gave the words; everything else as text, without regard to
 * case. A field that the contact does not have fits `!=` and `exists: false`, and nothing else.
 */
import type { Principal } from './api.js'
import type { ChannelName } from './message.js'

export const CONDITION_OPS = [
  '=',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'contains',
  'starts',
  'in',
  'exists',
  'before',
  'after',
] as const
export type ConditionOp = (typeof CONDITION_OPS)[number]
export type ConditionScalar = string | number | boolean

export interface FieldCondition {
  /**
   * attributes.NAME, tags, optIn.sms (voice, email), number, email, kind, company, lastMessage.state (at, channel),
   * createdAt, updatedAt; and company.attributes.NAME, company.tags of the contact that it belongs to.
   */
  field: string
  /** Default `=`. ≠, ≤ and ≥ are read as well. */
  op?: string
  value?: ConditionScalar | ConditionScalar[]
}
export type Condition = { all: Condition[] } | { any: Condition[] } | { not: Condition } | FieldCondition

/** Everything that is given must hold. */
export interface Audience {
  tag?: string
  /** Has one of these. */
  tags?: string[]
  all?: Condition[]
  any?: Condition[]
  not?: Condition
  /** Label in the text → attribute; a label that is not here takes the attribute of its own name. */
  fields?: Record<string, string>
}

export interface AudienceCount {
  /** Contacts that the audience selects: total = sendable + unreachable + notOptedIn + suppressed. */
  total: number
  /** Of them, those that a job could message: with an address of the channel, opted in where demanded, not suppressed. */
  sendable: number
  /** Without a number, or for email without an address. */
  unreachable: number
  notOptedIn: number
  suppressed: number
}

/** An audience to be counted. */
export interface AudienceQuestion extends Audience {
  /** By which it would be messaged; default: sms. */
  channel?: ChannelName
  /** Sender, for suppressions of one sender alone. */
  from?: string
}

export interface AudienceApi {
  /** @throws EngineError VALIDATION with a pointer to the condition. */
  count(principal: Principal, question: AudienceQuestion): Promise<AudienceCount>
}
