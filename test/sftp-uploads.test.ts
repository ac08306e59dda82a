/** Uploads by SFTP that break off, are too much, or speak a protocol of their own; and a site thread that dies. */
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClientChannel, SFTPWrapper } from 'ssh2'
import t from 'tap'
import { hostKeys, hostKeyView } from '../src/drop/sftp/host-keys.js'
import { silentLog } from '../src/engine/contract/log.js'
import { filesIn, type Login, sftpOf, stand, subsystemOf, until } from './sftp-support.js'

const MIB = 1 << 20
const s = await stand(t, { handles: 8 })

async function open(sftp: SFTPWrapper, name: string, flags: string): Promise<Buffer> {
  return await new Promise((resolve, reject) =>
    sftp.open(name, flags as 'w', (error, handle) => (error ? reject(error) : resolve(handle))),
  )
}

async function write(sftp: SFTPWrapper, handle: Buffer, octets: Buffer, position: number): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    sftp.write(handle, octets, 0, octets.length, position, (error) => (error ? reject(error) : resolve())),
  )
}

async function close(sftp: SFTPWrapper, handle: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => sftp.close(handle, (error) => (error ? reject(error) : resolve())))
}

/** Packets of the protocol as they are: uint32 length, type, fields. */
function packet(type: number, ...fields: (number | string | Buffer)[]): Buffer {
  const parts = fields.map((field) => {
    if (typeof field === 'number') return uint32(field)
    return Buffer.isBuffer(field) ? field : Buffer.concat([uint32(Buffer.byteLength(field)), Buffer.from(field)])
  })
  const body = Buffer.concat([Buffer.from([type]), ...parts])
  return Buffer.concat([uint32(body.length), body])
}

function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(value)
  return octets
}

const INIT = packet(1, 3)

/** Reads replies one by one; null: the channel has ended. */
function repliesOf(channel: ClientChannel): () => Promise<Buffer | null> {
  let rest = Buffer.alloc(0)
  let hasEnded = false
  channel.on('end', () => {
    hasEnded = true
  })
  channel.on('close', () => {
    hasEnded = true
  })
  channel.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
  })
  return async () => {
    await until(() => hasEnded || (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)))
    if (rest.length < 4) return null
    const length = 4 + rest.readUInt32BE(0)
    const reply = rest.subarray(4, length)
    rest = rest.subarray(length)
    return reply
  }
}

async function channelOf(login: Login): Promise<{ channel: ClientChannel; reply: () => Promise<Buffer | null> }> {
  const channel = await subsystemOf(await s.connect(login))
  const reply = repliesOf(channel)
  channel.write(INIT)
  const version = await reply()
  t.equal(version?.[0], 2)
  return { channel, reply }
}

t.test('an upload whose connection breaks leaves nothing, and one that is closed is whole', async (t) => {
  const { drop, keyLogin } = await s.account()
  const login = await keyLogin()
  const client = await s.connect(login)
  const sftp = await sftpOf(client)
  const [whole, half] = [await open(sftp, 'whole.csv', 'w'), await open(sftp, 'half.csv', 'w')]
  await write(sftp, whole, Buffer.from('whole'), 0)
  await write(sftp, half, Buffer.from('half'), 0)
  t.equal(filesIn(drop).filter((name) => !name.startsWith('.')).length, 0, 'nothing is there before it is whole')
  await close(sftp, whole)
  t.strictSame(
    filesIn(drop).filter((name) => !name.startsWith('.')),
    ['whole.csv'],
  )
  const before = s.metric('trunkline_site_uploads_total', { result: 'broken' })
  client.destroy()
  await until(() => s.metric('trunkline_site_uploads_total', { result: 'broken' }) === before + 1)
  t.strictSame(filesIn(drop), ['whole.csv'])
})

