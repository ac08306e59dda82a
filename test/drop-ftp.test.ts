/** FTP into the drop folders, driven by curl, lftp and basic-ftp, and by a client that says what none of them would. */
import { execFile, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import { Readable, Writable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { Client } from 'basic-ftp'
import t from 'tap'
import { CommandReader } from '../src/drop/ftp/command-line.js'
import { parseExtendedPort, parsePort } from '../src/drop/ftp/host-port.js'
import { factLine, listLine, parseTimeValue, timeValue } from '../src/drop/ftp/listing.js'
import { formatReply, reply } from '../src/drop/ftp/reply.js'
import { makeSelfSigned } from '../src/drop/ftp/self-signed.js'
import { matches } from '../src/drop/ftp/wildcard.js'
import { parseConfig } from '../src/engine/config/load.js'
import { isInstalled, PASSWORD, type SiteStand, startSite } from './drop-site-stand.js'
import { FtpTalk } from './ftp-talk.js'

const run = promisify(execFile)
const skipCurl = isInstalled('curl') ? false : 'curl is not installed (Debian: curl)'
const skipLftp = isInstalled('lftp') ? false : 'lftp is not installed (Debian: lftp)'
const odd = ['a b  c.csv', 'ümläut €.csv', `quote's "x".csv`, '-dash.csv', '#1 100%.csv', '~tilde.csv', '{x}[y].csv']
const csv = 'mobile,name\n+447712345101,Ann\n'

interface Ended {
  code: number
  out: string
}

async function finished(program: string, args: string[]): Promise<Ended> {
  try {
    const { stdout, stderr } = await run(program, args, { maxBuffer: 16 << 20 })
    return { code: 0, out: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, out: stdout + stderr }
  }
}

function curl(stand: SiteStand, ...args: string[]): Promise<Ended> {
  const fixed = ['-sSg', '--cacert', stand.certificate, '-u', `acme:${PASSWORD}`, '--max-time', '60']
  return finished('curl', [...fixed, ...args])
}

function url(stand: SiteStand, place = ''): string {
  return `ftp://localhost:${stand.ftpPort}/${place}`
}

function lftp(stand: SiteStand, script: string[], tls = true): Promise<Ended> {
  const settings = [
    `set ssl:ca-file ${stand.certificate}`,
    ...(tls ? ['set ftp:ssl-force yes', 'set ftp:ssl-protect-data yes'] : ['set ftp:ssl-allow no']),
    ...['set cmd:fail-exit yes', 'set net:max-retries 2', 'set net:timeout 20', 'set xfer:clobber yes'],
    `open -u acme,"${PASSWORD}" ftp://localhost:${stand.ftpPort}`,
  ]
  return finished('lftp', ['-c', [...settings, ...script].join('\n')])
}

function work(stand: SiteStand, ...names: string[]): string {
  const folder = path.join(stand.folder, 'work')
  mkdirSync(folder, { recursive: true })
  return path.join(folder, ...names)
}

t.test(
  'curl brings files with odd names over TLS, looks at them and fetches a report',
  { skip: skipCurl },
  async (t) => {
    const stand = await startSite(t)
    for (const name of odd) {
      writeFileSync(work(stand, name), `${csv}${name}\n`)
      const put = await curl(stand, '--ssl-reqd', '-T', work(stand, name), url(stand, encodeURIComponent(name)))
      t.equal(put.code, 0, `${name} ${put.out}`)
      t.equal(stand.read(name), `${csv}${name}\n`)
    }
    t.strictSame(stand.uploaded.slice().sort(), odd.map((name) => `acme/${name}`).sort(), 'each is told once')
    const list = await curl(stand, '--ssl-reqd', url(stand))
    for (const name of odd) t.ok(list.out.includes(` ${name}\n`) || list.out.includes(` ${name}\r\n`), name)
    t.notMatch(list.out, /trunkline/, 'names of our own are not shown')
    t.match((await curl(stand, '--ssl-reqd', '-l', url(stand, 'processed/'))).out, /^$/)

    writeFileSync(path.join(stand.root(), 'processed', 'r.csv'), csv)
    t.equal((await curl(stand, '--ssl-reqd', url(stand, 'processed/r.csv'))).out, csv)
    const rest = await curl(stand, '--ssl-reqd', '-C', '12', url(stand, 'processed/r.csv'))
    t.equal(rest.out, csv.slice(12), 'from the twelfth octet on')
    const head = await curl(stand, '--ssl-reqd', '-I', url(stand, 'processed/r.csv'))
    t.match(head.out, /Content-Length: 30/)
    const renamed = await curl(
      stand,
      '--ssl-reqd',
      '-Q',
      'RNFR -dash.csv',
      '-Q',
      'RNTO dash.csv',
      '-Q',
      'DELE #1 100%.csv',
      url(stand),
    )
    t.equal(renamed.code, 0, renamed.out)
    t.ok(stand.names().includes('dash.csv') && !stand.names().includes('#1 100%.csv'))
  },
)

t.test(
  'without TLS nobody logs in unless the configuration says so, and is told what to do',
  { skip: skipCurl },
  async (t) => {
    const stand = await startSite(t)
    const refused = await curl(stand, '-v', url(stand))
    t.equal(refused.code, 67, 'a refused log-in')
    t.match(refused.out, /530 .*Require explicit FTP over TLS/)
    t.strictSame(stand.asked, [], 'no password was looked at')
    const clear = await curl(stand, '-v', '--ftp-ssl-control', url(stand))
    t.match(clear.out, /534 /, 'data without TLS is refused too')
    t.not(clear.code, 0)

    const open = await startSite(t, { ftp: { allowPlain: true } })
    writeFileSync(work(open, 'plain.csv'), csv)
    t.equal((await curl(open, '-T', work(open, 'plain.csv'), url(open))).code, 0)
    t.equal(open.read('plain.csv'), csv)
    t.equal((await curl(open, '--ssl-reqd', url(open, 'plain.csv'))).out, csv, 'TLS is there all the same')
    t.equal((await curl(open, '--ftp-ssl-control', url(open, 'plain.csv'))).out, csv, 'and only for the log-in as well')
  },
)

t.test(
  'what does not fit is refused as a whole: too large, a broken upload, a wrong password',
  { skip: skipCurl },
  async (t) => {
    const stand = await startSite(t, { fileBytesMax: 100_000 })
    writeFileSync(work(stand, 'large.csv'), 'x'.repeat(100_001))
    writeFileSync(work(stand, 'fits.csv'), 'x'.repeat(100_000))
    t.not((await curl(stand, '--ssl-reqd', '-T', work(stand, 'large.csv'), url(stand))).code, 0)
    t.equal((await curl(stand, '--ssl-reqd', '-T', work(stand, 'fits.csv'), url(stand))).code, 0)
    t.strictSame(stand.names(), ['error', 'fits.csv', 'processed'])
    const wrong = await curl(stand, '--ssl-reqd', '-u', 'acme:wrong', url(stand))
    t.equal(wrong.code, 67)
    const nobody = await curl(stand, '-v', '--ssl-reqd', '-u', 'anonymous:a@b.example', url(stand))
    t.equal(nobody.code, 67)
    t.equal(stand.asked.filter(({ username }) => username === 'anonymous').length, 0, 'that is nobody’s password')
  },
)

t.test('lftp mirrors a folder, renames, deletes and fetches, with TLS and without', { skip: skipLftp }, async (t) => {
  for (const tls of [true, false]) {
    const stand = await startSite(t, { ftp: { allowPlain: !tls } })
    const folder = work(stand, 'up')
    mkdirSync(folder)
    for (const name of odd) writeFileSync(path.join(folder, name), csv + name)
    const big = Buffer.alloc(3_000_000, 'row,of,a,large,file\n')
    writeFileSync(path.join(folder, 'big.csv'), big)
    const put = await lftp(stand, [`mirror -R --parallel=3 ${folder} .`, 'ls', 'cls -l processed', 'bye'], tls)
    t.equal(put.code, 0, put.out)
    t.strictSame(stand.names(), [...odd, 'big.csv', 'error', 'processed'].sort())
    t.ok(readFileSync(path.join(stand.root(), 'big.csv')).equals(big))
    const rest = [
      ...['mv big.csv bigger.csv', 'rm ~tilde.csv || rm ./~tilde.csv', 'mkdir processed/2026', 'rmdir processed/2026'],
      ...[`get bigger.csv -o ${work(stand, 'back.csv')}`, `mput ${work(stand, 'back.csv')}`, 'bye'],
    ]
    const did = await lftp(stand, rest, tls)
    t.equal(did.code, 0, did.out)
    t.ok(readFileSync(work(stand, 'back.csv')).equals(big))
    t.ok(stand.names().includes('bigger.csv') && !stand.names().includes('~tilde.csv'))
  }
})

t.test(
  'an upload that stops half-way is gone on with under a temporary name, and renamed',
  { skip: skipLftp },
  async (t) => {
    const stand = await startSite(t)
    const whole = Buffer.from('0123456789'.repeat(10_000))
    writeFileSync(work(stand, 'x.csv.part'), whole)
    writeFileSync(path.join(stand.root(), 'x.csv.part'), whole.subarray(0, 40_000), { flag: 'w' })
    const resumed = await lftp(stand, [`put -c ${work(stand, 'x.csv.part')}`, 'mv x.csv.part x.csv', 'bye'])
    t.equal(resumed.code, 0, resumed.out)
    t.strictSame(stand.names(), ['error', 'processed', 'x.csv'])
    t.ok(readFileSync(path.join(stand.root(), 'x.csv')).equals(whole))
    t.strictSame(stand.uploaded, ['acme/x.csv'], 'it counts once it has its name')

    const talk = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD)
    t.equal((await talk.put('STOR y.csv.part', 'first ')).code, 226)
    t.equal((await talk.put('APPE y.csv.part', 'second ')).code, 226)
    t.equal((await talk.ask('REST 6')).code, 350)
    t.equal((await talk.put('STOR y.csv.part', '2nd')).code, 226)
    t.equal(stand.read('y.csv.part'), 'first 2nd', 'what lay behind is cut off')
    t.equal((await talk.ask('REST 4000')).code, 350)
    t.equal((await talk.put('STOR y.csv.part', 'x')).code, 554, 'no holes')
    t.equal((await talk.ask('REST 5')).code, 350)
    t.equal((await talk.put('STOR fresh.csv', 'x')).code, 554, 'nor where nothing is')
    t.equal((await talk.put('APPE x.csv', 'x')).code, 550, 'a complete file is not added to')
    t.strictSame(stand.names(), ['error', 'processed', 'x.csv', 'y.csv.part'])
    talk.close()
  },
)

t.test('basic-ftp uploads, lists by MLSD, renames and downloads', async (t) => {
  const stand = await startSite(t, { ftp: { requireSessionReuse: true } })
  const client = new Client(20_000)
  const access = { host: '127.0.0.1', port: stand.ftpPort, user: 'acme', password: PASSWORD, secure: true }
  await client.access({ ...access, secureOptions: { rejectUnauthorized: false } })
  for (const name of odd) await client.uploadFrom(Readable.from([csv]), name)
  const entries = await client.list()
  t.strictSame(entries.map(({ name }) => name).sort(), [...odd, 'error', 'processed'].sort())
  t.equal(entries.find(({ name }) => name === odd[0])?.size, csv.length)
  t.ok(entries.every(({ modifiedAt }) => modifiedAt !== undefined))
  await client.rename(odd[0]!, 'b.csv')
  t.equal(await client.size('b.csv'), csv.length)
  const got: Buffer[] = []
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      got.push(chunk)
      done()
    },
  })
  await client.downloadTo(sink, 'b.csv', 12)
  t.equal(Buffer.concat(got).toString(), csv.slice(12))
  await client.cd('processed')
  t.equal(await client.pwd(), '/processed')
  await client.remove('../b.csv')
  await t.rejects(client.size('../b.csv'), { code: 550 })
  client.close()
})

