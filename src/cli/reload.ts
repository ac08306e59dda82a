/**
 * SIGHUP: reads the configuration again. Carriers, routes and rates are applied under traffic; what else differs is named,
 * and waits for a restart. A file that is wrong changes nothing.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../engine/config/schema.js'

/** Keys that are applied while the engine runs. */
const LIVE: ReadonlySet<string> = new Set(['carriers', 'routes'])

/** Keys that differ and need a restart. */
export function waitsForRestart(before: Config, after: Config): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof Config)[]
  return keys.filter((key) => !LIVE.has(key) && !isDeepStrictEqual(before[key], after[key]))
}

/** One line for the operator: what changed, and what waits. */
export function reloadLine(changed: readonly string[], waiting: readonly string[]): string {
  const done = changed.length === 0 ? 'nothing changed' : `changed: ${changed.join('; ')}`
  return waiting.length === 0 ? done : `${done}; needs a restart: ${waiting.join(', ')}`
}
