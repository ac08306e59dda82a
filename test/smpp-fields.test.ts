/** Fields of submit_sm as a carrier wants them, read back by npm smpp: addresses, validity, flash, own parameters. */
import t from 'tap'
import { packFields, tlvProblems, unpackFields } from '../src/engine/base/tlv-value.js'
import { limits } from '../src/engine/contract/limits.js'
import { blankMessage, type Coding } from '../src/engine/contract/message.js'
import type { SubmitSettings, Tlv } from '../src/engine/contract/submit-fields.js'
import { BlockBuilder, BlockReader } from '../src/engine/store/block.js'
import { unpackSeptets } from '../src/engine/text/septets.js'
import { SubmitEncoder } from '../src/smpp/submit.js'
import { BufferPool, Writer } from '../src/smpp/writer.js'
import { type NpmPdu, smpp } from './peer-support.js'
import { carrierConfig, outgoing } from './smpp-support.js'

type Config = Partial<Parameters<typeof carrierConfig>[0]>
type Message = ReturnType<typeof outgoing>
const NOW_MS = Date.UTC(2026, 10, 22, 9, 30, 15)
const Pdu = smpp.PDU as unknown as new (bytes: Buffer) => NpmPdu

/** The PDU of one part as octets; fails when it took more room than it had asked for. */
function written(config: Config, message: Message, part = 0): Buffer {
  const encoder = new SubmitEncoder(carrierConfig({ port: 1, ...config }), () => NOW_MS)
  const chunks: Buffer[] = []
  const sink = {
    write(bytes: Uint8Array, done: () => void): void {
      chunks.push(Buffer.from(bytes))
      done()
    },
  }
  const writer = new Writer(sink, new BufferPool(), () => {})
  const room = encoder.roomFor(message, part)
  writer.reserve(room)
  encoder.write(writer, message, part, 7)
  if (writer.length > room) throw new Error(`${writer.length} octets, ${room} were asked for`)
  writer.flush()
  return Buffer.concat(chunks)
}

function read(config: Config, change: Partial<Message> = {}, parts: (string | Buffer)[] = ['Hello']): NpmPdu {
  return new Pdu(written(config, outgoing(5, '447712345678', parts, change)))
}

const fieldsOf = (settings: SubmitSettings): Partial<Message> => ({ fields: packFields(settings) })

t.test('TON and NPI of senders: found out, fixed, or no sender at all', async (t) => {
  const auto: [string, number, number, string][] = [
    ['ACME', 5, 0, 'ACME'],
    ['A-B_C 1', 5, 0, 'A-B_C 1'],
    ['ACME&Co', 5, 0, 'ACME&Co'],
    ['+447700900000', 1, 1, '447700900000'],
    ['00447700900000', 1, 1, '447700900000'],
    ['447700900000', 1, 1, '447700900000'],
    ['07700900000', 2, 1, '07700900000'],
    ['60099', 3, 0, '60099'],
    ['12345678', 3, 0, '12345678'],
    ['', 0, 0, ''],
  ]
  for (const [from, source_addr_ton, source_addr_npi, source_addr] of auto) {
    t.match(read({}, { from }), { source_addr_ton, source_addr_npi, source_addr }, from)
  }
  const source = { ton: 'auto', npi: 'auto', plus: false, maxLength: 20 } as const
  t.match(read({ source: { ...source, ton: 0, npi: 9 } }, { from: 'ACME' }), { source_addr_ton: 0, source_addr_npi: 9 })
  t.match(read({ source: { ...source, plus: true } }, { from: '+4477' }), { source_addr_ton: 1, source_addr: '+4477' })
  const fixed = read({ source: { ...source, address: '60099' } }, { from: 'ACME' })
  t.match(fixed, { source_addr_ton: 3, source_addr: '60099' }, 'the carrier’s own sender')
  const none = read({ source: { ...source, ton: 5, address: '' } }, { from: 'ACME' })
  t.match(none, { source_addr_ton: 0, source_addr_npi: 0, source_addr: '' }, 'no sender')
})

