/** The virtual root of the drop folders, with real files: what a client may name, do and bring, and what nobody gets out of it. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import Value from 'typebox/value'
import { AccountRoot, type EntryView } from '../src/drop/site/account-root.js'
import { BytePace } from '../src/drop/site/byte-pace.js'
import { decodeName, isPartialName, pathOf, pathSteps } from '../src/drop/site/drop-names.js'
import { sweepLeftovers } from '../src/drop/site/leftovers.js'
import { LoginTries } from '../src/drop/site/login-tries.js'
import { type RootTerms, SharedRoot } from '../src/drop/site/shared-root.js'
import { Site, type SiteDeps } from '../src/drop/site/site.js'
import { SiteError, type SiteRefusal } from '../src/drop/site/site-error.js'
import type { SiteSession } from '../src/drop/site/site-session.js'
import { type DropSiteConfig, DropSiteSchema } from '../src/engine/config/drop-site.js'
import { silentLog } from '../src/engine/contract/log.js'
import { noMetrics } from '../src/engine/contract/metrics.js'

const NEW = { exclusive: false, keep: false }
const GOES_ON = { exclusive: false, keep: true }

interface Stand {
  /** The account's folder on the disk. */
  path: string
  /** A folder beside it, which no client may reach. */
  outside: string
  shared: SharedRoot
  root: AccountRoot
  uploaded: string[]
}

async function stand(t: Test, terms: Partial<RootTerms> = {}): Promise<Stand> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-site-'))
  const path = join(folder, 'drop', 'acme')
  const outside = join(folder, 'outside')
  mkdirSync(path, { recursive: true })
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret.csv'), 'secret')
  const uploaded: string[] = []
  let token = 0
  const shared = new SharedRoot('acme', path, {
    fileBytesMax: 1_000,
    accountBytesMax: 10_000,
    clock: { now: () => 0, monotonic: () => 0 },
    token: () => String(++token),
    uploaded: (_, file) => uploaded.push(file),
    ...terms,
  })
  const root = await AccountRoot.open(shared)
  t.teardown(async () => {
    await root.close()
    rmSync(folder, { recursive: true })
  })
  return { path, outside, shared, root, uploaded }
}

async function listed(root: AccountRoot, path: string): Promise<EntryView[]> {
  const entries: EntryView[] = []
  for await (const page of root.list(path)) entries.push(...page)
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function refused(t: Test, work: Promise<unknown>, refusal: SiteRefusal, text: string): Promise<void> {
  const error = await work.then(
    () => null,
    (error: unknown) => error,
  )
  t.ok(error instanceof SiteError, `${text}: refused`)
  t.equal((error as SiteError | null)?.refusal, refusal, text)
}

async function put(root: AccountRoot, path: string, text: string): Promise<void> {
  const upload = await root.upload(path, NEW)
  await upload.write(0, Buffer.from(text))
  await upload.commit()
}

t.test('a path comes to steps from the root, and never out of it', async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['', '/'],
    ['.', '/'],
    ['/', '/'],
    ['//x.csv', '/x.csv'],
    ['../../../../etc/passwd', '/etc/passwd'],
    ['/processed/../../../x', '/x'],
    ['./a/./b/..//c/', '/a/c'],
    ['%2e%2e/x', '/%2e%2e/x'],
    ['.../x', '/.../x'],
    ['Müller & Söhne.csv', '/Müller & Söhne.csv'],
  ]
  for (const [path, wanted] of cases) t.equal(pathOf(pathSteps(path)), wanted, JSON.stringify(path))
  t.equal(pathOf(pathSteps('x', ['processed'])), '/processed/x', 'from the folder that a client is in')
  t.equal(pathOf(pathSteps('/x', ['processed'])), '/x')
  const wrong = [
    ...['a\0b', 'a\nb', 'a\u007fb', 'a\u0085b', '..\\..\\x', 'C:\\x', 'x'.repeat(256), 'é'.repeat(128)],
    ...['a/'.repeat(3_000), '.trunkline-1.part', '.Trunkline-x'],
  ]
  for (const path of wrong) t.throws(() => pathSteps(path), SiteError, JSON.stringify(path.slice(0, 30)))
})

