/** Calls against a far end written as text, in virtual time: RFC 3261 §12 to §15, forks, CANCEL, PRACK, digest, session timers. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { ANSWER, branch, field, fields, type Heard, invite, OFFER, reply, VirtualLink, within } from './voice-link.js'

const CONTACT = ['Contact: <sip:far@10.0.0.2:5060>']
const SDP_TYPE = 'Content-Type: application/sdp'
const OTHER = ANSWER.replace('5000', '6000')

interface Talk {
  link: VirtualLink
  heard: Heard
  /** The INVITE that was answered. */
  request: string
}

function answered(lines: readonly string[] = [], patch: Parameters<typeof invite>[1] = {}): Talk {
  const link = new VirtualLink()
  const heard = invite(link, patch)
  const request = link.last('INVITE')
  link.deliver(reply(request, '200 OK', { lines: [...CONTACT, ...lines], sdp: ANSWER }), 100)
  link.run(100)
  return { link, heard, request }
}

/** Ends it, and lets everything that waits run out. */
function finish({ link, heard }: Talk): void {
  if (heard.ends.length === 0) heard.call.hangUp()
  if (link.all('BYE').length > 0) link.deliver(reply(link.last('BYE'), '200 OK'))
  link.run(70_000)
}

/** The statuses that we answered with. */
function statuses(link: VirtualLink): string[] {
  return link.all('SIP/2.0').map(({ text }) => text.slice(8, 11))
}

t.test('the INVITE says who calls, what we can and how we are reached', async (t) => {
  const link = new VirtualLink()
  invite(link, { fromName: 'Dr "A" Smith', assertedIdentity: 'sip:+442079460999@trunk.example' })
  const text = link.last('INVITE')
  t.match(text, /^INVITE sip:\+442079460123@pbx\.example SIP\/2\.0\r\n/)
  t.match(field(text, 'via'), /^SIP\/2\.0\/UDP 10\.0\.0\.1:5060;rport;branch=z9hG4bK[0-9a-f]{16}$/)
  t.match(field(text, 'from'), /^"Dr \\"A\\" Smith" <sip:\+442079460999@pbx\.example>;tag=[0-9a-f]{16}$/)
  t.equal(field(text, 'to'), '<sip:+442079460123@pbx.example>')
  t.equal(field(text, 'contact'), '<sip:+442079460999@10.0.0.1:5060>')
  t.equal(field(text, 'p-asserted-identity'), '<sip:+442079460999@trunk.example>')
  t.equal(field(text, 'privacy'), '')
  t.equal(field(text, 'max-forwards'), '70')
  t.equal(field(text, 'cseq'), '1 INVITE')
  t.match(field(text, 'allow'), /INVITE.*ACK.*CANCEL.*BYE.*OPTIONS.*INFO.*UPDATE/)
  t.equal(field(text, 'supported'), '100rel, timer')
  t.equal(field(text, 'user-agent'), 'Trunkline')
  t.ok(text.endsWith(`\r\n\r\n${OFFER}`))
})

t.test('who hides the number shows it to the gateway alone', async (t) => {
  const link = new VirtualLink()
  invite(link, { isAnonymous: true, fromName: 'Practice' })
  const text = link.last('INVITE')
  t.match(field(text, 'from'), /^"Anonymous" <sip:anonymous@anonymous\.invalid>;tag=/)
  t.equal(field(text, 'contact'), '<sip:anonymous@10.0.0.1:5060>')
  t.equal(field(text, 'p-asserted-identity'), '<sip:+442079460999@pbx.example>')
  t.equal(field(text, 'privacy'), 'id')
  t.notMatch(text, /Practice/)
})

t.test('a call that rings, is answered and hung up by us is told step by step', async (t) => {
  const link = new VirtualLink()
  const heard = invite(link)
  const request = link.last('INVITE')
  link.deliver(reply(request, '100 Trying'), 10)
  link.deliver(reply(request, '180 Ringing'), 100)
  link.deliver(reply(request, '183 Session Progress', { sdp: ANSWER }), 200)
  link.deliver(reply(request, '200 OK', { lines: CONTACT, sdp: ANSWER }), 5_000)
  link.run(5_000)
  t.strictSame(heard.lines, ['ringing 180', 'ringing 183 sdp', 'answered sdp'])
  t.equal(link.agent.callsOpen, 1)
  link.run(12_000)
  heard.call.hangUp()
  heard.call.hangUp()
  t.equal(heard.ends.length, 0)
  const bye = link.last('BYE')
  t.match(bye, /^BYE sip:far@10\.0\.0\.2:5060 SIP\/2\.0/)
  t.equal(field(bye, 'cseq'), '2 BYE')
  t.equal(field(bye, 'to'), '<sip:+442079460123@pbx.example>;tag=far')
  t.match(field(bye, 'reason'), /^Q\.850;cause=16/)
  link.deliver(reply(bye, '200 OK'), 50)
  link.run(50)
  t.strictSame(heard.ends, [
    {
      ...{ how: 'localHangUp', status: 200, q850: 0, reason: '', retryAfterSeconds: 0, wasAnswered: true },
      ...{ ringMs: 5_000, talkMs: 12_000 },
    },
  ])
  t.equal(link.all('BYE').length, 1)
  t.equal(link.agent.callsOpen, 0)
  link.run(70_000)
  t.equal(link.agent.entries, 0)
})

t.test('a refusal tells status, Q.850 cause, texts and when to try again', async (t) => {
  const link = new VirtualLink()
  const { ends } = invite(link)
  const lines = ['Reason: SIP;cause=503;text="Full", Q.850;cause=34;text="No circuit"', 'Retry-After: 30;duration=5']
  link.deliver(reply(link.last('INVITE'), '503 Service Unavailable', { lines }), 70)
  link.run(100)
  t.strictSame(ends, [
    {
      ...{ how: 'refused', status: 503, q850: 34, reason: 'Service Unavailable; Full; No circuit' },
      ...{ retryAfterSeconds: 30, wasAnswered: false, ringMs: 70, talkMs: 0 },
    },
  ])
})

