/**
 * Metrics of all threads in one piece of shared memory: writing is one addition, reading is the main thread's.
 *
 * Each thread makes its own SharedMetrics over the same memory and its own series; nothing is locked, because a slot
 * has one writer. The directory beside the slots says which series a slot belongs to, so no message has to be sent.
 * Layout: header, directory of int32 records, label text, float64 slots.
 */
import assert from 'node:assert'
import type { Counter, Gauge, Histogram, Labels, Metrics } from '../contract/metrics.js'
import { METRICS, type MetricRow, metricIndex } from './metric-table.js'

const SERIES_MAX = 8_192
const TEXT_BYTES = 1 << 20
const SLOTS = 1 << 16

const HEADER_BYTES = 32
/** Positions of the allocators in the header, in int32 words. */
const NEXT_SERIES = 0
const NEXT_TEXT = 1
const NEXT_SLOT = 2
const REFUSED = 3

/** A directory record: metric's position in the table + 1 (0 = not written yet), first slot, text start, text length. */
const RECORD_WORDS = 4
const DIRECTORY_START = HEADER_BYTES
const TEXT_START = DIRECTORY_START + SERIES_MAX * RECORD_WORDS * 4
const SLOTS_START = TEXT_START + TEXT_BYTES

assert(SLOTS_START % 8 === 0, 'float64 slots are aligned')

const nothing = { add() {}, set() {}, observe() {} }

/** What every SharedMetrics of the process is made over; one per process. */
export function metricsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(SLOTS_START + SLOTS * 8)
}

/** One series as read back; of a histogram `values` are the buckets (not summed up), the sum and the count. */
export interface Series {
  metric: MetricRow
  labels: Labels
  values: number[]
}

/**
 * `Metrics` over shared memory; one per thread. Getting a series allocates and is for start-up; using it is an addition.
 * Several threads may have the same counter or histogram (they are summed); a gauge belongs to one thread at a time.
 */
export class SharedMetrics implements Metrics {
  readonly #header: Int32Array
  readonly #directory: Int32Array
  readonly #text: Uint8Array
  readonly #slots: Float64Array
  readonly #made = new Map<string, number>()

  constructor(memory: SharedArrayBuffer) {
    this.#header = new Int32Array(memory, 0, HEADER_BYTES / 4)
    this.#directory = new Int32Array(memory, DIRECTORY_START, SERIES_MAX * RECORD_WORDS)
    this.#text = new Uint8Array(memory, TEXT_START, TEXT_BYTES)
    this.#slots = new Float64Array(memory, SLOTS_START, SLOTS)
  }

