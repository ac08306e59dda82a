/**
 * Dialects of real carriers (design: carriers.md) against the whole engine, from row to final state. Each dialect is npm smpp as an
 * SMSC with a script; all of them run side by side behind one engine, told apart by route.
 */
import t, { type Test } from 'tap'
import type { MessageView } from '../src/engine/contract/api.js'
import type { StateName } from '../src/engine/contract/message.js'
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

const PER_DIALECT = 4
const TEXT_RECEIPT = 'sub:001 dlvrd:001 submit date:2611220900 done date:2611220901'
const DELIVERED = 2

interface Submit {
  session: NpmSession
  pdu: NpmPdu
  /** From 0, in order of arrival at this carrier. */
  n: number
  /** All sessions of this carrier so far. */
  sessions: NpmSession[]
}

interface Dialect {
  name: string
  carrier?: object
  submit(submit: Submit): void
  onSession?(session: NpmSession): void
  state: StateName
  reason?: string
  hold?: boolean
  text?: string
  /** Further promises about the messages once they have their state. */
  check?(messages: MessageView[]): string | null
}

/** A receipt goes from the recipient to the sender. */
function receipt(pdu: NpmPdu, fields: object): object {
  return { source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4, ...fields }
}
function accept({ session, pdu }: Submit, message_id: string): void {
  session.send(pdu.response({ message_id }))
}
function deliver({ session, pdu }: Submit, short_message: string, more: object = {}): void {
  session.deliver_sm(receipt(pdu, { short_message, ...more }))
}
/** Accepts under `id`, then a receipt with this text, in which % stands for the id. */
function textual(text: string, more: object = {}): (submit: Submit) => void {
  return (submit) => {
    const id = `AB${submit.n}77`
    accept(submit, id)
    deliver(submit, text.replace('%', id), more)
  }
}
/** Answers `times` submits of each recipient with this status, then accepts and delivers. */
function refusing(status: number, times: number, body: boolean): (submit: Submit) => void {
  const refused = new Map<string, number>()
  return (submit) => {
    const { session, pdu } = submit
    const before = refused.get(pdu.destination_addr) ?? 0
    refused.set(pdu.destination_addr, before + 1)
    if (before >= times) return textual(`id:% ${TEXT_RECEIPT} stat:DELIVRD err:000`)(submit)
    const answer = pdu.response({ command_status: status, message_id: '' })
    // npm smpp always writes a body; real carriers often leave it out.
    if (body) return session.send(answer)
    const bytes = answer.toBuffer().subarray(0, 16)
    bytes.writeUInt32BE(16, 0)
    session.socket.write(bytes)
  }
}

const rejectedWith = (status: number) => (messages: MessageView[]) =>
  messages.every(({ history }) => history.some((entry) => entry.event === 'rejected' && entry.status === status))
    ? null
    : `the status ${status} is in the history`