t.test('a file that is too large is refused as it grows, and is no file', async (t) => {
  const small = await stand(t, {}, {}, { fileBytesMax: 100_000 })
  const { drop, keyLogin } = await small.account()
  const sftp = await sftpOf(await small.connect(await keyLogin()))
  const handle = await open(sftp, 'big.csv', 'w')
  await write(sftp, handle, Buffer.alloc(30_000), 0)
  await t.rejects(write(sftp, handle, Buffer.alloc(30_000), 80_000), /larger than 100000/)
  await t.rejects(write(sftp, handle, Buffer.alloc(1), 0), /larger/, 'what failed once stays so')
  await t.rejects(close(sftp, handle), /larger/, 'and is not taken as whole')
  t.strictSame(filesIn(drop), [])
})

t.test('a client has so many files open and no more, and places come back', async (t) => {
  const { keyLogin, drop } = await s.account()
  const sftp = await sftpOf(await s.connect(await keyLogin()))
  const handles = []
  for (let place = 0; place < 8; place++) handles.push(await open(sftp, `${place}.csv`, 'w'))
  await t.rejects(open(sftp, 'more.csv', 'w'), /8 is the most/)
  for (const handle of handles) await close(sftp, handle)
  await close(sftp, await open(sftp, 'more.csv', 'w'))
  t.equal(filesIn(drop).length, 9)
})

t.test('requests that no client sends are answered, and what is no SFTP ends the channel', async (t) => {
  const { keyLogin } = await s.account()
  const login = await keyLogin()
  const { channel, reply } = await channelOf(login)
  const status = async (sent: Buffer): Promise<number | undefined> => {
    channel.write(sent)
    return (await reply())?.readUInt32BE(5)
  }
  t.equal(await status(packet(99, 1)), 8, 'an unknown type')
  t.equal(await status(packet(200, 2, 'nobody@example.com')), 8, 'an unknown extension')
  t.equal(await status(packet(3, 3, 'x'.repeat(10))), 5, 'a packet cut short')
  t.equal(await status(packet(4, 4, 'no handle')), 4, 'a handle that is none')
  t.equal(await status(packet(5, 5, uint32(77), 0, 0, 1)), 5)
  t.equal(await status(packet(19, 6, '/')), 3, 'READLINK')
  t.equal(await status(packet(17, 7, 'a\0b')), 3, 'NUL')
  t.equal(await status(packet(17, 8, `${'../'.repeat(2_000)}x`)), 3, 'an endless path')
  t.equal(await status(packet(9, 9, '/x.csv', 0x80000000, 1_000_000)), 5, 'a million extended attributes')
  const [first, ...rest] = packet(16, 10, '.')
  channel.write(Buffer.from([first!]))
  channel.write(Buffer.from(rest))
  t.equal((await reply())?.[0], 104, 'octet by octet')
  channel.write(uint32(0xffffffff))
  t.equal(await reply(), null, 'a length beyond all bounds')
  const other = await channelOf(login)
  other.channel.write(uint32(0))
  t.equal(await other.reply(), null, 'a packet without a type')
  const third = await subsystemOf(await s.connect(login))
  const answer = repliesOf(third)
  third.write('GET / HTTP/1.1\r\n\r\n')
  t.equal(await answer(), null, 'another protocol')
  await sftpOf(await s.connect(login))
})

t.test('a client that sends faster than its rate has little waiting at the server, whatever it sends', async (t) => {
  const slow = await stand(t, { bytesPerSecond: 12 * MIB })
  const { drop, keyLogin } = await slow.account()
  const channel = await subsystemOf(await slow.connect(await keyLogin()))
  const total = 24 * MIB
  const block = Buffer.alloc(32 * 1024, 7)
  let answered = 0
  let taken = 0
  let most = 0
  const reply = repliesOf(channel)
  channel.write(INIT)
  await reply()
  channel.write(packet(3, 1, '/long.csv', 0x1a, 0))
  const handle = (await reply())!.subarray(5)
  const sending = (async () => {
    for (let at = 0; at < total; at += block.length) {
      const head = packet(6, 2, handle, 0, at, uint32(block.length))
      head.writeUInt32BE(head.length - 4 + block.length, 0)
      await new Promise((resolve) => channel.write(Buffer.concat([head, block]), resolve))
      taken += block.length
    }
  })()
  while (answered < total) {
    const [, , , , , ...code] = (await reply())!
    if (Buffer.from(code).readUInt32BE(0) !== 0) t.fail('a write was refused')
    answered += block.length
    most = Math.max(most, taken - answered)
  }
  await sending
  t.ok(most > 0 && most <= 6 * MIB, `${(most / MIB).toFixed(1)} MiB were on their way at most`)
  channel.write(packet(4, 3, handle))
  t.equal((await reply())?.readUInt32BE(5), 0)
  t.equal(readFileSync(join(drop, 'long.csv')).length, total)
})