t.test('names that say that a file is not whole yet', async (t) => {
  const partial = ['x.csv.filepart', 'x.csv.PART', 'x.tmp', 'x.csv.crdownload', '.x.csv', '.in.x.csv', 'x.partial']
  for (const name of partial) t.ok(isPartialName(name), name)
  for (const name of ['x.csv', 'part.csv', 'x.part.csv', 'tmp', 'x.csv.gz']) t.notOk(isPartialName(name), name)
  t.equal(decodeName(Buffer.from('Grüße.csv')), 'Grüße.csv')
  t.equal(decodeName(Buffer.from('Grüße.csv', 'latin1')), 'Grüße.csv', 'as an older client writes it')
})

t.test('a file appears when it is whole, and not before', async (t) => {
  const { root, path, uploaded, shared } = await stand(t)
  const upload = await root.upload('/a.csv', NEW)
  await upload.write(5, Buffer.from('world'))
  await upload.write(0, Buffer.from('hello'))
  t.strictSame(
    (await listed(root, '/')).map(({ name }) => name),
    ['error', 'processed'],
    'the listing has nothing of it',
  )
  t.notOk(existsSync(join(path, 'a.csv')))
  t.strictSame(
    readdirSync(path).filter((name) => !name.startsWith('.')),
    ['error', 'processed'],
    'nor has the folder, but for a name that is no file to it',
  )
  await upload.commit()
  t.equal(readFileSync(join(path, 'a.csv'), 'utf8'), 'helloworld')
  t.strictSame(uploaded, ['a.csv'])
  t.equal(lstatSync(join(path, 'a.csv')).mode & 0o007, 0, 'not for everybody')
  await put(root, '/a.csv', 'again')
  t.equal(readFileSync(join(path, 'a.csv'), 'utf8'), 'again', 'one that was not taken yet is replaced whole')
  const broken = await root.upload('/b.csv', NEW)
  await broken.write(0, Buffer.from('half'))
  await broken.abort()
  await broken.commit()
  t.strictSame(readdirSync(path).sort(), ['a.csv', 'error', 'processed'], 'nothing is left of one that broke off')
  t.equal(shared.users, 0)
})

t.test('what cannot be written is no file', async (t) => {
  const { root, path } = await stand(t)
  const upload = await root.upload('/big.csv', NEW)
  await refused(t, upload.write(995, Buffer.alloc(10)), 'tooLarge', 'beyond the limit')
  await refused(t, upload.truncate(1_001), 'tooLarge', 'made longer than the limit')
  await upload.abort()
  await put(root, '/full.csv', 'x'.repeat(1_000))
  t.strictSame(readdirSync(path).sort(), ['error', 'full.csv', 'processed'])
  const exclusive = { exclusive: true, keep: false }
  await refused(t, root.upload('/full.csv', exclusive), 'exists', 'only if it is not there')
  await refused(t, root.upload('/full.csv', GOES_ON), 'denied', 'a complete file is not gone on with')
  await refused(t, root.upload('/', NEW), 'denied', 'the root')
  await refused(t, root.upload('/processed', NEW), 'denied', 'a folder')
  await refused(t, root.upload('/processed/x.csv', NEW), 'denied', 'where nothing is sent from')
  await refused(t, root.upload('/other/x.csv', NEW), 'denied', 'a folder that is not there')
})

t.test('the account has so much room and no more', async (t) => {
  const { root, path } = await stand(t, { accountBytesMax: 2_000 })
  writeFileSync(join(path, 'processed', 'old.csv'), 'x'.repeat(1_500))
  await put(root, '/a.csv', 'x'.repeat(600))
  await refused(t, root.upload('/b.csv', NEW), 'noSpace', 'what was uploaded counts')
  await root.remove('/processed/old.csv')
  await put(root, '/b.csv', 'y')
})

