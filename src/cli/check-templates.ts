/** The templates of a dry run, which needs no server: out of a file of them. Command line only. */
import type { JobSettings } from '../engine/contract/job.js'
import type { TemplateView } from '../engine/contract/templates.js'
import { foldKeyword } from '../engine/text/keyword.js'
import { CommandError } from './command.js'
import { jsonFile } from './json-file.js'

/**
 * Folded keyword → text. The template that the settings name becomes their text.
 * @throws CommandError: there is none of this name, or no file.
 */
export function checkTemplates(file: string | undefined, settings: JobSettings): Record<string, string> {
  const items = file === undefined ? [] : templatesOf(file)
  const { template } = settings
  if (template !== undefined) {
    const named = items.find(({ name }) => name === template)
    if (named === undefined) {
      const where = file === undefined ? 'stored on the server' : `not in ${file}`
      throw new CommandError(`the template ${template} is ${where}; give its text with --text, or all with --templates`)
    }
    settings.text = named.text
    delete settings.template
  }
  const texts = items.filter(({ keyword }) => keyword != null).map(({ keyword, text }) => [foldKeyword(keyword!), text])
  return Object.fromEntries(texts)
}

function templatesOf(file: string): Pick<TemplateView, 'name' | 'text' | 'keyword'>[] {
  const { items } = jsonFile(file) as { items?: unknown }
  if (!Array.isArray(items) || items.some((item) => typeof item?.text !== 'string' || typeof item.name !== 'string')) {
    throw new CommandError(`${file} must hold {"items": [{"name": …, "text": …, "keyword": …}]}`)
  }
  return items
}
