/**
 * The conditions of a rule: those of an audience (contract/audience.ts) over the client's contact, and over the data of the
 * event as `data.NAME`. Main thread.
 */
import type { Candidate } from '../audience/candidate.js'
import { type ConditionField, conditionField, FIELDS_HELP } from '../audience/condition-fields.js'
import { ConditionReader } from '../audience/conditions.js'
import type { FieldValue } from '../contract/api.js'
import type { FieldError } from '../contract/errors.js'
import type { RuleConditions } from '../contract/rule-events.js'

const DATA = 'data.'

/** The client's contact, empty where there is none, with what the event says. */
export class EventFacts implements Candidate {
  readonly #client: Candidate
  readonly data: Record<string, FieldValue>

  constructor(client: Candidate, data: Record<string, FieldValue>) {
    this.#client = client
    this.data = data
  }

  get record() {
    return this.#client.record
  }
  get last() {
    return this.#client.last
  }
  get parent() {
    return this.#client.parent
  }
}

function fieldOf(name: string): ConditionField | null {
  if (!name.startsWith(DATA) || name.length === DATA.length) return conditionField(name)
  const key = name.slice(DATA.length)
  return {
    kind: 'mixed',
    read: (candidate) => {
      const { data } = candidate as EventFacts
      const value = Object.hasOwn(data, key) ? data[key] : undefined
      return value === null || value === '' ? undefined : value
    },
  }
}

/** `fields`: what is wrong with them; then they hold always. */
export function readConditions(given: RuleConditions): { fits(facts: EventFacts): boolean; fields: FieldError[] } {
  const reader = new ConditionReader({ fieldOf, known: `data.NAME, ${FIELDS_HELP}` })
  const fits = reader.audience(given, '/if')
  return { fits, fields: reader.fields }
}
