/**
 * 20,000 damaged PDUs and byte streams over real sockets, half against the engine's sessions, half against the simulator: nothing
 * throws, each connection answers or ends, and the next one works. Seeded; the seed is printed.
 */
import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import { silentLog } from '../src/engine/contract/log.js'
import { noMetrics } from '../src/engine/contract/metrics.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { COMMAND } from '../src/smpp/constants.js'
import { Framer } from '../src/smpp/framer.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { createSmppChannel } from '../src/smpp/smpp-channel.js'
import { listen, smpp } from './peer-support.js'
import { carrierConfig, outgoing, RecordingSink, seed } from './smpp-support.js'

const CASES = 10_000
/** Many, since a case that must be waited for costs a tenth of a second. */
const LANES = 50
const LENGTHS = [0, 1, 4, 15, 16, 17, 0x48545450, 0x7fffffff, 0xffffffff, 65_537]
const ENQUIRY = 0x7ffffff0
/** Long, for machines that are busy with other things; what does not come in this time does not come. */
const PATIENCE_MS = 15_000
const random = new Random(seed)
t.comment(`seed ${seed}`)

function encode(command: string, sequence: number, fields: object): Buffer {
  return new smpp.PDU(command, { sequence_number: sequence, ...fields }).toBuffer()
}

const RECEIPT = 'id:12AB sub:001 dlvrd:001 submit date:2611220900 done date:2611220901 stat:DELIVRD err:000 text:hi'

/** PDUs as either side may send them, under each of a few sequence numbers. */
const corpora = [1, 2, 3, 4, 5, 6].map((sequence) => corpus(sequence))

function corpus(sequence: number): Buffer[] {
  const pdu = (command: string, fields: object): Buffer => encode(command, sequence, fields)
  const addresses = { source_addr: '447710000001', destination_addr: '60099' }
  return [
    pdu('deliver_sm', {
      ...addresses,
      esm_class: 4,
      short_message: RECEIPT,
      receipted_message_id: '12AB',
      message_state: 2,
    }),
    pdu('deliver_sm', {
      ...addresses,
      esm_class: 0x40,
      short_message: { udh: Buffer.from([5, 0, 3, 1, 2, 1]), message: 'hi' },
    }),
    pdu('deliver_sm', { ...addresses, message_payload: 'x'.repeat(400) }),
    pdu('data_sm', {
      ...addresses,
      esm_class: 4,
      receipted_message_id: '12AB',
      network_error_code: Buffer.from([3, 0, 1]),
    }),
    pdu('submit_sm', { ...addresses, registered_delivery: 1, short_message: 'hello' }),
    pdu('submit_sm', { ...addresses, data_coding: 8, short_message: 'Καλημέρα' }),
    pdu('submit_sm_resp', { message_id: '12AB' }),
    pdu('submit_sm_resp', { command_status: 0x58 }),
    pdu('deliver_sm_resp', { message_id: '' }),
    pdu('bind_transceiver', { system_id: 'trunk', password: 'secret' }),
    pdu('bind_transceiver_resp', { system_id: 'smsc', sc_interface_version: 0x34 }),
    pdu('enquire_link', {}),
    pdu('enquire_link_resp', {}),
    pdu('generic_nack', { command_status: 3 }),
    pdu('query_sm', { message_id: '1', source_addr: '1' }),
    pdu('alert_notification', addresses),
    pdu('unbind_resp', {}),
    pdu('outbind', { system_id: 'a', password: 'b' }),
    Buffer.from('GET / HTTP/1.1\r\nHost: smsc\r\n\r\n'),
    Buffer.from('16030100c8010000c4030300', 'hex'),
  ]
}

