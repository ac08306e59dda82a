/**
 * Stores from which people were erased, and which are written anew: by the command, killed at every step of every store, and
 * by the start that finds what it has left. Whole after each kill, and in the end without copies and without those people.
 */
import assert from 'node:assert'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ENVIRONMENTS } from '../../../src/engine/backup/instant.js'
import type { CrashPointName } from '../../../src/engine/base/crash-points.js'
import { isErasedMarked, markErased } from '../../../src/engine/privacy/compaction.js'
import { verifyDirectory } from '../../../src/engine/verify/verify-directory.js'
import { run } from '../../../test/cli-run.js'
import { tracesOf } from '../../../test/raw-traces.js'
import type { CrashStand } from '../crash-stand.js'
import type { Workload } from '../workload.js'
import { ErasedPeople } from './erased-people.js'

const LOOK_MS = 10
const PEOPLE = 2
/** A passage for each of the three stores. */
const MOMENTS: readonly [CrashPointName, number][] = [
  ...ENVIRONMENTS.flatMap((_, store): [CrashPointName, number][] => [
    ['compaction-copied', store + 1],
    ['compaction-synced', store + 1],
    ['compaction-renamed', store + 1],
  ]),
  ['compaction-ended', 1],
]
/** Of the command before each start: all moments have come after four. */
const KILLS = 3

export class CompactedStores implements Workload {
  readonly #stand: CrashStand
  readonly #people: ErasedPeople
  #kills = 0

  constructor(stand: CrashStand) {
    this.#stand = stand
    this.#people = new ErasedPeople(stand)
  }

  async before(): Promise<void> {
    if (this.#kills === 0) await this.#erased()
    markErased(this.#stand.engine.dataDir)
    for (let kill = 0; kill < KILLS; kill++) await this.#killed(...MOMENTS[this.#kills++ % MOMENTS.length]!)
  }

  /** Those who are, and others who are not, in an engine that lives. */
  async #erased(): Promise<void> {
    await this.#stand.engine.start()
    for (let person = 0; person < PEOPLE; person++) await this.#people.step()
    await this.#stand.engine.stop()
  }

  async #killed(point: CrashPointName, passage: number): Promise<void> {
    const { engine } = this.#stand
    const spec = `${point}:${passage}`
    const { code, stderr } = await run(['compact', '--config', engine.configFile], { env: { CRASH_AT: spec } })
    assert(code === null && stderr.endsWith(`crash point ${point}\n`), `compact, ${spec}: ${code}, ${stderr}`)
    assert(isErasedMarked(engine.dataDir), `compact, ${spec}: the next start does not know that it has to go on`)
    const { ok, findings } = await verifyDirectory(engine.dataDir, () => {})
    assert(ok, `compact, ${spec}: ${JSON.stringify(findings)}`)
  }

  async step(): Promise<void> {
    await pause(LOOK_MS)
  }

  async settle(): Promise<void> {}

  async check(): Promise<string[]> {
    const { dataDir } = this.#stand.engine
    const problems = await this.#people.check()
    if (isErasedMarked(dataDir)) problems.push('the stores were not written anew to the end')
    for (const name of ENVIRONMENTS) {
      if (existsSync(path.join(dataDir, name, 'compacted'))) problems.push(`a copy of ${name} is left`)
    }
    const needles = this.#people.numbers.map((number) => [number, Buffer.from(number.slice(1))])
    assert(needles.length === PEOPLE)
    return [...problems, ...tracesOf(dataDir, Object.fromEntries(needles))]
  }
}
