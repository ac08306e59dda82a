/**
 * How long a start takes after kill -9: with millions of messages that were sent and whose receipts have not come, with a thousand
 * jobs of which each has a lane of its own, and with a hundred binds.
 *
 *   node build/bench/starts.js [--outstanding 10000000] [--lanes 1000] [--binds 100]
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { BenchOptions, BenchRow } from './bench.js'
import { Stand, type StandOptions } from './stand.js'

const MESSAGES_OF_LANE = 100

interface Asked {
  outstanding: number
  lanes: number
  binds: number
}

async function start(
  name: string,
  options: StandOptions,
  prepare: (stand: Stand) => Promise<void>,
): Promise<BenchRow[]> {
  const stand = await Stand.open(options)
  try {
    await prepare(stand)
    const { answers, sends } = await stand.restart()
    return [
      { name: `start after kill -9 with ${name}: answers`, value: answers, unit: 's' },
      { name: `start after kill -9 with ${name}: sends`, value: sends, unit: 's' },
    ]
  } finally {
    await stand.close()
  }
}

async function measure({ outstanding, lanes, binds }: Asked): Promise<BenchRow[]> {
  const grouped = (count: number) => count.toLocaleString('en-GB')
  return [
    ...(await start('nothing', {}, async () => {})),
    ...(await start(`${grouped(lanes)} lanes`, {}, (stand) => stand.fillLanes(lanes, MESSAGES_OF_LANE))),
    ...(await start(`${grouped(binds)} binds`, { binds, window: 10 }, (stand) => stand.fill(MESSAGES_OF_LANE))),
    ...(await start(`${grouped(outstanding)} receipts outstanding`, { noReceipts: true }, (stand) =>
      stand.send(outstanding),
    )),
  ]
}

export async function bench({ quick }: BenchOptions = {}): Promise<BenchRow[]> {
  return await measure(
    quick ? { outstanding: 20_000, lanes: 20, binds: 20 } : { outstanding: 10_000_000, lanes: 1_000, binds: 100 },
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const number = { type: 'string' } as const
  const { values } = parseArgs({ options: { outstanding: number, lanes: number, binds: number } })
  const asked = {
    outstanding: Number(values.outstanding ?? 10_000_000),
    lanes: Number(values.lanes ?? 1_000),
    binds: Number(values.binds ?? 100),
  }
  for (const { name, value, unit } of await measure(asked)) console.log(`${name}: ${value.toPrecision(3)} ${unit}`)
}
