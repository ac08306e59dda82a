/** The templates of a dry run, which needs no server: out of a file of them. Command line only. */
import type { JobSettings } from '../engine/contract/job.js'
import type { TemplateView } from '../engine/contract/templates.js'
import { foldKeyword } from '../engine/text/keyword.js'
import { CommandError } from './command.js'
import { jsonFile } from './json-file.js'

/** By folded keyword: the text, and what emails have beside it. */
export interface KeywordTemplates {
  templates: Record<string, string>
  mailTemplates: Record<string, Pick<TemplateView, 'subject' | 'html'>>
}

/**
 * The templates with a keyword. Text, subject and HTML of the one that the settings name become theirs.
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
    delete settings.template
  }
  const keyed = items.filter(({ keyword }) => keyword != null)
  return {
    templates: Object.fromEntries(keyed.map(({ keyword, text }) => [foldKeyword(keyword!), text])),
    mailTemplates: Object.fromEntries(
      keyed.map(({ keyword, subject = null, html = null }) => [foldKeyword(keyword!), { subject, html }]),
    ),
  }
}

type GivenTemplate = Pick<TemplateView, 'name' | 'text' | 'keyword'> & Partial<Pick<TemplateView, 'subject' | 'html'>>

function templatesOf(file: string): GivenTemplate[] {
  const { items } = jsonFile(file) as { items?: unknown }
  if (!Array.isArray(items) || items.some((item) => typeof item?.text !== 'string' || typeof item.name !== 'string')) {
    throw new CommandError(`${file} must hold {"items": [{"name": …, "text": …, "keyword": …}]}`)
  }
  return items
}
