/**
 * An audience: which contacts a job is for. Tags, and conditions over fields of the contact, as deep as limits.ts allows.
 *
 * How values compare: a number with numbers (text that is a number counts as one); a time, written YYYY-MM-DD or RFC 3339,
 * with times; true and false with themselves, also where a file gave the words; everything else as text, without regard to
 * case. A field that the contact does not have fits `!=` and `exists: false`, and nothing else.
 */
import type { Principal } from './api.js'

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
  /** attributes.NAME, tags, optIn.sms (voice, email), number, email, company, createdAt, updatedAt. */
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
  /** Contacts that the audience selects. */
  total: number
  /** Of them, those that a job could message: opted in where the account demands it, and not suppressed. */
  sendable: number
  notOptedIn: number
  suppressed: number
}

export interface AudienceApi {
  /** @throws EngineError VALIDATION with a pointer to the condition. */
  count(principal: Principal, audience: Audience): Promise<AudienceCount>
}
