/**
 * SIP over UDP, TCP and TLS between real sockets: how a stream is cut into messages, whose certificate is believed, where
 * responses go, what becomes of calls whose connection is lost, and what garbage does.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import { silentLog } from '../src/engine/contract/log.js'
import type { Metrics } from '../src/engine/contract/metrics.js'
import { parseSip } from '../src/sip/message/parse.js'
import type { SipMessage } from '../src/sip/message/sip-message.js'
import { StreamFramer } from '../src/sip/transport/framer.js'
import { createSipTransport } from '../src/sip/transport/sip-transport.js'
import type { Peer, SipTransport } from '../src/sip/transport/transport.js'
import type { SipTransportOptions } from '../src/sip/transport/transport-options.js'
import { seed } from './seed.js'
import { type Caller, startCaller } from './sip-caller.js'
import { domainCertificate, gatewayCertificate, ownCertificate, sipAuthority } from './sip-certificates.js'
import { bindSip, connectSip, type FarEnd, listenSip, requestText, type Wire } from './sip-wire.js'
import { startSipp } from './sipp.js'
import { answering } from './sipp-scenario.js'
import { until } from './until.js'
import { ANSWER, field, reply } from './voice-link.js'

const OWN_ADDRESS = '127.0.3.7'

/** A transport in a time that the test makes, and what it tells. */
class Stand {
  readonly transport: SipTransport
  readonly received: { message: SipMessage; from: Peer }[] = []
  readonly failures: { peer: Peer; why: string }[] = []
  readonly counts = new Map<string, number>()
  nowMs = 1_000

  constructor(options: Partial<SipTransportOptions>) {
    const metrics: Metrics = {
      counter: (_name, { reason = '' } = {}) => ({
        add: (count) => void this.counts.set(reason, (this.counts.get(reason) ?? 0) + count),
      }),
      gauge: () => ({ set() {} }),
      histogram: () => ({ observe() {} }),
    }
    this.transport = createSipTransport({
      ...{ clock: { now: () => this.nowMs, monotonic: () => this.nowMs }, log: silentLog, metrics, name: 'gateway' },
      ...{ transport: 'udp', localAddress: OWN_ADDRESS },
      ...options,
    })
  }

  async listen(t: Test): Promise<this> {
    await this.transport.listen({
      received: (message, from) => this.received.push({ message, from }),
      failed: (peer, why) => this.failures.push({ peer, why }),
    })
    t.teardown(() => this.transport.close())
    return this
  }

  pass(milliseconds: number): void {
    this.nowMs += milliseconds
    this.transport.tick(this.nowMs)
  }

  async came(count: number): Promise<void> {
    await until(
      async () => this.received.length,
      (length) => length >= count,
    )
  }

  async failed(count: number): Promise<void> {
    await until(
      async () => this.failures.length,
      (length) => length >= count,
    )
  }

  /** Asks the far end something, with a Via of ours. */
  ask(to: Peer, callId = 'asked'): void {
    const { host, port } = this.transport.localOf(to)
    const sentBy = `${host.includes(':') ? `[${host}]` : host}:${port};rport`
    const text = requestText({ sentBy, transport: to.transport.toUpperCase(), callId })
    this.transport.send(parseSip(Buffer.from(text)), to)
  }

  /** Answers what came last with 200. */
  answer(): void {
    const { message, from } = this.received.at(-1)!
    const { headers } = message
    this.transport.send({ kind: 'response', status: 200, reason: 'OK', headers, body: Buffer.alloc(0) }, from)
  }
}

async function stand(t: Test, options: Partial<SipTransportOptions> = {}): Promise<Stand> {
  return await new Stand(options).listen(t)
}

interface Cut {
  messages: string[]
  pings: number
  pongs: number
  problem: string
}

function cutBy(chunks: readonly Buffer[]): Cut {
  const cut: Cut = { messages: [], pings: 0, pongs: 0, problem: '' }
  const framer = new StreamFramer({
    message: (bytes) => cut.messages.push(bytes.toString('latin1')),
    ping: () => cut.pings++,
    pong: () => cut.pongs++,
  })
  for (const chunk of chunks) cut.problem ||= framer.push(chunk)
  return cut
}

