/** Bodies and answers of /v1/accounts. */
import { Type } from 'typebox'
import { limits } from '../../engine/contract/limits.js'
import { CHANNELS } from '../../engine/contract/message.js'
import { KeyCreateSchema, KeySchema } from './api-keys.js'
import { nullable, oneOf, strict, Timestamp, text } from './common.js'
import { DropNoticesSchema, DropNoticesSetting } from './drops.js'
import { InboundRulesSchema, InboundSettingsSchema, LockSeconds } from './inbound-rules.js'
import { amountOrNull, moneySchemas, QuotasSetting } from './money.js'
import { numberRuleSchemas } from './number-rules.js'
import { OptOutSettings, OptOutView } from './opt-out.js'
import { WindowOrNull } from './sending-hours.js'
import { VoiceSetting, VoiceView } from './voice.js'

const features = {
  sms: Type.Boolean({ description: 'May send SMS.' }),
  voice: Type.Boolean({ description: 'May make calls.' }),
  email: Type.Boolean({ description: 'May send email.' }),
  drop: Type.Boolean({ description: 'May use the drop folder.' }),
}

const Country = Type.String({
  pattern: '^[A-Z]{2}$',
  description: 'Country of numbers without +, ISO 3166-1 alpha-2 in capitals.',
})

const Currency = Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217 code of all prices, e.g. EUR.' })
const price = {
  channel: oneOf(CHANNELS, 'Default sms.'),
  prefix: Type.String({ maxLength: 16, description: 'First digits with country code; absent or empty: every number.' }),
}
const Prices = Type.Array(
  Type.Object(
    {
      channel: Type.Optional(price.channel),
      prefix: Type.Optional(price.prefix),
      price: Type.Unsafe<number | string>({
        type: ['number', 'string'],
        description: 'Of one part: at most 6 decimals, as a number or a decimal string.',
      }),
    },
    strict,
  ),
  {
    maxItems: limits.pricesPerAccount,
    description: 'The longest prefix that fits a number decides. Replaces the list.',
  },
)

const settings = {
  name: Type.Optional(text('Name shown to people.')),
  features: Type.Optional(Type.Partial(Type.Object(features), strict)),
  defaultCountry: Type.Optional(nullable(Country)),
  timeZone: Type.Optional(text('IANA time zone, e.g. Europe/London.', 64)),
  weight: Type.Optional(
    Type.Number({ minimum: 1, maximum: 1000, description: 'Share of a carrier beside other accounts.' }),
  ),
  ratePerSecond: Type.Optional(
    nullable(
      Type.Number({ exclusiveMinimum: 0, maximum: 1_000_000, description: 'Parts per second; null: no limit.' }),
    ),
  ),
  sendingHours: Type.Optional(WindowOrNull),
  allowPremium: Type.Optional(numberRuleSchemas.allowPremium),
  allowShortCodes: Type.Optional(numberRuleSchemas.allowShortCodes),
  channelRules: Type.Optional(numberRuleSchemas.channelRules),
  allowPrefixes: Type.Optional(numberRuleSchemas.allowPrefixes),
  denyPrefixes: Type.Optional(numberRuleSchemas.denyPrefixes),
  prices: Type.Optional(Prices),
  currency: Type.Optional(nullable(Currency)),
  balance: Type.Optional(amountOrNull('What may be spent, paid in advance; null: the account pays afterwards.')),
  quotas: Type.Optional(QuotasSetting),
  optOut: Type.Optional(OptOutSettings),
  voice: Type.Optional(VoiceSetting),
  senders: Type.Optional(
    Type.Array(text('A number, or up to 11 letters and digits.', 16), {
      maxItems: 1_000,
      description: 'Senders that may be used, the first one by default; empty: any. Replaces the list.',
    }),
  ),
  suspended: Type.Optional(Type.Boolean({ description: 'Nothing is sent for it while this is true.' })),
  conversationLockSeconds: Type.Optional(LockSeconds),
  requireOptIn: Type.Optional(Type.Boolean({ description: 'Jobs message only contacts that have opted in.' })),
  inbound: Type.Optional(InboundSettingsSchema),
  dropNotices: Type.Optional(DropNoticesSetting),
}

export const AccountCreateSchema = Type.Object(
  {
    id: Type.String({
      pattern: '^[a-z0-9][a-z0-9_-]{0,31}$',
      description: 'Small letters, digits, - and _; at most 32.',
    }),
    ...settings,
    key: Type.Optional({ ...KeyCreateSchema, description: 'What the first key is made for.' }),
  },
  strict,
)
export const AccountPatchSchema = Type.Object(settings, { ...strict, description: 'Absent keys stay as they are.' })

export const AccountSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    features: Type.Object(features),
    defaultCountry: nullable(Type.String()),
    timeZone: Type.String(),
    weight: Type.Number(),
    ratePerSecond: nullable(Type.Number()),
    sendingHours: WindowOrNull,
    ...numberRuleSchemas,
    prices: Type.Array(Type.Object({ ...price, price: Type.Number({ description: 'Of one part.' }) })),
    currency: nullable(Type.String()),
    ...moneySchemas,
    optOut: OptOutView,
    voice: VoiceView,
    senders: Type.Array(Type.String()),
    suspended: Type.Boolean(),
    conversationLockSeconds: LockSeconds,
    requireOptIn: Type.Boolean(),
    inbound: InboundRulesSchema,
    dropNotices: DropNoticesSchema,
    keys: Type.Array(KeySchema),
    createdAt: Timestamp,
  },
  { description: 'The account.' },
)
export const AccountCreatedSchema = Type.Object(
  { account: AccountSchema, key: Type.String({ description: 'Shown this once.' }) },
  { description: 'The account and its first key.' },
)
