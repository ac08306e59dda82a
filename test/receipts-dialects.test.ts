/**
 * One promise a quirk of carriers.md 1 to 33: raw PDUs of test/fixtures/receipts against the whole engine over sockets. Each fixture
 * is a carrier of its own; all run side by side.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { MessageView } from '../src/engine/contract/api.js'
import { cStringEnd, newMessagePdu, readMessagePdu } from '../src/smpp/decode.js'
import { Framer } from '../src/smpp/framer.js'
import { listen, metric, numberOf, prefixOf, startEngine, startJob, untilMessages } from './peer-support.js'

interface Fixture {
  quirk: number
  title: string
  carrier: { binds?: number }
  messages: { ids: string[]; state: string; error?: string; carrierTime?: string; text?: string }[]
  receipts: { text: string; pdu: string }[]
  /** Receipts go out after the last response, before the first one, or on the bind that did not submit. */
  when?: 'before' | 'otherBind'
  /** Each receipt waits for the answer to the one before. */
  inOrder?: boolean
  learned?: string
  unmatched?: number
  unrecognised?: number
}

/** A busy machine takes its time. */
const timeout = 580_000
t.setTimeout(timeout)

const folder = new URL('../../test/fixtures/receipts/', import.meta.url)
const fixtures = readdirSync(folder)
  .sort()
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Fixture)
const COMMAND = { submit: 0x04, deliverResp: 0x80000005, dataResp: 0x80000103, enquire: 0x15, unbind: 0x06 }

function pdu(command: number, status: number, sequence: number, body = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(16 + body.length)
  bytes.writeUInt32BE(bytes.length, 0)
  bytes.writeUInt32BE(command, 4)
  bytes.writeUInt32BE(status, 8)
  bytes.writeUInt32BE(sequence, 12)
  body.copy(bytes, 16)
  return bytes
}

/** The SMSC of one fixture: written by hand, so that our own encoder proves nothing about itself. */
class Carrier {
  readonly fixture: Fixture
  /** command_status of the answers to its receipts, by sequence number. */
  readonly answers = new Map<number, number>()
  readonly commands = new Set<number>()
  readonly #bound: Socket[] = []
  readonly #waiting: { socket: Socket; sequence: number; id: string }[] = []
  readonly #parts = new Map<string, number>()
  #next = 0

  constructor(fixture: Fixture) {
    this.fixture = fixture
  }

  get #submits(): number {
    return this.fixture.messages.reduce((sum, { ids }) => sum + ids.length, 0)
  }

  accept(socket: Socket): void {
    const framer = new Framer((bytes, start, end) => this.#onPdu(socket, Buffer.from(bytes.subarray(start, end))))
    socket.on('data', (chunk: Buffer) => framer.push(chunk, chunk.length))
    socket.on('error', () => socket.destroy())
  }

  #onPdu(socket: Socket, bytes: Buffer): void {
    const command = bytes.readUInt32BE(4)
    const sequence = bytes.readUInt32BE(12)
    this.commands.add(command)
    if (command === 0x09) {
      socket.write(pdu(0x80000009, 0, sequence, Buffer.from('smsc\0')))
      this.#bound.push(socket)
    } else if (command === COMMAND.enquire || command === COMMAND.unbind) {
      socket.write(pdu((command | 0x80000000) >>> 0, 0, sequence))
    } else if (command === COMMAND.submit) this.#onSubmit(socket, bytes, sequence)
    else if (command === COMMAND.deliverResp || command === COMMAND.dataResp) {
      this.answers.set(sequence, bytes.readUInt32BE(8))
      if (this.fixture.inOrder === true) this.#deliverNext(socket)
    }
  }

  /** Which message it is shows in the last four digits of its number. */
  #onSubmit(socket: Socket, bytes: Buffer, sequence: number): void {
    const fields = newMessagePdu()
    readMessagePdu(bytes, 0, bytes.length, fields)
    const { start } = fields.destination
    const number = bytes.latin1Slice(start, cStringEnd(bytes, start, bytes.length))
    const part = this.#parts.get(number) ?? 0
    this.#parts.set(number, part + 1)
    const id = this.fixture.messages[Number(number.slice(-4))]!.ids[part]!
    this.#waiting.push({ socket, sequence, id })
    if (this.#waiting.length === this.#submits) this.#answerAll()
  }

  #answerAll(): void {
    const { when, inOrder } = this.fixture
    const receiver = when === 'otherBind' ? this.#bound.find((one) => one !== this.#waiting[0]!.socket) : null
    if (when === 'before') this.#deliverAll(this.#waiting[0]!.socket)
    for (const { socket, sequence, id } of this.#waiting) {
      socket.write(pdu(0x80000004, 0, sequence, Buffer.from(`${id}\0`, 'latin1')))
    }
    if (inOrder === true) this.#deliverNext(this.#waiting[0]!.socket)
    else if (when !== 'before') this.#deliverAll(receiver ?? this.#waiting[0]!.socket)
  }

  #deliverAll(socket: Socket): void {
    while (this.#next < this.fixture.receipts.length) this.#deliverNext(socket)
  }

  #deliverNext(socket: Socket): void {
    const receipt = this.fixture.receipts[this.#next]
    if (receipt === undefined) return
    const bytes = Buffer.from(receipt.pdu, 'hex')
    bytes.writeUInt32BE(++this.#next, 12)
    socket.write(bytes)
  }
}

