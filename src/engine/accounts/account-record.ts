/** An account as stored, and as the API shows it. Main thread. */
import type { AccountSettings, AccountView, Features } from '../contract/api.js'
import type { DropNotices } from '../contract/drops.js'
import { EngineError, type FieldError } from '../contract/errors.js'
import type { InboundRules } from '../contract/inbound.js'
import type { AccountMoney } from '../contract/money.js'
import { DEFAULT_NUMBER_RULES, type NumberRules, numberRules } from '../contract/number-rules.js'
import { DEFAULT_OPT_OUT, type OptOutSettings } from '../contract/opt-out.js'
import type { Price } from '../contract/price.js'
import type { SendingWindow } from '../contract/sending-hours.js'
import { DEFAULT_VOICE, type VoiceSettings } from '../contract/speech.js'
import { NO_QUOTAS, type QuotaRecord, readQuotas } from '../money/quotas.js'
import { withOptOut } from '../opt-out/opt-out-settings.js'
import { windowErrors } from '../schedule/window-setting.js'
import { readDropNotices } from './drop-notices.js'
import { inboundRules, NO_INBOUND_RULES } from './inbound-rules.js'
import { numberSettings } from './number-settings.js'
import { checkBalance, checkCurrency, priceViews, readPrices } from './prices.js'
import { readSenders } from './senders.js'
import { withVoice } from './voice-settings.js'

export interface AccountRecord extends NumberRules {
  /** What blocks and jobs carry. */
  number: number
  id: string
  name: string
  features: Features
  defaultCountry: string | null
  timeZone: string
  weight: number
  ratePerSecond: number | null
  /** Of every job that names no window of its own, and of single messages; null: at any time. */
  sendingHours: SendingWindow | null
  prices: Price[]
  /** ISO 4217. */
  currency: string | null
  quotas: QuotaRecord
  /** Senders that it may use, the first one by default; empty: any. */
  senders: string[]
  /** Nothing is sent for it. */
  suspended: boolean
  /** null: as configured. */
  conversationLockSeconds: number | null
  /** Jobs message only contacts that have opted in. */
  requireOptIn: boolean
  inbound: InboundRules
  optOut: OptOutSettings
  voice: VoiceSettings
  dropNotices: DropNotices | null
  createdAtMs: number
}

const ID = /^[a-z0-9][a-z0-9_-]{0,31}$/

/** @throws EngineError VALIDATION. */
export function newAccount(facts: { id: string; number: number; nowMs: number }): AccountRecord {
  if (!ID.test(facts.id)) {
    throw new EngineError('VALIDATION', 'An account id has 1 to 32 lower-case letters, digits, - and _.', {
      fields: [{ pointer: '/id', message: `must match ${ID.source}` }],
    })
  }
  return {
    number: facts.number,
    id: facts.id,
    name: facts.id,
    features: { sms: true, voice: true, email: true, drop: true },
    defaultCountry: null,
    timeZone: 'UTC',
    weight: 1,
    ratePerSecond: null,
    sendingHours: null,
    ...DEFAULT_NUMBER_RULES,
    prices: [],
    currency: null,
    quotas: NO_QUOTAS,
    senders: [],
    suspended: false,
    conversationLockSeconds: null,
    requireOptIn: false,
    inbound: NO_INBOUND_RULES,
    optOut: DEFAULT_OPT_OUT,
    voice: DEFAULT_VOICE,
    dropNotices: null,
    createdAtMs: facts.nowMs,
  }
}

/** A record that an earlier version stored lacks what came since. */
export function withDefaults(record: AccountRecord): AccountRecord {
  return {
    ...newAccount({ id: record.id, number: record.number, nowMs: record.createdAtMs }),
    ...record,
    optOut: { ...DEFAULT_OPT_OUT, ...record.optOut },
  }
}

