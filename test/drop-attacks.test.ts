/**
 * Attacks on the drop folders over FTP and SFTP: paths, names, links, special files, other accounts, other sessions, and
 * the protocols themselves. Each time: nothing of a tree outside was read or changed, and the server still serves.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import ssh2 from 'ssh2'
import t, { type Test } from 'tap'
import { attackPaths, octetPaths } from './drop-attack-paths.js'
import { type Attacker, ftpAttacker, sftpAttacker } from './drop-attackers.js'
import { contentOf, PASSWORD, type SiteStand, startSite, watched, writeInto } from './drop-site-stand.js'
import { FtpTalk } from './ftp-talk.js'

/** Stands in every file that nobody may read, and is the name of one in each folder that nobody may list. */
const MARKER = 'CANARY-7f3a'
let cases = 0

/** The trees that nobody may touch: beside the drop folders, the engine's own data, and another account's. */
async function startGuarded(
  t: Test,
  site: object = {},
): Promise<{ stand: SiteStand; outside: string; look(): string }> {
  const ftp = { allowPlain: true, active: true }
  // Whether a client died is of no interest here, and each upload without TLS would wait for it.
  const stand = await startSite(t, { ftp, site: { loginTries: 1_000, ...site }, ftpWaitMsMax: 0 })
  const outside = path.join(stand.folder, 'outside')
  const rival = stand.root('rival')
  const files = { [`${MARKER}.csv`]: MARKER, 'secret.csv': MARKER, 'waiting.csv': MARKER, 'report.csv': MARKER }
  for (const folder of [
    outside,
    path.join(outside, 'deep'),
    rival,
    path.join(rival, 'processed'),
    path.join(rival, 'error'),
  ]) {
    writeInto(folder, files)
  }
  writeFileSync(path.join(stand.dataDir, 'secret.csv'), MARKER)
  const seen = watched([outside, rival, stand.dataDir])
  return { stand, outside, look: () => `${readdirSync(stand.drop).sort().join()}\n${seen()}` }
}

/** What of the trees outside is not as it was: before and now. */
function changes(before: string, now: string): string[] {
  if (before === now) return []
  const lines = before.split('\n')
  const others = now.split('\n').filter((line) => !lines.includes(line))
  return ['the tree outside is not as it was', ...lines.filter((line) => !now.includes(line)), 'but', ...others]
}

async function attackers(stand: SiteStand, t: Test): Promise<Attacker[]> {
  const both = [await ftpAttacker(stand), await sftpAttacker(stand)]
  t.teardown(() => {
    for (const attacker of both) attacker.close()
  })
  return both
}

/** Every operation on the path; `before` each of them. What is wrong, a line each. */
async function tryAll(attacker: Attacker, where: string, before: () => void = () => {}): Promise<string[]> {
  const wrong: string[] = []
  for (const [name, operation] of Object.entries(attacker.operations)) {
    before()
    cases++
    const answer = await operation(where)
    if (answer.includes(MARKER))
      wrong.push(`${attacker.protocol} ${name} ${JSON.stringify(where)} gave what was outside`)
  }
  if (!(await attacker.isServed())) wrong.push(`${attacker.protocol} serves no more after ${JSON.stringify(where)}`)
  return wrong
}

t.test('the watch itself works: reading, writing and linking outside would be seen', async (t) => {
  const { outside, look } = await startGuarded(t)
  const before = look()
  t.equal(look(), before, 'looking changes nothing')
  writeFileSync(path.join(outside, 'new.csv'), 'x')
  const after = look()
  t.not(after, before)
  linkSync(path.join(outside, 'new.csv'), path.join(outside, 'deep', 'linked.csv'))
  t.not(look(), after)
})

t.test('no path leaves the account’s folder, by any operation', async (t) => {
  const { stand, look } = await startGuarded(t)
  const both = await attackers(stand, t)
  const before = look()
  for (const where of attackPaths(stand.folder)) {
    // Over both at once: in each other's way they may be, too.
    const wrong = (await Promise.all(both.map((attacker) => tryAll(attacker, where)))).flat()
    wrong.push(...changes(before, look()))
    t.strictSame(wrong, [], JSON.stringify(where.length > 80 ? `${where.slice(0, 60)}… ${where.length}` : where))
  }
  const names = stand.names()
  t.strictSame(
    names.filter((name) => /[\u0000-\u001f\\]/.test(name)),
    [],
    'no name with control characters came to be',
  )
  t.ok(names.includes('processed') && names.includes('error'), 'the folders of the server are still there')
})

