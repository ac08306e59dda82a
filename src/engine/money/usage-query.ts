/** Reads usage for the API: records of the days asked for, summed up by what was asked. Main thread. */
import { setImmediate as turn } from 'node:timers/promises'
import { dayOf, dayText } from '../base/local-day.js'
import { quantile } from '../base/log-histogram.js'
import { amountOf } from '../base/money.js'
import { EngineError } from '../contract/errors.js'
import type { ChannelName } from '../contract/message.js'
import type { UsageDimension, UsageItem, UsageQuery } from '../contract/money.js'
import type { Environment } from '../store/environment.js'
import { addUsage, COUNTED, noUsage, openUsage, type UsageKey, type UsageRecord } from './usage-record.js'

const LAST_DAY = 99_999_999
/** As libphonenumber calls what belongs to no country. */
const NO_COUNTRY = '001'
const RECORDS_PER_TURN = 500

/** Whose usage, and of which days. */
export interface UsageRange {
  /** Numbers, ascending. */
  accounts: readonly number[]
  from: number
  to: number
  by: ReadonlySet<UsageDimension>
}

export interface UsageAccount {
  id: string
  currency: string | null
}

/** Days of the query; without `from` everything. @throws EngineError VALIDATION. */
export function daysOf({ from, to }: UsageQuery): { from: number; to: number } {
  const days = { from: dayIn(from, '/from') ?? 0, to: dayIn(to, '/to') ?? LAST_DAY }
  if (days.from <= days.to) return days
  const message = 'must not be before from'
  throw new EngineError('VALIDATION', `to ${message}.`, { fields: [{ pointer: '/to', message }] })
}

/** A time counts as its day. */
function dayIn(text: string | undefined, pointer: string): number | null {
  if (text === undefined) return null
  const day = dayOf(text.slice(0, 10))
  if (day !== null && (text.length === 10 || text[10] === 'T')) return day
  const message = 'must be a day such as 2026-11-22'
  throw new EngineError('VALIDATION', `${pointer.slice(1)} ${message}.`, { fields: [{ pointer, message }] })
}

export interface UsageSum {
  /** Sorts items, and is where a page goes on. */
  name: string
  key: { account: number | null; day: number | null; country: string | null; channel: ChannelName | null }
  record: UsageRecord
}

/**
 * Sums in the order of account, day, country and channel, as far as they are asked for. Only those of one account and,
 * where days are apart, of one day are held at once.
 */
export async function* usageSums(environment: Environment, range: UsageRange): AsyncGenerator<UsageSum> {
  const { by } = range
  let sums = new Map<string, UsageSum>()
  let held = ''
  let seen = 0
  for (const account of range.accounts) {
    for (const [key, record] of records(environment, account, range)) {
      const group = `${by.has('account') ? account : ''} ${by.has('day') ? key[1] : ''}`
      // Days of one account come in order; of several together they are sorted at the end.
      if (by.has('account') && group !== held) {
        yield* sorted(sums)
        sums = new Map()
      }
      held = group
      add(sums, by, { key, record })
      if (++seen % RECORDS_PER_TURN === 0) await turn()
    }
  }
  yield* sorted(sums)
}

function* records(
  environment: Environment,
  account: number,
  { from, to }: UsageRange,
): Generator<[UsageKey, UsageRecord]> {
  const bounds = { start: [account, from], end: [account, to + 1], snapshot: false }
  for (const { key, value } of environment.usage.getRange(bounds)) {
    yield [key as unknown as UsageKey, openUsage(value)]
  }
}

function add(
  sums: Map<string, UsageSum>,
  by: ReadonlySet<UsageDimension>,
  { key: [account, day, country, channel], record }: { key: UsageKey; record: UsageRecord },
): void {
  const key = {
    account: by.has('account') ? account : null,
    day: by.has('day') ? day : null,
    country: by.has('country') ? country || NO_COUNTRY : null,
    channel: by.has('channel') ? channel : null,
  }
  const name = [String(key.account ?? '').padStart(12, '0'), key.day ?? '', key.country ?? '', key.channel ?? ''].join(
    '.',
  )
  const sum = sums.get(name) ?? { name, key, record: noUsage() }
  sums.set(name, sum)
  addUsage(sum.record, record)
}

function sorted(sums: Map<string, UsageSum>): UsageSum[] {
  return [...sums.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

export function usageItem({ key, record }: UsageSum, account: UsageAccount | null): UsageItem {
  const { rows, parts, price, partsSent, cost, states, delays } = record
  const count = (state: (typeof COUNTED)[number]) => states[COUNTED.indexOf(state)] ?? 0
  const [delivered, undelivered, failed, expired] = [
    count('delivered'),
    count('undelivered'),
    count('failed'),
    count('expired'),
  ]
  const ended = delivered + undelivered + failed + expired
  const p50 = quantile(delays, 0.5)
  return {
    account: account?.id ?? null,
    day: key.day === null ? null : dayText(key.day),
    country: key.country,
    channel: key.channel,
    currency: account?.currency ?? null,
    ...{ rows, parts, price: amountOf(price), partsSent, cost: amountOf(cost) },
    pending: rows - states.reduce((sum, one) => sum + one, 0),
    sent: count('sent'),
    ...{ delivered, undelivered, failed, expired },
    canceled: count('canceled'),
    unknown: count('unknown'),
    deliveryRate: ended === 0 ? null : Math.round((delivered / ended) * 10_000) / 10_000,
    receiptDelayMs: p50 === null ? null : { p50, p95: quantile(delays, 0.95)! },
  }
}