t.test('a redirection is never followed', async (t) => {
  const link = new VirtualLink()
  const { lines } = invite(link)
  const away = { lines: ['Contact: <sip:+88213000000@10.0.0.66>'] }
  link.deliver(reply(link.last('INVITE'), '302 Moved Temporarily', away))
  link.run(60_000)
  t.strictSame(lines, ['ended refused 302'])
  t.equal(link.all('INVITE').length, 1)
  t.notOk(link.sent.some(({ to }) => to.includes('10.0.0.66')))
})

t.test('a gateway that says nothing is left after provisionalMs; 100 counts as a word', async (t) => {
  const link = new VirtualLink()
  const silent = invite(link)
  const slow = invite(link)
  link.deliver(reply(link.last('INVITE'), '100 Trying'), 3_900)
  link.run(4_000)
  t.strictSame(silent.lines, ['ended silent 0'])
  t.equal(silent.ends[0]!.ringMs, 4_000)
  link.run(30_000)
  t.strictSame(slow.lines, [])
})

t.test('a gateway that was left is not asked again, and what it says later is canceled or hung up', async (t) => {
  const link = new VirtualLink()
  const ringing = invite(link)
  const ringingRequest = link.last('INVITE')
  const taken = invite(link)
  const takenRequest = link.last('INVITE')
  link.run(4_000)
  const sent = link.all('INVITE').length
  link.run(10_000)
  t.equal(link.all('INVITE').length, sent, 'no INVITE is sent again')
  link.deliver(reply(ringingRequest, '180 Ringing'))
  link.deliver(reply(takenRequest, '200 OK', { lines: CONTACT, sdp: ANSWER }))
  link.run(0)
  t.equal(branch(link.last('CANCEL')), branch(ringingRequest))
  t.equal(field(link.last('ACK'), 'call-id'), field(takenRequest, 'call-id'))
  t.equal(field(link.last('BYE'), 'call-id'), field(takenRequest, 'call-id'))
  t.strictSame([...ringing.lines, ...taken.lines], ['ended silent 0', 'ended silent 0'])
  link.run(70_000)
  t.equal(link.agent.entries, 0)
})

t.test('ringing ends with CANCEL after ringMs, and with the 487 the call: no answer', async (t) => {
  const link = new VirtualLink()
  const { lines, ends } = invite(link, { ringMs: 30_000 })
  const request = link.last('INVITE')
  link.deliver(reply(request, '180 Ringing'), 1_000)
  link.run(30_999)
  t.equal(link.all('CANCEL').length, 0)
  link.run(1)
  const cancel = link.last('CANCEL')
  t.match(cancel, /^CANCEL sip:\+442079460123@pbx\.example SIP\/2\.0/)
  t.equal(field(cancel, 'via'), field(request, 'via'))
  t.equal(field(cancel, 'to'), field(request, 'to'))
  t.equal(field(cancel, 'from'), field(request, 'from'))
  t.equal(field(cancel, 'cseq'), '1 CANCEL')
  t.match(field(cancel, 'reason'), /^Q\.850;cause=16/)
  link.deliver(reply(cancel, '200 OK'))
  link.deliver(reply(request, '487 Request Terminated'), 20)
  link.run(20)
  t.equal(field(link.last('ACK'), 'cseq'), '1 ACK')
  t.strictSame(lines, ['ringing 180', 'ended noAnswer 487'])
  t.equal(ends[0]!.wasAnswered, false)
  link.run(33_000)
  t.equal(link.agent.entries, 0)
})

t.test('CANCEL waits for the first provisional; without one the call is canceled all the same', async (t) => {
  const link = new VirtualLink()
  const late = invite(link)
  const request = link.last('INVITE')
  const never = invite(link)
  late.call.hangUp()
  never.call.hangUp()
  link.run(1_000)
  t.equal(link.all('CANCEL').length, 0)
  t.equal(link.all('INVITE').length, 2, 'and no INVITE is sent again')
  link.deliver(reply(request, '100 Trying'))
  link.run(0)
  t.equal(link.all('CANCEL').length, 1)
  link.deliver(reply(request, '487 Request Terminated'))
  link.run(3_000)
  t.strictSame(late.lines, ['ended canceled 487'])
  t.strictSame(never.lines, ['ended canceled 0'])
  link.run(70_000)
  t.equal(link.agent.entries, 0)
})

t.test('a 200 that crosses CANCEL is acknowledged and hung up, and is no answer', async (t) => {
  for (const how of ['canceled', 'noAnswer'] as const) {
    const link = new VirtualLink()
    const heard = invite(link, { ringMs: 5_000 })
    const request = link.last('INVITE')
    link.deliver(reply(request, '180 Ringing'))
    link.run(0)
    if (how === 'canceled') heard.call.hangUp()
    link.run(5_000)
    link.deliver(reply(request, '200 OK', { lines: CONTACT, sdp: ANSWER }))
    link.run(0)
    t.equal(link.all('ACK').length, 1)
    t.equal(link.all('BYE').length, 1)
    link.deliver(reply(link.last('BYE'), '200 OK'))
    link.run(0)
    t.strictSame(heard.lines, ['ringing 180', `ended ${how} 200`])
    t.equal(heard.ends[0]!.wasAnswered, false)
    t.equal(heard.ends[0]!.talkMs, 0)
    link.run(70_000)
    t.equal(link.agent.entries, 0)
  }
})

t.test('what the called says as it crosses CANCEL counts; what gateways say instead of 487 does not', async (t) => {
  for (const [status, told] of [
    ['486 Busy Here', 'ended refused 486'],
    ['404 Not Found', 'ended refused 404'],
    ['480 Temporarily Unavailable', 'ended noAnswer 480'],
    ['500 Oops', 'ended noAnswer 500'],
    ['401 Unauthorized', 'ended noAnswer 401'],
  ] as const) {
    const link = new VirtualLink()
    const { lines } = invite(link, { ringMs: 5_000, credentials: { user: 'u', password: 'p' } })
    const request = link.last('INVITE')
    link.deliver(reply(request, '100 Trying'))
    link.run(5_000)
    link.deliver(reply(request, status, { lines: ['WWW-Authenticate: Digest realm="r", nonce="n"'] }))
    link.run(0)
    t.strictSame(lines, [told])
    t.equal(link.all('INVITE').length, 1)
  }
})