t.test('a data connection without the session of its log-in is refused where that is asked for', async (t) => {
  const stand = await startSite(t, { ftp: { requireSessionReuse: true } })
  const talk = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD)
  const raw = await talk.passive()
  t.equal((await talk.ask('STOR a.csv')).code, 150)
  const stranger = connectTls({ socket: raw, rejectUnauthorized: false })
  stranger.on('error', () => {})
  t.equal((await talk.answer()).code, 522)
  t.equal((await talk.put('STOR b.csv', csv)).code, 226, 'with it, it is taken')
  t.strictSame(stand.names(), ['b.csv', 'error', 'processed'])
  talk.close()
})

t.test(
  'an upload that is cut off is no file: TLS without its end, a reset, ABOR, a lost control connection',
  async (t) => {
    const stand = await startSite(t, { ftp: { allowPlain: true } })
    const cut = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD)
    for (const octets of [0, 1, 100, 16_384, 300_000]) {
      const raw = await cut.passive()
      await cut.ask('STOR cut.csv')
      const data = await cut.dataTls(raw)
      data.on('error', () => {})
      await new Promise((resolve) => data.write('x'.repeat(octets), resolve))
      raw.end()
      t.match(await cut.answer(), { code: 426, text: /close_notify/ }, `${octets} octets, then the end of TCP alone`)
      raw.destroy()
    }
    // As basic-ftp does with an empty file: it ends before TLS has begun.
    const early = await cut.passive()
    await cut.ask('STOR early.csv')
    early.end()
    t.match(await cut.answer(), { code: 522, text: /could not begin/ }, 'an end before TLS is told at once')
    early.destroy()
    const reset = await cut.passive()
    await cut.ask('STOR reset.csv')
    const data = await cut.dataTls(reset)
    data.on('error', () => {})
    await new Promise((resolve) => data.write('x'.repeat(1_000), resolve))
    reset.resetAndDestroy()
    t.equal((await cut.answer()).code, 426)

    const aborted = await cut.passive()
    await cut.ask('STOR aborted.csv')
    const stopped = await cut.dataTls(aborted)
    stopped.on('error', () => {})
    stopped.write('x'.repeat(1_000))
    // Telnet's "interrupt process" and "data mark" stand before it, as RFC 959 asks; the answers keep their order.
    cut.send(Buffer.from([255, 244, 255, 242]))
    cut.send('ABOR\r\nNOOP\r\n')
    t.strictSame([(await cut.answer()).code, (await cut.answer()).code, (await cut.answer()).code], [426, 226, 200])
    aborted.destroy()

    const plain = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD, false)
    const lost = await plain.passive()
    await plain.ask('STOR lost.csv')
    lost.write('x'.repeat(1_000))
    plain.close()
    lost.end()
    // The other way round, as the system may close the connections of a process that was killed.
    const other = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD, false)
    const dying = await other.passive()
    await other.ask('STOR dying.csv')
    dying.end('x'.repeat(1_000))
    other.close()
    await stand.swept()
    t.strictSame(stand.names(), ['error', 'processed'], 'none of them is there')
    t.equal((await cut.put('STOR whole.csv', csv)).code, 226, 'and the session goes on')
    cut.close()
  },
)

