/** Each check of the simulated core finds the rule that is broken for it: a check that cannot fail proves nothing. */
import t from 'tap'
import { BREAKAGES, type Breakage } from '../proof/simulate/breakages.js'
import type { Plan } from '../proof/simulate/plan.js'
import { type RunResult, simulate } from '../proof/simulate/world.js'

const SEEDS = 60

/** A busy run in which each promise is put to the test: short commits would hide what is not durable. */
function busy(plan: Plan, { quickens = false, freesSlotsEarly = false }: Breakage): void {
  plan.commitMs = freesSlotsEarly ? 300 : 30
  for (const carrier of plan.carriers) {
    carrier.rate = quickens ? 40 : 500
    carrier.window = 5
    carrier.cap = 5
    carrier.latencyMs = 0.2
    carrier.beatMs = 1
    Object.assign(carrier.habits, { bindRefused: 0, bindSilent: 0, throttled: 0, earlyReceipt: 0.5 })
  }
  for (const job of plan.jobs) Object.assign(job, { appendedAtMs: 0, sendAfterMs: 0, rows: Math.max(job.rows, 60) })
  plan.jobs[0]!.partsMax = 1
  plan.jobs[0]!.rate = 20
}

for (const [name, breakage] of Object.entries(BREAKAGES)) {
  t.test(`${name}: found as ${breakage.invariants.join(', ')}`, async (t) => {
    const change = (plan: Plan): void => busy(plan, breakage)
    let found: RunResult | null = null
    for (let seed = 1; seed <= SEEDS && found === null; seed++) {
      for (const mode of ['liveness', 'safety'] as const) {
        if (found !== null) break
        const result = await simulate(seed, mode, { breakage, change })
        if (breakage.invariants.includes(result.violation?.invariant ?? '')) found = result
      }
    }
    t.ok(found !== null, `found within ${SEEDS} seeds`)
    if (found === null) return
    t.comment(`seed ${found.seed}, ${found.mode}: ${found.violation?.message}`)
    const whole = await simulate(found.seed, found.mode, { change })
    t.equal(whole.violation, null, 'and the same seed is well where the rule is kept')
  })
}
