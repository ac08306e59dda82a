/** Messages that name a template get its text, filled with their own fields: values are data, as in a file. Main thread. */
import { escapeHtml, inOneLine } from '../base/html.js'
import type { FieldValue, MessageRequest } from '../contract/api.js'
import type { ReasonCode } from '../contract/reasons.js'
import type { TemplateTexts } from '../contract/templates.js'
import { bindTemplate, compileTemplate, labelLookup, type Template } from '../text/template.js'
import { isForMail } from './compose-mail.js'

/** A request whose text is whole, or says why it cannot be. */
export interface FilledMessage extends MessageRequest {
  unfilled?: { reason: ReasonCode; detail: string }
}

/** `textsOf`: of a template of the account; null: there is none of this name. The messages of one call share what was read. */
export function fillTemplates(
  messages: MessageRequest[],
  textsOf: (name: string) => TemplateTexts | null,
): FilledMessage[] {
  if (!messages.some(({ template }) => template !== undefined)) return messages
  const known = new Map<string, CompiledTemplate | null>()
  return messages.map((message) => {
    const { template: name } = message
    if (name === undefined) return message
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

interface CompiledTemplate {
  text: Template
  subject: Template | null
  html: Template | null
}

function compiled({ text, subject, html }: TemplateTexts): CompiledTemplate {
  return {
    text: compileTemplate(text),
    subject: subject === null ? null : compileTemplate(subject),
    html: html === null ? null : compileTemplate(html),
  }
}

type Filled = Pick<FilledMessage, 'text' | 'subject' | 'html' | 'unfilled'>

/** What the message says itself of an email stands in the place of its template's. */
function filled(template: CompiledTemplate, message: MessageRequest): Filled {
  const { fields = {} } = message
  const text = render(template.text, fields, plain)
  if (text.missing !== null) return missing(text.missing)
  if (!isForMail(message)) return { text: text.value }
  const subject = message.subject === undefined ? render(template.subject, fields, inOneLine) : given(message.subject)
  if (subject.missing !== null) return missing(subject.missing)
  const html = message.html === undefined ? render(template.html, fields, escapeHtml) : given(message.html)
  if (html.missing !== null) return missing(html.missing)
  return { text: text.value, subject: subject.value, html: html.value }
}

function missing(label: string): Filled {
  const detail = `The template needs a value for ${JSON.stringify(label)}.`
  return { unfilled: { reason: 'MISSING_FIELD', detail } }
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