/** The record with the given settings; absent keys stay. @throws EngineError VALIDATION naming each wrong field. */
export function withSettings(
  record: AccountRecord,
  settings: AccountSettings,
  knownCountry: (country: string) => boolean,
): AccountRecord {
  const fields: FieldError[] = []
  if (settings.defaultCountry != null && !knownCountry(settings.defaultCountry)) {
    fields.push({ pointer: '/defaultCountry', message: 'must be a two-letter country code such as GB' })
  }
  if (settings.timeZone !== undefined && !isTimeZone(settings.timeZone)) {
    fields.push({ pointer: '/timeZone', message: 'must be an IANA zone such as Europe/London' })
  }
  if (settings.weight !== undefined && !(settings.weight >= 1 && settings.weight <= 1_000)) {
    fields.push({ pointer: '/weight', message: 'must be from 1 to 1000' })
  }
  if (settings.ratePerSecond != null && !(settings.ratePerSecond > 0)) {
    fields.push({ pointer: '/ratePerSecond', message: 'must be above 0' })
  }
  if (settings.sendingHours != null) fields.push(...windowErrors(settings.sendingHours, '/sendingHours'))
  const prices = settings.prices === undefined ? record.prices : readPrices(settings.prices, fields)
  const senders = settings.senders === undefined ? record.senders : readSenders(settings.senders, fields)
  checkCurrency(settings.currency, fields)
  checkBalance(settings.balance, fields)
  const quotas = settings.quotas === undefined ? record.quotas : readQuotas(settings.quotas, fields)
  const numbers = numberSettings(record, settings, fields)
  const inbound = inboundRules(record.inbound, settings.inbound, fields)
  const optOut = withOptOut(record.optOut, settings.optOut, fields)
  const voice = withVoice(record.voice, settings.voice, fields)
  const dropNotices = readDropNotices(record.dropNotices, settings.dropNotices, fields)
  if (fields.length > 0) throw new EngineError('VALIDATION', 'The account settings do not fit.', { fields })
  return {
    ...record,
    name: settings.name ?? record.name,
    features: { ...record.features, ...settings.features },
    defaultCountry: settings.defaultCountry === undefined ? record.defaultCountry : settings.defaultCountry,
    timeZone: settings.timeZone ?? record.timeZone,
    weight: settings.weight ?? record.weight,
    ratePerSecond: settings.ratePerSecond === undefined ? record.ratePerSecond : settings.ratePerSecond,
    sendingHours: settings.sendingHours === undefined ? record.sendingHours : settings.sendingHours,
    ...numbers,
    optOut,
    voice,
    dropNotices,
    prices,
    currency: settings.currency === undefined ? record.currency : settings.currency,
    quotas,
    senders,
    suspended: settings.suspended ?? record.suspended,
    conversationLockSeconds: lockOf(settings.conversationLockSeconds, record.conversationLockSeconds),
    requireOptIn: settings.requireOptIn ?? record.requireOptIn,
    inbound,
  }
}

function lockOf(given: number | null | undefined, before: number | null): number | null {
  return given === undefined ? before : given
}

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

export function accountView(
  record: AccountRecord,
  keys: AccountView['keys'],
  money: Omit<AccountMoney, 'currency'>,
): AccountView {
  return {
    id: record.id,
    name: record.name,
    features: record.features,
    defaultCountry: record.defaultCountry,
    timeZone: record.timeZone,
    weight: record.weight,
    ratePerSecond: record.ratePerSecond,
    sendingHours: record.sendingHours,
    ...numberRules(record),
    prices: priceViews(record.prices),
    currency: record.currency,
    ...money,
    senders: record.senders,
    suspended: record.suspended,
    conversationLockSeconds: record.conversationLockSeconds,
    requireOptIn: record.requireOptIn,
    inbound: record.inbound,
    optOut: record.optOut,
    voice: record.voice,
    dropNotices: record.dropNotices,
    keys,
    createdAt: new Date(record.createdAtMs).toISOString(),
  }
}
