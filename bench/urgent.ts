/**
 * How long an urgent message takes from its acceptance to the carrier while millions wait and are sent as fast as the carrier's
 * window lets them: one message of high priority at a time, its submit stamped by the carrier with the same clock.
 *
 *   node build/bench/urgent.js [--queued 10000000] [--messages 500]
 */
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { BenchOptions, BenchRow } from './bench.js'
import type { Marked } from './limit.js'
import { Stand } from './stand.js'

const FROM = 'URGENT'
const LATENCY_MS = 10
const WINDOW = 100
const PAUSE_MS = 20

interface Asked {
  queued: number
  messages: number
}

function nowNs(): number {
  return Number(process.hrtime.bigint())
}

function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

async function measure({ queued, messages }: Asked): Promise<BenchRow[]> {
  const arrived = new Map<string, (ns: number) => void>()
  const seen = ({ to, ns }: Marked) => arrived.get(to)?.(ns)
  const stand = await Stand.open({ latencyMs: LATENCY_MS, window: WINDOW, binds: 1, mark: { from: FROM, seen } })
  try {
    await stand.fill(queued)
    const [fromAccepted, fromAsked]: [number[], number[]] = [[], []]
    // The whole window is busy with others.
    const busy = stand.run(Math.max(5_000, (messages * 2 * PAUSE_MS * WINDOW) / LATENCY_MS))
    for (let n = 0; n < messages; n++) {
      const to = `4475${String(n).padStart(8, '0')}`
      const submitted = new Promise<number>((resolve) => arrived.set(to, resolve))
      const askedNs = nowNs()
      await stand.client.post('/v1/messages', {
        to: `+${to}`,
        from: FROM,
        text: 'Your code is 123456',
        priority: 'high',
      })
      const acceptedNs = nowNs()
      const submittedNs = await submitted
      arrived.delete(to)
      fromAccepted.push(Math.max(0, submittedNs - acceptedNs) / 1e6)
      fromAsked.push((submittedNs - askedNs) / 1e6)
      await pause(PAUSE_MS)
    }
    await busy
    const row = (name: string, value: number): BenchRow => ({ name: `urgent message, ${name}`, value, unit: 'ms' })
    return [
      row('accepted → submit, p50', percentile(fromAccepted, 0.5)),
      row('accepted → submit, p99', percentile(fromAccepted, 0.99)),
      row('asked → submit, p50', percentile(fromAsked, 0.5)),
      row('asked → submit, p99', percentile(fromAsked, 0.99)),
    ]
  } finally {
    await stand.close()
  }
}

export async function bench({ quick }: BenchOptions = {}): Promise<BenchRow[]> {
  return await measure(quick ? { queued: 20_000, messages: 20 } : { queued: 10_000_000, messages: 500 })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const number = { type: 'string' } as const
  const { values } = parseArgs({ options: { queued: number, messages: number } })
  const asked = { queued: Number(values.queued ?? 10_000_000), messages: Number(values.messages ?? 500) }
  for (const { name, value, unit } of await measure(asked)) console.log(`${name}: ${value.toPrecision(3)} ${unit}`)
}
