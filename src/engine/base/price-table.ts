/**
 * What a part to a number costs. A price list may be long and goes to the ingest threads with every range, so it crosses
 * in shared memory: three f64 numbers an entry, channel, prefix behind a 1 (which keeps leading zeros), micros.
 */
import { CHANNELS, type ChannelName } from '../contract/message.js'
import type { Price } from '../contract/price.js'
import { ByPrefix } from './by-prefix.js'

const NUMBERS = 3

/** null: an empty list. */
export function packPrices(prices: readonly Price[]): Float64Array | null {
  if (prices.length === 0) return null
  const packed = new Float64Array(new SharedArrayBuffer(prices.length * NUMBERS * 8))
  prices.forEach(({ channel, prefix, micros }, index) => {
    packed.set([CHANNELS.indexOf(channel), Number(`1${prefix}`), micros], index * NUMBERS)
  })
  return packed
}

function unpackPrices(packed: Float64Array): Price[] {
  const prices: Price[] = []
  for (let at = 0; at < packed.length; at += NUMBERS) {
    prices.push({ channel: CHANNELS[packed[at]!]!, prefix: String(packed[at + 1]).slice(1), micros: packed[at + 2]! })
  }
  return prices
}

export class PriceTable {
  readonly #byPrefix: ByPrefix<Price> | null

  constructor(packed: Float64Array | null) {
    this.#byPrefix = packed === null ? null : new ByPrefix(unpackPrices(packed))
  }

  /** Micros; null: the list has no price for it. `digits`: E.164 without +. */
  find(channel: ChannelName, digits: string): number | null {
    return this.#byPrefix?.find(channel, digits)?.micros ?? null
  }
}