t.test('senders hold no NUL, are Latin-1 and are cut at the length of the carrier', async (t) => {
  t.equal(read({}, { from: 'A@B\0C' }).source_addr, 'A@BC', '@ is 0x40, never the 0x00 of the GSM alphabet')
  t.equal(read({}, { from: 'Ünï€' }).source_addr_ton, 5)
  const source = { ton: 'auto', npi: 'auto', plus: false } as const
  const from = '123456789012345678901234567890'
  t.equal(read({}, { from }).source_addr, from.slice(0, 20), '20 characters by the specification')
  t.equal(read({ source: { ...source, maxLength: 11 } }, { from }).source_addr, from.slice(0, 11))
  const long = written({ source: { ...source, maxLength: 40 } }, outgoing(5, '4477', ['x'], { from }))
  t.ok(long.includes(`${from}\0`), 'some carriers take more')
})

t.test(
  'recipients are digits alone, or with what the carrier wants before them; short codes are the network’s own',
  async (t) => {
    t.match(read({}), { dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '447712345678' })
    for (const prefix of ['+', '00']) {
      const destination = { ton: 2, npi: 1, prefix }
      t.match(read({ destination }), { dest_addr_ton: 2, destination_addr: `${prefix}447712345678` })
    }
    const short = read({ destination: { ton: 1, npi: 1, prefix: '+' } }, { isShortCode: true })
    t.match(short, { dest_addr_ton: 3, dest_addr_npi: 0, destination_addr: '447712345678' })
  },
)

t.test('service_type, protocol_id and priority_flag are the carrier’s; nothing of them by default', async (t) => {
  const plain = { service_type: '', protocol_id: 0, priority_flag: 0, replace_if_present_flag: 0, validity_period: '' }
  t.match(read({}, { expiresAtSeconds: NOW_MS / 1000 + 60 }), plain)
  const pdu = read({ serviceType: 'VMA', protocolId: 0x41, priorityFlag: 2 })
  t.match(pdu, { service_type: 'VMA', protocol_id: 0x41, priority_flag: 2 })
})

/** validity_period as it stands in the PDU. */
function validity(config: Config, seconds: number): string | undefined {
  const message = outgoing(5, '4477', ['x'], { expiresAtSeconds: seconds === 0 ? 0 : NOW_MS / 1000 + seconds })
  return /[0-9]{15}[R+]/.exec(written(config, message).toString('latin1'))?.[0]
}

t.test('validity: none, as a time in UTC, or as a span of days and below', async (t) => {
  t.equal(validity({}, 3_600), undefined)
  t.equal(validity({ validityPeriod: 'absolute' }, 0), undefined, 'a message that never expires says nothing')
  t.equal(validity({ validityPeriod: 'absolute' }, 3_600), '261122103015000+')
  t.equal(validity({ validityPeriod: 'absolute' }, 40 * 86_400), '270101093015000+')
  t.equal(validity({ validityPeriod: 'relative' }, 3_600), '000000010000000R')
  t.equal(validity({ validityPeriod: 'relative' }, 2 * 86_400 + 3_723), '000002010203000R')
  t.equal(validity({ validityPeriod: 'relative' }, -5), '000000000001000R', 'never zero: that would mean the default')
  const pdu = read({ validityPeriod: 'relative' }, { expiresAtSeconds: NOW_MS / 1000 + 60 }, ['a'.repeat(160)])
  t.equal(String(pdu.short_message.message), 'a'.repeat(160), 'what follows is in its place')
})

t.test('flash: class 0 by data_coding, or by dest_addr_subunit where no data_coding says it', async (t) => {
  const coding = (config: Config, code: Coding, flash = true): [number, unknown] => {
    const pdu = read(config, { coding: code, ...fieldsOf({ flash }) }, [Buffer.from([0, 0x41])])
    return [pdu.data_coding as number, pdu.dest_addr_subunit]
  }
  t.strictSame(coding({}, 0, false), [0, undefined])
  t.strictSame(coding({}, 0), [0x10, undefined])
  t.strictSame(coding({}, 1), [0x18, undefined])
  t.strictSame(coding({}, 4), [0x14, undefined])
  t.strictSame(coding({ flashMode: 'dcs0xF0' }, 0), [0xf0, undefined])
  t.strictSame(coding({ flashMode: 'dcs0xF0' }, 1), [0x18, undefined])
  t.strictSame(coding({ flashMode: 'dcs0xF0' }, 4), [0xf4, undefined])
  for (const code of [0, 1, 2] as const) t.equal(coding({ flashMode: 'subunit' }, code)[1], 1)
  t.strictSame(coding({ flashMode: 'subunit' }, 1), [8, 1])
  t.strictSame(coding({}, 2), [3, 1], 'Latin-1 has no class')
  t.strictSame(coding({ defaultAlphabet: 'latin1' }, 0), [0, 1], 'nor has an alphabet of the carrier’s own')
})

