/** What a carrier that is not ours (npm smpp) decodes is the text that was sent, in every coding and way of joining parts. */
import t, { type Test } from 'tap'
import {
  type NpmPdu,
  type NpmSession,
  numberOf,
  type Peers,
  prefixOf,
  smpp,
  startEngine,
  startJob,
  startPeer,
  untilMessages,
} from './peer-support.js'

const GSM7 = 'Price £5 @ €3 [a] {b} ~c~ \\d ^e | ÄÖÜß ñ Çok Ωμ'.replace('μ', 'Ω')
const PLAIN = 'Order 4711 [a] {b} \\d ^e | costs 5 @ noon_'
const LATIN1 = 'Grüße £5 @ ñandú çà ¿qué? ½ ° \\ {x}'
const WIDE = ['Καλημέρα, αύριο στις 9', 'مرحبا، موعدك غدا', '你好 👋🏽 family 👨‍👩‍👧 €']
const long = (text: string, units: number): string => text.repeat(Math.ceil(units / text.length)).slice(0, units)

interface Piece {
  text: string
  coding: number
  reference: number | null
  part: number
  total: number
  pdu: NpmPdu
}

function pieceOf(pdu: NpmPdu): Piece {
  const { message_payload, short_message } = pdu
  const text = String(message_payload?.message ?? short_message.message)
  const udh = short_message.udh?.[0] ?? message_payload?.udh?.[0]
  const piece = { text, coding: Number(pdu.data_coding), pdu }
  if (udh?.[0] === 0) return { ...piece, reference: udh[2]!, total: udh[3]!, part: udh[4]! }
  if (udh?.[0] === 8) return { ...piece, reference: udh.readUInt16BE(2), total: udh[4]!, part: udh[5]! }
  if (pdu.sar_msg_ref_num === undefined) return { ...piece, reference: null, total: 1, part: 1 }
  const [reference, total, part] = [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum] as number[]
  return { ...piece, reference: reference!, total: total!, part: part! }
}

class Phone {
  readonly pieces = new Map<string, Piece[]>()

  listen(session: NpmSession): void {
    let n = 0
    session.on('submit_sm', (pdu) => {
      const pieces = this.pieces.get(pdu.destination_addr) ?? []
      this.pieces.set(pdu.destination_addr, [...pieces, pieceOf(pdu)])
      const id = `${pdu.destination_addr}-${n++}`
      session.send(pdu.response({ message_id: id }))
      session.deliver_sm({ esm_class: 4, receipted_message_id: id, message_state: 2, short_message: '' })
    })
  }

  /** The message as it would be read: parts in order, all of one reference. */
  read(t: Test, to: string): string {
    const pieces = this.pieces.get(to.slice(1)) ?? []
    const inOrder = [...pieces].sort((a, b) => a.part - b.part)
    t.strictSame(
      inOrder.map(({ part, total }) => [part, total]),
      inOrder.map((_, index) => [index + 1, inOrder.length]),
      'parts are numbered',
    )
    t.equal(new Set(pieces.map(({ reference }) => reference)).size, 1, 'one reference for all parts')
    return inOrder.map(({ text }) => text).join('')
  }
}

async function sendTexts(t: Test, carrier: object, texts: string[]): Promise<{ phone: Phone; peers: Peers }> {
  const phone = new Phone()
  const port = await startPeer(t, (session) => phone.listen(session))
  const peers = await startEngine(t, [{ id: 'peer', port, ...carrier }])
  const job = await startJob(
    peers,
    {},
    texts.map((text, n) => ({ to: numberOf(0, n), text })),
  )
  const messages = await untilMessages(peers, job, (all) => all.every(({ state }) => state === 'delivered'))
  t.strictSame(new Set(messages.map(({ state }) => state)), new Set(['delivered']))
  t.equal(messages.length, texts.length)
  return { phone, peers }
}

const TEXTS = [
  GSM7,
  PLAIN,
  ...WIDE,
  long(GSM7, 500),
  ...WIDE.map((text) => long(text, 300)),
  long('x', 160),
  long('y', 161),
]

