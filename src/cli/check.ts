/** `trunkline check`: what a file would come to, on the code path of a real job, with nothing written. */
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { type AccountRecord, newAccount, withSettings } from '../engine/accounts/account-record.js'
import { isSip, isSmpp } from '../engine/config/carrier.js'
import { configuredRoutes } from '../engine/config/default-routes.js'
import { loadConfig } from '../engine/config/load.js'
import { preferredIds } from '../engine/config/route-carriers.js'
import type { Config } from '../engine/config/schema.js'
import { systemClock } from '../engine/contract/clock.js'
import type { RoutePlan } from '../engine/contract/ingest.js'
import type { JobSettings } from '../engine/contract/job.js'
import { CHANNELS } from '../engine/contract/message.js'
import type { CallTerms } from '../engine/contract/speech.js'
import { callTerms } from '../engine/jobs/call-terms.js'
import { columnView } from '../engine/jobs/column-view.js'
import { newJob } from '../engine/jobs/create.js'
import { textPlan } from '../engine/jobs/text-plan.js'
import { playsAlone, routesWithCaller } from '../engine/jobs/voice-settings.js'
import { type Links, wayOutPlan } from '../engine/opt-out/opt-out-settings.js'
import { isCountry } from '../engine/phone/number.js'
import { AccountPatchSchema } from '../http/schemas/accounts.js'
import { JobSettingsSchema } from '../http/schemas/jobs.js'
import { compileCheck } from '../http/validation.js'
import { checkFile } from '../ingest/check.js'
import { inWords } from './check-report.js'
import { checkTemplates } from './check-templates.js'
import { type Command, CommandError, type OptionTable, readArguments, textOption, UsageError } from './command.js'
import { defaultConfigFile } from './config-file.js'
import { jobHelp, jobOptions, jobSettings } from './job-options.js'
import { jsonFile } from './json-file.js'
import { ProgressLine, print, printJson, whole } from './output.js'

const options: OptionTable = {
  ...jobOptions,
  json: { type: 'boolean' },
  config: { type: 'string' },
  account: { type: 'string' },
  templates: { type: 'string' },
}
/** Of these the API answers more than it takes. */
const VIEW_ONLY = new Set(['id', 'keys', 'createdAt', 'reserved', 'spent', 'today'])

export const check: Command = {
  help: `Usage: trunkline check FILE.csv --text TEXT [options]

Reads the whole file, plain or gzip, as a job would, and stores nothing. Needs no server. Says how the file is read,
shows the first 12 rows as they would be sent, and counts all rows by reason, country, channel, encoding and price.
Exit code 1 if no row would be accepted.

${jobHelp}
  --config FILE    the routes and how carriers want text cut (trunkline.yaml; without carriers: SMS, calls and email to everywhere)
  --account FILE   the account's settings as JSON, as GET /v1/accounts/ID answers them: default country, rules, prices
  --templates FILE templates as JSON, as GET /v1/templates answers them, for --template and for columns of keywords
  --json           one JSON document on stdout

Example:
  trunkline check clinic.csv --to mobile --default-country GB --text "Hi ~name~"`,

  async run(argv) {
    const { values, positionals } = readArguments(argv, options, 1)
    const path = positionals[0]
    if (path === undefined) throw new UsageError('which file? write: trunkline check FILE.csv --text "Hi ~name~"')
    const settings = jobSettings(values)
    const templates = checkTemplates(textOption(values, 'templates'), settings)
    if (
      !playsAlone(settings) &&
      settings.text === undefined &&
      settings.columns?.text === undefined &&
      settings.columns?.keyword === undefined
    ) {
      throw new UsageError('what is to be said? give --text or --text-column')
    }
    if (!existsSync(path)) throw new CommandError(`there is no file ${path}`)
    const nowMs = systemClock.now()
    const { account, isPrepaid } = accountOf(textOption(values, 'account'), nowMs)
    refuseWrongSettings(settings, account, nowMs)
    const config = loadConfig(textOption(values, 'config') ?? defaultConfigFile())
    const facts = {
      settings,
      ...templates,
      defaultCountry: account.defaultCountry,
      routes: routesWithCaller(routePlans(config, account.id), [settings.from, ...account.senders]),
      voice: account.voice,
      usualLanguage: config.speech.language,
      rules: account,
      prices: account.prices,
      needsPrice: isPrepaid && account.prices.length > 0,
      currency: account.currency,
      timeZone: account.timeZone,
      wayOut: wayOutPlan(account, settings, linksOf(config)) ?? undefined,
      createdSeconds: Math.floor(nowMs / 1_000),
      onProgress: progress(basename(path)),
    }
    const report = await checkFile({ ...facts, path })
    if (values.json === true) printJson({ ...report, columns: columnView(report.columns) })
    else print(inWords(report))
    return report.counts.accepted > 0 ? 0 : 1
  },
}

