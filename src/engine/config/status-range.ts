/** Statuses of answers as rules name them. Apart from their schema: the dispatcher thread needs no schemas. */
import type { StatusPatternConfig } from './smpp-outcomes.js'

/** Inclusive. `*`: every status but 0. @throws nothing: the schema has seen it. */
export function statusRange(pattern: StatusPatternConfig): { from: number; to: number } {
  if (typeof pattern === 'number') return { from: pattern, to: pattern }
  if (pattern === '*') return { from: 1, to: 0xffff_ffff }
  const [from, to = from] = pattern.split('-').map(Number)
  return { from: from!, to: to! }
}
