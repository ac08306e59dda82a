/**
 * The 'contactList' task: a list of contacts as JSON octets, checked as a whole and merged in one transaction. A number that
 * cannot be read rejects its own contact; anything else that does not fit refuses the list. Ingest threads.
 */

import {
  CHANGE_PROBLEMS,
  type ChangeEffect,
  type ChangeProblem,
  type ContactChange,
  type ContactTask,
} from '../contract/contact-tasks.js'
import type { BulkView, ContactReject } from '../contract/contacts.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import { reasonCode, reasonHelp } from '../contract/reasons.js'
import { NumberParser } from '../phone/number.js'
import { emailKey, keyOf } from './contact-key.js'
import { changeOf } from './contact-rules.js'
import type { ContactTables } from './contact-tables.js'
import { applyChanges } from './contact-writer.js'

type ListTask = Extract<ContactTask, { kind: 'contactList' }>

/** Of a contact that is refused anyway. */
const NO_KEY = -1
/** Wrong fields that an answer names. */
const ERRORS_MOST = 100
const TOO_LARGE_HELP = `A contact has at most ${limits.contactTags} tags and ${limits.contactAttributes} attributes, and ${limits.contactBytes} octets of them all.`

/** Why a change was not made, as its contact is told. */
export const PROBLEM_HELP: Readonly<Record<ChangeProblem, readonly [code: string, message: string]>> = {
  missing: ['NOT_FOUND', 'There is no such contact.'],
  tooLarge: ['TOO_LARGE', TOO_LARGE_HELP],
  keyless: ['VALIDATION', 'A contact has a number or an email address.'],
  taken: ['NAME_TAKEN', 'Another contact has the number.'],
  orphan: ['VALIDATION', 'memberOf names no other contact; make it first.'],
}

/** @throws EngineError BAD_REQUEST, TOO_LARGE, VALIDATION, STORE_FAILED. */
export function mergeList(tables: ContactTables, task: ListTask): BulkView {
  const items = itemsOf(task.body)
  const { changes, places, rejects } = changesOf(items, task)
  const { effects } = applyChanges(tables, changes, { account: task.account, nowMs: task.nowMs })
  effects.forEach((effect, index) => {
    const problem = isProblem(effect) ? PROBLEM_HELP[effect] : null
    if (problem !== null) rejects.push({ index: places[index]!, code: problem[0], message: problem[1] })
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

export function isProblem(effect: ChangeEffect): effect is ChangeProblem {
  return (CHANGE_PROBLEMS as readonly string[]).includes(effect)
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
  // What the first has parsed is read until its next number.
  const names = new NumberParser(defaultCountry)
  const checked: Checked = { changes: [], places: [], rejects: [] }
  const fields: FieldError[] = []
  for (let index = 0; index < items.length && fields.length < ERRORS_MOST; index++) {
    const item = items[index]
    const at = `/${index}`
    if (typeof item !== 'object' || item === null || Array.isArray(item)) {
      fields.push({ pointer: at, message: 'must be a contact with a number' })
      continue
    }
    const { number = null, email = null } = item as { number?: unknown; email?: unknown }
    const written = number ?? email
    if (typeof written !== 'string') {
      const isMissing = number === null && email === null
      const pointer = number === null && !isMissing ? `${at}/email` : `${at}/number`
      // Whatever else is wrong with it is named as well.
      changeOf('merge', NO_KEY, item, { at, fields, nowMs, parser: names })
      fields.push({ pointer, message: isMissing ? 'is required, or an email' : 'must be text' })
      continue
    }
    const parsed = number === null ? null : parser.parse(written)
    const key = parsed === null ? emailKey(written.trim()) : parsed.reason === 0 ? keyOf(parsed) : NO_KEY
    const change = changeOf('merge', key, item, { at, fields, nowMs, parser: names })
    if (parsed !== null && parsed.reason !== 0) {
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
