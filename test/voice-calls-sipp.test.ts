/** Calls to SIPp, an independent far end on real sockets: each scenario ends with its exit code 0. */
import t, { type Test } from 'tap'
import type { CallEnd } from '../src/sip/call/call.js'
import type { TransportName } from '../src/sip/transport/transport.js'
import { type Sipp, startSipp } from './sipp.js'
import {
  answering,
  asking,
  askingAsProxy,
  pauseMs,
  receive,
  receiveInvite,
  refusal,
  request,
  respond,
  respondWithin,
  ringing,
  SDP,
  type Step,
  scenario,
} from './sipp-scenario.js'
import { startAgent, TestCall } from './voice-agent.js'

const OURS = '127.0.2.100'

interface Stand {
  sipp: Sipp
  /** A call to it. */
  call(patch?: ConstructorParameters<typeof TestCall>[2]): TestCall
}

async function stand(t: Test, xml: string, transport: TransportName & ('udp' | 'tcp') = 'udp'): Promise<Stand> {
  const agent = await startAgent(t, transport, OURS)
  const sipp = await startSipp(t, { scenario: xml, calls: 1, address: '127.0.2.1', transport })
  return { sipp, call: (patch) => new TestCall(agent, sipp.peer, patch) }
}

/** A call that is hung up by us as soon as it is answered. */
async function answeredThenHungUp({ sipp, call }: Stand): Promise<CallEnd> {
  const one = call()
  await one.until('answered')
  one.call.hangUp()
  const end = await one.ended()
  await sipp.succeeded()
  return end
}

for (const transport of ['udp', 'tcp'] as const) {
  t.test(`a call over ${transport} rings, is answered and hung up`, async (t) => {
    const end = await answeredThenHungUp(await stand(t, answering({ before: [100, 180] }), transport))
    t.match(end, { how: 'localHangUp', status: 200, wasAnswered: true })
  })

  t.test(`a call over ${transport} is refused as busy`, async (t) => {
    const { sipp, call } = await stand(t, refusal(486, { before: [100], reason: 'Busy Here' }), transport)
    const end = await call().ended()
    t.match(end, { how: 'refused', status: 486, reason: 'Busy Here', wasAnswered: false })
    await sipp.succeeded()
  })
}

t.test('an unknown number is told with its Q.850 cause', async (t) => {
  const headers = ['Reason: Q.850;cause=1;text="Unallocated number"']
  const { sipp, call } = await stand(t, refusal(404, { headers, reason: 'Not Found' }))
  t.match(await call().ended(), { how: 'refused', status: 404, q850: 1, reason: 'Not Found; Unallocated number' })
  await sipp.succeeded()
})

t.test('a telephone that rings on and on is canceled, and the 487 acknowledged', async (t) => {
  const { sipp, call } = await stand(t, ringing([100, 180]))
  t.match(await call({ ringMs: 200 }).ended(), { how: 'noAnswer', status: 487, wasAnswered: false })
  await sipp.succeeded()
})

/** After CANCEL was answered. */
const lateAnswer: Step = respond(200, { withSdp: true, cseq: '[$cseqNumber] INVITE', isRepeated: true }).replace(
  '[last_Via:]',
  'Via:[$via]',
)
const keepVia = '<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>'
const useVia = '<Reference variables="via"/>'

t.test('a 200 that crosses CANCEL is acknowledged and hung up', async (t) => {
  const xml = scenario(
    receiveInvite({ actions: keepVia }),
    useVia,
    ...[respond(180), receive('CANCEL'), respondWithin(200), lateAnswer],
    ...[receive('ACK'), receive('BYE'), respondWithin(200)],
  )
  const { sipp, call } = await stand(t, xml)
  t.match(await call({ ringMs: 100 }).ended(), { how: 'noAnswer', status: 200, wasAnswered: false })
  await sipp.succeeded()
})

t.test('a 200 that comes again, since its ACK was lost, is acknowledged again', async (t) => {
  const ack = receive('ACK').replace('<recv ', '<recv lost="25" ')
  const answer = respond(200, { withSdp: true, isRepeated: true })
  const agent = await startAgent(t, 'udp', OURS)
  const xml = scenario(receiveInvite(), answer, ack, request('BYE', 1), receive(200))
  const more = ['-max_invite_retrans', '20']
  const sipp = await startSipp(t, { scenario: xml, calls: 16, address: '127.0.2.1', more })
  const calls = Array.from({ length: 16 }, () => new TestCall(agent, sipp.peer))
  await Promise.all(calls.map((one) => one.ended()))
  for (const { lines } of calls) t.strictSame(lines, ['answered sdp', 'ended remoteHangUp 200'])
  await sipp.succeeded()
})

t.test('a second telephone that answers the same call gets ACK and BYE', async (t) => {
  const other = lateAnswer.replace('[last_To:]', 'To:[$called]').replace('Sipp[call_number]', 'Other[call_number]')
  const ofOther = { has: { To: 'Other' } }
  const xml = scenario(
    receiveInvite({ actions: keepVia }),
    useVia,
    ...[respond(180), respond(200, { withSdp: true, isRepeated: true }), receive('ACK', { has: { To: 'Sipp' } })],
    ...[other, receive('ACK', ofOther), receive('BYE', ofOther), respondWithin(200)],
    ...[request('INFO', 7, { headers: ['Content-Type: application/dtmf'], sdp: '4' }), receive(200)],
    ...[receive('BYE', { has: { To: 'Sipp' } }), respondWithin(200)],
  )
  const { sipp, call } = await stand(t, xml)
  const one = call()
  await one.until('digit 4')
  one.call.hangUp()
  await one.ended()
  t.strictSame(one.lines, ['ringing 180', 'answered sdp', 'digit 4', 'ended localHangUp 200'])
  await sipp.succeeded()
})

