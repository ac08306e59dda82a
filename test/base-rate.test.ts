/** The rate limiter: never above R in any second, nearly R under load, whatever the rhythm of the ticks. */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { RateLimiter } from '../src/engine/base/rate.js'
import { SenderRates } from '../src/smpp/sender-rates.js'
import { seed } from './seed.js'

const random = new Random(seed)
t.comment(`seed ${seed}`)

/** Stamps (ms) of all parts sent in `seconds` by a sender that always has work and ticks after `gapMs()`. */
function run(limiter: RateLimiter, seconds: number, gapMs: () => number, startMs = 1000 * random.next()): number[] {
  const stamps: number[] = []
  for (let now = startMs; now < startMs + seconds * 1000; now += gapMs()) {
    const room = limiter.available(now)
    const n = Math.min(room, 1 + random.below(room + 1))
    for (let taken = 0; taken < room; taken += n) {
      const count = Math.min(n, room - taken)
      limiter.take(count, now)
      for (let k = 0; k < count; k++) stamps.push(now)
    }
  }
  return stamps
}

function mostInAnySecond(stamps: number[]): number {
  let most = 0
  let first = 0
  for (let last = 0; last < stamps.length; last++) {
    while (stamps[last]! - stamps[first]! > 1000) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

const rhythms: Record<string, () => number> = {
  'every millisecond': () => 1,
  'as timers come': () => 1 + random.next() * 3,
  'with pauses': () => (random.next() < 0.0005 ? 10 + random.next() * 40 : 0.2 + random.next() * 2),
}

for (const [name, gapMs] of Object.entries(rhythms)) {
  t.test(`ticks ${name}: never above R in any second, nearly R on average`, async (t) => {
    for (const perSecond of [1, 2, 10, 50, 200, 999, 5_000, 60_000]) {
      const seconds = perSecond < 10 ? 60 : 20
      const stamps = run(new RateLimiter(perSecond), seconds, gapMs)
      const most = mostInAnySecond(stamps)
      t.ok(most <= perSecond, `${perSecond}/s: most in a second ${most}`)
      const average = (stamps.length - 1) / ((stamps.at(-1)! - stamps[0]!) / 1000)
      // The pace is 0.9915 R; a pause right before the end is not made good any more.
      t.ok(average >= 0.99 * perSecond, `${perSecond}/s: average ${average.toFixed(3)}`)
    }
  })
}

t.test('a loop that stalls for 20 to 100 ms once a second still reaches 0.98 R over a minute', async (t) => {
  for (const perSecond of [50, 200, 5_000]) {
    const rhythm = () => (random.next() < 0.002 ? 20 + random.next() * 80 : 1 + random.next() * 2)
    const stamps = run(new RateLimiter(perSecond), 60, rhythm)
    t.ok(mostInAnySecond(stamps) <= perSecond)
    const average = (stamps.length - 1) / ((stamps.at(-1)! - stamps[0]!) / 1000)
    t.ok(average >= 0.98 * perSecond, `${perSecond}/s: average ${average.toFixed(2)}`)
  }
})

t.test('a fraction of a part per second is kept too', async (t) => {
  const slow = run(new RateLimiter(0.5), 100, () => 1 + random.next())
  t.ok(slow.length >= 49 && slow.length <= 51, `${slow.length} in 100 s at 0.5/s`)
  t.ok(slow.every((stamp, n) => n === 0 || stamp - slow[n - 1]! >= 1980))
  const uneven = run(new RateLimiter(2.5), 100, () => 1)
  t.ok(uneven.length >= 247 && uneven.length <= 252, `${uneven.length} in 100 s at 2.5/s`)
  t.ok(mostInAnySecond(uneven) <= 3)
})

t.test('after idle time, a block of the loop or a change of rate no burst follows', async (t) => {
  const limiter = new RateLimiter(200)
  const stamps = run(limiter, 2, () => 1, 5_000)
  stamps.push(...run(limiter, 2, () => 1, 60_000))
  stamps.push(...run(limiter, 2, () => 1, 67_000))
  t.ok(mostInAnySecond(stamps) <= 200)
  t.ok(stamps.filter((stamp) => stamp >= 60_000 && stamp < 60_005).length <= 5)
  limiter.set(100)
  const slower = run(limiter, 3, () => 1, 69_000)
  t.ok(mostInAnySecond(slower) <= 100)
  t.ok(mostInAnySecond([...stamps, ...slower]) <= 200)
})

t.test('nextMs says when the next part may leave', async (t) => {
  const limiter = new RateLimiter(50)
  let now = 100.25
  for (let n = 0; n < 500; n++) {
    const waitMs = limiter.nextMs(now)
    if (waitMs > 0) {
      t.equal(limiter.available(now), 0) || t.bailout('available before nextMs')
      now += waitMs + 1e-6
    }
    t.ok(limiter.available(now) > 0) || t.bailout('not available after nextMs')
    limiter.take(1, now)
  }
})

t.test('what a sender may send soon is known ahead, and is never more than it then sends', async (t) => {
  const rates = new SenderRates(20)
  t.equal(rates.within('A', 1_000, 250), 6, 'one now and one each 50 ms')
  t.equal(rates.waitMs('A', 1_000), 0)
  rates.take('A', 1_000)
  t.equal(rates.within('A', 1_000, 0), 0)
  t.equal(rates.within('A', 1_000, 250), 4)
  t.ok(rates.waitMs('A', 1_000) > 40)
  t.equal(rates.within('B', 1_000, 250), 6, 'each sender for itself')
  const off = new SenderRates(null)
  t.equal(off.within('A', 1_000, 0), Number.POSITIVE_INFINITY)
  t.equal(off.waitMs('A', 1_000), 0)
})
