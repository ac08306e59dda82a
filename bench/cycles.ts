/**
 * What a message takes of the disk in its whole life, and whether the space of messages that were forgotten is used again: the same
 * job again and again, each time with the clock set ahead by more than messages are kept, and no compaction.
 *
 *   node build/bench/cycles.js [--rows 200000] [--cycles 10]
 */
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { BenchOptions, BenchRow } from './bench.js'
import { Stand, setClockAhead } from './stand.js'

/** More than `retention.rowDays`. */
const CYCLE_MS = 100 * 86_400_000
const LOOK_MS = 50
/** Octets of the text of each message, as `Stand` writes it. */
const TEXT_BYTES = 136

interface Asked {
  rows: number
  cycles: number
}

async function measure({ rows, cycles }: Asked): Promise<BenchRow[]> {
  setClockAhead(0)
  const stand = await Stand.open({ window: 500, log: 'pipe' })
  try {
    const empty = stand.diskBytes()
    await stand.run(rows)
    await stand.startAgain()
    const first = stand.diskBytes()
    for (let cycle = 1; cycle < cycles; cycle++) {
      setClockAhead(cycle * CYCLE_MS)
      await stand.startAgain()
      while (!stand.hasForgotten) await pause(LOOK_MS)
      await stand.run(rows)
    }
    await stand.startAgain()
    const last = stand.diskBytes()
    const name = `disk after a job of ${rows.toLocaleString('en-GB')}`
    return [
      {
        name: 'disk of a message, whole life, beyond its text',
        value: (first - empty) / rows - TEXT_BYTES,
        unit: 'octets',
      },
      { name, value: first / 2 ** 20, unit: 'MiB' },
      {
        name: `disk after ${cycles} such jobs, each forgotten before the next`,
        value: last / 2 ** 20,
        unit: 'MiB',
        ratioTo: name,
        ratio: last / first,
      },
    ]
  } finally {
    await stand.close()
  }
}

export async function bench({ quick }: BenchOptions = {}): Promise<BenchRow[]> {
  return await measure(quick ? { rows: 5_000, cycles: 2 } : { rows: 200_000, cycles: 10 })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const number = { type: 'string' } as const
  const { values } = parseArgs({ options: { rows: number, cycles: number } })
  const asked = { rows: Number(values.rows ?? 200_000), cycles: Number(values.cycles ?? 10) }
  for (const { name, value, unit, ratio } of await measure(asked)) {
    console.log(`${name}: ${value.toPrecision(4)} ${unit}${ratio === undefined ? '' : `  ${ratio.toFixed(3)} ×`}`)
  }
}
