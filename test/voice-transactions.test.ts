/** Transactions of RFC 3261 §17 and RFC 6026 in virtual time: when what is sent again, what is absorbed, and when all is gone. */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { Timers } from '../src/sip/transaction/timers.js'
import { seed } from './seed.js'
import { ANSWER, branch, field, fields, invite, reply, VirtualLink, within } from './voice-link.js'

const CONTACT = ['Contact: <sip:far@10.0.0.2:5060>']

/** Milliseconds after the first at which messages that begin so were sent. */
function times(link: VirtualLink, start: string): number[] {
  const all = link.all(start)
  return all.map(({ atMs }) => atMs - all[0]!.atMs)
}

/** An answered call. */
function answered(link: VirtualLink): { invite: string; heard: ReturnType<typeof invite> } {
  const heard = invite(link)
  const request = link.last('INVITE')
  link.deliver(reply(request, '200 OK', { lines: CONTACT, sdp: ANSWER }))
  link.run(0)
  return { invite: request, heard }
}

t.test('an INVITE without any response is sent again at twice the time each, and given up after 64·T1', async (t) => {
  const link = new VirtualLink()
  const { lines } = invite(link, { provisionalMs: 60_000 })
  link.run(31_999)
  t.strictSame(times(link, 'INVITE'), [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500])
  t.strictSame(lines, [])
  link.run(1)
  t.strictSame(lines, ['ended silent 0'])
  t.equal(link.agent.entries, 0)
})

t.test('nothing is sent again over a transport that loses nothing', async (t) => {
  for (const transport of ['tcp', 'tls'] as const) {
    const link = new VirtualLink(transport)
    invite(link, { provisionalMs: 60_000 })
    let response: unknown
    link.agent.request(options(link), (got) => {
      response = got
    })
    link.run(40_000)
    t.equal(link.all('INVITE').length, 1)
    t.equal(link.all('OPTIONS').length, 1)
    t.equal(response, null)
    t.equal(link.agent.entries, 0)
  }
})

t.test('a provisional stops the repetitions', async (t) => {
  const link = new VirtualLink()
  invite(link)
  link.run(600)
  link.deliver(reply(link.last('INVITE'), '100 Trying'))
  link.run(30_000)
  t.equal(link.all('INVITE').length, 2)
})

t.test('each repetition of a refusal is acknowledged, with the branch of its INVITE, for 32 seconds', async (t) => {
  const link = new VirtualLink()
  const { lines } = invite(link)
  const request = link.last('INVITE')
  for (const delayMs of [0, 500, 1_500]) link.deliver(reply(request, '486 Busy Here'), delayMs)
  link.run(2_000)
  t.strictSame(lines, ['ended refused 486'])
  t.equal(link.all('ACK').length, 3)
  const ack = link.last('ACK')
  t.equal(ack.split('\r\n')[0], request.split('\r\n')[0]!.replace('INVITE', 'ACK'))
  t.equal(branch(ack), branch(request))
  t.equal(fields(ack, 'via').length, 1)
  t.equal(field(ack, 'to'), `${field(request, 'to')};tag=far`)
  t.equal(field(ack, 'cseq'), '1 ACK')
  link.run(30_000)
  t.equal(link.agent.entries, 0)
  link.deliver(reply(request, '486 Busy Here'))
  link.run(0)
  t.equal(link.all('ACK').length, 3)
})

t.test('each 2xx of a call is acknowledged with the same ACK, of a branch of its own, for 64·T1', async (t) => {
  const link = new VirtualLink()
  const { heard, invite: request } = answered(link)
  for (const delayMs of [500, 1_500, 3_500]) link.deliver(reply(request, '200 OK', { lines: CONTACT }), delayMs)
  link.run(4_000)
  t.strictSame(heard.lines, ['answered sdp'])
  const acks = link.all('ACK').map(({ text }) => text)
  t.equal(acks.length, 4)
  t.equal(new Set(acks).size, 1)
  t.not(branch(acks[0]!), branch(request))
  t.match(acks[0], /^ACK sip:far@10\.0\.0\.2:5060 SIP\/2\.0/)
})

function options(link: VirtualLink): Parameters<VirtualLink['agent']['request']>[0] {
  const { gateway } = link
  const uri = 'sip:pbx.example'
  return {
    method: 'OPTIONS',
    uri,
    to: gateway,
    from: 'sip:us@pbx.example',
    headers: [],
    credentials: null,
    timeoutMs: 60_000,
  }
}

