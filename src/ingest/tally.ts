/**
 * Counts the rows of a range, or of a dry run, by reason and by kind. Kinds are found without a key being put together:
 * a file has few of a country, and mostly the one of the row before. Ingest threads, once per row.
 */

import { isAddressKey } from '../engine/base/address-key.js'
import { FINDINGS, findingNumber } from '../engine/contract/findings.js'
import { CODINGS } from '../engine/contract/message.js'
import { REASONS, reasonCode } from '../engine/contract/reasons.js'
import type { RowKind, Tally } from '../engine/contract/store.js'
import type { Row } from './row-result.js'

const SMART_PART = findingNumber('SMART_PART')

/** Ends in 000, as one number in a thousand does, and all do that a spreadsheet has rounded. */
export function isRound(number: number): boolean {
  return number % 1_000 === 0 && !isAddressKey(number)
}

export class TallyBuilder {
  readonly #kinds: RowKind[] = []
  /** Country → places in #kinds. */
  readonly #places = new Map<string, number[]>()
  readonly #reasons = new Float64Array(REASONS.length)
  readonly #findings = new Float64Array(FINDINGS.length)
  #last = -1

  /** Counts an accepted row and answers the place of its kind. */
  accept(row: Row): number {
    const place = this.#place(row)
    const kind = this.#kinds[place]!
    kind.rows++
    kind.parts += row.segmented!.partCount
    return place
  }

  /** What was found about a row that is accepted, or would be but for its number having come before. */
  see(row: Row): void {
    if (row.findings === 0) return
    for (let finding = 0; finding < FINDINGS.length; finding++) {
      if ((row.findings & (1 << finding)) !== 0) this.#findings[finding]!++
    }
    this.#findings[SMART_PART]! += row.savedParts
  }

  /** `reason`: stored number. */
  refuse(reason: number): void {
    this.#reasons[reason]!++
  }

  /** `finding`: stored number. */
  find(finding: number): void {
    this.#findings[finding]!++
  }

  #place(row: Row): number {
    if (this.#last >= 0 && isOfKind(row, this.#kinds[this.#last]!)) return this.#last
    const places = this.#places.get(row.country)
    this.#last = places === undefined ? -1 : this.#known(row, places)
    if (this.#last < 0) this.#last = this.#begin(row, places)
    return this.#last
  }

  #known(row: Row, places: readonly number[]): number {
    for (let index = 0; index < places.length; index++) {
      if (isOfKind(row, this.#kinds[places[index]!]!)) return places[index]!
    }
    return -1
  }

  #begin(row: Row, places: number[] | undefined): number {
    const { country, channel, partPrice, quotaPrefix } = row
    const encoding = CODINGS[row.segmented!.coding]
    const kind: RowKind = { country, channel, encoding, partPrice, rows: 0, parts: 0 }
    if (quotaPrefix !== '') kind.quotaPrefix = quotaPrefix
    const place = this.#kinds.push(kind) - 1
    if (places === undefined) this.#places.set(country, [place])
    else places.push(place)
    return place
  }

  finish(): Tally {
    const reasons: Record<string, number> = {}
    this.#reasons.forEach((rows, reason) => {
      if (rows > 0) reasons[reasonCode(reason)] = rows
    })
    const findings: Record<string, number> = {}
    this.#findings.forEach((count, finding) => {
      if (count > 0) findings[FINDINGS[finding]![0]] = count
    })
    return { reasons, kinds: this.#kinds, findings }
  }
}

function isOfKind(row: Row, kind: RowKind): boolean {
  return (
    kind.country === row.country &&
    kind.partPrice === row.partPrice &&
    kind.channel === row.channel &&
    (kind.quotaPrefix ?? '') === row.quotaPrefix &&
    kind.encoding === CODINGS[row.segmented!.coding]
  )
}
