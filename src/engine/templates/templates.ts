/** Saved texts behind the façade: whose they are, what may be stored, and what jobs take from them. Main thread. */
import { type NamedChange, type NamedDeps, NamedDesk } from '../accounts/named-desk.js'
import { checkedName } from '../accounts/named-documents.js'
import type { Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { VoiceTexts } from '../contract/speech.js'
import type { TemplateSettings, TemplatesApi, TemplateTexts, TemplateView } from '../contract/templates.js'
import type { DocumentWrite } from '../store/documents.js'
import { foldKeyword } from '../text/keyword.js'
import { checkTemplate } from './check-template.js'
import { newTemplate, type TemplateRecord, templateView } from './template-record.js'

const KEYWORDS = 'template-keywords'

export interface TemplatesDeps extends NamedDeps {
  clock: Clock
}

export class Templates implements TemplatesApi {
  readonly #deps: TemplatesDeps
  readonly #desk: NamedDesk<TemplateRecord, TemplateView>

  constructor(deps: TemplatesDeps) {
    this.#deps = deps
    const rules = { collection: 'templates', noun: 'template', view: templateView, beside: keywordWrites }
    this.#desk = new NamedDesk(deps, rules)
  }

  async put(principal: Principal, given: string, settings: TemplateSettings): Promise<TemplateView> {
    return await this.#desk.put(principal, given, {
      check: () => checkTemplate(settings),
      next: ({ name, account, before }) => {
        const after = newTemplate({ name, before, nowMs: this.#deps.clock.now() }, settings)
        this.#requireKeyword(account, after)
        return after
      },
    })
  }

  get(principal: Principal, name: string): TemplateView {
    return this.#desk.get(principal, name)
  }

  list(principal: Principal, query: PageQuery): Page<TemplateView> {
    return this.#desk.list(principal, query)
  }

  async remove(principal: Principal, name: string): Promise<void> {
    await this.#desk.remove(principal, name)
  }

  async copy(principal: Principal, name: string, to: string): Promise<TemplateView> {
    const account = this.#deps.askers.record(principal)
    const target = checkedName(to)
    const { documents } = this.#desk
    return await documents.inTurn(async () => {
      const source = documents.get(account.number, name)
      if (documents.find(account.number, target) !== null) {
        throw new EngineError('NAME_TAKEN', 'There is a template of this name already.')
      }
      documents.requireRoom(account.number)
      const nowMs = this.#deps.clock.now()
      const after = { ...source, name: target, keyword: null, createdAtMs: nowMs, updatedAtMs: nowMs }
      await this.#desk.write('copy', { principal, account, before: null, after })
      return templateView(after)
    })
  }

  /** Text of a template; null: there is none of this name. `account`: number. */
  text(account: number, name: string): string | null {
    return this.#desk.documents.find(account, name)?.text ?? null
  }

  /** What jobs and messages take of it; null: there is none of this name. */
  texts(account: number, name: string): TemplateTexts | null {
    const found = this.#desk.documents.find(account, name)
    return found === null ? null : { text: found.text, subject: found.subject, html: found.html, ...voiceTexts(found) }
  }

  /** Folded keyword → text, of all that have one. */
  byKeyword(account: number): Record<string, string> {
    const texts: [string, string][] = []
    for (const { keyword, text } of this.#desk.documents.all(account)) {
      if (keyword !== null) texts.push([foldKeyword(keyword), text])
    }
    return Object.fromEntries(texts)
  }

  /** Folded keyword → what emails have beside the text, by the same keywords. */
  mailByKeyword(account: number): Record<string, Pick<TemplateTexts, 'subject' | 'html'>> {
    const own = [...this.#desk.documents.all(account)].filter(({ keyword }) => keyword !== null)
    return Object.fromEntries(own.map(({ keyword, subject, html }) => [foldKeyword(keyword!), { subject, html }]))
  }

  /** Folded keyword → what calls have of it, of those that say anything about calls. */
  voiceByKeyword(account: number): Record<string, VoiceTexts> {
    const own: [string, VoiceTexts][] = []
    for (const record of this.#desk.documents.all(account)) {
      const texts = voiceTexts(record)
      const isPlain = texts.prompts === null && texts.language === null
      if (record.keyword !== null && !isPlain) own.push([foldKeyword(record.keyword), texts])
    }
    return Object.fromEntries(own)
  }

  /** @throws EngineError VALIDATION: another template has it. */
  #requireKeyword(account: number, { name, keyword }: TemplateRecord): void {
    if (keyword === null) return
    const owner = this.#deps.documents.get<{ name: string }>(KEYWORDS, [account, foldKeyword(keyword)])?.name
    if (owner === undefined || owner === name) return
    const message = `is the keyword of the template ${JSON.stringify(owner)}`
    throw new EngineError('VALIDATION', `The keyword ${message}.`, { fields: [{ pointer: '/keyword', message }] })
  }
}

function voiceTexts({ prompts, language = null }: TemplateRecord): VoiceTexts {
  return { prompts: prompts === null || prompts.length === 0 ? null : prompts, language }
}

/** The index of keywords goes with the templates that have them. */
function keywordWrites({ account: { number }, before, after }: NamedChange<TemplateRecord>): DocumentWrite[] {
  const keywordOf = (record: TemplateRecord | null) => (record?.keyword == null ? null : foldKeyword(record.keyword))
  const [old, now] = [keywordOf(before), keywordOf(after)]
  const writes: DocumentWrite[] = []
  if (old !== null && old !== now) writes.push({ collection: KEYWORDS, key: [number, old], value: null })
  if (now !== null) writes.push({ collection: KEYWORDS, key: [number, now], value: { name: after!.name } })
  return writes
}