t.test('a client that is killed in the middle of its upload leaves nothing', { skip: skipCurl }, async (t) => {
  const stand = await startSite(t)
  writeFileSync(work(stand, 'slow.csv'), 'x'.repeat(20_000_000))
  const fixed = ['-sS', '--ssl-reqd', '--cacert', stand.certificate, '-u', `acme:${PASSWORD}`, '--limit-rate', '500k']
  const child = spawn('curl', [...fixed, '-T', work(stand, 'slow.csv'), url(stand)], { stdio: 'ignore' })
  while (!stand.names().some((name) => name.startsWith('.trunkline'))) await pause(5)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await stand.swept()
  t.strictSame(stand.names(), ['error', 'processed'])
  t.strictSame(stand.uploaded, [])
})

t.test(
  'commands that come all at once are answered in order; nonsense is answered and in the end cut off',
  async (t) => {
    const stand = await startSite(t, { ftp: { allowPlain: true } })
    const talk = await FtpTalk.open(stand.ftpPort)
    talk.send(`USER acme\r\nPASS ${PASSWORD}\r\nPWD\r\nCWD processed\r\nPWD\nnoop\r\nTYPE I\r\nFEAT\r\nSYST\r\n`)
    const codes: number[] = []
    while (codes.length < 9) codes.push((await talk.answer()).code)
    t.strictSame(codes, [331, 230, 257, 250, 257, 200, 200, 211, 215])
    talk.send('NOOP\r\n'.repeat(5_000))
    for (let count = 0; count < 5_000; count++) if ((await talk.answer()).code !== 200) t.fail('a NOOP')
    t.equal((await talk.ask('x'.repeat(64 * 1_024))).code, 500)
    t.equal((await talk.ask(`CWD ${'y/'.repeat(32 * 1_024)}`)).code, 500)
    t.equal((await talk.ask('PWD')).code, 257, 'what follows is read again')
    for (const junk of ['', ' ', '\u0000', 'PWD2', '226 done', 'Ünsinn', 'A'.repeat(2_000)]) {
      t.ok((await talk.ask(junk)).code >= 500, JSON.stringify(junk.slice(0, 10)))
    }
    for (let count = 0; count < 30 && !talk.isClosed; count++) await talk.ask('NONSENSE')
    t.ok(talk.isClosed)

    for (const foreign of [
      'GET / HTTP/1.1\r\nHost: x\r\n\r\nUSER acme\r\n',
      '\u0016\u0003\u0001\u0002\u0000\u0001',
      'SSH-2.0-x\r\n'.repeat(40),
    ]) {
      const other = await FtpTalk.open(stand.ftpPort)
      other.send(foreign)
      other.socket.end()
      while (!other.isClosed) await other.answer()
    }
    t.strictSame(stand.asked.length, 1, 'nothing of it was taken for a log-in')
  },
)

