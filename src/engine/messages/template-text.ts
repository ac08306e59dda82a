/** Messages that name a template get its text, filled with their own fields: values are data, as in a file. Main thread. */
import { escapeHtml, inOneLine } from '../base/html.js'
import type { FieldValue, MessageRequest } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import type { ReasonCode } from '../contract/reasons.js'
import type { PlayItem, PromptSetting } from '../contract/speech.js'
import type { TemplateTexts } from '../contract/templates.js'
import { playItem, promptErrors } from '../text/prompts.js'
import { bindTemplate, compileTemplate, labelLookup, type Template } from '../text/template.js'
import { isForMail } from './compose-mail.js'

/** A request whose text is whole, or says why it cannot be. */
export interface FilledMessage extends MessageRequest {
  unfilled?: Unfilled
  /** Of a call: its play list with every label filled, or why it cannot be; absent: its text is spoken. */
  play?: { items: readonly PlayItem[] } | Unfilled
}

export interface Unfilled {
  reason: ReasonCode
  detail: string
}

/** `textsOf`: of a template of the account; null: there is none of this name. The messages of one call share what was read. */
export function fillTemplates(
  messages: MessageRequest[],
  textsOf: (name: string) => TemplateTexts | null,
): FilledMessage[] {
  if (!messages.some(({ template, prompts }) => template !== undefined || prompts !== undefined)) return messages
  checkPrompts(messages)
  const known = new Map<string, CompiledTemplate | null>()
  return messages.map((message) => {
    const { template: name } = message
    if (name === undefined) return message.prompts === undefined ? message : { ...message, ...ownPlay(message) }
    if (!known.has(name)) {
      const texts = textsOf(name)
      known.set(name, texts === null ? null : compiled(texts))
    }
    const template = known.get(name)!
    if (template !== null) return { ...message, ...filled(template, message) }
    const detail = `There is no template ${JSON.stringify(name)}.`
    return { ...message, unfilled: { reason: 'TEMPLATE_UNKNOWN', detail } }
  })
}

/** @throws EngineError VALIDATION naming each wrong prompt. */
function checkPrompts(messages: readonly MessageRequest[]): void {
  const fields = messages.flatMap(({ prompts = [] }, index) => [
    ...promptErrors(prompts, messages.length === 1 ? '/prompts' : `/messages/${index}/prompts`),
  ])
  if (fields.length > 0) throw new EngineError('VALIDATION', `${fields[0]!.pointer} ${fields[0]!.message}.`, { fields })
}

interface CompiledTemplate {
  text: Template
  subject: Template | null
  html: Template | null
  prompts: readonly CompiledItem[] | null
  language: string | null
}

/** The text of an item, or of the name of its recording. */
type CompiledItem = { kind: 'text' | 'recording'; content: Template } | { kind: 'pause'; pauseMs: number }

function compiled({ text, subject, html, prompts, language }: TemplateTexts): CompiledTemplate {
  return {
    text: compileTemplate(text),
    subject: subject === null ? null : compileTemplate(subject),
    html: html === null ? null : compileTemplate(html),
    prompts: prompts === null ? null : compiledItems(prompts),
    language,
  }
}

function compiledItems(prompts: readonly PromptSetting[]): CompiledItem[] {
  return prompts.map((prompt): CompiledItem => {
    const item = playItem(prompt)
    if ('pauseMs' in item) return { kind: 'pause', pauseMs: item.pauseMs }
    if ('text' in item) return { kind: 'text', content: compileTemplate(item.text) }
    return { kind: 'recording', content: compileTemplate(item.recording) }
  })
}

type Filled = Pick<FilledMessage, 'text' | 'subject' | 'html' | 'unfilled' | 'play' | 'language'>

/** What the message says itself of an email stands in the place of its template's. */
function filled(template: CompiledTemplate, message: MessageRequest): Filled {
  const { fields = {} } = message
  const text = render(template.text, fields, plain)
  if (!isForMail(message)) {
    const call = callOf(template, message)
    return text.missing === null ? { text: text.value, ...call } : { ...missing(text.missing), ...call }
  }
  if (text.missing !== null) return missing(text.missing)
  const subject = message.subject === undefined ? render(template.subject, fields, inOneLine) : given(message.subject)
  if (subject.missing !== null) return missing(subject.missing)
  const html = message.html === undefined ? render(template.html, fields, escapeHtml) : given(message.html)
  if (html.missing !== null) return missing(html.missing)
  return { text: text.value, subject: subject.value, html: html.value }
}

function missing(label: string): Filled {
  return { unfilled: lacking(label) }
}

function lacking(label: string): Unfilled {
  return { reason: 'MISSING_FIELD', detail: `The template needs a value for ${JSON.stringify(label)}.` }
}

/** What a call has of it, where it becomes one. */
function callOf(template: CompiledTemplate, message: MessageRequest): Pick<Filled, 'play' | 'language'> {
  const language = message.language ?? template.language
  const said = language === null ? {} : { language }
  if (message.prompts !== undefined) return { ...said, ...ownPlay(message) }
  return template.prompts === null ? said : { ...said, play: playOf(template.prompts, message.fields ?? {}) }
}

/** The text of a message is final, and so are its prompts, unless there is something to fill them with. */
function ownPlay({ prompts = [], fields }: MessageRequest): Pick<Filled, 'play'> {
  if (prompts.length === 0) return {}
  if (fields === undefined) return { play: { items: prompts.map(playItem) } }
  return { play: playOf(compiledItems(prompts), fields) }
}

function playOf(prompts: readonly CompiledItem[], fields: Record<string, FieldValue>): FilledMessage['play'] {
  const items: PlayItem[] = []
  for (const item of prompts) {
    if (item.kind === 'pause') {
      items.push({ pauseMs: item.pauseMs })
      continue
    }
    const content = render(item.content, fields, plain)
    if (content.missing !== null) return lacking(content.missing)
    items.push(item.kind === 'text' ? { text: content.value } : { recording: content.value })
  }
  return { items }
}

interface Rendered {
  value: string
  /** The label that has no value; null: none. */
  missing: string | null
}

function given(value: string): Rendered {
  return { value, missing: null }
}

function plain(value: string): string {
  return value
}

/** A label that has no field is one without a value: its fallback stands in, as for an empty cell. */
function render(
  template: Template | null,
  fields: Record<string, FieldValue>,
  shown: (value: string) => string,
): Rendered {
  if (template === null) return given('')
  const names = Object.keys(fields)
  const values = Object.values(fields).map((value) => (value === null ? '' : shown(String(value))))
  const lookup = labelLookup(names)
  values.push('')
  const bound = bindTemplate(template, (label) => (lookup(label) < 0 ? names.length : lookup(label)))
  const value = bound.render(values)
  return value === null ? { value: '', missing: bound.missingLabel ?? '' } : given(value)
}
