/** `trunkline recordings`: WAV files that calls play, by name; and how a text sounds when a call speaks it. */
import { basename, extname } from 'node:path'
import type { Page } from '../engine/contract/api.js'
import type { RecordingView } from '../engine/contract/recordings.js'
import { ApiClient } from './client.js'
import {
  type Arguments,
  type Command,
  clientHelp,
  clientOptions,
  listQuery,
  type OptionTable,
  readArguments,
  targetOf,
  textOption,
  UsageError,
} from './command.js'
import { fileBytes } from './file-bytes.js'
import { print, printJson, table } from './output.js'

const options: OptionTable = {
  ...clientOptions,
  name: { type: 'string' },
  description: { type: 'string' },
  language: { type: 'string' },
  out: { type: 'string' },
  limit: { type: 'string' },
}

type Work = (client: ApiClient, given: Arguments, subject: string) => Promise<unknown>

const WORKS: Readonly<Record<string, { subject: string; work: Work }>> = {
  put: { subject: 'a WAV file', work: put },
  get: { subject: 'the name of a recording', work: get },
  delete: { subject: 'the name of a recording', work: remove },
  say: { subject: 'a text', work: say },
}

export const recordings: Command = {
  help: `Usage: trunkline recordings [options]
       trunkline recordings put FILE [--name NAME] [--description TEXT]
       trunkline recordings get NAME --out FILE
       trunkline recordings delete NAME
       trunkline recordings say TEXT [--language TAG] --out FILE

WAV files that calls play, by name. \`get\` saves a recording as a call lets it be heard, \`say\` how a text sounds; nobody is
called. Messages that were accepted play what a name stood for then, also when it is replaced or deleted.

  --name NAME      of the recording (the name of the file without .wav)
  --description T  for people
  --language TAG   in which the text is spoken, such as de or en-GB (as configured)
  --out FILE       WAV file to write
  --limit N        list at most so many (default 20)
${clientHelp}

Examples:
  trunkline recordings put closed.wav --description "The office is closed"
  trunkline recordings say "Your appointment is tomorrow at 14:30." --language en-GB --out heard.wav`,

  async run(argv) {
    const given = readArguments(argv, options, 2)
    const [verb, subject] = given.positionals
    if (verb !== undefined && !Object.hasOwn(WORKS, verb)) {
      throw new UsageError(`"${verb}" is none of ${Object.keys(WORKS).join(', ')}`)
    }
    if (verb !== undefined && subject === undefined) throw new UsageError(`${verb} needs ${WORKS[verb]!.subject}`)
    const client = new ApiClient(targetOf(given.values))
    if (verb !== undefined) await WORKS[verb]!.work(client, given, subject!)
    else await list(client, given)
    return 0
  },
}

function pathOf(name: string): string {
  return `/v1/recordings/${encodeURIComponent(name)}`
}

async function list(client: ApiClient, { values }: Arguments): Promise<void> {
  const page = await client.json<Page<RecordingView>>('GET', `/v1/recordings?${listQuery(values, [], [])}`)
  if (values.json === true) printJson(page)
  else if (page.items.length === 0) print('no recordings')
  else print(listing(page.items))
}

function listing(items: RecordingView[]): string {
  return table(
    ['name', 'seconds', 'rate', 'channels', 'updated', 'description'],
    items.map(({ name, seconds, rate, channels, updatedAt, description }) => [
      ...[name, seconds, rate, channels],
      ...[updatedAt, description ?? ''],
    ]),
  )
}

async function put(client: ApiClient, { values }: Arguments, file: string): Promise<void> {
  const name = textOption(values, 'name') ?? basename(file, extname(file))
  const description = textOption(values, 'description')
  const query = description === undefined ? '' : `?${new URLSearchParams({ description })}`
  const view = await client.upload<RecordingView>(pathOf(name) + query, fileBytes(file), 'audio/wav')
  if (values.json === true) printJson(view)
  else
    print(
      `${view.name}: ${view.seconds} s, ${view.rate} Hz, ${view.channels === 1 ? 'mono' : `${view.channels} channels`}`,
    )
}

async function get(client: ApiClient, { values }: Arguments, name: string): Promise<void> {
  await saved(client, values, { path: `${pathOf(name)}/audio` })
}

async function say(client: ApiClient, { values }: Arguments, text: string): Promise<void> {
  const language = textOption(values, 'language')
  await saved(client, values, { path: '/v1/speech', asked: { text, ...(language !== undefined && { language }) } })
}

async function saved(
  client: ApiClient,
  values: Arguments['values'],
  { path, asked }: { path: string; asked?: object },
): Promise<void> {
  const out = textOption(values, 'out')
  if (out === undefined) throw new UsageError('--out names the WAV file to write')
  await client.download(path, out, asked)
  if (values.json === true) printJson({ out })
  else print(`saved ${out}`)
}

async function remove(client: ApiClient, { values }: Arguments, name: string): Promise<void> {
  await client.json('DELETE', pathOf(name))
  if (values.json === true) printJson({ deleted: name })
  else print(`deleted ${name}`)
}