t.test('nothing that was said before TLS counts in it; garbage in its place ends the connection', async (t) => {
  const stand = await startSite(t)
  const early = await FtpTalk.open(stand.ftpPort)
  early.send(`AUTH TLS\r\nUSER acme\r\nPASS ${PASSWORD}\r\n`)
  t.equal((await early.answer()).code, 421)
  const garbage = await FtpTalk.open(stand.ftpPort)
  t.equal((await garbage.ask('AUTH TLS')).code, 234)
  garbage.send(Buffer.alloc(5_000, 'not TLS'))
  while (!garbage.isClosed) await garbage.answer()
  t.strictSame(stand.asked, [])
  const talk = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD)
  const raw = await talk.passive()
  await talk.ask('STOR garbage.csv')
  raw.on('error', () => {})
  raw.write(Buffer.alloc(5_000, 'not TLS'))
  t.equal((await talk.answer()).code, 522)
  t.equal((await talk.ask('PROT C')).code, 534)
  t.equal((await talk.ask('CCC')).code, 534)
  t.strictSame(stand.names(), ['error', 'processed'])
  talk.close()
})

t.test('only the client’s own address has a data connection; ports are the configured ones', async (t) => {
  const stand = await startSite(t, {
    ftp: { allowPlain: true, active: true, passivePorts: { from: 42_100, to: 42_399 } },
  })
  const talk = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD, false)
  const { text } = await talk.ask('PASV')
  const [high, low] = text
    .match(/(\d+),(\d+)\)/)!
    .slice(1)
    .map(Number) as [number, number]
  const port = high * 256 + low
  t.ok(port >= 42_100 && port <= 42_399)
  t.match(text, /\(127,0,0,1,/)
  t.equal((await talk.ask('EPSV 2')).code, 522)
  // A stranger of this machine, by another of its addresses.
  const { text: extended } = await talk.ask('EPSV')
  const open = Number(/\|\|\|(\d+)\|/.exec(extended)![1])
  const stranger = connect({ host: '127.0.0.1', port: open, localAddress: '127.0.0.2' })
  stranger.on('error', () => {})
  await once(stranger, 'close')
  const mine = connect({ host: '127.0.0.1', port: open })
  t.equal((await talk.ask('STOR mine.csv')).code, 150)
  mine.end(csv)
  t.equal((await talk.answer()).code, 226)

  for (const bounce of [
    'PORT 127,0,0,2,200,10',
    'PORT 10,0,0,1,200,10',
    'PORT 127,0,0,1,0,25',
    'EPRT |1|127.0.0.2|50000|',
    'EPRT |1|127.0.0.1|22|',
  ]) {
    t.equal((await talk.ask(bounce)).code, 504, bounce)
  }
  for (const bad of ['PORT 1,2,3', 'PORT 256,0,0,1,1,1', 'PORT', 'EPRT 1', 'EPRT |1|127.0.0.1|99999|']) {
    t.equal((await talk.ask(bad)).code, 501, bad)
  }
  t.equal((await talk.ask('EPRT |7|x|1|')).code, 522)
  t.equal((await talk.ask('EPSV ALL')).code, 200)
  t.equal((await talk.ask('PASV')).code, 501)
  t.equal((await talk.ask('LIST')).code, 425)
  talk.close()
  if (!skipCurl) {
    t.equal(
      (await curl(stand, '-P', '127.0.0.1', url(stand, 'mine.csv'))).out,
      csv,
      'active mode works where it is allowed',
    )
  }
  const passive = await startSite(t)
  const other = await FtpTalk.loggedIn(passive.ftpPort, 'acme', PASSWORD)
  t.match(await other.ask('PORT 127,0,0,1,200,10'), { code: 502, text: /passive/ })
  other.close()
})

