/**
 * The 'contactList' task: a list of contacts as JSON octets, checked as a whole and merged in one transaction. A number that
 * cannot be read rejects its own contact; anything else that does not fit refuses the list. Ingest threads.
 */

import type { ChangeEffect, ContactChange, ContactTask } from '../contract/contact-tasks.js'
import type { BulkView, ContactReject } from '../contract/contacts.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import { reasonCode, reasonHelp } from '../contract/reasons.js'
import { NumberParser } from '../phone/number.js'
import { keyOf } from './contact-key.js'
import { changeOf } from './contact-rules.js'
import type { ContactTables } from './contact-tables.js'
import { applyChanges } from './contact-writer.js'

type ListTask = Extract<ContactTask, { kind: 'contactList' }>

/** Wrong fields that an answer names. */
const ERRORS_MOST = 100
export const TOO_LARGE_HELP = `A contact has at most ${limits.contactTags} tags and ${limits.contactAttributes} attributes, and ${limits.contactBytes} octets of them all.`

/** @throws EngineError BAD_REQUEST, TOO_LARGE, VALIDATION, STORE_FAILED. */
export function mergeList(tables: ContactTables, task: ListTask): BulkView {
  const items = itemsOf(task.body)
  const { changes, places, rejects } = changesOf(items, task)
  const { effects } = applyChanges(tables, changes, { account: task.account, nowMs: task.nowMs })
  effects.forEach((effect, index) => {
    if (effect === 'tooLarge') rejects.push({ index: places[index]!, code: 'TOO_LARGE', message: TOO_LARGE_HELP })
  })
  rejects.sort((a, b) => a.index - b.index)
  const count = (wanted: ChangeEffect): number => effects.filter((effect) => effect === wanted).length
  return {
    rows: items.length,
    added: count('added'),
    changed: count('changed'),
    unchanged: count('unchanged'),
    rejected: rejects.length,
    rejects,
  }
}

/** A list, or an object with one under `contacts`. */
function itemsOf(body: Uint8Array): unknown[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
  } catch {
    throw new EngineError('BAD_REQUEST', 'The body is not valid JSON.')
  }
  const list = Array.isArray(parsed) ? parsed : (parsed as { contacts?: unknown } | null)?.contacts
  if (!Array.isArray(list)) throw invalid([{ pointer: '', message: 'must be a list of contacts' }])
  if (list.length === 0) throw invalid([{ pointer: '', message: 'must have a contact' }])
  if (list.length > limits.contactsPerRequest) {
    throw new EngineError('TOO_LARGE', `At most ${limits.contactsPerRequest} contacts fit a request; import a file.`)
  }
  return list
}

function invalid(fields: FieldError[]): EngineError {
  const { pointer, message } = fields[0]!
  const more = fields.length > 1 ? ` (and ${fields.length - 1} more)` : ''
  return new EngineError('VALIDATION', `${pointer || 'the body'}: ${message}${more}`, { fields })
}

interface Checked {
  changes: ContactChange[]
  /** Place of each change in the list. */
  places: number[]
  rejects: ContactReject[]
}

function changesOf(items: unknown[], { defaultCountry, nowMs }: ListTask): Checked {
  const parser = new NumberParser(defaultCountry)
  const checked: Checked = { changes: [], places: [], rejects: [] }
  const fields: FieldError[] = []
  for (let index = 0; index < items.length && fields.length < ERRORS_MOST; index++) {
    const item = items[index]
    const at = `/${index}`
    if (typeof item !== 'object' || item === null || Array.isArray(item)) {
      fields.push({ pointer: at, message: 'must be a contact with a number' })
      continue
    }
    const { number } = item as { number?: unknown }
    if (typeof number !== 'string') {
      fields.push({ pointer: `${at}/number`, message: number === undefined ? 'is required' : 'must be text' })
      continue
    }
    const parsed = parser.parse(number)
    const key = parsed.reason === 0 ? keyOf(parsed) : -1
    const change = changeOf('merge', key, item, { at, fields, nowMs })
    if (parsed.reason !== 0) {
      const code = reasonCode(parsed.reason)
      checked.rejects.push({ index, code, message: reasonHelp(code) })
    } else {
      checked.changes.push(change)
      checked.places.push(index)
    }
  }
  if (fields.length > 0) throw invalid(fields)
  return checked
}
