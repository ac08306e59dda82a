/** Which column is what, as people are told: positions from 1 as in the settings, null for none. */
import type { ColumnPlan } from '../contract/ingest.js'

export interface ColumnView {
  labels: string[]
  phones: number[]
  phonesMode: ColumnPlan['phonesMode']
  text: number | null
  keyword: number | null
  sendAt: number | null
  sendAtTime: number | null
  timeZone: number | null
  language: number | null
  /** Label in the text → position, without the names that every position has. */
  fields: Record<string, number>
  /** What was found by label or content and not set. */
  guessed: string[]
}

export function columnView(plan: ColumnPlan): ColumnView {
  const { labels, phones, phonesMode, fields, guessed } = plan
  const own = Object.entries(fields).filter(([label]) => !/^(?:param)?\d+$/.test(label) || labels.includes(label))
  return {
    labels,
    phones: phones.map((column) => column + 1),
    phonesMode,
    text: position(plan.text),
    keyword: position(plan.keyword),
    sendAt: position(plan.sendAt),
    sendAtTime: position(plan.sendAtTime ?? -1),
    timeZone: position(plan.timeZone),
    language: position(plan.language ?? -1),
    fields: Object.fromEntries(own.map(([label, column]) => [label, column + 1])),
    guessed,
  }
}

function position(column: number): number | null {
  return column < 0 ? null : column + 1
}