t.test('the commands that clients ask about are as their RFCs say', async (t) => {
  const stand = await startSite(t)
  const talk = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD)
  t.equal((await talk.put('STOR one.csv', csv)).code, 226)
  const asked: [string, number, RegExp?][] = [
    ['FEAT', 211, /\r\n AUTH TLS\r\n[\s\S]* MLST type\*;size\*;modify\*;perm\*;\r\n[\s\S]* UTF8\r\n211 End/],
    ['OPTS UTF8 ON', 200],
    ['opts utf8 on', 200],
    ['OPTS MLST size;type;', 200, /MLST OPTS type;size;/],
    ['MLST one.csv', 250, /\r\n type=file;size=30; \/one.csv\r\n250 End/],
    ['SIZE one.csv', 213, /213 30/],
    ['MDTM one.csv', 213, /213 20\d{12}\r/],
    ['SIZE processed', 550],
    ['STAT', 211],
    ['HELP', 214],
    ['HELP STOR', 214, /STOR <file>/],
    ['SYST', 215, /UNIX Type: L8/],
    ['TYPE A', 200],
    ['TYPE L 8', 200],
    ['TYPE E', 504],
    ['MODE S', 200],
    ['MODE B', 504],
    ['STRU F', 200],
    ['STRU R', 504],
    ['ALLO 1000', 200],
    ['ALLO 99999999999999', 552],
    ['SITE HELP', 214],
    ['SITE CHMOD 777 one.csv', 202],
    ['ACCT x', 202],
    ['CWD processed', 250],
    ['CDUP', 250],
    ['XPWD', 257, /257 "\/"/],
    ['MKD processed/say "hi"', 257, /257 "\/processed\/say ""hi""" was made/],
    ['RMD processed/say "hi"', 250],
    ['MKD new', 550],
    ['RMD processed', 550],
    ['RNTO x', 503],
    ['RNFR one.csv', 350],
    ['RNTO two.csv', 250],
    ['STOR', 501],
    ['RETR two.csv', 425],
    ['ABOR', 226],
    ['AUTH TLS', 503],
    ['USER acme', 530],
    ['DELE two.csv', 250],
    ['DELE two.csv', 550],
    ['REIN', 220],
    ['PWD', 530],
    ['QUIT', 221],
  ]
  for (const [command, code, text] of asked) {
    const answer = await talk.ask(command)
    t.equal(answer.code, code, `${command}: ${answer.text}`)
    if (text) t.match(answer.text, text)
  }
  t.equal((await talk.answer()).code, 0, 'closed')
})

