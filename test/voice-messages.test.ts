/**
 * SIP messages: what is valid however odd is read and written back with the same meaning (RFC 4475), what is broken is
 * refused without harm, and nothing that anybody writes into a value becomes a header field.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { challengesOf } from '../src/sip/message/challenge.js'
import { parseCSeq } from '../src/sip/message/cseq.js'
import { SipHeaders } from '../src/sip/message/headers.js'
import { listHas, listOf } from '../src/sip/message/list.js'
import { addressesOf, parseNameAddress, tagOf, writeNameAddress } from '../src/sip/message/name-address.js'
import { parseSip, SipParseError } from '../src/sip/message/parse.js'
import { q850Of, reasonsOf, writeReason } from '../src/sip/message/reason.js'
import { retryAfterSeconds } from '../src/sip/message/retry-after.js'
import type { SipMessage, SipRequest } from '../src/sip/message/sip-message.js'
import { escapeUser, parseSipUri, parseTelUri, parseUri, uriEquals, userOf, writeUri } from '../src/sip/message/uri.js'
import { branchOf, parseVia, stampSource, topVia, viasOf, writeVia } from '../src/sip/message/via.js'
import { writeSip } from '../src/sip/message/write.js'
import { seed } from './seed.js'
import { broken, usual, valid } from './voice-torture.js'

t.setTimeout(580_000)

function refusal(bytes: Buffer, isStream = false): SipParseError | null {
  try {
    parseSip(bytes, isStream)
    return null
  } catch (error) {
    if (error instanceof SipParseError) return error
    throw error
  }
}

/** null: refused. */
function messageOf(bytes: Buffer): SipMessage | null {
  try {
    return parseSip(bytes)
  } catch (error) {
    if (error instanceof SipParseError) return null
    throw error
  }
}

/** A message as values that can be compared; Content-Length is the writer's. */
function meaning(message: SipMessage): unknown {
  const fields = [...message.headers].filter(([name]) => name !== 'content-length')
  const start = message.kind === 'request' ? [message.method, message.uri] : [message.status, message.reason]
  return { start, fields, body: message.body.toString('latin1') }
}

function headersOf(fields: [string, string][]): SipHeaders {
  const headers = new SipHeaders()
  for (const [name, value] of fields) headers.append(name, value)
  return headers
}

t.test('valid messages of every oddity are read, and written back with the same meaning', async (t) => {
  for (const [name, bytes] of Object.entries(valid)) {
    const message = parseSip(bytes)
    t.strictSame(meaning(parseSip(writeSip(message))), meaning(message), name)
    t.strictSame(
      meaning(parseSip(Buffer.concat([Buffer.from('\r\n\n\r\n'), bytes]))),
      meaning(message),
      `${name}, behind line ends`,
    )
    t.strictSame(meaning(parseSip(writeSip(message), true)), meaning(message), `${name}, over a stream`)
  }
  t.ok(Object.keys(valid).length >= 20)
})

