/**
 * From the settings of a request to those that the job is made with: what its profile says, the text of its template, and
 * the texts of the account's keywords. All of it is taken now and kept with the job, so that a later change of a profile
 * or template touches no job that was made before. Main thread.
 */
import { EngineError } from '../contract/errors.js'
import type { JobSettings } from '../contract/job.js'
import type { ProfileSettings } from '../contract/profiles.js'
import type { VoiceTexts } from '../contract/speech.js'
import type { TemplateTexts } from '../contract/templates.js'
import { mayHaveMail } from '../jobs/mail-settings.js'
import type { MailTexts } from '../jobs/ports.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import type { Templates } from '../templates/templates.js'
import type { Profiles } from './profiles.js'

const JOB_TEXTS = 'job-texts'

/** Folded keyword → text, as they were when the job was made. */
export interface JobTexts {
  byKeyword: Record<string, string>
  /** What emails have beside the text; absent: the job has none. */
  mailByKeyword?: Record<string, MailTexts>
  /** What calls have of them; absent: nothing of their own. */
  voiceByKeyword?: Record<string, VoiceTexts>
}

export interface WholeSettings {
  settings: JobSettings
  /** null: no column picks texts. */
  texts: JobTexts | null
}

/** For the transaction that makes the job. */
export function jobTextWrites(job: number, texts: JobTexts | null): DocumentWrite[] {
  return texts === null ? [] : [{ collection: JOB_TEXTS, key: [job], value: texts }]
}

/** By folded keyword. */
export function readJobTexts(documents: Documents, job: number): Record<string, string> {
  return documents.get<JobTexts>(JOB_TEXTS, [job])?.byKeyword ?? {}
}

export function readMailTexts(documents: Documents, job: number): Record<string, MailTexts> {
  return documents.get<JobTexts>(JOB_TEXTS, [job])?.mailByKeyword ?? {}
}

export function readVoiceTexts(documents: Documents, job: number): Record<string, VoiceTexts> {
  return documents.get<JobTexts>(JOB_TEXTS, [job])?.voiceByKeyword ?? {}
}

export class SavedSettings {
  readonly #profiles: Profiles
  readonly #templates: Templates

  constructor(profiles: Profiles, templates: Templates) {
    this.#profiles = profiles
    this.#templates = templates
  }

  /** Of a template; null: there is none of this name. */
  texts(account: number, template: string): TemplateTexts | null {
    return this.#templates.texts(account, template)
  }

  /** Folded keyword → text of its template. `account`: number. */
  byKeyword(account: number): Record<string, string> {
    return this.#templates.byKeyword(account)
  }

  /** The same of emails: what they have beside the text. */
  mailByKeyword(account: number): Record<string, MailTexts> {
    return this.#templates.mailByKeyword(account)
  }

  /** The same of calls. */
  voiceByKeyword(account: number): Record<string, VoiceTexts> {
    return this.#templates.voiceByKeyword(account)
  }

  /** `account`: number. @throws EngineError VALIDATION: no such profile or template. */
  resolve(account: number, given: JobSettings): WholeSettings {
    if (given.template !== undefined && given.text !== undefined) {
      throw wrong('/template', 'cannot stand beside text')
    }
    const settings = given.profile === undefined ? { ...given } : this.#merged(account, given, given.profile)
    if (settings.template !== undefined) {
      const texts = this.#templates.texts(account, settings.template)
      if (texts === null) throw wrong('/template', 'names no template of this account')
      settings.text = texts.text
      if (mayHaveMail(settings)) {
        settings.subject ??= texts.subject ?? undefined
        settings.html ??= texts.html ?? undefined
      }
      settings.prompts ??= texts.prompts ?? undefined
      settings.language ??= texts.language ?? undefined
    }
    return { settings, texts: settings.columns?.keyword === undefined ? null : this.#keywordTexts(account, settings) }
  }

  #keywordTexts(account: number, settings: JobSettings): JobTexts {
    const byKeyword = this.#templates.byKeyword(account)
    const voice = this.#templates.voiceByKeyword(account)
    return {
      byKeyword,
      ...(mayHaveMail(settings) ? { mailByKeyword: this.#templates.mailByKeyword(account) } : {}),
      ...(Object.keys(voice).length === 0 ? {} : { voiceByKeyword: voice }),
    }
  }

  #merged(account: number, own: JobSettings, name: string): JobSettings {
    const saved = this.#profiles.settings(account, name)
    if (saved === null) throw wrong('/profile', 'names no profile of this account')
    return merge(saved, own)
  }
}

/** What the job says wins; `csv` and `columns` are merged key by key. */
function merge(saved: ProfileSettings, own: JobSettings): JobSettings {
  const { filePattern: _served, ...settings } = saved
  const merged: JobSettings = { ...settings, ...own }
  if (saved.csv !== undefined || own.csv !== undefined) merged.csv = { ...saved.csv, ...own.csv }
  if (saved.columns !== undefined || own.columns !== undefined) {
    merged.columns = mergeColumns({ ...saved.columns }, { ...own.columns })
  }
  // A text of the job's own stands in the place of the saved one, whichever way either is given.
  if (own.text !== undefined) delete merged.template
  else if (own.template !== undefined) delete merged.text
  const isNew = own.text !== undefined || own.template !== undefined
  // What the profile plays stood in the place of its own text.
  if (isNew && own.prompts === undefined) delete merged.prompts
  return merged
}

type Columns = NonNullable<JobSettings['columns']>

function mergeColumns(saved: Columns, own: Columns): Columns {
  const merged: Columns = { ...saved, ...own }
  if (saved.fields !== undefined && own.fields !== undefined) merged.fields = { ...saved.fields, ...own.fields }
  // One recipient column, or several: the job's own choice is not added to the saved one.
  if (own.to !== undefined && own.phones === undefined) delete merged.phones
  if (own.phones !== undefined && own.to === undefined) delete merged.to
  return merged
}

function wrong(pointer: string, message: string): EngineError {
  return new EngineError('VALIDATION', `${pointer} ${message}.`, { fields: [{ pointer, message }] })
}