t.test('a stream that is cut anywhere has the same messages, and what lies between them is no message', async (t) => {
  const random = new Random(seed)
  const body = (size: number): string => 'Content-Length: 7\r\n\r\nINVITE sip:x SIP/2.0\r\n'.repeat(20).slice(0, size)
  for (let round = 0; round < 500; round++) {
    const messages = Array.from({ length: 1 + random.below(6) }, (_, n) => {
      const text = requestText({ body: body(random.below(200)), callId: `call-${round}-${n}` })
      return [text, text.replace('Content-Length', 'l '), text.replace('Content-Length: ', 'content-length:\t')][
        random.below(3)
      ]!
    })
    const between = ['', '\r\n', '\r\n\r\n']
    const stream = Buffer.from(messages.map((text) => between[random.below(3)] + text).join(''), 'latin1')
    const chunks: Buffer[] = []
    for (let at = 0; at < stream.length; ) {
      const size = 1 + random.below(random.below(2) === 0 ? 4 : 700)
      chunks.push(stream.subarray(at, at + size))
      at += size
    }
    const { messages: found, problem } = cutBy(chunks)
    if (problem !== '' || found.join('|') !== messages.join('|')) {
      t.equal(problem, '', `round ${round}`)
      t.strictSame(found, messages, `round ${round}`)
      return
    }
  }
  t.pass('500 streams')
})

t.test('keepalives of a stream are told apart, and a stream that cannot be SIP is over at once', async (t) => {
  const message = requestText()
  t.match(cutBy([Buffer.from(`\r\n\r\n${message}\r\n`)]), { messages: [message], pings: 1, pongs: 1 })
  t.match(cutBy([Buffer.from(`${message}\r`), Buffer.from(`\n${message}`)]), { messages: [message, message], pongs: 1 })
  const http = 'GET / HTTP/1.1\r\n'
  const hello = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
  const notSip = [http, hello, 'A'.repeat(9_000), 'EHLO x\r\n', '\u0000', 'SIP/2.0 20 OK\r\n', '<stream>\n']
  for (const text of notSip) t.equal(cutBy([Buffer.from(text)]).problem, 'what came is not SIP')
  const length = (line: string): string => message.replace('Content-Length: 0', line)
  for (const line of [
    'Content-Length: -1',
    'Content-Length: x',
    'l: 1\r\nContent-Length: 2',
    'Content-Type: text/plain',
  ]) {
    t.equal(cutBy([Buffer.from(length(line))]).problem, 'no usable Content-Length', line)
  }
  t.match(cutBy([Buffer.from(length('X: y'))]), { messages: [length('X: y')], problem: '' }, 'no body, no length')
  const huge = 'a message is larger than any may be'
  t.equal(cutBy([Buffer.from(length('Content-Length: 65536'))]).problem, huge)
  const endless = Array.from({ length: 100 }, () => Buffer.from(`X: ${'y'.repeat(1_000)}\r\n`))
  t.equal(cutBy([Buffer.from('OPTIONS sip:a SIP/2.0\r\n'), ...endless]).problem, huge)
  t.equal(cutBy([Buffer.from(http), Buffer.from(message)]).messages.length, 0, 'nothing is read after that')
})

