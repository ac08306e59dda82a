/** Session descriptions of offer, answer and re-INVITE (RFC 3264, RFC 8866), as real and as bad gateways write them. */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { Codec } from '../src/sip/media/media.js'
import { answerSdp, offerSdp, readSdp, type SdpTerms } from '../src/sip/media/sdp.js'
import { seed } from './seed.js'

const BOTH: readonly Codec[] = ['pcma', 'pcmu']
const TERMS: SdpTerms = { address: '192.0.2.10', port: 40_000, sessionId: 3_900_000_000, version: 1, codecs: BOTH }

function lines(...all: string[]): string {
  return `${all.join('\r\n')}\r\n`
}

/** A description of one audio stream; lines after it replace what they begin like. */
function answer(media: string, ...attributes: string[]): string {
  return lines('v=0', 'o=- 1 1 IN IP4 198.51.100.7', 's=-', 'c=IN IP4 198.51.100.7', 't=0 0', media, ...attributes)
}

const PLAIN = 'm=audio 30000 RTP/AVP 8 101'

t.test('our offer says what we speak, line by line', async (t) => {
  const expected = [
    'v=0',
    'o=- 3900000000 1 IN IP4 192.0.2.10',
    's=-',
    'c=IN IP4 192.0.2.10',
    't=0 0',
    'm=audio 40000 RTP/AVP 8 0 101',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-16',
    'a=ptime:20',
    'a=sendrecv',
  ]
  t.equal(offerSdp(TERMS), lines(...expected))
  t.match(offerSdp({ ...TERMS, codecs: ['pcmu'] }), /m=audio 40000 RTP\/AVP 0 101\r\na=rtpmap:0 PCMU/)
  const v6 = offerSdp({ ...TERMS, address: '2001:db8::5', version: 7 })
  t.match(v6, /o=- 3900000000 7 IN IP6 2001:db8::5\r\n/)
  t.match(v6, /c=IN IP6 2001:db8::5\r\n/)
})