t.test('what the oddest message says is understood', async (t) => {
  const { headers, body } = parseSip(valid['odd white space, folds and compact names']!)
  t.equal(headers.get('max-forwards'), '0068')
  t.equal(headers.get('subject'), '')
  t.equal(headers.get('newfangledheader'), 'newfangled value continued newfangled value')
  t.strictSame(parseCSeq(headers.get('cseq')), { number: 9, method: 'INVITE' })
  t.equal(tagOf(headers.get('to')), '1918181833n')
  t.strictSame(parseNameAddress(headers.get('from')!)!.name, 'J Rosenberg \\"')
  const vias = viasOf(headers)!
  t.strictSame(
    vias.map(({ transport, host }) => `${transport} ${host}`),
    ['UDP 192.0.2.2', 'TCP spindle.example.com', 'UDP 192.168.255.111'],
  )
  t.strictSame(
    vias.map(({ parameters }) => parameters.get('branch')),
    ['390skdjuw', 'z9hG4bK9ikj8', 'z9hG4bK30239'],
  )
  const contact = addressesOf(headers, 'contact')![0]!
  t.strictSame(
    [contact.name, contact.uri, [...contact.parameters]],
    [
      'Quoted string ""',
      'sip:jdrosen@example.com',
      [
        ['newparam', 'newvalue'],
        ['secondparam', null],
        ['q', '0.33'],
      ],
    ],
  )
  t.match(body.toString(), /^v=0\r\n[\s\S]*LPC\r\n$/)
  const odd = parseSip(valid['every character that is allowed where it is allowed']!) as SipRequest
  t.equal(odd.method, "!interesting-Method0123456789_*+`.%indeed'~")
  const uri = parseSipUri(odd.uri)!
  t.strictSame(
    [uri.user, uri.password],
    ["1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*", "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"],
  )
  t.equal(parseNameAddress(odd.headers.get('from')!)!.parameters.get("fromparam''~+*_!.-%"), 'работающий')
  const cut = parseSip(valid['more in the datagram than the message']!)
  t.equal(cut.body.length, 0, 'what follows in the datagram is discarded')
  t.equal(
    parseSip(valid['a body of several parts, one of them octets']!).body.includes(Buffer.from([0, 1, 2, 0xfe])),
    false,
  )
  t.equal(
    parseSip(valid['a body of several parts, one of them octets']!).body.includes(Buffer.from([0xfe, 0xff])),
    true,
  )
})

t.test('lines may end with LF alone, and names may be in any case', async (t) => {
  for (const [name, bytes] of Object.entries(valid)) {
    if (name.startsWith('a body')) continue
    const message = parseSip(bytes)
    const text = bytes.toString('latin1')
    const head = text.slice(0, text.length - message.body.length).replaceAll('\r\n', '\n')
    if (message.body.length > 0 || !name.startsWith('more')) {
      const again = Buffer.concat([Buffer.from(head, 'latin1'), message.body])
      t.strictSame(meaning(parseSip(again)), meaning(message), name)
    }
  }
  const shouted = `OPTIONS sip:a@b SIP/2.0\r\n${usual('1 OPTIONS').toUpperCase().replaceAll('\n', '\r\n')}\r\n\r\n`
  t.strictSame(
    [...parseSip(Buffer.from(shouted)).headers].map(([name]) => name),
    [...['via', 'max-forwards', 'from', 'to', 'call-id', 'cseq']],
  )
})

t.test('broken messages are refused, with the status that a request deserves', async (t) => {
  for (const [name, { bytes, status }] of Object.entries(broken)) {
    const error = refusal(bytes)
    t.ok(error !== null, name)
    t.equal(error?.request == null ? 0 : error.status, status, `${name}: ${error?.message}`)
  }
  t.equal(refusal(Buffer.alloc(65_537, 'a'))!.status, 513)
})

t.test('a stream must say how long a body is, and be right', async (t) => {
  const bytes = (length: string, body: string): Buffer =>
    Buffer.from(`MESSAGE sip:a@b SIP/2.0\r\n${usual('1 MESSAGE').replaceAll('\n', '\r\n')}\r\n${length}\r\n${body}`)
  t.equal(refusal(bytes('', 'body'), true)?.status, 400)
  t.equal(parseSip(bytes('', 'body')).body.toString(), 'body', 'a datagram need not')
  t.equal(refusal(bytes('Content-Length: 5\r\n', 'body'), true)?.status, 400)
  t.equal(refusal(bytes('Content-Length: 3\r\n', 'body'), true)?.status, 400)
  t.equal(parseSip(bytes('Content-Length: 3\r\n', 'body')).body.toString(), 'bod')
  t.equal(refusal(bytes('Content-Length: 3\r\nl: 3\r\n', 'bod'))?.status, 400)
  for (const wrong of ['', '+3', '3.0', '0x3', '3 4', '1e1', '99999999999999999999'])
    t.equal(refusal(bytes(`Content-Length: ${wrong}\r\n`, 'bod'))?.status, 400, `Content-Length: ${wrong}`)
})

t.test('every truncation of a message is refused', async (t) => {
  const whole = valid['odd white space, folds and compact names']!
  const passed = Array.from(whole, (_, length) => length).filter(
    (length) => refusal(whole.subarray(0, length)) === null,
  )
  t.strictSame(passed, [])
})