for (const transport of ['tcp', 'tls'] as const) {
  t.test(`${transport}: several messages in one piece and one in many go both ways over one connection`, async (t) => {
    const tls = transport === 'tls' ? gatewayCertificate : null
    const far = await listenSip(t, { tls })
    const ours = await stand(t, { transport, tls: { ca: sipAuthority } })
    const peer = { ...far.peer, ...(tls === null ? {} : { serverName: 'gateway.test' }) }
    for (const name of ['one', 'two', 'three']) ours.ask(peer, name)
    const wire = await far.wire()
    const requests = [await wire.next('OPTIONS'), await wire.next('OPTIONS'), await wire.next('OPTIONS')]
    t.strictSame(
      requests.map((text) => field(text, 'call-id')),
      ['one', 'two', 'three'],
    )
    wire.write(
      requests
        .slice(0, 2)
        .map((text) => reply(text, '200 OK'))
        .join(''),
    )
    for (const octet of Buffer.from(reply(requests[2]!, '200 OK'))) wire.write(Buffer.from([octet]))
    await ours.came(3)
    t.strictSame(
      ours.received.map(({ message, from }) => [message.headers.get('call-id'), from]),
      [
        ['one', peer],
        ['two', peer],
        ['three', peer],
      ],
    )
    t.equal(far.wires.length, 1)
    t.match(field(requests[0]!, 'via'), new RegExp(`^SIP/2.0/${transport.toUpperCase()} ${OWN_ADDRESS}:`))
    t.strictSame(ours.failures, [])
  })
}

interface Trust {
  name: string
  shown: { cert: string; key: string }
  settings?: NonNullable<SipTransportOptions['tls']>
  serverName?: string
  why: RegExp | null
}

const trusts: readonly Trust[] = [
  { name: 'the name in the certificate', shown: gatewayCertificate, serverName: 'gateway.test', why: null },
  { name: 'tlsOptions.servername', shown: gatewayCertificate, settings: { servername: 'gateway.test' }, why: null },
  { name: 'a SIP domain (RFC 5922)', shown: domainCertificate, serverName: 'carrier.test', why: null },
  {
    name: 'another name',
    shown: gatewayCertificate,
    serverName: 'other.test',
    why: /another name.*tlsOptions\.servername/,
  },
  { name: 'part of a SIP domain', shown: domainCertificate, serverName: 'test', why: /another name/ },
  { name: 'an address that it does not have', shown: gatewayCertificate, why: /another name/ },
  {
    name: 'an authority that nobody named',
    shown: gatewayCertificate,
    settings: {},
    serverName: 'gateway.test',
    why: /tlsOptions\.ca/,
  },
]

for (const { name, shown, settings = {}, serverName, why } of trusts) {
  t.test(`TLS, ${name}: ${why === null ? 'is believed' : 'nothing is sent'}`, async (t) => {
    const far = await listenSip(t, { tls: { ...shown, minVersion: 'TLSv1.2' } })
    const isNamed = name !== 'an authority that nobody named'
    const ours = await stand(t, { transport: 'tls', tls: { ...(isNamed ? { ca: sipAuthority } : {}), ...settings } })
    const peer = { ...far.peer, ...(serverName === undefined ? {} : { serverName }) }
    ours.ask(peer)
    if (why === null) {
      const wire = await far.wire()
      wire.write(reply(await wire.next('OPTIONS'), '200 OK'))
      await ours.came(1)
      t.strictSame(ours.failures, [])
    } else {
      await ours.failed(1)
      t.strictSame(ours.failures[0]!.peer, peer)
      t.match(ours.failures[0]!.why, why)
      t.strictSame(
        far.wires.flatMap(({ texts }) => texts),
        [],
      )
    }
  })
}

