/** From the settings of a request to a job record: everything that can be refused before a byte of the file is refused here. */

import { addressKey, secondKey } from '../base/address-key.js'
import { emailAddress } from '../base/email-address.js'
import { NOT_A_TIME, parseTime } from '../base/instant.js'
import { isSender } from '../base/sender.js'
import { tlvProblems } from '../base/tlv-value.js'
import { isZone } from '../base/zone.js'
import { attributeNameProblem } from '../contacts/attribute-name.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import type { JobSettings } from '../contract/job.js'
import { limits } from '../contract/limits.js'
import type { ChannelName } from '../contract/message.js'
import type { NumberRules } from '../contract/number-rules.js'
import type { OptOutSettings } from '../contract/opt-out.js'
import type { Price } from '../contract/price.js'
import type { SendingWindow } from '../contract/sending-hours.js'
import type { VoiceSettings } from '../contract/speech.js'
import type { QuotaRecord } from '../money/quotas.js'
import { isCountry, NumberParser } from '../phone/number.js'
import { everyErrors, hasRuns, recurrenceRule, wholeEvery } from '../schedule/every-setting.js'
import { windowErrors } from '../schedule/window-setting.js'
import { isBody } from '../text/body.js'
import { compileTemplate } from '../text/template.js'
import { type JobRecord, noRuns } from './job-record.js'
import { compileMail, mailErrors, mayHaveMail, requireSender } from './mail-settings.js'
import { rowTimeErrors } from './row-time-settings.js'
import { compileSpoken, playsAlone, spokenErrors } from './voice-settings.js'

export { isSender }

/** What jobs need to know of the account that they belong to. */
export interface JobAccount extends NumberRules {
  number: number
  id: string
  weight: number
  ratePerSecond: number | null
  sendingHours: SendingWindow | null
  defaultCountry: string | null
  features: Record<ChannelName, boolean>
  senders: readonly string[]
  conversationLockSeconds: number | null
  suspended: boolean
  prices: readonly Price[]
  currency: string | null
  timeZone: string
  quotas: QuotaRecord
  optOut: OptOutSettings
  voice: VoiceSettings
  requireOptIn?: boolean
}

const SUPPRESSED_MAX = 100_000
const DEFAULT_MAX_PARTS = 10

export interface NewJob {
  job: number
  account: JobAccount
  nowMs: number
  singles: boolean
}

/** @throws EngineError VALIDATION naming every wrong field, TEMPLATE_INVALID, FEATURE_OFF. */
export function newJob(facts: NewJob, settings: JobSettings): JobRecord {
  if (!facts.singles) {
    requireFeature(facts.account, settings)
    checkSettings(settings, facts)
    const from = requireSender(facts.account, settings)
    if (from !== settings.from) settings = { ...settings, from }
    if (settings.every !== undefined) settings = { ...settings, every: wholeEvery(settings.every)! }
  }
  return {
    job: facts.job,
    account: facts.account.number,
    accountId: facts.account.id,
    state: facts.singles ? 'running' : 'receiving',
    reason: null,
    detail: null,
    settings,
    currency: facts.account.currency,
    timeZone: settings.timeZone ?? facts.account.timeZone,
    singles: facts.singles,
    ...(settings.every === undefined ? {} : { recurring: noRuns() }),
    createdAtMs: facts.nowMs,
    startedAtMs: facts.singles ? facts.nowMs : null,
    finishedAtMs: null,
    sendAtMs: settings.sendAt === undefined ? 0 : parseTime(settings.sendAt)!,
    upload: null,
    sniff: null,
    totals: null,
    tally: null,
    released: false,
    closed: false,
  }
}

const FEATURE_NAMES = { sms: 'SMS', voice: 'Voice', email: 'Email' } as const

/** `auto` is SMS first: rows that need another channel are refused one by one. @throws EngineError FEATURE_OFF. */
export function requireFeature({ features }: Pick<JobAccount, 'features'>, settings: JobSettings): void {
  const { channel = 'auto' } = settings
  const needed = channel === 'auto' ? 'sms' : channel
  const hasOther = channel === 'auto' && mayHaveMail(settings) && features.email
  if (!features[needed] && !hasOther) {
    throw new EngineError('FEATURE_OFF', `${FEATURE_NAMES[needed]} is switched off for this account.`)
  }
}

function checkSettings(settings: JobSettings, { account, nowMs }: NewJob): void {
  const fields = [...settingErrors(settings), ...suppressedErrors(settings, account)]
  if (fields.length === 0) fields.push(...neverErrors(settings, account, nowMs))
  if (fields.length > 0) {
    throw new EngineError('VALIDATION', `${fields[0]!.pointer} ${fields[0]!.message}.`, { fields })
  }
  if (settings.text !== undefined) compileTemplate(settings.text)
  compileMail(settings)
  compileSpoken(settings)
}

