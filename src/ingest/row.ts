/**
 * One record to rows: number, channel, route, suppression, text, times and parts. Every row ends in `sink.row`, accepted
 * (reason 0) or with the reason why not. Runs in the ingest threads, once per record; nothing here throws for a row.
 */
import { ByPrefix, PrefixTrie } from '../engine/base/by-prefix.js'
import { type PriceTable, unpackPrices } from '../engine/base/price-table.js'
import { findingNumber } from '../engine/contract/findings.js'
import type { ColumnPlan, JobPlan, RoutePlan } from '../engine/contract/ingest.js'
import { limits } from '../engine/contract/limits.js'
import { CHANNELS, type ChannelName } from '../engine/contract/message.js'
import { reasonNumber } from '../engine/contract/reasons.js'
import { WayOutText } from '../engine/opt-out/way-out.js'
import { NumberParser, type ParsedNumber } from '../engine/phone/number.js'
import { NO_COUNTRY, NumberPolicy } from '../engine/phone/number-policy.js'
import type { SuppressionCheck } from '../engine/store/suppression-table.js'
import { type Consents, consentsOf } from './consents.js'
import { Cutter } from './cutter.js'
import { leftOut, type RecipientOrder, recipientOrder } from './recipient-order.js'
import type { SourceRecord } from './record-source.js'
import { RowMail } from './row-mail.js'
import { clearRow, emptyRow, type Row, type RowSink } from './row-result.js'
import { RowSpeech } from './row-speech.js'
import { RowText } from './row-text.js'
import { RowTimes } from './row-times.js'
import { isRound } from './tally.js'

const MISSING_NUMBER = reasonNumber('MISSING_NUMBER')
const LINE_TYPE_REFUSED = reasonNumber('LINE_TYPE_REFUSED')
const NO_ROUTE = reasonNumber('NO_ROUTE')
const FEATURE_OFF = reasonNumber('FEATURE_OFF')
const NOT_OPTED_IN = reasonNumber('NOT_OPTED_IN')
const NO_PRICE = reasonNumber('NO_PRICE')
const TOO_FEW_COLUMNS = reasonNumber('TOO_FEW_COLUMNS')
const EXTRA_COLUMNS = reasonNumber('EXTRA_COLUMNS')
export const SUPPRESSED = reasonNumber('SUPPRESSED')

/** Bits of Row.findings. */
const NUMBER_REPAIRED = 1 << findingNumber('NUMBER_REPAIRED')
const ROUND_NUMBER = 1 << findingNumber('ROUND_NUMBER')
const SMART_CHARACTER = 1 << findingNumber('SMART_CHARACTER')
const ZONE_ASSUMED = 1 << findingNumber('ZONE_ASSUMED')
const BY_TURN = {
  none: 0,
  skipped: 1 << findingNumber('TIME_SKIPPED'),
  repeated: 1 << findingNumber('TIME_REPEATED'),
}

const DEFAULT_MAX_PARTS = 10

export class RowMaker {
  readonly #plan: JobPlan
  readonly #columns: ColumnPlan
  readonly #numbers: NumberParser
  readonly #policy: NumberPolicy
  readonly #routes: ByPrefix<RoutePlan>
  readonly #off: readonly ChannelName[]
  /** Ways that the job does not use. */
  readonly #leftOut: readonly ChannelName[]
  readonly #prices: PriceTable
  /** null: the account has no quota by prefix. */
  readonly #quotas: PrefixTrie<{ prefix: string }> | null
  readonly #cutters = new Map<RoutePlan, Cutter>()
  readonly #text: RowText
  readonly #times: RowTimes
  readonly #row: Row
  /** Numbers of the record at hand, where a job may message a number several times. */
  readonly #inRecord: number[] = []
  readonly #suppressions: SuppressionCheck | null
  readonly #wayOut: WayOutText | null
  readonly #consents: Consents | null
  /** null: no row of the job may be an email. */
  readonly #mail: RowMail | null
  /** null: no route of the job is one of calls. */
  readonly #speech: RowSpeech | null
  readonly #recipients: RecipientOrder

