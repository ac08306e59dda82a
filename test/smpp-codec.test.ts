/** Codec, framer, window and receipts, against npm smpp as an independent second implementation. */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { messageRef } from '../src/engine/contract/message.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { COMMAND, SEQUENCE_MAX } from '../src/smpp/constants.js'
import { newMessagePdu, readMessagePdu, responseText } from '../src/smpp/decode.js'
import { writeBind, writeBindResponse, writeDeliverResponse, writeHeaderOnly } from '../src/smpp/encode.js'
import { Framer } from '../src/smpp/framer.js'
import { newReceiptFields, ReceiptReader } from '../src/smpp/receipt.js'
import { statusName, statusOutcome } from '../src/smpp/status.js'
import { SubmitEncoder } from '../src/smpp/submit.js'
import { SessionTimers } from '../src/smpp/timers.js'
import { concatenationReference } from '../src/smpp/user-data.js'
import { Window } from '../src/smpp/window.js'
import { carrierConfig, encoded, outgoing, seed } from './smpp-support.js'

/** The little that is used of npm smpp, which has no types of its own. */
interface NpmPdu {
  [field: string]: unknown
  short_message: { message: string; udh: Buffer }
  message_payload: { message: string }
  toBuffer(): Buffer
}
interface NpmSmpp {
  PDU: new (from: Buffer | string, fields?: object) => NpmPdu
}
const { default: smpp } = (await import('smpp' as string)) as { default: NpmSmpp }
const random = new Random(seed)

function submitBytes(config: Parameters<typeof carrierConfig>[0], message: ReturnType<typeof outgoing>, part = 0) {
  const encoder = new SubmitEncoder(carrierConfig(config))
  return encoded((writer) => {
    writer.reserve(encoder.roomFor(message, part))
    encoder.write(writer, message, part, 77)
    t.ok(writer.length <= encoder.roomFor(message, part), 'the room asked for was enough')
  })
}

const reader = new ReceiptReader(carrierConfig({ port: 1 }).receipts)

/** Own reading of a whole PDU through the framer's view. */
function readReceiptOf(bytes: Buffer) {
  const pdu = newMessagePdu()
  const fields = newReceiptFields()
  readMessagePdu(bytes, 0, bytes.length, pdu)
  const isReceipt = reader.read(bytes, pdu, fields)
  const id = fields.bytes.latin1Slice(fields.id.start, fields.id.start + fields.id.length)
  return { isReceipt, id, code: fields.code, error: fields.error, pdu }
}

t.comment(`seed ${seed}`)

t.test('npm smpp reads the submit_sm that we write', async (t) => {
  const cases = [
    { from: 'TRUNK', ton: 5, npi: 0, source: 'TRUNK' },
    { from: '+447700900000', ton: 1, npi: 1, source: '447700900000' },
    { from: '447700900000', ton: 1, npi: 1, source: '447700900000' },
    { from: '60099', ton: 3, npi: 0, source: '60099' },
    { from: 'A@B\0C', ton: 5, npi: 0, source: 'A@BC' },
    { from: '', ton: 0, npi: 0, source: '' },
  ]
  for (const { from, ton, npi, source } of cases) {
    const pdu = new smpp.PDU(submitBytes({ port: 1 }, outgoing(5, '447712345678', ['Hello'], { from })))
    t.match(pdu, {
      command: 'submit_sm',
      sequence_number: 77,
      source_addr_ton: ton,
      source_addr_npi: npi,
      source_addr: source,
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: '447712345678',
      esm_class: 0,
      registered_delivery: 1,
      replace_if_present_flag: 0,
      data_coding: 0,
      short_message: { message: 'Hello' },
    })
  }
})