t.test("a client's own temporary file stays when the connection breaks, and is gone on with", async (t) => {
  const { root, path, uploaded } = await stand(t)
  const first = await root.upload('/x.csv.filepart', NEW)
  await first.write(0, Buffer.from('1234'))
  await refused(t, root.upload('/x.csv.filepart', GOES_ON), 'busy', 'while another writes it')
  await refused(t, root.rename('/x.csv.filepart', '/x.csv', false), 'busy', 'renamed while it is written')
  await refused(t, root.remove('/x.csv.filepart'), 'busy', 'removed while it is written')
  await first.abort()
  t.equal((await root.stat('/x.csv.filepart')).size, 4)
  const second = await root.upload('/x.csv.filepart', GOES_ON)
  t.equal(second.size, 4)
  await second.write(4, Buffer.from('5678'))
  await second.commit()
  t.strictSame(uploaded, [], 'it is no file yet')
  await root.rename('/x.csv.filepart', '/x.csv', false)
  t.equal(readFileSync(join(path, 'x.csv'), 'utf8'), '12345678')
  t.strictSame(uploaded, ['x.csv'])
})

t.test('renaming moves within the root, and brings a file back to be sent again', async (t) => {
  const { root, path } = await stand(t)
  await put(root, '/a.csv', 'a')
  await put(root, '/b.csv', 'b')
  await refused(t, root.rename('/a.csv', '/b.csv', false), 'exists', 'over another')
  await root.rename('/a.csv', '/b.csv', true)
  t.equal(readFileSync(join(path, 'b.csv'), 'utf8'), 'a')
  writeFileSync(join(path, 'error', 'c.csv'), 'c')
  await root.rename('/error/c.csv', '/c.csv', false)
  t.equal(readFileSync(join(path, 'c.csv'), 'utf8'), 'c')
  await refused(t, root.rename('/c.csv', '/processed/c.csv', false), 'denied', 'what waits is not filed away')
  await refused(t, root.rename('/processed', '/p', false), 'denied', 'the folder stays')
  await refused(t, root.rename('/b.csv', '/processed', true), 'denied', 'over a folder')
  await refused(t, root.rename('/', '/x', false), 'denied', 'the root')
  await refused(t, root.rename('/none.csv', '/x.csv', false), 'notFound', 'what is not there')
  await refused(t, root.rename('/b.csv', '/none/x.csv', false), 'notFound', 'into a folder that is not there')
})

t.test('folders are made and removed within processed and error only', async (t) => {
  const { root, path } = await stand(t)
  await root.makeFolder('/processed/2026')
  writeFileSync(join(path, 'processed', 'x.csv'), 'x')
  await root.rename('/processed/x.csv', '/processed/2026/x.csv', false)
  await refused(t, root.removeFolder('/processed/2026'), 'notEmpty', 'with a file in it')
  await root.remove('/processed/2026/x.csv')
  await root.removeFolder('/processed/2026')
  t.strictSame(readdirSync(path).sort(), ['error', 'processed'])
  await refused(t, root.makeFolder('/mine'), 'denied', 'elsewhere')
  await refused(t, root.makeFolder('/processed'), 'exists', 'there already')
  await refused(t, root.removeFolder('/processed'), 'denied', 'processed')
  await refused(t, root.removeFolder('/'), 'denied', 'the root')
  await refused(t, root.remove('/processed'), 'denied', 'as a file')
  await refused(t, root.makeFolder('/error/1/2/3/4/5'), 'denied', 'too deep')
})

