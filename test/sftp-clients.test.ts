/** SFTP driven by clients that are not ours: OpenSSH's sftp, scp and ssh, curl, lftp, and ssh2-sftp-client. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SftpClient from 'ssh2-sftp-client'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { seed } from './seed.js'
import { filesIn, keyPair, SSH_OPTIONS, stand } from './sftp-support.js'

const random = new Random(seed)
const s = await stand(t, {}, { hostKey: undefined })

/** Octets of every value, so that no client and no server may take them for text. */
function octets(length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)))
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

t.test('OpenSSH by password: up and down byte for byte, renamed, listed, removed', async (t) => {
  const { drop, login: newLogin } = await s.account()
  const login = await newLogin()
  const file = join(s.folder, 'clients.csv')
  const content = octets(300_000)
  writeFileSync(file, content)
  const done = await s.sftp(login, [
    'pwd',
    `put ${file}`,
    'rename clients.csv Kunden-Grüße.csv',
    `get Kunden-Grüße.csv ${file}.back`,
    `put -p ${file} second.csv`,
    'chmod 600 second.csv',
    'ls -l',
    'rm second.csv',
    'mkdir processed/2026',
    'ls processed',
    'rmdir processed/2026',
    'df',
  ])
  t.equal(done.code, 0, done.said)
  t.match(done.out, /Remote working directory: \//)
  t.match(done.out, /-rw-r----- .* 300000 .* second\.csv/)
  t.match(done.out, /processed\/2026/)
  t.strictSame(filesIn(drop), ['Kunden-Grüße.csv'])
  t.equal(sha256(readFileSync(join(drop, 'Kunden-Grüße.csv'))), sha256(content), 'up')
  t.equal(sha256(readFileSync(`${file}.back`)), sha256(content), 'down')
})

t.test('OpenSSH is told no where it must be, and goes on', async (t) => {
  const { drop, login: newLogin } = await s.account()
  const login = await newLogin()
  const file = join(s.folder, 'a.csv')
  writeFileSync(file, 'to\n')
  const wrong = [
    ...['mkdir sub', 'rmdir processed', 'rename processed other', 'symlink a.csv b.csv', 'ln a.csv c.csv'],
    ...[
      `put ${file} processed/a.csv`,
      `put ${file} ../../../../tmp/a.csv`,
      'get ../../../../etc/passwd',
      'rm processed',
    ],
    ...[`put ${file} .trunkline-1.part`, 'rename a.csv processed/a.csv', 'ls ../../etc'],
  ]
  const batch = [`put ${file}`, `put ${file} second.csv`, ...wrong.map((line) => `-${line}`), 'ls -1']
  const done = await s.sftp(login, batch)
  t.equal(done.code, 0, done.said)
  t.ok(done.said.split('\n').filter((line) => line !== '').length >= wrong.length, 'each was refused')
  t.notMatch(done.said, s.folder, 'and none names a path of the server')
  t.strictSame(filesIn(drop), ['a.csv', 'second.csv'])
})

t.test('keys open it: ed25519, ECDSA and RSA with SHA-2, not RSA with SHA-1, nor a key of somebody else', async (t) => {
  const { login: newLogin } = await s.account()
  const keys = [await keyPair(s, 'ed25519'), await keyPair(s, 'ecdsa', 256), await keyPair(s, 'ecdsa', 521)]
  const rsa = await keyPair(s, 'rsa', 2_048)
  const publicKeys = [...keys, rsa].map(({ line }) => line)
  const { username, password } = await newLogin({ username: 'keys-only', password: null, publicKeys })
  t.equal(password, '', 'no password is made')
  const target = `${username}@127.0.0.1`
  const base = ['-q', ...SSH_OPTIONS, '-o', 'IdentitiesOnly=yes', '-P', String(s.port), '-b', '-']
  for (const { file } of [...keys, rsa]) {
    const done = await s.run('sftp', [...base, '-i', file, target], 'ls\n')
    t.equal(done.code, 0, file + done.said)
  }
  for (const algorithm of ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519']) {
    const done = await s.run('sftp', [...base, '-o', `HostKeyAlgorithms=${algorithm}`, '-i', rsa.file, target], 'ls\n')
    t.equal(done.code, 0, `the host shows itself with ${algorithm}: ${done.said}`)
  }
  const sha1 = await s.run('sftp', [...base, '-o', 'PubkeyAcceptedAlgorithms=ssh-rsa', '-i', rsa.file, target], 'ls\n')
  t.not(sha1.code, 0, 'SHA-1')
  const host = await s.run('sftp', [...base, '-o', 'HostKeyAlgorithms=ssh-rsa', '-i', rsa.file, target], 'ls\n')
  t.not(host.code, 0, 'a host key with SHA-1')
  const stranger = await keyPair(s, 'ed25519')
  t.not((await s.run('sftp', [...base, '-i', stranger.file, target], 'ls\n')).code, 0, 'a key of somebody else')
  const other = await s.run('sftp', [...base, '-i', rsa.file, 'somebody@127.0.0.1'], 'ls\n')
  t.not(other.code, 0, 'another user name')
})

t.test('scp in its SFTP mode works; a shell, a command, the old scp and forwarding are refused cleanly', async (t) => {
  const { drop, login: newLogin } = await s.account()
  const { file, line } = await keyPair(s, 'ed25519')
  const { username } = await newLogin({ password: null, publicKeys: [line] })
  const options = [...SSH_OPTIONS, '-o', 'IdentitiesOnly=yes', '-i', file]
  const source = join(s.folder, 'scp.csv')
  const content = octets(100_000)
  writeFileSync(source, content)
  const target = `${username}@127.0.0.1`
  const copied = await s.run('scp', [...options, '-P', String(s.port), '-s', source, `${target}:copied.csv`])
  t.equal(copied.code, 0, copied.said)
  t.equal(sha256(readFileSync(join(drop, 'copied.csv'))), sha256(content))
  const old = await s.run('scp', [...options, '-P', String(s.port), '-O', source, `${target}:old.csv`])
  t.not(old.code, 0, 'the old scp is a command')
  const ssh = async (...more: string[]): Promise<number | null> =>
    (await s.run('ssh', [...options, '-p', String(s.port), ...more])).code
  t.not(await ssh(target, 'id'), 0, 'a command')
  t.not(await ssh(target), 0, 'a shell')
  t.not(await ssh('-o', 'ExitOnForwardFailure=yes', '-N', '-R', '0:127.0.0.1:22', target), 0, 'remote forwarding')
  t.not(await ssh('-W', '127.0.0.1:22', target), 0, 'local forwarding')
  t.strictSame(filesIn(drop), ['copied.csv'])
})

t.test('curl and lftp bring, list, fetch and rename files', async (t) => {
  const { drop, login: newLogin } = await s.account()
  const { username, password } = await newLogin()
  const many = join(s.folder, 'many')
  mkdirSync(many)
  const contents = new Map(
    Array.from({ length: 30 }, (_, place) => [`m${place}.csv`, octets(1 + random.below(50_000))]),
  )
  for (const [name, content] of contents) writeFileSync(join(many, name), content)
  const url = `sftp://127.0.0.1:${s.port}`
  const curl = ['-sS', '--insecure', '-u', `${username}:${password}`]
  const brought = await s.run('curl', [
    ...curl,
    '-T',
    join(many, 'm0.csv'),
    `${url}/curl.csv`,
    '-Q',
    '-rename curl.csv c2.csv',
  ])
  t.equal(brought.code, 0, brought.said)
  t.match((await s.run('curl', [...curl, `${url}/`])).out, /c2\.csv/)
  const back = join(s.folder, 'back')
  t.equal((await s.run('curl', [...curl, '-o', back, `${url}/c2.csv`])).code, 0)
  t.equal(sha256(readFileSync(back)), sha256(contents.get('m0.csv')!))
  t.equal((await s.run('curl', [...curl, '-T', back, `${url}/../../../tmp/x.csv`])).code === 0, false)
  const commands = [
    ...[
      `set sftp:connect-program "ssh -a -x ${SSH_OPTIONS.join(' ')}"`,
      'set net:max-retries 2',
      'set cmd:fail-exit yes',
    ],
    ...[`mirror -R --parallel=4 ${many} .`, `put -c ${back} -o again.csv`, 'mv again.csv moved.csv', 'rm c2.csv'],
    ...['set xfer:use-temp-file yes', 'set xfer:temp-file-name *.part', `put ${back} -o temp.csv`, 'cls -1'],
  ]
  const lftp = await s.run('lftp', ['-u', `${username},${password}`, '-e', `${commands.join('; ')}; bye`, url])
  t.equal(lftp.code, 0, lftp.said)
  t.match(lftp.out, /moved\.csv/)
  t.strictSame(filesIn(drop), [...contents.keys(), 'moved.csv', 'temp.csv'].sort())
  for (const [name, content] of contents) t.equal(sha256(readFileSync(join(drop, name))), sha256(content), name)
})

t.test('ssh2-sftp-client: put, append to a temporary name, posix-rename, list, get, delete', async (t) => {
  const { drop, login: newLogin } = await s.account()
  const { username, password } = await newLogin()
  const client = new SftpClient('test')
  t.teardown(() => client.end())
  await client.connect({ host: '127.0.0.1', port: s.port, username, password })
  const content = octets(200_000)
  await client.put(content, '/x.csv.tmp')
  await client.append(octets(0), '/x.csv.tmp')
  await client.posixRename('/x.csv.tmp', '/x.csv')
  await client.put(content, '/y.csv')
  await client.posixRename('/y.csv', '/x.csv')
  t.strictSame((await client.list('/')).map(({ name, type }) => `${type}${name}`).sort(), [
    '-x.csv',
    'derror',
    'dprocessed',
  ])
  t.equal(sha256((await client.get('/x.csv')) as Buffer), sha256(content))
  t.equal(await client.exists('/processed'), 'd')
  t.equal(await client.exists('/none.csv'), false)
  t.equal((await client.stat('/x.csv')).size, content.length)
  await client.delete('/x.csv')
  await t.rejects(client.mkdir('/sub'))
  t.strictSame(filesIn(drop), [])
})
