/** The price list of an account: read from what an admin wrote, and shown again. Main thread. */
import { amountOf, microsOf } from '../base/money.js'
import type { FieldError } from '../contract/errors.js'
import type { Amount } from '../contract/money.js'
import type { Price, PriceSetting, PriceView } from '../contract/price.js'

/** As written: + is optional. */
const PREFIX = /^(?:\+?[1-9]\d{0,14})?$/
const CURRENCY = /^[A-Z]{3}$/

/** Adds what is wrong to `fields`; the answer counts only when nothing is. */
export function readPrices(settings: readonly PriceSetting[], fields: FieldError[]): Price[] {
  const seen = new Set<string>()
  return settings.map(({ channel = 'sms', prefix: written = '', price }, index) => {
    const prefix = written.replace('+', '')
    const micros = microsOf(price)
    const at = `/prices/${index}`
    if (micros === null) {
      fields.push({ pointer: `${at}/price`, message: 'must be from 0 to 999999999 with at most 6 decimals' })
    }
    if (!PREFIX.test(written)) {
      fields.push({ pointer: `${at}/prefix`, message: 'must be the first digits of a number with country code' })
    }
    const key = `${channel} ${prefix}`
    if (seen.has(key)) fields.push({ pointer: at, message: `is the second price of ${channel} to ${prefix || 'all'}` })
    seen.add(key)
    return { channel, prefix, micros: micros ?? 0 }
  })
}

export function checkCurrency(currency: string | null | undefined, fields: FieldError[]): void {
  if (currency != null && !CURRENCY.test(currency)) {
    fields.push({ pointer: '/currency', message: 'must be a three-letter code such as EUR' })
  }
}

export function checkBalance(balance: Amount | null | undefined, fields: FieldError[]): void {
  if (balance == null || microsOf(balance) !== null) return
  fields.push({ pointer: '/balance', message: 'must be from 0 to 999999999 with at most 6 decimals, or null' })
}

/** Millionths of a balance that was checked; null: the account pays afterwards. */
export function balanceMicros(balance: Amount | null | undefined): number | null {
  return balance == null ? null : microsOf(balance)
}

export function priceViews(prices: readonly Price[]): PriceView[] {
  return prices.map(({ channel, prefix, micros }) => ({ channel, prefix, price: amountOf(micros) }))
}
