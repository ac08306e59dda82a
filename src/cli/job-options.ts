/** The options that `send` and `check` share: a job's settings on the command line. */
import type { ColumnRef, ColumnSettings, CsvSettings, JobSettings } from '../engine/contract/job.js'
import { CHANNELS, PRIORITIES } from '../engine/contract/message.js'
import { LANDLINE_RULES } from '../engine/contract/number-rules.js'
import { UNSUBSCRIBE } from '../engine/contract/opt-out.js'
import { type Every, MISSED_POLICIES } from '../engine/contract/recurrence.js'
import type { PromptSetting } from '../engine/contract/speech.js'
import { wholeEvery } from '../engine/schedule/every-setting.js'
import { CommandError, numberOption, type OptionTable, type OptionValues, textOption, UsageError } from './command.js'
import { fileBytes } from './file-bytes.js'
import { jsonValue } from './json-file.js'
import { profileFile, withoutPattern } from './profile-file.js'

export const jobOptions = {
  text: { type: 'string' },
  template: { type: 'string' },
  to: { type: 'string' },
  'text-column': { type: 'string' },
  from: { type: 'string' },
  channel: { type: 'string' },
  landlines: { type: 'string' },
  prompts: { type: 'string' },
  language: { type: 'string' },
  name: { type: 'string' },
  at: { type: 'string' },
  every: { type: 'string' },
  until: { type: 'string' },
  runs: { type: 'string' },
  missed: { type: 'string' },
  'default-country': { type: 'string' },
  'max-parts': { type: 'string' },
  'valid-for': { type: 'string' },
  priority: { type: 'string' },
  rate: { type: 'string' },
  delimiter: { type: 'string' },
  encoding: { type: 'string' },
  'no-header': { type: 'boolean' },
  'relax-quotes': { type: 'boolean' },
  'send-at-column': { type: 'string' },
  'send-at-format': { type: 'string' },
  'time-zone': { type: 'string' },
  transliterate: { type: 'boolean' },
  flash: { type: 'boolean' },
  unsubscribe: { type: 'string' },
  'keep-duplicates': { type: 'boolean' },
  suppressed: { type: 'string' },
  review: { type: 'boolean' },
  settings: { type: 'string' },
} as const satisfies OptionTable

export const jobHelp = `  --text TEXT      the text, with ~label~ or ~label|fallback~ for fields of the row
  --template NAME  a stored template instead of --text
  --text-column C  column that holds the text of each row
  --to COLUMN      column of the numbers: a label, or a position from 1 (default: found by itself)
  --from SENDER    number, or up to 11 letters and digits
  --channel WAY    auto (default: landlines are called, all others get SMS), sms, voice or email
  --landlines WHAT what landlines get: voice, sms or reject (leave them out)
  --prompts FILE   what calls play in the place of the text: a JSON list of texts, {"recording": NAME} and {"pauseMs": 500}
  --language TAG   what calls speak, such as en-GB or de
  --name NAME      name of the job
  --at TIME        not before this time, RFC 3339: 2026-11-22T09:00:00+00:00
  --every STEP     again and again: 15m, 2h, 1d, 1w, or a cron line such as "0 9 * * 1-5"; beginning at --at, or at once
  --until TIME     no run after this day (2026-12-31) or time; --runs N: at most so many runs
  --missed WHAT    runs whose time passed while the server was down: once (default) or skip
  --default-country GB  country of numbers without a country code
  --max-parts N    most parts of one message (default 10)
  --valid-for S    seconds after which it is no longer sent
  --priority P     high, normal or low
  --rate N         parts per second of this job
  --delimiter D, --encoding E, --no-header   how the file is written (default: found by itself)
  --relax-quotes   take quotes inside a field as they are
  --send-at-column C  column with the time of each row; --send-at-format "DD/MM/YYYY HH:mm" when it is not RFC 3339
  --time-zone ZONE  of times without an offset, e.g. Europe/London (default: the account's)
  --transliterate  replace characters where the text then needs fewer parts
  --flash          shown at once and not stored by the phone
  --unsubscribe W  add a way out to each text: text or link
  --keep-duplicates  send to a number as often as it stands in the file
  --suppressed FILE  numbers that must not be messaged, one a line
  --settings FILE  more settings as JSON, as POST /v1/jobs takes them, or a profile; the options above win
  --review         hold the job until it is started (POST /v1/jobs/ID/start)`

const encodings = ['utf8', 'utf16le', 'utf16be', 'latin1', 'windows1252'] as const

