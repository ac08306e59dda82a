/**
 * `trunkline demo`: the main job on the real engine against a simulated carrier and a simulated gateway with telephones, each a
 * process of its own, by way of HTTP as a user would do it.
 */
import { spawnSync } from 'node:child_process'
import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'csv-parse'
import { destination } from 'pino'
import { parseConfig } from '../engine/config/load.js'
import type { Config } from '../engine/config/schema.js'
import type { JobView } from '../engine/contract/api.js'
import type { JobSettings } from '../engine/contract/job.js'
import { createLog } from '../engine/observe/log.js'
import { CLI_FILE, EXAMPLES_FOLDER, STAND_IN_VOICE_FILE } from '../programs.js'
import type { GatewayStats } from '../sip/simulator/gateway-stats.js'
import type { SmscStats } from '../smpp/simulator/smsc-stats.js'
import { startServer } from '../start.js'
import { ApiClient } from './client.js'
import { type Command, CommandError, type OptionTable, readArguments } from './command.js'
import { type DemoCarrier, startDemoCarrier, startDemoGateway } from './demo-carrier.js'
import { CLINIC_ENDINGS, type Landlines, landlinesOf } from './demo-landlines.js'
import { jobHelp, jobOptions, jobSettings, numbersOf } from './job-options.js'
import { sumErrors, summary } from './job-view.js'
import { ProgressLine, print, printError, printJson, whole } from './output.js'
import { follow, type Upload, upload } from './send.js'

const options: OptionTable = { ...jobOptions, json: { type: 'boolean' }, keep: { type: 'boolean' } }

export const demo: Command = {
  help: `Usage: trunkline demo [FILE.csv] [options]

Starts the engine, a simulated carrier and a simulated gateway with telephones, sends examples/clinic.csv (1,000 rows) or
your own file, and shows what became of every row: mobiles get SMS, landlines are called and hear the text. Nothing leaves
this machine. Reports, and what the telephones heard, are kept in a temporary folder, which is printed.

  --json           the last line on stdout is one JSON object with all counts
  --keep           keep the engine's data as well as the reports
${jobHelp}

Example:
  trunkline demo
  trunkline demo contacts.csv --to Phone --text "Hi ~First name|there~"`,

  async run(argv) {
    const { values, positionals } = readArguments(argv, options, 1)
    const file = positionals[0] ?? join(EXAMPLES_FOLDER, 'clinic.csv')
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
    suppressed: numbersOf(join(EXAMPLES_FOLDER, 'opt-outs.txt')) ?? [],
  }
}

function ownSettings(): JobSettings {
  return { name: 'Demo', from: 'DEMO', text: 'Hello from the Trunkline demo.' }
}

const LINES = 60
/** Quicker than one would speak to patients: a demo is watched. */
const WORDS_PER_MINUTE = 450

interface DemoRun {
  file: string
  settings: JobSettings
  folder: string
}

interface Files {
  report: string
  rejects: string
  carrierLedger: string
  gatewayLedger: string
  /** Folder of WAV files: what each telephone heard. */
  heard: string
  log: string
}

interface DemoResult {
  job: JobView
  folder: string
  files: Files
  landlines: Landlines
  /** Refused rows by reason, counted in rejects.csv. */
  reasons: Record<string, number>
  submitsSeenByCarrier: number
}

async function runDemo({ file, settings, folder }: DemoRun): Promise<DemoResult> {
  const files: Files = {
    report: join(folder, 'report.csv'),
    rejects: join(folder, 'rejects.csv'),
    carrierLedger: join(folder, 'carrier.ledger'),
    gatewayLedger: join(folder, 'gateway.ledger'),
    heard: join(folder, 'heard'),
    log: join(folder, 'engine.log'),
  }
  const [carrier, gateway] = await Promise.all([
    startDemoCarrier(CLI_FILE, files.carrierLedger),
    startDemoGateway(CLI_FILE, { ledger: files.gatewayLedger, heard: files.heard, endings: CLINIC_ENDINGS }),
  ])
  let seen: SmscStats
  let job: JobView
  try {
    job = await dispatch({ file, settings, folder }, { carrier, gateway }, files)
  } finally {
    ;[seen] = await Promise.all([carrier.stop(), gateway.stop()])
  }
  const landlines = await landlinesOf(files.report, files.gatewayLedger)
  return {
    job,
    folder,
    files,
    landlines,
    submitsSeenByCarrier: seen.submits,
    reasons: await countReasons(files.rejects),
  }
}

interface Peers {
  carrier: DemoCarrier<SmscStats>
  gateway: DemoCarrier<GatewayStats>
}

/** Starts the engine, makes an account, sends the file, fetches the reports, stops the engine. */
async function dispatch({ folder, ...what }: DemoRun, peers: Peers, files: Files): Promise<JobView> {
  const log = createLog('info', destination({ dest: files.log, sync: true }))
  const server = await startServer(demoConfig(join(folder, 'data'), peers), { log })
  try {
    const { carrier, gateway } = peers
    printError(
      `engine on ${server.url}, simulated carrier on port ${carrier.port}, simulated gateway on port ${gateway.port}`,
    )
    printError(`files in ${folder}`)
    const admin = new ApiClient({ url: server.url, key: server.adminKey })
    const account = { id: 'demo', name: 'Demo', defaultCountry: 'GB' }
    const { key } = await admin.json<{ key: string }>('POST', '/v1/accounts', account)
    return await send(new ApiClient({ url: server.url, key }), what, { gateway, files })
  } finally {
    await server.stop()
  }
}

