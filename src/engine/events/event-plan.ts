/**
 * From an event and the rules about it to the messages that are to be made, and to the reasons where none is. Pure but for
 * the look-up of the client, who was found before. Main thread.
 */
import { wallClock } from '../base/zone.js'
import type { FieldValue, MessageRequest } from '../contract/api.js'
import type { OptInChannel } from '../contract/contacts.js'
import type { ChannelName } from '../contract/message.js'
import type { ReasonCode } from '../contract/reasons.js'
import type { RuleRecipient, RuleSend } from '../contract/rule-events.js'
import { type SingleKind, windowedKind } from '../messages/single-jobs.js'
import { normaliseLabel } from '../text/label.js'
import { dueOf } from './due.js'
import type { Address, Client } from './event-client.js'
import { addressOf } from './event-client.js'
import { atOf, type EventContent, type StoredOutcome } from './event-record.js'
import { EventFacts } from './rule-conditions.js'
import type { RuleRecord } from './rule-record.js'
import type { ReadyRule } from './rules.js'

export interface PlanFacts {
  id: string
  content: EventContent
  version: number
  createdMs: number
  knownMs: number
  /** Of the account. */
  timeZone: string
  requireOptIn: boolean
  client: Client
  /** In its one form, where it is a number. */
  canonical(number: string): string
  /** What `auto` makes of a number. */
  channelOf(number: string): ChannelName
  /** What of earlier versions was handed over. */
  handed: readonly StoredOutcome[]
}

/** Something that is to come of a rule: `outcome` without a message yet. */
export interface Planned {
  outcome: StoredOutcome
  /** null: nothing is to be sent, and the outcome says why. */
  request: MessageRequest | null
  kind: SingleKind
}

export function planOf(rules: readonly ReadyRule[], facts: PlanFacts): Planned[] {
  const planned: Planned[] = []
  const seen = new EventFacts(facts.client.candidate, facts.content.data)
  for (const { rule, fits } of rules) {
    const isMet = fits(seen)
    for (const send of rule.send) {
      for (const recipient of rule.recipients) planned.push(one(rule, { send, recipient, isMet }, facts))
    }
  }
  return planned
}

interface Piece {
  send: RuleSend
  recipient: RuleRecipient
  isMet: boolean
}

function one(rule: RuleRecord, { send, recipient, isMet }: Piece, facts: PlanFacts): Planned {
  const { name } = rule
  const address = addressFor(recipient, facts)
  const channel = channelOf(send, address)
  const written = channel === 'email' ? address.email : address.number
  const to = written === null || channel === 'email' ? written : facts.canonical(written)
  const { nominalMs, dueMs } = dueOf(rule, { atMs: atOf(facts), knownMs: facts.knownMs, timeZone: facts.timeZone })
  const outcome: StoredOutcome = {
    ...{ rule: name, channel, template: send.template, recipient: to, ref: null, version: facts.version },
    ...{ nominalMs, dueMs, reason: null, detail: null },
  }
  const kind = windowedKind(rule.priority, rule.window)
  const reason = reasonAgainst(outcome, { isMet, recipient }, facts)
  if (reason !== null) return { outcome: { ...outcome, dueMs: null, reason }, request: null, kind }
  return { outcome, kind, request: requestOf(rule, { send, channel, to: to!, dueMs: dueMs! }, facts) }
}

/** An address of the event's own, of a field, or of the rule. */
function addressFor(recipient: RuleRecipient, { client, content }: PlanFacts): Address {
  if (recipient === 'client') return client
  if (!('field' in recipient)) return addressOf(recipient)
  const { data } = content
  const value = Object.hasOwn(data, recipient.field) ? data[recipient.field] : null
  return value === null || value === '' ? addressOf(undefined) : addressOf(String(value))
}

/** `auto` is the number where there is one, else the email address. */
function channelOf({ channel = 'auto' }: RuleSend, { number, email }: Address): 'auto' | ChannelName {
  return channel === 'auto' && number === null && email !== null ? 'email' : channel
}

function reasonAgainst(
  outcome: StoredOutcome,
  { isMet, recipient }: Pick<Piece, 'isMet' | 'recipient'>,
  { channelOf: channelFor, client, handed, requireOptIn }: PlanFacts,
): ReasonCode | null {
  const { channel, recipient: to } = outcome
  if (!isMet) return 'CONDITION_NOT_MET'
  if (to === null) return channel === 'email' ? 'MISSING_EMAIL' : 'MISSING_NUMBER'
  if (recipient === 'client' && requireOptIn) {
    const agreed: OptInChannel = channel === 'auto' ? channelFor(to) : channel
    if (client.optIn[agreed] !== 'in') return 'NOT_OPTED_IN'
  }
  if (handed.some((earlier) => isOfSameMoment(earlier, outcome))) return 'ALREADY_SENT'
  return outcome.dueMs === null ? 'TOO_LATE' : null
}

/** Of what is due at the same moment nobody is told twice, whatever else of the event has changed. */
function isOfSameMoment(a: StoredOutcome, b: StoredOutcome): boolean {
  return a.rule === b.rule && a.nominalMs === b.nominalMs && a.channel === b.channel && a.recipient === b.recipient
}

function requestOf(
  rule: RuleRecord,
  { send, channel, to, dueMs }: { send: RuleSend; channel: 'auto' | ChannelName; to: string; dueMs: number },
  facts: PlanFacts,
): MessageRequest {
  const { from, template, validForSeconds } = send
  const isLater = dueMs > facts.knownMs
  return {
    to,
    channel,
    template,
    fields: fieldsOf(rule, facts),
    clientReference: facts.id,
    priority: rule.priority,
    ...(from === undefined ? {} : { from }),
    ...(validForSeconds === undefined ? {} : { validForSeconds }),
    ...(isLater ? { sendAt: new Date(dueMs).toISOString() } : {}),
  }
}

/** What labels of a template may name: the data first, then the moment of the event, then the client's contact. */
function fieldsOf({ when }: RuleRecord, facts: PlanFacts): Record<string, FieldValue> {
  const zone = (typeof when === 'object' && 'timeZone' in when ? when.timeZone : undefined) ?? facts.timeZone
  const wall = new Date(wallClock(Math.floor(atOf(facts) / 1_000), zone) * 1_000).toISOString()
  const own = { date: wall.slice(0, 10), time: wall.slice(11, 16), id: facts.id }
  return completed(completed(facts.content.data, own), facts.client.attributes)
}

/** With those of `more` that it does not have, also in another spelling. */
function completed(fields: Record<string, FieldValue>, more: Record<string, FieldValue>): Record<string, FieldValue> {
  const known = new Set(Object.keys(fields).map(normaliseLabel))
  const added = Object.entries(more).filter(([name]) => !known.has(normaliseLabel(name)))
  return { ...fields, ...Object.fromEntries(added) }
}