t.test('a final response lost after CANCEL leaks nothing: 64·T1, and the call is over', async (t) => {
  const link = new VirtualLink()
  const { lines, call } = invite(link)
  const request = link.last('INVITE')
  link.deliver(reply(request, '180 Ringing'))
  link.run(1_000)
  call.hangUp()
  link.deliver(reply(link.last('CANCEL'), '200 OK'))
  link.run(31_999)
  t.strictSame(lines, ['ringing 180'])
  link.run(1)
  t.strictSame(lines, ['ringing 180', 'ended canceled 180'])
  t.equal(link.agent.callsOpen, 0)
  link.run(10_000)
  t.equal(link.agent.entries, 0)
})

t.test(
  'of a forked 200 the first is used; each further far end gets ACK and BYE at once, each repetition an ACK',
  async (t) => {
    const link = new VirtualLink()
    const heard = invite(link)
    const request = link.last('INVITE')
    const ok = (tag: string): string =>
      reply(request, '200 OK', { tag, lines: [`Contact: <sip:${tag}@10.0.0.2:5060>`], sdp: ANSWER })
    for (const tag of ['a', 'b', 'c']) link.deliver(reply(request, '180 Ringing', { tag }))
    link.deliver(ok('b'), 10)
    link.deliver(ok('a'), 20)
    link.deliver(ok('b'), 510)
    link.deliver(ok('a'), 520)
    link.run(1_000)
    t.strictSame(heard.lines, ['ringing 180', 'ringing 180', 'ringing 180', 'answered sdp'])
    const acks = link.all('ACK').map(({ text }) => text.split(' ')[1])
    t.strictSame(acks, ['sip:b@10.0.0.2:5060', 'sip:a@10.0.0.2:5060', 'sip:b@10.0.0.2:5060', 'sip:a@10.0.0.2:5060'])
    t.equal(new Set(link.all('BYE').map(({ text }) => text)).size, 1)
    t.match(link.last('BYE'), /^BYE sip:a@/)
    link.deliver(reply(link.last('BYE'), '200 OK'))
    link.run(40_000)
    heard.call.hangUp()
    t.match(link.last('BYE'), /^BYE sip:b@/)
    link.deliver(reply(link.last('BYE'), '200 OK'))
    link.run(40_000)
    t.equal(heard.ends.length, 1)
    t.equal(link.agent.entries, 0)
  },
)

t.test('more forks than a call can have are no harm', async (t) => {
  const link = new VirtualLink()
  const heard = invite(link)
  const request = link.last('INVITE')
  for (let n = 0; n < 500; n++) link.deliver(reply(request, '180 Ringing', { tag: `t${n}` }))
  link.deliver(reply(request, '200 OK', { tag: 'real', lines: CONTACT, sdp: ANSWER }))
  link.run(0)
  t.equal(heard.lines.at(-1), 'answered sdp')
  finish({ link, heard, request })
  t.equal(link.agent.entries, 0)
})

t.test('the description of the dialog that is used counts, wherever it stood', async (t) => {
  const link = new VirtualLink()
  const heard = invite(link)
  const request = link.last('INVITE')
  link.deliver(reply(request, '183 Session Progress', { tag: 'a', sdp: ANSWER }))
  link.deliver(reply(request, '180 Ringing', { tag: 'b' }))
  link.deliver(reply(request, '200 OK', { tag: 'b', lines: CONTACT }))
  link.run(0)
  t.equal(heard.lines.at(-1), 'answered')
  const early = new VirtualLink()
  const other = invite(early)
  early.deliver(reply(early.last('INVITE'), '183 Session Progress', { sdp: ANSWER }))
  early.deliver(reply(early.last('INVITE'), '200 OK', { lines: CONTACT }))
  early.run(0)
  t.equal(other.lines.at(-1), 'answered sdp')
})

t.test('requests within the call pass the proxies of Record-Route in reverse order', async (t) => {
  const route = ['Record-Route: <sip:10.0.0.11;lr>, <sip:10.0.0.12:5070;lr;ftag=x>', 'Record-Route: <sip:10.0.0.13;lr>']
  const talk = answered(route)
  const { link, heard } = talk
  const expected = ['<sip:10.0.0.13;lr>', '<sip:10.0.0.12:5070;lr;ftag=x>', '<sip:10.0.0.11;lr>']
  t.strictSame(fields(link.last('ACK'), 'route'), expected)
  t.equal(link.all('ACK')[0]!.to, 'udp 10.0.0.13:5060')
  heard.call.hangUp()
  t.match(link.last('BYE'), /^BYE sip:far@10\.0\.0\.2:5060 SIP/)
  t.strictSame(fields(link.last('BYE'), 'route'), expected)
  t.equal(link.all('BYE')[0]!.to, 'udp 10.0.0.13:5060')
  finish(talk)
  t.equal(link.agent.entries, 0)
})

t.test('a strict router in front stands in the Request-URI, and the far end at the end of the routes', async (t) => {
  const { link } = answered(['Record-Route: <sip:10.0.0.11;lr>', 'Record-Route: <sip:10.0.0.12>'])
  const ack = link.last('ACK')
  t.match(ack, /^ACK sip:10\.0\.0\.12 SIP\/2\.0/)
  t.strictSame(fields(ack, 'route'), ['<sip:10.0.0.11;lr>', '<sip:far@10.0.0.2:5060>'])
  t.equal(link.all('ACK')[0]!.to, 'udp 10.0.0.12:5060')
})

t.test('a Contact that cannot be reached from here stands for the gateway that was dialled', async (t) => {
  for (const contact of [
    'sip:far@pbx.local:5066',
    'sip:far@192.168.1.5',
    'sip:far@127.0.0.1:5060',
    'sip:far@0.0.0.0',
  ]) {
    const link = new VirtualLink()
    invite(link, { to: { transport: 'udp', address: '198.51.100.7', port: 5080 } })
    link.deliver(reply(link.last('INVITE'), '200 OK', { lines: [`Contact: <${contact}>`], sdp: ANSWER }))
    link.run(0)
    t.equal(link.all('ACK')[0]!.to, 'udp 198.51.100.7:5080')
    t.ok(link.last('ACK').startsWith(`ACK ${contact} SIP/2.0`))
  }
})

