/**
 * Drafts behind the façade: whose they are, what their settings come to once template and profile are looked up, and what the
 * audit log says of it. Main thread.
 */
import type { Askers } from '../accounts/askers.js'
import type { Idempotency } from '../accounts/idempotency.js'
import { answerWrites } from '../accounts/kept-answers.js'
import type { Audit } from '../audit/audit.js'
import type { JobView, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { CONTENT_SETTINGS, type CopyOrder, type DraftPatch, type DraftsApi } from '../contract/drafts.js'
import { EngineError } from '../contract/errors.js'
import { jobId } from '../contract/ids.js'
import type { JobPatch, JobSettings } from '../contract/job.js'
import { jobTextWrites, type SavedSettings, type WholeSettings } from '../profiles/saved-settings.js'
import type { DocumentWrite } from '../store/documents.js'
import type { JobRecord } from './job-record.js'
import type { Jobs } from './jobs.js'

export interface DraftDeskDeps {
  askers: Askers
  audit: Audit
  idempotency: Idempotency
  clock: Clock
  jobs: Jobs
  saved: SavedSettings
}

export class DraftDesk implements DraftsApi {
  readonly #deps: DraftDeskDeps

  constructor(deps: DraftDeskDeps) {
    this.#deps = deps
  }

  async copy(principal: Principal, id: string, { name, rows = true }: CopyOrder): Promise<JobView> {
    const { askers, jobs } = this.#deps
    const account = askers.sender(principal)
    const source = jobs.find(account.number, id)
    const given = asGiven(source.settings)
    // What has passed is not repeated, and the reference is that of the job that it was copied from.
    const { sendAt, clientReference: _reference, ...rest } = given
    const isAhead = sendAt !== undefined && source.sendAtMs > this.#deps.clock.now()
    const settings = { ...rest, ...(isAhead ? { sendAt } : {}), ...(name === undefined ? {} : { name }), review: true }
    const whole = this.#whole(account.number, settings)
    const withRows = rows && settings.audience === undefined
    const from = withRows && jobs.drafts.hasRows(source) ? source : null
    const record = await jobs.copy(account, whole.settings, from, (job) => {
      return this.#made(principal, { account, job, whole, of: source.job })
    })
    return jobs.view(record)
  }

  #made(
    principal: Principal,
    made: { account: { id: string; number: number }; job: number; whole: WholeSettings; of: number },
  ): DocumentWrite[] {
    const { audit, idempotency } = this.#deps
    const { account, job, whole, of } = made
    const after = { of: jobId(of), settings: whole.settings }
    const entry = { principal, action: 'job.copy', object: `job/${jobId(job)}`, account, after }
    const writes = [...jobTextWrites(job, whole.texts), ...audit.recordWrites(entry)]
    const running = idempotency.current
    if (running === null) return writes
    Object.assign(running.kept, { job, needsFile: false })
    return [...writes, ...answerWrites(running.account, running.key, running.kept)]
  }

  /** Settings of a job as they were given, looked up anew: its text stays, what keywords pick is as templates are now. */
  #whole(account: number, settings: JobSettings): WholeSettings {
    const { template, profile, ...rest } = settings
    const isTemplateNew = template !== undefined && settings.text === undefined
    const whole = this.#deps.saved.resolve(account, isTemplateNew ? { ...rest, template } : rest)
    const names = { ...(template === undefined ? {} : { template }), ...(profile === undefined ? {} : { profile }) }
    return { ...whole, settings: { ...whole.settings, ...names } }
  }

  async change(principal: Principal, id: string, change: JobPatch & DraftPatch): Promise<JobView> {
    const { askers, jobs } = this.#deps
    const record = jobs.find(askers.number(principal), id)
    const { content, sending } = split(change)
    if (Object.keys(content).length > 0) await this.#changeContent(principal, record, content)
    if (Object.keys(sending).length > 0) await jobs.control.patch(record.job, sending, principal)
    return jobs.view(record)
  }

  async #changeContent(principal: Principal, record: JobRecord, content: DraftPatch): Promise<void> {
    const { askers, audit, jobs } = this.#deps
    const account = askers.sender(principal)
    const whole = this.#whole(account.number, changedSettings(asGiven(record.settings), content))
    await jobs.drafts.change(record, account, whole.settings, (before, after) => {
      const object = `job/${jobId(record.job)}`
      const entry = { principal, action: 'job.change', object, account, before, after }
      return [...jobTextWrites(record.job, whole.texts), ...audit.recordWrites(entry)]
    })
  }

  async remove(principal: Principal, id: string): Promise<void> {
    const { askers, audit, jobs } = this.#deps
    const record = jobs.find(askers.number(principal), id)
    const account = { id: record.accountId, number: record.account }
    await jobs.drafts.remove(record, () =>
      audit.recordWrites({ principal, action: 'job.delete', object: `job/${id}`, account, before: record }),
    )
  }
}

const CONTENT: ReadonlySet<string> = new Set(CONTENT_SETTINGS)

function split(change: JobPatch & DraftPatch): { content: DraftPatch; sending: JobPatch } {
  const entries = Object.entries(change)
  return {
    content: Object.fromEntries(entries.filter(([name]) => CONTENT.has(name))),
    sending: Object.fromEntries(entries.filter(([name]) => !CONTENT.has(name))),
  }
}

/** Without what was made of an audience: its columns are those of the file that it becomes. */
function asGiven(settings: JobSettings): JobSettings {
  if (settings.audience === undefined) return settings
  const { csv: _csv, columns, ...rest } = settings
  const { to: _to, email: _email, ...others } = columns ?? {}
  return Object.keys(others).length === 0 ? rest : { ...rest, columns: others }
}

/** A text of its own takes the place of a template, and a template that of the text. @throws EngineError VALIDATION. */
function changedSettings(settings: JobSettings, content: DraftPatch): JobSettings {
  if (content.text != null && content.template != null) {
    const fields = [{ pointer: '/template', message: 'cannot stand beside text' }]
    throw new EngineError('VALIDATION', '/template cannot stand beside text.', { fields })
  }
  const next: Record<string, unknown> = { ...settings }
  if (content.text !== undefined) {
    // What the template played stood in the place of the text that it had.
    if (settings.template !== undefined) delete next.prompts
    delete next.template
  }
  if (content.template !== undefined)
    for (const name of ['text', 'subject', 'html', 'prompts', 'language']) delete next[name]
  for (const [name, value] of Object.entries(content)) {
    if (value === null) delete next[name]
    else next[name] = value
  }
  return next as JobSettings
}
