/**
 * Registration and keepalive: in virtual time against a registrar written as text, then over real sockets against SIPp
 * (digest checked by itself), kamailio (MD5 and SHA-256) and a gateway that goes silent and comes back.
 */
import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import { systemClock } from '../src/engine/contract/clock.js'
import { silentLog } from '../src/engine/contract/log.js'
import { noMetrics } from '../src/engine/contract/metrics.js'
import { Keepalive } from '../src/sip/call/keepalive.js'
import { Registration } from '../src/sip/call/registration.js'
import type { RequestSender } from '../src/sip/call/request-sender.js'
import { UserAgent } from '../src/sip/call/user-agent.js'
import { parseChallenge } from '../src/sip/message/challenge.js'
import { writeSip } from '../src/sip/message/write.js'
import { createSipTransport } from '../src/sip/transport/sip-transport.js'
import type { Peer } from '../src/sip/transport/transport.js'
import { startKamailio } from './kamailio.js'
import { seed } from './seed.js'
import { startSipp } from './sipp.js'
import { scenario } from './sipp-scenario.js'
import { until } from './until.js'
import { field, reply, VirtualLink } from './voice-link.js'

t.setTimeout(580_000)

const HOUR_MS = 3_600_000
const CREDENTIALS = { user: 'office', password: 'secret' }

interface Asked {
  atMs: number
  text: string
}

/** A registration or keepalive in virtual time, and the far end that a test gives it. */
class World {
  readonly link = new VirtualLink()
  readonly asked: Asked[] = []
  readonly changes: string[] = []
  machine: Registration | Keepalive

  /** `answers`: text of the response to a request, null: none. */
  constructor(
    make: (sender: RequestSender, changed: (isSo: boolean, why: string) => void) => Registration | Keepalive,
  ) {
    this.machine = make(this.link.agent, (isSo, why) => this.changes.push(why === '' ? `${isSo}` : `${isSo} ${why}`))
  }

  answer(response: (text: string) => string | null): void {
    this.link.onSent = (text) => {
      const isRepeated = this.asked.some((one) => field(one.text, 'via') === field(text, 'via'))
      if (!isRepeated) this.asked.push({ atMs: this.link.nowMs, text })
      const answer = response(text)
      if (answer !== null) this.link.deliver(answer, 1)
    }
  }

  /** Lets time pass in small steps, and checks that `nextMs` never says "later" while there is something to do. */
  run(t: Test, forMs: number, until?: () => boolean): void {
    const endMs = this.link.nowMs + forMs
    while (this.link.nowMs < endMs && !(until?.() ?? false)) {
      const before = this.asked.length + this.changes.length
      const nextMs = this.machine.nextMs(this.link.nowMs)
      this.machine.tick(this.link.nowMs)
      if (this.asked.length + this.changes.length > before && nextMs > 0) t.fail(`it did something ${nextMs} ms early`)
      this.link.run(Math.min(50, endMs - this.link.nowMs))
    }
  }

  /** Milliseconds between requests. */
  gaps(): number[] {
    return this.asked.slice(1).map(({ atMs }, n) => atMs - this.asked[n]!.atMs)
  }
}

function registering(seconds = 300): World {
  return new World(
    (sender, changed) =>
      new Registration(
        {
          ...{ to: { transport: 'udp', address: '10.0.0.2', port: 5060 }, domain: 'pbx.example', user: 'office' },
          ...{ credentials: CREDENTIALS, seconds, random: new Random(seed), changed },
        },
        sender,
      ),
  )
}

function registration(world: World): Registration {
  return world.machine as Registration
}

function contactOf(text: string): string {
  return field(text, 'contact').replace(/;expires=\d+$/, '')
}

/** 200 as a registrar writes it, with what it lists. */
function granted(text: string, seconds: number): string {
  const other = '<sip:office@10.9.9.9>;expires=7200'
  return reply(text, '200 OK', { lines: [`Contact: ${other}, ${contactOf(text)};q=0.5;expires=${seconds}`] })
}