t.test('octets that are no UTF-8 make no other path', async (t) => {
  const { stand, look } = await startGuarded(t)
  const before = look()
  const talk = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD, false)
  for (const octets of octetPaths) {
    for (const verb of ['SIZE', 'MLST', 'DELE', 'MKD', 'CWD', 'RNFR']) {
      cases++
      const { code, text } = await talk.ask(Buffer.concat([Buffer.from(`${verb} `), octets]))
      t.ok(code >= 500 && !text.includes(MARKER), `${verb} ${octets.toString('hex').slice(0, 20)}: ${code}`)
    }
  }
  t.equal(look(), before)
  talk.close()
})

t.test('links that somebody planted lead nowhere, neither at their place nor as folders', async (t) => {
  const { stand, outside, look } = await startGuarded(t)
  const root = stand.root()
  const both = await attackers(stand, t)
  const targets = {
    file: path.join(outside, 'secret.csv'),
    folder: outside,
    gone: path.join(outside, 'gone.csv'),
    rival: stand.root('rival'),
    up: '..',
    top: '/',
    self: 'self',
    relative: '../../outside/secret.csv',
  }
  const before = look()
  for (const attacker of both) {
    for (const [name, target] of Object.entries(targets)) {
      const plant = (): void => {
        for (const place of [`${name}`, `${name}.part`, `processed/${name}`]) {
          rmSync(path.join(root, place), { force: true, recursive: true })
          symlinkSync(target, path.join(root, place))
        }
      }
      for (const where of [
        name,
        `${name}.part`,
        `processed/${name}`,
        `${name}/secret.csv`,
        `${name}/gone.csv`,
        `processed/${name}/deep/secret.csv`,
        `processed/${name}/.`,
      ]) {
        const wrong = await tryAll(attacker, where, plant)
        wrong.push(...changes(before, look()))
        t.strictSame(wrong, [], `${attacker.protocol} ${where} → ${name}`)
      }
    }
  }
  const talk = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD, false)
  const listed = (await talk.get('NLST processed', true)).content.toString()
  t.equal(listed, '', 'links are not even listed')
  talk.close()
})

t.test('folders of the server that were swapped for links lead nowhere, also for a session that is open', async (t) => {
  const { stand, outside, look } = await startGuarded(t)
  const both = await attackers(stand, t)
  for (const area of ['processed', 'error']) {
    renameSync(path.join(stand.root(), area), path.join(stand.folder, `old-${area}`))
    symlinkSync(outside, path.join(stand.root(), area))
  }
  const before = look()
  for (const attacker of both) {
    for (const where of [
      'processed',
      'processed/secret.csv',
      'error/deep',
      'error/deep/secret.csv',
      'processed/new.csv',
    ]) {
      t.strictSame(await tryAll(attacker, where), [], `${attacker.protocol} ${where}`)
    }
  }
  t.equal(look(), before)
  for (const later of await attackers(stand, t)) {
    t.strictSame(await tryAll(later, 'processed/secret.csv'), [], `${later.protocol} in a new session`)
  }
  t.equal(look(), before)
  // The root as a whole: whoever may do that owns the machine's folder, and still nothing is served through it.
  renameSync(stand.root(), `${stand.root()}-moved`)
  symlinkSync(outside, stand.root())
  const linked = await FtpTalk.open(stand.ftpPort)
  await linked.ask('USER acme')
  t.equal((await linked.ask(`PASS ${PASSWORD}`)).code, 421, 'a root that is a link is not opened')
  linked.close()
})

