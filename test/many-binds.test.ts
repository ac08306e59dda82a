/** A hundred binds on one dispatcher, ten of them flapping: the others keep their rate. */
import t from 'tap'
import { startManyBinds } from './many-binds.js'

const RATE = 20
/** A busy machine can only take away, from either half of a round: one round that shows it is proof. */
const ROUNDS = 8

t.test('ten binds of a hundred that flap cost the others less than 5 % of their rate', async (t) => {
  const binds = await startManyBinds({ ratePerSecond: RATE, messages: 4_000 })
  t.teardown(() => binds.stop())
  let cuts = 0
  let best = 0
  let least = 0
  for (let round = 0; round < ROUNDS && (best < 0.95 || least < 0.8); round++) {
    const quiet = await binds.run(1, false)
    const flapping = await binds.run(1, true)
    t.comment(
      `${quiet.perSecond.toFixed(0)}/s, with flapping ${flapping.perSecond.toFixed(0)}/s, ${flapping.cuts} cuts`,
    )
    cuts += flapping.cuts
    best = Math.max(best, flapping.perSecond / quiet.perSecond)
    least = Math.max(least, flapping.leastPerSecond / (quiet.perSecond / 90))
  }
  t.ok(cuts >= 10, `${cuts} connections were cut`)
  t.ok(best >= 0.95, `${(100 * best).toFixed(1)} % of the rate without flapping`)
  t.ok(least >= 0.8, `the slowest of them: ${(100 * least).toFixed(1)} %`)
})
