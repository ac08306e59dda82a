/** How a carrier that throttles, or slows down, is treated: simulated carriers over simulated time. */
import t from 'tap'
import { AdaptiveRate } from '../src/engine/base/adaptive-rate.js'
import { LatencyWindow } from '../src/engine/base/latency-window.js'
import { Random } from '../src/engine/base/random.js'
import { seed } from './seed.js'

t.comment(`seed ${seed}`)

interface Simulated {
  rate: AdaptiveRate
  /** Answers "throttled" to the part that arrives now? */
  throttles(nowMs: number): boolean
  latencyMs: number
}

/** A sender that always has work and an answer for each part after the latency: one tick a millisecond. */
class Simulation {
  nowMs = 1_000
  sent = 0
  throttled = 0
  accepted = 0
  /** Times of all parts. */
  readonly stamps: number[] = []
  readonly #of: Simulated
  readonly #answers: { at: number; sentAt: number; isThrottled: boolean }[] = []

  constructor(of: Simulated) {
    this.#of = of
  }

  run(seconds: number): this {
    for (const endMs = this.nowMs + seconds * 1000; this.nowMs < endMs; this.nowMs++) this.#tick()
    return this
  }

  #tick(): void {
    const { rate, throttles, latencyMs } = this.#of
    const { nowMs } = this
    while (this.#answers.length > 0 && this.#answers[0]!.at <= nowMs) {
      const { sentAt, isThrottled } = this.#answers.shift()!
      rate.answered(isThrottled, sentAt, nowMs)
      if (isThrottled) this.throttled++
      else this.accepted++
    }
    rate.tick(nowMs)
    for (let room = Math.min(rate.available(nowMs), 50); room > 0; room--) {
      rate.take(1, nowMs)
      this.sent++
      this.stamps.push(nowMs)
      this.#answers.push({ at: nowMs + latencyMs, sentAt: nowMs, isThrottled: throttles(nowMs) })
    }
  }

  /** Counts anew from here. */
  mark(): this {
    this.sent = 0
    this.throttled = 0
    this.accepted = 0
    return this
  }
}

function mostInASecond(stamps: readonly number[]): number {
  let most = 0
  for (let from = 0, to = 0; to < stamps.length; to++) {
    while (stamps[to]! - stamps[from]! >= 1000) from++
    most = Math.max(most, to - from + 1)
  }
  return most
}

t.test(
  'after a storm of any share the rate is back at 95 % within 60 s, and never was above what is agreed',
  async (t) => {
    const random = new Random(seed)
    for (const agreed of [1, 10, 100, 500, 2_000]) {
      for (const share of [0.01, 0.2, 1]) {
        const latencyMs = 1 + random.below(400)
        const about = `${agreed}/s, ${share * 100} % throttled, ${latencyMs} ms`
        let isStorm = true
        const rate = new AdaptiveRate(agreed)
        const simulation = new Simulation({ rate, latencyMs, throttles: () => isStorm && random.next() < share })
        simulation.run(20 + random.below(20))
        if (share === 1)
          t.ok(rate.perSecond! <= Math.max(0.25 * agreed, 0.2), `${about}: it slows, to ${rate.perSecond}`)
        isStorm = false
        simulation.run(60)
        t.ok(rate.perSecond! >= 0.95 * agreed, `${about}: back at ${rate.perSecond}`)
        simulation.mark().run(10)
        t.ok(simulation.sent >= 0.95 * 0.98 * 10 * agreed - 1, `${about}: ${simulation.sent} in 10 s`)
        t.ok(mostInASecond(simulation.stamps) <= agreed, `${about}: never above the rate`)
      }
    }
  },
)

t.test('a carrier that takes less than is agreed is sent what it takes, with few refusals', async (t) => {
  for (const [takes, latencyMs] of [
    [50, 5],
    [90, 50],
    [20, 300],
  ] as const) {
    const rate = new AdaptiveRate(100)
    let second = -1
    let inSecond = 0
    const throttles = (nowMs: number): boolean => {
      if (Math.floor(nowMs / 1000) !== second) {
        second = Math.floor(nowMs / 1000)
        inSecond = 0
      }
      return ++inSecond > takes
    }
    const simulation = new Simulation({ rate, latencyMs, throttles }).run(30).mark().run(120)
    t.ok(simulation.accepted >= 0.85 * takes * 120, `${takes}/s: ${simulation.accepted} accepted in 120 s`)
    t.ok(
      simulation.throttled <= 0.1 * simulation.sent,
      `${takes}/s: ${simulation.throttled} of ${simulation.sent} throttled`,
    )
  }
})

t.test(
  'throttling that no cut lessens is borne: most of the rate stays, and a storm behind it still slows',
  async (t) => {
    const random = new Random(seed)
    for (const agreed of [10, 100, 1_000, null]) {
      for (const share of [0.05, 0.1, 0.2]) {
        const about = `${agreed}/s, ${share * 100} % throttled`
        let now = share
        const rate = new AdaptiveRate(agreed)
        const simulation = new Simulation({ rate, latencyMs: 20, throttles: () => random.next() < now })
        simulation
          .run(agreed === 10 ? 120 : 60)
          .mark()
          .run(20)
        // Without a limit the simulation sends 50 a millisecond.
        const all = 20 * (agreed ?? 1_000)
        t.ok(simulation.sent >= (agreed === 10 ? 0.3 : 0.5) * all, `${about}: ${simulation.sent} of ${all} sent`)
        now = 1
        simulation.run(30)
        t.ok(rate.perSecond! <= Math.max(5, 0.05 * (agreed ?? 0)), `${about}: then ${rate.perSecond}`)
      }
    }
  },
)

