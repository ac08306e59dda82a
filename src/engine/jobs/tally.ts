/** Sums of tallies: of a job's ranges, less its duplicates. A tally has dozens of kinds, whatever the rows. */
import type { RowKind, Tally } from '../contract/store.js'

type Key = Omit<RowKind, 'rows' | 'parts'>

export class TallySum {
  readonly #reasons = new Map<string, number>()
  readonly #kinds = new Map<string, RowKind>()
  readonly #findings = new Map<string, number>()

  add({ reasons, kinds, findings }: Tally): void {
    for (const [code, rows] of Object.entries(reasons)) this.refuse(code, rows)
    for (const [code, count] of Object.entries(findings)) this.find(code, count)
    for (const kind of kinds) this.#change(kind, kind.rows, kind.parts)
  }

  /** Takes accepted rows out again and counts them as duplicates. */
  takeDuplicates(kinds: readonly RowKind[]): void {
    for (const kind of kinds) {
      this.#change(kind, -kind.rows, -kind.parts)
      this.refuse('DUPLICATE', kind.rows)
    }
  }

  refuse(code: string, rows: number): void {
    if (rows !== 0) this.#reasons.set(code, (this.#reasons.get(code) ?? 0) + rows)
  }

  find(code: string, count: number): void {
    if (count !== 0) this.#findings.set(code, (this.#findings.get(code) ?? 0) + count)
  }

  #change(key: Key, rows: number, parts: number): void {
    const { country, channel, encoding, partPrice, quotaPrefix = '' } = key
    const name = `${country} ${channel} ${encoding} ${partPrice} ${quotaPrefix}`
    let kind = this.#kinds.get(name)
    if (kind === undefined) {
      kind = { country, channel, encoding, partPrice, rows: 0, parts: 0 }
      if (quotaPrefix !== '') kind.quotaPrefix = quotaPrefix
      this.#kinds.set(name, kind)
    }
    kind.rows += rows
    kind.parts += parts
  }

  clear(): void {
    this.#reasons.clear()
    this.#kinds.clear()
    this.#findings.clear()
  }

  /** A copy; the order depends on nothing but the contents. */
  toTally(): Tally {
    const kinds = [...this.#kinds].filter(([, { rows }]) => rows > 0).sort(([a], [b]) => (a < b ? -1 : 1))
    return {
      reasons: sorted(this.#reasons),
      kinds: kinds.map(([, kind]) => ({ ...kind })),
      findings: sorted(this.#findings),
    }
  }
}

function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}