t.test('a folder that is swapped for a link and back, all the time, never leads outside', async (t) => {
  const { stand, outside, look } = await startGuarded(t)
  const folder = path.join(stand.root(), 'processed')
  const both = await attackers(stand, t)
  mkdirSync(path.join(folder, 'sub'))
  writeFileSync(path.join(folder, 'sub', 'secret.csv'), 'mine')
  symlinkSync(outside, path.join(folder, 'link'))
  writeFileSync(path.join(stand.root(), 'own'), 'mine')
  symlinkSync(path.join(outside, 'secret.csv'), path.join(stand.root(), 'other'))
  const before = look()
  const swap = `const { renameSync: r } = require('node:fs')
    const swap = (a, b) => { try { r(a, a + '.away'); r(b, a); r(a, b); r(a + '.away', a) } catch {} }
    process.stdout.write('.')
    for (;;) { swap('processed/sub', 'processed/link'); swap('own', 'other') }`
  const child = spawn(process.execPath, ['-e', swap], { cwd: stand.root(), stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout!, 'data')
  const safe = [
    'RETR',
    'LIST',
    'SIZE',
    'MLSD',
    'CWD',
    'MKD',
    'RMD',
    'DELE',
    'read',
    'stat',
    'list',
    'remove',
    'update',
    'mkdir',
    'rmdir',
    'truncate',
    'chmod',
  ]
  for (let round = 0; round < 12; round++) {
    for (const { operations, protocol } of both) {
      for (const name of safe.filter((one) => operations[one] !== undefined)) {
        for (const where of ['processed/sub/secret.csv', 'processed/sub', 'processed/sub/deep/new', 'own']) {
          cases++
          const answer = await operations[name]!(where)
          if (answer.includes(MARKER)) t.fail(`${protocol} ${name} ${where}`)
        }
      }
    }
  }
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.equal(look(), before)
})

t.test('a second name of a file elsewhere is neither read nor written', async (t) => {
  const { stand, outside } = await startGuarded(t)
  const secret = path.join(outside, 'secret.csv')
  const both = await attackers(stand, t)
  const places = ['hard.csv', 'hard.csv.part', '.hard', 'processed/hard.csv', 'error/hard.part']
  const plant = (): void => {
    for (const place of places) {
      rmSync(path.join(stand.root(), place), { force: true, recursive: true })
      linkSync(secret, path.join(stand.root(), place))
    }
  }
  const content = contentOf(stand.folder)
    .split('\n')
    .filter((line) => line.startsWith('outside/'))
    .join('\n')
  const { mtimeMs, mode } = statSync(secret)
  for (const attacker of both) {
    for (const place of places) t.strictSame(await tryAll(attacker, place, plant), [], `${attacker.protocol} ${place}`)
  }
  t.equal(
    contentOf(stand.folder)
      .split('\n')
      .filter((line) => line.startsWith('outside/'))
      .join('\n'),
    content,
  )
  t.match(statSync(secret), { mtimeMs, mode })
})

t.test('pipes, sockets and devices are not opened, and nobody waits for them', async (t) => {
  const { stand, look } = await startGuarded(t)
  const root = stand.root()
  const both = await attackers(stand, t)
  const before = look()
  const server = createServer().listen(path.join(root, 'socket.part'))
  await once(server, 'listening')
  t.teardown(() => server.close())
  let hasDevices = true
  /** Where an operation has put a file in its place, or removed it, the next one finds it anew. */
  const make = (name: string, ...kind: string[]): void => {
    const facts = lstatSync(path.join(root, name), { throwIfNoEntry: false })
    if (facts?.isFIFO() || facts?.isCharacterDevice()) return
    rmSync(path.join(root, name), { force: true, recursive: true })
    execFileSync(kind.length === 0 ? 'mkfifo' : 'mknod', [name, ...kind], { cwd: root, stdio: 'ignore' })
  }
  const plant = (): void => {
    for (const name of ['pipe', 'pipe.part', 'processed/pipe']) make(name)
    try {
      if (hasDevices) for (const name of ['zero', 'zero.part']) make(name, 'c', '1', '5')
    } catch {
      // Only root makes devices.
      hasDevices = false
    }
  }
  plant()
  const places = ['pipe', 'pipe.part', 'processed/pipe', 'socket.part', ...(hasDevices ? ['zero', 'zero.part'] : [])]
  for (const attacker of both) {
    for (const place of places) t.strictSame(await tryAll(attacker, place, plant), [], `${attacker.protocol} ${place}`)
  }
  t.equal(look(), before)
  t.ok(lstatSync(path.join(root, 'socket.part')).isSocket(), 'what is no file is left alone')
})

t.test('what was processed is not written, overwritten or moved about, and the server’s folders stay', async (t) => {
  const { stand } = await startGuarded(t)
  const root = stand.root()
  const both = await attackers(stand, t)
  writeFileSync(path.join(root, 'processed', 'report.csv'), 'the report')
  writeFileSync(path.join(root, 'error', 'why.txt'), 'why')
  const keep = ['processed', 'processed/.', '/processed/', 'error', 'x/../error', '/', '.', '']
  for (const attacker of both) for (const where of keep) await tryAll(attacker, where)
  t.equal(stand.read('processed/report.csv'), 'the report')
  t.equal(stand.read('error/why.txt'), 'why')
  const [ftp, sftp] = both as [Attacker, Attacker]
  for (const name of ['STOR', 'APPE', 'RNTO']) {
    cases++
    t.match(await ftp.operations[name]!('processed/report.csv'), /55\d /, `FTP ${name}`)
  }
  for (const name of ['write', 'append', 'update', 'exclusive', 'truncate', 'renameTo', 'posixRename']) {
    cases++
    t.match(await sftp.operations[name]!('/processed/report.csv'), /Error/, `SFTP ${name}`)
  }
  t.equal(stand.read('processed/report.csv'), 'the report')
})

t.test('ten thousand files are listed, to many at once, with names that forge nothing', async (t) => {
  const { stand } = await startGuarded(t)
  const root = stand.root()
  const both = await attackers(stand, t)
  for (let file = 0; file < 10_000; file++) writeFileSync(path.join(root, 'processed', `f${file}.csv`), '')
  // As another program may have made them: a listing must not be steered by a name.
  writeFileSync(path.join(root, 'processed', 'x\r\n-rw-rw----   1 ftp ftp 1 Nov 22 15:47 forged.csv'), '')
  writeFileSync(path.join(root, 'processed', '\u001b[2Jx.csv'), '')
  const [ftp, sftp] = both as [Attacker, Attacker]
  const lists = await Promise.all([ftp.operations.NLST!('processed'), sftp.operations.list!('/processed')])
  cases += 2
  t.equal(new Set(lists[0].match(/\bf\d+\.csv/g)).size, 10_000)
  t.equal(new Set(lists[1].match(/"f\d+\.csv"/g)).size, 10_000)
  t.notMatch(lists[0], /\r\n-rw/)
  t.notMatch(lists[0], /\u001b/)
})

t.test(
  'passwords are guessed ten times and no more; a user that does not exist is answered as one that does',
  async (t) => {
    const { stand } = await startGuarded(t, { loginTries: 10, lockSeconds: 600 })
    const answers: string[] = []
    const guess = async (user: string, password: string): Promise<string> => {
      cases++
      const talk = await FtpTalk.open(stand.ftpPort)
      const asked = await talk.ask(`USER ${user}`)
      const { code, text } = await talk.ask(`PASS ${password}`)
      talk.close()
      if (code === 530) answers.push(asked.text + text)
      return text
    }
    await Promise.all(
      ['acme', 'nobody', 'root', 'admin', 'rival', "' OR 1=1 --", '%s%n', '../acme', 'ACME', 'acme '].map((user) =>
        guess(user, 'wrong'),
      ),
    )
    t.equal(new Set(answers).size, 1, 'one answer for all')
    t.equal(answers.length, 10)
    const asked = stand.asked.length
    t.match(await guess('acme', PASSWORD), /^530 /, 'locked out, even with the right one')
    t.equal(stand.asked.length, asked, 'and it was not looked at')
    const client = new ssh2.Client()
    const refused = once(client, 'error')
    // The server closes the connection, which is one more.
    client.on('error', () => {})
    client.connect({ host: '127.0.0.1', port: stand.sftpPort, username: 'acme', password: PASSWORD })
    t.match(String((await refused)[0]), /authentication/i, 'over SFTP neither')
    t.ok(Math.max(...stand.waited) > 3_000, 'each refusal takes longer')
    client.end()
  },
)

t.test('ends of lines in user names and paths are no second command of the server', async (t) => {
  const { stand, look } = await startGuarded(t)
  const before = look()
  const users = [
    'acme\rPASS x',
    'acme\u0000',
    'acme\u0085x',
    '\u001b]0;x\u0007',
    'a'.repeat(4_000),
    '%n'.repeat(50),
    '__proto__',
  ]
  for (const user of users) {
    cases++
    const talk = await FtpTalk.open(stand.ftpPort)
    t.equal((await talk.ask(`USER ${user}`)).code, 331)
    t.equal((await talk.ask('PASS x')).code, 530)
    t.equal((await talk.ask('PWD')).code, 530, 'and nobody is logged in')
    talk.close()
  }
  const logged = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD, false)
  for (const name of ['a\rDELE b', 'a\u0000b', 'a\u0085b', 'a\u2028b', '\u0007']) {
    cases++
    const { text } = await logged.ask(`MLST ${name}`)
    t.ok(/^55\d [^\r\n]*\r\n$/.test(text), JSON.stringify(text))
  }
  t.equal(look(), before)
  logged.close()
})

