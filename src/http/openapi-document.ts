/**
 * The OpenAPI document as it goes out: operations have names, and schemas that have one stand once, among the components,
 * instead of at every place where they are used. A generated client then has `Job` and not thirty types like it.
 */
import { COMPONENTS } from './components.js'
import { operationName } from './operation-names.js'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type JsonObject = { [key: string]: Json }

/** `generated`: what the plugin made of the routes; it is left as it is. */
export function openapiDocument(generated: object): object {
  const document = JSON.parse(JSON.stringify(generated)) as JsonObject
  nameOperations(document.paths as JsonObject)
  const names = new Map(Object.entries(COMPONENTS).map(([name, schema]) => [canonical(plain(schema)), name]))
  const used = new Map<string, JsonObject>()
  const hoist = new Hoist(names, used)
  document.paths = hoist.inside(document.paths!)
  const schemas = Object.fromEntries([...used].sort(([a], [b]) => (a < b ? -1 : 1)))
  document.components = { ...(document.components as JsonObject), schemas }
  return document
}

/** A schema as the plugin writes it: without what only TypeBox knows, and two keywords in other words. */
function plain(schema: object): Json {
  return asWritten(JSON.parse(JSON.stringify(schema)) as Json)
}

function asWritten(value: Json): Json {
  if (Array.isArray(value)) return value.map(asWritten)
  if (value === null || typeof value !== 'object') return value
  const written: JsonObject = {}
  for (const [key, member] of Object.entries(value)) {
    const anyKey = key === 'patternProperties' ? (member as JsonObject)['^.*$'] : undefined
    if (anyKey !== undefined) written.additionalProperties = asWritten(anyKey)
    else if (key === 'const') written.enum = [member]
    else written[key] = asWritten(member)
  }
  return written
}

function nameOperations(paths: JsonObject): void {
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods as JsonObject)) {
      const { operationId } = operation as { operationId?: string }
      Object.assign(operation as JsonObject, { operationId: operationId ?? operationName(method, path) })
    }
  }
}

/** One text for equal values, whatever the order of their keys. */
function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key]!)}`).join()}}`
}

class Hoist {
  readonly #names: ReadonlyMap<string, string>
  readonly #used: Map<string, JsonObject>

  constructor(names: ReadonlyMap<string, string>, used: Map<string, JsonObject>) {
    this.#names = names
    this.#used = used
  }

  /** The value with references in place of named schemas. */
  inside(value: Json): Json {
    if (Array.isArray(value)) return value.map((item) => this.inside(item))
    if (value === null || typeof value !== 'object') return value
    const name = this.#names.get(canonical(value))
    if (name === undefined) return this.#members(value)
    if (!this.#used.has(name)) {
      this.#used.set(name, {})
      this.#used.set(name, this.#members(value))
    }
    return { $ref: `#/components/schemas/${name}` }
  }

  #members(value: JsonObject): JsonObject {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, this.inside(member)]))
  }
}
