/** `trunkline check`: what a file would come to, on the code path of a real job, with nothing written. */

import { existsSync } from 'node:fs'
import { loadConfig } from '../engine/config/load.js'
import type { Config } from '../engine/config/schema.js'
import { systemClock } from '../engine/contract/clock.js'
import type { RoutePlan } from '../engine/contract/ingest.js'
import { type ReasonCode, reasonHelp } from '../engine/contract/reasons.js'
import { columnView } from '../engine/jobs/column-view.js'
import { textPlan } from '../engine/jobs/text-plan.js'
import { type CheckReport, checkFile } from '../ingest/check.js'
import { type Command, CommandError, type OptionTable, readArguments, textOption, UsageError } from './command.js'
import { defaultConfigFile } from './config-file.js'
import { jobHelp, jobOptions, jobSettings } from './job-options.js'
import { print, printJson, table, whole } from './output.js'

const options: OptionTable = { ...jobOptions, json: { type: 'boolean' }, config: { type: 'string' } }

export const check: Command = {
  help: `Usage: trunkline check FILE.csv --text TEXT [options]

Reads the whole file as a job would and writes nothing. Needs no server. Exit code 1 if no row would be accepted.

${jobHelp}
  --config FILE    the routes and how carriers want text cut (trunkline.yaml; without carriers: SMS to everywhere)
  --json           one JSON document on stdout

Example:
  trunkline check clinic.csv --to mobile --default-country GB --text "Hi ~name~"`,

  async run(argv) {
    const { values, positionals } = readArguments(argv, options, 1)
    const path = positionals[0]
    if (path === undefined) throw new UsageError('which file? write: trunkline check FILE.csv --text "Hi ~name~"')
    const settings = jobSettings(values)
    if (settings.template !== undefined) {
      throw new CommandError('a template is stored on the server; give its text with --text')
    }
    if (!existsSync(path)) throw new CommandError(`there is no file ${path}`)
    const config = loadConfig(textOption(values, 'config') ?? defaultConfigFile())
    const report = await checkFile({
      path,
      settings,
      defaultCountry: null,
      routes: routePlans(config),
      createdSeconds: Math.floor(systemClock.now() / 1_000),
    })
    if (values.json === true) printJson({ ...report, columns: columnView(report.columns) })
    else print(inWords(report))
    return report.counts.accepted > 0 ? 0 : 1
  },
}

/** The routes as a job would meet them, but those of one account alone. */
function routePlans(config: Config): RoutePlan[] {
  const carrierOf = new Map(config.carriers.map((carrier) => [carrier.id, carrier]))
  const all = { channel: 'sms' as const, prefix: '', carriers: config.carriers.map(({ id }) => id) }
  const routes = config.routes.length > 0 ? config.routes.filter(({ account }) => account === undefined) : [all]
  return routes.map(({ channel, prefix, carriers }, index) => {
    const known = carriers.map((id) => carrierOf.get(id)).filter((carrier) => carrier !== undefined)
    return { route: index + 1, channel, prefix, carrier: carriers[0] ?? 'any', ...textPlan(known) }
  })
}

function inWords({ dialect, columns, warnings, preview, counts, reasons }: CheckReport): string {
  const phones = columns.phones.map((place) => columns.labels[place] ?? `column ${place + 1}`)
  const delimiter = dialect.delimiter === '\t' ? 'tab' : dialect.delimiter
  const guessed = [...dialect.guessed, ...columns.guessed]
  const found = Object.entries(reasons).filter(([, count]) => count > 0) as [ReasonCode, number][]
  return [
    `file: ${dialect.encoding}, delimiter ${delimiter}, ${dialect.header ? 'with' : 'without'} a header row`,
    `columns: ${columns.labels.join(', ')}`,
    `numbers from: ${phones.join(', ')}`,
    ...(guessed.length === 0 ? [] : [`found by itself: ${guessed.join(', ')}`]),
    ...warnings.map((warning) => `warning: ${warning}`),
    '',
    table(
      ['row', 'to', 'encoding', 'parts', 'text or reason'],
      preview.map((row) => [row.row, row.to, row.encoding, row.parts, oneLine(row.reason ?? row.text)]),
    ),
    '',
    `${whole(counts.rows)} rows: ${whole(counts.accepted)} accepted, ${whole(counts.rejected)} rejected, ` +
      `${whole(counts.suppressed)} suppressed, ${whole(counts.duplicate)} duplicate; ${whole(counts.parts)} parts`,
    ...found.map(([code, count]) => `  ${whole(count)} ${code}: ${reasonHelp(code)}`),
  ].join('\n')
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 60 ? `${line.slice(0, 59)}…` : line
}
