/**
 * The dry run: what would become of a file, on the same code path as the job itself, in this process, with nothing
 * written. Reads in windows and hands the turn back between them.
 */
import { closeSync, openSync, statSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { packPrices } from '../engine/base/price-table.js'
import { findingNumber } from '../engine/contract/findings.js'
import type { ColumnPlan, Dialect, JobPlan, PreviewRow, RoutePlan } from '../engine/contract/ingest.js'
import { type Counts, type Estimate, type JobSettings, noCounts } from '../engine/contract/job.js'
import { DEFAULT_NUMBER_RULES, type NumberRules } from '../engine/contract/number-rules.js'
import type { WayOutPlan } from '../engine/contract/opt-out.js'
import type { Price } from '../engine/contract/price.js'
import { reasonNumber } from '../engine/contract/reasons.js'
import type { VoiceSettings, VoiceTexts } from '../engine/contract/speech.js'
import type { Tally } from '../engine/contract/store.js'
import { suppressedNumbers } from '../engine/jobs/create.js'
import { estimateOf } from '../engine/jobs/estimate.js'
import { findingWarnings, type Review, reviewOf } from '../engine/jobs/file-findings.js'
import { refuseOddLength } from '../engine/jobs/odd-length.js'
import { TallySum } from '../engine/jobs/tally.js'
import { spokenTexts, voicePlanOf } from '../engine/jobs/voice-settings.js'
import type { SuppressionCheck } from '../engine/store/suppression-table.js'
import { sniff } from './dialect.js'
import { FileRecords } from './file-records.js'
import { NumberSet } from './number-set.js'
import { withPlainFile } from './plain-file.js'
import { PreviewSink } from './preview.js'
import type { SourceRecord } from './record-source.js'
import { RowMaker, SUPPRESSED } from './row.js'
import type { Row, RowSink } from './row-result.js'
import { isRound, TallyBuilder } from './tally.js'

const DUPLICATE = reasonNumber('DUPLICATE')
const ROUND_DUPLICATE = findingNumber('ROUND_DUPLICATE')
const PREVIEW_ROWS = 12
/** In the place of a SHA-256. */
const NO_SOUND = '0'.repeat(64)

export interface CheckOptions {
  path: string
  settings: JobSettings
  defaultCountry: string | null
  routes: RoutePlan[]
  /** Text of the template that the settings name, and of all templates by keyword. */
  text?: string
  templates?: Record<string, string>
  /** What emails have beside these texts, by the same keywords. */
  mailTemplates?: JobPlan['mailTemplates']
  /** What calls have of them. */
  voiceTemplates?: Record<string, VoiceTexts>
  /** The account's, about calls; default: nothing. */
  voice?: VoiceSettings
  /** Of speech, as configured; default: English. */
  usualLanguage?: string
  /** The account's; default: DEFAULT_NUMBER_RULES. */
  rules?: NumberRules
  /** The account's price list. */
  prices?: readonly Price[]
  currency?: string | null
  /** The account pays in advance: a number without a price is refused. */
  needsPrice?: boolean
  /** Added to each text; default: nothing. */
  wayOut?: WayOutPlan
  /** The account's; default UTC. */
  timeZone?: string
  /** Epoch seconds at which the job would be made. */
  createdSeconds?: number
  /** Called now and then, with octets. */
  onProgress?(done: number, all: number): void
}

export interface CheckReport {
  dialect: Dialect
  columns: ColumnPlan
  warnings: string[]
  preview: PreviewRow[]
  counts: Counts
  /** Rows that would become no message, by reason code: rejected, suppressed and duplicate ones. */
  rejectedByReason: Record<string, number>
  estimate: Estimate
  /** Counts by code of contract/findings.ts; in words they are among the warnings. */
  findings: Record<string, number>
  /** Why the job would wait for somebody to look at it; null: it would not. */
  review: Review | null
}

/** A file alone does not say which recordings the account has. */
class EveryRecording extends Map<string, string> {
  override has(): boolean {
    return true
  }

  override get(): string {
    return NO_SOUND
  }
}

/** @throws EngineError as the job would: FILE_…, COLUMN_…, TEMPLATE_…, TOO_LARGE. */
export async function checkFile(options: CheckOptions): Promise<CheckReport> {
  return await withPlainFile(options.path, (path) => checkPlain({ ...options, path }))
}

async function checkPlain(options: CheckOptions): Promise<CheckReport> {
  const { path, settings } = options
  const available = statSync(path).size
  const { dialect, columns, warnings } = sniff({
    path,
    available,
    complete: true,
    csv: settings.csv ?? {},
    columns: settings.columns ?? {},
    channel: settings.channel,
    labelsNeeded: [settings.text ?? '', ...spokenTexts(settings)].some((text) => text.includes('~')),
  })
  refuseOddLength(dialect.encoding, available)
  const plan = planOf(options, dialect, columns)
  const tally = new DryRun(plan)
  const file = openSync(path, 'r')
  try {
    await readAll(file, tally, available, options.onProgress)
  } finally {
    closeSync(file)
  }
  const { counts, preview } = tally
  const sum = tally.toTally()
  const estimate = estimateOf(sum, options.currency ?? null)
  return {
    dialect,
    columns,
    warnings: [...warnings, ...findingWarnings(sum, timeZoneOf(options))],
    preview: preview.rows,
    counts,
    rejectedByReason: sum.reasons,
    estimate,
    findings: sum.findings,
    review: reviewOf(counts, sum),
  }
}

function timeZoneOf({ settings, timeZone }: CheckOptions): string {
  return settings.timeZone ?? timeZone ?? 'UTC'
}

function planOf(options: CheckOptions, dialect: Dialect, columns: ColumnPlan): JobPlan {
  const { settings, path, routes, defaultCountry } = options
  const country = settings.defaultCountry ?? defaultCountry
  const rules = options.rules ?? DEFAULT_NUMBER_RULES
  return {
    job: 0,
    account: 0,
    path,
    settings,
    text: settings.text ?? options.text,
    templates: options.templates ?? {},
    mailTemplates: options.mailTemplates,
    subject: settings.subject,
    html: settings.html,
    voice: voicePlanOf({
      ...{ settings, voice: options.voice ?? null, templates: options.voiceTemplates ?? {} },
      ...{ usualLanguage: options.usualLanguage ?? 'en', recordings: () => new EveryRecording() },
    }),
    mailFrom: settings.from?.includes('@') === true ? settings.from : '',
    dialect,
    columns,
    routes,
    defaultCountry: country,
    timeZone: timeZoneOf(options),
    prices: packPrices(options.prices ?? []),
    needsPrice: options.needsPrice,
    suppressed: suppressedNumbers(settings.suppressed, country, rules.allowShortCodes),
    wayOut: options.wayOut,
    createdSeconds: options.createdSeconds ?? 0,
    rules,
  }
}

async function readAll(
  file: number,
  dryRun: DryRun,
  available: number,
  onProgress: CheckOptions['onProgress'],
): Promise<void> {
  const records = new FileRecords(file, dryRun.plan.dialect, { end: available, isWhole: true })
  const each = (record: SourceRecord): boolean => {
    dryRun.record(record)
    return true
  }
  while (records.window(each)) {
    dryRun.preview.linesBefore = records.linesBefore
    onProgress?.(records.position, available)
    await turn()
  }
}

/** Rows as a job would make them, counted and shown. */
export class DryRun implements RowSink {
  readonly counts: Counts = noCounts()
  readonly #tally = new TallyBuilder()
  readonly preview: PreviewSink
  readonly #maker: RowMaker
  readonly #seen: NumberSet | null
  readonly plan: JobPlan

  /** `suppressions` null: only the job's own list counts. */
  constructor(plan: JobPlan, suppressions: SuppressionCheck | null = null) {
    this.plan = plan
    this.preview = new PreviewSink(PREVIEW_ROWS, plan)
    this.#maker = new RowMaker(plan, suppressions)
    this.#seen = (plan.settings.deduplicate ?? true) ? new NumberSet() : null
  }

  record(source: SourceRecord): void {
    const { counts } = this
    counts.records++
    if (source.blank) counts.skipped++
    else {
      counts.expanded++
      this.#maker.rows(source, this)
    }
  }

  row(row: Row, record: SourceRecord): void {
    const { counts } = this
    this.preview.row(row, record)
    counts.rows++
    if (row.reason === 0) this.#tally.see(row)
    if (row.reason === SUPPRESSED) counts.suppressed++
    else if (row.reason !== 0) counts.rejected++
    else if (this.#isDuplicate(row.value)) counts.duplicate++
    else this.#accept(row)
    if (row.reason !== 0) this.#tally.refuse(row.reason)
  }

  #isDuplicate(value: number): boolean {
    if (this.#seen === null || !Number.isSafeInteger(value) || this.#seen.add(value)) return false
    this.#tally.refuse(DUPLICATE)
    if (isRound(value)) this.#tally.find(ROUND_DUPLICATE)
    return true
  }

  #accept(row: Row): void {
    const { counts } = this
    this.#tally.accept(row)
    counts.accepted++
    counts.parts += row.segmented!.partCount
    if (row.dueSeconds > this.plan.createdSeconds) counts.scheduled++
    else counts.queued++
  }

  /** In the order of a job's: that depends on nothing but the contents. */
  toTally(): Tally {
    const sum = new TallySum()
    sum.add(this.#tally.finish())
    return sum.toTally()
  }
}
