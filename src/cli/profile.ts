/** `trunkline profile`: saved settings for files: the list, one of them, or a new one from a sample file. */
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { plainBytes } from '../engine/base/plain-bytes.js'
import type { Page } from '../engine/contract/api.js'
import { limits } from '../engine/contract/limits.js'
import type { ProfileSettings, ProfileView } from '../engine/contract/profiles.js'
import type { SampleView } from '../engine/contract/sample.js'
import { ApiClient } from './client.js'
import {
  type Command,
  CommandError,
  clientHelp,
  clientOptions,
  type OptionTable,
  readArguments,
  targetOf,
  textOption,
  UsageError,
} from './command.js'
import { print, printError, printJson, table } from './output.js'
import { profileFile } from './profile-file.js'
import { sampleInWords } from './sample-report.js'

const options: OptionTable = {
  ...clientOptions,
  from: { type: 'string' },
  name: { type: 'string' },
  text: { type: 'string' },
  template: { type: 'string' },
  pattern: { type: 'string' },
  'default-country': { type: 'string' },
  settings: { type: 'string' },
  save: { type: 'boolean' },
}

export const profile: Command = {
  help: `Usage: trunkline profile                       list the profiles
       trunkline profile NAME                  show one
       trunkline profile --from SAMPLE.csv     make one from a file like those that will come

With --from it looks at the first 4 MiB of the file, says what each column seems to hold, shows the first 12 rows as
they would be sent, and tells every doubt with its remedy. Nothing is saved without --save.

  --from FILE      the sample, plain or gzip
  --name NAME      of the profile (default: of the file); "default" serves dropped files that no pattern fits
  --text TEXT      the text, with ~label~ or ~label|fallback~ for fields of the row
  --template NAME  a stored template instead of --text
  --pattern GLOB   names of the dropped files that it serves, e.g. "clinic-*.csv"
  --default-country GB  country of numbers without a country code
  --settings FILE  settings so far as JSON, such as those that were proposed, corrected; the options above win
  --save           save what is proposed
${clientHelp}

Example:
  trunkline profile --from clinic-november.csv --name clinic --text "Hi ~name~, see you on ~appointment~." --save`,

  async run(argv) {
    const { values, positionals } = readArguments(argv, options, 1)
    const client = new ApiClient(targetOf(values))
    const isJson = values.json === true
    const [name] = positionals
    const from = textOption(values, 'from')
    if (from !== undefined) {
      if (name !== undefined) throw new UsageError(`with --from the name is given as --name ${name}`)
      const named = textOption(values, 'name') ?? nameOf(from)
      return await sample(client, { file: from, name: named, settings: settingsOf(values) }, values)
    }
    for (const option of ['save', 'text', 'template', 'pattern', 'settings', 'name'] as const) {
      if (values[option] !== undefined) throw new UsageError(`--${option} needs --from SAMPLE.csv`)
    }
    if (name === undefined) await list(client, isJson)
    else printJsonOr(isJson, await client.json<ProfileView>('GET', `/v1/profiles/${encodeURIComponent(name)}`))
    return 0
  },
}

function printJsonOr(isJson: boolean, view: ProfileView): void {
  if (isJson) printJson(view)
  else print(`${view.name}, changed ${view.updatedAt}\n${JSON.stringify(view.settings, null, 2)}`)
}

async function list(client: ApiClient, isJson: boolean): Promise<void> {
  const page = await client.json<Page<ProfileView>>('GET', '/v1/profiles?limit=200')
  if (isJson) printJson(page)
  else if (page.items.length === 0) print('no profiles; make one with: trunkline profile --from SAMPLE.csv')
  else {
    const rows = page.items.map(({ name, settings, updatedAt }) => [
      name,
      [settings.filePattern ?? []].flat().join(', '),
      wordsOf(settings),
      updatedAt,
    ])
    print(table(['name', 'files', 'text', 'changed'], rows))
  }
}

const SHOWN = 40

/** Where its texts come from. */
function wordsOf({ text, template, columns }: ProfileSettings): string {
  if (template !== undefined) return `template ${template}`
  if (columns?.keyword !== undefined) return `keywords in ${columns.keyword}`
  if (columns?.text !== undefined && text === undefined) return `texts in ${columns.text}`
  return text === undefined ? '-' : text.replace(/\s+/g, ' ').slice(0, SHOWN)
}

function settingsOf(values: Parameters<typeof textOption>[0]): ProfileSettings {
  const file = textOption(values, 'settings')
  const given = file === undefined ? {} : profileFile(file)
  const settings: ProfileSettings = { ...given }
  const text = textOption(values, 'text')
  const template = textOption(values, 'template')
  if (text !== undefined && template !== undefined) throw new UsageError('--text and --template exclude each other')
  if (text !== undefined || template !== undefined) {
    delete settings.text
    delete settings.template
  }
  const own = {
    text,
    template,
    filePattern: textOption(values, 'pattern'),
    defaultCountry: textOption(values, 'default-country'),
  }
  return { ...settings, ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)) }
}

/** Of its letters, since what counts up in it is not of the name. */
function nameOf(file: string): string {
  const stem = basename(file)
    .replace(/\.gz$/i, '')
    .replace(/\.[^.]*$/, '')
  const name = stem.replace(/\d+/g, '').replace(/[-_. ]+$|^[-_. ]+/g, '')
  if (name !== '') return name.slice(0, 64)
  throw new UsageError('the file has no name to call the profile by; give --name')
}

interface Asked {
  file: string
  name: string
  settings: ProfileSettings
}

async function sample(
  client: ApiClient,
  { file, name, settings }: Asked,
  { save, json }: { save?: unknown; json?: unknown },
): Promise<number> {
  const bytes = await headOf(file)
  const query = save === true ? '?save=true' : ''
  const form = { part: 'profile', settings, bytes, fileName: basename(file) }
  const view = await client.form<SampleView>(`/v1/profiles/${encodeURIComponent(name)}/sample${query}`, form)
  if (json === true) printJson(view)
  else {
    print(sampleInWords(view))
    if (!view.saved) printError('nothing is saved yet; add --save when it is right')
  }
  return 0
}

/** Whole records of the beginning, as many as a sample may have. */
async function headOf(file: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of plainBytes(createReadStream(file))) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > limits.sniffBytes) return wholeLines(Buffer.concat(chunks).subarray(0, limits.sniffBytes))
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new CommandError(`${file} cannot be read (${code ?? message})`)
  }
  return Buffer.concat(chunks)
}

/** Up to the last line end; in UTF-16 that has two octets, of which one is NUL. */
function wholeLines(bytes: Buffer): Buffer {
  const mark = bytes.readUInt16BE(0)
  if (mark === 0xfffe) return bytes.subarray(0, bytes.lastIndexOf('\n\0', bytes.length, 'latin1') + 2)
  if (mark === 0xfeff) return bytes.subarray(0, bytes.lastIndexOf('\0\n', bytes.length, 'latin1') + 2)
  return bytes.subarray(0, bytes.lastIndexOf('\n') + 1)
}
