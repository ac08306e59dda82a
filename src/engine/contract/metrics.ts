/** How code anywhere counts: by slots of shared memory behind three small faces. Get them once, use them per batch. */
export interface Counter {
  add(count: number): void
}
export interface Gauge {
  set(value: number): void
}
export interface Histogram {
  observe(value: number): void
}
export type Labels = Readonly<Record<string, string>>

/** Names come from the metric table in observe/metric-table.ts; an unknown name or label is a programmer error. */
export interface Metrics {
  counter(name: string, labels?: Labels): Counter
  gauge(name: string, labels?: Labels): Gauge
  histogram(name: string, labels?: Labels): Histogram
}

const nothing = { add() {}, set() {}, observe() {} }
export const noMetrics: Metrics = { counter: () => nothing, gauge: () => nothing, histogram: () => nothing }
