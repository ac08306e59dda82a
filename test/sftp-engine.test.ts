/** SFTP into an engine that takes the files: many log-ins at once, and kills while files are on their way. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import ssh2, { type Client, type SFTPWrapper } from 'ssh2'
import t from 'tap'
import { type Api, api, spawnNode } from '../bench/processes.js'
import type { DropCredentialCreated } from '../src/engine/contract/drop-credentials.js'
import type { DropView } from '../src/engine/contract/drops.js'
import { filesIn, SSH_OPTIONS, sftpOf, stand, until } from './sftp-support.js'

const CHILD = fileURLToPath(new URL('./site-child.js', import.meta.url))
const LOGINS = 20
const FILES = 50

function csv(login: number, file: number): string {
  return `to,name\n+4477${String(10_000_000 + login * 1_000 + file)},Client ${login}-${file}\n`
}

t.test('20 log-ins bring 50 files each at once: 1,000 files, each byte for byte', async (t) => {
  const s = await stand(t, { sessionsPerAddress: 50 })
  const { drop, keyLogin } = await s.account()
  const all = Array.from({ length: LOGINS }, async (_, login) => {
    const own = await keyLogin()
    const folder = join(s.folder, `from-${login}`)
    mkdirSync(folder)
    for (let file = 0; file < FILES; file++) writeFileSync(join(folder, `${login}-${file}.csv`), csv(login, file))
    const key = join(s.folder, `key-${login}`)
    writeFileSync(key, own.privateKey!, { mode: 0o600 })
    const options = [...SSH_OPTIONS, '-o', 'IdentitiesOnly=yes', '-i', key, '-P', String(s.port), '-b', '-']
    const done = await s.run('sftp', [...options, `${own.username}@127.0.0.1`], `put ${folder}/*\n`)
    t.equal(done.code, 0, done.said)
  })
  await Promise.all(all)
  t.equal(filesIn(drop).length, LOGINS * FILES)
  let same = 0
  for (let login = 0; login < LOGINS; login++) {
    for (let file = 0; file < FILES; file++) {
      if (readFileSync(join(drop, `${login}-${file}.csv`), 'utf8') === csv(login, file)) same++
    }
  }
  t.equal(same, LOGINS * FILES)
  t.equal(s.metric('trunkline_site_uploads_total', { result: 'done' }), LOGINS * FILES)
  t.equal(s.metric('trunkline_site_uploads_total', { result: 'broken' }), 0)
})

interface Running {
  child: ChildProcess
  client: Api
  url: string
  adminKey: string
}

async function start(config: object): Promise<Running> {
  const child = spawnNode([CHILD, JSON.stringify(config)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string]
  const { url, adminKey } = JSON.parse(line) as { url: string; adminKey: string }
  return { child, client: api(url, adminKey), url, adminKey }
}

async function connected(made: DropCredentialCreated, privateKey: string): Promise<Client> {
  const client = new ssh2.Client()
  client.on('error', () => {})
  const ready = once(client, 'ready')
  client.connect({ host: '127.0.0.1', port: made.connect.sftp!.port, username: made.username, privateKey })
  await ready
  return client
}

async function opened(sftp: SFTPWrapper, name: string): Promise<Buffer> {
  return await new Promise((resolve, reject) => sftp.open(name, 'w', (e, handle) => (e ? reject(e) : resolve(handle))))
}

async function written(sftp: SFTPWrapper, handle: Buffer, octets: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    sftp.write(handle, octets, 0, octets.length, 0, (error) => (error ? reject(error) : resolve())),
  )
}

t.test(
  'a kill in the middle of an upload leaves nothing that is taken for a file; a whole one becomes a drop',
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'trunkline-site-kill-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const root = join(folder, 'drop')
    const config = {
      ...{ dataDir: join(folder, 'data'), http: { port: 0 }, logLevel: 'silent' },
      dropFolder: { root, settleMs: 100, scanMs: 200, sftp: { host: '127.0.0.1', port: 0 } },
    }
    const drop = join(root, 'acme')
    const { private: privateKey, public: line } = ssh2.utils.generateKeyPairSync('ed25519')
    let engine = await start(config)
    t.teardown(() => engine.child.kill('SIGKILL'))
    const { key } = await engine.client.post<{ key: string }>('/v1/accounts', { id: 'acme', defaultCountry: 'GB' })
    await api(engine.url, key).put('/v1/profiles/default', { text: 'Hello ~name~', from: 'ACME' })
    const credential = (): Promise<DropCredentialCreated> =>
      engine.client.post('/v1/accounts/acme/drop-credentials', { password: null, publicKeys: [line] })
    const kills = 3
    for (let kill = 0; kill < kills; kill++) {
      const sftp = await sftpOf(await connected(await credential(), privateKey))
      await written(sftp, await opened(sftp, `half-${kill}.csv`), Buffer.from(csv(kill, 0)))
      const ended = once(engine.child, 'exit')
      engine.child.kill('SIGKILL')
      await ended
      const names = filesIn(drop)
      t.equal(names.filter((name) => name.startsWith('.trunkline-')).length, kill + 1, 'what was on its way is hidden')
      t.equal(names.filter((name) => !name.startsWith('.')).length, 0, 'and there is no file')
      engine = await start(config)
    }
    const sftp = await sftpOf(await connected(await credential(), privateKey))
    const handle = await opened(sftp, 'whole.csv')
    await written(sftp, handle, Buffer.from(csv(1, 1)))
    await new Promise<void>((resolve, reject) => sftp.close(handle, (error) => (error ? reject(error) : resolve())))
    const client = api(engine.url, key)
    const drops = async (): Promise<DropView[]> => (await client.get<{ items: DropView[] }>('/v1/drops')).items
    await until(async () => (await drops()).some(({ state, storedAs }) => state !== 'reading' && storedAs !== null))
    t.strictSame(
      (await drops()).map(({ file }) => file),
      ['whole.csv'],
      'one drop, and none of a half',
    )
    const filed = ['processed', 'error'].flatMap((area) => readdirSync(join(drop, area)))
    t.ok(filed.includes('whole.csv'), filed.join(', '))
    t.notOk(filed.some((name) => name.includes('half')))
    const ended = once(engine.child, 'exit')
    engine.child.kill('SIGTERM')
    t.strictSame((await ended)[0], 0, 'a stop is clean')
  },
)
