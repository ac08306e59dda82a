/**
 * Checks what comes from outside as (part of) a contact and brings it into the form of a change. Names every wrong field by
 * its pointer. Main thread for single contacts, an ingest thread for lists.
 */

import { NOT_A_TIME, parseTime } from '../base/instant.js'
import type { ChangeMode, ContactChange, ContactKey, NumberKey, StoredOptIn } from '../contract/contact-tasks.js'
import {
  type AttributeValue,
  CONTACT_KINDS,
  type ContactKind,
  OPT_IN_CHANNELS,
  OPT_IN_STATES,
  type OptInChannel,
  type OptInState,
} from '../contract/contacts.js'
import type { FieldError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import type { NumberParser } from '../phone/number.js'
import { attributeNameProblem, NAME_CONTROL } from './attribute-name.js'
import { isEmail, isEmailKey, readKey } from './contact-key.js'

const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\p{Surrogate}/u
const KEYS: Readonly<Record<Exclude<ChangeMode, 'remove'>, readonly string[]>> = {
  put: ['number', 'email', 'kind', 'company', 'memberOf', 'attributes', 'tags', 'optIn'],
  patch: ['number', 'email', 'kind', 'company', 'memberOf', 'attributes', 'tags', 'addTags', 'removeTags', 'optIn'],
  merge: ['number', 'email', 'kind', 'company', 'memberOf', 'attributes', 'tags', 'optIn'],
}

export interface RuleContext {
  /** Where the contact is in the body, '' or /0. */
  at: string
  fields: FieldError[]
  nowMs: number
  /** Reads numbers; absent where none may be given. */
  parser?: NumberParser
}

/** Wrong fields are added to `context.fields`; what is returned then is not to be used. */
export function changeOf(
  mode: Exclude<ChangeMode, 'remove'>,
  key: ContactKey,
  value: object,
  context: RuleContext,
): ContactChange {
  const given = value as Record<string, unknown>
  const { at, fields } = context
  for (const name of Object.keys(given)) {
    if (!KEYS[mode].includes(name))
      fields.push({ pointer: `${at}/${escaped(name)}`, message: 'is not a key that is known here' })
  }
  const change: ContactChange = { key, mode }
  if (given.email !== undefined) change.email = emailOf(given.email, context)
  // Of a list the number is the key.
  if (given.number !== undefined && mode !== 'merge')
    change.number = keyIn(given.number, 'number', context) as NumberKey
  if (given.memberOf !== undefined) change.memberOf = keyIn(given.memberOf, 'memberOf', context)
  if (given.kind !== undefined) change.kind = kindOf(given.kind, context)
  if (given.company !== undefined) change.company = textOf(given.company, 'company', limits.companyChars, context)
  if (given.attributes !== undefined) change.attributes = attributesOf(given.attributes, mode !== 'put', context)
  for (const name of ['tags', 'addTags', 'removeTags'] as const) {
    if (given[name] !== undefined) change[name] = tagsOf(given[name], name, context)
  }
  if (given.optIn !== undefined) change.optIn = optInsOf(given.optIn, mode !== 'put', context)
  return change
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kindOf(value: unknown, { at, fields }: RuleContext): ContactKind {
  if ((CONTACT_KINDS as readonly unknown[]).includes(value)) return value as ContactKind
  fields.push({ pointer: `${at}/kind`, message: `must be one of ${CONTACT_KINDS.join(', ')}` })
  return 'person'
}

/** A number, or for `memberOf` an address as well; null: none. */
function keyIn(value: unknown, name: 'number' | 'memberOf', { at, fields, parser }: RuleContext): ContactKey | null {
  if (value === null) return null
  const key = typeof value === 'string' && parser !== undefined ? readKey(parser, value) : null
  if (key !== null && (name === 'memberOf' || !isEmailKey(key))) return key
  const what = name === 'number' ? 'a phone number' : 'the number or email address of a contact'
  fields.push({ pointer: `${at}/${name}`, message: `must be ${what}` })
  return null
}

function emailOf(value: unknown, { at, fields }: RuleContext): string | null {
  if (value === null) return null
  if (typeof value === 'string' && isEmail(value.trim())) return value.trim()
  fields.push({ pointer: `${at}/email`, message: 'must be an email address' })
  return null
}

function textOf(value: unknown, name: string, most: number, { at, fields }: RuleContext): string | null {
  if (value === null) return null
  if (typeof value === 'string' && value.length <= most && !CONTROL.test(value)) return value
  fields.push({ pointer: `${at}/${name}`, message: `must be text of at most ${most} characters` })
  return null
}

function attributesOf(value: unknown, mayRemove: boolean, context: RuleContext): ContactChange['attributes'] {
  const { at, fields } = context
  const attributes: Record<string, AttributeValue | null> = {}
  if (!isObject(value)) {
    fields.push({ pointer: `${at}/attributes`, message: 'must be an object of attributes' })
    return attributes
  }
  const entries = Object.entries(value)
  if (entries.length > limits.contactAttributes) {
    fields.push({ pointer: `${at}/attributes`, message: `must have at most ${limits.contactAttributes}` })
    return attributes
  }
  for (const [name, given] of entries) {
    const wrong = attributeNameProblem(name) ?? valueProblem(given, mayRemove)
    if (wrong === null) attributes[name] = given as AttributeValue | null
    else fields.push({ pointer: `${at}/attributes/${escaped(name)}`, message: wrong })
  }
  return attributes
}

function valueProblem(value: unknown, mayRemove: boolean): string | null {
  if (value === null && mayRemove) return null
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return null
  if (typeof value !== 'string') return 'must be text, a number, true or false'
  if (value.length > limits.attributeValueChars) return `must have at most ${limits.attributeValueChars} characters`
  return CONTROL.test(value) ? 'has a control character or half of a surrogate pair' : null
}

/** Of text that came in a file. */
export function isAttributeText(text: string): boolean {
  return text.length <= limits.attributeValueChars && !CONTROL.test(text)
}

export function isTag(tag: unknown): tag is string {
  return typeof tag === 'string' && tag.trim() !== '' && tag.trim().length <= limits.tagChars && !NAME_CONTROL.test(tag)
}

function tagsOf(value: unknown, name: string, { at, fields }: RuleContext): string[] {
  if (!Array.isArray(value) || value.length > limits.contactTags) {
    fields.push({ pointer: `${at}/${name}`, message: `must be a list of at most ${limits.contactTags} tags` })
    return []
  }
  value.forEach((tag, index) => {
    if (isTag(tag)) return
    fields.push({ pointer: `${at}/${name}/${index}`, message: `must be text of 1 to ${limits.tagChars} characters` })
  })
  return value.filter(isTag).map((tag) => tag.trim().normalize('NFC'))
}

/** Also of an import's settings. */
export function optInsOf(
  value: unknown,
  mayRemove: boolean,
  context: RuleContext,
): NonNullable<ContactChange['optIn']> {
  const { at, fields } = context
  const optIn: NonNullable<ContactChange['optIn']> = {}
  if (!isObject(value)) {
    fields.push({ pointer: `${at}/optIn`, message: 'must be an object of sms, voice and email' })
    return optIn
  }
  for (const [channel, given] of Object.entries(value)) {
    const pointer = `${at}/optIn/${escaped(channel)}`
    if (!(OPT_IN_CHANNELS as readonly string[]).includes(channel)) {
      fields.push({ pointer, message: `must be one of ${OPT_IN_CHANNELS.join(', ')}` })
    } else if (given === null && mayRemove) optIn[channel as OptInChannel] = null
    else if (isObject(given)) optIn[channel as OptInChannel] = optInOf(given, pointer, context)
    else fields.push({ pointer, message: 'must be an object with a state' })
  }
  return optIn
}

function optInOf(given: Record<string, unknown>, pointer: string, context: RuleContext): StoredOptIn {
  const { fields, nowMs } = context
  const inside = { ...context, at: pointer }
  for (const name of Object.keys(given)) {
    if (['state', 'source', 'text', 'at', 'address'].includes(name)) continue
    fields.push({ pointer: `${pointer}/${escaped(name)}`, message: 'is not a key that is known here' })
  }
  if (!(OPT_IN_STATES as readonly unknown[]).includes(given.state)) {
    fields.push({ pointer: `${pointer}/state`, message: `must be one of ${OPT_IN_STATES.join(', ')}` })
  }
  const atMs = given.at === undefined ? nowMs : typeof given.at === 'string' ? parseTime(given.at) : null
  if (atMs === null) {
    fields.push({ pointer: `${pointer}/at`, message: NOT_A_TIME })
  }
  return {
    state: given.state as OptInState,
    source: textOf(given.source ?? null, 'source', limits.consentChars, inside),
    text: textOf(given.text ?? null, 'text', limits.consentChars, inside),
    atMs: atMs ?? nowMs,
    address: textOf(given.address ?? null, 'address', limits.consentChars, inside),
  }
}