t.test('no value, name, method or reason makes a line of its own', async (t) => {
  const evil = 'x\r\nEvil: 1\r\n\r\nBYE sip:a@b SIP/2.0\r\n\n\0\r'
  const message: SipRequest = {
    kind: 'request',
    method: `OPTIONS${evil}`,
    uri: `sip:a@b${evil}`,
    headers: headersOf([
      ['subject', evil],
      [`evil: 1\r\nother`, 'x'],
      ['content-length', '99999'],
      [
        'from',
        writeNameAddress({
          name: evil,
          uri: `sip:a@b${evil}`,
          parameters: new Map([
            ['tag', evil],
            [evil, 'x'],
          ]),
        }),
      ],
      ['reason', writeReason({ protocol: 'SIP', cause: 200, text: evil })],
      [
        'contact',
        `<${writeUri({ ...parseSipUri('sip:a@b')!, user: evil, host: `b${evil}`, parameters: new Map([['a', evil]]) })}>`,
      ],
    ]),
    body: Buffer.from('body'),
  }
  const written = writeSip(message).toString('latin1')
  t.notMatch(written, /\0/)
  const lines = written.split('\r\n')
  t.strictSame(
    lines.map((line) => /^[A-Za-z-]*/.exec(line)![0]),
    ['OPTIONSxEvil', 'Subject', 'From', 'Reason', 'Contact', 'Content-Length', '', 'body'],
  )
  t.ok(lines.every((line) => !/[\r\n]/.test(line)))
  t.equal(lines.at(-3), 'Content-Length: 4')
  const response = writeSip({
    kind: 'response',
    status: 200,
    reason: evil,
    headers: new SipHeaders(),
    body: Buffer.alloc(0),
  })
  t.equal(response.toString().split('\r\n').length, 4)
})

t.test('URIs: read, written, compared as RFC 3261 §19.1.4 does', async (t) => {
  const equal: [string, string][] = [
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtlanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;newparam=5'],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ],
    [
      'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
      'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
    ],
    ['sip:a@[2001:DB8::9:1]', 'sip:a@[2001:db8:0:0:0:0:9:1]'],
    ['tel:+44-20.7946(0958)', 'tel:+442079460958'],
    ['tel:1234;phone-context=example.com;ext=1', 'TEL:12-34;EXT=1;phone-context=Example.com'],
    ['sip:%3a@h', 'sip:%3A@h'],
  ]
  for (const [one, other] of equal) t.ok(uriEquals(one, other) && uriEquals(other, one), `${one} is ${other}`)
  const different: [string, string][] = [
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
    ['sip:a@h', 'sips:a@h'],
    ['sip:h', 'sip:a@h'],
    ['sip:a:@h', 'sip:a@h'],
    ['sip:a;b@h', 'sip:a%3Bb@h'],
    ['tel:+441', 'tel:441'],
    ['tel:1;ext=1', 'tel:1'],
    ['sip:1@h', 'tel:1'],
    ['isbn:1', 'isbn:2'],
  ]
  for (const [one, other] of different)
    t.notOk(uriEquals(one, other) || uriEquals(other, one), `${one} is not ${other}`)
  const written = [
    'sip:+442079460958@gw.example.com:5080;user=phone;transport=tcp',
    'sips:office@[2001:db8::1]:5061;lr',
    'sip:alice:secret@example.com?subject=project%20x&priority=urgent',
    'sip:example.com',
    'sip:%D0%B6%20%40@example.com',
    'tel:+44-20-7946-0958;ext=12',
    'tel:7042;phone-context=%2B4420',
  ]
  for (const uri of written) t.ok(uriEquals(writeUri(parseUri(uri)!), uri), `${writeUri(parseUri(uri)!)} for ${uri}`)
  t.equal(escapeUser('*61#'), '*61%23')
  t.equal(escapeUser('a b@c:d'), 'a%20b%40c%3Ad')
  t.equal(userOf('sip:%2B4420@h'), '+4420')
  t.equal(userOf('tel:+4420'), '+4420')
  t.strictSame(parseTelUri('tel:+4420;ext=1')!.number, '+4420')
  for (const wrong of [
    'sip:',
    'sip:@h',
    'sip:a@',
    'sip:a@h:0',
    'sip:a@h:65536',
    'sip:a@h:',
    'sip:a@[::1',
    'sip:a@::1',
    'sip:a b@h',
  ])
    t.equal(parseUri(wrong), null, wrong)
  for (const wrong of [
    'sip:a@h h',
    'sip:a@h;=1',
    'sip:a@b@c',
    'sip:a%4@h',
    'sip:a"b@h',
    'tel:',
    'tel:+',
    'tel:1 2',
    'mailto:a@b',
  ])
    t.equal(parseUri(wrong), null, wrong)
})

