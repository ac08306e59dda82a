/** What was guessed of a sample file, in words. */
import type { Doubt, SampleView } from '../engine/contract/sample.js'
import { previewTable } from './check-report.js'
import { table, whole } from './output.js'

const EXAMPLE_CHARACTERS = 24

export function sampleInWords(view: SampleView): string {
  const { name, saved, settings, counts, rows, doubts } = view
  return [
    table(
      ['column', 'label', 'holds', 'examples'],
      view.columns.map(({ column, label, role, examples }) => [
        column,
        label,
        role ?? '-',
        examples.map((example) => [...example.replace(/\s+/g, ' ')].slice(0, EXAMPLE_CHARACTERS).join('')).join(' | '),
      ]),
    ),
    '',
    `profile ${name}${saved ? ', saved' : ', as proposed'}:`,
    JSON.stringify(settings, null, 2),
    '',
    previewTable(rows),
    '',
    `${whole(counts.rows)} rows in the sample: ${whole(counts.accepted)} accepted, ${whole(counts.rejected)} rejected, ` +
      `${whole(counts.suppressed)} suppressed, ${whole(counts.duplicate)} duplicate; ${whole(counts.scheduled)} of them later`,
    ...view.file.warnings.map((warning) => `note: ${warning}`),
    '',
    doubts.length === 0 ? 'no doubts' : 'please look at:',
    ...doubts.flatMap(doubtLines),
  ].join('\n')
}

function doubtLines({ code, message, remedy }: Doubt, index: number): string[] {
  return [`${String(index + 1).padStart(3)}. ${message} [${code}]`, `     ${remedy}`]
}
