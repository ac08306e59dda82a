/** JSON that an option names a file of. Command line only. */
import { readFileSync } from 'node:fs'
import { CommandError } from './command.js'

/** @throws CommandError: it cannot be read, or is no JSON. */
export function jsonValue(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new CommandError(`${path} cannot be read (${code ?? (error as Error).message})`)
  }
}

/** @throws CommandError: it cannot be read, or is no object. */
export function jsonFile(path: string): Record<string, unknown> {
  const value = jsonValue(path)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new CommandError(`${path} must hold a JSON object`)
}
