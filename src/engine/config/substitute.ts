/** `${NAME}` and `${file:path}` in the strings of a configuration file. */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Document, isPair, isScalar, isSeq, type Node, type Pair, visit } from 'yaml'
import type { Problem } from './explain.js'
import type { ConfigSource } from './load.js'
import { formatPath, type Path } from './path.js'

export type Environment = Readonly<Record<string, string | undefined>>

/** Keys whose values are secrets: never shown, and never read from a file that everybody may read. */
export const secretKeys: ReadonlySet<string> = new Set(['password', 'adminKey', 'key'])

const FILE_BYTES_MAX = 1 << 20
const REFERENCE = /\$\{([^}]*)\}/g

/** Replaces in place. Answers the paths (as text) whose values came from outside; adds what could not be replaced. */
export function substitute(document: Document, source: ConfigSource, problems: Problem[]): Set<string> {
  const found = new Set<string>()
  visit(document, {
    Scalar(key, node, ancestors) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return
      const path = pathOf(node, ancestors as (Document | Node | Pair)[])
      found.add(formatPath(path))
      node.value = node.value.replace(REFERENCE, (whole, reference: string) => {
        const answer = read(reference, path, source)
        if (typeof answer === 'string') return answer
        problems.push({ path, text: answer.problem })
        return whole
      })
    },
  })
  return found
}

function pathOf(node: Node, ancestors: (Document | Node | Pair)[]): Path {
  const path: (string | number)[] = []
  ancestors.forEach((ancestor, depth) => {
    if (isPair(ancestor)) path.push(isScalar(ancestor.key) ? String(ancestor.key.value) : '?')
    else if (isSeq(ancestor)) path.push(ancestor.items.indexOf(ancestors[depth + 1] ?? node))
  })
  return path
}

function read(reference: string, path: Path, source: ConfigSource): string | { problem: string } {
  if (reference.startsWith('file:')) return readSecret(resolve(source.folder, reference.slice(5)), path)
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(reference)) {
    return { problem: `\${${reference}} is neither \${NAME} of an environment variable nor \${file:path}` }
  }
  return source.env[reference] ?? { problem: `the environment variable ${reference} is not set; export it` }
}

function readSecret(file: string, path: Path): string | { problem: string } {
  try {
    const { mode, size } = statSync(file)
    if (size > FILE_BYTES_MAX) return { problem: `${file} is larger than 1 MiB` }
    if (secretKeys.has(String(path.at(-1))) && (mode & 0o004) !== 0) {
      return { problem: `${file} can be read by everybody on this machine; chmod 600 it` }
    }
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    return {
      problem: `${file} cannot be read (${(error as NodeJS.ErrnoException).code}); the path counts from the file`,
    }
  }
}

interface Shape {
  type?: string
  const?: unknown
  properties?: Record<string, Shape>
  items?: Shape
  anyOf?: Shape[]
}

/** Of a choice between maps that name themselves by `protocol`: the one that the value is. */
function branchOf(shape: Shape, value: unknown): Shape {
  const protocol = (value as { protocol?: unknown } | null)?.protocol
  return shape.anyOf?.find(({ properties }) => properties?.protocol?.const === protocol) ?? shape
}

/** A value from outside is text; where the schema wants a number or a boolean, and the text is one, it becomes one. */
export function retype(value: unknown, substituted: ReadonlySet<string>, schema: object, path: Path = []): unknown {
  const shape = schema as Shape
  if (Array.isArray(value)) {
    value.forEach((item, index) => {
      value[index] = retype(item, substituted, shape.items ?? {}, [...path, index])
    })
  } else if (typeof value === 'object' && value !== null) {
    const record = value as Record<string, unknown>
    const { properties } = branchOf(shape, value)
    for (const key of Object.keys(record)) {
      record[key] = retype(record[key], substituted, properties?.[key] ?? {}, [...path, key])
    }
  } else if (typeof value === 'string' && substituted.has(formatPath(path))) {
    return fromText(value, shape.type)
  }
  return value
}

function fromText(text: string, type: string | undefined): unknown {
  if ((type === 'integer' || type === 'number') && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}
