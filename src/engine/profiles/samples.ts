/**
 * A profile from a sample file: the file is kept for as long as ingest threads look at it, and nothing else is stored unless
 * it is to be saved. Main thread.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { AccountRecord } from '../accounts/account-record.js'
import type { Askers } from '../accounts/askers.js'
import { checkedName } from '../accounts/named-documents.js'
import { plainBytes } from '../base/plain-bytes.js'
import type { Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { IngestTask, JobPlan, SniffResult } from '../contract/ingest.js'
import type { JobSettings } from '../contract/job.js'
import { limits } from '../contract/limits.js'
import type { ChannelName } from '../contract/message.js'
import { DEFAULT_PROFILE, type ProfileSettings } from '../contract/profiles.js'
import { type ReasonCode, reasonHelp } from '../contract/reasons.js'
import type { Doubt, SampleGuess, SampleRequest, SampleRows, SamplesApi, SampleView } from '../contract/sample.js'
import { newJob } from '../jobs/create.js'
import type { FairPool } from '../jobs/fair-pool.js'
import type { JobRecord } from '../jobs/job-record.js'
import { guessPattern } from './file-pattern.js'
import { checkProfile, type Profiles } from './profiles.js'
import type { SavedSettings } from './saved-settings.js'

export interface SamplesDeps {
  askers: Askers
  clock: Clock
  dataDir: string
  pool: FairPool
  /** How a job of this account would be read. @throws EngineError TEMPLATE_LABEL_UNKNOWN. */
  plan(record: JobRecord, sniff: SniffResult): JobPlan
  /** That the account, by its id, has a route for. */
  channels(account: string): ChannelName[]
}

const PREFIX = 'sample-'
/** A sample is no job: it waits in a queue of its own. */
const NO_JOB = -1

export class Samples implements SamplesApi {
  readonly #deps: SamplesDeps
  readonly #profiles: Profiles
  readonly #saved: SavedSettings
  readonly #folder: string

