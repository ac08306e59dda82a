/** Checks an audience as a whole and says which contacts it walks. Main thread to check, ingest threads to walk. */

import { isTag } from '../contacts/contact-rules.js'
import type { Audience } from '../contract/audience.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import { ConditionReader, type Predicate } from './conditions.js'

const KEYS = ['tag', 'tags', 'all', 'any', 'not', 'fields']

/** @throws EngineError VALIDATION naming each fault. `pointer`: where the audience is in the body. */
export function checkAudience(audience: Audience, pointer: string): void {
  const reader = new ConditionReader()
  const fields = [...shapeErrors(audience, pointer)]
  if (fields.length === 0) reader.audience(audience, pointer)
  fields.push(...reader.fields)
  if (fields.length === 0) return
  throw new EngineError('VALIDATION', `${fields[0]!.pointer} ${fields[0]!.message}.`, { fields })
}

function* shapeErrors(audience: Audience, pointer: string): Iterable<FieldError> {
  for (const key of Object.keys(audience)) {
    if (!KEYS.includes(key)) yield { pointer: `${pointer}/${key}`, message: 'is not a key that is known here' }
  }
  const { tag, tags, fields } = audience
  if (Object.keys(audience).every((key) => key === 'fields')) {
    yield { pointer, message: 'must say whom: tag, tags, all, any or not; {"all": []} is everybody' }
  }
  if (tag !== undefined && !isTag(tag)) yield { pointer: `${pointer}/tag`, message: 'must be the name of a tag' }
  if (tags !== undefined && !(Array.isArray(tags) && tags.length > 0 && tags.length <= limits.audienceTags)) {
    yield { pointer: `${pointer}/tags`, message: `must be a list of 1 to ${limits.audienceTags} tags` }
  } else if (tags?.some((name) => !isTag(name))) yield { pointer: `${pointer}/tags`, message: 'must be names of tags' }
  if (fields === undefined) return
  const isMap = typeof fields === 'object' && fields !== null && !Array.isArray(fields)
  if (!isMap || Object.values(fields).some((name) => typeof name !== 'string' || name.trim() === '')) {
    yield { pointer: `${pointer}/fields`, message: 'must say label by label which attribute fills it' }
  } else if (Object.keys(fields).length > limits.columns) {
    yield { pointer: `${pointer}/fields`, message: `must have at most ${limits.columns} labels` }
  }
}

/** Of an audience that was checked. */
export function predicateOf(audience: Audience): Predicate {
  return new ConditionReader().audience(audience, '')
}

/** Tags that every contact of the audience has one of; empty: any contact may be of it. */
export function tagsToWalk({ tag, tags }: Audience): readonly string[] {
  return tag === undefined ? (tags ?? []).map((name) => name.trim()) : [tag.trim()]
}

/** Of an audience that was checked: a condition is about the last message. */
export function asksForLastMessage({ all, any, not }: Audience): boolean {
  const conditions = [...(all ?? []), ...(any ?? []), ...(not === undefined ? [] : [not])]
  return conditions.some((condition) => {
    return 'field' in condition ? condition.field.startsWith('lastMessage.') : asksForLastMessage(condition as Audience)
  })
}