t.test('parts are joined as the carrier wants: udh, udh16, sar or payload', async (t) => {
  const parts = ['a'.repeat(153), 'b'.repeat(20)]
  const message = outgoing(1_000_003, '447712345678', parts)
  const reference = concatenationReference(message.ref)
  const udh = new smpp.PDU(submitBytes({ port: 1 }, message, 1))
  t.equal(udh.esm_class, 0x40)
  t.strictSame([udh.short_message.udh].flat(), [Buffer.from([0, 3, reference & 255, 2, 2])])
  t.equal(udh.short_message.message, parts[1])
  const wide = submitBytes({ port: 1, longMessages: 'udh16' }, message, 0)
  const udhAt = wide.length - 153 - 7
  t.strictSame([...wide.subarray(udhAt, udhAt + 7)], [6, 8, 4, reference >> 8, reference & 255, 2, 1])
  t.equal(wide[udhAt - 1], 160, 'sm_length counts the header')
  const sar = new smpp.PDU(submitBytes({ port: 1, longMessages: 'sar' }, message, 1))
  t.match(sar, { esm_class: 0, sar_msg_ref_num: reference, sar_total_segments: 2, sar_segment_seqnum: 2 })
  const payload = new smpp.PDU(submitBytes({ port: 1, longMessages: 'payload' }, message))
  t.equal(payload.short_message.message.length, 0)
  t.equal(payload.message_payload.message, parts.join(''))
  const long = new smpp.PDU(submitBytes({ port: 1 }, outgoing(1, '4477', ['x'.repeat(254), 'y'])))
  t.equal(long.message_payload.message.length, 254, 'what sm_length cannot count goes to message_payload')
})

t.test('references of neighbours differ', async (t) => {
  const seen = new Set<number>()
  for (let place = 0; place < 256; place++) seen.add(concatenationReference(messageRef(7, place)) & 255)
  t.equal(seen.size, 256, 'in one block')
  const across = new Set(
    Array.from({ length: 200 }, (_, block) => concatenationReference(messageRef(2 ** 33 + block, 9)) & 255),
  )
  t.equal(across.size, 200, 'and over blocks')
})

t.test('registered_delivery, data_coding and the default alphabet follow the config', async (t) => {
  const read = (config: object, change: object) =>
    new smpp.PDU(submitBytes({ port: 1, ...config }, outgoing(1, '4477', [Buffer.from([0, 0x41])], change)))
  t.equal(read({ receipts: { idFormat: 'auto', request: 'failure' } }, {}).registered_delivery, 2)
  t.equal(read({ receipts: { idFormat: 'auto', request: 'none' } }, {}).registered_delivery, 0)
  t.equal(read({}, { wantsReceipt: false }).registered_delivery, 0)
  t.equal(read({ gsm7DataCoding: 1 }, {}).data_coding, 1)
  t.equal(read({}, { coding: 1 }).data_coding, 8)
  const bytes = submitBytes(
    { port: 1, defaultAlphabet: 'latin1' },
    outgoing(1, '4477', [Buffer.from([0, 1, 0x1b, 0x65])]),
  )
  t.equal(bytes.toString('latin1').slice(-3), '@\u00a3?', 'septets become Latin-1, what is not in it a question mark')
})

t.test('npm smpp reads our other PDUs, and we read its responses', async (t) => {
  const bind = encoded((writer) =>
    writeBind(writer, { command: COMMAND.bindTransceiver, systemId: 'me', password: 'pw', systemType: 't' }, 3),
  )
  t.match(new smpp.PDU(bind), { command: 'bind_transceiver', system_id: 'me', password: 'pw', interface_version: 0x34 })
  const answer = encoded((writer) =>
    writeBindResponse(writer, COMMAND.bindReceiverResp, 0, { sequence: 9, systemId: 'smsc' }),
  )
  t.match(new smpp.PDU(answer), { command: 'bind_receiver_resp', system_id: 'smsc', sc_interface_version: 0x34 })
  const deliver = encoded((writer) => writeDeliverResponse(writer, COMMAND.deliverSmResp, 0x64, 0xfffffff0))
  t.match(new smpp.PDU(deliver), { command: 'deliver_sm_resp', command_status: 0x64, sequence_number: 0xfffffff0 })
  const enquire = encoded((writer) => writeHeaderOnly(writer, COMMAND.enquireLink, 0, 4))
  t.match(new smpp.PDU(enquire), { command: 'enquire_link', sequence_number: 4 })
  const response = new smpp.PDU('submit_sm_resp', { sequence_number: 5, message_id: 'abc-1' }).toBuffer()
  const span = { start: 0, length: 0 }
  responseText(response, 0, response.length, span)
  t.equal(response.latin1Slice(span.start, span.start + span.length), 'abc-1')
  responseText(response, 0, 16, span)
  t.equal(span.length, 0, 'a response without a body has no id')
})