const DIALECTS: Dialect[] = [
  { name: 'text alone', submit: textual(`id:% ${TEXT_RECEIPT} stat:DELIVRD err:000 text:hello`), state: 'delivered' },
  {
    name: 'parameters alone',
    state: 'delivered',
    submit(submit) {
      accept(submit, `tlv-${submit.n}`)
      submit.session.deliver_sm(
        receipt(submit.pdu, { receipted_message_id: `tlv-${submit.n}`, message_state: DELIVERED }),
      )
    },
  },
  {
    name: 'both, and the state only in the text',
    state: 'undelivered',
    reason: 'RECEIPT_UNDELIVERED',
    submit(submit) {
      accept(submit, `both-${submit.n}`)
      deliver(submit, `id:other ${TEXT_RECEIPT} stat:UNDELIV err:069`, { receipted_message_id: `both-${submit.n}` })
    },
    check: (messages) =>
      messages.every(({ history }) => history.at(-1)?.error === '069') ? null : 'the error of the receipt is shown',
  },
  {
    name: 'response hex, receipt decimal (decToHex)',
    carrier: { receipts: { idFormat: 'decToHex' } },
    state: 'delivered',
    submit(submit) {
      const id = 0xa1b2c3d4e5f60n + BigInt(submit.n)
      accept(submit, id.toString(16).toUpperCase().padStart(20, '0'))
      deliver(submit, `id:${id} ${TEXT_RECEIPT} stat:DELIVRD err:000`)
    },
  },
  {
    name: 'response decimal, receipt hex (hexToDec)',
    carrier: { receipts: { idFormat: 'hexToDec' } },
    state: 'delivered',
    submit(submit) {
      const id = 0xffffffffffff00n + BigInt(submit.n)
      accept(submit, String(id))
      deliver(submit, `id:${id.toString(16)} ${TEXT_RECEIPT} stat:DELIVRD err:000`)
    },
  },
  {
    name: 'response hex, receipt decimal, said the other way round (hexToDec)',
    carrier: { receipts: { idFormat: 'hexToDec' } },
    state: 'delivered',
    submit(submit) {
      const id = 0xabcdef0 + submit.n
      accept(submit, id.toString(16))
      deliver(submit, `id:${String(id).padStart(10, '0')} ${TEXT_RECEIPT} stat:DELIVRD err:000`)
    },
  },
  {
    name: 'case and leading zeros differ',
    state: 'delivered',
    submit(submit) {
      accept(submit, `0000${submit.n}ABCDEF`)
      deliver(submit, `id:${submit.n}abcdef ${TEXT_RECEIPT} stat:DELIVRD err:000`)
    },
  },
  {
    name: 'receipt before the response',
    state: 'delivered',
    submit(submit) {
      deliver(submit, `id:early${submit.n} ${TEXT_RECEIPT} stat:DELIVRD err:000`)
      setTimeout(() => accept(submit, `early${submit.n}`), 150)
    },
  },
  {
    name: 'receipts on another bind',
    carrier: { binds: 2 },
    state: 'delivered',
    submit(submit) {
      accept(submit, `cross${submit.n}`)
      const other = submit.sessions.find((session) => session !== submit.session) ?? submit.session
      other.deliver_sm(receipt(submit.pdu, { short_message: `id:cross${submit.n} ${TEXT_RECEIPT} stat:DELIVRD err:0` }))
    },
  },
  {
    name: 'receipts by data_sm',
    state: 'delivered',
    submit(submit) {
      accept(submit, `data${submit.n}`)
      submit.session.data_sm(receipt(submit.pdu, { receipted_message_id: `data${submit.n}`, message_state: DELIVERED }))
    },
  },
  {
    name: 'receipts by data_sm, text in message_payload',
    state: 'delivered',
    submit(submit) {
      accept(submit, `dp${submit.n}`)
      const message_payload = `id:dp${submit.n} ${TEXT_RECEIPT} stat:DELIVRD err:000`
      submit.session.data_sm(receipt(submit.pdu, { message_payload, data_coding: 0 }))
    },
  },
  {
    name: 'intermediate states, then delivered, then everything twice and a contradiction',
    state: 'delivered',
    submit(submit) {
      accept(submit, `many${submit.n}`)
      for (const stat of ['ENROUTE', 'ACCEPTD', 'ACKED', 'BUFFRED', 'DELIVRD', 'DELIVRD', 'ENROUTE', 'UNDELIV']) {
        deliver(submit, `id:many${submit.n} ${TEXT_RECEIPT} stat:${stat} err:000`)
      }
    },
  },
  {
    name: 'intermediate notification by esm_class 0x20',
    state: 'sent',
    submit: textual(`id:% ${TEXT_RECEIPT} stat:UNDELIV err:000`, { esm_class: 0x20 }),
  },
  {
    name: 'EXPIRED',
    state: 'expired',
    reason: 'RECEIPT_EXPIRED',
    submit: textual(`id:% ${TEXT_RECEIPT} stat:EXPIRED err:1`),
  },
  {
    name: 'REJECTD',
    state: 'failed',
    reason: 'RECEIPT_REJECTED',
    submit: textual(`id:% ${TEXT_RECEIPT} stat:REJECTD err:X1`),
  },
  {
    name: 'DELETED',
    state: 'undelivered',
    reason: 'RECEIPT_UNDELIVERED',
    submit: textual(`id:% ${TEXT_RECEIPT} stat:DELETED err:000`),
  },
  { name: 'a stat nobody knows', state: 'sent', submit: textual(`id:% ${TEXT_RECEIPT} stat:WHATEVR err:000`) },
  { name: 'missing fields', state: 'delivered', submit: textual('id:% stat:DELIVRD') },
  {
    name: 'lower case, doubled spaces, other order',
    state: 'delivered',
    submit: textual('err: 0  STAT: delivered  Id: %'),
  },
  {
    name: 'esm_class 0',
    state: 'delivered',
    submit: textual(`id:% ${TEXT_RECEIPT} stat:DELIVRD err:000 text:`, { esm_class: 0 }),
  },
  {
    name: 'esm_class 0 without dates',
    state: 'delivered',
    submit: textual('id:% sub:001 dlvrd:001 stat:DELIVRD err:000', { esm_class: 0 }),
  },
  {
    name: 'a forged id in the text',
    state: 'delivered',
    submit: textual(`id:% ${TEXT_RECEIPT} stat:DELIVRD err:000 text:id:AB077 stat:UNDELIV`),
  },
  { name: 'no message_id', state: 'sent', submit: (submit) => accept(submit, '') },
  {
    name: 'refused for good, with a body',
    state: 'failed',
    reason: 'CARRIER_REJECTED',
    submit: refusing(0x0b, 99, true),
    check: rejectedWith(0x0b),
  },
  {
    name: 'refused for good, without a body',
    state: 'failed',
    reason: 'CARRIER_REJECTED',
    submit: refusing(0x0b, 99, false),
    check: rejectedWith(0x0b),
  },
  { name: 'ESME_RTHROTTLED four times each', state: 'delivered', submit: refusing(0x58, 4, false) },
  { name: 'ESME_RMSGQFUL twice each', state: 'delivered', submit: refusing(0x14, 2, true) },
  { name: 'ESME_RSYSERR once each', state: 'delivered', submit: refusing(0x08, 1, true) },
  {
    name: 'no response, resent',
    carrier: { responseTimeoutMs: 400 },
    state: 'delivered',
    submit(submit) {
      if (submit.n < PER_DIALECT) return
      textual(`id:% ${TEXT_RECEIPT} stat:DELIVRD err:000`)(submit)
    },
    check: (messages) =>
      messages.every(({ history }) => history.some(({ event }) => event === 'unanswered')) ? null : 'it was unanswered',
  },
  {
    name: 'no response, held',
    carrier: { responseTimeoutMs: 400 },
    hold: true,
    state: 'unknown',
    reason: 'UNANSWERED',
    submit() {},
  },
  {
    name: 'generic_nack',
    state: 'failed',
    reason: 'CARRIER_REJECTED',
    submit: ({ session, pdu }) =>
      session.send(new smpp.PDU('generic_nack', { command_status: 0x03, sequence_number: pdu.sequence_number })),
    check: rejectedWith(0x03),
  },
  {
    name: 'the connection is closed after each second answer',
    state: 'delivered',
    submit(submit) {
      textual(`id:% ${TEXT_RECEIPT} stat:DELIVRD err:000`)(submit)
      if (submit.n < 4 && submit.n % 2 === 1) submit.session.socket.end()
    },
  },
  {
    name: 'unbind by the carrier',
    state: 'delivered',
    submit(submit) {
      // What comes on the old session behind the unbind is not served any more.
      if (submit.n >= 2 && submit.session === submit.sessions[0]) return
      textual(`id:% ${TEXT_RECEIPT} stat:DELIVRD err:000`)(submit)
      if (submit.n === 1) submit.session.unbind(() => submit.session.socket.end())
    },
  },
  {
    name: 'enquire_link before the bind',
    state: 'delivered',
    onSession: (session) => session.enquire_link(() => {}),
    submit: textual(`id:% ${TEXT_RECEIPT} stat:DELIVRD err:000`),
  },
  {
    name: 'a message of four parts, a receipt each',
    text: 'x'.repeat(600),
    state: 'delivered',
    submit: textual(`id:% ${TEXT_RECEIPT} stat:DELIVRD err:000`),
  },
  {
    name: 'a message of four parts, one id and one receipt for all',
    text: 'x'.repeat(600),
    state: 'delivered',
    submit(submit) {
      const id = `one${submit.pdu.destination_addr}`
      accept(submit, id)
      const last = submit.pdu.short_message.udh![0]![4] === 4
      if (last) deliver(submit, `id:${id} ${TEXT_RECEIPT} stat:DELIVRD err:000`)
    },
  },
  {
    name: 'one id for four parts, its receipt before the first response',
    text: 'y'.repeat(600),
    state: 'delivered',
    submit(submit) {
      const id = `pre${submit.pdu.destination_addr}`
      const first = submit.pdu.short_message.udh![0]![4] === 1
      if (first) deliver(submit, `id:${id} ${TEXT_RECEIPT} stat:DELIVRD err:000`)
      setTimeout(() => accept(submit, id), 50)
    },
  },
  {
    name: 'message_payload, one receipt',
    carrier: { longMessages: 'payload' },
    text: 'z'.repeat(600),
    state: 'delivered',
    submit: textual(`id:% ${TEXT_RECEIPT} stat:DELIVRD err:000`),
  },
]

