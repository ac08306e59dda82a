/**
 * Every pitfall of csv.md as a file that is dropped into an account's folder: what is read of it is what its golden result
 * says, and the file, its bad rows and what to do lie where an office user looks.
 */
import { existsSync, readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import t, { type Test } from 'tap'
import type { DropView } from '../src/engine/contract/drops.js'
import type { JobSettings } from '../src/engine/contract/job.js'
import { built } from './csv-builders.js'
import { type DropStand, principalOf, startDrops } from './drop-support.js'

t.setTimeout(580_000)

const FOLDER = 'test/fixtures/csv'
const PITFALLS = 32

interface Golden {
  settings: JobSettings
  account?: 'nowhere' | 'paris'
  refused?: { code: string }
  counts: Record<string, number>
  rejects: [number, string, string][]
  rejectedByReason?: Record<string, number>
}
interface Pitfall {
  line: number
  cases: { fixture?: string; golden?: string; promise?: string }[]
}
/** A file of its own account, whose default profile has the settings. */
interface Dropped {
  line: number
  account: string
  file: string
  bytes: Buffer
  golden: Golden
}

const manifest = JSON.parse(readFileSync('test/fixtures/csv.json', 'utf8')) as Pitfall[]
const accounts = {
  acme: { defaultCountry: 'GB' },
  nowhere: {},
  paris: { defaultCountry: 'GB', timeZone: 'Europe/Paris' },
}

function cases(): Dropped[] {
  const dropped: Dropped[] = []
  for (const { line, cases } of manifest) {
    for (const { fixture, golden } of cases) {
      if (fixture === undefined || golden === undefined) continue
      const name = fixture.startsWith('built: ') ? `${fixture.slice(7)}.csv` : fixture
      const bytes = fixture.startsWith('built: ') ? built(fixture.slice(7)) : readFileSync(`${FOLDER}/${fixture}`)
      const wanted = JSON.parse(readFileSync(`${FOLDER}/${golden}`, 'utf8')) as Golden
      dropped.push({ line, account: `a${dropped.length}`, file: name, bytes, golden: wanted })
    }
  }
  return dropped
}

async function prepare(stand: DropStand, { account, golden }: Dropped): Promise<void> {
  await stand.engine.createAccount(account, accounts[golden.account ?? 'acme'])
  await stand.engine.profiles.put(principalOf(account), 'default', golden.settings)
}

/** Once it lies where it stays. */
function filed(stand: DropStand, { account, file }: Pick<Dropped, 'account' | 'file'>): Promise<DropView> {
  return stand.until(() =>
    stand.drops(principalOf(account)).find((drop) => drop.file === file && drop.storedAs !== null),
  )
}

t.test('every pitfall of the table, dropped, becomes what its golden result says', async (t) => {
  const stand = await startDrops(t, { drop: { filesAtOnce: 16 } })
  const all = cases()
  await Promise.all(all.map((one) => prepare(stand, one)))
  await stand.until(() => all.every(({ account }) => existsSync(stand.path(account, 'processed'))))
  for (const { account, file, bytes } of all) stand.put(account, file, bytes)
  for (const one of all) {
    await t.test(`${one.line} ${one.file}`, async (t) => {
      const drop = await filed(stand, one)
      if (one.golden.refused !== undefined) isRefused(t, stand, { ...one, drop })
      else isProcessed(t, stand, { ...one, drop })
      t.strictSame(stand.names(one.account), [], 'nothing is left in the folder')
    })
  }
  const covered = new Set(all.map(({ line }) => line))
  t.equal(manifest.length, PITFALLS)
  t.strictSame(
    manifest.map(({ line }) => line).filter((line) => !covered.has(line)),
    [24],
    'which is no matter of one file, and comes next',
  )
})

t.test(
  '24 the same file again is refused with the first job; a changed one of the same name is another file',
  async (t) => {
    const stand = await startDrops(t)
    const rows = 'mobile,name\n+447712345101,Ann\n'
    stand.put('acme', 'list.csv', rows)
    const first = await filed(stand, { account: 'acme', file: 'list.csv' })
    t.match(first, { storedAs: 'processed/list.csv', accepted: 1 })
    stand.put('acme', 'again.csv', rows)
    const again = await filed(stand, { account: 'acme', file: 'again.csv' })
    t.match(again, { state: 'failed', storedAs: 'error/again.csv', error: { code: 'DROPPED_BEFORE' } })
    t.match(`${again.error!.detail} ${stand.read('acme', 'error', 'again.csv.error.txt')}`, first.job!)
    stand.put('acme', 'list.csv', `${rows}+447712345102,Bob\n`)
    const changed = await stand.until(() =>
      stand.drops().find(({ file, storedAs, id }) => file === 'list.csv' && storedAs !== null && id !== first.id),
    )
    t.match(changed, { rows: 2, accepted: 2, error: null })
    t.match(changed.storedAs, /^processed\/list.+\.csv$|^processed\/list\.csv.+$/, 'under a name of its own')
    t.equal(stand.read('acme', 'processed', 'list.csv'), rows, 'and the first stays as it was')
  },
)

function isRefused(t: Test, stand: DropStand, { account, file, golden, drop }: Dropped & { drop: DropView }): void {
  t.match(drop, { state: 'failed', storedAs: `error/${file}`, accepted: 0, error: { code: golden.refused!.code } })
  t.match(stand.read(account, 'error', `${file}.error.txt`), /\S{3}/, 'and says what to do')
  t.strictSame(stand.names(account, 'processed'), [])
}

function isProcessed(t: Test, stand: DropStand, { account, file, golden, drop }: Dropped & { drop: DropView }): void {
  const { rows, accepted, rejected, duplicate, suppressed } = golden.counts
  t.match(drop, { rows, accepted, rejected, duplicate, suppressed }, 'counts')
  const byReason: Record<string, number> = {}
  for (const [, , code] of golden.rejects) byReason[code] = (byReason[code] ?? 0) + 1
  t.same(drop.rejectedByReason, golden.rejectedByReason ?? byReason, 'reasons')
  const area = accepted === 0 ? 'error' : 'processed'
  t.equal(drop.storedAs, `${area}/${file}`)
  if (area === 'error') t.match(drop.error, { code: 'NOTHING_ACCEPTED' })
  if (golden.rejects.length === 0) {
    t.notOk(stand.names(account, area).includes(`${file}.rejects.csv`), 'no bad rows, no file of them')
    return
  }
  const [header, ...rejects] = parse(stand.read(account, area, `${file}.rejects.csv`), { bom: true }) as string[][]
  t.same(header, ['line', 'column', 'code', 'reason', 'record'])
  t.same(
    rejects.map(([line, column, code]) => [Number(line), column, code]),
    golden.rejects,
    'the bad rows lie beside it',
  )
}
