/**
 * Texts as they stand on the wire: lines 34 to 47, 50, 52, 53 and 55 of carriers.md, outbound. What must come out is in
 * fixtures/carriers-wire-texts.json, written by hand from 3GPP TS 23.038; npm smpp reads where the fields are.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { readDataCoding } from '../src/engine/text/data-coding.js'
import { decodeGsm7 } from '../src/engine/text/gsm7.js'
import { Segmenter } from '../src/engine/text/segment.js'
import { SubmitEncoder } from '../src/smpp/submit.js'
import { BufferPool, Writer } from '../src/smpp/writer.js'
import { type NpmPdu, smpp } from './peer-support.js'
import { carrierConfig, outgoing, seed } from './smpp-support.js'

t.comment(`seed ${seed}`)

type Config = Partial<Parameters<typeof carrierConfig>[0]>
interface Golden {
  says: string
  text: string
  carrier: Config
  transliterate?: boolean
  /** data_coding and octets of the text, without its header. */
  parts: [number, string][]
}
const path = fileURLToPath(new URL('../../test/fixtures/carriers-wire-texts.json', import.meta.url))
const goldens = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Golden>
const Pdu = smpp.PDU as unknown as new (bytes: Buffer) => NpmPdu

interface Wire {
  pdu: NpmPdu
  header: Buffer
  text: Buffer
}

/** The parts of a text as the carrier gets them. */
function wire(text: string, config: Config, transliterate = false): Wire[] {
  const carrier = carrierConfig({ port: 1, ...config })
  const { defaultAlphabet: alphabet, longMessages, nationalLanguages } = carrier
  const segmenter = new Segmenter({ alphabet, longMessages, nationalLanguages, maxParts: 32, transliterate })
  const { bytes, partCount, partStarts, partLengths, coding, shift, reason } = segmenter.segment(text)
  if (reason !== 0) throw new Error(`refused: ${reason}`)
  const places = Array.from({ length: partCount }, (_, n) =>
    Buffer.from(bytes.subarray(partStarts[n]!, partStarts[n]! + partLengths[n]!)),
  )
  const message = outgoing(1, '447712345678', places, { coding, shift })
  const encoder = new SubmitEncoder(carrier)
  const count = encoder.joinsParts(message) ? 1 : partCount
  return Array.from({ length: count }, (_, part) => submitted(encoder, message, part))
}

function submitted(encoder: SubmitEncoder, message: ReturnType<typeof outgoing>, part: number): Wire {
  let out = Buffer.alloc(0)
  const sink = {
    write(bytes: Uint8Array, done: () => void): void {
      out = Buffer.concat([out, bytes])
      done()
    },
  }
  const writer = new Writer(sink, new BufferPool(), () => {})
  writer.reserve(encoder.roomFor(message, part))
  encoder.write(writer, message, part, 7)
  writer.flush()
  const pdu = new Pdu(out)
  // service_type, source "TRUNK", destination, then esm_class and nine octets to sm_length.
  const esmClass = 16 + 1 + 2 + 6 + 2 + message.toLength + 1
  const length = out[esmClass + 9]!
  const userData = length === 0 ? out.subarray(esmClass + 14) : out.subarray(esmClass + 10, esmClass + 10 + length)
  const headed = (out[esmClass]! & 0x40) !== 0
  const header = headed ? userData.subarray(0, userData[0]! + 1) : Buffer.alloc(0)
  return { pdu, header, text: userData.subarray(header.length) }
}

const ALL = Object.entries(goldens)

for (const quirk of [34, 35, 36, 37, 41, 42, 43, 44, 50]) {
  t.test(`quirk ${quirk}, outbound: the octets are those of the specification`, async (t) => {
    const cases = ALL.filter(([name]) => name.startsWith(`${quirk}-`))
    t.ok(cases.length > 0)
    for (const [name, { says, text, carrier, transliterate, parts }] of cases) {
      const got = wire(text, carrier, transliterate).map((each) => [each.pdu.data_coding, each.text.toString('hex')])
      t.strictSame(got, parts, `${name}: ${says}`)
    }
  })
}

const CHARACTERS = ['a', '@', '€', '[', 'é', 'ж', '👍', '“', 'ç', '\n', '{', 'Δ', '漢']