  /** `suppressions` null: only the job's own list counts. @throws EngineError TEMPLATE_INVALID, TEMPLATE_LABEL_UNKNOWN. */
  constructor(plan: JobPlan, suppressions: SuppressionCheck | null = null) {
    this.#plan = plan
    this.#suppressions = suppressions
    this.#wayOut = plan.wayOut === undefined ? null : new WayOutText(plan.wayOut, plan.settings.from ?? '')
    this.#consents = consentsOf(plan)
    this.#columns = plan.columns
    this.#numbers = new NumberParser(plan.defaultCountry, { shortCodes: plan.rules.allowShortCodes })
    this.#policy = new NumberPolicy(plan.rules, plan.settings.landlines)
    this.#off = plan.channelsOff ?? []
    this.#leftOut = leftOut(plan)
    this.#routes = new ByPrefix(plan.routes)
    this.#prices = unpackPrices(plan.prices)
    this.#quotas = quotasOf(plan)
    this.#text = new RowText(plan)
    this.#times = new RowTimes(plan)
    this.#recipients = recipientOrder(plan)
    const isListed = (value: number): boolean => plan.suppressed !== null && includesSorted(plan.suppressed, value)
    const mailDeps = { suppressions, consents: this.#consents, isListed }
    this.#mail = this.#recipients === 'numbers' ? null : new RowMail(plan, this.#text, mailDeps)
    const hasCalls = plan.routes.some(({ channel }) => channel === 'voice')
    this.#speech = hasCalls ? new RowSpeech(plan, this.#text) : null
    this.#row = emptyRow()
    this.#prepareCutters()
  }

  #prepareCutters(): void {
    const { maxParts, transliterate } = this.#plan.settings
    const byKind = new Map<string, Cutter>()
    for (const route of this.#plan.routes) {
      const { alphabet, longMessages, nationalLanguages = [] } = route
      const kind = `${alphabet} ${longMessages} ${nationalLanguages}`
      const most = Math.min(maxParts ?? DEFAULT_MAX_PARTS, limits.partsPerMessage)
      const options = {
        alphabet,
        longMessages,
        nationalLanguages,
        maxParts: most,
        transliterate: transliterate ?? false,
      }
      const cutter = byKind.get(kind) ?? new Cutter(options)
      byKind.set(kind, cutter)
      this.#cutters.set(route, cutter)
    }
  }

  /** All rows of a record that is not blank: one, or with phonesMode `all` one per recipient column that is filled. */
  rows(record: SourceRecord, sink: RowSink): void {
    const problem = record.problem !== 0 ? record.problem : this.#ragged(record)
    if (problem !== 0) {
      this.#clear(-1)
      this.#row.reason = problem
      this.#row.column = record.problem !== 0 ? record.problemColumn : -1
      sink.row(this.#row, record)
    } else if (this.#mail !== null && this.#isMail(record, this.#mail)) this.#finish(record, sink)
    else if (this.#columns.phonesMode === 'all') this.#eachNumber(record, sink)
    else this.#firstNumber(record, sink)
  }

  /** The row is an email, and its recipient is read. */
  #isMail(record: SourceRecord, mail: RowMail): boolean {
    if (this.#recipients === 'addresses') {
      this.#mailTo(record, mail)
      return true
    }
    if (!mail.isFilled(record)) return false
    if (this.#recipients === 'numbersFirst' && this.#hasNumber(record)) return false
    // Of two recipients that cannot be had, the row is about the number, unless there is none at all.
    return this.#mailTo(record, mail) === 0 || this.#columns.phones.every((column) => record.text(column).trim() === '')
  }

  #mailTo(record: SourceRecord, mail: RowMail): number {
    const row = this.#row
    this.#clear(mail.addressColumn)
    row.reason = mail.address(record, row)
    if (row.reason !== 0) row.column = mail.addressColumn
    return row.reason
  }

  /** A number that may be messaged, or whose owner has opted out and is not written to another way instead. */
  #hasNumber(record: SourceRecord): boolean {
    for (let index = 0; index < this.#columns.phones.length; index++) {
      if (this.#address(record, index) === 0 || this.#isSuppressed(this.#row.value)) return true
    }
    return false
  }

  #ragged(record: SourceRecord): number {
    const width = this.#columns.labels.length
    if (record.fields === width) return 0
    if (record.fields < width) return TOO_FEW_COLUMNS
    for (let column = width; column < record.fields; column++) {
      if (record.text(column) !== '') return EXTRA_COLUMNS
    }
    return 0
  }

  /** The first number that the account may message; else the row is about the first column with anything in it. */
  #firstNumber(record: SourceRecord, sink: RowSink): void {
    const count = this.#columns.phones.length
    let filled = -1
    for (let index = 0; index < count; index++) {
      const reason = this.#address(record, index)
      // A suppressed person must not be reached on another number instead.
      if (reason === 0 || this.#isSuppressed(this.#row.value)) {
        this.#finish(record, sink)
        return
      }
      if (filled < 0 && reason !== MISSING_NUMBER) filled = index
    }
    if (count > 1) this.#address(record, Math.max(filled, 0))
    this.#finish(record, sink)
  }

  #eachNumber(record: SourceRecord, sink: RowSink): void {
    const { phones } = this.#columns
    this.#inRecord.length = 0
    let rows = 0
    for (let index = 0; index < phones.length; index++) {
      const reason = this.#address(record, index)
      if (reason === MISSING_NUMBER || this.#isRepeated(reason)) continue
      rows++
      this.#finish(record, sink)
    }
    if (rows > 0) return
    this.#address(record, 0)
    this.#finish(record, sink)
  }

