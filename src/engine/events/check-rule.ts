/** What is wrong with a rule, each fault by its pointer. The schema of the route has looked at types and lengths. Main thread. */
import { isSender } from '../base/sender.js'
import { isZone } from '../base/zone.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import type { RuleRecipient, RuleSend, RuleSettings, RuleWhen } from '../contract/rule-events.js'
import { windowErrors } from '../schedule/window-setting.js'
import { NOT_A_DURATION, parseDuration } from './duration.js'
import { readConditions } from './rule-conditions.js'

const TIME_OF_DAY = /^(?:[01]?\d|2[0-3]):[0-5]\d$/
const DAYS_MOST = 731

/** @throws EngineError VALIDATION naming every wrong field. */
export function checkRule(rule: RuleSettings): void {
  const fields = [...ruleErrors(rule)]
  if (fields.length > 0) {
    throw new EngineError('VALIDATION', `${fields[0]!.pointer} ${fields[0]!.message}.`, { fields })
  }
}

function* ruleErrors({ when, send, recipients, late, window, ...rule }: RuleSettings): Iterable<FieldError> {
  yield* whenErrors(when)
  for (const [index, one] of send.entries()) yield* sendErrors(one, `/send/${index}`)
  for (const [index, one] of (recipients ?? []).entries()) yield* recipientErrors(one, `/recipients/${index}`)
  if (typeof late === 'object' && parseDuration(late.within) === null) {
    yield { pointer: '/late/within', message: NOT_A_DURATION }
  }
  if (window != null) yield* windowErrors(window, '/window')
  if (rule.if !== undefined) yield* readConditions(rule.if).fields
}

function* whenErrors(when: RuleWhen): Iterable<FieldError> {
  if (typeof when === 'string') {
    if (when !== 'at once') yield { pointer: '/when', message: 'must be "at once", or an object with before or after' }
    return
  }
  const ways = ['before', 'after', 'daysBefore', 'daysAfter'].filter((key) => Object.hasOwn(when, key))
  if (ways.length !== 1) {
    yield { pointer: '/when', message: 'must have one of before, after, daysBefore and daysAfter' }
    return
  }
  const way = ways[0]!
  if (way === 'before' || way === 'after') yield* spanErrors(when as Record<string, unknown>, way)
  else yield* dayErrors(when as { at?: string; timeZone?: string } & Record<string, unknown>, way)
}

function* spanErrors(when: Record<string, unknown>, way: string): Iterable<FieldError> {
  if (parseDuration(String(when[way])) === null) yield { pointer: `/when/${way}`, message: NOT_A_DURATION }
  for (const key of ['at', 'timeZone']) {
    if (when[key] !== undefined)
      yield { pointer: `/when/${key}`, message: 'stands beside daysBefore or daysAfter only' }
  }
}

function* dayErrors(
  when: { at?: string; timeZone?: string } & Record<string, unknown>,
  way: string,
): Iterable<FieldError> {
  const days = when[way] as number
  if (!Number.isInteger(days) || days < 0 || days > DAYS_MOST) {
    yield { pointer: `/when/${way}`, message: `must be a number of days from 0 to ${DAYS_MOST}` }
  }
  if (when.at === undefined || !TIME_OF_DAY.test(when.at)) {
    yield { pointer: '/when/at', message: 'must be a time of day such as 18:00' }
  }
  if (when.timeZone !== undefined && !isZone(when.timeZone)) {
    yield { pointer: '/when/timeZone', message: 'must be an IANA zone such as Europe/London' }
  }
}

function* sendErrors({ channel, from }: RuleSend, pointer: string): Iterable<FieldError> {
  const isMail = channel === 'email'
  if (from !== undefined && !isMail && !isSender(from)) {
    yield { pointer: `${pointer}/from`, message: 'must be a number or up to 11 letters and digits' }
  }
}

function* recipientErrors(recipient: RuleRecipient, pointer: string): Iterable<FieldError> {
  if (typeof recipient === 'string') {
    if (recipient !== 'client') yield { pointer, message: 'must be "client", or an object with number, email or field' }
    return
  }
  const isField = 'field' in recipient
  const isAddress = 'number' in recipient || 'email' in recipient
  if (isField === isAddress) yield { pointer, message: 'must have number and/or email, or field alone' }
}
