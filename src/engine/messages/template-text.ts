/** Messages that name a template get its text, filled with their own fields: values are data, as in a file. Main thread. */
import type { FieldValue, MessageRequest } from '../contract/api.js'
import type { ReasonCode } from '../contract/reasons.js'
import { bindTemplate, compileTemplate, labelLookup, type Template } from '../text/template.js'

/** A request whose text is whole, or says why it cannot be. */
export interface FilledMessage extends MessageRequest {
  unfilled?: { reason: ReasonCode; detail: string }
}

/** `textOf`: of a template of the account; null: there is none of this name. The messages of one call share what was read. */
export function fillTemplates(messages: MessageRequest[], textOf: (name: string) => string | null): FilledMessage[] {
  if (!messages.some(({ template }) => template !== undefined)) return messages
  const known = new Map<string, Template | null>()
  return messages.map((message) => {
    const { template: name, fields = {} } = message
    if (name === undefined) return message
    if (!known.has(name)) {
      const text = textOf(name)
      known.set(name, text === null ? null : compileTemplate(text))
    }
    const template = known.get(name)!
    if (template !== null) return { ...message, ...filled(template, fields) }
    const detail = `There is no template ${JSON.stringify(name)}.`
    return { ...message, unfilled: { reason: 'TEMPLATE_UNKNOWN', detail } }
  })
}

function filled(template: Template, fields: Record<string, FieldValue>): Pick<FilledMessage, 'text' | 'unfilled'> {
  const names = Object.keys(fields)
  const values = Object.values(fields).map((value) => (value === null ? '' : String(value)))
  const lookup = labelLookup(names)
  // A label that has no field is one without a value: its fallback stands in, as for an empty cell.
  values.push('')
  const bound = bindTemplate(template, (label) => (lookup(label) < 0 ? names.length : lookup(label)))
  const text = bound.render(values)
  if (text !== null) return { text }
  const detail = `The template needs a value for ${JSON.stringify(bound.missingLabel)}.`
  return { unfilled: { reason: 'MISSING_FIELD', detail } }
}