t.test('addresses: names, quotes, brackets, parameters and lists', async (t) => {
  const read = (value: string): unknown => {
    const address = parseNameAddress(value)
    return address && [address.name, address.uri, Object.fromEntries(address.parameters)]
  }
  t.strictSame(read('"Surgery, Dr \\"Jo\\" <x>" <sip:a@b;lr>;tag=1;x="a;b"'), [
    'Surgery, Dr "Jo" <x>',
    'sip:a@b;lr',
    { tag: '1', x: 'a;b' },
  ])
  t.strictSame(
    read('sip:a@b;tag=1'),
    ['', 'sip:a@b', { tag: '1' }],
    'without brackets the parameters are those of the header field',
  )
  t.strictSame(read('<sip:a@b;tag=1>'), ['', 'sip:a@b;tag=1', {}])
  t.strictSame(read('<sip:a@b;lr;>;tag=1;'), ['', 'sip:a@b;lr;', { tag: '1' }], 'a semicolon at the end does no harm')
  t.strictSame(parseSipUri('sip:a@b;lr;')?.parameters, new Map([['lr', null]]))
  for (const wrong of ['<sip:a@b>;;tag=1', '<sip:a@b>;tag=1;;', '<sip:a@b>;;']) t.equal(read(wrong), null, wrong)
  t.strictSame(read('Jo Doe <tel:+44>'), ['Jo Doe', 'tel:+44', {}])
  t.strictSame(read('sip:a@b;x="<y>"'), ['', 'sip:a@b', { x: '<y>' }])
  for (const wrong of [
    '',
    'a',
    '<a>',
    '<sip:a@b',
    '"a <sip:a@b>',
    '"a" b <sip:a@b>',
    'a, b <sip:a@b>',
    '<sip:a@b> x',
    'sip:a@b?x=y',
    'sip:a@b,sip:c@d',
  ])
    t.equal(read(wrong), null, wrong)
  const headers = headersOf([
    ['route', '<sip:a;lr>, "b, <c>" <sip:b;lr>;x="1,2"'],
    ['route', '<sip:c;lr>'],
  ])
  t.strictSame(
    addressesOf(headers, 'route')!.map(({ uri }) => uri),
    ['sip:a;lr', 'sip:b;lr', 'sip:c;lr'],
  )
  t.strictSame(listOf([' a ,, "b,c" , <d,e>', 'f']), ['a', '"b,c"', '<d,e>', 'f'])
  t.equal(listOf(['"a']), null)
  t.equal(listOf(['<a']), null)
  t.equal(listOf([','.repeat(1_000)]), null)
  t.ok(listHas(['timer, 100REL'], '100rel') && !listHas(['100relx'], '100rel'))
  const address = {
    name: 'A "quoted" \\ name',
    uri: 'sip:a@b',
    parameters: new Map([
      ['tag', 'x'],
      ['q', 'a b"\\'],
      ['lr', null],
    ]),
  }
  t.strictSame(parseNameAddress(writeNameAddress(address)), address)
})

