/** The drop folder over the real engine, store and a simulated carrier: files in, messages out, files away. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { Claims } from '../src/drop/folder/claims.js'
import { Settling } from '../src/drop/folder/settling.js'
import { WatchedFolders } from '../src/drop/folder/watched-folders.js'
import { silentLog } from '../src/engine/contract/log.js'
import { ADMIN, clients, type DropStand, principalOf, SETTLE_MS, saveDefault, startDrops } from './drop-support.js'

const timeout = 580_000
t.setTimeout(200_000)

function beside(name: string): string[] {
  return [name, `${name}.report.csv`, `${name}.summary.txt`]
}

async function ready(stand: DropStand, account: string): Promise<void> {
  await stand.until(() => existsSync(stand.path(account, 'processed')) && existsSync(stand.path(account, 'error')))
}

t.test(
  'a dropped file is sent, and lies in processed/ with a summary, its bad rows and the report',
  { timeout },
  async (t) => {
    const stand = await startDrops(t)
    await ready(stand, 'acme')
    stand.put('acme', 'clients.csv', `${clients(5)}12,Nobody\n+447710000001,Twice\n`)
    const drop = await stand.drop('clients.csv')
    t.match(drop, {
      ...{
        state: 'done',
        account: 'acme',
        profile: 'default',
        storedAs: 'processed/clients.csv',
        jobState: 'finished',
      },
      ...{ rows: 7, accepted: 5, rejected: 1, duplicate: 1, sent: 5, delivered: 5, error: null },
      rejectedByReason: { INVALID_NUMBER: 1, DUPLICATE: 1 },
    })
    t.strictSame(stand.names('acme'), [], 'it is taken out of the folder')
    t.strictSame(stand.names('acme', 'error'), [])
    const names = ['clients.csv', 'clients.csv.rejects.csv', 'clients.csv.report.csv', 'clients.csv.summary.txt']
    t.strictSame(stand.names('acme', 'processed'), names)
    t.match(stand.read('acme', 'processed', 'clients.csv.rejects.csv'), /INVALID_NUMBER[\s\S]*DUPLICATE/)
    t.equal(stand.read('acme', 'processed', 'clients.csv.report.csv').match(/delivered/g)?.length, 5)
    const summary = stand.read('acme', 'processed', 'clients.csv.summary.txt')
    t.match(summary, /accepted +5\r\n[\s\S]*handed to a carrier +5\r\n +delivered +5\r\n/)
    t.match(summary, /All its messages have ended/)
    t.equal(stand.smsc.stats().distinct, 5)
  },
)

t.test(
  'the report lies in processed/ before any message has ended, and is written anew at the end',
  { timeout },
  async (t) => {
    const stand = await startDrops(t)
    await ready(stand, 'acme')
    const settings = { from: 'ACME', text: 'Hi ~name~', columns: { to: 'mobile' }, review: true }
    await stand.engine.profiles.put(principalOf('acme'), 'default', settings)
    stand.put('acme', 'waits.csv', clients(3))
    const drop = await stand.drop('waits.csv', ['sending'])
    t.strictSame(stand.names('acme', 'processed'), beside('waits.csv'))
    const states = () => {
      const [head, ...lines] = stand.read('acme', 'processed', 'waits.csv.report.csv').trimEnd().split('\r\n')
      const at = head!.split(',').indexOf('state')
      return lines.map((line) => line.split(',')[at])
    }
    t.strictSame(states(), ['"queued"', '"queued"', '"queued"'])
    const rows = 10_001
    stand.put('acme', 'long.csv', clients(rows, 10))
    await stand.drop('long.csv', ['sending'])
    const long = stand.path('acme', 'processed', 'long.csv.report.csv')
    await stand.until(() => existsSync(long))
    await stand.server.stop()
    rmSync(long)
    await stand.start()
    await stand.until(() => existsSync(long))
    t.equal(
      readFileSync(long, 'utf8').trimEnd().split('\r\n').length,
      1 + rows,
      'a start makes up for one that is missing',
    )
    await stand.engine.startJob(principalOf('acme'), drop.job!)
    await stand.drop('waits.csv', ['done'])
    t.strictSame(states(), ['"delivered"', '"delivered"', '"delivered"'])
  },
)

t.test('what cannot be sent lies in error/ with a text that says why and what to do', { timeout }, async (t) => {
  const stand = await startDrops(t)
  await ready(stand, 'acme')
  const error = async (name: string, content: string | Buffer) => {
    stand.put('acme', name, content)
    const drop = await stand.drop(name)
    t.match(drop, { state: 'failed', storedAs: `error/${name}` }, JSON.stringify(drop))
    const text = stand.read('acme', 'error', `${name}.error.txt`)
    t.ok(text.includes(`${name} was not sent.`) && text.includes(drop.error!.detail), text)
    return { code: drop.error!.code, text, drop }
  }
  t.match(await error('sheet.csv', Buffer.from('504b0304140000000800', 'hex')), { code: 'FILE_NOT_CSV' })
  t.match(await error('page.csv', '%PDF-1.7\n%âãÏÓ\n'), { code: 'FILE_NOT_CSV' })
  t.match(await error('bad.csv.gz', gzipSync(clients(50)).subarray(0, 60)), { code: 'FILE_NOT_CSV' })
  t.match(await error('nobody.csv', 'mobile,name\n12,A\n13,B\n'), {
    code: 'NOTHING_ACCEPTED',
    text: /Rows +2\r\n[\s\S]*2 × INVALID_NUMBER/,
    drop: { rows: 2, rejected: 2, accepted: 0 },
  })
  t.match(stand.read('acme', 'error', 'nobody.csv.rejects.csv'), /INVALID_NUMBER/)
  t.match(await error('other.csv', 'email\na@b.example\n'), { code: /COLUMN_UNKNOWN|RECIPIENT_COLUMN_MISSING/ })
  t.match(await error('empty.csv', ''), { code: 'FILE_EMPTY', drop: { size: 0 } })
  t.match(await error('header.csv', 'mobile,name\n'), {
    code: 'FILE_EMPTY',
    text: /a row for each recipient is needed/,
  })
  t.match(await error('odd.csv', Buffer.from([0xff, 0xfe, 0x61])), {})
  await stand.engine.profiles.remove(principalOf('acme'), 'default')
  const unknown = { code: 'NO_PROFILE', text: /file pattern/, drop: { size: clients(1).length } }
  t.match(await error('who.csv', clients(1)), unknown)
  t.equal(stand.smsc.stats().distinct, 0, 'nothing of them was sent')

  await saveDefault(stand, 'acme')
  stand.put('acme', 'who.csv', clients(1))
  t.match(await stand.drop('who.csv', ['done']), { accepted: 1 }, 'put right, the same file is taken')
  stand.put('acme', 'packed.csv.gz', gzipSync(clients(3, 100)))
  t.match(await stand.drop('packed.csv.gz'), { state: 'done', delivered: 3 }, 'a compressed file is unpacked')
})

t.test('the same content is taken once within 72 h, under whatever name and over a restart', { timeout }, async (t) => {
  const stand = await startDrops(t)
  await ready(stand, 'acme')
  stand.put('acme', 'a.csv', clients(2))
  const first = await stand.drop('a.csv')
  stand.put('acme', 'b.csv', clients(2))
  const second = await stand.drop('b.csv')
  t.match(second, { state: 'failed', job: null, error: { code: 'DROPPED_BEFORE' } })
  t.ok(second.error!.detail.includes(first.job!) && second.error!.detail.includes('a.csv'), second.error!.detail)
  await stand.server.stop()
  stand.put('acme', 'a.csv', clients(2))
  stand.put('acme', 'c.csv', clients(3))
  await stand.start()
  const third = await stand.until(() => stand.drops().find(({ file, state }) => file === 'a.csv' && state === 'failed'))
  t.match(third, { error: { code: 'DROPPED_BEFORE' } })
  t.match(await stand.drop('c.csv'), { state: 'done', accepted: 3 })
  stand.put('acme', 'a.csv', clients(4))
  await stand.until(() => stand.drops().find((one) => one.storedAs === 'processed/a-2.csv' && one.state === 'done'))
  t.ok(existsSync(stand.path('acme', 'processed', 'a.csv')), 'a second one of a name gets a suffix')
  t.match(stand.engine.drops.list(ADMIN, { limit: 1 }).items, [{ file: 'a.csv', storedAs: 'processed/a-2.csv' }])
  t.equal(stand.smsc.stats().repeats + stand.smsc.stats().distinct, 9, 'each once per job')
})

t.test(
  'a file is waited for while it grows, longer if it has no end yet; a marker says that it is complete',
  { timeout },
  async (t) => {
    const settling = new Settling(1_000)
    const look = (size: number, atMs: number) => settling.look('a', { ino: 1, size, mtimeMs: 5 }, atMs)
    t.strictSame([look(1, 0), look(1, 900), look(2, 1_800), look(2, 2_700), look(2, 2_800)], [0, 900, 0, 900, 1_000])
    t.strictSame([settling.isQuiet(999), settling.isQuiet(1_000), settling.isQuietForLong(4_999)], [false, true, false])

    const patient = await startDrops(t, { drop: { settleMs: 600_000 } })
    await ready(patient, 'acme')
    writeFileSync(patient.path('acme', 'done.csv'), clients(2))
    writeFileSync(patient.path('acme', 'waits.csv'), clients(2, 10))
    writeFileSync(patient.path('acme', 'done.csv.done'), '')
    t.match(await patient.drop('done.csv'), { state: 'done', rows: 2 })
    t.strictSame(patient.names('acme'), ['waits.csv'], 'the marker is gone, and the other file is still waited for')

    const stand = await startDrops(t)
    await ready(stand, 'acme')
    const begunAt = performance.now()
    writeFileSync(stand.path('acme', 'open.csv'), clients(2, 50).trimEnd())
    t.match(await stand.drop('open.csv'), { state: 'done', rows: 2 })
    t.ok(performance.now() - begunAt >= 5 * SETTLE_MS, 'one without a last line end is waited for longer')
  },
)

t.test('accounts have a folder while they may drop; a deleted one’s is set aside', { timeout }, async (t) => {
  const stand = await startDrops(t)
  await stand.engine.createAccount('shop', { defaultCountry: 'GB', features: { drop: false } })
  await stand.engine.createAccount('late', { defaultCountry: 'GB' })
  await ready(stand, 'late')
  t.notOk(existsSync(stand.path('shop')), 'without the feature there is none')
  await stand.engine.patchAccount('shop', { features: { drop: true } })
  await ready(stand, 'shop')
  await stand.engine.patchAccount('shop', { features: { drop: false } })
  await stand.engine.patchAccount('late', { suspended: true })
  await saveDefault(stand, 'shop')
  await saveDefault(stand, 'late')
  stand.put('shop', 'off.csv', clients(1))
  stand.put('late', 'suspended.csv', clients(1, 10))
  stand.put('acme', 'other.csv', clients(1, 20))
  t.match(await stand.drop('other.csv'), { state: 'done' })
  t.strictSame([stand.names('shop'), stand.names('late')], [['off.csv'], ['suspended.csv']], 'their files stay')
  await stand.engine.patchAccount('late', { suspended: false })
  t.match(await stand.drop('suspended.csv'), { state: 'done', account: 'late' })
  t.strictSame(
    stand.drops(principalOf('late')).map(({ file }) => file),
    ['suspended.csv'],
    'each sees its own',
  )
  t.throws(() => stand.engine.drops.get(principalOf('acme'), stand.drops(principalOf('late'))[0]!.id))

  await stand.engine.deleteAccount('late')
  await stand.until(() => !existsSync(stand.path('late')))
  await stand.engine.createAccount('late', { defaultCountry: 'GB' })
  await ready(stand, 'late')
  t.strictSame(stand.names('late', 'processed'), [], 'who gets the name later finds nothing')
})

t.test('a folder that cannot be used takes nothing, and goes on when it can', { timeout }, async (t) => {
  const stand = await startDrops(t)
  await ready(stand, 'acme')
  const outside = `${stand.folder}/outside`
  mkdirSync(outside)
  rmSync(stand.path('acme', 'processed'), { recursive: true })
  symlinkSync(outside, stand.path('acme', 'processed'))
  stand.put('acme', 'wait.csv', clients(2))
  await stand.engine.createAccount('more', { defaultCountry: 'GB' })
  await ready(stand, 'more')
  await saveDefault(stand, 'more')
  stand.put('more', 'go.csv', clients(1, 5))
  t.match(await stand.drop('go.csv'), { state: 'done' }, 'others are not held up')
  t.strictSame([stand.names('acme'), stand.drops(principalOf('acme'))], [['wait.csv'], []])
  rmSync(stand.path('acme', 'processed'))
  t.match(await stand.drop('wait.csv'), { state: 'done', delivered: 2 })
  t.strictSame(stand.names('acme', 'processed'), beside('wait.csv'))
})

t.test('a folder that is taken away is made anew at once, and watched', { timeout }, async (t) => {
  const stand = await startDrops(t, { drop: { scanMs: 3_600_000 } })
  await ready(stand, 'acme')
  for (const [round, name] of ['first.csv', 'second.csv'].entries()) {
    renameSync(stand.path('acme'), `${stand.folder}/away-${round}`)
    await ready(stand, 'acme')
    stand.put('acme', name, clients(1, round))
    t.match(await stand.drop(name), { state: 'done', delivered: 1 }, 'nobody waits for the next look at all folders')
  }
})

t.test('the folder of a new account is made once, though it is looked at meanwhile, and nothing is said', async (t) => {
  const root = t.testdir()
  const said: string[] = []
  const note = (_about: object, text: string): void => void said.push(text)
  const log = { ...silentLog, info: note, warn: note, error: note }
  const terms = { root, claims: new Claims('engine'), settleMs: 100, scanMs: 100, log }
  const folders = new WatchedFolders({ ...terms, now: () => 0 })
  for (let number = 1; number <= 50; number++) {
    const added = folders.add({ number, id: `account-${number}`, timeZone: 'UTC', hasFolder: true, takes: true })
    for (let turn = 0; turn < 5; turn++) {
      folders.tick(turn * 100)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await added
  }
  await folders.stop()
  t.strictSame(said, [])
})
