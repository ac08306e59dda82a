/** What ten flapping binds of a hundred cost the other ninety: rates of the ninety, quiet and beside the flapping, in turn. */
import { startManyBinds } from '../test/many-binds.js'
import { type BenchOptions, type BenchRow, median, roundsOf } from './bench.js'

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  const seconds = options.quick ? 0.5 : 5
  const binds = await startManyBinds({ ratePerSecond: 20, messages: options.quick ? 500 : 2_000 })
  const quiet: number[] = []
  const beside: number[] = []
  const least: number[] = []
  for (let round = 0; round < roundsOf(options); round++) {
    quiet.push((await binds.run(seconds, false)).perSecond)
    const flapping = await binds.run(seconds, true)
    beside.push(flapping.perSecond)
    least.push(flapping.leastPerSecond)
  }
  await binds.stop()
  const name = '90 binds of 20/s'
  return [
    { name, value: median(quiet), unit: 'parts/s' },
    {
      name: `${name}, 10 others flapping`,
      value: median(beside),
      unit: 'parts/s',
      ratioTo: name,
      ratio: median(beside) / median(quiet),
    },
    { name: 'the slowest of them', value: median(least), unit: 'parts/s' },
  ]
}
