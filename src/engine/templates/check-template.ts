/** What of a template can be refused before a job uses it. Main thread. */
import { EngineError, type FieldError } from '../contract/errors.js'
import type { PromptSetting } from '../contract/speech.js'
import type { TemplateSettings } from '../contract/templates.js'
import { spokenErrors } from '../jobs/voice-settings.js'
import { isBody } from '../text/body.js'
import { playItem } from '../text/prompts.js'
import { compileTemplate } from '../text/template.js'

/** Any word: the cell of a row is compared with it. */
const KEYWORD = /^[^\s\p{C}]{1,64}$/u

/** @throws EngineError VALIDATION naming each wrong field, TEMPLATE_INVALID with the position. */
export function checkTemplate(settings: TemplateSettings): void {
  const fields = [...problems(settings)]
  if (fields.length > 0) throw new EngineError('VALIDATION', `${fields[0]!.pointer} ${fields[0]!.message}.`, { fields })
  compileAt('/text', settings.text)
  if (settings.subject != null) compileAt('/subject', settings.subject)
  if (settings.html != null) compileAt('/html', settings.html)
  compilePromptsAt(settings.prompts ?? [])
}

function* problems({ text, keyword, subject, html, prompts, language }: TemplateSettings): Iterable<FieldError> {
  // A call may have no words but those of its recordings.
  if (text.trim() === '' && (prompts ?? []).length === 0) yield { pointer: '/text', message: 'must not be empty' }
  for (const [pointer, value] of [
    ['/text', text],
    ['/subject', subject],
    ['/html', html],
  ] as const) {
    if (value != null && !isBody(value)) {
      yield { pointer, message: 'has a control character or half of a surrogate pair' }
    }
  }
  yield* spokenErrors({ prompts: prompts ?? undefined, language: language ?? undefined })
  if (subject != null && /[\r\n]/.test(subject)) yield { pointer: '/subject', message: 'must be one line' }
  if (keyword != null && !KEYWORD.test(keyword)) {
    yield { pointer: '/keyword', message: 'must be one word of at most 64 characters, such as #001' }
  }
}

function compilePromptsAt(prompts: readonly PromptSetting[]): void {
  for (const [index, prompt] of prompts.entries()) {
    const item = playItem(prompt)
    if ('text' in item) compileAt(`/prompts/${index}`, item.text)
    if ('recording' in item) compileAt(`/prompts/${index}`, item.recording)
  }
}

/** Compiles a text for its errors. @throws EngineError TEMPLATE_INVALID that points at the field. */
export function compileAt(pointer: string, source: string): void {
  try {
    compileTemplate(source)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw new EngineError(error.code, error.message, { cause: error, fields: [{ pointer, message: error.message }] })
  }
}
