/** `trunkline send`: a file goes to the HTTP API as a job and is followed to its end. */
import { createReadStream, type ReadStream, statSync } from 'node:fs'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { JobView } from '../engine/contract/api.js'
import { systemClock } from '../engine/contract/clock.js'
import type { JobSettings } from '../engine/contract/job.js'
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
import { jobHelp, jobOptions, jobSettings } from './job-options.js'
import { isOver, progressText, sumErrors, summary } from './job-view.js'
import { ProgressLine, print, printError, printJson, whole } from './output.js'

const POLL_MS = 250

const options: OptionTable = {
  ...clientOptions,
  ...jobOptions,
  profile: { type: 'string' },
  watch: { type: 'boolean' },
  'no-watch': { type: 'boolean' },
}

export const send: Command = {
  help: `Usage: trunkline send FILE.csv --text TEXT [options]

Uploads the file as a job, shows its progress and prints the summary. Exit code 0 only if the job finished.
A job for later (--at) is left to the server once its upload is durable, unless --watch is given.

${jobHelp}
  --profile NAME   saved settings of the account; the options above win
  --no-watch       return when the upload is durable, without waiting for the end
  --watch          wait for the end (this is the default)
${clientHelp}

Example:
  trunkline send clinic.csv --to mobile --from CLINIC --text "Hi ~name~, see you on ~appointment~."`,

  async run(argv) {
    const { values, positionals } = readArguments(argv, options, 1)
    const file = positionals[0]
    if (file === undefined) throw new UsageError('which file? write: trunkline send FILE.csv --text "Hi ~name~"')
    const client = new ApiClient(targetOf(values))
    const settings = jobSettings(values)
    const profile = textOption(values, 'profile')
    if (profile !== undefined) settings.profile = profile
    if (!saysWhat(settings))
      throw new UsageError('what is to be said? give --text, --template, --text-column or --profile')
    const progress = new ProgressLine()
    const uploaded = await upload(client, { file, settings }, progress)
    const isLater = uploaded.state === 'scheduled' && values.watch !== true
    const wait = values['no-watch'] !== true && settings.review !== true && !isLater
    const job = wait ? await follow(client, uploaded.id, progress) : uploaded
    return conclude(job, { isJson: values.json === true, isWaited: wait })
  },
}

/** A profile may bring it. */
function saysWhat({ profile, text, template, prompts, columns }: JobSettings): boolean {
  return [profile, text, template, prompts, columns?.text, columns?.keyword].some((source) => source !== undefined)
}

export interface Upload {
  file: string
  settings: JobSettings
}

/** Makes the job and streams the file; the answer comes when its last byte is durable. */
export async function upload(client: ApiClient, { file, settings }: Upload, progress: ProgressLine): Promise<JobView> {
  let bytes: number
  try {
    bytes = statSync(file).size
  } catch (error) {
    throw new CommandError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  const { id } = await client.json<JobView>('POST', '/v1/jobs', settings)
  const stream = createReadStream(file, { highWaterMark: 1 << 18 })
  const body = Readable.from(counted(stream, bytes, progress))
  await client.upload<Partial<JobView>>(`/v1/jobs/${id}/recipients`, body)
  return client.json<JobView>('GET', `/v1/jobs/${id}`)
}

async function* counted(stream: ReadStream, bytes: number, progress: ProgressLine): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    progress.show(
      `receiving: ${whole(Math.ceil(stream.bytesRead / 1024))} of ${whole(Math.ceil(bytes / 1024))} KiB uploaded`,
    )
    yield chunk as Buffer
  }
}

/** Polls until the job is over. `more`: what else its line should say, asked for each time. */
export async function follow(
  client: ApiClient,
  id: string,
  progress: ProgressLine,
  more: () => Promise<string> = async () => '',
): Promise<JobView> {
  for (;;) {
    const job = await client.json<JobView>('GET', `/v1/jobs/${id}`)
    const text = progressText(job, systemClock.now()) + (await more())
    if (isOver(job) || waitsForReview(job)) {
      progress.end(text)
      return job
    }
    progress.show(text)
    await delay(POLL_MS)
  }
}

/** Nothing more happens to it until somebody resumes or cancels it. */
function waitsForReview(job: JobView): boolean {
  return job.state === 'paused' && job.reason !== null
}

function conclude(job: JobView, { isJson, isWaited }: { isJson: boolean; isWaited: boolean }): number {
  if (isJson) printJson(job)
  else print(summary(job))
  const errors = isOver(job) ? sumErrors(job.counts) : []
  for (const error of errors) printError(`the counts do not add up: ${error}`)
  if (!isWaited) {
    printError(`${job.id} is ${job.state}; see it with: trunkline jobs ${job.id}`)
    return job.state === 'failed' || job.state === 'canceled' ? 1 : 0
  }
  return job.state === 'finished' && errors.length === 0 ? 0 : 1
}