const FORMS: [string, object][] = [
  ['udh', {}],
  ['udh16', { longMessages: 'udh16' }],
  ['sar', { longMessages: 'sar' }],
  ['payload', { longMessages: 'payload' }],
  ['data_coding 1', { gsm7DataCoding: 1 }],
  ['data_coding 0xF1', { gsm7DataCoding: 0xf1 }],
]

for (const [name, carrier] of FORMS) {
  t.test(`${name}: every text arrives as it was sent`, async (t) => {
    const { phone } = await sendTexts(t, carrier, TEXTS)
    for (const [n, text] of TEXTS.entries()) t.equal(phone.read(t, numberOf(0, n)), text, `text ${n}`)
    const first = phone.pieces.get(numberOf(0, 0).slice(1))![0]!
    t.equal(first.coding, (carrier as { gsm7DataCoding?: number }).gsm7DataCoding ?? 0)
    t.equal(phone.pieces.get(numberOf(0, 2).slice(1))![0]!.coding, 8)
    if (name !== 'payload') return
    t.ok(
      [...phone.pieces.values()].every((pieces) => pieces.length === 1),
      'a long text is one PDU',
    )
    t.ok(phone.pieces.get(numberOf(0, 10).slice(1))![0]!.pdu.message_payload, '161 characters go to message_payload')
  })
}

for (const alphabet of ['latin1', 'ascii'] as const) {
  t.test(`data_coding 0 as ${alphabet}`, async (t) => {
    const texts = [
      alphabet === 'latin1' ? LATIN1 : PLAIN,
      long(alphabet === 'latin1' ? LATIN1 : PLAIN, 300),
      GSM7,
      WIDE[0]!,
    ]
    // npm smpp knows one meaning of data_coding 0 for the whole process.
    const before = smpp.encodings.default
    smpp.encodings.default = 'LATIN1'
    t.teardown(() => {
      smpp.encodings.default = before
    })
    const { phone } = await sendTexts(t, { defaultAlphabet: alphabet }, texts)
    for (const [n, text] of texts.entries()) t.equal(phone.read(t, numberOf(0, n)), text, `text ${n}`)
    const codings = texts.map((_, n) => phone.pieces.get(numberOf(0, n).slice(1))![0]!.coding)
    t.strictSame(codings, [0, 0, 8, 8])
  })
}

t.test('languages that not every carrier of a route names are not used', async (t) => {
  const turkish = long('Sayın müşterimiz, siparişiniz bugün ulaşacaktır. ', 150)
  const phone = new Phone()
  const port = await startPeer(t, (session) => phone.listen(session))
  const peers = await startEngine(t, [
    { id: 'peer', port, nationalLanguages: ['turkish'] },
    { id: 'down', port: 1, nationalLanguages: ['hindi'] },
  ])
  const job = await startJob(peers, {}, [{ to: numberOf(0, 0), text: turkish }])
  const [message] = await untilMessages(peers, job, ([one]) => one?.state === 'delivered')
  t.match(message, { encoding: 'ucs2', parts: 3 })
  t.equal(phone.read(t, numberOf(0, 0)), turkish)
})

t.test('neighbours have different references, also towards one recipient', async (t) => {
  const phone = new Phone()
  const port = await startPeer(t, (session) => phone.listen(session))
  const peers = await startEngine(t, [{ id: 'peer', port, longMessages: 'udh16' }])
  const text = long('z', 400)
  const recipients = Array.from({ length: 100 }, () => ({ to: numberOf(0, 0), text }))
  const job = await startJob(peers, { deduplicate: false }, recipients)
  await untilMessages(peers, job, (all) => all.every(({ state }) => state === 'delivered'))
  const references = phone.pieces.get(numberOf(0, 0).slice(1))!.map(({ reference }) => reference)
  t.equal(references.length, 300)
  t.equal(new Set(references).size, 100)
})

t.test('a route whose carriers join parts differently cuts so that all of them can take it', async (t) => {
  const phone = new Phone()
  const port = await startPeer(t, (session) => phone.listen(session))
  const carriers = [
    { id: 'down', port: 1, longMessages: 'payload' },
    { id: 'peer', port, longMessages: 'udh' },
  ]
  const peers = await startEngine(t, carriers)
  const text = long(GSM7, 400)
  const job = await startJob(peers, {}, [{ to: numberOf(0, 0), text }])
  const [message] = await untilMessages(peers, job, ([one]) => one?.state === 'delivered')
  t.match(message, { state: 'delivered', parts: 4 })
  t.equal(phone.read(t, numberOf(0, 0)), text)
})

