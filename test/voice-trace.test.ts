/** SIP messages of a live carrier as HTTP, the command line and captures show them; what must not be seen is masked. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import { describeSip } from '../src/sip/trace/describe-sip.js'
import { maskedSip } from '../src/sip/trace/sip-mask.js'
import { seed } from './seed.js'
import { requestText } from './sip-wire.js'
import { runBeside } from './trace-command.js'
import { Watcher } from './trace-watch.js'
import { landline, startVoice, type VoiceStand } from './voice-stand.js'

t.setTimeout(580_000)

const LOGIN = { user: 'office', password: 'open sesame' }
const TEXT = 'Your appointment is on Monday.'

/** Two gateways that ask who calls; the first is busy. */
async function startTwo(t: Test): Promise<VoiceStand> {
  return await startVoice(t, {
    gateways: [{ ...LOGIN, endings: '0001=503' }, LOGIN],
    carrier: 'user: office, password: "open sesame", callerName: Clinic, optionsSeconds: 0, playDelayMs: 0, tailMs: 0',
  })
}

async function call(stand: VoiceStand, ending: number): Promise<void> {
  const sent = await stand.customer.call('POST', '/v1/messages', { body: { to: landline(ending), text: TEXT } })
  if (sent.status !== 202) throw new Error(sent.text)
}

function ofCommand(watcher: Watcher, command: string): Watcher['lines'] {
  return watcher.pdus(command)
}

/** The ACK to the 200 has gone out: the call is up. */
async function isUp(watcher: Watcher): Promise<void> {
  await watcher.until(() => ofCommand(watcher, 'BYE').length > 0 && ofCommand(watcher, '200').length > 1)
}

let stand: VoiceStand

t.before(async () => {
  stand = await startTwo(t)
})

t.test('a call is seen on its way, its numbers masked unless asked for, its credentials always', async (t) => {
  const peers = { server: stand.whole.server } as unknown as Parameters<Watcher['start']>[0]
  const [masked, open, one, second] = [new Watcher(), new Watcher(), new Watcher(), new Watcher()]
  await masked.start(peers, '', 'pbx')
  await open.start(peers, '?text=true', 'pbx')
  await one.start(peers, '?number=0002', 'pbx')
  await second.start(peers, '?bind=1', 'pbx')
  await call(stand, 1)
  await isUp(masked)
  await isUp(open)
  await isUp(second)
  for (const watcher of [masked, open, one, second]) watcher.stop()
  const shown = (watcher: Watcher): string => JSON.stringify(watcher.lines)
  t.notMatch(shown(masked), /442071830001|442071838750|Clinic|response=|cnonce/)
  t.match(shown(open), /442071830001.*Clinic/)
  t.notMatch(shown(open), /response=|cnonce|open sesame/)
  t.match(
    ofCommand(open, 'INVITE').at(-1)!.pdu.message,
    /^INVITE sip:\+442071830001@.*Authorization: Digest \*{5}.*v=0/s,
  )
  t.equal(ofCommand(masked, 'INVITE')[0]!.pdu.message, undefined)
  t.match(ofCommand(masked, 'INVITE')[0], {
    direction: 'out',
    bind: 0,
    pdu: {
      uri: /^sip:\+4420\*{5}001@/,
      sequence: 1,
      peer: /^udp 127\.0\.0\.1:\d+$/,
      from: /^"\*{6}" <sip:\+4420\*{5}750@/,
    },
  })
  const of = (watcher: Watcher, gateway: number): string[] =>
    watcher.lines
      .filter((line) => (line as unknown as { bind?: number }).bind === gateway)
      .map(({ direction, pdu }) => `${direction} ${pdu.command}`)
      .filter((line) => line !== 'in 100')
  t.strictSame(of(masked, 0).slice(0, 3), ['out INVITE', 'in 407', 'out ACK'])
  t.ok(of(masked, 0).includes('in 503'))
  t.strictSame(of(second, 0), [])
  t.strictSame(of(second, 1), of(masked, 1))
  t.equal(one.lines.length, 1, 'another number: nothing but that it watches')
})

t.test('trunkline trace prints a line a message, and with --text the whole of it', async (t) => {
  const send = (ending: number) => (): void => void call(stand, ending).catch(t.threw)
  const traced = await runBeside(
    stand.whole.server,
    ['trace', '--carrier', 'pbx', '--number', '0002', '--count', '3'],
    send(2),
  )
  t.equal(traced.code, 0)
  const lines = traced.stdout.trimEnd().split('\n')
  t.equal(lines.length, 3)
  t.match(lines[0], /^\d\d:\d\d:\d\d\.\d{3} 0 → INVITE 1 uri=sip:\+4420\*{5}002@\S+ peer="udp 127\.0\.0\.1:\d+" from=/)
  t.match(lines[1], /^\S+ 0 ← (?:100|407) 1 phrase=.* method=INVITE /)
  const args = ['trace', '--carrier', 'pbx', '--number', '0003', '--text', '--count', '1']
  const whole = await runBeside(stand.whole.server, args, send(3))
  t.match(whole.stdout, /→ INVITE 1 .*\n {4}INVITE sip:\+442071830003@.*\n {4}v=0\n/s)
})

