/** Saved texts of an account: named by jobs and messages, or picked row by row through their keyword. */
import type { Page, PageQuery, Principal } from './api.js'
import type { PromptSetting, VoiceTexts } from './speech.js'

export interface TemplateSettings {
  /** With ~label~, ~label|fallback~ and ~~ for a tilde. */
  text: string
  /** What rows of a keyword column name it by; upper and lower case are alike, unique in the account. */
  keyword?: string | null
  /** Of an email. */
  subject?: string | null
  html?: string | null
  /** Of a call: what is played in the place of the text. */
  prompts?: PromptSetting[] | null
  /** Of a call (BCP 47); null: as jobs, the account or the configuration say. */
  language?: string | null
  description?: string | null
}

/** What messages are made of; `subject` and `html` of emails alone, the rest of calls. */
export interface TemplateTexts extends VoiceTexts {
  text: string
  subject: string | null
  html: string | null
}

export interface TemplateView {
  name: string
  text: string
  keyword: string | null
  subject: string | null
  html: string | null
  prompts: PromptSetting[] | null
  language: string | null
  description: string | null
  createdAt: string
  updatedAt: string
}

/** A foreign template is as unknown as one that never was: NOT_FOUND. */
export interface TemplatesApi {
  /** Makes it or replaces it whole. @throws EngineError TEMPLATE_INVALID with the position, VALIDATION. */
  put(principal: Principal, name: string, settings: TemplateSettings): Promise<TemplateView>
  get(principal: Principal, name: string): TemplateView
  /** By name. */
  list(principal: Principal, query: PageQuery): Page<TemplateView>
  remove(principal: Principal, name: string): Promise<void>
  /** Under another name, without its keyword. @throws EngineError NAME_TAKEN. */
  copy(principal: Principal, name: string, to: string): Promise<TemplateView>
}
