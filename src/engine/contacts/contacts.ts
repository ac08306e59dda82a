/** Contacts as the façade shows them: one by one, in lists, by tag, and as a file. Reads here, writes by the ingest threads. Main thread. */

import type { AccountRecord } from '../accounts/account-record.js'
import type { Askers } from '../accounts/askers.js'
import { type Audit, type AuditEntry, auditedNumber } from '../audit/audit.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import type {
  ChangeProblem,
  ContactChange,
  ContactExportResult,
  ContactKey,
  ContactListResult,
  ContactSearchResult,
  ContactTask,
  SingleResult,
} from '../contract/contact-tasks.js'
import type {
  BulkView,
  ContactInput,
  ContactPatch,
  ContactQuery,
  ContactsApi,
  ContactView,
  ExportFormat,
  HistoryItem,
  ImportSettings,
  ImportView,
  TagView,
} from '../contract/contacts.js'
import { EngineError, type ErrorCode, type FieldError } from '../contract/errors.js'
import type { MessagePage } from '../contract/message-page.js'
import { reasonCode, reasonHelp } from '../contract/reasons.js'
import { NumberParser } from '../phone/number.js'
import { exportColumns, exportHeader } from './contact-export.js'
import { isEmailKey, numberOf, readKey } from './contact-key.js'
import { isProblem, PROBLEM_HELP } from './contact-list.js'
import { attributeNames, listContacts, listTags, readContact } from './contact-reader.js'
import { changeOf } from './contact-rules.js'
import type { ContactRunner } from './contact-runner.js'
import { contactView, type Viewed } from './contact-view.js'
import type { Imports } from './imports.js'

/** One of the addresses may be null. */
export type ContactHistory = (
  principal: Principal,
  addresses: { number: string | null; email: string | null },
  query: PageQuery,
) => Promise<MessagePage<HistoryItem>>

export interface ContactsDeps {
  runner: ContactRunner
  imports: Imports
  askers: Askers
  audit: Audit
  clock: Clock
  /** Messages to and from the addresses, newest first. */
  history: ContactHistory
  /** @throws EngineError STORE_FULL, SHUTTING_DOWN. */
  admit(): void
}

export class Contacts implements ContactsApi {
  readonly #deps: ContactsDeps

  constructor(deps: ContactsDeps) {
    this.#deps = deps
  }

  async put(principal: Principal, written: string, input: ContactInput): Promise<ContactView> {
    const account = this.#deps.askers.record(principal)
    const key = newKey(account, written)
    const { view } = await this.#change(account, 'put', key, input)
    await this.#told({ principal, account, action: 'contact.put', after: view }, key)
    return view!
  }

  async patch(principal: Principal, number: string, patch: ContactPatch): Promise<ContactView> {
    const account = this.#deps.askers.record(principal)
    const key = known(account, number)
    const { view } = await this.#change(account, 'patch', key, patch)
    await this.#told({ principal, account, action: 'contact.change', after: view }, key)
    return view!
  }

  async #change(account: AccountRecord, mode: 'put' | 'patch', key: ContactKey, value: object): Promise<SingleResult> {
    const fields: FieldError[] = []
    const parser = new NumberParser(account.defaultCountry)
    const change = changeOf(mode, key, value, { at: '', fields, nowMs: this.#deps.clock.now(), parser })
    if (fields.length > 0) {
      throw new EngineError('VALIDATION', `${fields[0]!.pointer} ${fields[0]!.message}.`, { fields })
    }
    this.#deps.admit()
    return await this.#apply(account, change)
  }

  async #apply(account: AccountRecord, change: ContactChange): Promise<SingleResult> {
    const result = await this.#deps.runner.change({ account: account.number, change })
    if (result.problem !== null) throw new EngineError('VALIDATION', result.problem)
    if (result.effect !== null && isProblem(result.effect)) throw refused(result.effect)
    return result
  }

  get(principal: Principal, number: string): ContactView {
    const account = this.#deps.askers.record(principal)
    return contactView(this.#deps.runner.tables, account.number, this.#find(account, number))
  }

  /** @throws EngineError NOT_FOUND. */
  #find(account: AccountRecord, key: string): Viewed {
    const found = readContact(this.#deps.runner.tables, account.number, known(account, key))
    if (found === null) throw noContact()
    return found
  }

  async remove(principal: Principal, number: string): Promise<void> {
    const account = this.#deps.askers.record(principal)
    const key = known(account, number)
    await this.#apply(account, { key, mode: 'remove' })
    await this.#told({ principal, account, action: 'contact.delete' }, key)
  }

  async history(principal: Principal, key: string, query: PageQuery): Promise<MessagePage<HistoryItem>> {
    const account = this.#deps.askers.record(principal)
    const { number, email } = this.#find(account, key).record
    return await this.#deps.history(principal, { number: number === null ? null : numberOf(number), email }, query)
  }

  async #told(entry: Omit<AuditEntry, 'object'>, key: ContactKey): Promise<void> {
    await this.#deps.audit.write([], { ...entry, object: audited(key) })
  }