t.test('Via: sent-by, rport, and where the response goes', async (t) => {
  const via = parseVia('SIP/2.0/udp [2001:db8::1]:5070 ;rport;branch=z9hG4bK1;received="::1"')!
  t.strictSame(
    [via.transport, via.host, via.port, via.parameters.get('rport'), via.parameters.get('received')],
    ['UDP', '2001:db8::1', 5070, null, '::1'],
  )
  t.equal(writeVia(via), 'SIP/2.0/UDP [2001:db8::1]:5070;rport;branch=z9hG4bK1;received=::1')
  for (const wrong of [
    '',
    'SIP/2.0/UDP',
    'SIP/2.0 UDP a',
    'SIP/3.0/UDP a',
    'HTTP/2.0/UDP a',
    'SIP/2.0/UDP a:0',
    'SIP/2.0/UDP a b',
    'SIP/2.0/UDP a;;b',
    'SIP/2.0/U/P a',
  ])
    t.equal(parseVia(wrong), null, wrong)
  const stamped = (value: string, address: string, port: number): string | undefined => {
    const headers = headersOf([
      ['via', value],
      ['to', 'x'],
      ['via', 'SIP/2.0/UDP last'],
    ])
    stampSource(headers, address, port)
    t.equal(viasOf(headers)!.at(-1)!.host, 'last')
    t.equal(topVia(headers)!.transport, value.slice(8, 11))
    return headers.get('via')
  }
  const known = 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1'
  t.equal(stamped(known, '192.0.2.1', 7), known)
  const named = 'SIP/2.0/TLS pc.example.com;branch=1'
  t.equal(stamped(named, '192.0.2.1', 7), `${named};received=192.0.2.1`)
  const asking = 'SIP/2.0/UDP 192.0.2.1:5080;branch=1;rport, SIP/2.0/UDP b'
  const answered = 'SIP/2.0/UDP 192.0.2.1:5080;branch=1;rport=7;received=192.0.2.1, SIP/2.0/UDP b'
  t.equal(stamped(asking, '192.0.2.1', 7), answered)
  const broken = headersOf([['via', 'nonsense']])
  stampSource(broken, '192.0.2.1', 7)
  t.equal(broken.get('via'), 'nonsense')
  t.equal(branchOf(headersOf([['via', 'SIP/2.0/UDP a;branch=z9hG4bKx']])), 'z9hG4bKx')
  t.equal(branchOf(headersOf([])), '')
})

t.test('Reason, Retry-After and CSeq', async (t) => {
  const headers = headersOf([
    ['reason', 'SIP ;cause=200 ;text="Call completed, \\"elsewhere\\""'],
    ['reason', 'nonsense, q.850;cause=17;text="User busy", Q.850;cause=16'],
  ])
  t.strictSame(q850Of(headers), { protocol: 'Q.850', cause: 17, text: 'User busy' })
  t.strictSame(
    reasonsOf(headers).map(({ protocol, cause }) => [protocol, cause]),
    [
      ['SIP', 200],
      ['Q.850', 17],
      ['Q.850', 16],
    ],
  )
  t.equal(reasonsOf(headers)[0]!.text, 'Call completed, "elsewhere"')
  for (const none of [
    'Q.850',
    'Q.850;cause=',
    'Q.850;cause=0',
    'Q.850;cause=128',
    'Q.850;cause=99999999999',
    'Q.850;text="x"',
    '"',
    '',
  ])
    t.equal(q850Of(headersOf([['reason', none]])), null, none)
  const written = writeReason({ protocol: 'Q.850', cause: 16, text: 'a "b" \\' })
  t.strictSame(q850Of(headersOf([['reason', written]])), { protocol: 'Q.850', cause: 16, text: 'a "b" \\' })
  const retries: [string | undefined, number][] = [
    ['120', 120],
    ['18000;duration=3600', 18_000],
    ['120 (I am in a meeting)', 120],
    ['120(now)', 120],
    ...[undefined, '', '-1', '1.5', 'soon', '12x', '949302838503028349304023988'].map(
      (value): [string | undefined, number] => [value, 0],
    ),
  ]
  for (const [value, seconds] of retries) t.equal(retryAfterSeconds(value), seconds, `Retry-After: ${value}`)
  t.strictSame(parseCSeq('2147483647  ACK'), { number: 2_147_483_647, method: 'ACK' })
  for (const wrong of [
    undefined,
    '',
    '1',
    'INVITE',
    '2147483648 INVITE',
    '-1 INVITE',
    '1 IN VITE',
    '1INVITE',
    '1.0 INVITE',
  ])
    t.equal(parseCSeq(wrong), null, String(wrong))
})

