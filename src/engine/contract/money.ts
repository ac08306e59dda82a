/** Prepaid balance, quotas and usage: what an account may spend, has spent, and what it sent for it. Amounts are decimals. */
import type { Page, Principal } from './api.js'
import type { ChannelName } from './message.js'

/** A number, or a decimal string, with at most 6 decimals. */
export type Amount = number | string

export interface BalanceView {
  /** What may still be spent; null: the account pays afterwards. */
  balance: number | null
  /** For messages that were accepted and whose end is still to come. */
  reserved: number
  /** For parts that carriers accepted, since the account was made. */
  spent: number
  currency: string | null
}

/** Most of a day, which begins at midnight in the account's time zone; null: no limit. */
export interface QuotaSettings {
  messagesPerDay?: number | null
  partsPerDay?: number | null
  /** Of the price when accepted; what is returned later is not given back. */
  spendPerDay?: Amount | null
  /** The longest prefix that fits a number counts. */
  prefixes?: { prefix: string; messagesPerDay: number }[]
}

export interface Quotas {
  messagesPerDay: number | null
  partsPerDay: number | null
  spendPerDay: number | null
  prefixes: { prefix: string; messagesPerDay: number }[]
}

/** What was accepted today, and how much more may be; null: no limit. */
export interface QuotaUse {
  /** In the account's time zone. */
  day: string
  endsAt: string
  messages: number
  messagesLeft: number | null
  parts: number
  partsLeft: number | null
  spend: number
  spendLeft: number | null
  prefixes: { prefix: string; messages: number; messagesLeft: number }[]
}

export interface AccountMoney extends BalanceView {
  quotas: Quotas
  today: QuotaUse
}

/** Why a call would be refused, as a dry run and a preview say it. */
export interface Refusal {
  code: 'INSUFFICIENT_BALANCE' | 'QUOTA_EXCEEDED'
  detail: string
  /** Of INSUFFICIENT_BALANCE. */
  missing?: number
  balance?: number
  price?: number
  currency?: string | null
}

export const USAGE_DIMENSIONS = ['account', 'day', 'country', 'channel'] as const
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number]

export interface UsageQuery {
  /** Days, 2026-11-22; both count. */
  from?: string
  to?: string
  by: UsageDimension[]
  /** Of an admin: only this account. */
  account?: string
}

/** Messages by the day on which they were accepted. A dimension that was not asked for is null. */
export interface UsageItem {
  account: string | null
  day: string | null
  country: string | null
  channel: ChannelName | null
  currency: string | null
  /** When accepted: messages, their parts and what they cost. */
  rows: number
  parts: number
  price: number
  /** Parts that carriers accepted, and their price. */
  partsSent: number
  cost: number
  /** By state; pending: queued, scheduled or sending. */
  pending: number
  sent: number
  delivered: number
  undelivered: number
  failed: number
  expired: number
  canceled: number
  unknown: number
  /** delivered of (delivered + undelivered + failed + expired); null: none of these. */
  deliveryRate: number | null
  /** From the carrier's answer to the final receipt, within 5 %; null: no receipt came. */
  receiptDelayMs: { p50: number; p95: number } | null
}

export interface MoneyApi {
  /** Of the asking account, with everything that is durable now. */
  balance(principal: Principal): Promise<AccountMoney>
  /**
   * Adds to the balance of an account (or takes from it), and makes it prepaid.
   * @throws EngineError NOT_FOUND, VALIDATION, INSUFFICIENT_BALANCE: it would be below zero.
   */
  topUp(principal: Principal, account: string, change: { amount: Amount; reference?: string }): Promise<BalanceView>
  usage(principal: Principal, query: UsageQuery, page: { limit: number; cursor?: string }): Promise<Page<UsageItem>>
  /** All of it, an item after the other. */
  usageItems(principal: Principal, query: UsageQuery): AsyncIterable<UsageItem>
}
