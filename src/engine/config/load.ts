/**
 * Reads the configuration file: YAML → substitution → defaults → schema → relations, with every error at once.
 *
 * Reads the environment, as only client-environment.ts does besides. Runs in the main thread at start, and in the command line.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { TSchema } from 'typebox'
import { Settings } from 'typebox/system'
import Value from 'typebox/value'
import { type Document, LineCounter, parseDocument } from 'yaml'
import { EngineError } from '../contract/errors.js'
import { carrierSchema } from './carrier.js'
import { explain, type Finding, type Problem } from './explain.js'
import { formatPath, lineOf } from './path.js'
import { relations } from './relations.js'
import { type Config, ConfigSchema } from './schema.js'
import { type Environment, retype, substitute } from './substitute.js'

const ERRORS_MAX = 200

/**
 * The validated configuration; `null` stands for no file: all defaults. A relative dataDir counts from the working
 * directory, `${file:…}` from the folder of the file. Throws CONFIG_INVALID with one line per error:
 * `trunkline.yaml:12: carriers[0].window: must be …`.
 */
export function loadConfig(path: string | null, env: Environment = process.env): Config {
  if (path === null) return parseConfig('', { name: 'defaults', folder: process.cwd(), env })
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(cause)
    throw new EngineError('CONFIG_INVALID', `${path}: ${reason}; name another with --config`, { cause })
  }
  return parseConfig(text, { name: path, folder: dirname(resolve(path)), env })
}

/** Where programs are: PATH, for those that we start with an environment of their own. */
export function searchPath(env: Environment = process.env): string {
  return env.PATH || '/usr/local/bin:/usr/bin:/bin'
}

export interface ConfigSource {
  /** Shown in front of each error. */
  name: string
  /** `${file:…}` counts from here. */
  folder: string
  env: Environment
}

/** As loadConfig, over a text that was read already. */
export function parseConfig(text: string, source: ConfigSource): Config {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    throw invalid(
      document.errors.map((error) => `${source.name}:${lines.linePos(error.pos[0]).line}: not YAML: ${error.message}`),
    )
  }
  const problems: Problem[] = []
  const substituted = substitute(document, source, problems)
  const raw = (document.toJS() ?? {}) as unknown
  retype(raw, substituted, ConfigSchema)
  const config = withCarriers(Value.Default(ConfigSchema, raw), (carrier, schema) => Value.Default(schema, carrier))
  const told = new Set(problems.map(({ path }) => formatPath(path)))
  const found = explain(config, findingsOf(config), substituted)
  problems.push(...found.filter(({ path }) => !told.has(formatPath(path))))
  if (problems.length === 0) problems.push(...relations(config as Config))
  if (problems.length > 0) throw invalid(inOrder(problems, { document, lines, source }))
  return config as Config
}

/** Each carrier by the schema of its own protocol: of a choice of schemas TypeBox fills in none that is not wholly right. */
function withCarriers(config: unknown, change: (carrier: unknown, schema: TSchema) => unknown): unknown {
  const { carriers } = config as { carriers?: unknown }
  if (!Array.isArray(carriers)) return config
  carriers.forEach((carrier, index) => {
    const schema = carrierSchema(carrier)
    if (schema !== null) carriers[index] = change(carrier, schema)
  })
  return config
}

const OF_CARRIER = /^\/carriers\/\d+(?:\/|$)/

/** What is wrong with a carrier is said of its own schema. */
function findingsOf(config: unknown): Finding[] {
  const findings: Finding[] = errorsOf(ConfigSchema, config)
    .filter(({ instancePath }) => !OF_CARRIER.test(instancePath))
    .map((error) => ({ error, root: ConfigSchema, at: [] }))
  const { carriers } = config as { carriers?: unknown }
  if (!Array.isArray(carriers)) return findings
  const own = carriers.flatMap((carrier, index) => {
    const root = carrierSchema(carrier)
    if (root === null) return []
    return errorsOf(root, carrier).map((error) => ({ error, root, at: ['carriers', index] }))
  })
  return [...findings, ...own]
}

/** TypeBox stops after eight errors unless told otherwise, by a setting of the whole process: put back at once. */
function errorsOf(schema: TSchema, value: unknown): ReturnType<typeof Value.Errors> {
  const before = Settings.Get().maxErrors
  Settings.Set({ maxErrors: ERRORS_MAX })
  try {
    return Value.Errors(schema, value)
  } finally {
    Settings.Set({ maxErrors: before })
  }
}

interface Place {
  document: Document
  lines: LineCounter
  source: ConfigSource
}

function inOrder(problems: Problem[], { document, lines, source }: Place): string[] {
  return problems
    .map(({ path, text }) => ({ line: lineOf(document, lines, path), name: formatPath(path) || 'the file', text }))
    .sort((left, right) => left.line - right.line)
    .map(({ line, name, text }) => `${source.name}:${line}: ${name}: ${text}`)
}

function invalid(lines: string[]): EngineError {
  return new EngineError('CONFIG_INVALID', lines.join('\n'))
}
