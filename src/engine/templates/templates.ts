/** Saved texts behind the façade: whose they are, what may be stored, and what jobs take from them. Main thread. */
import type { AccountRecord } from '../accounts/account-record.js'
import type { Askers } from '../accounts/askers.js'
import { checkedName, NamedDocuments } from '../accounts/named-documents.js'
import type { Audit } from '../audit/audit.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { TemplateSettings, TemplatesApi, TemplateView } from '../contract/templates.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import { foldKeyword } from '../text/keyword.js'
import { checkTemplate } from './check-template.js'
import { newTemplate, type TemplateRecord, templateView } from './template-record.js'

const KEYWORDS = 'template-keywords'

export interface TemplatesDeps {
  documents: Documents
  askers: Askers
  audit: Audit
  clock: Clock
}

interface Change {
  principal: Principal
  account: AccountRecord
  before: TemplateRecord | null
  after: TemplateRecord | null
}

export class Templates implements TemplatesApi {
  readonly #deps: TemplatesDeps
  readonly #named: NamedDocuments<TemplateRecord>

  constructor(deps: TemplatesDeps) {
    this.#deps = deps
    this.#named = new NamedDocuments(deps.documents, { collection: 'templates', noun: 'template' })
  }

  async put(principal: Principal, given: string, settings: TemplateSettings): Promise<TemplateView> {
    const account = this.#deps.askers.record(principal)
    const name = checkedName(given)
    checkTemplate(settings)
    return await this.#named.inTurn(async () => {
      const before = this.#named.find(account.number, name)
      if (before === null) this.#named.requireRoom(account.number)
      const after = newTemplate({ name, before, nowMs: this.#deps.clock.now() }, settings)
      this.#requireKeyword(account.number, after)
      await this.#write('template.put', { principal, account, before, after })
      return templateView(after)
    })
  }

  get(principal: Principal, name: string): TemplateView {
    return templateView(this.#named.get(this.#deps.askers.record(principal).number, name))
  }

  list(principal: Principal, query: PageQuery): Page<TemplateView> {
    const { items, nextCursor } = this.#named.page(this.#deps.askers.record(principal).number, query)
    return { items: items.map(templateView), nextCursor }
  }

  async remove(principal: Principal, name: string): Promise<void> {
    const account = this.#deps.askers.record(principal)
    await this.#named.inTurn(async () => {
      const before = this.#named.get(account.number, name)
      await this.#write('template.delete', { principal, account, before, after: null })
    })
  }

  async copy(principal: Principal, name: string, to: string): Promise<TemplateView> {
    const account = this.#deps.askers.record(principal)
    const target = checkedName(to)
    return await this.#named.inTurn(async () => {
      const source = this.#named.get(account.number, name)
      if (this.#named.find(account.number, target) !== null) {
        throw new EngineError('NAME_TAKEN', 'There is a template of this name already.')
      }
      this.#named.requireRoom(account.number)
      const nowMs = this.#deps.clock.now()
      const after = { ...source, name: target, keyword: null, createdAtMs: nowMs, updatedAtMs: nowMs }
      await this.#write('template.copy', { principal, account, before: null, after })
      return templateView(after)
    })
  }

  /** Text of a template; null: there is none of this name. `account`: number. */
  text(account: number, name: string): string | null {
    return this.#named.find(account, name)?.text ?? null
  }

  /** Folded keyword → text, of all that have one. */
  byKeyword(account: number): Record<string, string> {
    const texts: [string, string][] = []
    for (const { keyword, text } of this.#named.all(account)) {
      if (keyword !== null) texts.push([foldKeyword(keyword), text])
    }
    return Object.fromEntries(texts)
  }

  /** @throws EngineError VALIDATION: another template has it. */
  #requireKeyword(account: number, { name, keyword }: TemplateRecord): void {
    if (keyword === null) return
    const owner = this.#deps.documents.get<{ name: string }>(KEYWORDS, [account, foldKeyword(keyword)])?.name
    if (owner === undefined || owner === name) return
    const message = `is the keyword of the template ${JSON.stringify(owner)}`
    throw new EngineError('VALIDATION', `The keyword ${message}.`, { fields: [{ pointer: '/keyword', message }] })
  }

  async #write(action: string, { principal, account, before, after }: Change): Promise<void> {
    const { number } = account
    const { name } = (after ?? before)!
    const writes: DocumentWrite[] = [this.#named.write(number, name, after)]
    const keywordOf = (record: TemplateRecord | null) => (record?.keyword == null ? null : foldKeyword(record.keyword))
    const [old, now] = [keywordOf(before), keywordOf(after)]
    if (old !== null && old !== now) writes.push({ collection: KEYWORDS, key: [number, old], value: null })
    if (now !== null) writes.push({ collection: KEYWORDS, key: [number, now], value: { name } })
    await this.#deps.audit.write(writes, { principal, action, object: `template/${name}`, account, before, after })
  }
}