t.test('a unique name is made and said; wildcards, options and names with a dash are listed', async (t) => {
  const stand = await startSite(t)
  const talk = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD)
  const raw = await talk.passive()
  const begun = await talk.ask('STOU list.csv')
  const name = /FILE: (list-\S+\.csv)/.exec(begun.text)![1]!
  const data = await talk.dataTls(raw)
  data.end(csv)
  t.equal((await talk.answer()).code, 226)
  t.equal(stand.read(name), csv)
  for (const file of ['a1.csv', 'a2.csv', 'b.txt', '-l.csv']) t.equal((await talk.put(`STOR ${file}`, csv)).code, 226)
  const listed = async (command: string): Promise<string[]> =>
    (await talk.get(command)).content
      .toString()
      .split('\r\n')
      .filter(Boolean)
      .map((line) => line.replace(/^.*\d\d:\d\d /, ''))
      .sort()
  t.strictSame(await listed('NLST a*.csv'), ['a1.csv', 'a2.csv'])
  t.strictSame(await listed('LIST -al a?.csv'), ['a1.csv', 'a2.csv'])
  t.strictSame(await listed('LIST b.txt'), ['b.txt'])
  t.strictSame(await listed('NLST ./-l.csv'), ['-l.csv'])
  t.strictSame(await listed('LIST -la'), [name, '-l.csv', 'a1.csv', 'a2.csv', 'b.txt', 'error', 'processed'].sort())
  t.equal((await talk.get('LIST nowhere')).code, 550)
  t.equal((await talk.get('MLSD b.txt')).code, 550)
  t.equal((await talk.get('RETR processed')).code, 550)
  talk.close()
})

