/** Webhooks never reach what is not public: every spelling, every address of a name, at every attempt, with a real listener. */
import { createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import { resolver } from '../src/engine/base/resolver.js'
import type { Courier, Delivery } from '../src/engine/contract/webhook-delivery.js'
import { type CourierDeps, createCourier } from '../src/http/webhook/courier.js'
import { isPublicAddress } from '../src/http/webhook/public-address.js'
import { receiverOf } from '../src/http/webhook/receiver-url.js'
import { retryAfterMs } from '../src/http/webhook/retry-after.js'
import { certificate, privateKey } from './peer-certificates.js'
import { Receiver, status } from './webhook-receiver.js'

const PUBLIC = '93.184.215.14'
const rules = { allowPrivateAddresses: false, ports: [443, 8443] }

function courierOf(t: Test, deps: Partial<CourierDeps>): Courier {
  const resolve = async (): Promise<string[]> => [PUBLIC]
  const courier = createCourier({ ...rules, timeoutMs: 5_000, now: () => 0, resolve, ...deps })
  t.teardown(() => courier.close(0))
  return courier
}

function post(url: string, endpoint = 'one'): Delivery {
  return { endpoint, method: 'POST', url, headers: { 'content-type': 'application/json' }, body: Buffer.from('{}') }
}

/** Listens on every port that the guard is asked for and counts who comes. */
async function trap(t: Test): Promise<{ port: number; connections(): number }> {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  return { port: (server.address() as { port: number }).port, connections: () => connections }
}

/** Ways to write 127.0.0.1 and ::1, and what translates to them. */
const loopback = [
  ...[
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '2130706433',
    '017700000001',
    '0x7f000001',
    '0x7f.1',
    '0x7f.0.0.1',
    '0177.0.0.1',
  ],
  ...[
    '127.000.000.001',
    '127.0.0.01',
    '0x7F000001',
    '00000177.0.0.1',
    '127.0.0.1.',
    '127.1.',
    '0x7f.0x0.0x0.0x1',
    '0177.1',
  ],
  ...[
    '%31%32%37.0.0.1',
    '127.0.0.%31',
    '１２７.０.０.１',
    '①②⑦.⓪.⓪.①',
    '127。0。0。1',
    '127．0．0．1',
    '127｡0｡0｡1',
    '𝟏𝟐𝟕.𝟎.𝟎.𝟏',
  ],
  ...[
    '127.255.255.254',
    '127.0.0.2',
    '0',
    '0.0.0.0',
    '0x0',
    '00',
    '0.0',
    '0.1.2.3',
    'localhost',
    'LOCALHOST',
    'localhost.',
  ],
  ...[
    'a.localhost',
    'loc%61lhost',
    'ｌｏｃａｌｈｏｓｔ',
    'localhost.localdomain',
    'printer.local',
    'metadata.google.internal',
    'intranet',
  ],
  ...['[::1]', '[0:0:0:0:0:0:0:1]', '[::0001]', '[0000::0001]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]'],
  ...['[0:0:0:0:0:ffff:127.0.0.1]', '[::127.0.0.1]', '[::7f00:1]', '[64:ff9b::127.0.0.1]', '[64:ff9b::7f00:1]'],
  ...[
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[2002:7f00:0001::1]',
    '[2001:0:7f00:1::]',
    '[2001::1]',
    '[::ffff:0:127.0.0.1]',
  ],
]
const malformed = [
  '[::1%25lo]',
  '[fe80::1%25eth0]',
  '[::1%lo]',
  '127.0.0.1%00',
  '256.256.256.256',
  '0x',
  '127.0.0.1..',
  '[127.0.0.1]',
  '[::1',
]

/** First and last address of each range that is not public, and neighbours that are. */
const blocked = [
  ...['0.0.0.0', '0.255.255.255', '10.0.0.0', '10.255.255.255', '100.64.0.0', '100.100.100.200', '100.127.255.255'],
  ...[
    '127.0.0.0',
    '127.255.255.255',
    '169.254.0.0',
    '169.254.169.254',
    '169.254.255.255',
    '172.16.0.0',
    '172.31.255.255',
  ],
  ...[
    '192.0.0.0',
    '192.0.0.192',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.0.0',
    '192.168.255.255',
    '198.18.0.0',
    '198.19.255.255',
  ],
  ...[
    '198.51.100.7',
    '203.0.113.9',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.254',
    '255.255.255.255',
    '168.63.129.16',
  ],
]
const open = [
  ...[
    '1.0.0.0',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
  ],
  ...[
    '169.255.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '192.0.3.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
  ],
  ...['198.20.0.0', '198.51.101.0', '203.0.112.255', '203.0.114.0', '223.255.255.255', '8.8.8.8', PUBLIC],
]
const blocked6 = [
  ...[
    '::',
    '::1',
    '::2',
    'fe80::1',
    'febf::1',
    'fec0::1',
    'fc00::1',
    'fdff:ffff::1',
    'fd00:ec2::254',
    'ff02::1',
    'ff0e::1',
  ],
  ...[
    '2001:db8::1',
    '2001:db8:ffff::1',
    '2002:a00:1::',
    '2001::1',
    '2001:2::1',
    '2001:10::1',
    '2001:20::1',
    '3fff::1',
    '3ffe::1',
  ],
  ...['64:ff9b:1::1', '100::1', '4000::1', '1fff::1', '5f00::1', 'fe80::1%eth0', '::8.8.8.8', 'e000::1'],
]
const open6 = [
  '2606:2800:21f:cb07:6820:80da:af6b:8b2c',
  '2001:4860:4860::8888',
  '2a00:1450::1',
  '2000::1',
  '3ffd::1',
  '2003::1',
  '2001:200::1',
]

t.test('every spelling of an address that is not public is refused, and nothing is connected to', async (t) => {
  const { port, connections } = await trap(t)
  const courier = courierOf(t, { ports: [443, 8443, port] })
  const hosts = [...loopback, ...malformed, ...blocked, ...blocked6.map((address) => `[${address}]`)]
  for (const address of blocked) {
    const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number]
    const whole = ((a * 256 + b) * 256 + c) * 256 + d
    const pair = (high: number, low: number) => (high * 256 + low).toString(16)
    hosts.push(String(whole), `0x${whole.toString(16)}`, `0${whole.toString(8)}`, `${a}.${b}.${c * 256 + d}`)
    hosts.push(
      `${a}.${(b * 256 + c) * 256 + d}`,
      `0x${a.toString(16)}.0x${b.toString(16)}.${c}.${d}`,
      `0${a.toString(8)}.${b}.${c}.${d}`,
    )
    hosts.push(
      `[::ffff:${address}]`,
      `[::ffff:${pair(a, b)}:${pair(c, d)}]`,
      `[64:ff9b::${address}]`,
      `[2002:${pair(a, b)}:${pair(c, d)}::]`,
    )
    hosts.push(`[::${address}]`, `[2001:0:${pair(a, b)}:${pair(c, d)}::]`, `${address}.`)
  }
  t.ok(loopback.length >= 60, `${loopback.length} spellings of our own address`)
  t.ok(hosts.length >= 500, `${hosts.length} hosts`)
  const passed: string[] = []
  for (const host of hosts) {
    const url = `https://${host}:${port}/`
    if (courier.refusal(url) === null) passed.push(`${host} when it is set`)
    const answer = await courier.deliver(post(url))
    if (answer.kind !== 'failed' || !answer.reason.startsWith('the url must'))
      passed.push(`${host}: ${JSON.stringify(answer)}`)
  }
  t.strictSame(passed, [])
  t.equal(connections(), 0)
})

