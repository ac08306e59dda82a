/** The text of /metrics: our series out of shared memory, and prom-client's process metrics. Runs in the main thread. */
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Labels } from '../contract/metrics.js'
import { METRICS, type MetricRow } from './metric-table.js'
import type { Series, SharedMetrics } from './shared-metrics.js'

/** What prom-client's registry asks of a metric that is not one of its own classes. */
interface Sample {
  labels: Labels
  value: number
  metricName?: string
}

export interface MetricsText {
  contentType: string
  body: string
}

export class PrometheusText {
  readonly #registry = new Registry()
  readonly #metrics: SharedMetrics
  #read = new Map<string, Series[]>()

  constructor(metrics: SharedMetrics) {
    this.#metrics = metrics
    collectDefaultMetrics({ register: this.#registry })
    for (const row of METRICS) this.#register(row)
  }

  /** Reads all slots once; takes about a millisecond for a thousand series. */
  async renderMetrics(): Promise<MetricsText> {
    this.#read = new Map(METRICS.map(({ name }) => [name, []]))
    for (const series of this.#metrics.read()) this.#read.get(series.metric.name)!.push(series)
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() }
  }

  #register(row: MetricRow): void {
    const own = {
      name: row.name,
      get: async () => ({ name: row.name, help: row.help, type: row.kind, values: this.#samples(row) }),
    }
    // The registry keeps any object with a name and a get(); its types know prom-client's own classes only.
    this.#registry.registerMetric(own as unknown as Parameters<Registry['registerMetric']>[0])
  }

  #samples(row: MetricRow): Sample[] {
    const series = this.#read.get(row.name) ?? []
    if (row.kind === 'histogram') return series.flatMap(histogramSamples)
    return series.map(({ labels, values }) => ({ labels, value: values[0]! }))
  }
}

/** Buckets are summed up here, not when they are counted. */
function histogramSamples({ metric, labels, values }: Series): Sample[] {
  const samples: Sample[] = []
  let total = 0
  metric.buckets.forEach((bound, place) => {
    total += values[place]!
    samples.push({ metricName: `${metric.name}_bucket`, labels: { le: String(bound), ...labels }, value: total })
  })
  const sum = values[metric.buckets.length + 1]!
  const count = values[metric.buckets.length + 2]!
  samples.push({ metricName: `${metric.name}_bucket`, labels: { le: '+Inf', ...labels }, value: count })
  samples.push({ metricName: `${metric.name}_sum`, labels, value: sum })
  samples.push({ metricName: `${metric.name}_count`, labels, value: count })
  return samples
}