t.test('a site thread that dies is started anew; the engine goes on, and half an upload is no file', async (t) => {
  const own = await stand(t)
  const { drop, keyLogin } = await own.account()
  const login = await keyLogin()
  const client = await own.connect(login)
  const sftp = await sftpOf(client)
  await write(sftp, await open(sftp, 'half.csv', 'w'), Buffer.from('half'), 0)
  const before = own.site.link.addresses.sftp!
  const closed = once(client, 'close')
  const gone = own.worker()
  await gone.terminate()
  await closed
  await until(() => own.worker() !== gone && own.site.link.addresses.sftp!.port !== before.port)
  const after = own.site.link.addresses.sftp!
  t.strictSame(after.hostKeys, before.hostKeys, 'with the same keys')
  t.ok(own.log.some((line) => line.startsWith('the site thread is started anew')))
  const again = await sftpOf(await own.connect(login, { port: after.port }))
  await close(again, await open(again, 'whole.csv', 'w'))
  t.strictSame(
    filesIn(drop).filter((name) => !name.startsWith('.')),
    ['whole.csv'],
  )
  t.ok(own.server.engine.readiness().ready)
})

t.test('a host key of the configuration is used, and one that everybody may read is refused', async (t) => {
  const file = join(s.folder, 'configured_key')
  await s.run('ssh-keygen', ['-q', '-t', 'ecdsa', '-b', '256', '-N', '', '-f', file])
  const own = await stand(t, {}, { hostKey: file, banner: 'For clients of Acme only.' })
  const [shown] = own.site.link.addresses.sftp!.hostKeys
  t.match((await s.run('ssh-keygen', ['-l', '-f', `${file}.pub`])).out, shown!.fingerprint)
  t.equal(own.site.link.addresses.sftp!.hostKeys.length, 1)
  const { password, username } = await (await own.account()).login()
  const done = await own.sftp({ username, password, id: '' }, ['ls'])
  t.equal(done.code, 0, done.said)
  writeFileSync(file, readFileSync(file), { mode: 0o644 })
  await s.run('chmod', ['644', file])
  await t.rejects(stand(t, {}, { hostKey: file }), { code: 'CONFIG_INVALID' })
  await t.rejects(stand(t, {}, { hostKey: join(s.folder, 'none', 'key') }), { code: 'CONFIG_INVALID' })
  await t.rejects(stand(t, {}, { port: s.port }), { code: 'CONFIG_INVALID' }, 'a port in use')
})

t.test(
  'a host key that does not exist is made where the configuration says, once; the key itself is taken too',
  async (t) => {
    const file = join(s.folder, 'first_key')
    const warned: object[] = []
    const log = { ...silentLog, warn: (about: object) => void warned.push(about) }
    const [made] = await hostKeys(s.folder, [file], log)
    t.strictSame(warned, [{ file }])
    t.equal(statSync(file).mode & 0o777, 0o600)
    const [again, itself] = await hostKeys(s.folder, [file, readFileSync(file, 'utf8').trimEnd()], log)
    t.strictSame([hostKeyView(again!), hostKeyView(itself!)], [hostKeyView(made!), hostKeyView(made!)])
    t.equal(warned.length, 1)
    const nonsense = '-----BEGIN OPENSSH PRIVATE KEY-----\nnonsense'
    await t.rejects(hostKeys(s.folder, [nonsense], log), { code: 'CONFIG_INVALID' })
  },
)