/** Everything that reads a part of a message, as the user agent would. */
function readAll(message: SipMessage): void {
  const { headers } = message
  for (const name of ['from', 'to', 'contact', 'route', 'record-route', 'refer-to']) addressesOf(headers, name)
  for (const [name, value] of headers) {
    parseNameAddress(value)
    parseUri(value)
    parseVia(value)
    parseCSeq(value)
    listOf([value])
    retryAfterSeconds(value)
    challengesOf([value])
    reasonsOf(headersOf([['reason', value]]))
    uriEquals(value, headers.get(name)!)
  }
  if (message.kind === 'request') parseUri(message.uri)
  stampSource(headers, '192.0.2.1', 5060)
  viasOf(headers)
  q850Of(headers)
  userOf(headers.get('to') ?? '')
}

const snippets = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\0',
    '"',
    '\\',
    '<',
    '>',
    ';',
    ',',
    '=',
    ':',
    '@',
    '%',
    '%00',
    '%ff',
    '?',
    '[',
    ']',
    ' ',
    '\t',
    '\r\n ',
  ],
  ...[
    'Via: ',
    'l: 7',
    'Content-Length: 18446744073709551616',
    'SIP/2.0',
    'z9hG4bK',
    'é',
    '\u{1f600}',
    '\xff',
    '()',
    "''",
    'sip:',
  ],
]

function mutated(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length)
  const end = Math.min(bytes.length, at + random.below(12))
  const snippet = Buffer.from(snippets[random.below(snippets.length)]!, random.below(8) === 0 ? 'latin1' : 'utf8')
  const kind = random.below(5)
  if (kind === 0) return Buffer.concat([bytes.subarray(0, at), snippet, bytes.subarray(at)])
  if (kind === 1) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)])
  if (kind === 2) return Buffer.concat([bytes.subarray(0, at), snippet, bytes.subarray(end)])
  if (kind === 3) return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)])
  const changed = Buffer.from(bytes)
  changed[at] = random.below(256)
  return changed
}

t.test('200,000 mutations: each is a message that is written and read again, or a clean refusal', async (t) => {
  const random = new Random(seed)
  const sources = [...Object.values(valid), ...Object.values(broken).map(({ bytes }) => bytes)].filter(
    ({ length }) => length < 2_500,
  )
  let read = 0
  let refused = 0
  for (let n = 0; n < 200_000; n++) {
    let bytes = sources[random.below(sources.length)]!
    for (let times = random.below(3); times >= 0; times--) bytes = mutated(bytes, random)
    const message = messageOf(bytes)
    if (message === null) {
      refused++
      continue
    }
    read++
    const again = parseSip(writeSip(message), true)
    if (again.headers.size > message.headers.size + 1) t.fail(`seed ${seed}, mutation ${n}: a line of its own`)
    if (again.body.compare(message.body) !== 0) t.fail(`seed ${seed}, mutation ${n}: another body`)
    if (n % 8 === 0) readAll(message)
  }
  t.ok(read > 20_000 && refused > 20_000, `${read} read, ${refused} refused`)
})

t.test('a message of the greatest size takes no longer for being nasty', async (t) => {
  // Anything that grows with the square of 64 KiB takes seconds a message, and all of this then exceeds its time.
  const size = 60_000
  const fill = (piece: string): string => piece.repeat(Math.floor(size / piece.length))
  const shapes = [
    ' ',
    '\r\n ',
    '\n',
    'a\r\n',
    'a:\r\n',
    'v: a,\r\n',
    '"',
    '\\"',
    '<',
    '<>',
    ';',
    ';a',
    ';a=',
    ',',
    '"a",',
    '%41',
    '(',
    'a=',
    ' a=',
    '@',
    ':',
    '\t,',
  ]
  for (const shape of shapes) {
    for (const name of ['Via', 'To', 'Contact', 'X', 'WWW-Authenticate', 'Call-ID', 'Content-Length']) {
      const head = `OPTIONS sip:a@b SIP/2.0\r\n${usual('1 OPTIONS').replaceAll('\n', '\r\n')}\r\n`
      refusal(Buffer.from(`${head}${name}: ${fill(shape)}\r\n\r\n`))
      refusal(Buffer.from(`OPTIONS sip:${fill(shape)} SIP/2.0\r\n\r\n`))
    }
    const value = fill(shape)
    readAll({
      kind: 'request',
      method: 'X',
      uri: `sip:${value}`,
      headers: headersOf([
        ['to', value],
        ['via', value],
        ['contact', `<sip:${value}>`],
      ]),
      body: Buffer.alloc(0),
    })
  }
  t.pass('all of them')
})

