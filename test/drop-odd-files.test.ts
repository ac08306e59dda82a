/** What lies in a drop folder besides plain files, and plain files of odd names: all handled, none lost, nothing outside touched. */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { ADMIN, clients, type DropStand, startDrops } from './drop-support.js'

const timeout = 580_000
t.setTimeout(200_000)

async function ready(stand: DropStand): Promise<void> {
  await stand.until(() => existsSync(stand.path('acme', 'processed')) && existsSync(stand.path('acme', 'error')))
}

/** Names as octets, for what is no text. */
function octets(folder: string): string[] {
  return readdirSync(folder, { encoding: 'buffer' })
    .map((name) => name.toString('latin1'))
    .sort()
}

t.test('links, pipes, sockets, devices and second names are not opened, and lie in error/', { timeout }, async (t) => {
  const stand = await startDrops(t)
  await ready(stand)
  const secret = path.join(stand.folder, 'secret.csv')
  writeFileSync(secret, clients(9, 500))
  const before = lstatSync(secret)
  symlinkSync(secret, stand.path('acme', 'link.csv'))
  symlinkSync('/nowhere/at/all', stand.path('acme', 'dangling.csv'))
  symlinkSync(stand.folder, stand.path('acme', 'folder-link'))
  linkSync(secret, stand.path('acme', 'second-name.csv'))
  execFileSync('mkfifo', [stand.path('acme', 'pipe.csv')])
  const server = createServer().listen(stand.path('acme', 'socket.csv'))
  t.teardown(() => server.close())
  const odd = ['dangling.csv', 'folder-link', 'link.csv', 'pipe.csv', 'second-name.csv', 'socket.csv']
  try {
    execFileSync('mknod', [stand.path('acme', 'zero.csv'), 'c', '1', '5'], { stdio: 'ignore' })
    odd.push('zero.csv')
  } catch {
    t.comment('no device could be made here')
  }
  for (const name of odd) {
    const { state, error, job } = await stand.drop(name)
    const code = name === 'second-name.csv' ? 'FILE_HAS_SECOND_NAME' : 'NOT_A_FILE'
    t.strictSame({ state, code: error?.code, job }, { state: 'failed', code, job: null }, name)
    t.ok(stand.read('acme', 'error', `${name}.error.txt`).startsWith(`${name} was not sent.`))
  }
  t.strictSame(stand.names('acme'), [])
  t.strictSame(stand.names('acme', 'error'), odd.flatMap((name) => [name, `${name}.error.txt`]).sort())
  t.equal(stand.smsc.stats().distinct, 0, 'nothing was read through them')
  const { size, mtimeMs, ino } = lstatSync(secret)
  t.strictSame([size, mtimeMs, ino], [before.size, before.mtimeMs, before.ino], 'what they lead to is as it was')
})

t.test('whatever octets a name has, the file is taken and keeps it', { timeout }, async (t) => {
  const stand = await startDrops(t)
  await ready(stand)
  const names = [
    ...['..csv', '...', '..%2f..%2fetc%2fpasswd', '..\\..\\x.csv', 'two\nlines.csv', 'bell\u0007\u001b[2J.csv', '-rf'],
    ...[' spaces at both ends ', '=1+1.csv', '$(reboot).csv', '"quotes" & <tags>.csv', 'Überweisung – März.csv'],
    ...['客户名单.csv', 'e\u0301te\u0301.csv', '\u202egnp.csv', 'CON', `${'x'.repeat(251)}.csv`, 'ü'.repeat(127)],
    ...['x.csv.report.csv', 'x.csv.summary.txt', 'x.csv'],
  ].map((name) => Buffer.from(name))
  names.push(Buffer.from([0xff, 0xfe, 0x80, 0x2e, 0x63]), Buffer.from('caf\xe9.csv', 'latin1'))
  // Hidden names are programs' own.
  const taken = names.filter((name) => name[0] !== 0x2e)
  const folder = Buffer.from(`${stand.path('acme')}/`)
  for (const [index, name] of names.entries()) writeFileSync(Buffer.concat([folder, name]), clients(1, index))
  await stand.until(() => stand.drops().filter(({ state }) => state === 'done').length === taken.length)
  t.strictSame(
    octets(stand.path('acme')).filter((name) => !['processed', 'error', '.trunkline'].includes(name)),
    ['..csv', '...', '..%2f..%2fetc%2fpasswd', '..\\..\\x.csv'].sort(),
    'only hidden ones stay',
  )
  const processed = octets(stand.path('acme', 'processed'))
  const own = taken.filter((name) => !name.toString().startsWith('x.csv')).map((name) => name.toString('latin1'))
  t.strictSame(
    own.filter((name) => !processed.includes(name)),
    [],
    'each lies in processed/ under its name',
  )
  // x.csv and those that are called as what would lie beside it do not get in each other's way, whichever comes first.
  for (const name of ['x.csv', 'x.csv.report-2.csv', 'x.csv.summary-2.txt']) t.ok(processed.includes(name), name)
  const files = readdirSync(stand.path('acme', 'processed'), { encoding: 'buffer' })
    .map((name) => readFileSync(Buffer.concat([Buffer.from(`${stand.path('acme', 'processed')}/`), name]), 'utf8'))
    .filter((text) => text.startsWith('mobile,name'))
  t.equal(new Set(files).size, taken.length, 'no file was written over')
  t.equal(stand.smsc.stats().distinct, taken.length)
  t.strictSame(stand.names('acme', 'error'), [])
})

