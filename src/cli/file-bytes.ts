/** A file that an option names, as a whole. Command line only. */
import { readFileSync } from 'node:fs'
import { CommandError } from './command.js'

/** @throws CommandError: it cannot be read. */
export function fileBytes(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new CommandError(`${path} cannot be read (${code ?? message})`)
  }
}