t.test('another request is sent again up to every 4 seconds, and given up after 64·T1', async (t) => {
  const link = new VirtualLink()
  const told: string[] = []
  link.agent.request(options(link), (response, why) => told.push(`${response?.status} ${why}`))
  link.run(40_000)
  const expected = [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]
  t.strictSame(times(link, 'OPTIONS'), expected)
  t.strictSame(told, ['undefined timeout'])
  t.equal(link.agent.entries, 0)
})

t.test('after a provisional it is sent again every 4 seconds; after its response never', async (t) => {
  const link = new VirtualLink()
  const told: string[] = []
  link.agent.request(options(link), (response, why) => told.push(`${response?.status} ${why}`))
  link.deliver(reply(link.last('OPTIONS'), '100 Trying'), 100)
  link.run(8_600)
  t.strictSame(times(link, 'OPTIONS'), [0, 500, 4_500, 8_500])
  for (const delayMs of [0, 1, 2]) link.deliver(reply(link.last('OPTIONS'), '200 OK'), delayMs)
  link.run(4_000)
  t.strictSame(told, ['200 '])
  t.equal(link.all('OPTIONS').length, 4)
  link.run(2_000)
  t.equal(link.agent.entries, 0)
})

t.test('the time that a request is given ends it, and a late response is nothing', async (t) => {
  const link = new VirtualLink()
  const told: string[] = []
  link.agent.request({ ...options(link), timeoutMs: 2_000 }, (response, why) => told.push(`${response?.status} ${why}`))
  link.run(3_000)
  link.deliver(reply(link.last('OPTIONS'), '200 OK'))
  link.run(0)
  t.strictSame(told, ['undefined timeout'])
  t.equal(link.agent.ignored, 1)
  t.equal(link.agent.entries, 0)
})

t.test('responses with another branch, another method or a second Via belong to nothing', async (t) => {
  const link = new VirtualLink()
  const { lines } = invite(link)
  const ok = reply(link.last('INVITE'), '486 Busy Here')
  link.deliver(ok.replace('branch=z9hG4bK', 'branch=z9hG4bKx'))
  link.deliver(ok.replace(/CSeq: \d+ INVITE/, 'CSeq: 1 BYE'))
  link.deliver(ok.replace('Via:', 'Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKother\r\nVia:'))
  link.run(0)
  t.strictSame(lines, [])
  t.equal(link.agent.ignored, 3)
  link.deliver(ok)
  link.run(0)
  t.strictSame(lines, ['ended refused 486'])
})

t.test('a repeated BYE gets the same answer for 64·T1, and then none is known', async (t) => {
  const link = new VirtualLink()
  const { invite: request, heard } = answered(link)
  const bye = within(request, 'BYE', { cseq: 1 })
  for (const delayMs of [0, 500, 31_900]) link.deliver(bye, delayMs)
  link.run(31_999)
  t.strictSame(heard.lines, ['answered sdp', 'ended remoteHangUp 200'])
  t.equal(link.all('SIP/2.0 200').length, 3)
  t.equal(new Set(link.all('SIP/2.0 200').map(({ text }) => text)).size, 1)
  link.run(1_000)
  t.equal(link.agent.entries, 0)
  link.deliver(bye)
  link.run(0)
  t.match(link.sent.at(-1)!.text, /^SIP\/2\.0 481 /)
  t.equal(heard.ends.length, 1)
})

t.test('a BYE without the magic cookie is matched by the fields of RFC 2543', async (t) => {
  const link = new VirtualLink()
  const { invite: request } = answered(link)
  const old = (branchPart: string): string =>
    within(request, 'BYE', { cseq: 7, branch: 'x' }).replace(';branch=x', branchPart)
  link.deliver(old(''))
  link.deliver(old(''), 500)
  link.run(600)
  t.equal(link.all('SIP/2.0 200').length, 2)
})

t.test('a refused re-INVITE is answered again until its ACK, and its ACK is absorbed', async (t) => {
  const link = new VirtualLink()
  const { invite: request, heard } = answered(link)
  const again = within(request, 'INVITE', { cseq: 1, lines: ['Content-Type: text/plain'], body: 'x' })
  link.deliver(again)
  link.run(4_000)
  t.strictSame(times(link, 'SIP/2.0 415'), [0, 500, 1_500, 3_500])
  const ack = within(request, 'ACK', { cseq: 1, branch: branch(again) })
  for (const delayMs of [0, 10]) link.deliver(ack, delayMs)
  link.run(20_000)
  t.equal(link.all('SIP/2.0 415').length, 4)
  t.strictSame(heard.lines, ['answered sdp'])
})

