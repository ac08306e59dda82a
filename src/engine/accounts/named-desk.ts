/**
 * What may be done with the things that an account keeps by name, the same for each kind: put, look, list, remove, each
 * change in its turn and audited. Main thread.
 */
import type { Audit } from '../audit/audit.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import type { AccountRecord } from './account-record.js'
import type { Askers } from './askers.js'
import { checkedName, NamedDocuments, type NamedKind, type NamedRecord } from './named-documents.js'

export interface NamedDeps {
  documents: Documents
  askers: Askers
  audit: Audit
}

export interface NamedChange<T> {
  principal: Principal
  account: AccountRecord
  before: T | null
  after: T | null
}

export interface NamedRules<T, View> extends NamedKind {
  view(record: T): View
  /** What is written with a change besides the document; absent: nothing. */
  beside?(change: NamedChange<T>): DocumentWrite[]
}

export class NamedDesk<T extends NamedRecord, View> {
  readonly #deps: NamedDeps
  readonly #rules: NamedRules<T, View>
  readonly documents: NamedDocuments<T>

  constructor(deps: NamedDeps, rules: NamedRules<T, View>) {
    this.#deps = deps
    this.#rules = rules
    this.documents = new NamedDocuments(deps.documents, rules)
  }

  /**
   * `check`: of what was given; `next`: the record in place of the one before, which is null for a new name.
   * @throws EngineError VALIDATION, and what these throw.
   */
  async put(
    principal: Principal,
    given: string,
    { check, next }: { check(): void; next(facts: { name: string; account: number; before: T | null }): T },
  ): Promise<View> {
    const account = this.#deps.askers.record(principal)
    const name = checkedName(given)
    check()
    return await this.documents.inTurn(async () => {
      const before = this.documents.find(account.number, name)
      if (before === null) this.documents.requireRoom(account.number)
      const after = next({ name, account: account.number, before })
      await this.write('put', { principal, account, before, after })
      return this.#rules.view(after)
    })
  }

  get(principal: Principal, name: string): View {
    return this.#rules.view(this.documents.get(this.#deps.askers.record(principal).number, name))
  }

  list(principal: Principal, query: PageQuery): Page<View> {
    const { items, nextCursor } = this.documents.page(this.#deps.askers.record(principal).number, query)
    return { items: items.map(this.#rules.view), nextCursor }
  }

  async remove(principal: Principal, name: string): Promise<void> {
    const account = this.#deps.askers.record(principal)
    await this.documents.inTurn(async () => {
      const before = this.documents.get(account.number, name)
      await this.write('delete', { principal, account, before, after: null })
    })
  }

  /** Call it in turn. `verb`: what is done, as the audit log names it. */
  async write(verb: string, change: NamedChange<T>): Promise<void> {
    const { noun, beside } = this.#rules
    const { principal, account, before, after } = change
    const { name } = (after ?? before)!
    const writes = [this.documents.write(account.number, name, after), ...(beside?.(change) ?? [])]
    const entry = { principal, action: `${noun}.${verb}`, object: `${noun}/${name}`, account, before, after }
    await this.#deps.audit.write(writes, entry)
  }
}