const TEXT =
  'id:0123456789 sub:001 dlvrd:001 submit date:2611220900 done date:2611220901 stat:DELIVRD err:000 text:Hello'
const { delivered, undelivered, enroute, expired, rejected } = OUTCOME

t.test('receipts are read in every form that carriers send', async (t) => {
  const deliver = (fields: object) => new smpp.PDU('deliver_sm', { esm_class: 4, ...fields }).toBuffer()
  const text = (message: string, fields: object = {}) => deliver({ short_message: Buffer.from(message), ...fields })
  const cases: [string, Buffer, string, number, string][] = [
    ['Appendix B', text(TEXT), '0123456789', delivered, '000'],
    ['parameters alone', deliver({ receipted_message_id: 'A1', message_state: 5 }), 'A1', undelivered, ''],
    ['parameters win', text(TEXT, { receipted_message_id: 'A1', message_state: 3 }), 'A1', expired, '000'],
    ['id parameter, state in the text', text(TEXT, { receipted_message_id: 'A1' }), 'A1', delivered, '000'],
    ['fields missing and cut', text('id:9 stat:UNDELIV err:'), '9', undelivered, ''],
    ['lower case, doubled spaces', text('ID:9  SUB:1  STAT: rejected  ERR: 0a1  Text:'), '9', rejected, '0a1'],
    ['long stat', text('id:9 stat:DELIVERED err:000 text:'), '9', delivered, '000'],
    ['other order', text('stat:EXPIRED id:9'), '9', expired, ''],
    ['accepted is not final', text('id:9 stat:ACCEPTD'), '9', enroute, ''],
    ['unknown word is not final', text('id:9 stat:WHATEVER'), '9', enroute, ''],
    ['number', text('id:9 stat:2'), '9', delivered, ''],
    ['empty value', text('id: stat:DELIVRD'), '', delivered, ''],
    ['esm_class 0', text(TEXT, { esm_class: 0 }), '0123456789', delivered, '000'],
    ['intermediate', text(TEXT, { esm_class: 0x20 }), '0123456789', enroute, '000'],
    ['payload', deliver({ message_payload: Buffer.from(TEXT) }), '0123456789', delivered, '000'],
    ['forged id in the quoted text', text(`${TEXT} id:666 stat:UNDELIV`), '0123456789', delivered, '000'],
    [
      'network_error_code',
      deliver({ receipted_message_id: 'A', network_error_code: Buffer.from([3, 0, 42]) }),
      'A',
      enroute,
      '42',
    ],
    [
      'network_error_code in ASCII',
      deliver({ receipted_message_id: 'A', network_error_code: Buffer.from('017') }),
      'A',
      enroute,
      '017',
    ],
    [
      'UTF-16',
      deliver({ data_coding: 8, short_message: Buffer.from(TEXT, 'utf16le').swap16() }),
      '0123456789',
      delivered,
      '000',
    ],
    [
      'data_sm',
      new smpp.PDU('data_sm', { esm_class: 4, receipted_message_id: 'D', message_state: 2 }).toBuffer(),
      'D',
      delivered,
      '',
    ],
    [
      'stray NUL before the parameters',
      strayNul(text(TEXT, { receipted_message_id: 'A1' }), TEXT),
      'A1',
      delivered,
      '000',
    ],
  ]
  for (const [name, bytes, id, code, error] of cases) {
    const { isReceipt, ...read } = readReceiptOf(bytes)
    t.ok(isReceipt, name)
    t.strictSame({ id: read.id, code: read.code, error: read.error }, { id, code, error }, name)
  }
  t.notOk(
    readReceiptOf(text('id:9 is my order, stat: unknown', { esm_class: 0 })).isReceipt,
    "a subscriber's text is none",
  )
})