t.test('a registration is made, and renewed before the time that the registrar gave is over', async (t) => {
  const world = registering(300)
  world.answer((text) => granted(text, 120))
  world.run(t, HOUR_MS)
  t.strictSame(world.changes, ['true'], 'registered once and never lost')
  for (const gap of world.gaps()) t.ok(gap >= 54_000 && gap <= 60_100, `renewed after ${gap} ms of 120 s`)
  t.ok(world.asked.length >= 60)
  const texts = world.asked.map(({ text }) => text)
  for (const text of texts) {
    t.match(text, /^REGISTER sip:pbx\.example SIP\/2\.0\r\n/)
    t.equal(field(text, 'to'), '<sip:office@pbx.example>')
    t.match(field(text, 'from'), /^<sip:office@pbx\.example>;tag=/)
    t.equal(field(text, 'contact'), '<sip:office@10.0.0.1:5060>;expires=300')
    t.equal(field(text, 'expires'), '300')
  }
  t.equal(new Set(texts.map((text) => field(text, 'call-id'))).size, 1, 'one Call-ID for all')
  t.strictSame(
    texts.map((text) => field(text, 'cseq')),
    texts.map((_, n) => `${n + 1} REGISTER`),
  )
})

t.test('how long it was granted for is read where registrars write it', async (t) => {
  const cases: [string, (text: string) => string[], number][] = [
    [
      'our contact among others',
      (text) => ['Contact: <sip:a@b>;expires=9', `Contact: ${contactOf(text)};expires=1200`, 'Expires: 7'],
      1_200,
    ],
    ['the only contact, written anew', () => ['Contact: <sip:office@203.0.113.7:1024>;expires=900'], 900],
    ['Expires', (text) => [`Contact: ${contactOf(text)}`, 'Expires: 600'], 600],
    ['nowhere: what was asked for', () => [], 3_600],
    ['not a time', (text) => [`Contact: ${contactOf(text)};expires=soon`], 3_600],
    ['no list of contacts', () => ['Contact: "', 'Expires: 800'], 800],
  ]
  for (const [name, lines, seconds] of cases) {
    const world = registering(3_600)
    world.answer((text) => reply(text, '200 OK', { lines: lines(text) }))
    world.run(t, 2 * HOUR_MS, () => world.asked.length === 3)
    for (const gap of world.gaps()) t.ok(gap > seconds * 400 && gap < seconds * 1_000, `${name}: ${gap} ms`)
    t.ok(registration(world).isRegistered)
  }
})

t.test('a registrar that wants longer registrations (423) gets them', async (t) => {
  const world = registering(60)
  world.answer((text) =>
    Number(field(text, 'expires')) < 1_800
      ? reply(text, '423 Interval Too Brief', { lines: ['Min-Expires: 1800'] })
      : granted(text, 1_800),
  )
  world.run(t, HOUR_MS)
  t.strictSame(
    world.asked.map(({ text }) => field(text, 'expires')),
    ['60', '1800', '1800', '1800', '1800'].slice(0, world.asked.length),
  )
  t.ok(world.gaps()[0]! < 200, 'at once')
  t.strictSame(world.changes, ['true'])
  const never = registering(60)
  never.answer((text) => reply(text, '423 Interval Too Brief', { lines: ['Min-Expires: 60'] }))
  never.run(t, HOUR_MS)
  t.ok(never.asked.length < 10, `${never.asked.length} tries where the registrar is never content`)
})

/** A registrar that asks for digest, and checks it by its own arithmetic. */
function guarded(password: string, seconds: number): (text: string) => string {
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex')
  return (text) => {
    const given = parseChallenge(field(text, 'authorization'))?.parameters
    const expected = md5(
      `${md5(`office:pbx:${password}`)}:n1:${given?.get('nc')}:${given?.get('cnonce')}:auth:${md5(`REGISTER:${given?.get('uri')}`)}`,
    )
    if (given?.get('response') === expected) return granted(text, seconds)
    return reply(text, '401 Unauthorized', { lines: ['WWW-Authenticate: Digest realm="pbx", nonce="n1", qop="auth"'] })
  }
}