t.test('replace_if_present on the first try of a message of one part alone', async (t) => {
  const flag = (change: Partial<Message>, parts?: string[], config: Config = { replaceIfPresent: true }) =>
    read(config, change, parts).replace_if_present_flag
  t.equal(flag({}), 1)
  t.equal(flag({ attempt: 1 }), 0, 'never on a resend')
  t.equal(flag({}, ['one', 'two']), 0, 'a part must not replace the one before it')
  t.equal(flag({}, ['one'], {}), 0, 'not unless the config says so')
})

/** Optional parameters at the end of the PDU, behind the text `behind`. */
function parameters(bytes: Buffer, behind = 'Hello'): [number, string][] {
  const found: [number, string][] = []
  let at = bytes.lastIndexOf(behind) + behind.length
  while (at < bytes.length) {
    const length = bytes.readUInt16BE(at + 2)
    found.push([bytes.readUInt16BE(at), bytes.toString('hex', at + 4, at + 4 + length)])
    at += 4 + length
  }
  return found
}

t.test('own optional parameters: of the carrier, then of the job or message, by tag', async (t) => {
  const ofCarrier: Tlv[] = [
    { tag: '0x1400', type: 'string', value: '1101' },
    { tag: 0x1401, type: 'cstring', value: 'tmpl' },
    { tag: 0x1402, type: 'int8', value: 255 },
    { tag: 0x1403, type: 'int16', value: '258' },
    { tag: 0x1404, type: 'int32', value: 0xfffffffe },
    { tag: 0x1405, type: 'hex', value: '00ff1a' },
    { tag: 0x1406, value: 7 },
  ]
  const own = packFields({
    tlvs: [
      { tag: 0x1400, value: 'mine' },
      { tag: '0x2000', type: 'hex', value: '' },
    ],
  })
  const message = outgoing(5, '447712345678', ['Hello'], { fields: own })
  t.strictSame(parameters(written({ tlvs: ofCarrier as never }, message)), [
    [0x1400, Buffer.from('mine').toString('hex')],
    [0x1401, Buffer.from('tmpl\0').toString('hex')],
    [0x1402, 'ff'],
    [0x1403, '0102'],
    [0x1404, 'fffffffe'],
    [0x1405, '00ff1a'],
    [0x1406, '37'],
    [0x2000, ''],
  ])
  const long = outgoing(5, '447712345678', ['a'.repeat(153), 'Hello'], { fields: own })
  t.strictSame(
    parameters(written({}, long, 1)),
    [
      [0x1400, '6d696e65'],
      [0x2000, ''],
    ],
    'with each part',
  )
})

t.test('user_message_reference where asked for, and never twice', async (t) => {
  const message = outgoing(5, '447712345678', ['Hello'])
  t.strictSame(parameters(written({}, message)), [])
  t.strictSame(parameters(written({ userMessageReference: true }, message)), [[0x0204, '0005']])
  const own = { ...message, ...fieldsOf({ tlvs: [{ tag: 0x0204, type: 'int16', value: 77 }] }) }
  t.strictSame(parameters(written({ userMessageReference: true }, own)), [[0x0204, '004d']])
})