t.test('a call over TLS stays on TLS, whatever the Contact says', async (t) => {
  const link = new VirtualLink('tls')
  invite(link)
  const lines = ['Contact: <sip:far@10.0.0.9:5081;transport=udp>']
  link.deliver(reply(link.last('INVITE'), '200 OK', { lines, sdp: ANSWER }))
  link.run(0)
  t.equal(link.all('ACK')[0]!.to, 'tls 10.0.0.9:5081')
  t.match(field(link.last('INVITE'), 'contact'), /;transport=tls>$/)
})

t.test('a reliable provisional is acknowledged once, in order, by each early dialog; its answer counts', async (t) => {
  const link = new VirtualLink()
  const heard = invite(link)
  const request = link.last('INVITE')
  const reliable = (rseq: number, tag: string, sdp = ''): string =>
    reply(request, '183 Session Progress', { tag, lines: [...CONTACT, 'Require: 100rel', `RSeq: ${rseq}`], sdp })
  link.deliver(reliable(5, 'a', ANSWER))
  link.deliver(reliable(5, 'a', ANSWER), 500)
  link.deliver(reliable(7, 'a'), 600)
  link.deliver(reliable(900, 'b'), 650)
  link.deliver(reliable(6, 'a'), 700)
  link.run(0)
  link.deliver(reply(link.last('PRACK'), '200 OK'))
  link.run(701)
  const pracks = link.all('PRACK').map(({ text }) => [field(text, 'rack'), field(text, 'to').split('=')[1]])
  t.strictSame(pracks, [
    ['5 1 INVITE', 'a'],
    ['900 1 INVITE', 'b'],
    ['6 1 INVITE', 'a'],
  ])
  t.strictSame(heard.lines, ['ringing 183 sdp', 'ringing 183', 'ringing 183'])
  link.deliver(reply(request, '200 OK', { tag: 'a', lines: CONTACT }))
  link.run(0)
  t.equal(heard.lines.at(-1), 'answered sdp')
  heard.call.hangUp()
  t.equal(field(link.last('BYE'), 'cseq'), '4 BYE', 'CSeq counts on in each dialog')
  finish({ link, heard, request })
  t.equal(link.agent.entries, 0)
})

t.test('BYE of the far end is answered, and tells why', async (t) => {
  const { link, heard, request } = answered()
  link.run(3_000)
  const lines = ['Reason: Q.850;cause=31;text="Normal, unspecified"']
  link.deliver(within(request, 'BYE', { cseq: 1, lines }), 0, { transport: 'tcp', address: '10.0.0.2', port: 40_123 })
  link.run(0)
  t.equal(link.sent.at(-1)!.to, 'tcp 10.0.0.2:40123', 'over the connection that it came by')
  t.strictSame(heard.ends, [
    {
      ...{ how: 'remoteHangUp', status: 200, q850: 31, reason: 'Normal, unspecified', retryAfterSeconds: 0 },
      ...{ wasAnswered: true, ringMs: 100, talkMs: 3_000 },
    },
  ])
  heard.call.hangUp()
  link.run(70_000)
  t.equal(link.all('BYE').length, 0)
  t.equal(link.agent.entries, 0)
})

t.test('two BYEs that cross end the call once, both answered', async (t) => {
  const { link, heard, request } = answered()
  heard.call.hangUp()
  link.deliver(within(request, 'BYE', { cseq: 1 }))
  link.run(0)
  link.deliver(reply(link.last('BYE'), '200 OK'))
  link.run(70_000)
  t.strictSame(heard.lines, ['answered sdp', 'ended localHangUp 200'])
  t.strictSame(statuses(link), ['200'])
  t.equal(link.agent.entries, 0)
})

t.test('a BYE that nobody answers ends the call after 64·T1', async (t) => {
  const { link, heard } = answered()
  heard.call.hangUp()
  link.run(31_999)
  t.equal(heard.ends.length, 0)
  link.run(1)
  t.equal(heard.ends.length, 1)
  link.run(40_000)
  t.equal(link.agent.entries, 0)
})

t.test('a BYE before the 200 that it overtook ends the call with that 200', async (t) => {
  const link = new VirtualLink()
  const { lines } = invite(link)
  const request = link.last('INVITE')
  link.deliver(reply(request, '180 Ringing'))
  link.deliver(within(request, 'BYE', { cseq: 1 }), 10)
  link.deliver(reply(request, '200 OK', { lines: CONTACT, sdp: ANSWER }), 20)
  link.run(20)
  t.strictSame(lines, ['ringing 180', 'ended remoteHangUp 200'])
  t.equal(link.all('ACK').length, 1)
  link.run(70_000)
  t.equal(link.all('BYE').length, 0)
  t.equal(link.agent.entries, 0)
})

t.test('talkMs ends the call with BYE', async (t) => {
  const { link, heard } = answered([], { talkMs: 20_000 })
  link.run(20_000)
  link.deliver(reply(link.last('BYE'), '200 OK'))
  link.run(0)
  t.equal(heard.ends[0]!.talkMs, 20_000)
  t.equal(heard.ends[0]!.reason, 'longest time for a call')
})