t.test('links, pipes and second names of other files are not there', async (t) => {
  const { root, path, outside } = await stand(t)
  symlinkSync(join(outside, 'secret.csv'), join(path, 'link.csv'))
  symlinkSync(outside, join(path, 'linked'))
  symlinkSync(outside, join(path, 'processed', 'linked'))
  symlinkSync('/etc/passwd', join(path, 'x.csv.part'))
  linkSync(join(outside, 'secret.csv'), join(path, 'hard.csv'))
  execFileSync('mkfifo', [join(path, 'pipe.csv'), join(path, 'pipe.tmp')])
  const names = (await listed(root, '/')).map(({ name }) => name)
  t.strictSame(names, ['error', 'hard.csv', 'processed'], 'a listing leaves them out')
  for (const name of ['link.csv', 'linked/secret.csv', 'processed/linked/secret.csv', 'pipe.csv']) {
    await refused(t, root.download(`/${name}`), 'notFound', `reading ${name}`)
    await refused(t, root.stat(`/${name}`), 'notFound', `looking at ${name}`)
    await refused(t, root.remove(`/${name}`), 'notFound', `removing ${name}`)
    await refused(t, root.rename(`/${name}`, '/y.csv', true), 'notFound', `renaming ${name}`)
  }
  await refused(t, root.download('/hard.csv'), 'denied', 'a second name of a file elsewhere')
  await refused(t, listed(root, '/linked'), 'notFound', 'listing through a link')
  await refused(t, listed(root, '/processed/linked'), 'notFound', 'listing through a link further down')
  await refused(t, root.makeFolder('/processed/linked/x'), 'notFound', 'making through a link')
  await refused(t, root.upload('/x.csv.part', NEW), 'notFound', 'writing through a link')
  await refused(t, root.upload('/pipe.tmp', NEW), 'denied', 'writing to a pipe')
  await put(root, '/link.csv', 'mine')
  t.equal(readFileSync(join(path, 'link.csv'), 'utf8'), 'mine', 'an upload takes the place of a link')
  t.equal(readFileSync(join(outside, 'secret.csv'), 'utf8'), 'secret', 'and leaves what it pointed to')
  t.strictSame(readdirSync(outside), ['secret.csv'])
})

t.test('a folder that becomes a link between two looks leads nowhere', async (t) => {
  const { root, path, outside } = await stand(t)
  const area = join(path, 'processed')
  writeFileSync(join(area, 'secret.csv'), 'own')
  let isOn = true
  let swaps = 0
  const swapping = (async () => {
    for (; isOn; swaps++) {
      renameSync(area, `${area}.away`)
      symlinkSync(outside, area)
      await new Promise((resolve) => setImmediate(resolve))
      rmSync(area)
      renameSync(`${area}.away`, area)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  const seen = new Map<string, number>()
  for (let look = 0; look < 200; look++) {
    const text = await root.download('/processed/secret.csv').then(
      async (download) => {
        const octets = await download.read(0, 100)
        await download.close()
        return octets.toString()
      },
      (error: SiteError) => error.refusal,
    )
    seen.set(text, (seen.get(text) ?? 0) + 1)
    await root.rename('/processed/secret.csv', '/processed/moved.csv', true).catch(() => {})
    await root.rename('/processed/moved.csv', '/processed/secret.csv', true).catch(() => {})
    await root.makeFolder('/processed/made').catch(() => {})
  }
  isOn = false
  await swapping
  t.ok(swaps > 0, `${swaps} swaps`)
  t.notOk(seen.has('secret'), [...seen.keys()].join(', '))
  t.strictSame(readdirSync(outside), ['secret.csv'], 'nothing was made or renamed outside')
})

t.test("an account's folder that is a link is not opened", async (t) => {
  const { path, outside, shared } = await stand(t)
  const link = join(path, '..', 'linked')
  symlinkSync(outside, link)
  await refused(t, AccountRoot.open(new SharedRoot('linked', link, shared.terms)), 'notFound', 'a link')
})

t.test('names that are no UTF-8 are left out of listings', async (t) => {
  const { root, path } = await stand(t)
  writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0x66, 0xfc, 0x72])]), 'x')
  writeFileSync(join(path, 'für.csv'), 'x')
  t.strictSame(
    (await listed(root, '/')).map(({ name }) => name),
    ['error', 'für.csv', 'processed'],
  )
})

t.test('a folder that the server may not write to is a refusal, and says nothing of paths', async (t) => {
  const { root, path } = await stand(t)
  if (process.getuid?.() !== 0) chmodSync(path, 0o500)
  else rmSync(path, { recursive: true })
  const error = await root.upload('/a.csv', NEW).then(
    async (upload) => await upload.abort(),
    (error: unknown) => error as SiteError,
  )
  t.ok(error instanceof SiteError)
  t.notMatch((error as SiteError).message, /\/|trunkline-site/)
  mkdirSync(path, { recursive: true })
  chmodSync(path, 0o700)
})