/** Of an account that has no settings, or of those in the file. */
function accountOf(file: string | undefined, nowMs: number): { account: AccountRecord; isPrepaid: boolean } {
  const plain = newAccount({ id: 'check', number: 0, nowMs })
  if (file === undefined) return { account: plain, isPrepaid: false }
  const given = jsonFile(file)
  const settings = Object.fromEntries(Object.entries(given).filter(([key]) => !VIEW_ONLY.has(key)))
  for (const { pointer, message } of compileCheck(AccountPatchSchema)(settings) ?? []) {
    throw new CommandError(`${file}: ${pointer} ${message}`)
  }
  const id = typeof given.id === 'string' ? given.id : 'check'
  return { account: withSettings({ ...plain, id }, settings, isCountry), isPrepaid: settings.balance != null }
}

/** As long as those of the server, whose secret is not here. */
function linksOf({ http: { publicUrl } }: Config): Links | null {
  return publicUrl === undefined ? null : { publicUrl, secret: Buffer.alloc(32) }
}

/** As POST /v1/jobs does. */
function refuseWrongSettings(settings: JobSettings, account: AccountRecord, nowMs: number): void {
  for (const { pointer, message } of compileCheck(JobSettingsSchema)(settings) ?? []) {
    throw new CommandError(`${pointer} ${message}`)
  }
  newJob({ job: 0, account, nowMs, singles: false }, settings)
}

/** Nothing is said of a file that is read at once. */
function progress(name: string): (done: number, all: number) => void {
  const line = new ProgressLine()
  let isShown = false
  return (done, all) => {
    if (done < all) {
      line.show(`${name}: ${whole(done / 1024)} of ${whole(all / 1024)} KiB read`)
      isShown = true
    } else if (isShown) line.end(`${name}: ${whole(all / 1024)} KiB read`)
  }
}

/** The routes as a job of the account would meet them: its own before those of all. */
function routePlans(config: Config, account: string): RoutePlan[] {
  const carrierOf = new Map(config.carriers.map((carrier) => [carrier.id, carrier]))
  const any = CHANNELS.map((channel) => ({ channel, prefix: '', carriers: [] }))
  const routes = config.carriers.length === 0 ? any : ownFirst(configuredRoutes(config), account)
  return routes.map(({ channel, prefix, carriers }, index) => {
    const ids = preferredIds(carriers)
    const known = ids.map((id) => carrierOf.get(id)).filter((carrier) => carrier !== undefined)
    const call = channel === 'voice' ? { call: known.length === 0 ? ANY_CALL : callTerms(known.filter(isSip)) } : {}
    return { route: index + 1, channel, prefix, carrier: ids[0] ?? 'any', ...textPlan(known.filter(isSmpp)), ...call }
  })
}

/** The digits that carriers have where they say nothing of them. */
const ANY_CALL: CallTerms = { callerIds: [], optOutDigit: '9', repeatDigit: '1' }

function ownFirst(routes: Config['routes'], account: string): Config['routes'] {
  return [
    ...routes.filter((route) => route.account === account),
    ...routes.filter((route) => route.account === undefined),
  ]
}