function carrierOf(t: Test, dialect: Dialect, index: number): Promise<object> {
  const sessions: NpmSession[] = []
  let n = 0
  return startPeer(t, (session) => {
    sessions.push(session)
    session.on('submit_sm', (pdu) => dialect.submit({ session, pdu, n: n++, sessions }))
    dialect.onSession?.(session)
  }).then((port) => ({ id: `c${index}`, port, ...dialect.carrier }))
}

t.test('dialects', async (t) => {
  const carriers = await Promise.all(DIALECTS.map((dialect, index) => carrierOf(t, dialect, index)))
  const routes = DIALECTS.map((_, index) => ({ prefix: prefixOf(index), carriers: [`c${index}`] }))
  const peers = await startEngine(t, carriers, routes)
  await Promise.all(DIALECTS.map((dialect, index) => run(t, peers, dialect, index)))
})

async function run(t: Test, peers: Peers, dialect: Dialect, index: number): Promise<void> {
  const recipients = Array.from({ length: PER_DIALECT }, (_, n) => ({
    to: numberOf(index, n),
    text: dialect.text ?? `message ${n}`,
  }))
  const job = await startJob(peers, { onUnanswered: dialect.hold === true ? 'hold' : 'resend' }, recipients)
  const messages = await untilMessages(peers, job, (seen) => seen.every(({ state }) => state === dialect.state))
  const states = messages.map(({ state, reason }) => `${state} ${reason ?? ''}`.trimEnd())
  const expected = `${dialect.state} ${dialect.reason ?? ''}`.trimEnd()
  t.strictSame(states, Array(PER_DIALECT).fill(expected), dialect.name)
  t.equal(dialect.check?.(messages) ?? null, null, dialect.name)
}
