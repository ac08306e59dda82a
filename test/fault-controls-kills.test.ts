/**
 * Positive controls, first half: of builds with one rule broken each, those that a kill or the power shows. Each check passes
 * on the sound build and finds what is broken (reliability.md, harness design).
 */
import t from 'tap'
import { controls } from '../proof/controls/list.js'
import { ControlRuns } from '../proof/controls/run-control.js'

t.setTimeout(580_000)
t.jobs = 2

const runs = new ControlRuns()
const ofScenarios = controls.filter(({ check }) => check.only === undefined)

for (const control of ofScenarios) {
  t.test(
    `${control.promise} ${control.name}: it is noticed when ${control.breaks}`,
    { timeout: 580_000 },
    async (t) => {
      const { problem, found, seconds } = await runs.verdict(control)
      t.equal(problem, null)
      t.comment(`${found[0]} (${seconds.toFixed(1)} s)`)
    },
  )
}