t.test('without an agreed rate the limit begins at what was accepted, and is lifted after the storm', async (t) => {
  const rate = new AdaptiveRate(null)
  let isStorm = false
  let n = 0
  const simulation = new Simulation({ rate, latencyMs: 20, throttles: () => isStorm && ++n % 2 === 0 })
  t.equal(rate.perSecond, null)
  simulation.run(3)
  isStorm = true
  simulation.run(2)
  t.ok(rate.perSecond !== null && rate.perSecond < 50_000, `limited to ${rate.perSecond}`)
  isStorm = false
  simulation.run(60)
  t.equal(rate.perSecond, null)
})

t.test('a limit for a time holds while it is set; an operator restores everything at once', async (t) => {
  const rate = new AdaptiveRate(100)
  rate.setCeiling(10)
  let isStorm = false
  const simulation = new Simulation({ rate, latencyMs: 1, throttles: () => isStorm }).run(20)
  t.ok(simulation.sent <= 200 && simulation.sent >= 180, String(simulation.sent))
  rate.setCeiling(null)
  t.equal(rate.perSecond, 100)
  isStorm = true
  simulation.run(20)
  t.ok(rate.isSlowed && rate.perSecond! < 5)
  rate.restore()
  t.equal(rate.perSecond, 100)
  rate.setAgreed(40)
  t.equal(rate.perSecond, 40)
  t.equal(rate.agreed, 40)
})

/** A closed loop over a carrier that serves `perSecond` in order, each after `latencyMs`; what is in flight stays. */
class Loop {
  readonly window: LatencyWindow
  nowMs = 0
  #freeAt = 0
  readonly #inFlight: { sentAt: number; answerAt: number }[] = []

  constructor(window: LatencyWindow) {
    this.window = window
  }

  /** Answers in the time. */
  run(carrier: { perSecond: number; latencyMs: number }, seconds: number): number {
    let served = 0
    for (const endMs = this.nowMs + seconds * 1000; this.nowMs < endMs; this.nowMs++) {
      const { nowMs, window } = this
      while (this.#inFlight.length > 0 && this.#inFlight[0]!.answerAt <= nowMs) {
        window.answered(this.#inFlight.shift()!.sentAt, nowMs)
        served++
      }
      window.tick(nowMs)
      while (this.#inFlight.length < window.now) {
        this.#freeAt = Math.max(this.#freeAt, nowMs) + 1000 / carrier.perSecond
        this.#inFlight.push({ sentAt: nowMs, answerAt: this.#freeAt + carrier.latencyMs })
      }
    }
    return served
  }
}

t.test('at constant latency the whole window is used', async (t) => {
  for (const latencyMs of [50, 300, 2_000]) {
    for (const size of [1, 10, 100, 1_000]) {
      const loop = new Loop(new LatencyWindow(size, true))
      const served = loop.run({ perSecond: 1e6, latencyMs }, 20)
      t.equal(loop.window.now, size, `${size} at ${latencyMs} ms`)
      t.ok(
        served >= 0.95 * (size / latencyMs) * (20_000 - latencyMs) - 2 * size,
        `${served} of ${size} at ${latencyMs} ms`,
      )
    }
  }
})

t.test(
  'a carrier that slows down gets less at once and is served no slower; when it recovers the window is whole',
  async (t) => {
    const loop = new Loop(new LatencyWindow(100, true))
    loop.run({ perSecond: 10_000, latencyMs: 50 }, 10)
    t.equal(loop.window.now, 100)
    const served = loop.run({ perSecond: 20, latencyMs: 50 }, 60)
    t.ok(loop.window.now <= 25, `window ${loop.window.now}`)
    t.ok(served >= 0.9 * 20 * 60, `${served} served`)
    loop.run({ perSecond: 10_000, latencyMs: 50 }, 20)
    t.equal(loop.window.now, 100)
  },
)

t.test('a latency that no smaller window mends becomes the measure', async (t) => {
  const loop = new Loop(new LatencyWindow(100, true))
  loop.run({ perSecond: 1e6, latencyMs: 50 }, 5)
  const served = loop.run({ perSecond: 1e6, latencyMs: 2_000 }, 60)
  t.equal(loop.window.now, 100)
  t.ok(served >= 0.9 * 50 * 60 - 200, `${served} served`)
})

t.test('switched off the window is what it is, and a resized one follows', async (t) => {
  const window = new LatencyWindow(100, false)
  const loop = new Loop(window)
  loop.run({ perSecond: 20, latencyMs: 50 }, 30)
  t.equal(window.now, 100)
  window.resize(40)
  t.equal(window.now, 40)
  window.switchTo(true)
  loop.run({ perSecond: 10_000, latencyMs: 50 }, 20)
  loop.run({ perSecond: 5, latencyMs: 50 }, 120)
  t.ok(window.now < 40)
  window.switchTo(false)
  t.equal(window.now, 40)
})