t.test('a reliable provisional gets its PRACK, and its answer counts', async (t) => {
  const reliable = respond(183, { headers: ['Require: 100rel', 'RSeq: 4711'], withSdp: true, isRepeated: true })
  const xml = scenario(
    receiveInvite({ has: { Supported: '100rel' }, actions: keepVia }),
    useVia,
    ...[reliable, receive('PRACK', { has: { RAck: '4711 1 INVITE' } }), respondWithin(200)],
    lateAnswer.replace('[last_To:]', 'To:[$called]').replace(SDP, ''),
    ...[receive('ACK'), receive('BYE', { has: { CSeq: '3 BYE' } }), respondWithin(200)],
  )
  const { sipp, call } = await stand(t, xml)
  const one = call()
  await one.until('answered')
  one.call.hangUp()
  await one.ended()
  t.strictSame(one.lines, ['ringing 183 sdp', 'answered sdp', 'ended localHangUp 200'])
  await sipp.succeeded()
})

t.test('ACK and BYE take the routes of Record-Route in reverse order', async (t) => {
  const via = (name: string): string => `Record-Route: <sip:[local_ip]:[local_port];lr;n=${name}>`
  const routes = { has: { Route: 'n=last.*' }, lacks: 'n=first.*[[:space:]].*n=last' }
  const xml = scenario(
    receiveInvite(),
    respond(200, { headers: [via('first'), via('last')], withSdp: true, isRepeated: true }),
    ...[receive('ACK', routes), receive('BYE', routes), respondWithin(200)],
  )
  t.match(await answeredThenHungUp(await stand(t, xml)), { how: 'localHangUp' })
})

t.test('BYE of the far end ends the call, and tells why', async (t) => {
  const headers = ['Reason: Q.850;cause=16;text="Normal call clearing"']
  const bye = [pauseMs(100), request('BYE', 1, { headers }), receive(200)]
  const xml = scenario(receiveInvite(), respond(200, { withSdp: true, isRepeated: true }), receive('ACK'), ...bye)
  const { sipp, call } = await stand(t, xml)
  t.match(await call().ended(), { how: 'remoteHangUp', q850: 16, reason: 'Normal call clearing', wasAnswered: true })
  await sipp.succeeded()
})

t.test('re-INVITE, UPDATE, INFO and OPTIONS of the far end are answered within the call', async (t) => {
  const digit = { headers: ['Content-Type: application/dtmf-relay'], sdp: 'Signal=1\nDuration=100' }
  const within = [
    ...[request('INVITE', 1, { withSdp: true }), receive(200, { has: { Contact: 'sip:' } }), request('ACK', 1)],
    ...[request('UPDATE', 2, { withSdp: true }), receive(200)],
    ...[request('INFO', 3, digit), receive(200)],
    ...[request('OPTIONS', 4), receive(200, { has: { Allow: 'INVITE' } })],
  ]
  const { sipp, call } = await stand(t, answering({ before: [], within, hangsUpAs: 5 }))
  const one = call()
  await one.ended()
  t.strictSame(one.lines, ['answered sdp', 'reoffered', 'reoffered', 'digit 1', 'ended remoteHangUp 200'])
  await sipp.succeeded()
})

const office = { user: 'office', password: 'secret' }

t.test('a challenge is answered as SIPp verifies it, and the call goes on', async (t) => {
  const { sipp, call } = await stand(t, asking({ ...office, final: 200 }))
  const one = call({ credentials: office })
  await one.until('answered')
  one.call.hangUp()
  t.match(await one.ended(), { how: 'localHangUp' })
  await sipp.succeeded()
})

t.test('a challenge of a proxy is answered', async (t) => {
  const { sipp, call } = await stand(t, askingAsProxy(office))
  t.match(await call({ credentials: office }).ended(), { how: 'refused', status: 486 })
  await sipp.succeeded()
})

t.test('a wrong password ends as unauthorised after one answer, without a loop', async (t) => {
  const headers = ['WWW-Authenticate: Digest realm="sipp", nonce="n[call_number]", algorithm=MD5, qop="auth"']
  const challenge = [respond(401, { headers, isRepeated: true }), receive('ACK')]
  const xml = scenario(
    ...[receive('INVITE'), ...challenge, receive('INVITE', { has: { Authorization: 'office' } }), ...challenge],
    // A third INVITE would be unexpected, and SIPp would end with another code.
    pauseMs(700),
  )
  const { sipp, call } = await stand(t, xml)
  t.match(await call({ credentials: { user: 'office', password: 'wrong' } }).ended(), {
    how: 'unauthorised',
    status: 401,
  })
  await sipp.succeeded()
})

t.test('a redirection is refused, and nobody else is called', async (t) => {
  const headers = ['Contact: <sip:+88213000000@127.0.2.66:5066>']
  const { sipp, call } = await stand(t, refusal(302, { headers }))
  t.match(await call().ended(), { how: 'refused', status: 302 })
  await sipp.succeeded()
})

t.test('200 calls at once end as SIPp answers them', async (t) => {
  const agent = await startAgent(t, 'udp', OURS)
  const sipp = await startSipp(t, { scenario: answering(), calls: 200, address: '127.0.2.1' })
  const calls = Array.from({ length: 200 }, () => new TestCall(agent, sipp.peer))
  for (const one of calls) void one.until('answered').then(() => one.call.hangUp())
  const ends = await Promise.all(calls.map((one) => one.ended()))
  t.ok(ends.every(({ how }) => how === 'localHangUp'))
  await sipp.succeeded()
})