const MUTATORS: ((bytes: Buffer) => Buffer)[] = [
  (bytes) => {
    for (let n = 0; n <= random.below(4); n++) bytes[random.below(bytes.length)] = random.below(256)
    return bytes
  },
  (bytes) => bytes.subarray(0, random.below(bytes.length + 1)),
  // Cut, with the length that it claims made right: fields end early.
  (bytes) => withLength(Buffer.from(bytes.subarray(0, 16 + random.below(Math.max(1, bytes.length - 15)))), 0),
  (bytes) => withLength(bytes, LENGTHS[random.below(LENGTHS.length)]!),
  (bytes) => {
    const at = random.below(bytes.length)
    const more = Buffer.from(Array.from({ length: 1 + random.below(40) }, () => random.below(256)))
    return withLength(Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]), 0)
  },
  (bytes) => bytes.fill(random.below(256), 16),
  (bytes) => bytes.fill(random.below(256), 4, 8),
  () => Buffer.from(Array.from({ length: random.below(300) }, () => random.below(256))),
]

/** 0: the true one. */
function withLength(bytes: Buffer, length: number): Buffer {
  if (bytes.length >= 4) bytes.writeUInt32BE(length === 0 ? bytes.length : length, 0)
  return bytes
}

function damaged(): Buffer {
  const pieces = Array.from({ length: 1 + random.below(3) }, () => {
    const all = corpora[random.below(corpora.length)]!
    const piece = Buffer.from(all[random.below(all.length)]!)
    return random.below(5) === 0 ? piece : MUTATORS[random.below(MUTATORS.length)]!(piece)
  })
  return Buffer.concat(pieces)
}

function header(command: number, sequence: number, length = 16): Buffer {
  const bytes = Buffer.alloc(16)
  for (const [at, value] of [length, command, 0, sequence].entries()) bytes.writeUInt32BE(value >>> 0, at * 4)
  return bytes
}

/**
 * Sends a damaged stream and then enquire_link. True: it was answered, and the connection can be used again; false: the
 * other side closed. When it rather waits for the rest of a long PDU, zeros must end that.
 */
async function attack(socket: Socket, bytes: Buffer): Promise<boolean> {
  socket.write(Buffer.concat([bytes, header(COMMAND.enquireLink, ENQUIRY)]))
  const first = await reaction(socket, 100)
  if (first !== null) return first
  socket.write(Buffer.alloc(70_000))
  const second = await reaction(socket, PATIENCE_MS)
  if (second === null) throw new Error(`neither answered nor closed after ${bytes.toString('hex')}`)
  return second
}

/** null: nothing within the time. */
function reaction(socket: Socket, patienceMs: number): Promise<boolean | null> {
  return new Promise((resolve) => {
    let seen = Buffer.alloc(0)
    const answer = header(COMMAND.enquireLinkResp, ENQUIRY)
    const onData = (chunk: Buffer): void => {
      seen = Buffer.concat([seen, chunk])
      if (seen.includes(answer)) settle(true)
    }
    const onClose = (): void => settle(false)
    const timer = setTimeout(() => settle(null), patienceMs)
    function settle(result: boolean | null): void {
      clearTimeout(timer)
      socket.off('data', onData).off('close', onClose)
      resolve(result)
    }
    socket.on('data', onData).on('close', onClose)
    if (socket.destroyed) settle(false)
  })
}

/** Attacks whatever connects, one case after another, until the lane has had its share; then it is a good carrier. */
class Attacker {
  left = CASES / LANES
  closed = 0
  answered = 0
  failure: unknown = null

  readonly onSocket = (socket: Socket): void => {
    socket.on('error', () => {})
    socket.once('data', (bytes: Buffer) => {
      socket.write(header(COMMAND.bindTransceiverResp, bytes.readUInt32BE(12)))
      this.#attack(socket).catch((error) => {
        this.failure = error
        this.left = 0
      })
    })
  }

  async #attack(socket: Socket): Promise<void> {
    while (this.left > 0) {
      this.left--
      if (!(await attack(socket, damaged()))) {
        this.closed++
        socket.destroy()
        return
      }
      this.answered++
    }
    const framer = new Framer((bytes, start) => {
      if (bytes.readUInt32BE(start + 4) !== COMMAND.submitSm) return
      socket.write(header(COMMAND.submitSmResp, bytes.readUInt32BE(start + 12)))
    })
    socket.on('data', (bytes: Buffer) => framer.push(bytes, bytes.length))
  }
}