const CHARS = [
  'a',
  'Z',
  '7',
  ' ',
  '"',
  '\\',
  '<',
  '>',
  ';',
  ',',
  '=',
  ':',
  '@',
  '%',
  '?',
  'é',
  '語',
  '\u{1f600}',
  '\t',
  "'",
  '/',
  '[',
  '+',
]

function someText(random: Random, most: number): string {
  return Array.from({ length: random.below(most + 1) }, () => CHARS[random.below(CHARS.length)]).join('')
}

function someToken(random: Random): string {
  return Array.from({ length: 1 + random.below(8) }, () => 'abcXYZ019-.!%*_+`'[random.below(17)]).join('')
}

t.test('what was put into a message comes out again, whatever names, users and parameters hold', async (t) => {
  const random = new Random(seed)
  for (let n = 0; n < 3_000; n++) {
    const parameters = new Map(
      Array.from({ length: random.below(4) }, () => [
        someToken(random).toLowerCase(),
        random.below(3) === 0 ? null : someText(random, 8),
      ]),
    )
    const user = someText(random, 10)
    const uri = {
      scheme: 'sip' as const,
      user: user === '' ? null : user,
      password: null,
      host: random.below(2) === 0 ? 'h.example' : '2001:db8::1',
      port: random.below(3) === 0 ? 0 : 1 + random.below(65_535),
      parameters: new Map(parameters),
      headers: new Map<string, string>(),
    }
    const to = { name: someText(random, 10), uri: writeUri(uri), parameters }
    const via = {
      transport: 'UDP',
      host: uri.host,
      port: uri.port,
      parameters: new Map<string, string | null>([...parameters, ['branch', `z9hG4bK${n}`]]),
    }
    const headers = headersOf([
      ['via', writeVia(via)],
      ['via', 'SIP/2.0/TCP other.example'],
      ['from', '<sip:office@h.example>;tag=1'],
      ['to', writeNameAddress(to)],
      ['call-id', `${n}@h.example`],
      ['cseq', `${random.below(0x7fff_ffff)} MESSAGE`],
      ['x-odd', someText(random, 30).trim()],
      [`x-${someToken(random).toLowerCase()}`, ''],
    ])
    const body = Buffer.from(Array.from({ length: random.below(50) }, () => random.below(256)))
    const message: SipMessage = { kind: 'request', method: 'MESSAGE', uri: to.uri, headers, body }
    const again = parseSip(writeSip(message), n % 2 === 0)
    if (JSON.stringify(meaning(again)) !== JSON.stringify(meaning(message)))
      t.strictSame(meaning(again), meaning(message), `seed ${seed}, ${n}`)
    const read = parseNameAddress(again.headers.get('to')!)
    const isSame =
      JSON.stringify([read?.name, read && [...read.parameters]]) === JSON.stringify([to.name, [...parameters]])
    if (!isSame) t.strictSame(read, to, `seed ${seed}, ${n}`)
    if (JSON.stringify(shown(parseSipUri(read!.uri)!)) !== JSON.stringify(shown(uri)))
      t.strictSame(parseSipUri(read!.uri), uri, `seed ${seed}, ${n}`)
    if (writeVia(parseVia(again.headers.get('via')!)!) !== writeVia(via))
      t.strictSame(parseVia(again.headers.get('via')!), via)
  }
  t.pass('3,000 messages')
})

function shown(uri: NonNullable<ReturnType<typeof parseSipUri>>): unknown {
  return [uri.user, uri.host, uri.port, [...uri.parameters]]
}

