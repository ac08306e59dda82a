/** Bodies and answers about money: balance, quotas, usage. */
import { Type } from 'typebox'
import { CHANNELS } from '../../engine/contract/message.js'
import { USAGE_DIMENSIONS } from '../../engine/contract/money.js'
import { nullable, oneOf, strict, text } from './common.js'

const count = (description: string) => Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description })

/** An amount as it is written: more than a schema says is checked where it is read. */
export function amount(description: string) {
  return Type.Unsafe<number | string>({ type: ['number', 'string'], description })
}
export function amountOrNull(description: string) {
  return Type.Unsafe<number | string | null>({ type: ['number', 'string', 'null'], description })
}

const prefix = Type.String({ maxLength: 16, description: 'First digits of numbers with country code.' })
const quota = {
  messagesPerDay: nullable(count('Messages accepted a day; null: no limit.')),
  partsPerDay: nullable(count('Parts accepted a day; null: no limit.')),
}
const prefixes = Type.Array(Type.Object({ prefix, messagesPerDay: count('Messages accepted a day.') }, strict), {
  maxItems: 1_000,
  description: 'The longest prefix that fits a number counts.',
})

export const QuotasSetting = Type.Unsafe<{
  messagesPerDay?: number | null
  partsPerDay?: number | null
  spendPerDay?: number | string | null
  prefixes?: { prefix: string; messagesPerDay: number }[]
} | null>({
  ...Type.Object(
    {
      messagesPerDay: Type.Optional(quota.messagesPerDay),
      partsPerDay: Type.Optional(quota.partsPerDay),
      spendPerDay: Type.Optional(amountOrNull('Price of what is accepted a day; null: no limit.')),
      prefixes: Type.Optional(prefixes),
    },
    strict,
  ),
  type: ['object', 'null'],
  description: 'Most of a day, which begins at midnight in the time zone of the account. Replaces all; null: none.',
})

const Today = Type.Object(
  {
    day: Type.String({ description: 'In the time zone of the account.' }),
    endsAt: Type.String({ description: 'When the next day begins, RFC 3339.' }),
    messages: Type.Integer(),
    messagesLeft: nullable(Type.Integer()),
    parts: Type.Integer(),
    partsLeft: nullable(Type.Integer()),
    spend: Type.Number(),
    spendLeft: nullable(Type.Number()),
    prefixes: Type.Array(
      Type.Object({ prefix: Type.String(), messages: Type.Integer(), messagesLeft: Type.Integer() }),
    ),
  },
  { description: 'What was accepted today and how much more may be; null: no limit.' },
)

export const moneySchemas = {
  balance: nullable(Type.Number({ description: 'What may still be spent; null: the account pays afterwards.' })),
  reserved: Type.Number({ description: 'For accepted messages that are not settled yet.' }),
  spent: Type.Number({ description: 'For parts that carriers accepted.' }),
  quotas: Type.Object({
    ...quota,
    spendPerDay: nullable(Type.Number({ description: 'null: no limit.' })),
    prefixes: Type.Array(Type.Object({ prefix: Type.String(), messagesPerDay: Type.Integer() })),
  }),
  today: Today,
}
const currency = nullable(Type.String({ description: 'ISO 4217; null: the account names none.' }))

export const AccountMoneySchema = Type.Object(
  { ...moneySchemas, currency },
  { description: 'Money and quotas of the account, as of now.' },
)

export const BalanceSchema = Type.Object(
  { balance: moneySchemas.balance, reserved: moneySchemas.reserved, spent: moneySchemas.spent, currency },
  { description: 'The balance after the change.' },
)

export const TopUpSchema = Type.Object(
  {
    amount: amount('Added to the balance, below zero taken from it: at most 6 decimals, as a number or a string.'),
    reference: Type.Optional(text('Of the payment, for the audit log.', 255)),
  },
  strict,
)

/** What would make it refused. */
export const RefusalSchema = Type.Unsafe<object | null>({
  ...Type.Object({
    code: Type.String({ description: 'INSUFFICIENT_BALANCE or QUOTA_EXCEEDED.' }),
    detail: Type.String(),
    missing: Type.Optional(Type.Number()),
    balance: Type.Optional(Type.Number()),
    price: Type.Optional(Type.Number()),
    currency: Type.Optional(nullable(Type.String())),
  }),
  type: ['object', 'null'],
  description: 'Why all of it would be refused if it were accepted now; null: it would not.',
})

export const USAGE_FORMATS = ['json', 'csv', 'ndjson'] as const
const day = (description: string) => Type.Optional(text(description, 40))

export const UsageQuerySchema = Type.Object(
  {
    from: day('First day, such as 2026-11-22; default: the first that there is.'),
    to: day('Last day; default: today.'),
    by: Type.Optional(
      Type.String({
        maxLength: 64,
        pattern: `^(?:${USAGE_DIMENSIONS.join('|')})(?:,(?:${USAGE_DIMENSIONS.join('|')}))*$`,
        description:
          'What is told apart, with commas between: account, day, country, channel. Default day,country,channel.',
      }),
    ),
    account: Type.Optional(text('With the admin key: only this account.', 32)),
    format: Type.Optional(oneOf(USAGE_FORMATS, 'Default json; csv and ndjson hold all of it.')),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: 'Items per page; default 200.' })),
    cursor: Type.Optional(text('nextCursor of the page before.', 64)),
  },
  strict,
)

export const UsageSchema = Type.Object(
  {
    account: nullable(Type.String()),
    day: nullable(Type.String({ description: 'On which it was accepted, in the time zone of the account.' })),
    country: nullable(Type.String({ description: 'ISO 3166; 001: networks of no country.' })),
    channel: nullable(oneOf(CHANNELS, 'How it went.')),
    currency: nullable(Type.String({ description: 'Of both amounts; null: several accounts, or it names none.' })),
    rows: Type.Integer({ description: 'Messages accepted.' }),
    parts: Type.Integer({ description: 'Their parts.' }),
    price: Type.Number({ description: 'What they cost when all parts are sent.' }),
    partsSent: Type.Integer({ description: 'Parts that carriers accepted.' }),
    cost: Type.Number({ description: 'Charged for them.' }),
    pending: Type.Integer({ description: 'Queued, scheduled or sending.' }),
    sent: Type.Integer(),
    delivered: Type.Integer(),
    undelivered: Type.Integer(),
    failed: Type.Integer(),
    expired: Type.Integer(),
    canceled: Type.Integer(),
    unknown: Type.Integer(),
    deliveryRate: nullable(
      Type.Number({ description: 'delivered of delivered + undelivered + failed + expired, from 0 to 1.' }),
    ),
    receiptDelayMs: Type.Unsafe<{ p50: number; p95: number } | null>({
      ...Type.Object({ p50: Type.Integer(), p95: Type.Integer() }),
      type: ['object', 'null'],
      description: 'From the answer of the carrier to its final receipt, within 5 %; null: no receipt came.',
    }),
  },
  { description: 'Messages that are alike in what was asked for.' },
)
