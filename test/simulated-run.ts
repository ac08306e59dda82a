/** What the tests of the simulated core share: many seeds one after the other, and what to say when one breaks a promise. */
import type { Test } from 'tap'
import type { Mode } from '../proof/simulate/plan.js'
import { type RunResult, simulate } from '../proof/simulate/world.js'

/** Seeds of the file's own argument, for soaks; absent: as many as CI runs. */
export function seedsOf(perRun: number): number {
  return Number(process.argv[3] ?? perRun)
}

/** Each must keep every promise. Returns what they came to together. */
export async function runSeeds(t: Test, first: number, count: number, mode: Mode): Promise<{ submits: number }> {
  let submits = 0
  const broken: RunResult[] = []
  for (let seed = first; seed < first + count; seed++) {
    const result = await simulate(seed, mode)
    submits += result.submits
    if (result.violation !== null) broken.push(result)
  }
  for (const { seed, violation, last } of broken) {
    t.fail(`seed ${seed}: ${violation!.message}`, {
      layer: 'simulated core',
      repeat: `npm run simulate -- --seed ${seed} --mode ${mode}`,
      last,
    })
  }
  t.equal(broken.length, 0, `${count} seeds from ${first} in ${mode} mode keep every promise, ${submits} submits`)
  return { submits }
}
