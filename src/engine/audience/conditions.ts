/**
 * Reads the conditions of an audience: checks them, naming each fault by its pointer, and compiles them to one function of a
 * contact. Main thread to check, ingest threads to evaluate.
 */

import { foldTag } from '../contacts/contact-record.js'
import type { Audience, Condition, ConditionOp, ConditionScalar, FieldCondition } from '../contract/audience.js'
import { CONDITION_OPS } from '../contract/audience.js'
import type { AttributeValue } from '../contract/contacts.js'
import type { FieldError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import type { Candidate } from './candidate.js'
import { type ConditionField, conditionField, FIELDS_HELP } from './condition-fields.js'
import { compare, fold, timeOf, type Wanted, wantedOf } from './condition-values.js'

export type Predicate = (candidate: Candidate) => boolean

const SPELLINGS: Readonly<Record<string, ConditionOp>> = { '≠': '!=', '<>': '!=', '≤': '<=', '≥': '>=', '==': '=' }
const ORDERED: readonly string[] = ['<', '<=', '>', '>=', 'before', 'after']
const BY_TEXT: readonly string[] = ['contains', 'starts']
const GROUPS = ['all', 'any', 'not'] as const

/** A condition that is wrong is true here: `fields` then says why it may not be used. */
/** What conditions may name: fields of a contact, unless somebody knows more. */
export interface KnownFields {
  /** null: there is no such field. */
  fieldOf(name: string): ConditionField | null
  /** For people. */
  known: string
}

const CONTACT_FIELDS: KnownFields = {
  fieldOf: conditionField,
  known: FIELDS_HELP,
}

export class ConditionReader {
  readonly fields: FieldError[] = []
  readonly #names: KnownFields
  #count = 0

  constructor(names: KnownFields = CONTACT_FIELDS) {
    this.#names = names
  }

  /** Everything that the audience asks of a contact. */
  audience(audience: Audience, pointer: string): Predicate {
    const parts: Predicate[] = []
    if (audience.tag !== undefined) parts.push(hasTag([audience.tag]))
    if (audience.tags !== undefined) parts.push(hasTag(audience.tags))
    for (const group of GROUPS) {
      const inside = audience[group]
      if (inside !== undefined) parts.push(this.#group(group, inside, `${pointer}/${group}`, 1))
    }
    return everyOf(parts)
  }

  #condition(value: unknown, pointer: string, depth: number): Predicate {
    if (depth > limits.conditionDepth) return this.#wrong(pointer, `is deeper than ${limits.conditionDepth} conditions`)
    if (++this.#count > limits.conditions) return this.#tooMany(pointer)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.#wrong(pointer, 'must be a condition: all, any, not, or a field with op and value')
    }
    const keys = Object.keys(value)
    const group = GROUPS.find((name) => keys.includes(name))
    if (group === undefined) return this.#field(value as FieldCondition, pointer)
    if (keys.length > 1) return this.#wrong(pointer, `must have nothing beside ${group}`)
    return this.#group(group, (value as Record<string, unknown>)[group], `${pointer}/${group}`, depth)
  }

  #tooMany(pointer: string): Predicate {
    // Said once, not for each of them.
    if (this.#count > limits.conditions + 1) return () => true
    return this.#wrong(pointer, `is more than the ${limits.conditions} conditions that an audience may have`)
  }

  #group(group: (typeof GROUPS)[number], value: unknown, pointer: string, depth: number): Predicate {
    if (group === 'not') {
      const inside = this.#condition(value, pointer, depth + 1)
      return (candidate) => !inside(candidate)
    }
    if (!Array.isArray(value)) return this.#wrong(pointer, 'must be a list of conditions')
    if (value.length > limits.conditions)
      return this.#wrong(pointer, `must have at most ${limits.conditions} conditions`)
    const inside = value.map((item: Condition, index) => this.#condition(item, `${pointer}/${index}`, depth + 1))
    return group === 'all' ? everyOf(inside) : (candidate) => inside.some((fits) => fits(candidate))
  }

  #field(condition: FieldCondition, pointer: string): Predicate {
    const { field: name, value } = condition
    for (const key of Object.keys(condition)) {
      if (!['field', 'op', 'value'].includes(key)) this.#wrong(`${pointer}/${key}`, 'is not a key that is known here')
    }
    const field = typeof name === 'string' ? this.#names.fieldOf(name) : null
    if (field === null) return this.#wrong(`${pointer}/field`, `must be ${this.#names.known}`)
    const op = opOf(condition.op)
    if (op === null) return this.#wrong(`${pointer}/op`, `must be one of ${CONDITION_OPS.join(', ')}`)
    const wrong = opProblem(field, op)
    if (wrong !== null) return this.#wrong(`${pointer}/op`, wrong)
    return this.#test(field, op, value, `${pointer}/value`)
  }

  #test(field: ConditionField, op: ConditionOp, value: unknown, pointer: string): Predicate {
    if (op === 'exists') {
      if (value !== undefined && typeof value !== 'boolean') return this.#wrong(pointer, 'must be true or false')
      const isWanted = value !== false
      return (candidate) => (field.read(candidate) !== undefined) === isWanted
    }
    const isTime = field.kind === 'time' || op === 'before' || op === 'after'
    if (op === 'in') return this.#in(field, value, isTime, pointer)
    const wrong = valueProblem(value, isTime, BY_TEXT.includes(op) || field.kind === 'words')
    if (wrong !== null) return this.#wrong(pointer, wrong)
    if (BY_TEXT.includes(op)) return byText(field, op, fold(String(value)))
    const wanted = field.kind === 'words' ? textOf(value) : wantedOf(value as ConditionScalar, isTime)
    const isEqual = anyOf(field, (stored) => fits('=', compare(stored, wanted, field.kind === 'time')))
    if (op === '!=') return (candidate) => !isEqual(candidate)
    if (op === '=') return isEqual
    return anyOf(field, (stored) => fits(op, compare(stored, wanted, field.kind === 'time')))
  }

  #in(field: ConditionField, value: unknown, isTime: boolean, pointer: string): Predicate {
    if (!Array.isArray(value) || value.length === 0 || value.length > limits.conditionValues) {
      return this.#wrong(pointer, `must be a list of 1 to ${limits.conditionValues} values`)
    }
    const wanted: Wanted[] = []
    for (const [index, item] of value.entries()) {
      const wrong = valueProblem(item, isTime, field.kind === 'words')
      if (wrong !== null) this.#wrong(`${pointer}/${index}`, wrong)
      else wanted.push(field.kind === 'words' ? textOf(item) : wantedOf(item, isTime))
    }
    const texts = new Set(wanted.filter(({ as }) => as === 'text').map(({ value: text }) => text))
    const others = wanted.filter(({ as }) => as !== 'text')
    const isMs = field.kind === 'time'
    return anyOf(
      field,
      (stored) =>
        (!isMs && texts.has(fold(String(stored)))) || others.some((one) => fits('=', compare(stored, one, isMs))),
    )
  }

  #wrong(pointer: string, message: string): Predicate {
    this.fields.push({ pointer, message })
    return () => true
  }
}