  async list(principal: Principal, query: ContactQuery): Promise<Page<ContactView>> {
    const account = this.#deps.askers.record(principal).number
    const { limit, tag = null, q = '' } = query
    const after = query.cursor === undefined ? 0 : cursorId(query.cursor)
    const words = q.trim()
    if (words === '') {
      const { tables } = this.#deps.runner
      const { found, next } = listContacts(tables, { account, tag, q: null, after, limit })
      const items = found.map((each) => contactView(tables, account, each))
      return { items, nextCursor: next === null ? null : String(next) }
    }
    const task = { kind: 'contactSearch', account, tag, q: words, after, limit } as const
    const { views, next } = await this.#deps.runner.run<ContactSearchResult>(account, task)
    return { items: views, nextCursor: next === null ? null : String(next) }
  }

  async upsert(principal: Principal, body: Uint8Array): Promise<BulkView> {
    this.#deps.admit()
    const account = this.#deps.askers.record(principal)
    const { number, defaultCountry } = account
    const nowMs = this.#deps.clock.now()
    const task = { kind: 'contactList', account: number, body, defaultCountry, nowMs } as const
    const after = await this.#deps.runner.run<ContactListResult>(number, task)
    await this.#deps.audit.write([], { principal, account, action: 'contact.list', object: 'contacts', after })
    return after
  }

  async *export(principal: Principal, format: ExportFormat, tag: string | undefined): AsyncGenerator<string> {
    const account = this.#deps.askers.record(principal).number
    const names = exportColumns(attributeNames(this.#deps.runner.tables, account))
    if (format === 'csv') yield exportHeader(names)
    let after: number | null = 0
    while (after !== null) {
      const task: ContactTask = { kind: 'contactExport', account, tag: tag ?? null, format, after, names }
      const piece: ContactExportResult = await this.#deps.runner.run(account, task)
      if (piece.text !== '') yield piece.text
      after = piece.next
    }
  }

  tags(principal: Principal, { limit, cursor }: PageQuery): Page<TagView> {
    const account = this.#deps.askers.record(principal).number
    const { tags, next } = listTags(this.#deps.runner.tables, { account, after: cursor ?? null, limit })
    return { items: tags, nextCursor: next }
  }

  attributes(principal: Principal): string[] {
    return attributeNames(this.#deps.runner.tables, this.#deps.askers.record(principal).number)
  }

  async import(principal: Principal, settings: ImportSettings, body: AsyncIterable<Buffer>): Promise<ImportView> {
    this.#deps.admit()
    return await this.#deps.imports.import(principal, settings, body)
  }
  imports(principal: Principal, query: PageQuery): Page<ImportView> {
    return this.#deps.imports.list(this.#deps.askers.record(principal).number, query)
  }
  importOf(principal: Principal, id: string): ImportView {
    return this.#deps.imports.view(this.#deps.imports.find(this.#deps.askers.record(principal).number, id))
  }
  async cancelImport(principal: Principal, id: string): Promise<ImportView> {
    const { imports, askers } = this.#deps
    const account = askers.record(principal).number
    await imports.cancel(imports.find(account, id), principal)
    return imports.view(imports.find(account, id))
  }
  importRejects(principal: Principal, id: string): AsyncIterable<string> {
    return this.#deps.imports.rejects(this.#deps.imports.find(this.#deps.askers.record(principal).number, id))
  }
}

/** An address shows where it is and the first letter of who it is. */
function audited(key: ContactKey): string {
  const text = numberOf(key)
  return isEmailKey(key) ? `contact/${text[0]}***${text.slice(text.lastIndexOf('@'))}` : auditedNumber('contact', text)
}

/** @throws EngineError INVALID_NUMBER, VALIDATION: no address. */
function newKey(account: AccountRecord, written: string): ContactKey {
  const parser = new NumberParser(account.defaultCountry)
  const key = readKey(parser, written)
  if (key !== null) return key
  if (written.includes('@')) {
    const fields = [{ pointer: '/key', message: 'is no email address' }]
    throw new EngineError('VALIDATION', `${JSON.stringify(written.slice(0, 80))} is no email address.`, { fields })
  }
  const code = reasonCode(parser.parse(written).reason)
  throw new EngineError('INVALID_NUMBER', `${code}: ${reasonHelp(code)}`, {
    fields: [{ pointer: '/number', message: reasonHelp(code) }],
  })
}

function refused(problem: ChangeProblem): EngineError {
  const [code, message] = PROBLEM_HELP[problem]
  const pointer = { orphan: '/memberOf', taken: '/number' }[problem as string]
  const fields = pointer === undefined ? [] : [{ pointer, message }]
  return new EngineError(code === 'TOO_LARGE' ? 'VALIDATION' : (code as ErrorCode), message, { fields })
}

/** @throws EngineError NOT_FOUND: what is no number is no contact either. */
function known(account: AccountRecord, number: string): ContactKey {
  const key = readKey(new NumberParser(account.defaultCountry), number)
  if (key === null) throw noContact()
  return key
}

function noContact(): EngineError {
  return new EngineError('NOT_FOUND', 'There is no such contact.')
}

function cursorId(cursor: string): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor)
  const message = 'must be the nextCursor of a page'
  throw new EngineError('VALIDATION', `cursor ${message}.`, { fields: [{ pointer: '/cursor', message }] })
}
