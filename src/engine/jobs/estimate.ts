/** A tally as people read it: what a job costs, and by what. */
import { amountOf } from '../base/money.js'
import type { Estimate, Share } from '../contract/job.js'
import type { RowKind, Tally } from '../contract/store.js'

/** As libphonenumber calls what belongs to no country. */
const NO_COUNTRY = '001'

interface Sum {
  rows: number
  parts: number
  priced: number
  micros: number
}

export function estimateOf(tally: Tally, currency: string | null): Estimate {
  const all = emptySum()
  for (const kind of tally.kinds) addTo(all, kind)
  return {
    currency,
    price: priceOf(all),
    partsWithoutPrice: all.parts - all.priced,
    byCountry: split(tally, ({ country }) => country || NO_COUNTRY),
    byChannel: split(tally, ({ channel }) => channel),
    byEncoding: split(tally, ({ encoding }) => encoding),
  }
}

function split(tally: Tally, nameOf: (kind: RowKind) => string): Record<string, Share> {
  const sums = new Map<string, Sum>()
  for (const kind of tally.kinds) {
    const name = nameOf(kind)
    const sum = sums.get(name) ?? emptySum()
    sums.set(name, sum)
    addTo(sum, kind)
  }
  const byRows = [...sums].sort(([a, left], [b, right]) => right.rows - left.rows || (a < b ? -1 : 1))
  return Object.fromEntries(
    byRows.map(([name, sum]) => [name, { rows: sum.rows, parts: sum.parts, price: priceOf(sum) }]),
  )
}

function emptySum(): Sum {
  return { rows: 0, parts: 0, priced: 0, micros: 0 }
}

function addTo(sum: Sum, { rows, parts, partPrice }: RowKind): void {
  sum.rows += rows
  sum.parts += parts
  if (partPrice === null) return
  sum.priced += parts
  sum.micros += parts * partPrice
}

function priceOf(sum: Sum): number | null {
  return sum.priced === 0 ? null : amountOf(sum.micros)
}