t.test('what programs leave beside files is left alone; a folder is left and told of', { timeout }, async (t) => {
  const stand = await startDrops(t)
  await ready(stand)
  const left = [
    ...[
      '.hidden.csv',
      '~$clients.xlsx',
      'Thumbs.db',
      'desktop.ini',
      'a.csv.part',
      'a.csv.filepart',
      'b.csv.crdownload',
    ],
    ...['c.tmp', '.~lock.clients.csv#', 'orphan.csv.done'],
  ]
  for (const name of left) writeFileSync(stand.path('acme', name), clients(1))
  mkdirSync(stand.path('acme', 'October'))
  writeFileSync(stand.path('acme', 'October', 'inside.csv'), clients(1, 5))
  stand.put('acme', 'real.csv', clients(1, 9))
  t.match(await stand.drop('real.csv'), { state: 'done' })
  await stand.until(() => stand.names('acme', 'error').includes('October.error.txt'))
  t.match(stand.read('acme', 'error', 'October.error.txt'), /is a folder/)
  t.strictSame(stand.names('acme'), [...left, 'October'].sort())
  t.equal(stand.drops().length, 1)
  renameSync(stand.path('acme', 'a.csv.part'), stand.path('acme', 'a.csv'))
  t.match(await stand.drop('a.csv'), { state: 'done', delivered: 1 }, 'renamed when it is whole')
})

t.test('a folder that is swapped for a link leads nowhere', { timeout }, async (t) => {
  const stand = await startDrops(t)
  await ready(stand)
  const outside = path.join(stand.folder, 'outside')
  mkdirSync(outside)
  writeFileSync(path.join(outside, 'private.csv'), clients(3))
  renameSync(stand.path('acme'), path.join(stand.folder, 'away'))
  symlinkSync(outside, stand.path('acme'))
  await stand.engine.createAccount('more', { defaultCountry: 'GB' })
  await stand.until(() => existsSync(stand.path('more', 'error')))
  stand.put('more', 'sign.csv', 'x')
  await stand.drop('sign.csv')
  t.strictSame(readdirSync(outside), ['private.csv'], 'nothing was made or taken there')
  rmSync(stand.path('acme'))
  renameSync(path.join(stand.folder, 'away'), stand.path('acme'))
  for (const name of ['processed', 'error']) {
    rmSync(stand.path('acme', name), { recursive: true })
    symlinkSync(outside, stand.path('acme', name))
    stand.put('acme', 'real.csv', clients(1, 7))
    stand.put('more', `${name}.csv`, name)
    await stand.drop(`${name}.csv`)
    t.strictSame(readdirSync(outside), ['private.csv'])
    rmSync(stand.path('acme', name))
  }
  t.match(await stand.drop('real.csv'), { state: 'done', delivered: 1 }, 'and goes on when all is well')
  t.equal(stand.engine.drops.list(ADMIN, { limit: 50, account: 'acme' }).items.length, 1)
})

t.test('a file that is too large is refused before it is read', { timeout }, async (t) => {
  const stand = await startDrops(t, { drop: { fileBytesMax: 1_000 } })
  await ready(stand)
  stand.put('acme', 'large.csv', clients(100))
  t.match(await stand.drop('large.csv'), { state: 'failed', error: { code: 'FILE_TOO_LARGE' }, job: null })
  stand.put('acme', 'small.csv', clients(10))
  t.match(await stand.drop('small.csv'), { state: 'done', rows: 10 })
})