t.test('a refused re-INVITE without ACK is given up after 64·T1, and the call goes on', async (t) => {
  const link = new VirtualLink()
  const { invite: request, heard } = answered(link)
  link.deliver(within(request, 'INVITE', { cseq: 1, lines: ['Content-Type: text/plain'], body: 'x' }))
  link.run(40_000)
  t.equal(link.all('SIP/2.0 415').length, 11)
  t.strictSame(heard.lines, ['answered sdp'])
  heard.call.hangUp()
  link.deliver(reply(link.last('BYE'), '200 OK'))
  link.run(40_000)
  t.equal(link.agent.entries, 0)
})

t.test(
  'our 2xx to a re-INVITE is sent again until its ACK, over TCP too; a repeated re-INVITE changes nothing',
  async (t) => {
    for (const transport of ['udp', 'tcp'] as const) {
      const link = new VirtualLink(transport)
      const { invite: request, heard } = answered(link)
      const again = within(request, 'INVITE', { cseq: 1, lines: ['Content-Type: application/sdp'], body: ANSWER })
      for (const delayMs of [0, 300]) link.deliver(again, delayMs)
      link.run(4_000)
      t.strictSame(times(link, 'SIP/2.0 200'), [0, 500, 1_500, 3_500])
      link.deliver(within(request, 'ACK', { cseq: 1 }))
      link.run(40_000)
      t.equal(link.all('SIP/2.0 200').length, 4)
      t.strictSame(heard.lines, ['answered sdp', 'reoffered 5000'])
    }
  },
)

t.test('an ACK with the branch of its re-INVITE is taken as well', async (t) => {
  const link = new VirtualLink()
  const { invite: request, heard } = answered(link)
  const again = within(request, 'INVITE', { cseq: 1, lines: ['Content-Type: application/sdp'], body: ANSWER })
  link.deliver(again)
  link.deliver(within(request, 'ACK', { cseq: 1, branch: branch(again) }), 100)
  link.run(40_000)
  t.equal(link.all('SIP/2.0 200').length, 1)
  t.equal(heard.ends.length, 0)
})

t.test('a re-INVITE whose ACK never comes ends the call with BYE', async (t) => {
  const link = new VirtualLink()
  const { invite: request, heard } = answered(link)
  link.deliver(within(request, 'INVITE', { cseq: 1, lines: ['Content-Type: application/sdp'], body: ANSWER }))
  link.run(31_999)
  t.equal(link.all('BYE').length, 0)
  link.run(1)
  link.deliver(reply(link.last('BYE'), '200 OK'))
  link.run(0)
  t.strictSame(heard.lines, ['answered sdp', 'reoffered 5000', 'ended localHangUp 200'])
  t.equal(heard.ends[0]!.reason, 'no ACK')
  link.run(40_000)
  t.equal(link.agent.entries, 0)
})

t.test(
  'a peer that cannot be reached fails what waits for it, and nothing else, and not before we returned',
  async (t) => {
    const link = new VirtualLink()
    link.onSent = () => link.agent.failed({ ...link.gateway, address: '10.0.0.7' }, 'refused')
    const other = invite(link)
    const { lines, ends } = invite(link, { to: { ...link.gateway, address: '10.0.0.7' } })
    t.strictSame(lines, [])
    link.run(0)
    t.strictSame(lines, ['ended unreachable 0'])
    t.equal(ends[0]!.reason, 'refused')
    t.strictSame(other.lines, [])
  },
)

t.test('timers run in the order of their times, stopped ones never, and leave nothing behind', async (t) => {
  const random = new Random(seed)
  let nowMs = 0
  const timers = new Timers({ now: () => 0, monotonic: () => nowMs })
  const ran: number[] = []
  const kept: number[] = []
  for (let n = 0; n < 20_000; n++) {
    const atMs = random.below(100_000)
    const timer = timers.start(atMs, () => ran.push(atMs))
    if (random.next() < 0.9) timers.stop(timer)
    else kept.push(atMs)
  }
  t.equal(timers.size, kept.length)
  while (timers.size > 0) {
    nowMs += timers.nextMs(nowMs)
    timers.tick(nowMs)
  }
  t.strictSame(
    ran,
    kept.sort((a, b) => a - b),
  )
})
