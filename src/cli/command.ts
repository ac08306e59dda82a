/** What a command of `trunkline` is, and how its arguments are read. Command line only. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { type ClientEnvironment, clientEnvironment } from '../engine/config/client-environment.js'

export interface Command {
  /** What --help prints: usage, options, an example. */
  help: string
  /** Resolves to the exit code: 0 ok, 1 the work failed. Throws UsageError for wrong use. */
  run(argv: string[]): Promise<number>
}

/** Wrong use: exit code 2 and one helpful line. */
export class UsageError extends Error {}

/** The work failed for a reason that the reader can do something about: exit code 1 and the message, no stack. */
export class CommandError extends Error {}

export type OptionTable = NonNullable<ParseArgsConfig['options']>
export type OptionValues = Record<string, string | boolean | undefined>

export interface Arguments {
  values: OptionValues
  positionals: string[]
}

/** Reads argv strictly: an unknown option or too many positionals are wrong use. */
export function readArguments(argv: string[], options: OptionTable, positionalsMax: number): Arguments {
  let parsed: { values: object; positionals: string[] }
  try {
    parsed = parseArgs({ args: argv, options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError((error as Error).message.split('. ')[0]!)
  }
  if (parsed.positionals.length > positionalsMax) {
    throw new UsageError(`"${parsed.positionals[positionalsMax]}" is one argument too many`)
  }
  return { values: parsed.values as OptionValues, positionals: parsed.positionals }
}

export function textOption(values: OptionValues, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

/** A number from `least` to `most`; `undefined` when the option is absent. */
export function numberOption(values: OptionValues, name: string, least = 0, most = Infinity): number | undefined {
  const text = textOption(values, name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < least || value > most) {
    const range = most === Infinity ? `a number of at least ${least}` : `a number from ${least} to ${most}`
    throw new UsageError(`--${name} must be ${range}, not "${text}"`)
  }
  return value
}

/** A TCP or UDP port, 0 for any free one. Node's datagram sockets take 99999 for port 34463. */
export function portOption(values: OptionValues, name: string): number | undefined {
  const port = numberOption(values, name, 0, 65_535)
  if (port === undefined || Number.isInteger(port)) return port
  throw new UsageError(`--${name} must be a whole number, not ${port}`)
}

/** Runs what reads the words of an option: a word that it cannot read is a mistake of the caller. */
export function understood(read: () => unknown): void {
  try {
    read()
  } catch (error) {
    throw new UsageError((error as RangeError).message)
  }
}

/** Query of a list: `--limit`, 20 where it is absent, the `--state`, which must be one of `states`, and further `filters` as they are. */
export function listQuery(
  values: OptionValues,
  states: readonly string[],
  filters: readonly string[],
): URLSearchParams {
  const query = new URLSearchParams({ limit: String(numberOption(values, 'limit', 1) ?? 20) })
  const state = textOption(values, 'state')
  if (state !== undefined && !states.includes(state)) {
    throw new UsageError(`--state must be one of ${states.join(', ')}, not "${state}"`)
  }
  for (const name of ['state', ...filters]) {
    const value = textOption(values, name)
    if (value !== undefined) query.set(name, value)
  }
  return query
}

/** Aborted by Ctrl-C or SIGTERM, or by the command itself, for commands that look on until they are told to end. */
export function untilInterrupted(): AbortController {
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())
  return ending
}

export const clientOptions = {
  url: { type: 'string' },
  key: { type: 'string' },
  json: { type: 'boolean' },
} as const satisfies OptionTable

export const clientHelp = `  --url URL        where the server is (TRUNKLINE_URL; http://127.0.0.1:8080)
  --key KEY        key of an account, or the admin key (TRUNKLINE_KEY)
  --json           one JSON document on stdout`

export interface Target {
  url: string
  key: string
}

/** Where the server is and with which key; the option before the environment. */
export function targetOf(values: OptionValues, env: ClientEnvironment = clientEnvironment()): Target {
  const url = textOption(values, 'url') ?? env.url ?? 'http://127.0.0.1:8080'
  const key = textOption(values, 'key') ?? env.key
  if (!URL.canParse(url)) throw new UsageError(`"${url}" is not a URL; write http://127.0.0.1:8080`)
  if (key === null) {
    throw new UsageError(
      'no key: give --key or set TRUNKLINE_KEY. An account gets its key when it is made (POST /v1/accounts); ' +
        'the admin key is in the file admin.key in dataDir',
    )
  }
  return { url: url.replace(/\/+$/, ''), key }
}