t.test('who takes too long to log in is closed; a log-in and an address have only so many sessions', async (t) => {
  const slow = await startSite(t, { site: { loginSeconds: 2 } })
  const silent = await FtpTalk.open(slow.ftpPort)
  const handshake = await FtpTalk.open(slow.ftpPort)
  handshake.send('AUTH TLS\r\n')
  t.equal((await silent.answer()).code, 421)
  while (!handshake.isClosed) await handshake.answer()

  const stand = await startSite(t, { site: { sessionsPerLogin: 2, sessionsPerAddress: 8 } })
  const first = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD)
  const second = await FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD)
  await t.rejects(FtpTalk.loggedIn(stand.ftpPort, 'acme', PASSWORD), /421 .*sessions already/)
  const many = await Promise.all(Array.from({ length: 12 }, () => FtpTalk.open(stand.ftpPort)))
  const codes = await Promise.all(many.map(async (talk) => (await talk.ask('NOOP')).code))
  const served = codes.filter((code) => code === 200).length
  t.ok(served > 0 && served <= 6, `${served} of 12 beside two others: eight are allowed`)
  t.equal((await first.ask('NOOP')).code, 200, 'those who are logged in stay')
  for (const talk of [...many, first, second]) talk.close()
})

t.test('many at once: fifty log-ins bring ten files each, none lost and none mixed up', async (t) => {
  const stand = await startSite(t, { site: { sessionsPerLogin: 100 } })
  const one = async (client: number): Promise<void> => {
    const talk = await FtpTalk.loggedIn(stand.ftpPort, client % 2 === 0 ? 'acme' : 'rival', PASSWORD)
    for (let file = 0; file < 10; file++) {
      const name = `c${client} f${file}.csv`
      const { code, text } = await talk.put(`STOR ${name}`, `${name}\n`.repeat(200))
      if (code !== 226) t.fail(text)
    }
    await talk.ask('QUIT')
  }
  await Promise.all(Array.from({ length: 50 }, (_, client) => one(client)))
  t.equal(stand.uploaded.length, 500)
  for (const account of ['acme', 'rival']) {
    const names = stand.names(account).filter((name) => name.endsWith('.csv'))
    t.equal(names.length, 250)
    t.strictSame(
      names.filter((name) => stand.read(name, account) !== `${name}\n`.repeat(200)),
      [],
    )
  }
})