  constructor(deps: SamplesDeps, { profiles, saved }: { profiles: Profiles; saved: SavedSettings }) {
    this.#deps = deps
    this.#profiles = profiles
    this.#saved = saved
    this.#folder = path.join(deps.dataDir, 'uploads')
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    // Of a process that was killed.
    for (const file of readdirSync(this.#folder)) {
      if (file.startsWith(PREFIX)) rmSync(path.join(this.#folder, file), { force: true })
    }
  }

  async sample(principal: Principal, given: string, request: SampleRequest, sample: Buffer): Promise<SampleView> {
    const account = this.#deps.askers.record(principal)
    const name = checkedName(given)
    const before = this.#profiles.settings(account.number, name)
    const { filePattern, ...settings } = soFar(before, request.settings)
    checkProfile({ ...settings, filePattern })
    const bytes = await plain(sample)
    const file = path.join(this.#folder, `${PREFIX}${randomBytes(8).toString('hex')}`)
    try {
      await writeFile(file, bytes, { mode: 0o600 })
      const found = await this.#look(account, { file, bytes: bytes.length, settings })
      const pattern = filePattern ?? patternFor(name, request.fileName)
      const proposed: ProfileSettings = {
        ...found.settings,
        ...(pattern === undefined ? {} : { filePattern: pattern }),
      }
      const doubts = [...found.doubts, ...nameDoubts({ name, proposed, before, request })]
      if (request.save) await this.#profiles.put(principal, name, proposed)
      return { ...found, name, settings: proposed, doubts, saved: request.save }
    } finally {
      await rm(file, { force: true })
    }
  }

  /** What the file says, and what would become of its rows. */
  async #look(account: AccountRecord, at: Sample): Promise<Omit<SampleView, 'name' | 'saved'>> {
    const whole = this.#saved.resolve(account.number, at.settings)
    const guess = (await this.#run({
      kind: 'sample',
      path: at.file,
      available: at.bytes,
      settings: whole.settings,
      facts: this.#facts(account),
    })) as SampleGuess
    const nowMs = this.#deps.clock.now()
    const record = newJob({ job: 0, account, nowMs, singles: true }, guess.settings)
    const templates = this.#saved.byKeyword(account.number)
    const mailTemplates = this.#saved.mailByKeyword(account.number)
    const made = this.#deps.plan(record, guess.sniff)
    const spoken = made.voice && { ...made.voice, templates: this.#saved.voiceByKeyword(account.number) }
    const plan = {
      ...made,
      path: at.file,
      templates,
      mailTemplates,
      ...(spoken === undefined ? {} : { voice: spoken }),
    }
    const task = { kind: 'sampleRows' as const, plan, available: at.bytes, currency: account.currency }
    const { warnings, ...rows } = (await this.#run(task)) as SampleRows
    return {
      settings: asGiven(guess.settings, at.settings),
      columns: guess.columns,
      doubts: [...guess.doubts, ...rowDoubts(rows)],
      file: { bytes: at.bytes, dialect: guess.sniff.dialect, warnings: [...guess.sniff.warnings, ...warnings] },
      ...rows,
    }
  }

  #facts(account: AccountRecord) {
    const { defaultCountry, timeZone, features } = account
    return {
      defaultCountry,
      timeZone,
      keywords: Object.keys(this.#saved.byKeyword(account.number)),
      channels: this.#deps.channels(account.id).filter((channel) => features[channel]),
      nowSeconds: Math.floor(this.#deps.clock.now() / 1_000),
    }
  }

  #run(task: IngestTask): Promise<unknown> {
    return this.#deps.pool.run(NO_JOB, task, true)
  }
}

interface Sample {
  file: string
  bytes: number
  settings: JobSettings
}

/** What is saved under the name is kept, but for how files look: that is guessed anew. What is given wins. */
function soFar(before: ProfileSettings | null, given: ProfileSettings): ProfileSettings {
  const { csv: _csv, columns: _columns, ...kept } = before ?? {}
  const settings: ProfileSettings = { ...kept, ...given }
  if (given.text !== undefined && given.template === undefined) delete settings.template
  if (given.template !== undefined && given.text === undefined) delete settings.text
  return settings
}

/** A profile names its template; each job takes the texts that this has then. */
function asGiven(settings: JobSettings, given: JobSettings): JobSettings {
  if (given.template === undefined) return settings
  const { text: _text, subject: _subject, html: _html, prompts: _prompts, language: _language, ...others } = settings
  const { text, subject, html, prompts, language } = given
  const own = Object.entries({ text, subject, html, prompts, language }).filter(([, value]) => value !== undefined)
  return { ...others, ...Object.fromEntries(own) }
}

/** @throws EngineError TOO_LARGE, FILE_EMPTY. */
async function plain(sample: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of plainBytes(inOnePiece(sample))) {
    bytes += chunk.length
    if (bytes > limits.sniffBytes) {
      const most = `${limits.sniffBytes >> 20} MiB`
      throw new EngineError('TOO_LARGE', `A sample has at most ${most}; send the first rows of the file.`)
    }
    chunks.push(chunk)
  }
  if (bytes === 0) throw new EngineError('FILE_EMPTY', 'The file has no bytes.')
  return Buffer.concat(chunks)
}

async function* inOnePiece(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

function patternFor(name: string, fileName: string | null): string | undefined {
  return fileName === null || name === DEFAULT_PROFILE ? undefined : (guessPattern(fileName) ?? undefined)
}

function rowDoubts({ counts, rejectedByReason }: Omit<SampleRows, 'warnings'>): Doubt[] {
  return Object.entries(rejectedByReason)
    .sort((a, b) => b[1] - a[1])
    .map(([code, rows]) => ({
      code,
      column: null,
      label: null,
      message: `${rows} of ${counts.rows} rows of the sample would not be sent: ${code}.`,
      remedy: reasonHelp(code as ReasonCode),
    }))
}

interface Naming {
  name: string
  proposed: ProfileSettings
  before: ProfileSettings | null
  request: SampleRequest
}

function nameDoubts({ name, proposed, before, request }: Naming): Doubt[] {
  const doubts: Doubt[] = []
  const tell = (code: string, message: string, remedy: string): void => {
    doubts.push({ code, column: null, label: null, message, remedy })
  }
  const isGiven = request.settings.filePattern !== undefined || before?.filePattern !== undefined
  if (!isGiven && proposed.filePattern !== undefined) {
    const message = `It would serve dropped files whose names are like ${proposed.filePattern}.`
    tell('FILE_PATTERN', message, 'Set filePattern to what their names have in common.')
  } else if (proposed.filePattern === undefined && name !== DEFAULT_PROFILE) {
    const message = 'No pattern of file names says which dropped files it serves.'
    tell('NO_FILE_PATTERN', message, 'Set filePattern, e.g. "clinic-*.csv", or name the profile in each job.')
  }
  if (before !== null && !request.save) {
    const message = 'There is a profile of this name: what it says of the text, the sender and the like is kept here.'
    tell('PROFILE_EXISTS', message, 'Saving replaces it; choose another name to keep both.')
  }
  return doubts
}