t.test('a challenge is answered once; with a wrong password it is tried less and less often', async (t) => {
  const right = registering()
  right.answer(guarded('secret', 120))
  right.run(t, HOUR_MS)
  t.strictSame(right.changes, ['true'])
  t.equal(
    right.asked.filter(({ text }) => field(text, 'authorization') === '').length,
    1,
    'the nonce is kept for renewals',
  )
  const wrong = registering()
  wrong.answer(guarded('another', 120))
  wrong.run(t, 6 * HOUR_MS)
  t.strictSame(wrong.changes, [], 'never registered')
  t.equal(registration(wrong).problem, '401 Unauthorized')
  t.ok(wrong.asked.length >= 10 && wrong.asked.length <= 40, `${wrong.asked.length} requests in 6 hours`)
  const apart = wrong.gaps().filter((gap) => gap > 1_000)
  t.ok(
    apart.every((gap) => gap >= 30_000),
    'no two tries within half a minute',
  )
  wrong.answer(guarded('secret', 120))
  wrong.run(t, 2 * HOUR_MS)
  t.ok(registration(wrong).isRegistered, 'mended at the registrar: registered at the next try')
  t.equal(registration(wrong).problem, '')
})

t.test('what is refused waits long, what fails in passing is tried again soon', async (t) => {
  const tries = (status: string, lines: string[] = []): { world: World; gaps: number[] } => {
    const world = registering()
    world.answer((text) => reply(text, status, { lines }))
    world.run(t, HOUR_MS)
    return { world, gaps: world.gaps() }
  }
  for (const status of ['403 Forbidden', '404 Not Found', '501 Not Implemented', '604 Nowhere', '302 Moved']) {
    const { world, gaps } = tries(status, ['Contact: <sip:evil@192.0.2.66>'])
    t.ok(gaps[0]! >= 30_000 && gaps.length < 12, `${status}: ${gaps.length} tries`)
    t.equal(registration(world).problem, status)
    t.ok(
      world.link.sent.every(({ to }) => to === 'udp 10.0.0.2:5060'),
      'nothing goes elsewhere',
    )
  }
  for (const status of ['500 Oops', '503 Service Unavailable', '480 Later', '408 Timeout']) {
    const { gaps } = tries(status)
    t.ok(gaps[0]! <= 2_100 && gaps.length > 25 && gaps.length < 120, `${status}: ${gaps.length} tries`)
  }
  const { gaps } = tries('503 Service Unavailable', ['Retry-After: 20 (restarting)'])
  for (const gap of gaps) t.ok(gap >= 20_000 && gap <= 20_200, `after Retry-After: 20, ${gap} ms`)
  const long = tries('503 Service Unavailable', ['Retry-After: 99999999']).gaps
  t.equal(long.length, 0, 'an hour is waited at most')
  const hasty = tries('403 Forbidden', ['Retry-After: 1']).gaps
  t.ok(hasty[0]! >= 30_000, 'a refusal waits longer than it says')
})

t.test('a registration lasts as long as it was granted, though its renewals are lost', async (t) => {
  const world = registering()
  world.answer((text) => granted(text, 300))
  world.run(t, 1_000)
  world.answer(() => null)
  world.run(t, 298_000)
  t.strictSame(world.changes, ['true'], 'still registered')
  world.run(t, 4_000)
  t.strictSame(world.changes, ['true', 'false timeout'])
  t.ok(world.asked.length >= 3, 'it was tried in the mean time')
  world.answer((text) => granted(text, 300))
  world.run(t, 180_000)
  t.strictSame(world.changes, ['true', 'false timeout', 'true'])
  world.answer((text) => reply(text, '403 Forbidden'))
  world.run(t, 300_000)
  t.strictSame(world.changes.at(-1), 'false 403 Forbidden', 'refused: not registered any more')
})

t.test('a gateway that was away is registered at again at once, unless it had refused us', async (t) => {
  const world = registering()
  world.answer((text) => granted(text, 3_600))
  world.run(t, 10_000)
  registration(world).renew()
  world.run(t, 100)
  t.equal(world.asked.length, 2)
  world.answer((text) => reply(text, '403 Forbidden'))
  registration(world).renew()
  world.run(t, 100)
  for (let n = 0; n < 50; n++) registration(world).renew()
  world.run(t, 10_000)
  t.equal(world.asked.length, 3)
  registration(world).retry()
  world.run(t, 100)
  t.equal(world.asked.length, 4, 'an operator who mended something does not wait')
})