t.test('a parameter that cannot be sent is named, with what would be right', async (t) => {
  const wrong = (...tlvs: Tlv[]): string[] => tlvProblems(tlvs).map(({ place, text }) => `${place.join('.')} ${text}`)
  t.strictSame(wrong({ tag: 0, value: 'x' }), ['0.tag must be from 1 to 0xFFFF'])
  t.strictSame(wrong({ tag: '0x10000', value: 'x' }), ['0.tag must be from 1 to 0xFFFF'])
  t.strictSame(wrong({ tag: 0x0424, value: 'x' }), ['0.tag is set by the engine itself'])
  t.strictSame(wrong({ tag: 1, value: 'x' }, { tag: '0x1', value: 'y' }), ['1.tag stands there twice'])
  t.strictSame(wrong({ tag: 1, type: 'int8', value: 256 }), ['0.value must be an integer from 0 to 255'])
  t.strictSame(wrong({ tag: 1, type: 'int16', value: '1x' }), ['0.value must be an integer from 0 to 65535'])
  t.strictSame(wrong({ tag: 1, type: 'hex', value: 'abc' }), ['0.value must be pairs of hex digits'])
  t.strictSame(wrong({ tag: 1, value: 'Ω' }), ['0.value must be Latin-1 text; write other octets as hex'])
  t.strictSame(wrong({ tag: 1, type: 'cstring', value: 'a\0' }), ['0.value must not hold a NUL'])
  const many = Array.from({ length: limits.tlvs + 1 }, (_, n) => ({ tag: n + 1, value: 'x' }))
  t.strictSame(wrong(...many), [` must have at most ${limits.tlvs} entries`])
  t.strictSame(wrong({ tag: 1, value: 'x'.repeat(limits.tlvBytes + 1) }), [` must not hold more than 1024 octets`])
})

t.test('fields are packed into a text and back, and a block keeps them beside its sender', async (t) => {
  const settings: SubmitSettings = { flash: true, tlvs: [{ tag: '0x1400', type: 'hex', value: '00ff' }] }
  const back = unpackFields(packFields(settings))
  t.strictSame([back.flash, back.tlvs], [true, [{ tag: 0x1400, value: Buffer.from([0, 255]) }]])
  t.equal(packFields({}), '')
  t.equal(packFields({ flash: false, tlvs: [] }), '')
  const largest = packFields({ tlvs: [{ tag: 0xffff, value: 'x'.repeat(limits.tlvBytes) }] })
  for (const fields of ['', packFields(settings), largest]) {
    const message = outgoing(1, '447712345678', ['Hello'])
    const head = { job: 1, account: 2, route: 3, from: 'Ünï', fields, createdSeconds: 4, range: null }
    const builder = new BlockBuilder(head)
    const times = { dueSeconds: 0, expiresSeconds: 0, line: 0, offset: 0, length: 0 }
    const kind = { channel: 0, isShortCode: false, phone: 0, digits: '447712345678' }
    builder.add({ ...message, ...times, ...kind })
    const reader = new BlockReader(builder.seal(9).bytes)
    const back = blankMessage()
    t.ok(reader.intact && reader.read(0, back))
    t.match(
      { from: back.from, fields: back.fields, text: back.bytes.toString('latin1', back.partStarts[0]) },
      {
        from: 'Ünï',
        fields,
        text: 'Hello',
      },
    )
  }
})

t.test(
  'GSM 7-bit packed: seven octets for eight characters, no @ at the end, a fill bit behind the header',
  async (t) => {
    const packed = (text: string): string => {
      const bytes = written({ gsm7Packed: true }, outgoing(5, '447712345678', [text]))
      return bytes.toString('hex', bytes.length - bytes[bytes.indexOf('447712345678') + 22]!)
    }
    t.equal(packed('hellohello'), 'e8329bfd4697d9ec37', 'the example that every description has')
    const seven = Buffer.from(packed('1234567'), 'hex')
    t.equal(seven.length, 7)
    t.equal(seven[6]! >> 1, 0x0d, 'seven bits left over are a carriage return, since zeros would be an @')
    t.equal(unpackSeptets(seven, 0, 7).toString(), '1234567')
    const parts = ['a'.repeat(153), 'bcd']
    const first = written({ gsm7Packed: true }, outgoing(5, '447712345678', parts), 0)
    t.equal(
      first.length - first.lastIndexOf(Buffer.from([5, 0, 3])),
      140,
      '153 characters and their header fill 140 octets',
    )
    const header = first.length - 140
    t.equal(unpackSeptets(first, header + 6, first.length, 1).toString(), parts[0])
  },
)