t.test('addresses are told apart to the last one of each range', async (t) => {
  t.strictSame([...blocked, ...blocked6].filter(isPublicAddress), [])
  t.strictSame(
    [...open, ...open6].filter((address) => !isPublicAddress(address)),
    [],
  )
  for (const address of [...open.map((one) => `::ffff:${one}`), ...open.map((one) => `64:ff9b::${one}`)]) {
    t.ok(isPublicAddress(address), address)
  }
  for (const address of ['', 'example.com', '1.2.3', '1.2.3.4.5', '::g', '01.2.3.4'])
    t.notOk(isPublicAddress(address), address)
})

t.test('only https, the ports that are allowed, and no user', async (t) => {
  const refused = [
    ...[
      'http://example.com/',
      'ftp://example.com/',
      'file:///etc/passwd',
      'gopher://example.com/',
      'data:,x',
      'javascript:1',
    ],
    ...[
      'https://user@example.com/',
      'https://user:pass@example.com/',
      'https://:pass@example.com/',
      'https://example.com:80/',
    ],
    ...[
      'https://example.com:22/',
      'https://example.com:8080/',
      'https://example.com:0/',
      'https://',
      'example.com',
      '',
      '//example.com',
    ],
    ...[
      'https://example.com@127.0.0.1/',
      'https://127.0.0.1#@example.com/',
      'https://127.0.0.1\\@example.com/',
      `https://example.com/${'x'.repeat(2_048)}`,
    ],
  ]
  t.strictSame(
    refused.filter((url) => typeof receiverOf(url, rules) !== 'string'),
    [],
  )
  const taken = [
    'https://example.com/',
    'https://example.com:443/',
    'https://example.com:8443/a?b=c',
    'https://EXAMPLE.com./',
    `https://${PUBLIC}/`,
    'https://münchen.example/',
  ]
  t.strictSame(
    taken.filter((url) => typeof receiverOf(url, rules) === 'string'),
    [],
  )
  const lenient = { ...rules, allowPrivateAddresses: true }
  const local = ['http://127.0.0.1:8080/', 'http://receiver:3000/', 'https://[::1]:9000/', 'http://localhost/']
  t.strictSame(
    local.filter((url) => typeof receiverOf(url, lenient) === 'string'),
    [],
  )
  t.type(receiverOf('http://user@127.0.0.1/', lenient), 'string', 'a user is refused everywhere')
})

