/** Turns the validator's findings into sentences for the person who wrote the file: what is wrong, what would be right. */
import type { TLocalizedValidationError } from 'typebox/error'
import { CARRIER_SCHEMAS, carrierSchema } from './carrier.js'
import { formatPath, type Path, parsePointer } from './path.js'
import { secretKeys } from './substitute.js'

export interface Problem {
  path: Path
  text: string
}

interface Shape {
  type?: string
  const?: unknown
  anyOf?: Shape[]
  properties?: Record<string, Shape>
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  pattern?: string
  description?: string
}

/** An error of the validator, in the schema that it speaks of and at the place where that schema stands in the file. */
export interface Finding {
  error: TLocalizedValidationError
  root: object
  at: Path
}

/** One problem per wrong key. `substituted` holds the paths whose values came from outside and are never shown. */
export function explain(config: unknown, findings: Finding[], substituted: ReadonlySet<string>): Problem[] {
  const unbuilt = strangeCarriers(config)
  const closed = unbuilt.map(({ path }) => formatPath(path.slice(0, 2)))
  const found = new Map<string, Problem>()
  for (const problem of findings.flatMap((finding) => one(config, finding, substituted))) {
    const name = formatPath(problem.path)
    if (!found.has(name) && !closed.some((prefix) => isWithin(name, prefix))) found.set(name, problem)
  }
  // Where something inside a choice is wrong, that is what to mend; that the choice fits no branch says less.
  const names = [...found.keys()]
  const telling = names.filter((name) => !names.some((other) => other !== name && isWithin(other, name)))
  return [...unbuilt, ...telling.map((name) => found.get(name)!)]
}

function isWithin(name: string, prefix: string): boolean {
  return name === prefix || name.startsWith(`${prefix}.`) || name.startsWith(`${prefix}[`)
}

/** Carriers of no protocol that is known: nothing else about them can be told right from wrong. */
function strangeCarriers(config: unknown): Problem[] {
  const carriers = (config as { carriers?: unknown }).carriers
  if (!Array.isArray(carriers)) return []
  return carriers.flatMap((carrier: { protocol?: unknown } | null, index): Problem[] => {
    if (carrierSchema(carrier) !== null) return []
    const path = ['carriers', index]
    if (typeof carrier !== 'object' || carrier === null)
      return [{ path, text: 'must be a map of id, protocol, host …' }]
    const { protocol } = carrier
    const names = Object.keys(CARRIER_SCHEMAS).map((name) => JSON.stringify(name))
    const missing = protocol === undefined ? 'is missing; it ' : ''
    const shown = protocol === undefined ? '' : `, not ${JSON.stringify(protocol)}`
    return [{ path: [...path, 'protocol'], text: `${missing}must be ${names.join(' or ')}${shown}` }]
  })
}

function one(config: unknown, { error, root, at }: Finding, substituted: ReadonlySet<string>): Problem[] {
  const path = [...at, ...parsePointer(error.instancePath)]
  if (error.keyword === 'boolean') return []
  // An error inside a choice speaks of one branch only: the choice as a whole is what the reader can mend.
  const choice = /^(.*?)\/anyOf\/\d+(\/.*)?$/.exec(error.schemaPath)
  const inBranch = choice?.[2] !== undefined || error.keyword === 'additionalProperties'
  const schema = shapeAt(root, choice === null || inBranch ? error.schemaPath : choice[1]!)
  switch (error.keyword) {
    case 'additionalProperties':
      return error.params.additionalProperties.map((key) => ({ path: [...path, key], text: unknownKey(key, schema) }))
    case 'required':
      return error.params.requiredProperties.map((key) => ({
        path: [...path, key],
        text: `is missing; it must be ${expected(schema.properties?.[key] ?? {})}${about(schema.properties?.[key])}`,
      }))
    default:
      return [{ path, text: `must be ${expected(schema)}${shown(config, path, substituted)}${about(schema)}` }]
  }
}

/** '#/properties/http/properties/port' → that part of the schema. */
function shapeAt(root: object, schemaPath: string): Shape {
  let shape: unknown = root
  for (const step of parsePointer(schemaPath.slice(1))) shape = (shape as Record<string, unknown>)[step]
  return shape as Shape
}

function about(schema: Shape | undefined): string {
  return schema?.description === undefined ? '' : ` (${schema.description.replace(/\.$/, '')})`
}

/** The schema in words: "an integer from 1 to 65535". */
export function expected(schema: Shape): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(expected).join(' or ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  switch (schema.type) {
    case 'integer':
      return `an integer${range(schema)}`
    case 'number':
      return `a number${range(schema)}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return schema.minItems === undefined ? 'a list' : `a list of at least ${schema.minItems}`
    case 'object':
      return `a map of ${Object.keys(schema.properties ?? {}).join(', ')}`
    default:
      return `text${textBounds(schema)}`
  }
}

function range(schema: Shape): string {
  const low = schema.exclusiveMinimum === undefined ? schema.minimum : `above ${schema.exclusiveMinimum}`
  if (low !== undefined && schema.maximum !== undefined) {
    return typeof low === 'string' ? ` ${low} and at most ${schema.maximum}` : ` from ${low} to ${schema.maximum}`
  }
  return low === undefined ? '' : ` of at least ${low}`
}

function textBounds(schema: Shape): string {
  if (schema.pattern !== undefined) return ` matching ${schema.pattern}`
  if (schema.minLength !== undefined && schema.maxLength === undefined) {
    return ` of at least ${schema.minLength} character${schema.minLength === 1 ? '' : 's'}`
  }
  return schema.maxLength === undefined ? '' : ` of at most ${schema.maxLength} characters`
}

/** The wrong value, where it is neither a secret nor came from outside. */
function shown(config: unknown, path: Path, substituted: ReadonlySet<string>): string {
  if (secretKeys.has(String(path.at(-1))) || substituted.has(formatPath(path))) return ''
  let value = config
  for (const step of path) value = (value as Record<string, unknown>)[step]
  if (typeof value === 'object' && value !== null) return ''
  return `, not ${JSON.stringify(value)}`
}

function unknownKey(key: string, schema: Shape): string {
  const known = Object.keys(schema.properties ?? {})
  const near = known.find((name) => distance(name.toLowerCase(), key.toLowerCase()) <= 2)
  return `is not a known key; ${near === undefined ? `known here: ${known.join(', ')}` : `did you mean ${near}?`}`
}

/** Edit distance (insert, delete, replace). */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const replaced = row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[right.length]!
}
