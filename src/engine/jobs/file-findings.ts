/**
 * What the sender of a file should know although its rows were accepted, in words; and when a job waits for somebody to look
 * at its file first. Of the whole file, so that it is the same however the file was read.
 */
import { limits } from '../contract/limits.js'
import type { Tally } from '../contract/store.js'

/** Numbers that end in 000: so many, and so large a share, are no chance. */
const ROUND_LEAST = 3
const ROUND_SHARE = 0.01

/** `timeZone`: of times without an offset. */
export function findingWarnings({ findings, kinds, reasons }: Tally, timeZone: string): string[] {
  const warnings: string[] = []
  let numbers = reasons.DUPLICATE ?? 0
  for (const { rows } of kinds) numbers += rows
  const count = (code: string): number => findings[code] ?? 0
  const say = (code: string, words: (count: number) => string): void => {
    if (count(code) > 0) warnings.push(words(count(code)))
  }
  say(
    'NUMBER_REPAIRED',
    (found) =>
      `${shareOf(found, numbers)} numbers had lost their + or their leading 0 and were read as if they had it.`,
  )
  const round = count('ROUND_NUMBER')
  if (round >= ROUND_LEAST && round > numbers * ROUND_SHARE) {
    const twice = count('ROUND_DUPLICATE')
    warnings.push(
      `${shareOf(round, numbers)} numbers end in 000${twice > 0 ? `, and ${twice} of them are duplicates` : ''}: ` +
        'a spreadsheet may have rounded them. Format the column as text and export it again.',
    )
  }
  say(
    'SMART_CHARACTER',
    (found) =>
      `${found} texts need UCS-2 only because of characters such as ’ or –; with transliterate they would need ` +
      `${count('SMART_PART')} parts less.`,
  )
  say('ZONE_ASSUMED', (found) => `${found} times have no offset and were read as times of ${timeZone}.`)
  say('TIME_SKIPPED', (found) => `${found} times are skipped by the clocks on that day and were moved forward.`)
  say('TIME_REPEATED', (found) => `${found} times are shown twice by the clocks on that day; the first was taken.`)
  return warnings
}

function shareOf(count: number, all: number): string {
  return `${count} of ${all} (${Math.round((count / all) * 1000) / 10} %)`
}

export interface Review {
  reason: 'PHONE_SCIENTIFIC'
  detail: string
}

/** null: nothing about the file needs somebody to look at it before it is sent. */
export function reviewOf(totals: { rows: number; accepted: number }, { reasons }: Tally): Review | null {
  const cut = reasons.PHONE_SCIENTIFIC ?? 0
  if (totals.rows < limits.reviewRowsMin || cut <= totals.rows * limits.scientificShare) return null
  const detail =
    `${shareOf(cut, totals.rows)} rows have numbers such as 4.47E+11, which a spreadsheet has cut; others may be wrong as ` +
    `well. Cancel this job and send the file with its numbers as text, or resume it to send the ${totals.accepted} rows ` +
    'that could be read.'
  return { reason: 'PHONE_SCIENTIFIC', detail }
}
