/**
 * What becomes of the rate when much is queued: the same job end to end on an engine with nothing else and on one in which millions
 * wait, in turn; and how long a start takes after kill -9.
 *
 *   node build/bench/growth.js [--most 50000000] [--rows 200000] [--rounds 3]
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type BenchOptions, type BenchRow, median } from './bench.js'
import { Stand } from './stand.js'

const STAGES = [1_000_000, 10_000_000, 50_000_000]

interface Asked {
  stages: number[]
  rows: number
  rounds: number
}

function named(messages: number): string {
  return messages < 1e6 ? messages.toLocaleString('en-GB') : `${messages / 1e6} million`
}

async function stage(at: { empty: Stand; full: Stand; waiting: number }, { rows, rounds }: Asked): Promise<BenchRow[]> {
  const [empty, full]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    empty.push((await at.empty.run(rows)).perSecond)
    full.push((await at.full.run(rows)).perSecond)
  }
  const name = `end to end beside ${named(at.waiting)} queued`
  const ratioTo = `end to end, nothing queued (round of ${named(at.waiting)})`
  const ratio = median(full.map((value, round) => value / empty[round]!))
  return [
    { name: ratioTo, value: median(empty), unit: 'messages/s' },
    { name, value: median(full), unit: 'messages/s', ratioTo, ratio },
  ]
}

async function measure(asked: Asked): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  const empty = await Stand.open()
  const full = await Stand.open()
  try {
    let waiting = 0
    for (const messages of asked.stages) {
      const before = full.diskBytes()
      await full.fill(messages - waiting)
      const added = messages - waiting
      waiting = messages
      rows.push({
        name: `disk of a message that waits, up to ${named(messages)}`,
        value: (full.diskBytes() - before) / added,
        unit: 'octets',
      })
      rows.push(...(await stage({ empty, full, waiting }, asked)))
      const { answers, sends } = await full.restart()
      rows.push({ name: `start after kill -9 with ${named(messages)} queued: answers`, value: answers, unit: 's' })
      rows.push({ name: `start after kill -9 with ${named(messages)} queued: sends`, value: sends, unit: 's' })
    }
    rows.push({ name: 'memory in all of it (RssAnon + RssShmem)', value: full.bytesMax / 2 ** 20, unit: 'MiB' })
  } finally {
    await empty.close()
    await full.close()
  }
  return rows
}

export async function bench({ quick }: BenchOptions = {}): Promise<BenchRow[]> {
  if (quick) return await measure({ stages: [20_000], rows: 5_000, rounds: 1 })
  return await measure({ stages: STAGES, rows: 200_000, rounds: 3 })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const number = { type: 'string' } as const
  const { values } = parseArgs({ options: { most: number, rows: number, rounds: number } })
  const most = Number(values.most ?? STAGES.at(-1))
  const stages = STAGES.filter((messages) => messages <= most)
  const asked = {
    stages: stages.length > 0 ? stages : [most],
    rows: Number(values.rows ?? 200_000),
    rounds: Number(values.rounds ?? 3),
  }
  for (const { name, value, unit, ratio } of await measure(asked)) {
    console.log(
      `${name}: ${value.toPrecision(4)} ${unit}${ratio === undefined ? '' : `  ${ratio.toFixed(3)} × nothing queued`}`,
    )
  }
}
