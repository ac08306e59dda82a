/** What a benchmark gives back, and the one way in which all of them measure: rounds in turn, warm-up apart. */
export interface BenchRow {
  name: string
  value: number
  unit: string
  /** Name of the row that this one is compared with, and the ratio to it in the same run. */
  ratioTo?: string
  ratio?: number
}

export interface BenchOptions {
  /** Small sizes and few rounds: that it runs, not how fast. */
  quick?: boolean
}

export function roundsOf(options: BenchOptions): number {
  return options.quick ? 1 : 5
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}

/** Operations per second of each candidate, medians of `rounds` taken in turn after one warm-up each. */
export function rates(candidates: Record<string, () => number>, rounds = 5): Record<string, number> {
  const seen: Record<string, number[]> = {}
  for (let round = -1; round < rounds; round++) {
    for (const [name, run] of Object.entries(candidates)) {
      const start = process.hrtime.bigint()
      const operations = run()
      const seconds = Number(process.hrtime.bigint() - start) / 1e9
      const list = seen[name] ?? []
      seen[name] = list
      if (round >= 0) list.push(operations / seconds)
    }
  }
  return Object.fromEntries(Object.entries(seen).map(([name, values]) => [name, median(values)]))
}
