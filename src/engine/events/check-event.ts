/** What is wrong with an event, each fault by its pointer, and what it says in its one form. Pure. */
import { NOT_A_TIME, parseTime } from '../base/instant.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import { EVENT_ID_CHARS, EVENT_TYPE_CHARS, type EventRequest } from '../contract/rule-events.js'
import { addressOf } from './event-client.js'
import type { EventContent } from './event-record.js'

/** Also half a surrogate pair, which no URL can have. */
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f/\u2028\u2029]|\p{Surrogate}/u
const DATA_BYTES = 16_384

/** @throws EngineError VALIDATION naming every wrong field. */
export function contentOf(request: EventRequest): EventContent {
  const fields = [...eventErrors(request)]
  if (fields.length > 0) {
    throw new EngineError('VALIDATION', `${fields[0]!.pointer} ${fields[0]!.message}.`, { fields })
  }
  const { type, at, to, data = {} } = request
  return { type, atMs: at === undefined ? null : parseTime(at), to: addressOf(to), data }
}

function* eventErrors({ type, id, at, data }: EventRequest): Iterable<FieldError> {
  yield* nameErrors(id, '/id', EVENT_ID_CHARS)
  yield* nameErrors(type, '/type', EVENT_TYPE_CHARS)
  if (at !== undefined && parseTime(at) === null) yield { pointer: '/at', message: NOT_A_TIME }
  if (data !== undefined && Buffer.byteLength(JSON.stringify(data)) > DATA_BYTES) {
    yield { pointer: '/data', message: `must be at most ${DATA_BYTES} octets of JSON` }
  }
}

function* nameErrors(name: string, pointer: string, most: number): Iterable<FieldError> {
  const isPath = name === '.' || name === '..'
  if (name.trim() === name && name.length >= 1 && name.length <= most && !isPath && !FORBIDDEN.test(name)) return
  yield {
    pointer,
    message: `must be 1 to ${most} characters without a slash, control characters or spaces at its ends`,
  }
}
