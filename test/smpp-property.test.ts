/**
 * Encoding and decoding undo each other, over random PDUs with random optional parameters: what our encoder writes our
 * decoder and npm smpp read back; what npm smpp writes our decoder reads back; and however the stream is cut. Seeded.
 */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { packFields } from '../src/engine/base/tlv-value.js'
import { newMessagePdu, readMessagePdu, readUint32 } from '../src/smpp/decode.js'
import { describePdu } from '../src/smpp/describe.js'
import { Framer } from '../src/smpp/framer.js'
import { SubmitEncoder } from '../src/smpp/submit.js'
import { findTlv, type TlvView } from '../src/smpp/tlv.js'
import { type NpmPdu, smpp } from './peer-support.js'
import { carrierConfig, encoded, outgoing, seed } from './smpp-support.js'

const COUNT = 20_000
const random = new Random(seed)
t.comment(`seed ${seed}`)

const digits = (length: number): string => Array.from({ length }, () => random.below(10)).join('')
const octets = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random.below(256)))
const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!

/** Vendor tags, each once: 0x1400 to 0x3FFF (§5.3.1). */
function randomTlvs(): { tag: number; value: Buffer }[] {
  const tags = new Set(Array.from({ length: random.below(6) }, () => 0x1400 + random.below(0x2c00)))
  return [...tags].map((tag) => ({ tag, value: octets(random.below(60)) }))
}

const encoder = new SubmitEncoder(carrierConfig({ port: 1, longMessages: 'sar' }))

/** A submit_sm of ours in octets, and what went into it. */
function randomSubmit() {
  const tlvs = randomTlvs()
  const fields = packFields({
    flash: false,
    tlvs: tlvs.map(({ tag, value }) => ({ tag, type: 'hex', value: value.toString('hex') })),
  })
  const to = digits(7 + random.below(9))
  const from = pick(['ACME', `6${digits(4)}`, `44${digits(10)}`])
  const coding = pick([0, 1] as const)
  const text = octets(random.below(coding === 0 ? 161 : 141))
  const sequence = 1 + random.below(0x7fffffff)
  const message = outgoing(random.below(1e6), to, [text], { from, fields, coding })
  const bytes = encoded((writer) => {
    writer.reserve(encoder.roomFor(message, 0))
    encoder.write(writer, message, 0, sequence)
  })
  return { bytes, tlvs, to, from, coding, text, sequence }
}

const pdu = newMessagePdu()
const view: TlvView = { start: 0, length: 0 }

function slice(bytes: Buffer, { start, length }: TlvView): Buffer {
  return bytes.subarray(start, start + length)
}

function tlvsFit(bytes: Buffer, tlvs: { tag: number; value: Buffer }[]): boolean {
  return tlvs.every(({ tag, value }) => findTlv(bytes, pdu.tlvs, tag, view) && slice(bytes, view).equals(value))
}

t.test('what we write as submit_sm we read back, and npm smpp reads the same', async (t) => {
  let wrong = 0
  for (let n = 0; n < COUNT; n++) {
    const { bytes, tlvs, to, from, coding, text, sequence } = randomSubmit()
    readMessagePdu(bytes, 0, bytes.length, pdu)
    const isSame =
      pdu.sound &&
      readUint32(bytes, 12) === sequence &&
      slice(bytes, pdu.source).latin1Slice() === from &&
      slice(bytes, pdu.destination).latin1Slice() === to &&
      pdu.dataCoding === [0, 8][coding] &&
      slice(bytes, pdu.text).equals(text) &&
      tlvsFit(bytes, tlvs)
    if (!isSame) wrong++
    if (n % 20 > 0) continue
    const theirs = new smpp.PDU(bytes as unknown as string) as NpmPdu & { tlvs?: object }
    if (theirs.destination_addr !== to || theirs.source_addr !== from || theirs.sequence_number !== sequence) wrong++
    const described = describePdu(bytes) as { tlvs?: { tag: string; value: string }[] }
    const shown = (described.tlvs ?? []).map(({ tag, value }) => `${Number(tag)} ${value}`)
    const sent = tlvs.map(({ tag, value }) => `${tag} ${value.toString('hex')}`)
    if (shown.sort().join() !== sent.sort().join()) wrong++
  }
  t.equal(wrong, 0, `of ${COUNT}`)
})

/** deliver_sm or data_sm by npm smpp. */
function randomDelivery() {
  const command = pick(['deliver_sm', 'data_sm'])
  const source_addr = digits(1 + random.below(20))
  const destination_addr = digits(1 + random.below(20))
  const text = octets(1 + random.below(200))
  const isPayload = command === 'data_sm' || random.below(3) === 0
  const receipted_message_id = digits(1 + random.below(20))
  const sequence_number = 1 + random.below(0x7fffffff)
  const data_coding = pick([2, 4])
  const body = isPayload ? { message_payload: text } : { short_message: text }
  const fields = { sequence_number, source_addr, destination_addr, data_coding, receipted_message_id, ...body }
  return { bytes: new smpp.PDU(command, fields).toBuffer(), text, ...fields }
}

t.test('what npm smpp writes as deliver_sm or data_sm we read', async (t) => {
  let wrong = 0
  for (let n = 0; n < COUNT / 10; n++) {
    const sent = randomDelivery()
    const { bytes } = sent
    readMessagePdu(bytes, 0, bytes.length, pdu)
    const isSame =
      pdu.sound &&
      slice(bytes, pdu.source).latin1Slice() === sent.source_addr &&
      slice(bytes, pdu.destination).latin1Slice() === sent.destination_addr &&
      pdu.dataCoding === sent.data_coding &&
      slice(bytes, pdu.text).equals(sent.text) &&
      tlvsFit(bytes, [{ tag: 0x001e, value: Buffer.from(`${sent.receipted_message_id}\0`) }])
    if (!isSame) wrong++
  }
  t.equal(wrong, 0)
})

t.test('a stream of them is cut into the same PDUs wherever the chunks end', async (t) => {
  const pdus = Array.from({ length: 400 }, () => (random.below(2) === 0 ? randomSubmit() : randomDelivery()).bytes)
  const stream = Buffer.concat(pdus)
  for (const most of [1, 2, 3, 15, 16, 17, 64, 500, 4_096, stream.length]) {
    const found: Buffer[] = []
    let broken = 0
    const framer = new Framer((bytes, start, end) => void found.push(Buffer.from(bytes.subarray(start, end))))
    for (let at = 0; at < stream.length; ) {
      const length = Math.min(1 + random.below(most), stream.length - at)
      broken += framer.push(Buffer.from(stream.subarray(at, at + length)), length)
      at += length
    }
    t.equal(broken, 0)
    t.ok(Buffer.concat(found).equals(stream) && found.length === pdus.length, `chunks of up to ${most}`)
  }
})
