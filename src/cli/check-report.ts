/** What `trunkline check` found, in words. */
import type { PreviewRow } from '../engine/contract/ingest.js'
import type { Estimate, Share } from '../engine/contract/job.js'
import { type ReasonCode, reasonHelp } from '../engine/contract/reasons.js'
import type { CheckReport } from '../ingest/check.js'
import { priceText } from './job-view.js'
import { table, whole } from './output.js'

const TEXT_CHARACTERS = 60
const DELIMITERS: Record<string, string> = { '\t': 'tab', ',': 'comma', ';': 'semicolon', '|': 'pipe', ' ': 'space' }

export function inWords(report: CheckReport): string {
  return [
    ...fileLines(report),
    ...report.warnings.map((warning) => `warning: ${warning}`),
    ...(report.review === null
      ? []
      : [`the job would wait for review (${report.review.reason}): ${report.review.detail}`]),
    '',
    previewTable(report.preview),
    '',
    ...countLines(report),
    '',
    ...estimateLines(report.estimate),
  ].join('\n')
}

function fileLines({ dialect, columns }: CheckReport): string[] {
  const isGuessed = (what: string) => (dialect.guessed.includes(what) ? ' (guessed)' : '')
  const delimiter = DELIMITERS[dialect.delimiter] ?? dialect.delimiter
  const labels = columns.labels.map((label, place) => `${place + 1} ${label}`)
  return [
    `encoding: ${dialect.encoding}${isGuessed('encoding')}`,
    `delimiter: ${delimiter}${isGuessed('delimiter')}`,
    `header row: ${dialect.header ? 'yes' : 'no'}${isGuessed('header')}`,
    `columns: ${labels.join(', ')}`,
    ...roleLines(columns),
  ]
}

/** Which column is what. */
function roleLines(columns: CheckReport['columns']): string[] {
  const nameOf = (place: number) => columns.labels[place] ?? `column ${place + 1}`
  const isGuessed = (what: string) => (columns.guessed.includes(what) ? ' (guessed)' : '')
  const { phones, phonesMode } = columns
  const mode = phones.length < 2 ? '' : phonesMode === 'all' ? ', each valid one' : ', the first valid one'
  const numbers = `numbers from: ${phones.map(nameOf).join(', ')}${mode}${isGuessed('to')}`
  const roles = [
    ['email', columns.email ?? -1],
    ['text', columns.text],
    ['keyword', columns.keyword],
    ['sendAt', columns.sendAt],
    ['sendAtTime', columns.sendAtTime ?? -1],
    ['timeZone', columns.timeZone],
  ] as const
  return [
    ...(phones.length === 0 ? [] : [numbers]),
    ...roles
      .filter(([, place]) => place >= 0)
      .map(([role, place]) => `${role} from: ${nameOf(place)}${isGuessed(role)}`),
  ]
}

export function previewTable(rows: PreviewRow[]): string {
  return table(
    ['row', 'line', 'to', 'channel', 'encoding', 'parts', 'price', 'text or reason'],
    rows.map((row) => [
      row.row,
      row.line,
      row.to,
      row.reason === null ? row.channel : '-',
      row.reason === null ? row.encoding : '-',
      row.parts,
      row.price ?? '-',
      oneLine(row.reason ?? row.text),
    ]),
  )
}

function countLines({ counts, rejectedByReason }: CheckReport): string[] {
  const reasons = Object.entries(rejectedByReason) as [ReasonCode, number][]
  return [
    `${whole(counts.records)} records, ${whole(counts.skipped)} of them empty lines`,
    `${whole(counts.rows)} rows: ${whole(counts.accepted)} accepted, ${whole(counts.rejected)} rejected, ` +
      `${whole(counts.suppressed)} suppressed, ${whole(counts.duplicate)} duplicate; ${whole(counts.parts)} parts`,
    ...reasons.sort((a, b) => b[1] - a[1]).map(([code, rows]) => `  ${whole(rows)} ${code}: ${reasonHelp(code)}`),
  ]
}

function estimateLines(estimate: Estimate): string[] {
  const { byCountry, byChannel, byEncoding } = estimate
  return [
    estimate.price === null ? 'price: none is set (see --account)' : priceText(estimate),
    table(['by country', 'rows', 'parts', 'price'], shares(byCountry)),
    table(['by channel', 'rows', 'parts', 'price'], shares(byChannel)),
    table(['by encoding', 'rows', 'parts', 'price'], shares(byEncoding)),
  ]
}

function shares(split: Record<string, Share>): (string | number)[][] {
  return Object.entries(split).map(([name, { rows, parts, price }]) => [name, rows, parts, price ?? '-'])
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > TEXT_CHARACTERS ? `${line.slice(0, TEXT_CHARACTERS - 1)}…` : line
}