async function send(
  client: ApiClient,
  what: Upload,
  { gateway, files }: { gateway: Peers['gateway']; files: Files },
): Promise<JobView> {
  const progress = new ProgressLine()
  const { id } = await upload(client, what, progress)
  const job = await follow(client, id, progress, async () => {
    const { callsNow, calls } = await gateway.stats()
    return calls === 0 ? '' : `, ${whole(calls)} calls, ${whole(callsNow)} of them now`
  })
  await client.download(`/v1/jobs/${id}/report.csv`, files.report)
  await client.download(`/v1/jobs/${id}/rejects.csv`, files.rejects)
  return job
}

/** One carrier for SMS, one gateway for calls. */
function demoConfig(dataDir: string, { carrier, gateway }: Peers): Config {
  const host = '127.0.0.1'
  const text = JSON.stringify({
    dataDir,
    http: { port: 0 },
    // The dispatcher thread logs to stdout, which is for the summary; what ends it is told to the main thread.
    logLevel: 'silent',
    carriers: [
      { id: 'simulator', protocol: 'smpp', host, port: carrier.port, systemId: 'demo', binds: 2, window: 50 },
      // As many lines as the clinic has landlines, and second calls at once: nobody waits for the end of a demo.
      {
        ...{ id: 'gateway', protocol: 'sip', host, port: gateway.port, callerId: '+442079460999' },
        ...{ maxCalls: LINES, callsPerSecond: LINES, playDelayMs: 300, tailMs: 200, attempts: 2, retryMinutes: [0.02] },
      },
    ],
    speech: { rate: WORDS_PER_MINUTE, ...voiceOfThisMachine() },
  })
  return parseConfig(text, { name: 'demo', folder: dataDir, env: {} })
}

/** Without a speech program the demo makes do with tones, so that everything else can be seen. */
function voiceOfThisMachine(): { command?: string[] } {
  if (spawnSync('espeak-ng', ['--version'], { stdio: 'ignore' }).status === 0) return {}
  printError('espeak-ng is not on this machine: telephones hear a tone for each word instead of speech')
  printError(
    'to hear the texts spoken, install it: apt-get install espeak-ng (Debian, Ubuntu), brew install espeak-ng (macOS)',
  )
  return { command: [process.execPath, STAND_IN_VOICE_FILE, '{rate}'] }
}

async function countReasons(rejects: string): Promise<Record<string, number>> {
  const reasons: Record<string, number> = {}
  for await (const record of createReadStream(rejects).pipe(parse({ columns: true, bom: true }))) {
    const { code } = record as { code: string }
    reasons[code] = (reasons[code] ?? 0) + 1
  }
  return reasons
}

function conclude(result: DemoResult, isJson: boolean): number {
  const { job, folder, files, landlines, reasons, submitsSeenByCarrier } = result
  const errors = errorsOf(result)
  if (!isJson) {
    print(summary(job))
    print(`\nrefused rows by reason:${lines(reasons)}`)
    print(`\nlandlines: ${whole(landlines.numbers)} called${lines(landlines.outcomes)}`)
    print(
      `the carrier's own ledger has ${whole(submitsSeenByCarrier)} parts, the gateway's ${whole(landlines.callsSeenByGateway)} calls`,
    )
    print(`\nreport of every message: ${files.report}\nrefused rows:            ${files.rejects}`)
    if (landlines.callsSeenByGateway > 0) print(`what telephones heard:   ${files.heard}`)
    if (errors.length === 0) print('every row is accounted for: the counts add up')
  }
  for (const error of errors) printError(`the counts do not add up: ${error}`)
  if (job.state !== 'finished') printError(`the job is ${job.state}, not finished`)
  if (isJson) {
    const { id, state, counts } = job
    printJson({ job: id, state, ...counts, reasons, landlines, submitsSeenByCarrier, folder, files })
  }
  return errors.length === 0 && job.state === 'finished' ? 0 : 1
}

/** What the engine says against what the other ends counted by themselves. */
function errorsOf({ job, landlines, submitsSeenByCarrier }: DemoResult): string[] {
  const errors = sumErrors(job.counts)
  const answered = submitsSeenByCarrier + landlines.numbers
  if (answered !== job.counts.parts) {
    errors.push(
      `${job.counts.parts} parts, but the carrier's ledger has ${submitsSeenByCarrier} and ${landlines.numbers} are calls`,
    )
  }
  if (landlines.notHeard > 0) errors.push(`${landlines.notHeard} are delivered, but their telephone heard nothing`)
  return errors
}

function lines(reasons: Record<string, number>): string {
  const entries = Object.entries(reasons).sort((left, right) => right[1] - left[1])
  return entries.length === 0 ? ' none' : entries.map(([code, count]) => `\n  ${whole(count)} ${code}`).join('')
}
