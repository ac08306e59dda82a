/** The templates of a dry run, which needs no server: out of a file of them. Command line only. */
import type { JobSettings } from '../engine/contract/job.js'
import type { VoiceTexts } from '../engine/contract/speech.js'
import type { TemplateView } from '../engine/contract/templates.js'
import { foldKeyword } from '../engine/text/keyword.js'
import { CommandError } from './command.js'
import { jsonFile } from './json-file.js'

/** By folded keyword: the text, and what emails and calls have beside it. */
export interface KeywordTemplates {
  templates: Record<string, string>
  mailTemplates: Record<string, Pick<TemplateView, 'subject' | 'html'>>
  voiceTemplates: Record<string, VoiceTexts>
}

/**
 * The templates with a keyword. Text, subject, HTML, prompts and language of the one that the settings name become theirs.
 * @throws CommandError: there is none of this name, or no file.
 */
export function checkTemplates(file: string | undefined, settings: JobSettings): KeywordTemplates {
  const items = file === undefined ? [] : templatesOf(file)
  const { template } = settings
  if (template !== undefined) {
    const named = items.find(({ name }) => name === template)
    if (named === undefined) {
      const where = file === undefined ? 'stored on the server' : `not in ${file}`
      throw new CommandError(`the template ${template} is ${where}; give its text with --text, or all with --templates`)
    }
    settings.text = named.text
    settings.subject ??= named.subject ?? undefined
    settings.html ??= named.html ?? undefined
    settings.prompts ??= named.prompts ?? undefined
    settings.language ??= named.language ?? undefined
    delete settings.template
  }
  const keyed = items.filter(({ keyword }) => keyword != null)
  return {
    templates: Object.fromEntries(keyed.map(({ keyword, text }) => [foldKeyword(keyword!), text])),
    mailTemplates: Object.fromEntries(
      keyed.map(({ keyword, subject = null, html = null }) => [foldKeyword(keyword!), { subject, html }]),
    ),
    voiceTemplates: Object.fromEntries(
      keyed.map(({ keyword, prompts = null, language = null }) => [foldKeyword(keyword!), { prompts, language }]),
    ),
  }
}

type GivenTemplate = Pick<TemplateView, 'name' | 'text' | 'keyword'> &
  Partial<Pick<TemplateView, 'subject' | 'html' | 'prompts' | 'language'>>

function templatesOf(file: string): GivenTemplate[] {
  const { items } = jsonFile(file) as { items?: unknown }
  if (!Array.isArray(items) || items.some((item) => typeof item?.text !== 'string' || typeof item.name !== 'string')) {
    throw new CommandError(`${file} must hold {"items": [{"name": …, "text": …, "keyword": …}]}`)
  }
  return items
}