/** A capture of UDP datagrams from port 5060 to port 5060: pcap with raw IPv4. */
function captureOf(datagrams: readonly Buffer[]): Buffer {
  const file: Buffer[] = [Buffer.from('d4c3b2a1020004000000000000000000ffff000065000000', 'hex')]
  for (const datagram of datagrams) {
    const head = Buffer.from('450000000000000040110000c0000201c0000202' + '13c413c400000000', 'hex')
    head.writeUInt16BE(28 + datagram.length, 2)
    head.writeUInt16BE(8 + datagram.length, 24)
    const record = Buffer.alloc(16)
    record.writeUInt32LE(head.length + datagram.length, 8)
    record.writeUInt32LE(head.length + datagram.length, 12)
    file.push(record, head, datagram)
  }
  return Buffer.concat(file)
}

const isInstalled = spawnSync('tshark', ['--version']).status === 0
const skip = isInstalled ? false : 'tshark is not installed (Debian: tshark)'

t.test('tshark reads in what we write what we read in it, and has nothing to complain of', { skip }, async (t) => {
  const text = (fields: [string, string][], kind: 'request' | 'response'): Buffer => {
    const headers = headersOf(fields)
    const body = Buffer.from(
      'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n',
    )
    headers.append('content-type', 'application/sdp')
    if (kind === 'request')
      return writeSip({ kind, method: 'INVITE', uri: 'sip:+442079460958@gw.example.com', headers, body })
    return writeSip({ kind, status: 486, reason: 'Busy Here', headers, body: Buffer.alloc(0) })
  }
  const from = {
    name: 'Oak "Lane" Surgery',
    uri: writeUri(parseUri('sip:office@example.com')!),
    parameters: new Map([['tag', 'a1']]),
  }
  const to = {
    name: '',
    uri: writeUri({ ...parseSipUri('sip:h')!, user: '*61#', host: 'gw.example.com' }),
    parameters: new Map(),
  }
  const via = {
    transport: 'UDP',
    host: '192.0.2.1',
    port: 5060,
    parameters: new Map([
      ['rport', null],
      ['branch', 'z9hG4bK77'],
    ]),
  }
  const common: [string, string][] = [
    ['via', writeVia(via)],
    ['max-forwards', '70'],
    ['from', writeNameAddress(from)],
    ['to', writeNameAddress(to)],
    ['call-id', 'abc@192.0.2.1'],
    ['cseq', '7 INVITE'],
    ['contact', '<sip:office@192.0.2.1:5060>'],
    ['x-office', 'Grüße'],
  ]
  const datagrams = [
    text(common, 'request'),
    text([...common, ['reason', writeReason({ protocol: 'Q.850', cause: 17, text: 'User busy' })]], 'response'),
  ]
  const file = path.join(t.testdir(), 'sip.pcap')
  writeFileSync(file, captureOf(datagrams))
  const run = (args: string[]): string => {
    const { stdout, status, stderr } = spawnSync('tshark', ['-r', file, ...args], { encoding: 'utf8' })
    t.equal(status, 0, stderr)
    return stdout.replace(/\n$/, '')
  }
  t.equal(run(['-Y', '_ws.malformed || _ws.expert.severity >= "Warning"']), '', 'nothing to complain of')
  const fields = [
    'sip.Method',
    'sip.Status-Code',
    'sip.from.user',
    'sip.from.tag',
    'sip.to.user',
    'sip.Call-ID',
    'sip.CSeq.seq',
  ]
  fields.push('sip.Via.branch', 'sip.Via.sent-by.port', 'sip.contact.user', 'sip.reason_cause_q850', 'sdp.media')
  const rows = run(['-T', 'fields', ...fields.flatMap((field) => ['-e', field])])
    .split('\n')
    .map((row) => row.split('\t'))
  const same = ['office', 'a1', '*61%23', 'abc@192.0.2.1', '7', 'z9hG4bK77', '5060', 'office']
  t.strictSame(rows, [
    ['INVITE', '', ...same, '', 'audio 4000 RTP/AVP 8 0'],
    ['', '486', ...same, '17', ''],
  ])
  const names = run(['-Y', 'sip.Method', '-T', 'fields', '-e', 'sip.from.addr', '-e', 'sip.display.info'])
  t.equal(names, 'sip:office@example.com\t"Oak \\"Lane\\" Surgery"')
})