t.test('and the carrier that joins takes the parts as one, with one receipt', async (t) => {
  const phone = new Phone()
  const port = await startPeer(t, (session) => phone.listen(session))
  const carriers = [
    { id: 'down', port: 1, longMessages: 'udh16' },
    { id: 'peer', port, longMessages: 'payload' },
  ]
  const peers = await startEngine(t, carriers)
  const text = long(GSM7, 400)
  const job = await startJob(peers, {}, [{ to: numberOf(0, 0), text }])
  const [message] = await untilMessages(peers, job, ([one]) => one?.state === 'delivered')
  t.match(message, { state: 'delivered', parts: 4 })
  t.equal(phone.pieces.get(numberOf(0, 0).slice(1))!.length, 1, 'one PDU')
  t.equal(phone.read(t, numberOf(0, 0)), text)
})

const SENDERS: [string, object, object][] = [
  ['ACME', {}, { source_addr: 'ACME', source_addr_ton: 5, source_addr_npi: 0 }],
  ['60099', {}, { source_addr: '60099', source_addr_ton: 3, source_addr_npi: 0 }],
  ['+447700900123', {}, { source_addr: '447700900123', source_addr_ton: 1, source_addr_npi: 1 }],
  ['447700900123', {}, { source_addr: '447700900123', source_addr_ton: 1, source_addr_npi: 1 }],
  ['07700900123', {}, { source_addr: '07700900123', source_addr_ton: 2, source_addr_npi: 1 }],
  ['00447700900123', {}, { source_addr: '447700900123', source_addr_ton: 1, source_addr_npi: 1 }],
  ['ACME', { source: { ton: 0, npi: 9 } }, { source_addr: 'ACME', source_addr_ton: 0, source_addr_npi: 9 }],
  ['60099', { destination: { ton: 2, npi: 8 } }, { dest_addr_ton: 2, dest_addr_npi: 8 }],
  ['ACME', { receipts: { request: 'failure' } }, { registered_delivery: 2 }],
  ['ACME', { receipts: { request: 'none' } }, { registered_delivery: 0 }],
]

t.test('addresses, registered_delivery and the other fields are as configured', async (t) => {
  const seen = new Map<number, NpmPdu>()
  const binds: NpmPdu[] = []
  const carriers = await Promise.all(
    SENDERS.map(async ([, change], index) => {
      const port = await startPeer(t, (session) => {
        session.on('bind_transceiver', (pdu) => binds.push(pdu))
        session.on('submit_sm', (pdu) => {
          seen.set(index, pdu)
          session.send(pdu.response({ message_id: 'x' }))
        })
      })
      return { id: `c${index}`, port, systemType: 'VMA', ...change }
    }),
  )
  const routes = SENDERS.map((_, index) => ({ prefix: prefixOf(index), carriers: [`c${index}`] }))
  const peers = await startEngine(t, carriers, routes)
  for (const [index, [from]] of SENDERS.entries()) {
    const job = await startJob(peers, { from }, [{ to: numberOf(index, 0), text: 'hello' }])
    await untilMessages(peers, job, ([message]) => message?.state === 'sent')
  }
  const common = {
    service_type: '',
    protocol_id: 0,
    priority_flag: 0,
    schedule_delivery_time: '',
    validity_period: '',
    replace_if_present_flag: 0,
    sm_default_msg_id: 0,
    esm_class: 0,
  }
  for (const [index, [from, , fields]] of SENDERS.entries()) {
    const expected = { registered_delivery: 1, dest_addr_ton: 1, dest_addr_npi: 1, ...common, ...fields }
    t.match(seen.get(index), { ...expected, destination_addr: numberOf(index, 0).slice(1) }, `${from} by c${index}`)
  }
  t.match(binds[0], {
    system_id: 'trunk',
    password: 'secret',
    system_type: 'VMA',
    interface_version: 0x34,
    addr_ton: 0,
  })
})
