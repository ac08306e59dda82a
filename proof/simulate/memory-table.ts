/**
 * One table in memory with the interface that LMDB's has, as far as the product uses it: keys in LMDB's order (numbers before
 * strings, a tuple before its extensions), values that are copied on their way in and out.
 */

export type TableKey = number | string | readonly (number | string)[]

export interface TableRange {
  start?: TableKey
  end?: TableKey
  limit?: number
  reverse?: boolean
  exclusiveStart?: boolean
}

interface Item {
  key: TableKey
  value: Buffer
}

/** Who gathers writes into transactions. `value` null removes. */
export interface WriteGatherer {
  write(table: MemoryTable, key: TableKey, value: Buffer | null): Promise<boolean>
}

/** What is on the disk of one table; it outlives the process. */
export class Rows {
  readonly name: string
  readonly items: Item[] = []

  constructor(name: string) {
    this.name = name
  }

  /** Place of the first item whose key is `key` or behind it. */
  placeOf(key: TableKey): number {
    let low = 0
    let high = this.items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys(this.items[middle]!.key, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  find(key: TableKey): Item | null {
    const item = this.items[this.placeOf(key)]
    return item !== undefined && compareKeys(item.key, key) === 0 ? item : null
  }

  set(key: TableKey, value: Buffer | null): void {
    const place = this.placeOf(key)
    const there = this.items[place]
    const isThere = there !== undefined && compareKeys(there.key, key) === 0
    if (value === null) {
      if (isThere) this.items.splice(place, 1)
    } else if (isThere) there.value = Buffer.from(value)
    else this.items.splice(place, 0, { key: typeof key === 'object' ? [...key] : key, value: Buffer.from(value) })
  }
}

export class MemoryTable {
  readonly rows: Rows
  readonly #gatherer: WriteGatherer

  constructor(rows: Rows, gatherer: WriteGatherer) {
    this.rows = rows
    this.#gatherer = gatherer
  }

  getBinary(key: TableKey): Buffer | undefined {
    const item = this.rows.find(key)
    return item === null ? undefined : Buffer.from(item.value)
  }
  getBinaryFast(key: TableKey): Buffer | undefined {
    return this.getBinary(key)
  }
  get(key: TableKey): Buffer | undefined {
    return this.getBinary(key)
  }
  doesExist(key: TableKey): boolean {
    return this.rows.find(key) !== null
  }
  getStats(): { entryCount: number } {
    return { entryCount: this.rows.items.length }
  }

  put(key: TableKey, value: Buffer): Promise<boolean> {
    return this.#gatherer.write(this, key, value)
  }
  remove(key: TableKey): Promise<boolean> {
    return this.#gatherer.write(this, key, null)
  }

  /** Empty on return. */
  clearSync(): void {
    this.rows.items.length = 0
  }

  getKeys(range: TableRange = {}): TableKey[] {
    return this.#within(range).map(({ key }) => copyOf(key))
  }
  getRange(range: TableRange = {}): { key: TableKey; value: Buffer }[] {
    return this.#within(range).map(({ key, value }) => ({ key: copyOf(key), value: Buffer.from(value) }))
  }

  /** From `start` to before `end`; backwards, from the last that is not behind `start` to the one behind `end`. */
  #within({ start, end, limit, reverse = false, exclusiveStart = false }: TableRange): Item[] {
    const { items } = this.rows
    const most = limit ?? items.length
    if (!reverse) {
      let first = start === undefined ? 0 : this.rows.placeOf(start)
      if (exclusiveStart && start !== undefined && this.#isAt(first, start)) first++
      const behind = end === undefined ? items.length : this.rows.placeOf(end)
      return items.slice(first, Math.max(first, Math.min(behind, first + most)))
    }
    let behind = start === undefined ? items.length : this.rows.placeOf(start)
    if (start !== undefined && !exclusiveStart && this.#isAt(behind, start)) behind++
    let first = end === undefined ? 0 : this.rows.placeOf(end)
    if (end !== undefined && this.#isAt(first, end)) first++
    return items.slice(Math.max(first, behind - most), Math.max(first, behind)).reverse()
  }

  #isAt(place: number, key: TableKey): boolean {
    const item = this.rows.items[place]
    return item !== undefined && compareKeys(item.key, key) === 0
  }
}

function copyOf(key: TableKey): TableKey {
  return typeof key === 'object' ? [...key] : key
}

export function compareKeys(one: TableKey, other: TableKey): number {
  if (typeof one !== 'object' || typeof other !== 'object') {
    return compareParts(one as number | string, other as number | string)
  }
  const least = Math.min(one.length, other.length)
  for (let n = 0; n < least; n++) {
    const order = compareParts(one[n]!, other[n]!)
    if (order !== 0) return order
  }
  return one.length - other.length
}

function compareParts(one: number | string, other: number | string): number {
  if (one === other) return 0
  if (typeof one === typeof other) return one < other ? -1 : 1
  return typeof one === 'number' ? -1 : 1
}