t.test(
  're-INVITE and UPDATE move the sound, refresh the target, and what cannot be spoken is refused with 488',
  async (t) => {
    const { link, heard, request } = answered()
    const moved = { lines: [SDP_TYPE, 'Contact: <sip:moved@10.0.0.3:5062>'], body: OTHER }
    link.deliver(within(request, 'INVITE', { cseq: 1, ...moved }).replace('Contact: <sip:far@10.0.0.2:5060>\r\n', ''))
    link.run(0)
    const ok = link.last('SIP/2.0 200')
    t.ok(ok.endsWith(`\r\n\r\n${ANSWER}`))
    t.equal(field(ok, 'content-type'), 'application/sdp')
    t.equal(field(ok, 'contact'), '<sip:+442079460999@10.0.0.1:5060>')
    link.deliver(within(request, 'ACK', { cseq: 1 }))
    link.deliver(within(request, 'UPDATE', { cseq: 2, lines: [SDP_TYPE], body: ANSWER }).replace(/Contact: .*\r\n/, ''))
    link.deliver(within(request, 'UPDATE', { cseq: 3 }).replace(/Contact: .*\r\n/, ''))
    link.run(0)
    t.strictSame(heard.lines, ['answered sdp', 'reoffered 6000', 'reoffered 5000'])
    t.strictSame(statuses(link), ['200', '200', '200'])
    t.ok(link.last('SIP/2.0 200').endsWith('Content-Length: 0\r\n\r\n'))
    heard.call.hangUp()
    t.match(link.last('BYE'), /^BYE sip:moved@10\.0\.0\.3:5062 SIP/)
    t.equal(link.all('BYE')[0]!.to, 'udp 10.0.0.3:5062')
  },
)

t.test('an offer that is refused leaves the call as it was', async (t) => {
  const link = new VirtualLink()
  const heard = invite(link, {}, { reoffered: () => null })
  const request = link.last('INVITE')
  link.deliver(reply(request, '200 OK', { lines: CONTACT, sdp: ANSWER }))
  const lines = [SDP_TYPE, 'Contact: <sip:elsewhere@10.0.0.9>']
  link.deliver(within(request, 'INVITE', { cseq: 1, lines, body: OTHER }))
  link.deliver(within(request, 'UPDATE', { cseq: 2, lines, body: OTHER }))
  link.run(0)
  t.strictSame(statuses(link), ['488', '488'])
  heard.call.hangUp()
  t.match(link.last('BYE'), /^BYE sip:far@10\.0\.0\.2/)
})

t.test(
  'a re-INVITE without an offer gets ours, and the answer in its ACK is told; meanwhile another offer waits',
  async (t) => {
    const { link, heard, request } = answered()
    link.deliver(within(request, 'INVITE', { cseq: 1 }))
    link.deliver(within(request, 'UPDATE', { cseq: 2, lines: [SDP_TYPE], body: OTHER }))
    link.run(0)
    t.ok(link.last('SIP/2.0 200').endsWith(OFFER))
    t.strictSame(statuses(link), ['200', '491'])
    link.deliver(within(request, 'ACK', { cseq: 1, lines: [SDP_TYPE], body: OTHER }))
    link.deliver(within(request, 'UPDATE', { cseq: 3, lines: [SDP_TYPE], body: ANSWER }))
    link.run(0)
    t.strictSame(heard.lines, ['answered sdp', 'reoffered 6000', 'reoffered 5000'])
  },
)

t.test('before the answer an offer of theirs is refused with 491, and a re-INVITE put off', async (t) => {
  const link = new VirtualLink()
  const { lines } = invite(link)
  const request = link.last('INVITE')
  link.deliver(reply(request, '180 Ringing'))
  link.deliver(within(request, 'UPDATE', { cseq: 1, lines: [SDP_TYPE], body: OTHER }))
  link.deliver(within(request, 'INVITE', { cseq: 2, lines: [SDP_TYPE], body: OTHER }))
  link.run(0)
  t.strictSame(statuses(link), ['491', '500'])
  t.match(field(link.last('SIP/2.0 500'), 'retry-after'), /^\d$/)
  t.strictSame(lines, ['ringing 180'])
})

t.test('digits in INFO are told once each, in the ways of several gateways', async (t) => {
  const { link, heard, request } = answered()
  const relay = (signal: string): string => `Signal=${signal}\r\nDuration=160\r\n`
  const infos: [string, string][] = [
    ['application/dtmf-relay', relay('5')],
    ['application/dtmf-relay', relay(' *')],
    ['Application/DTMF-Relay', relay('11')],
    ['application/dtmf-relay', 'Duration=160\nsignal= 9\n'],
    ['application/dtmf', '7'],
    ['application/dtmf;charset=utf-8', '#\r\n'],
    ['application/dtmf', '16'],
    ['application/dtmf-relay', 'Signal=hookflash'],
  ]
  for (const [at, [type, body]] of infos.entries())
    link.deliver(within(request, 'INFO', { cseq: at + 1, lines: [`Content-Type: ${type}`], body }), at)
  link.deliver(within(request, 'INFO', { cseq: 1, lines: ['Content-Type: application/dtmf'], body: '5' }), 20)
  link.run(30)
  t.strictSame(
    heard.lines.slice(1),
    ['5', '*', '#', '9', '7', '#'].map((digit) => `digit ${digit}`),
  )
  t.strictSame(statuses(link), Array(9).fill('200'))
  link.deliver(
    within(request, 'INFO', { cseq: 20, lines: ['Content-Type: application/media_control+xml'], body: '<x/>' }),
  )
  link.deliver(within(request, 'INFO', { cseq: 21 }))
  link.run(0)
  t.strictSame(statuses(link).slice(9), ['415', '200'])
})

t.test('other requests within the call are answered and leave it alone', async (t) => {
  const { link, heard, request } = answered()
  const methods = ['OPTIONS', 'NOTIFY', 'PRACK', 'REFER', 'MESSAGE', 'FOO']
  for (const [at, method] of methods.entries()) link.deliver(within(request, method, { cseq: at + 1 }), at)
  link.deliver(within(request, 'OPTIONS', { cseq: 3, branch: 'z9hG4bKlate' }), 10)
  link.deliver(within(request, 'UPDATE', { cseq: 30, lines: ['Require: timer, foo'] }), 11)
  link.deliver(within(request, 'CANCEL', { cseq: 40 }), 12)
  link.deliver(within(request, 'INFO', { cseq: 41, tag: 'unknown' }), 13)
  link.run(20)
  t.strictSame(statuses(link), ['200', '489', '481', '405', '405', '405', '500', '420', '481', '481'])
  t.equal(field(link.last('SIP/2.0 420'), 'unsupported'), 'foo')
  t.match(field(link.last('SIP/2.0 405'), 'allow'), /INVITE/)
  t.strictSame(heard.lines, ['answered sdp'])
})

