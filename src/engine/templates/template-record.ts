/** A template as stored, and as the API shows it. Main thread. */
import type { NamedRecord } from '../accounts/named-documents.js'
import type { PromptSetting } from '../contract/speech.js'
import type { TemplateSettings, TemplateView } from '../contract/templates.js'

export interface TemplateRecord extends NamedRecord {
  text: string
  keyword: string | null
  subject: string | null
  html: string | null
  prompts: PromptSetting[] | null
  /** Absent: stored by an earlier version. */
  language?: string | null
  description: string | null
}

export interface TemplateFacts {
  name: string
  /** What it replaces. */
  before: TemplateRecord | null
  nowMs: number
}

export function newTemplate({ name, before, nowMs }: TemplateFacts, settings: TemplateSettings): TemplateRecord {
  return {
    name,
    text: settings.text,
    keyword: settings.keyword ?? null,
    subject: settings.subject ?? null,
    html: settings.html ?? null,
    prompts: settings.prompts ?? null,
    language: settings.language ?? null,
    description: settings.description ?? null,
    createdAtMs: before?.createdAtMs ?? nowMs,
    updatedAtMs: nowMs,
  }
}

export function templateView(record: TemplateRecord): TemplateView {
  const { createdAtMs, updatedAtMs, language = null, ...shown } = record
  return {
    ...shown,
    language,
    createdAt: new Date(createdAtMs).toISOString(),
    updatedAt: new Date(updatedAtMs).toISOString(),
  }
}