t.test('a name is refused when any of its addresses is not public, at every attempt', async (t) => {
  const { port, connections } = await trap(t)
  const asked: string[] = []
  let addresses = ['127.0.0.1']
  const resolve = async (host: string) => {
    asked.push(host)
    return addresses
  }
  const courier = courierOf(t, { ports: [443, port], resolve })
  const url = `https://receiver.example:${port}/`
  for (const list of [
    ['127.0.0.1'],
    [PUBLIC, '10.0.0.1'],
    ['::1'],
    [PUBLIC, '::ffff:127.0.0.1'],
    ['169.254.169.254', PUBLIC],
    ['2001:db8::1'],
    ['nonsense'],
  ]) {
    addresses = list
    t.match(await courier.deliver(post(url)), { kind: 'failed', reason: /^the url must name a host/ }, String(list))
    t.match(await courier.resolvedRefusal(url), /all public/, 'and when it is set')
  }
  t.strictSame(new Set(asked), new Set(['receiver.example']))
  t.equal(asked.length, 14, 'each attempt asks once')
  addresses = [PUBLIC]
  t.equal(await courier.resolvedRefusal(url), null)
  t.equal(connections(), 0)
})

t.test('a name that does not resolve fails the attempt, and may be set', async (t) => {
  const resolve = () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }))
  const courier = courierOf(t, { resolve })
  const url = 'https://receiver.example/'
  t.match(await courier.deliver(post(url)), { kind: 'failed', reason: 'the name of the host does not resolve' })
  t.equal(await courier.resolvedRefusal(url), null)
})

t.test(
  'the connection goes to the address that was checked: a name that changes behind the check gains nothing',
  async (t) => {
    const { connections } = await trap(t)
    const receiver = await Receiver.start(t)
    // The first answer is what is checked; a second look-up, if there were one, would lead into the trap.
    const answers = [['127.0.0.1'], ['127.0.0.1']]
    let asked = 0
    const resolve = async () => answers[asked++] ?? ['127.0.0.2']
    const courier = courierOf(t, { allowPrivateAddresses: true, resolve })
    const url = `http://rebinding.example:${receiver.port}/hook`
    t.match(await courier.deliver(post(url)), { kind: 'answered', status: 204 })
    t.equal(asked, 1)
    t.equal(receiver.received[0]!.headers.host, `rebinding.example:${receiver.port}`, 'the name stays in the request')
    t.equal(connections(), 0)
  },
)

t.test('redirects are not followed', async (t) => {
  const { port, connections } = await trap(t)
  const receiver = await Receiver.start(t)
  const courier = courierOf(t, { allowPrivateAddresses: true, resolve: resolver() })
  for (const code of [301, 302, 303, 307, 308]) {
    receiver.answer = status(code, { location: `http://127.0.0.1:${port}/` })
    t.match(await courier.deliver(post(receiver.url)), { kind: 'answered', status: code })
  }
  t.equal(receiver.received.length, 5)
  t.equal(connections(), 0)
})

