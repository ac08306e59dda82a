/** The version of Trunkline that runs, as its package says. Composition, any thread. */
import { readFileSync } from 'node:fs'

export function productVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return version as string
}