t.test('what an answer agrees on', async (t) => {
  const plain = { address: '198.51.100.7', port: 30_000, codec: 'pcma', payloadType: 8, packetMs: 20 }
  t.strictSame(readSdp(answer(PLAIN, 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15')), {
    ...plain,
    eventPayloadType: 101,
    mayHear: true,
  })
  const of = (text: string, codecs = BOTH): object | null => readSdp(text, codecs)
  t.match(of(answer('m=audio 30000 RTP/AVP 8')), { ...plain, eventPayloadType: null }, 'a static type needs no rtpmap')
  t.match(of(answer('m=audio 30000 RTP/AVP 0')), { codec: 'pcmu', payloadType: 0 })
  t.match(of(answer('m=audio 30000 RTP/AVP 0 8')), { codec: 'pcmu' }, 'its order counts')
  t.match(of(answer('m=audio 30000 RTP/AVP 0 8'), ['pcma']), { codec: 'pcma' }, 'of what we speak')
  t.match(of(answer('m=audio 30000 RTP/AVP 9 18 8', 'a=rtpmap:18 G729/8000')), { codec: 'pcma' }, 'unknown ones first')
  t.match(of(answer('m=audio 30000 RTP/AVP 97 96', 'a=rtpmap:97 pcmu/8000/1', 'a=rtpmap:96 Telephone-Event/8000')), {
    codec: 'pcmu',
    payloadType: 97,
    eventPayloadType: 96,
  })
  t.match(of(answer(`${PLAIN}`, 'a=rtpmap:101 telephone-event/8000')), { eventPayloadType: 101 }, 'events without fmtp')
  t.match(of(answer(PLAIN)), { eventPayloadType: null }, 'a dynamic type without rtpmap is unknown')
  t.match(of(answer('m=audio 30000 RTP/AVP 8', 'a=rtpmap:101 telephone-event/8000')), { eventPayloadType: null })
  t.match(of(answer('m=audio 30000 RTP/AVP 8 101', 'a=rtpmap:101 telephone-event/16000')), { eventPayloadType: null })
  t.match(of(answer('m=audio 30000/2 RTP/AVP 8')), { port: 30_000 }, 'a number of ports')
  t.match(of(answer(PLAIN).replaceAll('\r\n', '\n')), plain, 'lines that end in LF alone')
  t.match(of(answer('m=audio 30000 RTP/AVPF 8')), plain)
})

t.test('addresses: of the stream before that of the session, IPv6, and none that is no machine', async (t) => {
  const target = (...attributes: string[]): string | undefined => readSdp(answer(PLAIN, ...attributes))?.address
  t.equal(target('c=IN IP4 203.0.113.9'), '203.0.113.9')
  t.equal(target('c=IN IP6 2001:db8::9'), '2001:db8::9')
  t.equal(
    readSdp(lines('v=0', 'o=- 1 1 IN IP4 1.2.3.4', 's=-', 't=0 0', PLAIN, 'c=IN IP4 203.0.113.9'))?.address,
    '203.0.113.9',
  )
  t.equal(readSdp(lines('v=0', 'o=- 1 1 IN IP4 1.2.3.4', 's=-', 't=0 0', PLAIN)), null, 'no address at all')
  for (const address of ['224.2.1.1', '224.2.1.1/127', '255.255.255.255', 'media.example.com', '999.1.1.1', '1.2.3']) {
    t.equal(target(`c=IN IP4 ${address}`), undefined, address)
  }
  t.equal(target('c=IN IP6 ff02::1'), undefined)
})

t.test('what is refused or cannot be spoken is null', async (t) => {
  for (const media of [
    'm=audio 0 RTP/AVP 8',
    'm=audio 65536 RTP/AVP 8',
    'm=audio 99999999999999999999 RTP/AVP 8',
    'm=audio -1 RTP/AVP 8',
    'm=audio 3e4 RTP/AVP 8',
    'm=audio x RTP/AVP 8',
    'm=audio 30000 RTP/SAVP 8',
    'm=audio 30000 UDP/TLS/RTP/SAVPF 8',
    'm=audio 30000 RTP/AVP 18',
    'm=audio 30000 RTP/AVP',
    'm=audio 30000 RTP/AVP ',
    'm=audio 30000 RTP/AVP 8x -8 1e1 0x8 128 0008',
    'm=video 30000 RTP/AVP 8',
    'm=image 30000 udptl t38',
    'm=',
  ]) {
    t.equal(readSdp(answer(media)), null, media)
  }
  t.equal(
    readSdp(answer('m=audio 30000 RTP/AVP 8', 'a=rtpmap:8 G729/8000')),
    null,
    'a mapping wins over the static type',
  )
  t.equal(readSdp(answer('m=audio 30000 RTP/AVP 97', 'a=rtpmap:97 PCMA/16000')), null)
  t.equal(readSdp(answer('m=audio 30000 RTP/AVP 97', 'a=rtpmap:97 PCMU/8000/2')), null)
  for (const text of ['', 'v=0', 'v=1\r\nm=audio 1 RTP/AVP 8', 'hello', '\r\n\r\n', answer(PLAIN).slice(3)]) {
    t.equal(readSdp(text), null, JSON.stringify(text.slice(0, 10)))
  }
})

t.test('of several streams the first that we can speak with', async (t) => {
  const text = answer(
    'm=video 4000 RTP/AVP 96',
    'a=rtpmap:96 H264/90000',
    'm=audio 0 RTP/AVP 8',
    'm=audio 5000 RTP/SAVP 8',
    'a=sendonly',
    'm=audio 6000 RTP/AVP 0',
    'c=IN IP4 203.0.113.9',
    'a=ptime:30',
    'm=audio 7000 RTP/AVP 8',
  )
  t.match(readSdp(text), { port: 6_000, codec: 'pcmu', address: '203.0.113.9', packetMs: 30, mayHear: true })
})

t.test('who holds us is not sent to', async (t) => {
  const mayHear = (...attributes: string[]): boolean | undefined => readSdp(answer(PLAIN, ...attributes))?.mayHear
  t.equal(mayHear(), true)
  t.equal(mayHear('a=sendrecv'), true)
  t.equal(mayHear('a=recvonly'), true)
  t.equal(mayHear('a=sendonly'), false)
  t.equal(mayHear('a=inactive'), false)
  t.equal(mayHear('c=IN IP4 0.0.0.0'), false)
  t.equal(mayHear('c=IN IP6 ::'), false)
  const ofSession = answer(PLAIN).replace('t=0 0', 't=0 0\r\na=sendonly')
  t.equal(readSdp(ofSession)?.mayHear, false, 'of the session')
  t.equal(readSdp(ofSession.replace(PLAIN, `${PLAIN}\r\na=sendrecv`))?.mayHear, true, 'the stream says otherwise')
})

t.test('the length of packets is what it asks for, within what it can take', async (t) => {
  const ms = (...attributes: string[]): number | undefined => readSdp(answer(PLAIN, ...attributes))?.packetMs
  for (const asked of [10, 20, 30, 40, 60]) t.equal(ms(`a=ptime:${asked}`), asked)
  for (const asked of ['0', '7', '-20', '100000', 'x', '']) t.equal(ms(`a=ptime:${asked}`), 20, asked)
  t.equal(ms('a=maxptime:30'), 20)
  t.equal(ms('a=maxptime:10'), 10)
  t.equal(ms('a=maxptime:15'), 10)
  t.equal(ms('a=maxptime:5'), 10)
  t.equal(ms('a=ptime:60', 'a=maxptime:40'), 40)
})

t.test('our answer to a re-INVITE keeps its streams and types and mirrors what it does', async (t) => {
  const offer = answer(PLAIN, 'a=rtpmap:101 telephone-event/8000', 'a=sendonly')
  const terms = { ...TERMS, version: 2 }
  const ours = answerSdp(offer, terms)!
  t.match(ours, /^o=- 3900000000 2 IN IP4 192.0.2.10\r$/m)
  t.match(ours, /m=audio 40000 RTP\/AVP 8 101\r\n/)
  for (const [theirs, mirrored] of [
    ['sendrecv', 'sendrecv'],
    ['sendonly', 'recvonly'],
    ['recvonly', 'sendonly'],
    ['inactive', 'inactive'],
  ] as const) {
    t.match(answerSdp(offer.replace('sendonly', theirs), terms), new RegExp(`a=${mirrored}\r\n`), theirs)
  }
  const types = answer('m=audio 30000 RTP/AVP 97 96 8', 'a=rtpmap:97 PCMU/8000', 'a=rtpmap:96 telephone-event/8000')
  t.match(
    answerSdp(types, terms),
    /m=audio 40000 RTP\/AVP 97 96\r\na=rtpmap:97 PCMU\/8000\r\na=rtpmap:96 telephone-event/,
  )
  t.notMatch(answerSdp(answer('m=audio 30000 RTP/AVP 8'), terms), /telephone-event/)

  const many = answer(
    'm=video 4000 RTP/SAVP 96 97',
    'm=audio 5000 RTP/AVP 8',
    'm=audio 6000 RTP/AVP 0',
    'm=application 9 TCP/X *',
  )
  const media = answerSdp(many, terms)!
    .match(/^m=.*$/gm)
    ?.map((line) => line.trim())
  t.strictSame(media, [
    'm=video 0 RTP/SAVP 96',
    'm=audio 40000 RTP/AVP 8',
    'm=audio 0 RTP/AVP 0',
    'm=application 0 TCP/X *',
  ])

  t.equal(answerSdp(answer('m=audio 30000 RTP/AVP 18'), terms), null, 'nothing that we speak: 488')
  t.equal(answerSdp(answer('m=audio 30000 RTP/AVP 0'), { ...terms, codecs: ['pcma'] }), null)
  t.equal(answerSdp('garbage', terms), null)
})

t.test('an offer that we answered is read as it was meant', async (t) => {
  for (const codecs of [BOTH, ['pcmu', 'pcma'], ['pcmu'], ['pcma']] as const) {
    const theirs = answerSdp(offerSdp({ ...TERMS, codecs }), { ...TERMS, address: '198.51.100.1', port: 9_998 })!
    t.strictSame(readSdp(theirs, codecs), {
      address: '198.51.100.1',
      port: 9_998,
      codec: codecs[0],
      payloadType: codecs[0] === 'pcma' ? 8 : 0,
      packetMs: 20,
      eventPayloadType: 101,
      mayHear: true,
    })
  }
})

t.test('bad and huge descriptions are refused, quickly and without a throw', async (t) => {
  const random = new Random(seed)
  const good = answer(PLAIN, 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:101 telephone-event/8000', 'a=ptime:20', 'a=sendrecv')
  let read = 0
  for (let round = 0; round < 5_000; round++) {
    const bytes = Buffer.from(good)
    for (let n = 1 + random.below(4); n > 0; n--) bytes[random.below(bytes.length)] = random.below(256)
    const text = bytes.toString('latin1').slice(0, round % 2 === 0 ? undefined : random.below(good.length))
    const target = readSdp(text)
    answerSdp(text, TERMS)
    if (target === null) continue
    read++
    const { port, packetMs, payloadType } = target
    if (
      !(port > 0 && port < 65_536 && [10, 20, 30, 40, 60].includes(packetMs) && payloadType >= 0 && payloadType < 128)
    ) {
      return t.fail(`seed ${seed}: ${JSON.stringify(target)}`)
    }
  }
  t.ok(read > 500, `${read} of 5,000 could still be read`)
  t.equal(readSdp(`${good}${'a=x:y\r\n'.repeat(10_000)}`), null, '70 KB')
  t.equal(readSdp(good + 'm=audio 1 RTP/AVP 8\r\n'.repeat(100)), null, 'a hundred streams')
  t.not(readSdp(good + 'a=rtpmap:96 x/1\r\n'.repeat(500)), null, 'many lines that mean nothing')
  t.equal(readSdp(answer(`m=audio 30000 RTP/AVP ${'1 '.repeat(400)}8`)), null, 'an overlong line is not read')
  t.not(readSdp(`${good}a=imageattr:* send ${'[x] '.repeat(3_000)}`), null)
  t.not(readSdp(`${good}a=${' '.repeat(15_000)}sendonly`)?.mayHear, undefined)
})
