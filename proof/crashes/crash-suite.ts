/** One group of crash points as a test: every point at its first passage and at later ones, then all ledgers are held together. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { Random } from '../../src/engine/base/random.js'
import { CRASH_GROUPS } from './crash-groups.js'
import { casesOf } from './crash-plan.js'
import { crash, reconcile } from './crash-run.js'

/** argv: seed, later passages of each point (default that of the file; 24 for a soak), and a pattern of point names. */
const [seed = 20_261_122, asked] = process.argv.slice(2, 4).map(Number)
const word = process.argv[4] ?? ''
/** Below tap's own limit for a file; who runs it by hand ends it by hand. */
const timeout = process.argv[3] === undefined ? 580_000 : 24 * 3_600_000

/** Groups whose messages are not all among those that the stand knows, or are no texts. */
const OTHER_MONEY = new Set(['channels', 'forgetting'])

/** `later`: how often each point is crossed again behind its first passage, unless argv says so. */
export function crashSuite(name: keyof typeof CRASH_GROUPS, later = 1): void {
  const again = asked ?? later
  t.setTimeout(timeout)
  t.test(`crash points, ${name}; seed ${seed}`, { timeout }, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-crash-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const { stand, reaches, close } = await CRASH_GROUPS[name](folder)
    t.teardown(close)
    t.comment(`commit ${commit()}; again: node build/test/fault-crash-${name}.test.js ${seed} ${again} ${word}`)
    const cases = casesOf(reaches, new Random(seed), again).filter(({ point }) => new RegExp(word).test(point))
    for (const one of cases) {
      await crash(stand, one)
      t.pass(`died at passage ${one.passage} of ${one.point}`)
    }
    const workloads = cases.map(({ workload }) => workload)
    const problems = await reconcile(stand, workloads, !OTHER_MONEY.has(name))
    t.strictSame(problems, [], `${stand.crashes} crashes, ${stand.messages.count} text messages`)
  })
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return 'unknown'
  }
}