t.test('a capture is what tshark reads as SIP, with nothing to complain of', async (t) => {
  const peers = { server: stand.whole.server } as unknown as Parameters<Watcher['start']>[0]
  const watcher = new Watcher()
  await watcher.start(peers, '?number=0004', 'pbx')
  const ending = new AbortController()
  const { url, adminKey } = stand.whole.server
  const response = await fetch(`${url}/v1/carriers/pbx/trace?format=pcap&text=true&number=0004`, {
    headers: { authorization: `Bearer ${adminKey}` },
    signal: ending.signal,
  })
  const chunks: Buffer[] = []
  const byes = (): number =>
    Buffer.concat(chunks)
      .toString('latin1')
      .split(/CSeq: \d+ BYE/).length - 1
  const reading = (async () => {
    for await (const chunk of response.body!) {
      chunks.push(Buffer.from(chunk))
      // The BYE and its answer.
      if (byes() >= 2) ending.abort()
    }
  })().catch((error: unknown) => {
    if (!ending.signal.aborted) throw error
  })
  await call(stand, 4)
  await isUp(watcher)
  watcher.stop()
  await reading
  const file = path.join(t.testdir(), 'carrier.pcap')
  writeFileSync(file, Buffer.concat(chunks))
  const tshark = (args: string[]): string => {
    const { stdout, status, stderr } = spawnSync('tshark', ['-r', file, '-o', 'udp.check_checksum:TRUE', ...args], {
      encoding: 'utf8',
    })
    t.equal(status, 0, stderr)
    return stdout.trimEnd()
  }
  t.equal(tshark(['-Y', '_ws.malformed || _ws.expert.severity >= "Warning"']), '')
  const rows = tshark(['-Y', 'sip', '-T', 'fields', '-e', 'ip.src', '-e', 'sip.Method', '-e', 'sip.Status-Code'])
  t.match(rows, /^192\.0\.2\.1\tINVITE\t\n192\.0\.2\.2\t\t(?:100|407)\n/)
  t.match(rows, /192\.0\.2\.1\tBYE\t\n192\.0\.2\.2\t\t200$/)
  t.match(tshark(['-Y', 'sdp', '-T', 'fields', '-e', 'sdp.media']), /^audio \d+ RTP\/AVP/)
})

/** Everything that must not be seen, in the places where it can stand. */
const SECRETS = [
  ...['+447712345678', '447712345678', '07712345678', 'Anna Smith', 'abcdef0123456789', 'passw0rd', 'eyJhbGciOi'],
  ...['See you on Monday', 'Signal=7', '020-7183-8750'],
]

const SECRET_HEAD = [
  'INVITE sip:+447712345678:passw0rd@pbx.test SIP/2.0',
  'Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK12345678;rport',
  'f: "Anna Smith" <sip:447712345678@pbx.test>;tag=48271934',
  'To: Anna Smith <sip:07712345678@pbx.test;user=phone>',
  'P-Asserted-Identity: <tel:020-7183-8750>',
  'Diversion: "Anna Smith" <sip:+447712345678@pbx.test>;reason=unconditional',
  'Proxy-Authorization: Digest username="x", nonce="n",\r\n response="abcdef0123456789"',
  'Authorization: Digest response="abcdef0123456789"',
  'Identity: eyJhbGciOi.447712345678;info=<https://x>',
  'X-Customer: cli=447712345678',
  'Call-ID: 12345678@127.0.0.1',
  'CSeq: 1 INVITE',
]

t.test('a copy that is shown keeps its length and loses its secrets, whatever the message', async (t) => {
  const shown = (type: string, body: string, text = false): string => {
    const bytes = Buffer.from(`${[...SECRET_HEAD, `Content-Type: ${type}`].join('\r\n')}\r\n\r\n${body}`)
    const copy = maskedSip(bytes, text)
    t.equal(copy.length, bytes.length)
    return copy.toString()
  }
  const sdp = shown('application/sdp', 'v=0\r\ns=-\r\ne=Anna Smith\r\nm=audio 4000 RTP/AVP 8\r\n')
  for (const secret of SECRETS) t.notOk(sdp.includes(secret), secret)
  for (const kept of [
    'tag=48271934',
    'branch=z9hG4bK12345678',
    'Call-ID: 12345678@',
    'm=audio 4000 RTP/AVP 8',
    ';reason=unconditional',
  ]) {
    t.ok(sdp.includes(kept), kept)
  }
  const words = shown('text/plain', 'See you on Monday')
  const digit = shown('application/dtmf-relay', 'Signal=7\r\nDuration=160\r\n')
  for (const secret of SECRETS) t.notOk(words.includes(secret) || digit.includes(secret), secret)
  const open = shown('text/plain', 'See you on Monday', true)
  for (const asked of ['Anna Smith', '+447712345678', 'See you on Monday']) t.ok(open.includes(asked), asked)
  for (const never of ['abcdef0123456789', 'passw0rd', 'username="x"']) t.notOk(open.includes(never), never)
})

t.test('octets of any kind are described', async (t) => {
  const random = new Random(seed)
  const peer = { transport: 'udp', address: '::1', port: 5060 } as const
  const message = Buffer.from(requestText({ body: 'x' }))
  for (let round = 0; round < 2_000; round++) {
    const bytes = Buffer.from(message.subarray(0, random.below(message.length + 1)))
    for (let n = random.below(6); n > 0 && bytes.length > 0; n--) bytes[random.below(bytes.length)] = random.below(256)
    const described = describeSip(maskedSip(bytes, false), peer, true)
    if (typeof described.command !== 'string' || described.peer !== 'udp [::1]:5060') t.fail(JSON.stringify(described))
  }
  t.match(describeSip(Buffer.from('GET / HTTP/1.1\r\n\r\n'), peer, false), { command: 'not SIP', length: 18 })
  t.match(
    describeSip(Buffer.from('SIP/2.0 486 Busy Here\r\nCSeq: 7 INVITE\r\nReason: Q.850;cause=17\r\n\r\n'), peer, false),
    {
      ...{ command: '486', phrase: 'Busy Here', method: 'INVITE', sequence: 7, reason: 'Q.850;cause=17' },
    },
  )
})