  counter(name: string, labels: Labels = {}): Counter {
    const slot = this.#slot(name, 'counter', labels)
    return slot < 0 ? nothing : new SlotCounter(this.#slots, slot)
  }

  gauge(name: string, labels: Labels = {}): Gauge {
    const slot = this.#slot(name, 'gauge', labels)
    return slot < 0 ? nothing : new SlotGauge(this.#slots, slot)
  }

  histogram(name: string, labels: Labels = {}): Histogram {
    const slot = this.#slot(name, 'histogram', labels)
    if (slot < 0) return nothing
    return new SlotHistogram(this.#slots, slot, METRICS[metricIndex.get(name)!]!.buckets)
  }

  /** Series that found no room; above 0 the metrics are incomplete. */
  get refused(): number {
    return Atomics.load(this.#header, REFUSED)
  }

  /** Every series of every thread: counters and histograms of the same labels added up, of gauges the newest. */
  read(): Series[] {
    const found = new Map<string, Series>()
    const end = Math.min(Atomics.load(this.#header, NEXT_SERIES), SERIES_MAX)
    for (let index = 0; index < end; index++) {
      const series = this.#readOne(index * RECORD_WORDS)
      if (series === null) continue
      const key = seriesKey(series.metric, series.labels)
      const before = found.get(key)
      if (before === undefined || series.metric.kind === 'gauge') found.set(key, series)
      else before.values = before.values.map((value, place) => value + series.values[place]!)
    }
    return [...found.values()]
  }

  #readOne(record: number): Series | null {
    const metric = METRICS[Atomics.load(this.#directory, record) - 1]
    if (metric === undefined) return null
    const slot = this.#directory[record + 1]!
    const start = this.#directory[record + 2]!
    // TextDecoder refuses shared memory, hence the copy.
    const text = Buffer.from(this.#text.slice(start, start + this.#directory[record + 3]!)).toString('utf8')
    const labelValues = JSON.parse(text) as string[]
    return {
      metric,
      labels: Object.fromEntries(metric.labels.map((label, index) => [label, labelValues[index]!])),
      values: [...this.#slots.slice(slot, slot + slotsOf(metric))],
    }
  }

  /** First slot of the series, made at its first use in this thread; -1: there is no room. */
  #slot(name: string, kind: MetricRow['kind'], labels: Labels): number {
    const index = metricIndex.get(name)
    assert(index !== undefined, `${name} is not in the metric table`)
    const metric = METRICS[index]!
    assert(metric.kind === kind, `${name} is a ${metric.kind}`)
    for (const label of Object.keys(labels)) assert(metric.labels.includes(label), `${name} has no label ${label}`)
    const key = seriesKey(metric, labels)
    let slot = this.#made.get(key)
    if (slot === undefined) {
      slot = this.#allocate(index, labelText(metric, labels))
      this.#made.set(key, slot)
    }
    return slot
  }

  #allocate(index: number, text: Buffer): number {
    const metric = METRICS[index]!
    const series = Atomics.add(this.#header, NEXT_SERIES, 1)
    const start = Atomics.add(this.#header, NEXT_TEXT, text.length)
    const slot = Atomics.add(this.#header, NEXT_SLOT, slotsOf(metric))
    if (series >= SERIES_MAX || start + text.length > TEXT_BYTES || slot + slotsOf(metric) > SLOTS) {
      Atomics.add(this.#header, REFUSED, 1)
      return -1
    }
    this.#text.set(text, start)
    const record = series * RECORD_WORDS
    this.#directory[record + 1] = slot
    this.#directory[record + 2] = start
    this.#directory[record + 3] = text.length
    // Written last, and atomically: a reader sees a record only when it is whole.
    Atomics.store(this.#directory, record, index + 1)
    return slot
  }
}

/** A histogram has its buckets, one for what lies above them all, then sum and count. */
function slotsOf(metric: MetricRow): number {
  return metric.kind === 'histogram' ? metric.buckets.length + 3 : 1
}

function labelText(metric: MetricRow, labels: Labels): Buffer {
  return Buffer.from(JSON.stringify(metric.labels.map((label) => labels[label] ?? '')))
}

function seriesKey(metric: MetricRow, labels: Labels): string {
  return metric.name + JSON.stringify(metric.labels.map((label) => labels[label] ?? ''))
}

class SlotCounter implements Counter {
  readonly #slots: Float64Array
  readonly #slot: number
  constructor(slots: Float64Array, slot: number) {
    this.#slots = slots
    this.#slot = slot
  }
  add(count: number): void {
    this.#slots[this.#slot]! += count
  }
}

class SlotGauge implements Gauge {
  readonly #slots: Float64Array
  readonly #slot: number
  constructor(slots: Float64Array, slot: number) {
    this.#slots = slots
    this.#slot = slot
  }
  set(value: number): void {
    this.#slots[this.#slot] = value
  }
}

class SlotHistogram implements Histogram {
  readonly #slots: Float64Array
  readonly #slot: number
  readonly #buckets: readonly number[]
  constructor(slots: Float64Array, slot: number, buckets: readonly number[]) {
    this.#slots = slots
    this.#slot = slot
    this.#buckets = buckets
  }
  observe(value: number): void {
    const buckets = this.#buckets
    let place = 0
    while (place < buckets.length && value > buckets[place]!) place++
    this.#slots[this.#slot + place]! += 1
    this.#slots[this.#slot + buckets.length + 1]! += value
    this.#slots[this.#slot + buckets.length + 2]! += 1
  }
}
