/**
 * For the tests of random kills (reliability.md F1): two engines side by side, each with carriers, sink and client of its
 * own, each killed again and again; what the checker of the torture says in the end. argv[3]: kills of each file.
 */
import t from 'tap'
import { type KillRunOptions, type KillRunResult, runKills } from '../proof/torture/kill-run.js'
import { seed } from './seed.js'

/** Of one file; six files make the 200 of a run of the tests. */
const KILLS = Number(process.argv[3] ?? 34)
const STANDS = 2
/** A quiet machine takes a quarter of it; a soak has as long as it wants. */
const TIMEOUT_MS = 580_000 + 10_000 * Math.max(0, KILLS - 34)

const LEFT_OPEN_MS = 20_000

export interface KillTest extends Pick<KillRunOptions, 'troubles' | 'driver' | 'carriers'> {
  /** What is special about it, for the names of its tests. */
  name: string
  /** Added to the seed: no two files repeat each other. */
  offset: number
}

export function killTest({ name, offset, ...options }: KillTest): void {
  t.setTimeout(TIMEOUT_MS)
  t.teardown(leaveSoon)
  t.jobs = STANDS
  for (let n = 0; n < STANDS; n++) {
    const own = seed + offset + n
    const kills = Math.ceil(KILLS / STANDS)
    t.test(`${kills} kills ${name}; seed ${own}`, { timeout: TIMEOUT_MS }, async (t) => {
      const result = await runKills({ ...options, seed: own, kills })
      t.comment(wordsOf(result))
      t.same(result.violations.slice(0, 20), [], violationsOf(result))
      t.ok(result.kills >= kills, `${result.kills} kills`)
      t.ok(result.accepted > 0, `${result.accepted} messages were accepted meanwhile`)
    })
  }
}

/** What is left open by a stand keeps no file waiting that has its results; it says what it was. */
function leaveSoon(): void {
  const leave = (): void => {
    console.error('left open by the stands:', process.getActiveResourcesInfo())
    process.exit()
  }
  setTimeout(leave, LEFT_OPEN_MS).unref()
}

/** The first ones stand in the name of the assertion: it is what a summary of a run shows. */
function violationsOf({ violations }: KillRunResult): string {
  const first = violations.slice(0, 3).map(({ invariant, id, detail }) => `${invariant} ${id} ${detail}`.slice(0, 300))
  return [`${violations.length} violations`, ...first].join('; ')
}

function wordsOf({ kills, early, overlapping, troubles, accepted, repeatedRequests, report }: KillRunResult): string {
  const during = `${early} of them during a start, ${overlapping} beside one of ${troubles} other faults`
  const sent = `${report?.submits} parts submitted, ${report?.repeated} of them again, ${report?.receipts} receipts`
  return `${kills} kills, ${during}; ${accepted} messages, ${repeatedRequests} requests repeated; ${sent}`
}