t.test(
  'TLS: what was verified for one name is not used for another, our certificate is shown, old versions are refused',
  async (t) => {
    const far = await listenSip(t, { tls: { ...gatewayCertificate, ca: sipAuthority, requestCert: true } })
    const ours = await stand(t, { transport: 'tls', tls: { ca: sipAuthority, ...ownCertificate } })
    ours.ask({ ...far.peer, serverName: 'gateway.test' })
    const wire = await far.wire()
    await wire.next('OPTIONS')
    ours.ask({ ...far.peer, serverName: 'other.test' })
    await ours.failed(1)
    t.match(ours.failures, [{ peer: { serverName: 'other.test' }, why: /another name/ }])
    const old = await listenSip(t, {
      tls: { ...gatewayCertificate, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    })
    ours.ask({ ...old.peer, serverName: 'gateway.test' })
    await ours.failed(2)
    t.match(ours.failures[1]!.why, /version/)
    await t.rejects(stand(t, { transport: 'tls', tls: { cert: 'no certificate', key: 'no key' } }))
  },
)

t.test(
  'TLS: whoever connects to us with a certificate of a stranger is cut off, without one he is heard',
  async (t) => {
    const settings = { ca: sipAuthority, ...ownCertificate }
    const ours = await stand(t, { transport: 'tls', tls: settings })
    const to = ours.transport.localOf({ transport: 'tls', address: '127.0.3.5', port: 1 })
    const plain = await connectSip(t, to, { isTls: true })
    plain.write(requestText({ transport: 'TLS' }))
    await ours.came(1)
    const known = await connectSip(t, to, { isTls: true, tls: gatewayCertificate })
    known.write(requestText({ transport: 'TLS' }))
    await ours.came(2)
    const { certificate, privateKey } = await import('./peer-certificates.js')
    const stranger = await connectSip(t, to, { isTls: true, tls: { cert: certificate, key: privateKey } })
    stranger.write(requestText({ transport: 'TLS' }))
    await stranger.closed
    t.equal(ours.received.length, 2)
    t.equal(ours.counts.get('garbage'), 1)
  },
)

t.test(
  'responses go where their request came from: received and rport, a port of its own, the same connection',
  async (t) => {
    const ours = await stand(t)
    const { port } = ours.transport.localOf({ transport: 'udp', address: '127.0.3.5', port: 9 })
    const one = await bindSip(t, '127.0.3.5')
    const other = await bindSip(t, '127.0.3.5')
    // rport: to the port that it came from, whatever sent-by says.
    one.socket.send(requestText({ sentBy: '10.9.9.9:5060;rport' }), port, OWN_ADDRESS)
    await ours.came(1)
    ours.answer()
    const first = await (await one.wire()).next('SIP/2.0')
    t.match(field(first, 'via'), /^SIP\/2\.0\/UDP 10\.9\.9\.9:5060;.*received=127\.0\.3\.5/)
    t.match(field(first, 'via'), new RegExp(`rport=${one.peer.port}`))
    // Without it: to the port of sent-by, at the address that it came from; maddr is not followed.
    one.socket.send(requestText({ sentBy: `10.9.9.9:${other.peer.port};maddr=127.0.3.66` }), port, OWN_ADDRESS)
    await ours.came(2)
    ours.answer()
    await (await other.wire()).next('SIP/2.0')
    t.strictSame(ours.failures, [])
  },
)

t.test('a response whose connection is closed goes over a new one, to the port of its Via', async (t) => {
  const ours = await stand(t, { transport: 'tcp' })
  const far = await listenSip(t)
  const wire = await connectSip(t, ours.transport.localOf(far.peer))
  wire.write(requestText({ sentBy: `127.0.3.5:${far.peer.port}`, transport: 'TCP' }))
  await ours.came(1)
  // Whoever connects from elsewhere is answered elsewhere: the address is that of the connection.
  const { from } = ours.received[0]!
  wire.destroy()
  await ours.failed(1)
  const answerTo = { ...from, address: '127.0.3.5' }
  ours.received[0]!.from = answerTo
  ours.answer()
  t.match(await (await far.wire()).next('SIP/2.0'), /^SIP\/2\.0 200 OK/)
})

t.test(
  'IPv4 and IPv6 over one port; the address that is told is the one by which the far end reaches us',
  async (t) => {
    const ours = await stand(t, { localAddress: '0.0.0.0' })
    for (const address of ['127.0.3.5', '::1']) {
      const far = await bindSip(t, address)
      const count = ours.received.length
      ours.ask(far.peer)
      const wire = await far.wire()
      const request = await wire.next('OPTIONS')
      const own = address === '::1' ? '\\[::1\\]' : '127\\.0\\.0\\.1'
      t.match(field(request, 'via'), new RegExp(`^SIP/2\\.0/UDP ${own}:\\d+;`))
      wire.write(reply(request, '200 OK'))
      await ours.came(count + 1)
      t.strictSame(ours.received.at(-1)!.from, far.peer)
    }
    t.equal(
      ours.transport.localOf({ transport: 'udp', address: '::1', port: 9 }).port,
      ours.transport.localOf({ transport: 'udp', address: '127.0.3.5', port: 9 }).port,
    )
    const behindNat = await stand(t, { advertisedAddress: '198.51.100.7' })
    t.equal(behindNat.transport.localOf({ transport: 'udp', address: '127.0.3.5', port: 9 }).host, '198.51.100.7')
  },
)

t.test('a large message goes over UDP whole', async (t) => {
  const ours = await stand(t)
  const far = await bindSip(t)
  const { host, port } = ours.transport.localOf(far.peer)
  const body = 'x'.repeat(20_000)
  ours.transport.send(parseSip(Buffer.from(requestText({ sentBy: `${host}:${port}`, body }))), far.peer)
  t.ok((await (await far.wire()).next('OPTIONS')).endsWith(`\r\n\r\n${body}`))
})

t.test('a port that is in use is said at the start', async (t) => {
  const far = await bindSip(t, OWN_ADDRESS)
  await t.rejects(stand(t, { localPort: far.peer.port }), { code: 'EADDRINUSE' })
  const server = await listenSip(t, { address: OWN_ADDRESS })
  await t.rejects(stand(t, { transport: 'tcp', localPort: server.peer.port }), { code: 'EADDRINUSE' })
  const ours = await stand(t, { transport: 'tcp' })
  const { port } = ours.transport.localOf(far.peer)
  await t.rejects(stand(t, { transport: 'tcp', localPort: port }), { code: 'EADDRINUSE' }, 'nor shared among carriers')
  await t.rejects(stand(t, { localPort: ours.transport.localOf({ ...far.peer, transport: 'udp' }).port }))
})

t.test('where nobody listens is known at once, over UDP, TCP and TLS', async (t) => {
  const free = async (): Promise<number> => {
    const socket = createSocket('udp4').bind(0, '127.0.3.8')
    await once(socket, 'listening')
    const { port } = socket.address()
    socket.close()
    return port
  }
  for (const transport of ['udp', 'tcp', 'tls'] as const) {
    const ours = await stand(t, { transport })
    const peer = { transport, address: '127.0.3.8', port: await free() }
    ours.ask(peer)
    await ours.failed(1)
    t.match(ours.failures[0], { peer, why: /nothing listens/ }, transport)
  }
  const tcp = await startCaller(t, { transport: 'tcp', localAddress: OWN_ADDRESS })
  const end = await tcp.place({ transport: 'tcp', address: '127.0.3.8', port: await free() }).ended
  t.match(end, { how: 'unreachable', status: 0 })
  const udp = await startCaller(t, { localAddress: OWN_ADDRESS })
  t.match(await udp.place({ transport: 'udp', address: '127.0.3.8', port: await free() }).ended, { how: 'unreachable' })
  const silent = await bindSip(t)
  t.match(await udp.place(silent.peer, { provisionalMs: 300 }).ended, { how: 'silent', status: 0 })
})

t.test('a connection that does not open within four seconds has failed', async (t) => {
  const far = await listenSip(t)
  const ours = await stand(t, { transport: 'tls', tls: { ca: sipAuthority } })
  const peer: Peer = { ...far.peer, transport: 'tls', serverName: 'gateway.test' }
  ours.ask(peer)
  // It takes the connection and never speaks TLS.
  const wire = await far.wire()
  ours.pass(3_900)
  t.strictSame(ours.failures, [])
  ours.pass(200)
  await ours.failed(1)
  t.match(ours.failures, [{ peer, why: 'no connection within 4 s' }])
  await wire.closed
})

t.test('an open connection is kept alive; a far end that has answered that and stops has failed', async (t) => {
  const far = await listenSip(t)
  const ours = await stand(t, { transport: 'tcp' })
  ours.ask(far.peer)
  const wire = await far.wire()
  wire.write(reply(await wire.next('OPTIONS'), '200 OK'))
  await ours.came(1)
  // One that never answers a ping is left in peace.
  for (let n = 0; n < 3; n++) {
    ours.pass(26_000)
    t.equal(await wire.next('\r\n'), '\r\n\r\n')
  }
  t.strictSame(ours.failures, [])
  // The far end's own ping is answered, and shows that it lives.
  wire.write('\r\n\r\n')
  t.equal(await wire.next('\r\n'), '\r\n')
  ours.pass(26_000)
  await wire.next('\r\n\r\n')
  wire.write('\r\n')
  wire.write(requestText({ transport: 'TCP' }))
  await ours.came(2)
  ours.pass(26_000)
  await wire.next('\r\n\r\n')
  ours.pass(9_000)
  t.strictSame(ours.failures, [])
  ours.pass(1_100)
  await ours.failed(1)
  t.match(ours.failures[0]!.why, /keepalive/)
  await wire.closed
  ours.ask(far.peer)
  await (await far.wire()).next('OPTIONS')
})

t.test('connections that bring garbage, nothing, or a far end that reads nothing are closed and counted', async (t) => {
  const ours = await stand(t, { transport: 'tcp' })
  const to = ours.transport.localOf({ transport: 'tcp', address: '127.0.3.5', port: 9 })
  const http = await connectSip(t, to)
  http.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await http.closed
  t.equal(ours.counts.get('garbage'), 1)
  const silent = await connectSip(t, to)
  await until(
    async () => ours.pass(11_000),
    () => silent.isClosed,
  )
  t.ok((ours.counts.get('slow') ?? 0) >= 1)
  const wrong = await connectSip(t, to)
  wrong.write(requestText({ transport: 'TCP' }).replace('CSeq: 1 OPTIONS', 'CSeq: 1 BYE'))
  t.match(await wrong.next('SIP/2.0'), /^SIP\/2\.0 400 .*CSeq/)
  t.equal(ours.counts.get('malformed'), 1)
  // A far end that connects and does not read.
  const far = await listenSip(t)
  const deaf = connect({ host: to.host, port: to.port })
  t.teardown(() => deaf.destroy())
  deaf.on('error', () => {})
  await once(deaf, 'connect')
  deaf.pause()
  deaf.write(requestText({ transport: 'TCP', sentBy: `127.0.3.5:${far.peer.port}` }))
  await ours.came(1)
  const before = ours.failures.length
  const { from } = ours.received[0]!
  const large = parseSip(Buffer.from(requestText({ body: 'x'.repeat(60_000) })))
  for (let n = 0; n < 1_000 && ours.failures.length === before; n++) {
    ours.transport.send(large, from)
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.match(ours.failures.at(-1)!.why, /does not read/)
})

t.test('more connections than there is room for: those that were of no use give way, a good one stays', async (t) => {
  const ours = await stand(t, { transport: 'tcp' })
  const to = ours.transport.localOf({ transport: 'tcp', address: '127.0.3.5', port: 9 })
  const good = await connectSip(t, to)
  good.write(requestText({ transport: 'TCP' }))
  await ours.came(1)
  const strangers: Wire[] = []
  for (let n = 0; n < 300; n++) strangers.push(await connectSip(t, to))
  await until(
    async () => ours.counts.get('crowded') ?? 0,
    (count) => count >= 45,
  )
  t.equal(ours.counts.get('crowded'), 45)
  t.equal(good.isClosed, false)
  good.write(requestText({ transport: 'TCP' }))
  await ours.came(2)
})

const CONTACT = /<sip:[^@>]*@([\d.]+):(\d+)/

/** A call that the far end has answered, its wire, and the request that began it. */
async function answeredCall(
  caller: Caller,
  far: FarEnd,
  peer: Peer = far.peer,
): Promise<{ placed: ReturnType<Caller['place']>; wire: Wire; invite: string }> {
  const placed = caller.place(peer)
  const wire = await far.wire()
  const invite = await wire.next('INVITE')
  const contact = [`Contact: <sip:far@${peer.address}:${peer.port};transport=${peer.transport}>`]
  wire.write(reply(invite, '180 Ringing', { lines: contact }))
  wire.write(reply(invite, '200 OK', { lines: contact, sdp: ANSWER }))
  await wire.next('ACK')
  return { placed, wire, invite }
}

function byeOf(invite: string, transport: string): string {
  const lines = [
    `BYE ${/<(.*)>/.exec(field(invite, 'contact'))![1]} SIP/2.0`,
    `Via: SIP/2.0/${transport.toUpperCase()} 127.0.3.5:5070;branch=z9hG4bKbye`,
    ...['Max-Forwards: 70', `From: ${field(invite, 'to')};tag=far`, `To: ${field(invite, 'from')}`],
    ...[`Call-ID: ${field(invite, 'call-id')}`, 'CSeq: 1 BYE', 'Content-Length: 0'],
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

for (const transport of ['tcp', 'tls'] as const) {
  t.test(`${transport}: the far end hangs up over a new connection to our Contact`, async (t) => {
    const isTls = transport === 'tls'
    const far = await listenSip(t, { tls: isTls ? gatewayCertificate : null })
    const tls = { ca: sipAuthority, ...ownCertificate }
    const caller = await startCaller(t, { transport, localAddress: OWN_ADDRESS, ...(isTls ? { tls } : {}) })
    const peer = { ...far.peer, ...(isTls ? { serverName: 'gateway.test' } : {}) }
    const { placed, wire, invite } = await answeredCall(caller, far, peer)
    const [, host, port] = CONTACT.exec(field(invite, 'contact'))!
    const inbound = await connectSip(t, { host: host!, port: Number(port) }, { isTls })
    inbound.write(byeOf(invite, transport))
    t.match(await inbound.next('SIP/2.0'), /^SIP\/2\.0 200 /)
    t.match(await placed.ended, { how: 'remoteHangUp', wasAnswered: true })
    t.strictSame(
      wire.texts.map((text) => text.split(' ')[0]),
      ['INVITE', 'ACK'],
    )
  })

  t.test(
    `${transport}: a connection that is lost within a call does not end it, and our BYE goes over a new one`,
    async (t) => {
      const isTls = transport === 'tls'
      const far = await listenSip(t, { tls: isTls ? gatewayCertificate : null })
      const caller = await startCaller(t, { transport, localAddress: OWN_ADDRESS, tls: { ca: sipAuthority } })
      const peer = { ...far.peer, ...(isTls ? { serverName: 'gateway.test' } : {}) }
      const { placed, wire } = await answeredCall(caller, far, peer)
      wire.destroy()
      await wire.closed
      // The far end's word has come to us when a request goes over another connection.
      await until(
        async () => {
          caller.agent.request(
            {
              method: 'OPTIONS',
              uri: 'sip:far',
              to: peer,
              from: 'sip:us@trunk.test',
              headers: [],
              credentials: null,
              timeoutMs: 1_000,
            },
            () => {},
          )
        },
        () => far.wires.length > 1,
      )
      t.equal(caller.agent.callsOpen, 1)
      placed.call.hangUp()
      const next = await far.wire()
      next.write(reply(await next.next('BYE'), '200 OK'))
      t.match(await placed.ended, { how: 'localHangUp', wasAnswered: true })
    },
  )
}

t.test(
  'a connection that is lost before a word was said is unreachable; later the answer may come by another',
  async (t) => {
    const far = await listenSip(t)
    const caller = await startCaller(t, { transport: 'tcp', localAddress: OWN_ADDRESS })
    const early = caller.place(far.peer)
    const first = await far.wire()
    await first.next('INVITE')
    first.destroy()
    t.match(await early.ended, { how: 'unreachable', status: 0 })
    const ringing = new Promise<void>((resolve) => {
      caller.place(far.peer, {}, (line) => {
        if (line === 'ringing 180') resolve()
      })
    })
    const second = await far.wire()
    const invite = await second.next('INVITE')
    second.write(reply(invite, '180 Ringing'))
    await ringing
    second.destroy()
    const [, host, port] = CONTACT.exec(field(invite, 'contact'))!
    const inbound = await connectSip(t, { host: host!, port: Number(port) })
    inbound.write(reply(invite, '486 Busy Here'))
    // The ACK goes where the INVITE went.
    t.match(await (await far.wire()).next('ACK'), /^ACK /)
    await until(
      async () => caller.agent.callsOpen,
      (open) => open === 0,
    )
  },
)

/** Octets that are no SIP, of many kinds; none of them a keepalive. */
function garbage(random: Random): Buffer {
  const message = requestText({ callId: `garbage-${random.below(1_000_000)}`, body: 'abc' })
  const kinds = [
    () => Buffer.from(Array.from({ length: 5 + random.below(300) }, () => 128 + random.below(128))),
    () => Buffer.from(message.slice(0, 20 + random.below(40))),
    () => Buffer.from(message.replace('SIP/2.0', 'SIP/7.0')),
    () => Buffer.from(message.replace('Content-Length: 3', 'Content-Length: 99999999999')),
    () => Buffer.from(message.replace(/Via:.*\r\n/, '')),
    () => Buffer.from(`SIP/2.0 ${'9'.repeat(random.below(300))} x\r\n\r\n`),
    () => Buffer.from('GET / HTTP/1.0\r\n\r\n'),
    () => Buffer.alloc(5 + random.below(200)),
    () => Buffer.from(`INVITE sip:${'a'.repeat(9_000)} SIP/2.0\r\n\r\n`),
  ]
  return kinds[random.below(kinds.length)]!()
}

t.test('10,000 garbage datagrams beside a call: each is counted, the call goes on, the log says little', async (t) => {
  const random = new Random(seed)
  let count = 0
  let warnings = 0
  const counter = {
    add: (more: number) => {
      count += more
    },
  }
  const caller = await startCaller(t, {
    localAddress: OWN_ADDRESS,
    metrics: { counter: () => counter, gauge: () => ({ set() {} }), histogram: () => ({ observe() {} }) },
    log: { ...silentLog, warn: () => void warnings++ },
  })
  const gateway = await startSipp(t, { scenario: answering(), calls: 1 })
  let answered: () => void
  const talking = new Promise<void>((resolve) => {
    answered = resolve
  })
  const placed = caller.place(gateway.peer, {}, (line) => {
    if (line === 'answered') answered()
  })
  await talking
  const { host, port } = caller.transport.localOf(gateway.peer)
  const attacker = createSocket('udp4').bind(0, '127.0.3.66')
  await once(attacker, 'listening')
  t.teardown(() => new Promise<void>((resolve) => attacker.close(() => resolve())))
  // A few at a time: what the system drops for want of room would not be counted by us.
  for (let sent = 0; sent < 10_000; sent += 10) {
    for (let n = 0; n < 10; n++) attacker.send(garbage(random), port, host)
    while (count < sent + 10) await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal(count, 10_000)
  t.equal(caller.agent.callsOpen, 1)
  placed.call.hangUp()
  t.match(await placed.ended, { how: 'localHangUp', wasAnswered: true })
  await gateway.succeeded()
  t.ok(warnings <= 20, `${warnings} lines`)
})

t.test('a port that hears keepalives and strangers answers whom it must, and nobody else', async (t) => {
  const ours = await stand(t)
  const far = await bindSip(t)
  const { port } = ours.transport.localOf(far.peer)
  for (const octets of ['\r\n\r\n', '\r\n', '\u0000\u0000\u0000\u0000', '']) far.socket.send(octets, port, OWN_ADDRESS)
  // A response that cannot be read, and an ACK, are never answered; a request is.
  far.socket.send('SIP/2.0 200 OK\r\nVia: x\r\n\r\n', port, OWN_ADDRESS)
  far.socket.send(requestText({ method: 'ACK' }).replace('CSeq: 1', 'CSeq: x'), port, OWN_ADDRESS)
  far.socket.send(requestText({ sentBy: '127.0.3.5:9;rport' }).replace('CSeq: 1', 'CSeq: x'), port, OWN_ADDRESS)
  const wire = await far.wire()
  t.match(await wire.next('SIP/2.0'), /^SIP\/2\.0 400 Bad Request \(CSeq\)\r\n/)
  t.equal(wire.texts.length, 1)
  t.equal(
    [...ours.counts.values()].reduce((sum, each) => sum + each, 0),
    3,
  )
  t.strictSame(ours.received, [])
})