t.test('what comes from outside of calls is answered without keeping anything', async (t) => {
  const link = new VirtualLink()
  const outside = (method: string, uri = 'sip:us@10.0.0.1', more = ''): string =>
    `${method} ${uri} SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK${method}\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\n` +
    `Call-ID: outside\nCSeq: 1 ${method}\nMax-Forwards: 70\n${more}Content-Length: 0\n\n`
  const sent = ['OPTIONS', 'INVITE', 'INVITE', 'BYE', 'INFO', 'CANCEL', 'ACK', 'REGISTER', 'SUBSCRIBE', 'FOO']
  for (const method of sent) link.deliver(outside(method))
  link.deliver(outside('OPTIONS', 'tel:+4420'))
  link.deliver(outside('OPTIONS', 'sip:us@10.0.0.1', 'Require: path\n'))
  link.run(0)
  const expected = ['200', '480', '480', '481', '481', '481', '405', '405', '405', '416', '420']
  t.strictSame(statuses(link), expected)
  const [first, second] = link.all('SIP/2.0 480').map(({ text }) => text)
  t.equal(first, second, 'the same to a repetition, with the same To tag')
  t.match(field(first!, 'to'), /;tag=[0-9a-f]{16}$/)
  t.match(field(link.all('SIP/2.0 200')[0]!.text, 'accept'), /application\/sdp/)
  t.equal(link.agent.entries, 0)
})

/** Whether credentials answer a challenge, by RFC 2617 as it is written. */
function isRight(text: string, header: string, { nonce, password }: { nonce: string; password: string }): boolean {
  const value = field(text, header)
  const of = (name: string): string => new RegExp(`[ ,]${name}="?([^",]*)"?`).exec(value)?.[1] ?? ''
  const md5 = (part: string): string => createHash('md5').update(part).digest('hex')
  const [method, uri] = text.split(' ')
  const user = md5(`${of('username')}:${of('realm')}:${password}`)
  const expected = md5(`${user}:${nonce}:${of('nc')}:${of('cnonce')}:auth:${md5(`${method}:${of('uri')}`)}`)
  return of('uri') === uri && of('nonce') === nonce && of('response') === expected
}

t.test(
  'a challenge is answered with the same Call-ID and tag, the next CSeq and a new branch; the call goes on',
  async (t) => {
    for (const [status, asks, answers] of [
      ['401 Unauthorized', 'WWW-Authenticate', 'authorization'],
      ['407 Proxy Authentication Required', 'Proxy-Authenticate', 'proxy-authorization'],
    ] as const) {
      const link = new VirtualLink()
      const heard = invite(link, { credentials: { user: 'office', password: 'secret' } })
      const first = link.last('INVITE')
      const challenge = (nonce: string): string =>
        `${asks}: Digest realm="r", nonce="${nonce}", qop="auth", algorithm=MD5`
      link.deliver(reply(first, '100 Trying'))
      link.deliver(reply(first, status, { tag: 'x', lines: [challenge('n1')] }))
      link.run(3_000)
      const second = link.last('INVITE')
      t.equal(link.all('ACK').length, 1)
      t.not(branch(second), branch(first))
      t.equal(field(second, 'call-id'), field(first, 'call-id'))
      t.equal(field(second, 'from'), field(first, 'from'))
      t.equal(field(second, 'to'), field(first, 'to'))
      t.equal(field(second, 'cseq'), '2 INVITE')
      t.ok(isRight(second, answers, { nonce: 'n1', password: 'secret' }))
      link.deliver(reply(second, '200 OK', { lines: CONTACT, sdp: ANSWER }))
      link.run(0)
      t.strictSame(heard.lines, ['answered sdp'])
      t.equal(field(link.last('ACK'), answers), field(second, answers), 'the ACK repeats the credentials')
      heard.call.hangUp()
      t.equal(field(link.last('BYE'), 'cseq'), '3 BYE')
      link.deliver(reply(link.last('BYE'), status, { lines: [challenge('n2')] }))
      link.run(0)
      t.equal(field(link.last('BYE'), 'cseq'), '4 BYE')
      t.ok(isRight(link.last('BYE'), answers, { nonce: 'n2', password: 'secret' }))
      finish({ link, heard, request: first })
      t.strictSame(heard.lines, ['answered sdp', 'ended localHangUp 200'])
      t.equal(link.agent.entries, 0)
    }
  },
)

t.test('a wrong password ends as unauthorised after one try, a stale nonce is answered once more', async (t) => {
  const link = new VirtualLink()
  const challenge = (nonce: string, stale = ''): string[] => [
    `WWW-Authenticate: Digest realm="r", nonce="${nonce}"${stale}`,
  ]
  const wrong = invite(link, { credentials: { user: 'office', password: 'wrong' } })
  link.deliver(reply(link.last('INVITE'), '401 Unauthorized', { lines: challenge('a') }))
  link.run(0)
  link.deliver(reply(link.last('INVITE'), '401 Unauthorized', { lines: challenge('b') }))
  link.run(60_000)
  t.strictSame(wrong.lines, ['ended unauthorised 401'])
  t.equal(link.all('INVITE').length, 2)
  const stale = invite(link, { credentials: { user: 'office', password: 'right' } })
  link.deliver(reply(link.last('INVITE'), '401 Unauthorized', { lines: challenge('c') }))
  link.run(0)
  link.deliver(reply(link.last('INVITE'), '401 Unauthorized', { lines: challenge('d', ', stale=TRUE') }))
  link.run(0)
  link.deliver(reply(link.last('INVITE'), '486 Busy Here'))
  link.run(60_000)
  t.strictSame(stale.lines, ['ended refused 486'])
  t.equal(link.all('INVITE').length, 5)
  const none = invite(link)
  link.deliver(reply(link.last('INVITE'), '407 Proxy Authentication Required', { lines: [] }))
  link.run(60_000)
  t.strictSame(none.lines, ['ended unauthorised 407'])
  t.equal(link.agent.entries, 0)
})