/** Puts a NUL behind short_message, as some carriers do. */
function strayNul(bytes: Buffer, text: string): Buffer {
  const at = bytes.indexOf(text) + text.length
  const longer = Buffer.concat([bytes.subarray(0, at), Buffer.from([0]), bytes.subarray(at)])
  longer.writeUInt32BE(longer.length, 0)
  return longer
}

t.test('every status has a name and a consequence', async (t) => {
  t.strictSame([0x58, 0x14].map(statusOutcome), Array(2).fill(OUTCOME.throttled))
  t.strictSame([0x08, 0x04, 0x64].map(statusOutcome), Array(3).fill(OUTCOME.unavailable))
  t.strictSame([0x0b, 0x65, 0x12345].map(statusOutcome), Array(3).fill(OUTCOME.rejected))
  t.strictSame([0x0a, 0x15, 0x51].map(statusOutcome), Array(3).fill(OUTCOME.rerouted))
  t.equal(statusName(0x58), 'ESME_RTHROTTLED')
  t.equal(statusName(0x12345), '0x00012345')
})

t.test('the framer finds the same PDUs wherever the stream is cut', async (t) => {
  const pdus = Array.from({ length: 300 }, (_, n) => {
    const pdu = Buffer.alloc(n % 50 === 0 ? 40_000 : 16 + random.below(300), n & 255)
    pdu.writeUInt32BE(pdu.length, 0)
    return pdu
  })
  const stream = Buffer.concat(pdus)
  for (let round = 0; round < 20; round++) {
    const found: Buffer[] = []
    const framer = new Framer((bytes, start, end) => found.push(Buffer.from(bytes.subarray(start, end))))
    const step = round === 0 ? 1 : [7, 100, 1000, 70_000][round % 4]!
    const chunk = Buffer.alloc(step)
    for (let at = 0; at < stream.length; ) {
      const length = Math.min(round === 0 ? 1 : 1 + random.below(step), stream.length - at)
      // One chunk buffer for all, as the socket does: nothing may be kept by reference.
      stream.copy(chunk, 0, at, at + length)
      if (framer.push(chunk, length) !== 0) t.bailout('framer broke')
      at += length
    }
    t.equal(Buffer.compare(Buffer.concat(found), stream), 0, `round ${round}`)
    t.equal(found.length, pdus.length)
    t.equal(framer.carried, 0)
  }
})

t.test('an impossible command_length breaks the stream and nothing after it is read', async (t) => {
  for (const length of [0, 1, 15, 65_537, 0x7fffffff, 0xffffffff, 0x48545450]) {
    for (const cut of [20, 3]) {
      const framer = new Framer(() => t.fail('no PDU'))
      const bytes = Buffer.alloc(20)
      bytes.writeUInt32BE(length, 0)
      framer.push(bytes.subarray(0, cut), cut)
      if (cut < 20) framer.push(bytes.subarray(cut), 20 - cut)
      t.not(framer.push(Buffer.alloc(16, 0), 16), 0, `0x${length.toString(16)}`)
      t.ok(framer.carried <= 16)
    }
  }
})

