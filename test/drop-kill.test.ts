/**
 * kill -9 of the engine at random moments while files are dropped, with engine and carrier as processes of their own: no
 * file is lost or sent twice. Files in = processed + error + still there, and every message of theirs came to the carrier,
 * again only where a submit was unanswered (reliability.md P1 to P3).
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { JobView, Page } from '../src/engine/contract/api.js'
import type { DropView } from '../src/engine/contract/drops.js'
import { type Rig, seed, startRig } from './acceptance-run.js'
import { clients } from './drop-support.js'

/** `node build/test/drop-kill.test.js SEED 50` for the longer run of the issue's proof. */
const KILLS = Number(process.argv[3] ?? 12)
const FILES = 3 * KILLS
const timeout = 60_000 * KILLS
t.setTimeout(timeout + 10_000)
const window = 20
/** window + unsettledCap, which is as window where it is not set. */
const repeatsPerKill = window + window
const random = new Random(seed)
const LOOK_MS = 25
const OWN = ['processed', 'error', '.trunkline']

/** What each file is: rows that are sent, a file that must be refused, or one that came before. */
interface Made {
  name: string
  content: string
  rows: number
  fails: boolean
}

function made(index: number): Made {
  const name = `file-${String(index).padStart(3, '0')}.csv`
  if (index % 10 === 9) return { name, content: 'mobile,name\n12,Nobody\n', rows: 0, fails: true }
  if (index % 25 === 24) return { name, content: `%PDF-1.7 ${index}\n`, rows: 0, fails: true }
  // Now and then one that is not read in one go, and whose first report comes after it was filed away.
  const rows = index % 30 === 5 ? 12_000 : 1 + (index % 20)
  return { name, content: clients(rows, index * 15_000), rows, fails: false }
}

class Folder {
  readonly #root: string
  constructor(root: string) {
    this.#root = root
  }
  path(...names: string[]): string {
    return path.join(this.#root, ...names)
  }
  put({ name, content }: Made): void {
    writeFileSync(this.path('.being-written'), content)
    renameSync(this.path('.being-written'), this.path(name))
  }
  names(area = ''): string[] {
    return existsSync(this.path(area)) ? readdirSync(this.path(area)).filter((name) => !OWN.includes(name)) : []
  }
  /** Dropped files, without what lies beside them. */
  files(area: string): string[] {
    return this.names(area)
      .filter((name) => /^file-\d+\.csv$/.test(name))
      .sort()
  }
}

async function drops(rig: Rig): Promise<DropView[]> {
  const items: DropView[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = cursor === '' ? '' : `&cursor=${cursor}`
    const page: Page<DropView> = await rig.client.get(`/v1/drops?limit=200${query}`)
    items.push(...page.items)
    cursor = page.nextCursor
  }
  return items
}

t.test(`${KILLS} kills while ${FILES} files are dropped; seed ${seed}`, { timeout }, async (t) => {
  const root = mkdtempSync(path.join(tmpdir(), 'trunkline-drops-'))
  t.teardown(async () => {
    rmSync(root, { recursive: true, force: true })
  })
  const rig = await startRig(t, {
    smsc: ['--window', String(window)],
    carrier: { window },
    config: { dropFolder: { root, settleMs: 100, scanMs: 500 } },
  })
  await rig.client.put('/v1/profiles/default', { from: 'ACME', text: 'Hi ~name~', columns: { to: 'mobile' } })
  const folder = new Folder(path.join(root, 'acme'))
  const files = Array.from({ length: FILES }, (_, index) => made(index))
  while (!existsSync(folder.path('error'))) await pause(LOOK_MS)

  let next = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const until = Math.ceil(((kill + 1) * FILES) / KILLS)
    while (next < until) folder.put(files[next++]!)
    // From while they settle to while their reports are written.
    await pause(random.below(kill % 5 === 4 ? 900 : 350))
    await rig.kill()
    await rig.start()
  }
  const all = await untilAllEnded(rig)
  const stats = await rig.smsc.stats()

  const sent = files.filter(({ fails }) => !fails).map(({ name }) => name)
  const refused = files.filter(({ fails }) => fails).map(({ name }) => name)
  t.strictSame(folder.names(), [], 'nothing is left in the folder')
  t.strictSame(folder.files('processed'), sent, 'every good file lies in processed/, under its name')
  t.strictSame(folder.files('error').sort(), refused.sort(), 'every bad one in error/')
  t.equal(folder.names('processed').length, 3 * sent.length, 'each with its report and summary, and nothing else')
  t.equal(folder.names('error').filter((name) => name.endsWith('.error.txt')).length, refused.length)
  t.strictSame(
    all.map(({ file }) => file).sort(),
    files.map(({ name }) => name),
    'one record a file',
  )
  const jobs = all.flatMap(({ job }) => (job === null ? [] : [job]))
  t.equal(new Set(jobs).size, jobs.length, 'no two of one job')
  const listed = await jobsOf(rig)
  t.strictSame(
    listed.filter((job) => !jobs.includes(job.id) && job.counts.accepted > 0),
    [],
    'and no job of no file',
  )
  const rows = files.reduce((sum, file) => sum + file.rows, 0)
  t.equal(stats.distinct, rows, 'every message came to the carrier')
  t.comment(`${rows} messages, ${stats.repeats} repeats, at most ${KILLS * repeatsPerKill}`)
  t.ok(stats.repeats <= KILLS * repeatsPerKill, `${stats.repeats} repeats`)
  for (const { file, state, accepted, delivered } of all) {
    const { rows: wanted, fails } = files.find(({ name }) => name === file)!
    const got = { state, accepted, delivered }
    t.strictSame(got, { state: fails ? 'failed' : 'done', accepted: wanted, delivered: wanted }, file)
  }
  t.equal(lines(folder, sent), rows, 'and stands in one report')
  t.strictSame(leftIn(folder.path('.trunkline')), [], 'no claim is left')
})

async function untilAllEnded(rig: Rig): Promise<DropView[]> {
  for (;;) {
    const all = await drops(rig)
    if (all.length === FILES && all.every(({ state }) => ['done', 'failed'].includes(state))) return all
    await pause(LOOK_MS * 4)
  }
}

async function jobsOf(rig: Rig): Promise<JobView[]> {
  const items: JobView[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Page<JobView> = await rig.client.get(`/v1/jobs?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`)
    items.push(...page.items)
    cursor = page.nextCursor
  }
  return items
}

function lines(folder: Folder, sent: string[]): number {
  return sent.reduce((sum, name) => {
    const report = readFileSync(folder.path('processed', `${name}.report.csv`), 'utf8')
    return sum + report.trimEnd().split('\n').length - 1
  }, 0)
}

/** Claims of whatever engine. */
function leftIn(own: string): string[] {
  return readdirSync(own).flatMap((owner) =>
    ['claimed', 'begun', 'out'].flatMap((stage) => {
      const at = path.join(own, owner, stage)
      return existsSync(at) ? readdirSync(at).map((name) => `${stage}/${name}`) : []
    }),
  )
}