t.test('FTP connects to nobody else, and nobody else to it', async (t) => {
  const { stand } = await startGuarded(t)
  const victim = createServer(() => t.fail('somebody was connected to')).listen(0, '127.0.0.2')
  await once(victim, 'listening')
  t.teardown(() => victim.close())
  const { port } = victim.address() as { port: number }
  const talk = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD, false)
  const digits = `${port >> 8},${port & 255}`
  for (const line of [
    ...[
      `PORT 127,0,0,2,${digits}`,
      `PORT 127,0,0,1,0,22`,
      `PORT 0,0,0,0,${digits}`,
      `PORT 127,0,0,2,${digits}\u0000`,
      `PORT -1,0,0,1,${digits}`,
    ],
    ...[
      `EPRT |1|127.0.0.2|${port}|`,
      `EPRT |1|localhost|${port}|`,
      `EPRT |2|::ffff:127.0.0.2|${port}|`,
      `EPRT |1|127.0.0.1|80|`,
      `EPRT |1|127.1|${port}|`,
    ],
    ...[
      `EPRT |1|2130706434|${port}|`,
      `EPRT |1|0x7f.0.0.2|${port}|`,
      `EPRT |1|127.0.0.1|-1|`,
      `EPRT |2|::1%lo|${port}|`,
    ],
  ]) {
    cases++
    t.ok((await talk.ask(line)).code >= 500, JSON.stringify(line))
    t.equal((await talk.ask('NLST')).code, 425, 'no data connection is set')
  }
  talk.close()
})