t.test('what a killed engine had under way is removed once it is old', async (t) => {
  const { root, path } = await stand(t)
  const upload = await root.upload('/young.csv', NEW)
  writeFileSync(join(path, '.trunkline-0a.part'), 'half')
  utimesSync(join(path, '.trunkline-0a.part'), 1_000, 1_000)
  writeFileSync(join(path, 'old.part'), "a client's own")
  utimesSync(join(path, 'old.part'), 1_000, 1_000)
  t.equal(await sweepLeftovers(join(path, '..'), 2_000_000), 1)
  t.equal(await sweepLeftovers(join(path, '..'), 2_000_000), 0)
  t.ok(existsSync(join(path, 'old.part')))
  await upload.commit()
  t.ok(existsSync(join(path, 'young.csv')))
  t.equal(await sweepLeftovers(join(path, 'none'), 2_000_000), 0, 'no folder')
})

t.test('refused log-ins are slower each time, and too many lock the address and the user', async (t) => {
  const tries = new LoginTries({ loginTries: 3, loginTriesPerUser: 5, lockSeconds: 60 })
  t.equal(tries.refused('1.1.1.1', 'ann', 0), 250)
  t.equal(tries.refused('1.1.1.1', 'ben', 0), 500, 'by address')
  t.notOk(tries.locksAddress('1.1.1.1', 0))
  t.equal(tries.refused('2.2.2.2', 'ann', 0), 500, 'by user')
  tries.refused('1.1.1.1', 'carl', 10)
  t.ok(tries.locksPassword('1.1.1.1', 'anybody', 20))
  t.notOk(tries.locksPassword('2.2.2.2', 'ann', 20))
  for (const address of ['3', '4', '5']) tries.refused(address, 'ann', 30)
  t.ok(tries.locksPassword('6.6.6.6', 'ann', 40), 'from wherever')
  t.notOk(tries.locksAddress('6.6.6.6', 40), 'while its keys open it')
  for (let more = 0; more < 20; more++) t.ok(tries.refused('7', `user ${more}`, 50) <= 5_000)
  t.notOk(tries.locksPassword('1.1.1.1', 'ann', 70_000), 'a lock ends')
  t.equal(tries.refused('1.1.1.1', 'ann', 70_000), 250, 'and the count begins anew')
  for (let more = 0; more < 50_000; more++) tries.refused(`address ${more}`, `name ${more}`, 80_000)
  t.notOk(tries.locksAddress('address 1', 80_000), 'memory is bounded')
})

t.test('a log-in keeps its upload rate over any time', async (t) => {
  const pace = new BytePace(1_000)
  t.equal(pace.take(500, 0), 0, 'half a second at once')
  t.equal(pace.take(500, 0), 500)
  t.equal(pace.take(1_000, 500), 1_000)
  t.equal(pace.take(100, 60_000), 0, 'after a pause')
  t.equal(pace.take(500, 60_000), 100, 'which is not saved up')
})