/** What is wrong with settings whose profile and template were looked up: profiles/saved-settings.ts. */
export function* settingErrors(settings: JobSettings): Iterable<FieldError> {
  const { columns, defaultCountry, maxParts, sendAt, timeZone, validForSeconds, ratePerSecond } = settings
  const hasHtml = settings.channel === 'email' && settings.html !== undefined
  const hasColumn = columns?.text !== undefined || columns?.keyword !== undefined
  const hasText = hasHtml || playsAlone(settings) || settings.text !== undefined || hasColumn
  if (!hasText) {
    yield { pointer: '/text', message: 'must be given, or a column of texts as columns.text' }
  }
  if (settings.text !== undefined && !isBody(settings.text)) {
    yield { pointer: '/text', message: 'has a control character or half of a surrogate pair' }
  }
  if (settings.text?.trim() === '' && !hasColumn && !playsAlone(settings)) {
    yield { pointer: '/text', message: 'must not be empty' }
  }
  yield* mailErrors(settings)
  yield* spokenErrors(settings)
  if (defaultCountry !== undefined && !isCountry(defaultCountry)) {
    yield { pointer: '/defaultCountry', message: 'must be a two-letter country code such as GB' }
  }
  if (maxParts !== undefined && !(Number.isInteger(maxParts) && maxParts >= 1 && maxParts <= limits.partsPerMessage)) {
    yield { pointer: '/maxParts', message: `must be from 1 to ${limits.partsPerMessage}` }
  }
  if (sendAt !== undefined && parseTime(sendAt) === null) {
    yield { pointer: '/sendAt', message: NOT_A_TIME }
  }
  if (timeZone !== undefined && !isZone(timeZone)) {
    yield { pointer: '/timeZone', message: 'must be an IANA zone such as Europe/London' }
  }
  if (settings.every !== undefined) yield* everyErrors(settings.every, '/every')
  if (settings.every !== undefined && columns?.sendAt !== undefined) {
    yield { pointer: '/columns/sendAt', message: 'cannot stand beside every: each run has a time of its own' }
  }
  if (settings.window !== undefined) yield* windowErrors(settings.window, '/window')
  yield* rowTimeErrors(columns ?? {})
  if (validForSeconds !== undefined && !(validForSeconds > 0)) {
    yield { pointer: '/validForSeconds', message: 'must be above 0' }
  }
  if (ratePerSecond !== undefined && !(ratePerSecond > 0)) {
    yield { pointer: '/ratePerSecond', message: 'must be above 0' }
  }
  for (const name of Object.keys(columns?.saveToContact ?? {})) {
    const wrong = attributeNameProblem(name)
    if (wrong !== null)
      yield { pointer: '/columns/saveToContact', message: `${JSON.stringify(name.slice(0, 80))} ${wrong}` }
  }
  for (const { place, text } of tlvProblems(settings.tlvs ?? [])) {
    yield { pointer: ['/tlvs', ...place].join('/'), message: text }
  }
}

/** A job that would never run. */
function* neverErrors(
  { every, sendAt, timeZone }: JobSettings,
  account: JobAccount,
  nowMs: number,
): Iterable<FieldError> {
  if (every === undefined) return
  const fromMs = sendAt === undefined ? nowMs : Math.max(nowMs, parseTime(sendAt)!)
  const rule = recurrenceRule(every, timeZone ?? account.timeZone)
  if (!hasRuns(rule, fromMs)) yield { pointer: '/every', message: 'has no run from its begin on' }
}

/** A number that cannot be read would silently suppress nobody. */
function* suppressedErrors(settings: JobSettings, account: JobAccount): Iterable<FieldError> {
  const numbers = settings.suppressed ?? []
  const country = settings.defaultCountry ?? account.defaultCountry
  if (country !== null && !isCountry(country)) return
  if (numbers.length > SUPPRESSED_MAX) {
    yield { pointer: '/suppressed', message: `must have at most ${SUPPRESSED_MAX} numbers` }
    return
  }
  const parser = new NumberParser(country, { shortCodes: account.allowShortCodes })
  for (const [index, number] of numbers.entries()) {
    if (number.includes('@') ? emailAddress(number) !== null : parser.parse(number).reason === 0) continue
    yield { pointer: `/suppressed/${index}`, message: 'is neither a phone number nor an email address' }
  }
}

/** Sorted E.164 numbers in shared memory, so that every range task of the job uses one copy. */
export function suppressedNumbers(
  numbers: string[] | undefined,
  defaultCountry: string | null,
  shortCodes: boolean,
): Float64Array | null {
  if (numbers === undefined || numbers.length === 0) return null
  const parser = new NumberParser(defaultCountry, { shortCodes })
  const values = numbers
    .flatMap((number) => {
      const address = emailAddress(number)
      if (address !== null) return [addressKey(address), secondKey(address)]
      const parsed = parser.parse(number)
      return parsed.reason === 0 ? parsed.value : 0
    })
    .filter((value) => value > 0)
    .sort((a, b) => a - b)
  const shared = new Float64Array(new SharedArrayBuffer(values.length * 8))
  shared.set(values)
  return shared
}

export function maxPartsOf(settings: { maxParts?: number }): number {
  return settings.maxParts ?? DEFAULT_MAX_PARTS
}