t.test('at the end the registration is taken back', async (t) => {
  const world = registering()
  world.answer((text) => granted(text, Number(field(text, 'expires'))))
  world.run(t, 1_000)
  registration(world).stop()
  t.notOk(registration(world).isOver)
  world.run(t, 1_000)
  t.ok(registration(world).isOver)
  t.strictSame(
    world.asked.map(({ text }) => [field(text, 'expires'), field(text, 'contact')]),
    [
      ['300', '<sip:office@10.0.0.1:5060>;expires=300'],
      ['0', '<sip:office@10.0.0.1:5060>;expires=0'],
    ],
  )
  t.strictSame(world.changes, ['true', 'false stopped'])
  world.run(t, HOUR_MS)
  t.equal(world.asked.length, 2, 'and nothing follows')
})

t.test('an end is not held up by who does not answer, and a registration under way is taken back too', async (t) => {
  const silent = registering()
  silent.answer((text) => (field(text, 'expires') === '0' ? null : granted(text, 300)))
  silent.run(t, 1_000)
  registration(silent).stop()
  silent.run(t, 2_200)
  t.ok(registration(silent).isOver)
  const early = registering()
  registration(early).stop()
  early.run(t, 100)
  t.ok(registration(early).isOver)
  t.equal(early.asked.length, 0)
  const asking = registering()
  asking.answer(() => null)
  asking.run(t, 100)
  registration(asking).stop()
  asking.answer((text) => granted(text, Number(field(text, 'expires'))))
  asking.run(t, 5_000)
  t.ok(registration(asking).isOver)
  t.equal(field(asking.asked.at(-1)!.text, 'expires'), '0')
})

t.test('whatever a registrar says, it is never asked more often than every second', async (t) => {
  const random = new Random(seed)
  const statuses = [
    '200 OK',
    '200 OK',
    '423 Brief',
    '401 Unauthorized',
    '407 Proxy',
    '403 No',
    '500 Oops',
    '503 Busy',
    '302 There',
    '480 Later',
    '606 No',
    '',
  ]
  for (let n = 0; n < 60; n++) {
    const world = registering(60 + random.below(300))
    world.answer((text) => {
      const status = statuses[random.below(statuses.length)]!
      const number = ['0', '1', '59', '61', '86400', '99999999999', '-1', 'x', ''][random.below(9)]
      const lines = [`Expires: ${number}`, `Min-Expires: ${number}`, `Retry-After: ${number}`]
      if (random.below(2) === 0) lines.push(`Contact: ${contactOf(text)};expires=${number}`)
      lines.push(`WWW-Authenticate: Digest realm="r${random.below(3)}", nonce="${n}", stale=${random.below(2) === 0}`)
      return status === '' ? null : reply(text, status, { lines })
    })
    world.run(t, HOUR_MS / 4)
    // A challenge is answered at once, so several requests are one try.
    const tries = world.gaps().filter((gap) => gap > 100).length
    t.ok(tries <= 900 && world.asked.length <= 3_600, `${tries} tries, ${world.asked.length} requests`)
    registration(world).stop()
    world.answer(() => null)
    world.run(t, 15_000)
    t.ok(registration(world).isOver)
    t.equal(world.machine.nextMs(world.link.nowMs), Number.POSITIVE_INFINITY)
  }
})

function asking(everyMs = 30_000): World {
  return new World(
    (sender, changed) =>
      new Keepalive(
        {
          ...{ to: { transport: 'udp', address: '10.0.0.2', port: 5060 }, uri: 'sip:pbx.example' },
          ...{ from: 'sip:office@pbx.example', everyMs, changed },
        },
        sender,
      ),
  )
}

function keepalive(world: World): Keepalive {
  return world.machine as Keepalive
}

t.test('any response at all means that the gateway is there', async (t) => {
  for (const status of [
    '200 OK',
    '401 Unauthorized',
    '403 Forbidden',
    '404 Not Found',
    '405 Not Allowed',
    '481 None',
    '503 Busy',
    '603 No',
  ]) {
    const world = asking()
    world.answer((text) => reply(text, status))
    world.run(t, 300_000)
    t.ok(keepalive(world).isUp, status)
    t.strictSame(world.changes, [])
    t.equal(world.asked.length, 10, 'once in 30 s')
    t.match(world.asked[0]!.text, /^OPTIONS sip:pbx\.example SIP\/2\.0\r\n/)
    t.ok(
      world.asked.every(({ text }) => field(text, 'authorization') === ''),
      'no password is told',
    )
  }
})