function textOf(value: unknown): Wanted {
  return { as: 'text', value: fold(String(value)) }
}

function everyOf(parts: readonly Predicate[]): Predicate {
  return parts.length === 1 ? parts[0]! : (candidate) => parts.every((fits) => fits(candidate))
}

function hasTag(tags: readonly string[]): Predicate {
  const wanted = new Set(tags.map((tag) => foldTag(tag.trim())))
  return ({ record }) => record.tags.some((tag) => wanted.has(foldTag(tag)))
}

function anyOf(field: ConditionField, test: (stored: AttributeValue) => boolean): Predicate {
  return (candidate) => {
    const stored = field.read(candidate)
    if (stored === undefined) return false
    return typeof stored === 'object' ? stored.some(test) : test(stored)
  }
}

function byText(field: ConditionField, op: string, wanted: string): Predicate {
  return anyOf(field, (stored) => {
    const text = fold(String(stored))
    return op === 'starts' ? text.startsWith(wanted) : text.includes(wanted)
  })
}

function opOf(op: unknown): ConditionOp | null {
  if (op === undefined) return '='
  if (typeof op !== 'string') return null
  const name = Object.hasOwn(SPELLINGS, op) ? SPELLINGS[op]! : op
  return (CONDITION_OPS as readonly string[]).includes(name) ? (name as ConditionOp) : null
}

function opProblem({ kind }: ConditionField, op: ConditionOp): string | null {
  if (kind === 'words' && ORDERED.includes(op)) return 'must be =, !=, contains, starts, in or exists for tags'
  return kind === 'time' && BY_TEXT.includes(op) ? 'cannot be contains or starts for a time' : null
}

function valueProblem(value: unknown, isTime: boolean, isText: boolean): string | null {
  if (isText && typeof value !== 'string') return 'must be text'
  if (typeof value === 'string') {
    if (value === '' || value.length > limits.conditionValueChars) {
      return `must have 1 to ${limits.conditionValueChars} characters`
    }
    return isTime && timeOf(value) === null ? 'must be a day such as 2026-11-22, or a time with a zone' : null
  }
  if (isTime) return 'must be a day such as 2026-11-22, or a time with a zone'
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return null
  return 'must be text, a number, true or false'
}

/** `order` is NaN where values do not compare: then nothing holds. */
function fits(op: ConditionOp, order: number): boolean {
  switch (op) {
    case '=':
      return order === 0
    case '<':
    case 'before':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
    case 'after':
      return order > 0
    case '>=':
      return order >= 0
    default:
      return false
  }
}
