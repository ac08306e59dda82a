/** Durations as people write them in rules: 90m, 24h, 2d, 1h30m. Pure. */

const WHOLE = /^(?:\d+[smhdw]){1,5}$/i
const PIECE = /(\d+)([smhdw])/gi
const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}
/** Two years. */
const LONGEST_MS = 731 * 86_400_000

/** What is said of a text that is none. */
export const NOT_A_DURATION = 'must be a duration such as 90m, 24h, 2d or 1h30m, at most 731d'

/** Milliseconds; null: not a duration, or too long. Spaces do not matter. */
export function parseDuration(text: string): number | null {
  const written = text.replaceAll(' ', '')
  if (!WHOLE.test(written)) return null
  let ms = 0
  for (const [, count, unit] of written.matchAll(PIECE)) ms += Number(count) * UNIT_MS[unit!.toLowerCase()]!
  return ms <= LONGEST_MS ? ms : null
}
