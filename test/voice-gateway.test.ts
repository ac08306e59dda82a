/** The simulated gateway is held to the specification by others: SIPp calls it, tshark reads what it says. */
import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fateOf, parseFates } from '../src/sip/simulator/fates.js'
import { Gateway } from '../src/sip/simulator/gateway.js'
import type { CallEntry } from '../src/sip/simulator/gateway-ledger.js'
import type { GatewayOptions } from '../src/sip/simulator/gateway-options.js'
import { callsIn } from './gateway-calls.js'
import { seed } from './seed.js'
import {
  accept,
  beside,
  invite,
  pause,
  provisional,
  receive,
  receiveRequest,
  request,
  runSipp,
  type SippRun,
} from './sipp-caller.js'

const HOST = '127.0.8.50'
const NUMBER = '+442079460'

interface Stand {
  gateway: Gateway
  port: number
  ledger(): CallEntry[]
}

async function start(t: Test, options: Partial<GatewayOptions> = {}): Promise<Stand> {
  const ledgerPath = join(t.testdir(), 'ledger')
  const gateway = new Gateway({ host: HOST, port: 0, transport: 'udp', ringMs: 50, seed, ledgerPath, ...options })
  const port = await gateway.listen()
  t.teardown(() => gateway.close())
  return { gateway, port, ledger: () => callsIn(ledgerPath) }
}

let addresses = 60

/** Runs SIPp from an address of its own, and expects it to be content. */
async function call(t: Test, { port }: Stand, run: Pick<SippRun, 'steps'> & Partial<SippRun>): Promise<void> {
  const address = `127.0.8.${addresses++}`
  const { code, errors } = await runSipp({ address, to: { address: HOST, port }, number: `${NUMBER}000`, ...run })
  t.equal(code, 0, `${run.number ?? ''} ${errors}`)
}

const answered = [invite(), provisional, receive(200), request('ACK', 1)]
const ended = [request('BYE', 2), receive(200)]

for (const transport of ['udp', 'tcp'] as const) {
  t.test(`SIPp's calls over ${transport} are answered, heard of in the ledger, and ended by it`, async (t) => {
    const stand = await start(t, { transport })
    await call(t, stand, { steps: [...answered, pause(200), ...ended], calls: 20, perSecond: 40, transport })
    const lines = stand.ledger()
    t.equal(lines.length, 20)
    t.equal(new Set(lines.map(({ callId }) => callId)).size, 20)
    for (const { number, caller, by, status, answered, start, end } of lines) {
      t.match({ number, caller, by, status }, { number: '442079460000', caller: 'caller', by: 'caller', status: 200 })
      t.ok(start <= answered! && answered! <= end)
    }
    t.match(stand.gateway.stats(), {
      calls: 20,
      answered: 20,
      callerHungUp: 20,
      callsNow: 0,
      strayAcks: 0,
      complaints: [],
    })
  })
}

t.test('each fate is the status that it says, with its cause, and SIPp acknowledges it', async (t) => {
  const fates = {
    busy: 486,
    unreachable: 480,
    invalid: 404,
    declined: 603,
    refused: 403,
    congestion: 503,
    error: 500,
    redirect: 302,
  }
  const words = [...Object.entries(fates), ['484/28', 484], ['608', 608]] as [string, number][]
  const endings = words.map(([word], at) => `${100 + at}=${word}`).join(',')
  const stand = await start(t, { endings })
  const calls = words.map(([, status], at) =>
    call(t, stand, { steps: [invite(), provisional, receive(status), beside('ACK')], number: `${NUMBER}${100 + at}` }),
  )
  await Promise.all(calls)
  const causes = Object.fromEntries(stand.ledger().map(({ fate, status, cause }) => [fate, [status, cause]]))
  const common = {
    busy: [486, 17],
    unreachable: [480, 20],
    invalid: [404, 1],
    declined: [603, 21],
    congestion: [503, 34],
  }
  t.match(causes, {
    ...common,
    error: [500, 41],
    refused: [403, 0],
    redirect: [302, 0],
    '484/28': [484, 28],
    '608': [608, 0],
  })
  t.match(stand.gateway.stats(), { calls: words.length, answered: 0, callsNow: 0, strayAcks: 0, complaints: [] })
})

t.test('a caller that cancels gets 200 for it and 487 for its INVITE', async (t) => {
  const stand = await start(t, { endings: '1=noanswer' })
  const ringing = receive(100, 'optional="true"') + receive(180)
  const steps = [invite(), ringing, beside('CANCEL'), receive(200), receive(487), beside('ACK')]
  await call(t, stand, { steps, number: `${NUMBER}001` })
  t.match(stand.gateway.stats(), { canceled: 1, answered: 0, callsNow: 0, strayAcks: 0, complaints: [] })
  t.match(stand.ledger(), [{ status: 487, by: 'caller', answered: null }])
})