t.test('the certificate that is made is a good one, is kept, and its file can be one’s own', async (t) => {
  const pair = makeSelfSigned({
    commonName: 'x',
    names: ['ftp.example.com', '127.0.0.1'],
    notBefore: Date.UTC(2026, 0, 1),
    notAfter: Date.UTC(2060, 0, 1),
  })
  const certificate = new X509Certificate(pair.cert)
  t.ok(certificate.verify(certificate.publicKey))
  t.ok(certificate.checkHost('ftp.example.com') && certificate.checkIP('127.0.0.1'))
  t.notOk(certificate.checkHost('other.example.com'))
  t.equal(Date.parse(certificate.validTo), Date.UTC(2060, 0, 1))
  const first = await startSite(t)
  t.match(readdirSync(path.join(first.dataDir, 'ftp')).sort(), ['certificate.pem', 'key.pem'])
  const files = {
    cert: path.join(first.dataDir, 'ftp', 'certificate.pem'),
    key: path.join(first.dataDir, 'ftp', 'key.pem'),
  }
  const second = await startSite(t, { ftp: files })
  t.throws(() => readdirSync(path.join(second.dataDir, 'ftp')), 'none is made')
  await (await FtpTalk.loggedIn(second.ftpPort, 'acme', PASSWORD)).ask('QUIT')
  await t.rejects(startSite(t, { ftp: { cert: files.key, key: files.cert } }), { code: 'CONFIG_INVALID' })
  await t.rejects(startSite(t, { ftp: { cert: '/nowhere.pem', key: files.key } }), /nowhere.pem/)
  const wrong = (ftp: object): void =>
    void parseConfig(JSON.stringify({ dropFolder: { ftp } }), { name: 'f', folder: '/', env: {} })
  t.throws(() => wrong({ cert: 'x' }), /dropFolder.ftp.cert: needs the file of its private key/)
  t.throws(() => wrong({ publicAddress: '999.1.1.1' }), /publicAddress: must be an IPv4 address/)
  t.throws(() => wrong({ passivePorts: { from: 9, to: 8 } }), /passivePorts: must run from the lower/)
})

t.test(
  'lines, addresses, times, listings and wildcards are taken apart and put together as they should be',
  async (t) => {
    const whole = Buffer.from('USER x y\r\nstor  a\u00e9 .csv \r\n\r\nQUIT\n')
    for (let cut = 0; cut <= whole.length; cut++) {
      const reader = new CommandReader()
      const lines = [...reader.push(whole.subarray(0, cut)), ...reader.push(whole.subarray(cut))]
      t.strictSame(
        lines.map(({ verb, argument }) => [verb, argument]),
        [
          ['USER', 'x y'],
          ['STOR', ' aé .csv '],
          ['', ''],
          ['QUIT', ''],
        ],
      )
    }
    const latin = new CommandReader().push(Buffer.from('STOR gr\u00fc\u00dfe.csv\r\n', 'latin1'))
    t.equal(latin[0]!.argument, 'grüße.csv', 'older clients write Windows-1252')
    t.strictSame(parsePort('192,0,2,1,20,165'), { host: '192.0.2.1', port: 5285 })
    t.strictSame(parseExtendedPort('|2|2001:db8::1|5282|'), { host: '2001:db8::1', port: 5282 })
    t.equal(parseExtendedPort('|1|2001:db8::1|5282|'), null)
    const at = Date.UTC(2026, 10, 22, 15, 47, 5)
    t.equal(timeValue(at), '20261122154705')
    t.equal(parseTimeValue('20261122154705'), at)
    t.equal(parseTimeValue('20260231000000'), null)
    const entry = { name: 'a b.csv', isFolder: false, size: 12, modifiedAt: at, perm: 'dfrw' }
    t.equal(listLine(entry, at), '-rw-rw----   1 ftp      ftp                12 Nov 22 15:47 a b.csv\r\n')
    t.match(listLine(entry, Date.UTC(2027, 10, 1)), / Nov 22 {2}2026 a b.csv/)
    t.equal(factLine(entry, ['size'], 'file'), 'size=12; a b.csv')
    t.equal(formatReply(reply(250, 'a\r\n550 forged', '226 x', 'End')), '250-a??550 forged\r\n 226 x\r\n250 End\r\n')
    t.ok(matches('abc.csv', 'a*c*.csv') && matches('', '*') && !matches('abc', 'a?') && matches('a*b', 'a*b'))
    t.notOk(matches('a'.repeat(200), `${'a*'.repeat(100)}b`), 'and quickly')
  },
)
