/**
 * Positive controls, second half: builds with one rule broken each that the project's own tests must notice; and what a
 * control is not allowed to be: one that fits the sources no more, or that no check notices (reliability.md, harness design).
 */
import t from 'tap'
import { brokenBuild } from '../proof/controls/broken-build.js'
import type { Control } from '../proof/controls/control.js'
import { controls } from '../proof/controls/list.js'
import { ControlRuns } from '../proof/controls/run-control.js'

t.setTimeout(580_000)
t.jobs = 2

const runs = new ControlRuns()
const ofTests = controls.filter(({ check }) => check.only !== undefined)

for (const control of ofTests) {
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

t.test('each promise has a control, and there are ten or more', async (t) => {
  const promises = new Set(controls.map(({ promise }) => promise))
  for (let n = 1; n <= 11; n++) t.ok(promises.has(`P${n}`), `P${n}`)
  t.ok(controls.length >= 10)
  t.equal(new Set(controls.map(({ name }) => name)).size, controls.length)
})

t.test('a control that does not fit the sources any more says so', async (t) => {
  const gone = { file: 'engine/base/rate', before: 'const NO_SUCH_RULE = 1', after: '' }
  t.throws(() => brokenBuild([gone]), { message: /has 0 times, and must have once/ })
  const twice = { file: 'engine/base/rate', before: 'this.#sum', after: '' }
  t.throws(() => brokenBuild([twice]), { message: /and must have once/ })
  // Without semicolons it would be a call of what the line before ends with.
  const call = { file: 'engine/base/rate', before: 'const BURST_MS = 5', after: '(() => 5)()' }
  t.throws(() => brokenBuild([call]), { message: /goes on with it/ })
})

t.test('a control that breaks nothing is reported, not passed over', async (t) => {
  const [sound] = ofTests.filter(({ name }) => name === 'checksum-unread') as [Control]
  const same = { file: 'engine/base/rate', before: 'const BURST_MS = 5', after: 'const BURST_MS = 5' }
  const { problem } = await runs.verdict({ ...sound, patches: [same] })
  t.match(problem, /the check did not notice/)
})
