/** CPU of SIP messages: reading and writing an INVITE with its SDP and a 180, answering a digest challenge. */
import { digestChallenge, parseChallenge } from '../src/sip/message/challenge.js'
import { writeCredentials } from '../src/sip/message/digest.js'
import { addressesOf, tagOf } from '../src/sip/message/name-address.js'
import { parseSip } from '../src/sip/message/parse.js'
import { parseSipUri } from '../src/sip/message/uri.js'
import { branchOf } from '../src/sip/message/via.js'
import { writeSip } from '../src/sip/message/write.js'
import { type BenchOptions, type BenchRow, rates, roundsOf } from './bench.js'

const OPERATIONS = 20_000

const SDP = `v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n`

const COMMON = [
  'Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK0123456789abcdef',
  'From: "Oak Lane Surgery" <sip:+442079460999@gw.example.com>;tag=0123456789abcdef',
  'To: <sip:+442079460123@gw.example.com>;tag=fedcba9876543210',
  'Call-ID: 0123456789abcdef0123456789abcdef',
  'CSeq: 17 INVITE',
  'Contact: <sip:+442079460999@192.0.2.1:5060>',
  'Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE',
  'Supported: 100rel, timer',
]
const ringing = Buffer.from(
  ['SIP/2.0 180 Ringing', ...COMMON, 'Server: Gateway/1.0', 'Content-Length: 0', '', ''].join('\r\n'),
)
const invite = Buffer.from(
  [
    'INVITE sip:+442079460123@gw.example.com SIP/2.0',
    ...COMMON,
    'Max-Forwards: 70',
    'User-Agent: Trunkline',
    'Content-Type: application/sdp',
    `Content-Length: ${SDP.length}`,
    '',
    SDP,
  ].join('\r\n'),
)

function times(run: () => void): () => number {
  return () => {
    for (let n = 0; n < OPERATIONS; n++) run()
    return OPERATIONS
  }
}

function readParts(bytes: Buffer): void {
  const { headers } = parseSip(bytes)
  branchOf(headers)
  tagOf(headers.get('to'))
  parseSipUri(addressesOf(headers, 'contact')![0]!.uri)
}

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  const message = parseSip(invite)
  const challenge = digestChallenge(parseChallenge('Digest realm="gw", nonce="0123456789abcdef", qop="auth"')!)!
  const answer = { user: 'office', password: 'secret', method: 'INVITE', uri: 'sip:gw', body: message.body }
  const perSecond = rates(
    {
      'read an INVITE': times(() => void parseSip(invite)),
      'read a 180': times(() => void parseSip(ringing)),
      'read a 180 with its branch, tag and contact': times(() => readParts(ringing)),
      'write an INVITE': times(() => void writeSip(message)),
      'answer a digest challenge (MD5)': times(
        () => void writeCredentials({ ...answer, challenge, cnonce: '0123456789abcdef', nonceCount: 1 }),
      ),
    },
    roundsOf(options),
  )
  return Object.entries(perSecond).map(([name, value]) => ({ name, value: 1e9 / value, unit: 'ns' }))
}