async function start(t: Test, fixture: Fixture): Promise<{ carrier: Carrier; port: number }> {
  const carrier = new Carrier(fixture)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    carrier.accept(socket)
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  return { carrier, port: await listen(t, server) }
}

function isAsExpected(fixture: Fixture, messages: MessageView[]): boolean {
  const byNumber = new Map(messages.map((message) => [message.to, message]))
  return fixture.messages.every(({ state, error, carrierTime }, n) => {
    const message = byNumber.get(numberOf(fixture.quirk, n))
    const last = message?.history.at(-1)
    if (message?.state !== state || (error !== undefined && last?.error !== error)) return false
    return carrierTime === undefined || last?.carrierTime === carrierTime
  })
}

t.test('receipts in all dialects', { timeout }, async (t) => {
  const carriers = await Promise.all(fixtures.map((fixture) => start(t, fixture)))
  const id = ({ quirk }: Fixture): string => `quirk-${quirk}`
  const engine = await startEngine(
    t,
    carriers.map(({ carrier: { fixture }, port }) => ({ id: id(fixture), port, ...fixture.carrier })),
    fixtures.map((fixture) => ({ prefix: prefixOf(fixture.quirk), carriers: [id(fixture)] })),
  )
  const recipients = fixtures.flatMap(({ quirk, messages }) =>
    messages.map(({ text = 'Hello' }, n) => ({ to: numberOf(quirk, n), text })),
  )
  const job = await startJob(engine, {}, recipients)
  const answered = (): boolean =>
    carriers.every(({ carrier }) => carrier.answers.size === carrier.fixture.receipts.length)
  const messages = await untilMessages(
    engine,
    job,
    (all) => answered() && fixtures.every((fixture) => isAsExpected(fixture, all)),
    120,
  )
  const views = await engine.server.engine.carriers()
  for (const { carrier } of carriers) {
    const { fixture, answers } = carrier
    await t.test(`${fixture.quirk}. ${fixture.title}`, async (t) => {
      const own = fixture.messages.map((_, n) => messages.find(({ to }) => to === numberOf(fixture.quirk, n)))
      t.match(
        own,
        fixture.messages.map(({ state }) => ({ state })),
        'each message has the state that its receipts say',
      )
      t.ok(isAsExpected(fixture, messages), 'with error and time')
      t.equal(answers.size, fixture.receipts.length, 'each PDU is answered')
      t.strictSame(new Set(answers.values()), new Set([0]), 'with ESME_ROK')
      t.notOk(carrier.commands.has(0x21), 'submit_multi is not used')
      const { receipts } = views.find((view) => view.id === id(fixture))!
      t.equal(receipts?.unmatched, fixture.unmatched ?? 0, 'what matches nothing is parked')
      if (fixture.learned !== undefined) {
        t.match(receipts, { idFormat: fixture.learned, configured: 'auto' }, 'the form of ids was found out')
        t.ok(receipts!.evidence.fitted >= 3, 'by several receipts')
      }
      const strange = await metric(engine, 'trunkline_receipts_unrecognised_total', { carrier: id(fixture) })
      t.equal(strange, fixture.unrecognised ?? 0, 'what nobody understands is counted')
    })
  }
})
