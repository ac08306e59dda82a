/**
 * Checks requests against their schemas and names every wrong field by its JSON pointer (RFC 6901).
 *
 * Bodies are taken as they are: unknown keys and wrong types are errors, nothing is coerced or removed. Query strings
 * are text by nature and are converted first. A schema is compiled once, when its route is first asked: to compile all of
 * them took a third of a second of every start.
 */
import type { FastifyRequest, FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import Value from 'typebox/value'
import { EngineError, type FieldError } from '../engine/contract/errors.js'

/** Keyword of a body that is one of two shapes: the first when it has this key, else the second. */
export const CHOSEN_BY = 'x-chosen-by'

type Check = (value: unknown) => FieldError[] | null

interface Choice {
  anyOf: [TSchema, TSchema]
  [CHOSEN_BY]: string
}

/** A check of a body: null when it fits. */
export function compileCheck(schema: TSchema): Check {
  if (CHOSEN_BY in schema) return compileChoice(schema as unknown as Choice)
  const validator = Compile(schema)
  return (value) => (validator.Check(value) ? null : explain(validator.Errors(value), schema))
}

function compileChoice(schema: Choice): Check {
  const key = schema[CHOSEN_BY]
  const first = compileCheck(schema.anyOf[0])
  const second = compileCheck(schema.anyOf[1])
  return (value) => (typeof value === 'object' && value !== null && key in value ? first(value) : second(value))
}

interface Part {
  schema: TSchema
  httpPart?: string
  /** Set where the schema says which content types a body may have. */
  contentType?: string
}

/** For setValidatorCompiler. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart, contentType }: Part) => {
  // Bodies that are not JSON are streams: their schemas are there for the document alone.
  if (contentType !== undefined && contentType !== 'application/json') return (value: unknown) => ({ value })
  let compiled: Check | null = null
  const check: Check = (value) => {
    compiled ??= compileCheck(schema)
    return compiled(value)
  }
  if (httpPart === 'body') {
    return (value: unknown) => {
      const fields = check(value)
      return fields === null ? { value } : { error: invalid('body', fields) }
    }
  }
  return (value: unknown) => {
    const converted = Value.Convert(schema, value)
    const fields = check(converted)
    return fields === null ? { value: converted } : { error: invalid(httpPart ?? 'request', fields) }
  }
}

export function invalid(part: string, fields: FieldError[]): EngineError {
  const first = fields[0]
  const place = first === undefined || first.pointer === '' ? `the ${part}` : first.pointer
  const more = fields.length > 1 ? ` (and ${fields.length - 1} more)` : ''
  return new EngineError('VALIDATION', `${place}: ${first?.message ?? 'does not fit'}${more}`, { fields })
}

/** One sentence per field: what the validator says twice, or about the branches of a choice, is left out. */
function explain(errors: TLocalizedValidationError[], schema: TSchema): FieldError[] {
  const fields = new Map<string, string>()
  const choices = errors.filter(({ keyword }) => keyword === 'anyOf').map(({ schemaPath }) => `${schemaPath}/anyOf/`)
  for (const error of errors) {
    if (error.keyword === 'additionalProperties') continue
    if (choices.some((choice) => error.schemaPath.startsWith(choice))) continue
    for (const { pointer, message } of sentences(error, schema)) {
      if (!fields.has(pointer)) fields.set(pointer, message)
    }
  }
  return [...fields].map(([pointer, message]) => ({ pointer, message }))
}

function sentences(error: TLocalizedValidationError, schema: TSchema): FieldError[] {
  const pointer = error.instancePath
  const params = error.params as Record<string, unknown>
  switch (error.keyword) {
    case 'required':
      return (params.requiredProperties as string[]).map((key) => ({
        pointer: `${pointer}/${escapeKey(key)}`,
        message: 'is required',
      }))
    case 'boolean':
      return [{ pointer, message: 'is not a key that is known here' }]
    case 'enum':
      return [{ pointer, message: `must be one of ${(params.allowedValues as unknown[]).join(', ')}` }]
    case 'anyOf':
      return [{ pointer, message: choiceOf(schema, error.schemaPath) }]
    case 'not':
      return [{ pointer, message: `is not possible: ${descriptionAt(schema, error.schemaPath)}` }]
    case 'pattern':
    case 'format':
      return [{ pointer, message: describe(schema, error.schemaPath) ?? error.message }]
    default:
      return [{ pointer, message: error.message }]
  }
}

function escapeKey(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** The schema that a schemaPath such as #/properties/to names. */
function at(schema: TSchema, path: string): Record<string, unknown> | undefined {
  let place: unknown = schema
  for (const key of path.split('/').slice(1)) {
    if (typeof place !== 'object' || place === null) return undefined
    place = (place as Record<string, unknown>)[key.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return place as Record<string, unknown> | undefined
}

/** `columns.to: 0` is an integer: the description says which ones. */
function choiceOf(schema: TSchema, path: string): string {
  const types = `must be ${branchTypes(schema, path).join(' or ')}`
  const description = at(schema, path)?.description
  return typeof description === 'string' ? `${types}: ${description}` : types
}

function branchTypes(schema: TSchema, path: string): string[] {
  const branches = (at(schema, path)?.anyOf ?? []) as { type?: string }[]
  return branches.map(({ type }) => type ?? 'a value of the schema')
}

/** A pattern says little to a reader; the description says what is meant. */
function describe(schema: TSchema, path: string): string | undefined {
  const description = descriptionAt(schema, path)
  return description === undefined ? undefined : `does not fit: ${description}`
}

function descriptionAt(schema: TSchema, path: string): string | undefined {
  const description = at(schema, path)?.description
  return typeof description === 'string' ? description : undefined
}

/** For routes whose body may be left out: checked, and heeded, as an empty one. */
export async function bodyMayLack(request: FastifyRequest): Promise<void> {
  request.body ??= {}
}