t.test('SSH opens nothing but the SFTP subsystem', async (t) => {
  const { stand } = await startGuarded(t)
  const { client, isServed } = await sftpAttacker(stand)
  t.teardown(() => client.end())
  const refused = async (name: string, call: (done: (error?: Error | null) => void) => unknown): Promise<void> => {
    cases++
    const error = await new Promise<unknown>((resolve) => call((failed) => resolve(failed ?? null)))
    t.ok(error, name)
    t.ok(await isServed(), `${name}: SFTP goes on`)
  }
  for (const command of ['id', 'sh -i', 'scp -f /etc/passwd', 'internal-sftp', 'rsync --server', '']) {
    await refused(`exec ${command}`, (done) => client.exec(command, (error) => done(error)))
  }
  await refused('shell', (done) => client.shell((error) => done(error)))
  await refused('pty', (done) => client.exec('id', { pty: true }, (error) => done(error)))
  await refused('x11', (done) => client.exec('id', { x11: true }, (error) => done(error)))
  for (const subsystem of ['netconf', 'SFTP', 'sftp\u0000', '', 'shell']) {
    await refused(`subsystem ${JSON.stringify(subsystem)}`, (done) => client.subsys(subsystem, (error) => done(error)))
  }
  await refused('forward in', (done) => client.forwardIn('0.0.0.0', 0, (error) => done(error)))
  await refused('forward out', (done) =>
    client.forwardOut('127.0.0.1', 1, '127.0.0.1', stand.ftpPort, (error) => done(error)),
  )
  await refused('forward a Unix socket', (done) =>
    client.openssh_forwardOutStreamLocal('/run/x.sock', (error) => done(error)),
  )
  await refused('forward a Unix socket in', (done) =>
    client.openssh_forwardInStreamLocal('/tmp/x.sock', (error) => done(error)),
  )
})