t.test('one miss is nothing, two mean down, the first response means up', async (t) => {
  const world = asking()
  let answers = true
  let lost = 0
  world.answer((text) => (answers && lost-- <= 0 ? reply(text, '200 OK') : null))
  world.run(t, 100_000)
  lost = 4
  world.run(t, 60_000)
  t.strictSame(world.changes, [], 'a question of which all four sendings were lost')
  answers = false
  const from = world.link.nowMs
  world.run(t, 60_000, () => world.changes.length > 0)
  t.strictSame(world.changes, ['false timeout'])
  t.ok(world.link.nowMs - from <= 30_000 + 2 * 4_000 + 1_000 + 200, `known after ${world.link.nowMs - from} ms`)
  t.equal(keepalive(world).problem, 'timeout')
  const before = world.asked.length
  world.run(t, 10 * 34_000)
  t.equal(world.asked.length - before, 10, 'it is asked on')
  answers = true
  world.run(t, 35_000)
  t.strictSame(world.changes, ['false timeout', 'true'])
  t.equal(keepalive(world).problem, '')
})

t.test('who is asked seldom is asked more often while down', async (t) => {
  const world = asking(HOUR_MS)
  let answers = true
  world.answer((text) => (answers ? reply(text, '200 OK') : null))
  world.run(t, HOUR_MS - 1_000)
  t.equal(world.asked.length, 1)
  answers = false
  world.run(t, 10 * 60_000)
  answers = true
  world.run(t, 35_000)
  t.strictSame(world.changes, ['false timeout', 'true'])
})

t.test('a connection that is refused counts as a miss', async (t) => {
  const world = asking()
  world.answer(() => null)
  world.link.onSent = () => world.link.at(1, () => world.link.agent.failed(world.link.gateway, 'connection refused'))
  world.run(t, 2_000)
  t.strictSame(world.changes, ['false connection refused'])
})

t.test('who speaks to us otherwise is not asked, and who is not to be asked never is', async (t) => {
  const world = asking()
  world.answer((text) => reply(text, '200 OK'))
  world.run(t, 100)
  for (let n = 0; n < 20; n++) {
    world.run(t, 10_000)
    keepalive(world).heard(world.link.nowMs)
  }
  t.equal(world.asked.length, 1)
  keepalive(world).stop()
  world.run(t, 100_000)
  t.equal(world.asked.length, 1)
  const never = asking(0)
  never.run(t, 100_000)
  t.ok(keepalive(never).isUp && never.asked.length === 0)
  t.equal(never.machine.nextMs(0), Number.POSITIVE_INFINITY)
})

/** A user agent on real sockets, ticked until the test ends. `sent`: every message of ours. */
async function startAgent(
  t: Test,
  machines: { tick(nowMs: number): void }[],
  transport: 'udp' | 'tcp' = 'udp',
): Promise<{ agent: UserAgent; sent: string[] }> {
  const sent: string[] = []
  const sockets = createSipTransport({
    clock: systemClock,
    log: silentLog,
    metrics: noMetrics,
    name: 'test',
    transport,
    localAddress: '127.0.1.1',
  })
  const send = sockets.send.bind(sockets)
  sockets.send = (message, to) => {
    sent.push(writeSip(message).toString())
    send(message, to)
  }
  const agent = new UserAgent({
    transport: sockets,
    clock: systemClock,
    random: new Random(seed),
    log: silentLog,
    name: 'Trunkline',
  })
  await sockets.listen(agent)
  const timer = setInterval(() => {
    const nowMs = systemClock.monotonic()
    sockets.tick(nowMs)
    agent.tick(nowMs)
    for (const machine of machines) machine.tick(nowMs)
  }, 5)
  t.teardown(async () => {
    clearInterval(timer)
    await sockets.close()
  })
  return { agent, sent }
}

function register(agent: UserAgent, to: Peer, password = 'secret'): Registration {
  const login = { user: 'office', credentials: { user: 'office', password }, seconds: 300 }
  return new Registration({ to, domain: 'pbx.example', ...login, random: new Random(seed), changed: () => {} }, agent)
}

const CHALLENGE = 'WWW-Authenticate: Digest realm="pbx.example", nonce="4711", algorithm=MD5, qop="auth"'

