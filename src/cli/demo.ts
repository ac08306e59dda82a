/**
 * `trunkline demo`: the main job on the real engine against the simulated carrier in a process of its own, by way of
 * HTTP as a user would do it.
 */
import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'csv-parse'
import { destination } from 'pino'
import { parseConfig } from '../engine/config/load.js'
import type { Config } from '../engine/config/schema.js'
import type { JobView } from '../engine/contract/api.js'
import type { JobSettings } from '../engine/contract/job.js'
import { createLog } from '../engine/observe/log.js'
import type { SmscStats } from '../smpp/simulator/smsc-stats.js'
import { startServer } from '../start.js'
import { ApiClient } from './client.js'
import { type Command, CommandError, type OptionTable, readArguments } from './command.js'
import { startDemoCarrier } from './demo-carrier.js'
import { jobHelp, jobOptions, jobSettings, numbersOf } from './job-options.js'
import { sumErrors, summary } from './job-view.js'
import { ProgressLine, print, printError, printJson, whole } from './output.js'
import { follow, type Upload, upload } from './send.js'

const cli = fileURLToPath(new URL('../cli.js', import.meta.url))
const examples = fileURLToPath(new URL('../../../examples/', import.meta.url))

const options: OptionTable = { ...jobOptions, json: { type: 'boolean' }, keep: { type: 'boolean' } }

export const demo: Command = {
  help: `Usage: trunkline demo [FILE.csv] [options]

Starts the engine and a simulated carrier, sends examples/clinic.csv (1,000 rows) or your own file, and shows what
became of every row. Nothing leaves this machine. Reports are kept in a temporary folder, which is printed.

  --json           the last line on stdout is one JSON object with all counts
  --keep           keep the engine's data as well as the reports
${jobHelp}

Example:
  trunkline demo
  trunkline demo contacts.csv --to Phone --text "Hi ~First name|there~"`,

  async run(argv) {
    const { values, positionals } = readArguments(argv, options, 1)
    const file = positionals[0] ?? join(examples, 'clinic.csv')
    if (!existsSync(file)) throw new CommandError(`there is no file ${file}`)
    const settings = { ...(positionals[0] === undefined ? clinicSettings() : ownSettings()), ...jobSettings(values) }
    const folder = mkdtempSync(join(tmpdir(), 'trunkline-demo-'))
    const result = await runDemo({ file, settings, folder })
    if (values.keep !== true) rmSync(join(folder, 'data'), { recursive: true, force: true })
    return conclude(result, values.json === true)
  },
}

/** The clinic's reminder; its opt-outs travel with the job until accounts keep their own list. */
function clinicSettings(): JobSettings {
  return {
    name: 'Demo: clinic reminders',
    from: 'CLINIC',
    text: 'Dear ~name~, your appointment is on ~appointment~ with ~doctor~. ~note|See you soon.~',
    columns: { to: 'mobile' },
    defaultCountry: 'GB',
    suppressed: numbersOf(join(examples, 'opt-outs.txt')) ?? [],
  }
}

function ownSettings(): JobSettings {
  return { name: 'Demo', from: 'DEMO', text: 'Hello from the Trunkline demo.' }
}

interface DemoRun {
  file: string
  settings: JobSettings
  folder: string
}

interface DemoResult {
  job: JobView
  folder: string
  files: { report: string; rejects: string; carrierLedger: string; log: string }
  /** Refused rows by reason, counted in rejects.csv. */
  reasons: Record<string, number>
  submitsSeenByCarrier: number
}

async function runDemo({ file, settings, folder }: DemoRun): Promise<DemoResult> {
  const files = {
    report: join(folder, 'report.csv'),
    rejects: join(folder, 'rejects.csv'),
    carrierLedger: join(folder, 'carrier.ledger'),
    log: join(folder, 'engine.log'),
  }
  const carrier = await startDemoCarrier(cli, files.carrierLedger)
  let seen: SmscStats
  let job: JobView
  try {
    job = await dispatch({ file, settings, folder }, carrier.port, files)
  } finally {
    seen = await carrier.stop()
  }
  return { job, folder, files, submitsSeenByCarrier: seen.submits, reasons: await countReasons(files.rejects) }
}