/** A packet of SFTP: type, id, fields. */
function packet(type: number, id: number, ...fields: (number | string | Buffer)[]): Buffer {
  const parts = fields.map((field) => {
    if (typeof field === 'number') return Buffer.from(field.toString(16).padStart(8, '0'), 'hex')
    const octets = Buffer.from(field)
    return Buffer.concat([Buffer.from(octets.length.toString(16).padStart(8, '0'), 'hex'), octets])
  })
  const body = Buffer.concat([Buffer.from([type]), Buffer.from(id.toString(16).padStart(8, '0'), 'hex'), ...parts])
  return Buffer.concat([Buffer.from(body.length.toString(16).padStart(8, '0'), 'hex'), body])
}

interface RawSftp {
  ask(octets: Buffer): Promise<Buffer | null>
  close(): void
}

/** SFTP by hand: what ssh2's client would never send. */
async function rawSftp(stand: SiteStand, user: string): Promise<RawSftp> {
  const client = new ssh2.Client()
  client.connect({ host: '127.0.0.1', port: stand.sftpPort, username: user, password: PASSWORD })
  await once(client, 'ready')
  client.on('error', () => {})
  const channel = await new Promise<ssh2.ClientChannel>((resolve, reject) =>
    client.subsys('sftp', (error, made) => (error ? reject(error) : resolve(made))),
  )
  let held = Buffer.alloc(0)
  let isOver = false
  let wake = (): void => {}
  channel.on('data', (octets: Buffer) => {
    held = Buffer.concat([held, octets])
    wake()
  })
  channel.on('close', () => {
    isOver = true
    wake()
  })
  const ask = async (octets: Buffer): Promise<Buffer | null> => {
    channel.write(octets)
    for (;;) {
      const length = held.length < 4 ? Number.POSITIVE_INFINITY : held.readUInt32BE(0) + 4
      if (held.length >= length) {
        const answer = held.subarray(4, length)
        held = held.subarray(length)
        return answer
      }
      if (isOver) return null
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  // SSH_FXP_INIT has a version in the place of an id.
  await ask(Buffer.from('000000050100000003', 'hex'))
  return { ask, close: () => client.end() }
}

const STATUS = 101
const HANDLE = 102
const DATA = 103

t.test('a handle is good in its own session only, and only for what it was opened for', async (t) => {
  const { stand, look } = await startGuarded(t)
  writeFileSync(path.join(stand.root(), 'mine.csv'), 'mine')
  const before = look()
  const mine = await rawSftp(stand, 'acme')
  const other = await rawSftp(stand, 'acme')
  const opened = await mine.ask(packet(3, 1, '/mine.csv', 1, 0))
  t.equal(opened![0], HANDLE)
  const handle = opened!.subarray(9)
  const foreign = [
    handle,
    Buffer.alloc(0),
    Buffer.alloc(4),
    Buffer.alloc(256, 255),
    Buffer.from('0'),
    Buffer.from('../x'),
    Buffer.from([...handle, 0]),
  ]
  for (const one of foreign) {
    for (const make of [
      () => packet(5, 2, one, 0, 0, 100),
      () => packet(6, 2, one, 0, 0, 'x'),
      () => packet(8, 2, one),
      () => packet(10, 2, one, 0),
      () => packet(12, 2, one),
      () => packet(4, 2, one),
    ]) {
      cases++
      t.equal((await other.ask(make()))![0], STATUS)
    }
  }
  t.equal((await mine.ask(packet(6, 3, handle, 0, 0, 'x')))![0], STATUS, 'it was opened for reading')
  t.equal((await mine.ask(packet(12, 3, handle)))![0], STATUS, 'and is no folder')
  const beyond: [number, number][] = [
    [0, 4],
    [0, 1_000],
    [0xffffffff, 0xffffffff],
    [0x7fffffff, 0xffffffff],
    [0x1fffff, 0xffffffff],
  ]
  for (const [high, low] of beyond) {
    cases++
    t.equal((await mine.ask(packet(5, 4, handle, high, low, 100)))![0], STATUS, 'beyond the end')
  }
  t.equal((await mine.ask(packet(5, 5, handle, 0, 0, 0xffffffff)))![0], DATA, 'so much is not given at once')
  t.equal(stand.read('mine.csv'), 'mine')
  t.equal(look(), before)
  mine.close()
  other.close()
})

t.test('writing far behind the end makes no sparse giant', async (t) => {
  const { stand } = await startGuarded(t)
  const raw = await rawSftp(stand, 'acme')
  const { handle } = { handle: (await raw.ask(packet(3, 1, '/bomb.csv', 0x1a, 0)))!.subarray(9) }
  for (const [high, low] of [
    [0x7fffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x1fffff, 0xffffffff],
    [0x100, 0],
    [0x10, 0],
    [3, 0],
  ] as const) {
    cases++
    const answer = await raw.ask(packet(6, 2, handle, high, low, 'x'))
    t.strictSame([answer![0], answer!.readUInt32BE(5) === 0], [STATUS, false])
  }
  await raw.ask(packet(4, 3, handle))
  for (const name of stand.names()) t.ok(lstatSync(path.join(stand.root(), name)).size < 1 << 20, name)
  raw.close()
})

t.test('every combination of flags opens only files of the folder', async (t) => {
  const { stand, outside, look } = await startGuarded(t)
  symlinkSync(path.join(outside, 'secret.csv'), path.join(stand.root(), 'link.part'))
  const before = look()
  const raw = await rawSftp(stand, 'acme')
  for (let flags = 0; flags < 128; flags++) {
    for (const where of ['/link.part', '/../../outside/secret.csv', '/processed']) {
      cases++
      const answer = (await raw.ask(packet(3, flags, where, flags, 0)))!
      if (answer[0] !== HANDLE) continue
      const content = await raw.ask(packet(5, flags, answer.subarray(9), 0, 0, 1_000))
      t.notOk(content!.includes(MARKER), `${where} ${flags}`)
      await raw.ask(packet(4, flags, answer.subarray(9)))
    }
  }
  t.equal(look(), before)
  raw.close()
})

t.test('packets that are none end one channel or are answered, and nothing else', async (t) => {
  const { stand, look } = await startGuarded(t)
  const before = look()
  const witness = await sftpAttacker(stand)
  const bad = [
    ...[
      '00000000',
      'ffffffff',
      '7fffffff00',
      '0000000103',
      '00000005030000',
      '000000050300000001ffffffff',
      '0000000903000000017fffffff',
    ],
    ...[
      '00000005c800000001',
      '0000000dc80000000100000004aaaaaaaa',
      '000000050100000003',
      '00000009050000000100000000',
      '0000000105',
    ],
  ].map((hex) => Buffer.from(hex, 'hex'))
  const random = Array.from({ length: 20 }, (_, place) =>
    packet(3 + place, place, Buffer.alloc(place, 255), 7, 'x'.repeat(place)),
  )
  for (const octets of [...bad, ...random, packet(200, 1, 'x'.repeat(30_000)), packet(14, 1, '/a'.repeat(5_000), 0)]) {
    cases++
    const raw = await rawSftp(stand, 'acme')
    void raw.ask(octets).catch(() => {})
    // Behind it a request that is well-formed: it is answered, or the channel is closed.
    t.ok(await witness.isServed(), octets.subarray(0, 12).toString('hex'))
    raw.close()
  }
  t.equal(look(), before)
  witness.close()
})

t.test('there were more than two hundred attacks', async (t) => {
  t.comment(`${cases} attacks`)
  t.ok(cases >= 200, `${cases} attacks`)
})