t.test('of an answer only its head counts: endless bodies, resets and silence cost one attempt', async (t) => {
  const receiver = await Receiver.start(t)
  const courier = courierOf(t, { allowPrivateAddresses: true, resolve: resolver(), timeoutMs: 60_000 })
  let sent = 0
  receiver.answer = (response) => {
    response.writeHead(200)
    const block = Buffer.alloc(64 * 1024)
    const push = (): void => {
      while (!response.destroyed && response.write(block)) sent += block.length
      if (!response.destroyed) response.once('drain', push)
    }
    response.on('error', () => {})
    push()
  }
  t.match(await courier.deliver(post(receiver.url)), { kind: 'answered', status: 200 })
  t.ok(sent < 64 * 1024 * 1024, `${sent} octets were taken`)
  receiver.answer = (response) => response.socket!.destroy()
  t.match(await courier.deliver(post(receiver.url)), { kind: 'failed', reason: /connection was/ })
  receiver.answer = (response) => {
    response.socket!.write('HTTP/1.1 200 OK\r\ncontent-le')
    response.socket!.resetAndDestroy()
  }
  t.match(await courier.deliver(post(receiver.url)), { kind: 'failed', reason: /connection was/ }, 'a head cut short')
  receiver.answer = (response) => {
    response.socket!.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () =>
      response.socket!.resetAndDestroy(),
    )
  }
  t.match(await courier.deliver(post(receiver.url)), { kind: 'answered', status: 200 }, 'a body cut short')
  receiver.answer = (response) => response.socket!.end('this is no HTTP\r\n\r\n')
  t.match(await courier.deliver(post(receiver.url)), { kind: 'failed', reason: 'the answer is not HTTP' })
  receiver.answer = (response) => response.writeHead(200, { 'x-long': 'x'.repeat(32 * 1024) }).end()
  t.match(await courier.deliver(post(receiver.url)), { kind: 'failed', reason: 'the head of the answer is too large' })
  receiver.answer = () => {}
  const hasty = courierOf(t, { allowPrivateAddresses: true, resolve: resolver(), timeoutMs: 200 })
  t.match(await hasty.deliver(post(receiver.url)), { kind: 'failed', reason: 'no answer within 0.2 s' })
  receiver.answer = status(503, { 'retry-after': '120' })
  t.match(await courier.deliver(post(receiver.url)), { kind: 'answered', status: 503, retryAfterMs: 120_000 })
})

t.test('Retry-After is read in both forms', async (t) => {
  t.equal(retryAfterMs('120', 0), 120_000)
  t.equal(retryAfterMs(' 5 ', 0), 5_000)
  t.equal(retryAfterMs('Thu, 01 Jan 1970 00:02:00 GMT', 60_000), 60_000)
  t.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:00 GMT', 60_000), 0)
  t.equal(retryAfterMs('soon', 0), null)
  t.equal(retryAfterMs('-5', 0), null)
})

t.test(
  'a certificate that nobody signed for this host is refused, also where private addresses are allowed',
  async (t) => {
    let requests = 0
    const server = createTlsServer({ cert: certificate, key: privateKey }, (socket) => {
      socket.on('data', () => requests++)
      socket.on('error', () => {})
    })
    server.on('tlsClientError', () => {})
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => new Promise((resolve) => server.close(resolve)))
    const { port } = server.address() as { port: number }
    const courier = courierOf(t, { allowPrivateAddresses: true, resolve: async () => ['127.0.0.1'] })
    for (const host of ['127.0.0.1', 'smsc.test']) {
      t.match(
        await courier.deliver(post(`https://${host}:${port}/`)),
        { kind: 'failed', reason: /^the certificate is not valid/ },
        host,
      )
    }
    t.equal(requests, 0, 'nothing was sent')
    const { port: plain } = await trap(t)
    t.match(await courier.deliver(post(`https://127.0.0.1:${plain}/`)), { kind: 'failed' })
  },
)

t.test('names come from the hosts file first, and a name that nobody knows rejects', async (t) => {
  const resolve = resolver()
  t.match(await resolve('localhost'), ['127.0.0.1'])
  await t.rejects(resolve('name.that.nobody.has.invalid'))
})