  /** Without deduplication too, one record reaches a number once; with it, the repetition is a duplicate like any other. */
  #isRepeated(reason: number): boolean {
    if (reason !== 0 || (this.#plan.settings.deduplicate ?? true)) return false
    const { value } = this.#row
    if (this.#inRecord.includes(value)) return true
    this.#inRecord.push(value)
    return false
  }

  #clear(phoneColumn: number): void {
    clearRow(this.#row)
    this.#row.phoneColumn = phoneColumn
  }

  /** Begins the row of one recipient column: number, channel and route, or the reason why not. */
  #address(record: SourceRecord, phone: number): number {
    const column = this.#columns.phones[phone]!
    this.#clear(column)
    const row = this.#row
    const parsed = this.#numbers.parse(record.text(column))
    row.reason = parsed.reason
    if (parsed.reason === 0) {
      row.phone = phone
      row.digits = parsed.digits
      row.isShortCode = parsed.isShortCode
      row.value = parsed.value
      row.findings = (parsed.wasRepaired ? NUMBER_REPAIRED : 0) | (isRound(parsed.value) ? ROUND_NUMBER : 0)
      row.country = parsed.country === NO_COUNTRY ? '' : parsed.country
      row.channel = this.#policy.channel(this.#plan.settings.channel, parsed.lineType)
      row.reason = this.#refusal(parsed)
    }
    if (row.reason !== 0) row.column = column
    return row.reason
  }

  #finish(record: SourceRecord, sink: RowSink): void {
    if (this.#row.reason === 0 && this.#setTimes(record)) this.#setText(record)
    sink.row(this.#row, record)
  }

  #refusal(parsed: ParsedNumber): number {
    const refused = this.#policy.refusal(parsed)
    if (refused !== 0) return refused
    if (this.#leftOut.includes(this.#row.channel)) return LINE_TYPE_REFUSED
    if (this.#off.includes(this.#row.channel)) return FEATURE_OFF
    this.#row.route = this.#routes.find(this.#row.channel, parsed.routeDigits)
    // A short code takes SMS; it is no number that could be called.
    const isCallable = this.#row.channel !== 'voice' || !parsed.isShortCode
    if (this.#row.route === null || !isCallable) return NO_ROUTE
    this.#row.partPrice = this.#prices.find(this.#row.channel, parsed.routeDigits)
    if (this.#quotas !== null) this.#row.quotaPrefix = this.#quotas.find(parsed.routeDigits)?.prefix ?? ''
    if (this.#row.partPrice === null && this.#plan.needsPrice === true) return NO_PRICE
    if (this.#isSuppressed(parsed.value)) return SUPPRESSED
    return this.#consents === null || this.#consents.has(parsed, this.#row.channel) ? 0 : NOT_OPTED_IN
  }

  /** As the block will have it; '' where the carrier chooses. */
  get #sender(): string {
    const { channel, route } = this.#row
    return channel === 'voice' ? (route?.call?.callerIds[0] ?? '') : (this.#plan.settings.from ?? '')
  }

  #isSuppressed(value: number): boolean {
    const { suppressed, account } = this.#plan
    if (suppressed !== null && includesSorted(suppressed, value)) return true
    return this.#suppressions?.has(account, value, this.#sender) ?? false
  }

  #setTimes(record: SourceRecord): boolean {
    const row = this.#row
    const times = this.#times
    if (!times.read(record)) return this.#refuse(times.reason, times.column)
    row.dueSeconds = times.seconds
    row.findings |= BY_TURN[times.turn] | (times.isZoneAssumed ? ZONE_ASSUMED : 0)
    const { validForSeconds } = this.#plan.settings
    if (validForSeconds !== undefined && validForSeconds > 0) {
      // The job was made within that second: never less than was asked for.
      const from = Math.max(row.dueSeconds, this.#plan.createdSeconds + 1)
      row.expiresSeconds = Math.min(from + validForSeconds, 0xffffffff)
    }
    return true
  }

  #setText(record: SourceRecord): void {
    const row = this.#row
    if (row.channel === 'email') {
      if (!this.#mail!.write(record, row)) this.#refuse(this.#mail!.reason, this.#mail!.column)
      return
    }
    if (row.channel === 'voice') {
      if (!this.#speech!.write(record, row)) this.#refuse(this.#speech!.reason, this.#speech!.column)
      return
    }
    row.text = this.#text.render(record)
    if (row.text === null) {
      this.#refuse(this.#text.reason, this.#text.column)
      return
    }
    if (this.#wayOut !== null) row.text = this.#wayOut.append(row.text, row.value)
    const cutter = this.#cutters.get(row.route!)!
    row.segmented = cutter.cut(row.text)
    row.reason = row.segmented.reason
    if (cutter.saved < 0) return
    row.findings |= SMART_CHARACTER
    row.savedParts = cutter.saved
  }

  #refuse(reason: number, column: number): false {
    this.#row.reason = reason
    this.#row.column = column
    return false
  }
}

function quotasOf({ quotaPrefixes = [] }: JobPlan): PrefixTrie<{ prefix: string }> | null {
  if (quotaPrefixes.length === 0) return null
  const trie = new PrefixTrie<{ prefix: string }>()
  for (const quota of quotaPrefixes) trie.add(quota)
  return trie
}

/** CHANNELS index that blocks store. */
export function channelNumber(channel: ChannelName): number {
  return CHANNELS.indexOf(channel)
}

function includesSorted(sorted: Float64Array, value: number): boolean {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low < sorted.length && sorted[low] === value
}