/** SIPp asks for digest, checks it by its own MD5, and grants what was asked for. */
function registrarOfSipp(): string {
  const answer = (status: string, lines: string[]): string =>
    `<send><![CDATA[\nSIP/2.0 ${status}\n[last_Via:]\n[last_From:]\n[last_To:];tag=[call_number]\n[last_Call-ID:]\n[last_CSeq:]\n${lines.join('\n')}\nContent-Length: 0\n\n]]></send>`
  const check = [
    '<recv request="REGISTER"><action><verifyauth assign_to="isRight" username="office" password="secret"/></action></recv>',
    '<nop test="isRight" next="right"/>',
    '<nop><action><error message="wrong digest"/></action></nop>',
    '<label id="right"/>',
  ]
  return scenario(
    '<recv request="REGISTER"/>',
    answer('401 Unauthorized', [CHALLENGE]),
    ...check,
    answer('200 OK', ['[last_Contact:]']),
  )
}

for (const transport of ['udp', 'tcp'] as const) {
  t.test(`SIPp checks our digest by its own arithmetic (${transport})`, async (t) => {
    const sipp = await startSipp(t, { scenario: registrarOfSipp(), calls: 1, address: '127.0.1.3', transport })
    const machines: Registration[] = []
    const { agent } = await startAgent(t, machines, transport)
    machines.push(register(agent, sipp.peer))
    await sipp.succeeded()
    await until(
      async () => machines[0]!.isRegistered,
      (isRegistered) => isRegistered,
    )
    t.pass('registered')
  })
}

for (const algorithm of ['MD5', 'SHA-256'] as const) {
  t.test(`kamailio registers us with ${algorithm}, takes it back, and refuses a wrong password`, async (t) => {
    const login = { user: 'office', password: 'secret', algorithm }
    const kamailio = await startKamailio(t, { address: '127.0.1.5', to: 'sip:127.0.1.6:5060', login })
    const to: Peer = { transport: 'udp', address: kamailio.address, port: kamailio.port }
    const machines: (Registration | Keepalive)[] = []
    const { agent, sent } = await startAgent(t, machines)
    const right = register(agent, to)
    const wrong = register(agent, to, 'guess')
    machines.push(right, wrong)
    await until(
      async () => right.isRegistered && wrong.problem !== '',
      (isSo) => isSo,
    )
    t.equal(right.problem, '')
    t.match(wrong.problem, /^401 /)
    const logins = sent.filter((text) => field(text, 'authorization') !== '')
    const named = algorithm === 'MD5' ? /response="[0-9a-f]{32}"/ : /response="[0-9a-f]{64}", algorithm=SHA-256/
    t.ok(logins.length >= 2 && logins.every((text) => named.test(text)), `two logins with ${algorithm}`)
    t.notOk(wrong.isRegistered)
    right.stop()
    await until(
      async () => right.isOver,
      (isOver) => isOver,
    )
    // Two for each login; the nonce is known when the registration is taken back.
    const requests = sent.filter((text) => text.startsWith('REGISTER '))
    t.equal(new Set(requests.map((text) => field(text, 'via'))).size, 5)
    const seen = () => kamailio.log().split('SEEN REGISTER').length - 1
    t.equal(
      await until(
        async () => seen(),
        (count) => count >= requests.length,
      ),
      requests.length,
      'at both ends',
    )
  })
}

t.test('a gateway that goes silent is down, and up with its first word', async (t) => {
  const gateway = createSocket('udp4')
  let answers = true
  let asked = 0
  gateway.on('message', (bytes, from) => {
    asked++
    if (answers) gateway.send(reply(bytes.toString(), '405 Method Not Allowed'), from.port, from.address)
  })
  gateway.bind(0, '127.0.1.7')
  await once(gateway, 'listening')
  t.teardown(() => gateway.close())
  const to: Peer = { transport: 'udp', address: '127.0.1.7', port: gateway.address().port }
  const machines: Keepalive[] = []
  const { agent } = await startAgent(t, machines)
  const changes: boolean[] = []
  machines.push(
    new Keepalive(
      { to, uri: 'sip:gw', from: 'sip:office@gw', everyMs: 200, changed: (isUp) => changes.push(isUp) },
      agent,
    ),
  )
  await until(
    async () => asked,
    (count) => count >= 3,
  )
  answers = false
  await until(
    async () => changes.length,
    (count) => count === 1,
  )
  answers = true
  await until(
    async () => changes.length,
    (count) => count === 2,
  )
  t.strictSame(changes, [false, true])
})