t.test('telephones ring off in the middle, move their sound, and ask for PRACK', async (t) => {
  const stand = await start(t, { endings: '1=hangup', hangUpMs: 100 })
  await call(t, stand, { steps: [...answered, receiveRequest('BYE'), accept()], number: `${NUMBER}001` })
  t.match(stand.ledger(), [{ by: 'gateway', cause: 16 }])
  t.match(stand.gateway.stats(), { weHungUp: 1, strayAcks: 0, complaints: [] })

  const moving = await start(t, { reinviteMs: 100 })
  const moved = [receiveRequest('INVITE'), accept('sdp'), receiveRequest('ACK')]
  await call(t, moving, { steps: [...answered, ...moved, ...ended] })
  t.match(moving.gateway.stats(), { callerHungUp: 1, strayAcks: 0, complaints: [] })

  const reliable = await start(t, { isReliable: true })
  const supported = invite('Supported: 100rel')
  const rack =
    '<recv response="180" rrs="true"><action><ereg regexp=".*" search_in="hdr" header="RSeq:" assign_to="1"/></action></recv>'
  const steps = [supported, receive(100), rack, request('PRACK', 2, 'RAck: [$1] 1 INVITE'), receive(200)]
  await call(t, reliable, { steps: [...steps, receive(200), request('ACK', 1), request('BYE', 3), receive(200)] })
  t.match(reliable.gateway.stats(), { answered: 1, callerHungUp: 1, strayAcks: 0, complaints: [] })
})

for (const challenge of [401, 407] as const) {
  t.test(`a login is asked for with ${challenge}; a wrong password is refused`, async (t) => {
    const stand = await start(t, { user: 'trunk', password: 'secret', challenge })
    const steps = (password: string): string[] => [
      invite(),
      receive(challenge, 'auth="true"'),
      beside('ACK'),
      invite(`[authentication username=trunk password=${password}]`, 2),
      receive(100, 'optional="true"'),
    ]
    const right = [receive(180, 'optional="true"'), receive(200), request('ACK', 2), request('BYE', 3), receive(200)]
    await call(t, stand, { steps: [...steps('secret'), ...right], calls: 5 })
    await call(t, stand, { steps: [...steps('wrong'), receive(403), beside('ACK', 2)] })
    t.match(stand.gateway.stats(), {
      calls: 5,
      answered: 5,
      challenges: 6,
      loginFailures: 1,
      strayAcks: 0,
      complaints: [],
    })
  })
}

t.test('with a seventh of the datagrams lost, each call is there once', async (t) => {
  const stand = await start(t, { loss: 0.15 })
  await call(t, stand, { steps: [...answered, ...ended], calls: 20, perSecond: 40 })
  // SIPp takes a repeated 200 to its INVITE for the one to its BYE, so that BYEs cannot be counted on.
  const { calls, answered: count, dropped } = stand.gateway.stats()
  t.match({ calls, count }, { calls: 20, count: 20 })
  t.ok(dropped > 0, `${dropped} dropped`)
})

t.test('what is above its channels and its rate is refused and counted', async (t) => {
  const stand = await start(t, { maxCalls: 3 })
  const full = [invite(), provisional, receive(503, 'optional="true" next="1"'), receive(200), request('ACK', 1)]
  const steps = [...full, pause(1_500), ...ended, '<nop next="2"/><label id="1"/>', beside('ACK'), '<label id="2"/>']
  await call(t, stand, { steps, calls: 8, perSecond: 40 })
  const { maxCalls, overCapacity, answered: count, statuses } = stand.gateway.stats()
  t.match({ count, overCapacity, statuses }, { count: 3, overCapacity: 5, statuses: { 200: 3, 503: 5 } })
  t.equal(maxCalls, 4, 'the one too many is seen before it is refused')
})

