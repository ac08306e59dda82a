/** FTP into an engine that takes the files: from the log-in that an admin makes to the report that is fetched. */
import { execFile } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import type { DropCredentialCreated } from '../src/engine/contract/drop-credentials.js'
import { isInstalled, watched } from './drop-site-stand.js'
import { ADMIN, type DropStand, startDrops } from './drop-support.js'
import { FtpTalk } from './ftp-talk.js'

const run = promisify(execFile)
const skip = isInstalled('curl') ? false : 'curl is not installed (Debian: curl)'
const csv = 'mobile,name\n+447712345101,Ann\n+447712345102,Bob\nnobody,Cy\n'

function curl(stand: DropStand, login: DropCredentialCreated, ...args: string[]): Promise<{ stdout: string }> {
  const ca = path.join(stand.folder, 'data', 'ftp', 'certificate.pem')
  return run('curl', ['-sSg', '--ssl-reqd', '--cacert', ca, '-u', `${login.username}:${login.password}`, ...args])
}

t.test(
  'a file that curl brings is sent, and its report fetched; a log-in that is withdrawn ends at once',
  { skip },
  async (t) => {
    const stand = await startDrops(t, { drop: { ftp: { host: '127.0.0.1', port: 0 } } })
    const login = await stand.engine.dropCredentials.create('acme', {}, ADMIN)
    const { port, tls, fingerprint } = login.connect.ftp!
    t.equal(tls, 'required')
    t.match(fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
    const url = `ftp://localhost:${port}/`
    writeFileSync(path.join(stand.folder, 'clients.csv'), csv)
    await curl(stand, login, '-T', path.join(stand.folder, 'clients.csv'), url)
    const drop = await stand.drop('clients.csv')
    t.match(drop, { state: 'done', rows: 3, accepted: 2, rejected: 1, delivered: 2 })
    t.equal((await curl(stand, login, `${url}processed/clients.csv`)).stdout, csv)
    await stand.until(() => stand.names('acme', 'processed').includes('clients.csv.report.csv'))
    t.match((await curl(stand, login, `${url}processed/clients.csv.report.csv`)).stdout, /\+447712345101/)

    const talk = await FtpTalk.loggedIn(port, login.username, login.password!)
    t.equal((await talk.put('STOR again.csv', `${csv}+447712345103,Dee\n`)).code, 226)
    t.match(await talk.ask('SIZE again.csv'), { code: 213 }, 'who brought it still sees it')
    t.match(await stand.drop('again.csv'), { state: 'done', accepted: 3 })
    const raw = await talk.passive()
    await talk.ask('STOR half.csv')
    const data = await talk.dataTls(raw)
    data.on('error', () => {})
    data.write(csv)
    await stand.engine.dropCredentials.remove('acme', login.id, ADMIN)
    t.equal((await talk.answer()).code, 421, 'also in the middle of an upload')
    await t.rejects(FtpTalk.loggedIn(port, login.username, login.password!), /530/)
    t.notOk(stand.names('acme').includes('half.csv'))
    t.equal(stand.drops().length, 2)
  },
)

t.test('the folder takes nothing that links outside or is changed for it while it looks', async (t) => {
  const stand = await startDrops(t)
  // Made within a second of the account.
  await stand.until(() => existsSync(stand.path('acme', 'error')))
  const outside = path.join(stand.folder, 'outside')
  mkdirSync(outside)
  for (const name of ['secret.csv', 'deep.csv']) writeFileSync(path.join(outside, name), csv)
  const hard = path.join(stand.folder, 'hard')
  mkdirSync(hard)
  writeFileSync(path.join(hard, 'second.csv'), csv)
  const look = watched([outside])
  const before = look()
  const links: Record<string, string> = {
    'file.csv': path.join(outside, 'secret.csv'),
    'relative.csv': '../../outside/secret.csv',
    'folder.csv': outside,
    'gone.csv': path.join(outside, 'gone.csv'),
    'self.csv': 'self.csv',
    'proc.csv': '/proc/self/environ',
    'device.csv': '/dev/zero',
    'etc.csv': '/etc/passwd',
  }
  for (const [name, target] of Object.entries(links)) symlinkSync(target, stand.path('acme', name))
  linkSync(path.join(hard, 'second.csv'), stand.path('acme', 'second.csv'))
  // A file that becomes a link and back, all the time, beside one that stays.
  symlinkSync(path.join(outside, 'deep.csv'), stand.path('link'))
  for (let round = 0; round < 200; round++) {
    writeFileSync(stand.path('plain'), `${csv}${'+447712345104,Ed\n'.repeat(round + 1)}`)
    renameSync(stand.path('plain'), stand.path('acme', 'swapped.csv'))
    symlinkSync(path.join(outside, 'deep.csv'), stand.path(`link-${round}`))
    renameSync(stand.path(`link-${round}`), stand.path('acme', 'swapped.csv'))
    if (round % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  stand.put('acme', 'good.csv', csv)
  t.match(await stand.drop('good.csv'), { state: 'done', accepted: 2 })
  for (const name of [...Object.keys(links), 'second.csv']) {
    await stand.until(() => !stand.names('acme').includes(name))
    const drop = stand.drops().find(({ file }) => file === name)
    t.match(drop, { state: 'failed', accepted: 0 }, name)
  }
  t.equal(look(), before, 'nothing outside was read or changed')
  t.equal(readFileSync(path.join(hard, 'second.csv'), 'utf8'), csv)
})
