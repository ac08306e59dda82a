/** Queue depth and age by route and priority, worked out when the metrics are read. Main thread. */
import type { Clock } from './contract/clock.js'
import { PRIORITIES } from './contract/message.js'
import type { Metrics } from './contract/metrics.js'
import type { JobRecord } from './jobs/job-record.js'
import { priorityNumber } from './jobs/release.js'
import type { Environment } from './store/environment.js'

/** Blocks of one job that are counted one by one; beyond it the job's own count stands. */
const BLOCKS_COUNTED = 4_000

interface Depth {
  messages: number
  oldestSeconds: number
}

export interface QueueGaugesDeps {
  environment: Environment
  metrics: Metrics
  clock: Clock
  jobs(): JobRecord[]
  /** Messages of a job that are queued or scheduled. */
  waiting(record: JobRecord): number
  routeName(route: number): string
}

export class QueueGauges {
  readonly #deps: QueueGaugesDeps
  readonly #seen = new Set<string>()

  constructor(deps: QueueGaugesDeps) {
    this.#deps = deps
  }

  update(): void {
    const depths = new Map<string, Depth>()
    for (const record of this.#deps.jobs()) {
      if (!record.singles && !record.released) continue
      const priority = PRIORITIES[priorityNumber(record.settings)] ?? 'normal'
      const routes = this.#routesOf(record.job)
      for (const route of routes) {
        const key = `${this.#deps.routeName(route)} ${priority}`
        const depth = depths.get(key) ?? { messages: 0, oldestSeconds: 0 }
        depths.set(key, depth)
        this.#add(depth, record, { route, isOnly: routes.length === 1 })
      }
    }
    for (const key of depths.keys()) this.#seen.add(key)
    for (const key of this.#seen) this.#set(key, depths.get(key) ?? { messages: 0, oldestSeconds: 0 })
  }

  /** Routes that the job has unclaimed blocks for. */
  #routesOf(job: number): number[] {
    const { queue } = this.#deps.environment
    const routes: number[] = []
    for (let from = 0; ; ) {
      const [first] = queue.getKeys({ start: [job, from], end: [job + 1], limit: 1, snapshot: false })
      if (first === undefined) return routes
      routes.push(first[1]!)
      from = first[1]! + 1
    }
  }

  #add(depth: Depth, record: JobRecord, { route, isOnly }: { route: number; isOnly: boolean }): void {
    const { environment, clock, waiting } = this.#deps
    const start = [record.job, route]
    const range = { start, end: [record.job, route + 1], limit: BLOCKS_COUNTED, snapshot: false }
    const nowSeconds = clock.now() / 1000
    let messages = 0
    let oldest = 0
    for (const { key, value } of environment.queue.getRange(range)) {
      messages += value.readUInt16LE(0)
      const due = Math.max(key[2]!, (record.startedAtMs ?? record.createdAtMs) / 1000, record.sendAtMs / 1000)
      if (!record.singles || key[2]! > 0) oldest = Math.max(oldest, nowSeconds - due)
    }
    depth.messages += isOnly && !record.singles ? Math.max(messages, waiting(record)) : messages
    depth.oldestSeconds = Math.max(depth.oldestSeconds, oldest)
  }

  #set(key: string, depth: Depth): void {
    const [route, priority] = key.split(' ') as [string, string]
    const { metrics } = this.#deps
    metrics.gauge('trunkline_queue_depth', { route, priority }).set(depth.messages)
    metrics.gauge('trunkline_oldest_due_seconds', { route, priority }).set(Math.max(0, depth.oldestSeconds))
  }
}