t.test('quirk 36, 41, 42, 43, 44: of any text no part is too long, ends in an escape or cuts a pair', async (t) => {
  const random = new Random(seed)
  for (let n = 0; n < 500; n++) {
    const kinds = CHARACTERS.slice(0, 1 + random.below(CHARACTERS.length))
    const length = 1 + random.below(400)
    let text = ''
    for (let at = 0; at < length; at++) text += kinds[random.below(kinds.length)]!
    if (text.trim() === '') continue
    const parts = wire(text, {})
    let back = ''
    for (const { pdu, header, text: octets } of parts) {
      const wide = pdu.data_coding === 8
      if (!wide && pdu.data_coding !== 0) t.fail(`data_coding ${pdu.data_coding}`)
      const room = wide ? 140 - header.length : Math.floor(((140 - header.length) * 8) / 7)
      if (octets.length > room) t.fail(`${octets.length} octets in a part`)
      if (!wide && octets.at(-1) === 0x1b) t.fail('an escape at the end of a part')
      const piece = wide ? Buffer.from(octets).swap16().toString('utf16le') : decodeGsm7(octets, 0, octets.length)
      if (/\p{Surrogate}/u.test(piece)) t.fail('half a surrogate pair')
      back += piece
    }
    if (back !== text) t.equal(back, text)
  }
  t.pass('500 texts')
})

t.test('quirk 46: a class and an alphabet are told apart in one octet', async (t) => {
  const { flashMode } = carrierConfig({ port: 1 })
  t.equal(flashMode, 'dcs0x10')
  t.match(readDataCoding(0x10), { alphabet: 'gsm7', messageClass: 0 })
  t.match(readDataCoding(0x13), { alphabet: 'gsm7', messageClass: 3 })
  t.match(readDataCoding(0x15), { alphabet: 'binary', messageClass: 1 })
  t.match(readDataCoding(0x14), { alphabet: 'binary', messageClass: 0 })
  t.match(readDataCoding(0x18), { alphabet: 'ucs2', messageClass: 0 })
  t.match(readDataCoding(0xf0), { alphabet: 'gsm7', messageClass: 0 })
  t.match(readDataCoding(0xf4), { alphabet: 'binary', messageClass: 0 })
})

t.test(
  'quirk 47: national tables stand in the header, data_coding stays 0, and only where they are allowed',
  async (t) => {
    const text = 'ğ'.repeat(100)
    t.ok(wire(text, {}).every(({ pdu, header }) => pdu.data_coding === 8 && header.indexOf(0x25) < 0))
    const parts = wire(text, { nationalLanguages: ['turkish'] } as unknown as Config)
    t.equal(parts.length, 1, 'one part instead of two')
    t.equal(parts[0]!.pdu.data_coding, 0)
    t.equal(parts[0]!.pdu.esm_class, 0x40)
    t.strictSame([...parts[0]!.header], [3, 0x25, 1, 1], 'the locking table of Turkish')
  },
)

t.test('quirk 52, 53, 55: parts are joined by header, by sar parameters or by the carrier, as it wants', async (t) => {
  const text = 'a'.repeat(400)
  const headers = wire(text, { longMessages: 'udh' }).map(({ header }) => [
    ...header.subarray(0, 3),
    ...header.subarray(4),
  ])
  t.strictSame(
    headers,
    [1, 2, 3].map((part) => [5, 0, 3, 3, part]),
  )
  const wide = wire(text, { longMessages: 'udh16' }).map(({ header }) => [
    ...header.subarray(0, 3),
    ...header.subarray(5),
  ])
  t.strictSame(
    wide,
    [1, 2, 3].map((part) => [6, 8, 4, 3, part]),
  )
  const sar = wire(text, { longMessages: 'sar' })
  t.ok(sar.every(({ header, pdu }) => header.length === 0 && pdu.esm_class === 0))
  t.strictSame(
    sar.map(({ pdu }) => [pdu.sar_total_segments, pdu.sar_segment_seqnum]),
    [
      [3, 1],
      [3, 2],
      [3, 3],
    ],
  )
  t.equal(new Set(sar.map(({ pdu }) => pdu.sar_msg_ref_num)).size, 1)
  const payload = wire(text, { longMessages: 'payload' })
  t.equal(payload.length, 1, 'one PDU, and one price at some carriers')
  t.equal(String(payload[0]!.pdu.message_payload!.message), text)
  t.equal(String(payload[0]!.pdu.short_message.message), '', 'never both')
  for (const { text: octets } of wire(text, {})) t.ok(octets.length <= 254, 'sm_length is one octet')
})