t.test('1,000,000 mutated PDUs and each prefix are read without a throw or a look outside', async (t) => {
  const pdu = newMessagePdu()
  const fields = newReceiptFields()
  const base = [
    new smpp.PDU('deliver_sm', {
      esm_class: 4,
      short_message: Buffer.from(TEXT),
      receipted_message_id: 'A',
      message_state: 2,
    }),
    new smpp.PDU('data_sm', { esm_class: 4, receipted_message_id: 'A', network_error_code: Buffer.from([1, 2, 3]) }),
    new smpp.PDU('submit_sm', { destination_addr: '4477', short_message: Buffer.from('Hello') }),
  ].map((each) => each.toBuffer())
  const inside = (place: { start: number; length: number }, end: number): boolean =>
    place.start >= 0 && place.length >= 0 && place.start + place.length <= end
  const guarded = Buffer.alloc(1024, 0x41)
  let wrong = 0
  const read = (end: number): void => {
    readMessagePdu(guarded, 0, end, pdu)
    if (![pdu.source, pdu.destination, pdu.text, pdu.tlvs].every((place) => inside(place, end))) wrong++
    if (reader.read(guarded, pdu, fields) && fields.bytes === guarded && !inside(fields.id, end)) wrong++
  }
  for (const bytes of base) {
    for (let end = 16; end <= bytes.length; end++) {
      bytes.copy(guarded)
      read(end)
    }
  }
  for (let round = 0; round < 1_000_000; round++) {
    const bytes = base[round % base.length]!
    bytes.copy(guarded)
    for (let changes = 1 + random.below(8); changes > 0; changes--) {
      guarded[4 + random.below(bytes.length - 4)] = random.below(256)
    }
    guarded.set(bytes.subarray(4, 8), 4)
    read(random.below(8) === 0 ? 16 + random.below(bytes.length - 16) : bytes.length)
  }
  t.equal(wrong, 0)
})

t.test('sequence numbers wrap at 0x7FFFFFFF under a full window and never meet a busy slot', async (t) => {
  const window = new Window(64, SEQUENCE_MAX - 100)
  const open = new Map<number, number>()
  for (let n = 0; n < 5000; n++) {
    while (open.size < 64) {
      const slot = window.open(n * 100 + open.size, 3, n, 1)
      const sequence = window.sequenceAt(slot)
      t.ok(sequence >= 1 && sequence <= SEQUENCE_MAX && !open.has(sequence)) || t.bailout('sequence')
      open.set(sequence, window.refAt(slot))
    }
    // The oldest stays open for long, so that its slot is in the way.
    const keys = [...open.keys()]
    const sequence = keys[n % 500 === 0 ? 0 : 1 + random.below(keys.length - 1)]!
    const slot = window.find(sequence)
    if (window.refAt(slot) !== open.get(sequence)) t.fail('slot of another request')
    window.close(slot)
    open.delete(sequence)
    if (window.find(sequence) >= 0) t.fail('closed slot found')
    if (n === 2500) window.resize(500)
  }
  t.equal(window.inFlight, 63)
  const oldest = window.oldest()
  t.equal(window.refAt(oldest), Math.min(...open.values()), 'the oldest request is found after wrap and resize')
  t.equal(window.find(0), -1)
})

t.test('timers: idle asks, silence is death, answers without submit responses are a stall', async (t) => {
  const settings = { enquireLinkMs: 1000, responseTimeoutMs: 300 }
  const idle = new SessionTimers(settings, 0)
  t.equal(idle.tick(999, 0), 'fine')
  t.equal(idle.tick(1000, 0), 'enquire')
  t.equal(idle.tick(1299, 0), 'fine')
  t.equal(idle.tick(1300, 0), 'dead')
  idle.enquireAnswered()
  idle.received(1300)
  t.equal(idle.tick(2299, 0), 'fine')
  const stalled = new SessionTimers(settings, 0)
  for (let now = 0; now < 600; now += 10) {
    stalled.received(now)
    t.equal(stalled.tick(now, 1), 'fine')
  }
  t.equal(stalled.tick(600, 1), 'stalled')
  const pausing = new SessionTimers({ ...settings, progressTimeoutMs: 500 }, 0)
  t.equal(pausing.tick(300, 1), 'fine')
  t.equal(pausing.tick(900, 0), 'fine', 'without a submit in flight no time is counted')
  t.equal(pausing.tick(1000, 1), 'enquire')
  pausing.progressed()
  t.equal(pausing.tick(1100, 1), 'fine', 'any answer begins anew')
  t.notOk(pausing.stoodStill(1100))
  t.ok(pausing.stoodStill(9100), 'the process itself stood still: nothing is judged before it has read')
  t.notOk(pausing.stoodStill(9150))
})