export function jobSettings(values: OptionValues): JobSettings {
  const settings: JobSettings = {
    name: textOption(values, 'name'),
    text: textOption(values, 'text'),
    template: textOption(values, 'template'),
    from: textOption(values, 'from'),
    channel: choice(values, 'channel', ['auto', ...CHANNELS]),
    landlines: choice(values, 'landlines', LANDLINE_RULES),
    prompts: promptsOf(textOption(values, 'prompts')),
    language: textOption(values, 'language'),
    defaultCountry: textOption(values, 'default-country'),
    maxParts: numberOption(values, 'max-parts', 1),
    validForSeconds: numberOption(values, 'valid-for', 1),
    ratePerSecond: numberOption(values, 'rate', 1),
    priority: choice(values, 'priority', PRIORITIES),
    unsubscribe: choice(values, 'unsubscribe', UNSUBSCRIBE),
    sendAt: time(values),
    every: every(values),
    timeZone: textOption(values, 'time-zone'),
    csv: csvSettings(values),
    columns: columns(values),
    suppressed: numbersOf(textOption(values, 'suppressed')),
    transliterate: values.transliterate === true ? true : undefined,
    flash: values.flash === true ? true : undefined,
    deduplicate: values['keep-duplicates'] === true ? false : undefined,
    review: values.review === true ? true : undefined,
  }
  const file = textOption(values, 'settings')
  return file === undefined
    ? withoutAbsent(settings)
    : merged(withoutPattern(profileFile(file)), withoutAbsent(settings))
}

/** What the options say wins, also within csv and columns. */
function merged(given: JobSettings, own: JobSettings): JobSettings {
  const both = { ...given, ...own }
  if (given.csv !== undefined) both.csv = { ...given.csv, ...own.csv }
  if (given.columns !== undefined) both.columns = { ...given.columns, ...own.columns }
  return both
}

/** A label stays text; digits alone are a position from 1. */
function columnRef(text: string): ColumnRef {
  return /^[1-9]\d*$/.test(text) ? Number(text) : text
}

function columns(values: OptionValues): JobSettings['columns'] {
  const to = textOption(values, 'to')
  const text = textOption(values, 'text-column')
  const sendAt = textOption(values, 'send-at-column')
  const columns = withoutAbsent<ColumnSettings>({
    to: to === undefined ? undefined : columnRef(to),
    text: text === undefined ? undefined : columnRef(text),
    sendAt: sendAt === undefined ? undefined : columnRef(sendAt),
    sendAtFormat: textOption(values, 'send-at-format'),
  })
  return Object.keys(columns).length === 0 ? undefined : columns
}

function csvSettings(values: OptionValues): CsvSettings | undefined {
  const csv = withoutAbsent<CsvSettings>({
    header: values['no-header'] === true ? false : undefined,
    delimiter: textOption(values, 'delimiter')?.replace('\\t', '\t'),
    encoding: choice(values, 'encoding', encodings),
    relaxQuotes: values['relax-quotes'] === true ? true : undefined,
  })
  return Object.keys(csv).length === 0 ? undefined : csv
}

function choice<T extends string>(values: OptionValues, name: string, known: readonly T[]): T | undefined {
  const text = textOption(values, name)
  if (text === undefined || (known as readonly string[]).includes(text)) return text as T | undefined
  throw new UsageError(`--${name} must be one of ${known.join(', ')}, not "${text}"`)
}

function time(values: OptionValues): string | undefined {
  const text = textOption(values, 'at')
  if (text === undefined) return undefined
  if (/^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text))) return text
  throw new UsageError(`--at must be a time with its zone, such as 2026-11-22T09:00:00+00:00, not "${text}"`)
}

/** A step or a cron line, with the end of it. */
function every(values: OptionValues): Every | undefined {
  const step = textOption(values, 'every')
  const until = textOption(values, 'until')
  const count = numberOption(values, 'runs', 1)
  const missed = choice(values, 'missed', MISSED_POLICIES)
  if (step === undefined) {
    if (until !== undefined || count !== undefined || missed !== undefined)
      throw new UsageError('--until, --runs and --missed need --every')
    return undefined
  }
  const whole = wholeEvery(step)
  if (whole === null) {
    throw new UsageError(`--every must be a step such as 15m, 2h, 1d or 1w, or a cron line, not "${step}"`)
  }
  return withoutAbsent<Every>({ ...whole, until, count, missed })
}

/** One number a line; empty lines and lines that begin with # are left out. */
export function numbersOf(file: string | undefined): string[] | undefined {
  if (file === undefined) return undefined
  return fileBytes(file)
    .toString('utf8')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}

/** A play list out of a file; the engine says what is wrong with its items. */
function promptsOf(file: string | undefined): PromptSetting[] | undefined {
  if (file === undefined) return undefined
  const prompts = jsonValue(file)
  if (Array.isArray(prompts)) return prompts
  throw new CommandError(`${file} must hold a list, such as ["Good morning.", {"recording": "clinic"}]`)
}

function withoutAbsent<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T
}
