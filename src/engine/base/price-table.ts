/**
 * What a part to a number costs. A price list may be long and goes to the ingest threads with every range, so it crosses
 * in shared memory: three f64 numbers an entry, channel, prefix behind a 1 (so that '' is a number as well), micros.
 */
import { CHANNELS, type ChannelName } from '../contract/message.js'
import type { Price } from '../contract/price.js'
import { ByPrefix } from './by-prefix.js'

const NUMBERS = 3

export class PriceTable {
  readonly #byPrefix: ByPrefix<Price>

  constructor(prices: readonly Price[]) {
    this.#byPrefix = new ByPrefix(prices)
  }

  /** Micros; null: the list has no price for it. `digits`: E.164 without +. */
  find(channel: ChannelName, digits: string): number | null {
    return this.#byPrefix.find(channel, digits)?.micros ?? null
  }
}

const tables = new WeakMap<readonly Price[], PriceTable>()

/** Of a list that never changes; made once. */
export function priceTable(prices: readonly Price[]): PriceTable {
  let table = tables.get(prices)
  if (table === undefined) {
    table = new PriceTable(prices)
    tables.set(prices, table)
  }
  return table
}

/** null: an empty list. */
export function packPrices(prices: readonly Price[]): Float64Array | null {
  if (prices.length === 0) return null
  const packed = new Float64Array(new SharedArrayBuffer(prices.length * NUMBERS * 8))
  prices.forEach(({ channel, prefix, micros }, index) => {
    packed.set([CHANNELS.indexOf(channel), Number(`1${prefix}`), micros], index * NUMBERS)
  })
  return packed
}

const NO_PRICES = new PriceTable([])
let last: { packed: Float64Array; table: PriceTable } | null = null

/** The ranges of a job come with the same list: the table of the last one is kept, and known by its bytes. */
export function unpackPrices(packed: Float64Array | null): PriceTable {
  if (packed === null) return NO_PRICES
  if (last === null || !bytesOf(last.packed).equals(bytesOf(packed))) {
    last = { packed, table: new PriceTable(pricesIn(packed)) }
  }
  return last.table
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

function pricesIn(packed: Float64Array): Price[] {
  const prices: Price[] = []
  for (let at = 0; at < packed.length; at += NUMBERS) {
    prices.push({ channel: CHANNELS[packed[at]!]!, prefix: String(packed[at + 1]).slice(1), micros: packed[at + 2]! })
  }
  return prices
}
