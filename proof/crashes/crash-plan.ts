/** Which workload surely reaches which crash point, in what order, and how late a passage may be. */

import type { CrashPointName } from '../../src/engine/base/crash-points.js'
import type { Random } from '../../src/engine/base/random.js'
import type { CrashCase } from './crash-run.js'
import type { Workload } from './workload.js'

/**
 * Points that one workload reaches: name → the latest passage that it surely comes to in some seconds; 1: it is passed once
 * in the life of a process.
 */
export interface Reach {
  workload: Workload
  points: Partial<Record<CrashPointName, number>>
}

/** Each point at its first passage, and `later` times at one drawn from those behind it. */
export function casesOf(reaches: readonly Reach[], random: Random, later: number): CrashCase[] {
  const cases: CrashCase[] = []
  for (const { workload, points } of reaches) {
    for (const [name, latest] of Object.entries(points)) {
      const point = name as CrashPointName
      cases.push({ point, passage: 1, workload })
      // What is passed once in a life has no later passage: a soak comes to it again in another life.
      for (let n = latest === 1 ? 1 : 0; n < later; n++) {
        cases.push({ point, passage: latest === 1 ? 1 : 2 + random.below(latest - 1), workload })
      }
    }
  }
  return cases
}