t.test('a challenge after we gave up is not answered', async (t) => {
  const link = new VirtualLink()
  const heard = invite(link, { credentials: { user: 'office', password: 'secret' } })
  heard.call.hangUp()
  link.deliver(
    reply(link.last('INVITE'), '401 Unauthorized', { lines: ['WWW-Authenticate: Digest realm="r", nonce="n"'] }),
  )
  link.run(60_000)
  t.strictSame(heard.lines, ['ended canceled 401'])
  t.equal(link.all('INVITE').length, 1)
})

t.test('REGISTER and OPTIONS answer a challenge, count CSeq within their series, and name themselves', async (t) => {
  const link = new VirtualLink()
  const series = link.agent.newSeries()
  const told: string[] = []
  const register = (): void =>
    link.agent.request(
      {
        ...{ method: 'REGISTER', uri: 'sip:pbx.example', to: link.gateway, from: 'sip:office@pbx.example', series },
        ...{
          headers: [
            ['contact', link.agent.contactFor(link.gateway, 'office')],
            ['expires', '300'],
          ] as const,
        },
        ...{ credentials: { user: 'office', password: 'secret' }, timeoutMs: 10_000 },
      },
      (response, why) => told.push(`${response?.status} ${why}`),
    )
  register()
  t.equal(field(link.last('REGISTER'), 'to'), '<sip:office@pbx.example>')
  t.equal(field(link.last('REGISTER'), 'contact'), '<sip:office@10.0.0.1:5060>')
  const lines = ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"']
  link.deliver(reply(link.last('REGISTER'), '401 Unauthorized', { lines }))
  link.run(0)
  t.ok(isRight(link.last('REGISTER'), 'authorization', { nonce: 'n', password: 'secret' }))
  link.deliver(reply(link.last('REGISTER'), '200 OK'))
  link.run(10_000)
  register()
  link.deliver(reply(link.last('REGISTER'), '401 Unauthorized', { lines }))
  link.run(0)
  link.deliver(reply(link.last('REGISTER'), '401 Unauthorized', { lines }))
  link.run(60_000)
  t.strictSame(told, ['200 ', '401 '])
  const all = link.all('REGISTER').map(({ text }) => text)
  t.strictSame(
    all.map((text) => field(text, 'cseq')),
    ['1 REGISTER', '2 REGISTER', '3 REGISTER', '4 REGISTER'],
  )
  t.strictSame(new Set(all.map((text) => field(text, 'call-id'))), new Set([series.callId]))
  t.equal(link.agent.entries, 0)
})

t.test('a session timer that is on us is kept alive by UPDATE, or by re-INVITE where UPDATE is unknown', async (t) => {
  const expires = ['Session-Expires: 90;refresher=uac', 'Require: timer']
  const { link, heard } = answered([...expires, 'Allow: INVITE, ACK, BYE, UPDATE'])
  link.run(45_000)
  t.equal(field(link.last('UPDATE'), 'session-expires'), '90;refresher=uac')
  link.deliver(reply(link.last('UPDATE'), '200 OK', { lines: [...CONTACT, ...expires] }))
  link.run(45_000)
  t.equal(link.all('UPDATE').length, 2)
  link.deliver(reply(link.last('UPDATE'), '481 Call Does Not Exist'))
  link.run(0)
  link.deliver(reply(link.last('BYE'), '481 Call Does Not Exist'))
  link.run(0)
  t.strictSame(heard.lines, ['answered sdp', 'ended localHangUp 200'])

  const old = answered([...expires, 'Allow: INVITE, ACK, BYE'])
  old.link.run(45_000)
  const again = old.link.last('INVITE')
  t.equal(field(again, 'cseq'), '2 INVITE')
  t.ok(again.endsWith(OFFER))
  old.link.deliver(within(old.request, 'UPDATE', { cseq: 1, lines: [SDP_TYPE], body: OTHER }))
  old.link.run(0)
  t.strictSame(statuses(old.link), ['491'], 'glare')
  for (const delayMs of [0, 500])
    old.link.deliver(reply(again, '200 OK', { lines: [...CONTACT, ...expires], sdp: OTHER }), delayMs)
  old.link.run(600)
  t.equal(old.link.all('ACK').length, 3)
  t.equal(field(old.link.last('ACK'), 'cseq'), '2 ACK')
  t.strictSame(old.heard.lines, ['answered sdp', 'reoffered 6000'])
  finish(old)
  t.equal(old.link.agent.entries, 0)
})

t.test('a session timer on them ends the call when no sign of life comes; one that comes is answered', async (t) => {
  const { link, heard, request } = answered(['Session-Expires: 90;refresher=uas'])
  link.run(50_000)
  const lines = ['Session-Expires: 90;refresher=uac', 'Supported: timer']
  link.deliver(within(request, 'UPDATE', { cseq: 1, lines }))
  link.run(0)
  t.equal(field(link.last('SIP/2.0 200'), 'session-expires'), '90;refresher=uac')
  t.equal(field(link.last('SIP/2.0 200'), 'require'), 'timer')
  link.run(59_999)
  t.equal(link.all('BYE').length, 0)
  link.run(1)
  link.deliver(reply(link.last('BYE'), '200 OK'))
  link.run(0)
  t.equal(heard.ends[0]!.reason, 'session timer')
})

t.test('a 422 is answered once with the interval that it asks for', async (t) => {
  const link = new VirtualLink()
  const { lines } = invite(link)
  link.deliver(reply(link.last('INVITE'), '422 Session Interval Too Small', { lines: ['Min-SE: 600'] }))
  link.run(0)
  t.equal(field(link.last('INVITE'), 'session-expires'), '600;refresher=uac')
  t.equal(field(link.last('INVITE'), 'min-se'), '600')
  link.deliver(reply(link.last('INVITE'), '422 Session Interval Too Small', { lines: ['Min-SE: 900'] }))
  link.run(0)
  t.strictSame(lines, ['ended refused 422'])
})

