/**
 * Quotas of an account: read from what an admin wrote, held against what was accepted today. Against pumping of texts to
 * costly numbers they count by prefix as well. Main thread.
 */
import { PrefixTrie } from '../base/by-prefix.js'
import { dayText, type LocalDay } from '../base/local-day.js'
import { amountOf, microsOf } from '../base/money.js'
import type { FieldError } from '../contract/errors.js'
import type { QuotaSettings, Quotas, QuotaUse } from '../contract/money.js'
import type { Demand } from './demand.js'

export interface PrefixQuota {
  prefix: string
  messagesPerDay: number
}

/** As stored with the account. */
export interface QuotaRecord {
  messagesPerDay: number | null
  partsPerDay: number | null
  /** Millionths. */
  spendPerDay: number | null
  prefixes: PrefixQuota[]
}

/** What was accepted on a day. */
export interface DayCounters {
  day: number
  messages: number
  parts: number
  /** Millionths. */
  spend: number
  prefixes: Record<string, number>
}

export const NO_QUOTAS: QuotaRecord = { messagesPerDay: null, partsPerDay: null, spendPerDay: null, prefixes: [] }
const PREFIX = /^\+?[1-9]\d{0,14}$/
const PREFIXES_MAX = 1_000

export function noCounters(day: number): DayCounters {
  return { day, messages: 0, parts: 0, spend: 0, prefixes: {} }
}

/** `null`: none from now on. What is given replaces all quotas. Adds to `fields` what is wrong. */
export function readQuotas(given: QuotaSettings | null, fields: FieldError[]): QuotaRecord {
  if (given === null) return NO_QUOTAS
  const { messagesPerDay = null, partsPerDay = null, spendPerDay = null, prefixes = [] } = given
  const spend = spendPerDay === null ? null : microsOf(spendPerDay)
  if (spend === null && spendPerDay !== null) {
    fields.push({ pointer: '/quotas/spendPerDay', message: 'must be from 0 to 999999999 with at most 6 decimals' })
  }
  for (const [name, value] of Object.entries({ messagesPerDay, partsPerDay })) {
    if (value !== null && !isCount(value)) {
      fields.push({ pointer: `/quotas/${name}`, message: 'must be a whole number from 0' })
    }
  }
  return { messagesPerDay, partsPerDay, spendPerDay: spend, prefixes: readPrefixes(prefixes, fields) }
}

export function hasQuotas({ messagesPerDay, partsPerDay, spendPerDay, prefixes }: QuotaRecord): boolean {
  return messagesPerDay !== null || partsPerDay !== null || spendPerDay !== null || prefixes.length > 0
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function readPrefixes(given: readonly PrefixQuota[], fields: FieldError[]): PrefixQuota[] {
  const at = '/quotas/prefixes'
  if (given.length > PREFIXES_MAX) fields.push({ pointer: at, message: `must have at most ${PREFIXES_MAX}` })
  const seen = new Set<string>()
  return given.map(({ prefix: written, messagesPerDay }, index) => {
    const prefix = written.replace('+', '')
    if (!PREFIX.test(written)) {
      const message = 'must be the first digits of a number with country code'
      fields.push({ pointer: `${at}/${index}/prefix`, message })
    }
    if (seen.has(prefix)) fields.push({ pointer: `${at}/${index}`, message: `is the second quota of ${prefix}` })
    if (!isCount(messagesPerDay)) {
      fields.push({ pointer: `${at}/${index}/messagesPerDay`, message: 'must be a whole number from 0' })
    }
    seen.add(prefix)
    return { prefix, messagesPerDay }
  })
}

export function quotasView({ spendPerDay, ...quotas }: QuotaRecord): Quotas {
  return { ...quotas, spendPerDay: spendPerDay === null ? null : amountOf(spendPerDay) }
}

const tries = new WeakMap<readonly PrefixQuota[], PrefixTrie<PrefixQuota>>()

/** The prefix whose quota counts a number; '' = none. `digits`: E.164 without +. */
export function quotaPrefix(prefixes: readonly PrefixQuota[], digits: string): string {
  if (prefixes.length === 0) return ''
  let trie = tries.get(prefixes)
  if (trie === undefined) {
    trie = new PrefixTrie<PrefixQuota>()
    for (const prefix of prefixes) trie.add(prefix)
    tries.set(prefixes, trie)
  }
  return trie.find(digits)?.prefix ?? ''
}

/** Which quota the demand does not fit, and by how much, in words; null: it fits. */
export function quotaExceeded(quotas: QuotaRecord, used: DayCounters, demand: Demand): string | null {
  const { messagesPerDay, partsPerDay, spendPerDay } = quotas
  const over = (name: string, limit: number, wanted: number): string =>
    `${name} is ${limit}, and this would come to ${wanted}: ${amountOf(Math.round((wanted - limit) * 1e6))} too many.`
  const messages = used.messages + demand.messages
  if (messagesPerDay !== null && messages > messagesPerDay) return over('messagesPerDay', messagesPerDay, messages)
  const parts = used.parts + demand.parts
  if (partsPerDay !== null && parts > partsPerDay) return over('partsPerDay', partsPerDay, parts)
  const spend = used.spend + demand.micros
  if (spendPerDay !== null && spend > spendPerDay) {
    return over('spendPerDay', amountOf(spendPerDay), amountOf(spend)).replace('many', 'much')
  }
  for (const { prefix, messagesPerDay: limit } of quotas.prefixes) {
    const added = demand.prefixes.get(prefix) ?? 0
    const wanted = (used.prefixes[prefix] ?? 0) + added
    if (added > 0 && wanted > limit) return over(`messagesPerDay of prefix ${prefix}`, limit, wanted)
  }
  return null
}

export function countDemand(used: DayCounters, demand: Demand): void {
  used.messages += demand.messages
  used.parts += demand.parts
  used.spend += demand.micros
  for (const [prefix, rows] of demand.prefixes) used.prefixes[prefix] = (used.prefixes[prefix] ?? 0) + rows
}

export function quotaUse(quotas: QuotaRecord, used: DayCounters, { endMs }: LocalDay): QuotaUse {
  const left = (limit: number | null, count: number) => (limit === null ? null : Math.max(0, limit - count))
  const spendLeft = left(quotas.spendPerDay, used.spend)
  return {
    day: dayText(used.day),
    endsAt: new Date(endMs).toISOString(),
    messages: used.messages,
    messagesLeft: left(quotas.messagesPerDay, used.messages),
    parts: used.parts,
    partsLeft: left(quotas.partsPerDay, used.parts),
    spend: amountOf(used.spend),
    spendLeft: spendLeft === null ? null : amountOf(spendLeft),
    prefixes: quotas.prefixes.map(({ prefix, messagesPerDay }) => {
      const messages = used.prefixes[prefix] ?? 0
      return { prefix, messages, messagesLeft: Math.max(0, messagesPerDay - messages) }
    }),
  }
}