/** Starts the engine, makes an account, sends the file, fetches the reports, stops the engine. */
async function dispatch({ folder, ...what }: DemoRun, port: number, files: DemoResult['files']): Promise<JobView> {
  const log = createLog('info', destination({ dest: files.log, sync: true }))
  const server = await startServer(demoConfig(join(folder, 'data'), port), { log })
  try {
    printError(`engine on ${server.url}, simulated carrier on port ${port}, files in ${folder}`)
    const admin = new ApiClient({ url: server.url, key: server.adminKey })
    const account = { id: 'demo', name: 'Demo', defaultCountry: 'GB' }
    const { key } = await admin.json<{ key: string }>('POST', '/v1/accounts', account)
    return await send(new ApiClient({ url: server.url, key }), what, files)
  } finally {
    await server.stop()
  }
}

async function send(client: ApiClient, what: Upload, files: DemoResult['files']): Promise<JobView> {
  const progress = new ProgressLine()
  const { id } = await upload(client, what, progress)
  const job = await follow(client, id, progress)
  await client.download(`/v1/jobs/${id}/report.csv`, files.report)
  await client.download(`/v1/jobs/${id}/rejects.csv`, files.rejects)
  return job
}

/** One carrier, and a route for SMS only: whoever needs a call is rejected with NO_ROUTE. */
function demoConfig(dataDir: string, port: number): Config {
  const carrier = { id: 'simulator', protocol: 'smpp', host: '127.0.0.1', port, systemId: 'demo', binds: 2, window: 50 }
  const text = JSON.stringify({
    dataDir,
    http: { port: 0 },
    // The dispatcher thread logs to stdout, which is for the summary; what ends it is told to the main thread.
    logLevel: 'silent',
    carriers: [carrier],
    routes: [{ channel: 'sms', carriers: [carrier.id] }],
  })
  return parseConfig(text, { name: 'demo', folder: dataDir, env: {} })
}

async function countReasons(rejects: string): Promise<Record<string, number>> {
  const reasons: Record<string, number> = {}
  for await (const record of createReadStream(rejects).pipe(parse({ columns: true, bom: true }))) {
    const { code } = record as { code: string }
    reasons[code] = (reasons[code] ?? 0) + 1
  }
  return reasons
}

function conclude({ job, folder, files, reasons, submitsSeenByCarrier }: DemoResult, isJson: boolean): number {
  const errors = sumErrors(job.counts)
  if (submitsSeenByCarrier !== job.counts.partsSent) {
    errors.push(`${job.counts.partsSent} parts were answered, but the carrier's ledger has ${submitsSeenByCarrier}`)
  }
  if (!isJson) {
    print(summary(job))
    print(`\nrefused rows by reason:${lines(reasons)}`)
    print(`\nlandlines: ${whole(reasons.NO_ROUTE ?? 0)} rejected with NO_ROUTE: voice comes later`)
    print(`the carrier's own ledger has ${whole(submitsSeenByCarrier)} parts`)
    print(`\nreport of every message: ${files.report}\nrefused rows:            ${files.rejects}`)
    if (errors.length === 0) print('every row is accounted for: the counts add up')
  }
  for (const error of errors) printError(`the counts do not add up: ${error}`)
  if (job.state !== 'finished') printError(`the job is ${job.state}, not finished`)
  if (isJson) printJson({ job: job.id, state: job.state, ...job.counts, reasons, submitsSeenByCarrier, folder, files })
  return errors.length === 0 && job.state === 'finished' ? 0 : 1
}

function lines(reasons: Record<string, number>): string {
  const entries = Object.entries(reasons).sort((left, right) => right[1] - left[1])
  return entries.length === 0 ? ' none' : entries.map(([code, count]) => `\n  ${whole(count)} ${code}`).join('')
}