async function lane(t: Test): Promise<Attacker> {
  const attacker = new Attacker()
  const port = await listen(t, createServer(attacker.onSocket))
  const sink = new RecordingSink()
  // A thousand times as fast, so that the waits between binds cost little.
  const clock = { now: () => Date.now(), monotonic: () => performance.now() * 1_000 }
  const deps = { sink, clock, random: new Random(seed), metrics: noMetrics, log: silentLog }
  const channel = createSmppChannel(
    carrierConfig({ port, responseTimeoutMs: 10_000_000, enquireLinkMs: 100_000_000 }),
    deps,
  )
  channel.start()
  t.teardown(() => channel.drain(0))
  let sent = 0
  const done = (): boolean => attacker.failure !== null || (attacker.left === 0 && sink.count(OUTCOME.accepted) > 0)
  for (let turn = 0; !done(); turn++) {
    channel.tick(clock.monotonic())
    if (attacker.left === 0 && sent === sink.settlements.length && channel.capacity(clock.monotonic()) > 0) {
      if (channel.send(outgoing(++sent, '447710000001', ['hello']), clock.monotonic())) channel.flush()
    }
    for (const { bind, session, sequence } of sink.receipts.splice(0))
      channel.acknowledge(bind, session, sequence, true)
    for (const { bind, session, sequence } of sink.inbounds.splice(0))
      channel.acknowledge(bind, session, sequence, true)
    channel.flush()
    await new Promise((resolve) => setTimeout(resolve, 1))
    if (turn > 600_000) throw new Error(`stuck with ${attacker.left} left`)
  }
  if (attacker.failure !== null) throw attacker.failure
  return attacker
}

t.test('the engine’s sessions bear it', async (t) => {
  const lanes = await Promise.all(Array.from({ length: LANES }, () => lane(t)))
  const closed = lanes.reduce((sum, each) => sum + each.closed, 0)
  const answered = lanes.reduce((sum, each) => sum + each.answered, 0)
  t.equal(closed + answered, CASES)
  t.ok(closed > 100 && answered > 100, `${closed} closed, ${answered} answered`)
})

function open(port: number, bound: boolean): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      if (bound) socket.write(encode('bind_transceiver', 1, { system_id: 'trunk', password: 'secret' }))
      resolve(socket)
    })
    socket.on('error', () => {})
    socket.on('data', () => {})
  })
}

async function attackSimulator(port: number, cases: number): Promise<number> {
  let socket = await open(port, true)
  let closed = 0
  for (let n = 0; n < cases; n++) {
    if (await attack(socket, damaged())) continue
    closed++
    socket.destroy()
    socket = await open(port, random.below(4) > 0)
  }
  socket.destroy()
  return closed
}

t.test('the simulator bears it', async (t) => {
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, faults: 'early=0.2' }, silentLog)
  const { port } = await smsc.listen()
  t.teardown(() => smsc.close())
  const closed = await Promise.all(Array.from({ length: LANES }, () => attackSimulator(port, CASES / LANES)))
  t.ok(closed.reduce((sum, each) => sum + each) > 100)
  t.ok(smsc.stats().protocolErrors > 100, 'and counts what it saw')
  const session = smpp.connect({ host: '127.0.0.1', port })
  t.teardown(() => session.destroy())
  const bound = await new Promise<{ command_status: number }>((resolve) => {
    session.bind_transceiver({ system_id: 'me', password: 'pw' }, resolve)
  })
  t.equal(bound.command_status, 0)
  const taken = await new Promise<{ command_status: number; message_id: string }>((resolve) => {
    session.submit_sm({ destination_addr: '447710000001', short_message: 'hello' }, resolve)
  })
  t.match(taken, { command_status: 0, message_id: /^\d+$/ })
})