/** Time stands still until it is set. */
function siteOf(t: Test, parts: Partial<SiteDeps> = {}): { site: Site; path: string; time: { ms: number } } {
  const path = mkdtempSync(join(tmpdir(), 'trunkline-site-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  const time = { ms: 0 }
  const site = new Site({
    terms: Value.Default(DropSiteSchema, {}) as DropSiteConfig,
    fileBytesMax: 1_000,
    clock: { now: () => time.ms, monotonic: () => time.ms },
    log: silentLog,
    metrics: noMetrics,
    ask: async () => null,
    wait: async () => {},
    token: () => '1',
    uploaded: () => {},
    ...parts,
  })
  return { site, path, time }
}

t.test('a session ends when its log-in expires, and when nothing is asked for too long', async (t) => {
  const { site, path, time } = siteOf(t)
  const reasons: string[] = []
  const begin = async (expiresAtMs: number | null): Promise<SiteSession> =>
    await site.begin(
      { credential: 'cred_1', username: 'ann', account: 'acme', root: path, expiresAtMs },
      { protocol: 'sftp', ip: '192.0.2.1', hangUp: (reason) => void reasons.push(reason) },
    )
  const [expires, idles] = [await begin(1_000), await begin(null)]
  const upload = await idles.upload('/half.csv', NEW)
  await idles.write(upload, 0, Buffer.from('half'))
  time.ms = 999
  site.tick()
  t.strictSame(reasons, [])
  time.ms = 1_000
  site.tick()
  t.strictSame(reasons, ['The log-in has expired.'])
  time.ms += site.terms.idleSeconds * 1_000 + 1
  site.tick()
  t.strictSame(reasons.slice(1), ['Nothing was asked for too long.'])
  await Promise.all([expires.end(), idles.end()])
  t.strictSame(readdirSync(path).sort(), ['error', 'processed'], 'nothing is left of what was under way')
  await refused(t, idles.upload('/late.csv', NEW), 'busy', 'an upload after the end')
})

t.test('a drain lets uploads end, takes no new ones, and leaves nothing of those that do not', async (t) => {
  const hungUp: string[] = []
  const { site, path } = siteOf(t, { wait: async () => new Promise((resolve) => setImmediate(resolve)) })
  let token = 0
  const begin = async (name: string): Promise<SiteSession> =>
    await site.begin(
      { credential: name, username: name, account: name, root: join(path, name), expiresAtMs: null },
      { protocol: 'sftp', ip: '192.0.2.1', hangUp: () => void hungUp.push(name) },
    )
  const [ends, idle] = [await begin(`a${++token}`), await begin(`a${++token}`)]
  const upload = await ends.upload('/x.csv', NEW)
  const drained = site.drain(1)
  t.strictSame(hungUp, ['a2'], 'who brings nothing is sent away at once')
  await refused(t, ends.upload('/y.csv', NEW), 'busy', 'another upload')
  await refused(t, begin('a3'), 'busy', 'another session')
  await ends.write(upload, 0, Buffer.from('x'))
  await ends.finish(upload)
  await drained
  t.ok(existsSync(join(path, 'a1', 'x.csv')))
  t.ok(idle.hasEnded && ends.hasEnded)

  const late = siteOf(t)
  const session = await late.site.begin(
    { credential: 'c', username: 'c', account: 'c', root: late.path, expiresAtMs: null },
    { protocol: 'ftp', ip: '192.0.2.1', hangUp: () => {} },
  )
  await session.write(await session.upload('/half.csv', NEW), 0, Buffer.from('half'))
  await late.site.drain(0)
  t.strictSame(readdirSync(late.path).sort(), ['error', 'processed'])
})

t.test('a file that the folder has taken is still shown to the session that brought it, for a while', async (t) => {
  const { site, path, time } = siteOf(t)
  const grant = { credential: 'c', username: 'c', account: 'c', root: path, expiresAtMs: null }
  const session = await site.begin(grant, { protocol: 'sftp', ip: '192.0.2.1', hangUp: () => {} })
  t.teardown(() => session.end())
  const upload = await session.upload('/x.csv', NEW)
  await session.write(upload, 0, Buffer.from('12345'))
  await session.finish(upload)
  renameSync(join(path, 'x.csv'), join(path, 'processed', 'x.csv'))
  t.match(await session.stat('/x.csv'), { size: 5, kind: 'file' })
  await refused(t, session.download('/x.csv'), 'notFound', 'but it is not there')
  const other = await site.begin(grant, { protocol: 'sftp', ip: '192.0.2.1', hangUp: () => {} })
  t.teardown(() => other.end())
  await refused(t, other.stat('/x.csv'), 'notFound', 'nor for another session')
  time.ms = 61_000
  await refused(t, session.stat('/x.csv'), 'notFound', 'nor later')
})

t.test('the log of a refused log-in has neither the password nor what was typed as a name', async (t) => {
  const lines: string[] = []
  const keep = (fields: object, text: string): void => void lines.push(text + JSON.stringify(fields))
  const waits: number[] = []
  const log = { debug: keep, info: keep, warn: keep, error: keep }
  const { site } = siteOf(t, { log, wait: async (ms) => void waits.push(ms) })
  const wish = { protocol: 'sftp', ip: '192.0.2.1', username: 'my-secret-name' } as const
  for (let tries = 0; tries < 12; tries++) {
    t.equal(await site.login({ ...wish, proof: { kind: 'password', password: 'my secret word' } }), null)
  }
  t.equal(lines.length, 12)
  t.notMatch(lines.join(), /secret/)
  t.strictSame(waits.slice(0, 7), [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000], 'and each answer comes later')
  t.equal(lines.filter((line) => line.includes('"isLocked":true')).length, 2, 'the address is locked after ten')
})