t.test('tshark finds nothing wrong in what it says', async (t) => {
  const { port, gateway } = await start(t, {
    user: 'trunk',
    endings: '1=busy,2=redirect,3=congestion',
    isReliable: true,
  })
  const open = await start(t, { endings: '1=busy,2=redirect,3=congestion', isReliable: true })
  const said: Buffer[] = []
  const socket = createSocket('udp4')
  socket.on('message', (bytes) => said.push(bytes))
  await new Promise<void>((resolve) => socket.bind(0, '127.0.8.59', resolve))
  t.teardown(() => void socket.close())
  const own = `127.0.8.59:${socket.address().port}`
  const ask = (method: string, number: string, to: number): void => {
    const sdp =
      'v=0\r\no=- 1 1 IN IP4 127.0.8.59\r\ns=-\r\nc=IN IP4 127.0.8.59\r\nt=0 0\r\nm=video 9 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n'
    const lines = [
      `${method} sip:${number}@${HOST}:${to} SIP/2.0`,
      `Via: SIP/2.0/UDP ${own};branch=z9hG4bK${method}${number}${to};rport`,
      ...[
        'Max-Forwards: 70',
        `From: <sip:a@${own}>;tag=1`,
        `To: <sip:${number}@${HOST}:${to}>`,
        `Call-ID: ${method}${number}`,
      ],
      ...[`CSeq: 1 ${method}`, `Contact: <sip:a@${own}>`, 'Supported: 100rel', 'Content-Type: application/sdp'],
      ...[`Content-Length: ${sdp.length}`, '', sdp],
    ]
    socket.send(lines.join('\r\n'), to, HOST)
  }
  for (const method of ['INVITE', 'REGISTER', 'OPTIONS', 'MESSAGE']) ask(method, '8', port)
  for (const number of ['1', '2', '3', '4']) ask('INVITE', number, open.port)
  const statuses = (): number[] => said.map((bytes) => Number(bytes.toString('latin1', 8, 11)))
  while (![180, 200, 302, 401, 405, 407, 486, 503].every((status) => statuses().includes(status)))
    await once(socket, 'message')
  t.equal(gateway.stats().protocolErrors, 0)
  const dump = said.map((bytes) => hexLines(bytes)).join('\n')
  const folder = t.testdir()
  writeFileSync(join(folder, 'said.txt'), dump)
  execFileSync('text2pcap', ['-q', '-u', '5060,5060', join(folder, 'said.txt'), join(folder, 'said.pcap')], {
    stdio: 'pipe',
  })
  const fields = ['-T', 'fields', '-e', 'sip.Status-Code', '-e', '_ws.expert.message', '-e', '_ws.malformed']
  const lines = execFileSync('tshark', ['-n', '-r', join(folder, 'said.pcap'), ...fields], { stdio: 'pipe' })
    .toString()
    .trimEnd()
    .split('\n')
  t.strictSame(
    lines.map((line) => line.trim()).sort(),
    statuses().map(String).sort(),
    'a status each, and no expert says anything',
  )
})

/** As text2pcap reads it. */
function hexLines(bytes: Buffer): string {
  const lines = ['000000']
  for (let at = 0; at < bytes.length; at += 16) {
    const octets = [...bytes.subarray(at, at + 16)].map((octet) => octet.toString(16).padStart(2, '0'))
    lines[at / 16] = `${at.toString(16).padStart(6, '0')} ${octets.join(' ')}`
  }
  return lines.join('\n')
}

t.test('fates depend on seed and number alone, shares are kept, and typing errors are named', async (t) => {
  const rules = parseFates('busy=0.2,press9=0.1:1', '0=invalid', seed)
  const numbers = Array.from({ length: 10_000 }, (_, n) => `4420${70_000_000 + n * 10 + 1}`)
  const first = numbers.map((number) => fateOf(rules, number, 1).word)
  t.strictSame(
    numbers.map((number) => fateOf(rules, number, 1).word),
    first,
  )
  const share = (word: string): number => first.filter((each) => each === word).length / numbers.length
  t.ok(
    Math.abs(share('busy') - 0.2) < 0.02 && Math.abs(share('press9') - 0.1) < 0.02,
    `${share('busy')}, ${share('press9')}`,
  )
  const second = numbers.map((number) => fateOf(rules, number, 2).word)
  t.strictSame(
    second,
    first.map((word) => (word === 'press9' ? 'answers' : word)),
    'the first call only, the others as before',
  )
  t.equal(fateOf(rules, '44207000000', 1).word, 'invalid')
  t.not(
    fateOf(parseFates('busy=0.5', '', seed), '1', 1).word +
      numbers.map((number) => fateOf(parseFates('busy=0.5', '', seed + 1), number, 1).word).join(),
    first.join(),
  )
  for (const wrong of ['busi=0.1', 'busy=2', 'busy', 'busy=0.1:0', '999=0.1'])
    t.throws(() => parseFates(wrong, '', 1), RangeError, wrong)
  for (const wrong of ['a=busy', '1=busi', '1']) t.throws(() => parseFates('', wrong, 1), RangeError, wrong)
})