t.test('a connection that is lost while it rings does not end the call; one lost before does', async (t) => {
  const link = new VirtualLink('tcp')
  const ringing = invite(link)
  link.deliver(reply(link.last('INVITE'), '180 Ringing'))
  link.run(0)
  const request = link.last('INVITE')
  const fresh = invite(link)
  link.agent.failed(link.gateway, 'connection lost')
  t.strictSame(fresh.lines, ['ended unreachable 0'])
  t.strictSame(ringing.lines, ['ringing 180'])
  link.deliver(reply(request, '200 OK', { lines: CONTACT, sdp: ANSWER }))
  link.run(0)
  t.equal(ringing.lines.at(-1), 'answered sdp')
})

t.test('a gateway that is gone when its call is canceled or hung up ends it at once', async (t) => {
  const link = new VirtualLink('tcp')
  const ringing = invite(link)
  link.deliver(reply(link.last('INVITE'), '180 Ringing'))
  const talking = invite(link)
  link.deliver(reply(link.last('INVITE'), '200 OK', { lines: CONTACT, sdp: ANSWER }))
  link.run(0)
  link.agent.hangUpAll()
  link.agent.failed(link.gateway, 'connection refused')
  t.equal(ringing.lines.at(-1), 'ended canceled 180')
  t.equal(talking.lines.at(-1), 'ended localHangUp 200')
  link.run(40_000)
  t.equal(link.agent.entries, 0)
})

t.test('hangUpAll ends calls of every kind, each once', async (t) => {
  const link = new VirtualLink()
  const fresh = invite(link)
  const ringing = invite(link)
  link.deliver(reply(link.last('INVITE'), '180 Ringing'))
  const ringingRequest = link.last('INVITE')
  const talking = invite(link)
  link.deliver(reply(link.last('INVITE'), '200 OK', { lines: CONTACT, sdp: ANSWER }))
  link.run(0)
  link.agent.hangUpAll()
  link.agent.hangUpAll()
  link.deliver(reply(ringingRequest, '487 Request Terminated'))
  link.deliver(reply(link.last('BYE'), '200 OK'))
  link.run(4_000)
  t.strictSame(
    [fresh, ringing, talking].map(({ lines }) => lines.filter((line) => line.startsWith('ended'))),
    [['ended canceled 0'], ['ended canceled 487'], ['ended localHangUp 200']],
  )
  t.equal(link.agent.callsOpen, 0)
})

t.test('after 2,000 calls of all kinds nothing is kept', async (t) => {
  const link = new VirtualLink()
  const heard: Heard[] = []
  for (let n = 0; n < 2_000; n++) {
    const one = invite(link, { ringMs: 8_000, talkMs: 9_000 }, { answered: (call) => n % 3 === 0 && call.hangUp() })
    heard.push(one)
    const request = link.last('INVITE')
    if (n % 2 === 0) link.deliver(reply(request, '180 Ringing'), n % 700)
    if (n % 4 < 2) link.deliver(reply(request, '200 OK', { lines: CONTACT, sdp: ANSWER }), 1_000)
    else if (n % 8 === 2) link.deliver(reply(request, '486 Busy Here'), 2_000)
    link.run(5)
    link.sent.length = 0
  }
  link.run(200_000)
  t.ok(heard.every(({ ends }) => ends.length === 1))
  t.equal(link.agent.entries, 0)
  t.equal(link.agent.nextMs(link.nowMs) > 0, true)
})

const REFRESH = ['Session-Expires: 90;refresher=uac', 'Require: timer']

t.test(
  'a far end that turns out to know no UPDATE gets a re-INVITE, with credentials when it asks, and again after glare',
  async (t) => {
    const talk = answered(REFRESH, { credentials: { user: 'office', password: 'secret' } })
    const { link, heard } = talk
    link.run(45_000)
    link.deliver(reply(link.last('UPDATE'), '501 Not Implemented'))
    link.run(0)
    const lines = ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"']
    const plain = link.last('INVITE')
    link.deliver(reply(plain, '401 Unauthorized', { lines }))
    link.run(0)
    const signed = link.last('INVITE')
    t.equal(field(signed, 'cseq'), '4 INVITE')
    t.equal(field(signed, 'content-type'), 'application/sdp')
    t.ok(isRight(signed, 'authorization', { nonce: 'n', password: 'secret' }))
    link.deliver(reply(signed, '491 Request Pending'))
    link.run(2_000)
    t.equal(link.last('INVITE'), signed)
    link.run(2_000)
    t.equal(field(link.last('INVITE'), 'cseq'), '5 INVITE')
    link.deliver(reply(link.last('INVITE'), '488 Not Acceptable Here'))
    link.run(44_000)
    t.strictSame(heard.lines, ['answered sdp'], 'a refusal that is no end leaves the call as it is')
    finish(talk)
    t.equal(link.agent.entries, 0)
  },
)

t.test(
  'a re-INVITE of ours that stays without response ends the call; one that is under way ends with the call',
  async (t) => {
    const dead = answered([...REFRESH, 'Allow: INVITE, ACK, BYE'])
    dead.link.run(45_000 + 32_000)
    dead.link.deliver(reply(dead.link.last('BYE'), '200 OK'))
    dead.link.run(0)
    t.strictSame(dead.heard.lines, ['answered sdp', 'ended localHangUp 200'])
    t.equal(dead.heard.ends[0]!.reason, 'timeout')
    dead.link.run(40_000)
    t.equal(dead.link.agent.entries, 0)
    const open = answered([...REFRESH, 'Allow: INVITE, ACK, BYE'])
    open.link.run(45_000)
    open.link.deliver(reply(open.link.last('INVITE'), '100 Trying'))
    open.link.run(0)
    finish(open)
    t.equal(open.link.agent.entries, 0)
  },
)

t.test('what may not stand in a Request-URI is taken out of a Contact', async (t) => {
  const link = new VirtualLink()
  invite(link)
  const lines = ['Contact: "Far" <sip:far@10.0.0.2;method=INVITE;x=1?Route=%3Csip:evil%3E&Subject=a>;expires=60']
  link.deliver(reply(link.last('INVITE'), '200 OK', { lines, sdp: ANSWER }))
  link.run(0)
  t.match(link.last('ACK'), /^ACK sip:far@10\.0\.0\.2;x=1 SIP\/2\.0\r\n/)
  t.strictSame(fields(link.last('ACK'), 'route'), [])
})
