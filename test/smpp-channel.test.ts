/** The channel against npm smpp in both roles, and against a raw peer that does what no library would. */
import { createServer, type Server, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { COMMAND } from '../src/smpp/constants.js'
import { readUint32 } from '../src/smpp/decode.js'
import { Framer } from '../src/smpp/framer.js'
import { carrierConfig, type Harness, outgoing, RecordingSink, seed, startChannel } from './smpp-support.js'

/** The little that is used of npm smpp, which has no types of its own. */
interface NpmPdu {
  [field: string]: unknown
  command_status: number
  message_id: string
  short_message: { message: string | Buffer }
  response(fields?: object): NpmPdu
  toBuffer(): Buffer
}
interface NpmSession {
  on(event: string, listener: (pdu: NpmPdu) => void): void
  send(pdu: NpmPdu): void
  deliver_sm(fields: object, answered: (pdu: NpmPdu) => void): void
  data_sm(fields: object, answered: (pdu: NpmPdu) => void): void
  enquire_link(answered: (pdu: NpmPdu) => void): void
  unbind(answered: (pdu: NpmPdu) => void): void
  destroy(): void
}
interface NpmSmpp {
  createServer(options: object, onSession: (session: NpmSession) => void): Server
  PDU: new (command: string, fields?: object) => NpmPdu
}
const { default: smpp } = (await import('smpp' as string)) as { default: NpmSmpp }

t.comment(`seed ${seed}`)

async function listen(t: Test, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as { port: number }).port
}

/** npm smpp as the carrier; `onSession` adds what the test wants beside the bind. */
function npmCarrier(t: Test, onSession: (session: NpmSession) => void): Promise<number> {
  const server = smpp.createServer({}, (session) => {
    session.on('error', () => {})
    for (const bind of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
      session.on(bind, (pdu) => session.send(pdu.response()))
    }
    session.on('unbind', (pdu) => session.send(pdu.response()))
    session.on('enquire_link', (pdu) => session.send(pdu.response()))
    onSession(session)
  })
  return listen(t, server)
}

/** A raw carrier: `onPdu` gets command, sequence and a way to answer with any octets. Binds are answered. */
function rawCarrier(
  t: Test,
  onPdu: (pdu: { command: number; sequence: number; bytes: Buffer }, socket: Socket) => void,
): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    const framer = new Framer((bytes, start, end) => {
      const command = readUint32(bytes, start + 4)
      const sequence = readUint32(bytes, start + 12)
      if (command === COMMAND.bindTransceiver) socket.write(pduOf(COMMAND.bindTransceiverResp, 0, sequence, 'raw\0'))
      else if (command === COMMAND.unbind) socket.end(pduOf(COMMAND.unbindResp, 0, sequence))
      else onPdu({ command, sequence, bytes: Buffer.from(bytes.subarray(start, end)) }, socket)
    })
    socket.on('data', (chunk: Buffer) => framer.push(chunk, chunk.length))
  })
  return listen(t, server)
}

function pduOf(command: number, status: number, sequence: number, body: string | Buffer = ''): Buffer {
  const tail = Buffer.from(body as string, 'latin1')
  const head = Buffer.alloc(16)
  for (const [index, value] of [16 + tail.length, command, status, sequence].entries()) {
    head.writeUInt32BE(value >>> 0, index * 4)
  }
  return Buffer.concat([head, tail])
}

function start(
  t: Test,
  change: Parameters<typeof carrierConfig>[0],
  extra: Parameters<typeof startChannel>[2] = {},
): Harness<RecordingSink> {
  const harness = startChannel(carrierConfig(change), new RecordingSink(), extra)
  t.teardown(() => harness.channel.drain(0))
  return harness
}

/** Sends `count` messages of one part and waits until `settled` parts are settled. */
async function sendMany(harness: Harness<RecordingSink>, count: number, settled = count): Promise<void> {
  let next = 1
  await harness.run(
    () => (next > count ? null : outgoing(next++, `4477${10_000_000 + next}`, [`text ${next}`])),
    () => {
      harness.channel.durable(0, harness.sink.settlements.length)
      return harness.sink.settlements.length >= settled
    },
  )
}

t.test(
  'messages are accepted with their ids, receipts by text and by parameter come back and are answered',
  async (t) => {
    const answered: number[] = []
    const port = await npmCarrier(t, (session) => {
      let id = 0x1ab
      session.on('submit_sm', (pdu) => {
        const message_id = (id++).toString(16).toUpperCase()
        session.send(pdu.response({ message_id }))
        const receipt = { source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4 }
        const text = `id:${message_id} sub:001 dlvrd:001 submit date:2611220900 done date:2611220900 stat:DELIVRD err:000 text:`
        const byText = { ...receipt, short_message: text }
        const byTlv = { ...receipt, receipted_message_id: message_id.toLowerCase(), message_state: 5 }
        session.deliver_sm(id % 2 === 0 ? byText : byTlv, (pdu) => answered.push(pdu.command_status))
      })
    })
    const harness = start(t, { port })
    const { sink, channel } = harness
    await sendMany(harness, 200)
    await harness.until(() => sink.receipts.length === 200)
    t.strictSame(new Set(sink.settlements.map(({ code }) => code)), new Set([OUTCOME.accepted]))
    const ids = new Set(sink.settlements.map(({ id }) => id.toLowerCase()))
    t.equal(ids.size, 200)
    t.ok(
      sink.receipts.every(({ id }) => ids.has(id.toLowerCase())),
      'each receipt has the id of a response',
    )
    t.equal(sink.receipts.filter(({ code }) => code === OUTCOME.delivered).length, 100)
    t.equal(sink.receipts.filter(({ code }) => code === OUTCOME.undelivered).length, 100)
    t.equal(answered.length, 0, 'no receipt is answered before it is acknowledged')
    for (const [n, { bind, session, sequence }] of sink.receipts.entries()) {
      channel.acknowledge(bind, session, sequence, n >= 10)
    }
    await harness.until(() => answered.length === 200)
    t.equal(answered.filter((status) => status === 0x64).length, 10, 'what could not be stored is refused for now')
  },
)

t.test('a subscriber’s message and a data_sm receipt reach the sink', async (t) => {
  const answers: string[] = []
  const port = await npmCarrier(t, (session) => {
    session.on('enquire_link_resp', () => {})
    session.on('bind_transceiver', () => {
      setImmediate(() => {
        session.deliver_sm({ source_addr: '4477', destination_addr: '60099', short_message: 'STOP' }, (pdu) =>
          answers.push(String(pdu.command)),
        )
        session.data_sm({ esm_class: 4, receipted_message_id: 'A7', message_state: 2 }, (pdu) =>
          answers.push(String(pdu.command)),
        )
        session.enquire_link((pdu) => answers.push(String(pdu.command)))
      })
    })
  })
  const harness = start(t, { port })
  const { sink, channel } = harness
  await harness.until(() => sink.inbounds.length === 1 && sink.receipts.length === 1)
  t.match(sink.inbounds[0], { from: '4477', to: '60099', payload: Buffer.from('STOP') })
  t.match(sink.receipts[0], { id: 'A7', code: OUTCOME.delivered })
  for (const { bind, session, sequence } of [...sink.inbounds, ...sink.receipts]) {
    channel.acknowledge(bind, session, sequence, true)
  }
  await harness.until(() => answers.length === 3)
  t.strictSame(answers.sort(), ['data_sm_resp', 'deliver_sm_resp', 'enquire_link_resp'])
})

t.test('a transmitter and receiver pair sends on one and hears on the other', async (t) => {
  const receivers: NpmSession[] = []
  let answered = 0
  const port = await npmCarrier(t, (session) => {
    session.on('bind_receiver', () => receivers.push(session))
    session.on('submit_sm', (pdu) => {
      session.send(pdu.response({ message_id: '5' }))
      receivers[0]!.deliver_sm({ esm_class: 4, receipted_message_id: '5', message_state: 2 }, () => answered++)
    })
  })
  const harness = start(t, { port, bindType: 'transmitter+receiver' })
  await harness.until(() => harness.channel.view().binds[0]!.state === 'bound')
  await sendMany(harness, 1)
  await harness.until(() => harness.sink.receipts.length === 1)
  const { bind, session, sequence } = harness.sink.receipts[0]!
  harness.channel.acknowledge(bind, session, sequence, true)
  await harness.until(() => answered === 1)
  t.pass('the answer went to the receiver')
})

t.test('refusals settle by their status, with and without a body', async (t) => {
  const statuses = [0x0b, 0x08, 0x45, 0x4ff, 0x12345]
  const port = await rawCarrier(t, ({ command, sequence }, socket) => {
    if (command !== COMMAND.submitSm) return
    const status = statuses[(sequence - 2) % statuses.length]!
    socket.write(pduOf(COMMAND.submitSmResp, status, sequence, sequence % 2 === 0 ? '' : '\0'))
  })
  const harness = start(t, { port, window: 5 })
  await sendMany(harness, 5)
  const { rejected, unavailable, throttled } = OUTCOME
  t.strictSame(
    harness.sink.settlements.map(({ code, status, id }) => ({ code, status, id })),
    [rejected, unavailable, unavailable, throttled, rejected].map((code, n) => ({ code, status: statuses[n], id: '' })),
  )
  await harness.until(() => harness.channel.view().rateNowPerSecond !== null)
  t.match(harness.channel.view().actions, [{ action: 'throttled' }], 'a throttled answer slows the carrier')
})

t.test('generic_nack, doubled and foreign responses: each part settles exactly once', async (t) => {
  const counted = new Map<string, number>()
  const metrics = {
    counter: (_name: string, labels: Record<string, string> = {}) => ({
      add: (count: number) => counted.set(labels.status!, (counted.get(labels.status!) ?? 0) + count),
    }),
    gauge: () => ({ set() {} }),
    histogram: () => ({ observe() {} }),
  }
  const port = await rawCarrier(t, ({ command, sequence }, socket) => {
    if (command !== COMMAND.submitSm) return
    socket.write(pduOf(COMMAND.submitSmResp, 0, sequence + 5000, 'x\0'))
    if (sequence % 3 === 0) socket.write(pduOf(COMMAND.genericNack, 0x0b, sequence))
    socket.write(pduOf(COMMAND.submitSmResp, 0, sequence, ''))
    socket.write(pduOf(COMMAND.submitSmResp, 0x0b, sequence))
  })
  const harness = start(t, { port }, { metrics })
  await sendMany(harness, 90)
  await harness.until(() => (counted.get('unmatched') ?? 0) === 90 * 2 + 30)
  t.equal(new Set(harness.sink.settlements.map(({ ref }) => ref)).size, 90)
  t.equal(harness.sink.settlements.length, 90)
  t.equal(harness.sink.count(OUTCOME.rejected), 30)
  t.ok(
    harness.sink.settlements.every(({ id }) => id === ''),
    'an accepted part without an id stays accepted',
  )
})

t.test(
  'what is not answered in time is unanswered, its slot is free, and a late answer marks nobody else',
  async (t) => {
    const late: { sequence: number; socket: Socket }[] = []
    const port = await rawCarrier(t, ({ command, sequence }, socket) => {
      if (command !== COMMAND.submitSm) return
      if (sequence % 2 === 0) late.push({ sequence, socket })
      else socket.write(pduOf(COMMAND.submitSmResp, 0, sequence, `${sequence}\0`))
    })
    const harness = start(t, { port, window: 4, responseTimeoutMs: 150 })
    await sendMany(harness, 8)
    t.equal(harness.sink.count(OUTCOME.unanswered), 4)
    for (const { sequence, socket } of late) socket.write(pduOf(COMMAND.submitSmResp, 0, sequence, 'late\0'))
    harness.sink.settlements.length = 0
    await sendMany(harness, 2, 1)
    t.equal(harness.sink.settlements.filter(({ id }) => id === 'late').length, 0)
  },
)

t.test('a connection that dies with a full window settles each part once: written is unanswered', async (t) => {
  let submits = 0
  const port = await rawCarrier(t, ({ command, sequence }, socket) => {
    if (command !== COMMAND.submitSm) return
    if (++submits === 60) socket.resetAndDestroy()
    else if (submits < 30) socket.write(pduOf(COMMAND.submitSmResp, 0, sequence, `${sequence}\0`))
    else if (submits > 60) socket.write(pduOf(COMMAND.submitSmResp, 0, sequence, `${sequence}\0`))
  })
  const harness = start(t, { port, window: 40 })
  await sendMany(harness, 100)
  const seen = harness.sink.settlements.map(({ ref }) => ref)
  t.equal(new Set(seen).size, 100, 'each once')
  t.equal(seen.length, 100)
  const unanswered = harness.sink.count(OUTCOME.unanswered)
  t.ok(unanswered >= 31 && unanswered <= 40, `${unanswered} unanswered, at most the window`)
  t.equal(harness.sink.count(OUTCOME.accepted) + unanswered + harness.sink.count(OUTCOME.notSent), 100)
})

t.test('a message of five parts waits for room on its bind, in order, and other messages wait behind it', async (t) => {
  const seen: string[] = []
  const waiting: (() => void)[] = []
  const port = await npmCarrier(t, (session) => {
    session.on('submit_sm', (pdu) => {
      seen.push(pdu.short_message.message.toString())
      waiting.push(() => session.send(pdu.response({ message_id: String(seen.length) })))
    })
  })
  const harness = start(t, { port, window: 2, unsettledCap: 1 })
  const { sink, channel } = harness
  await harness.until(() => channel.up)
  const message = outgoing(9, '447700900001', ['p0', 'p1', 'p2', 'p3', 'p4'], { partsAccepted: 0b00010 })
  t.ok(channel.send(message, performance.now()))
  message.bytes.fill(0x21)
  t.equal(channel.capacity(performance.now()), 0)
  t.notOk(channel.send(outgoing(10, '447700900002', ['other']), performance.now()), 'not taken, nothing recorded')
  const answerOne = async (settled: number): Promise<void> => {
    await harness.until(() => waiting.length > 0)
    waiting.shift()!()
    await harness.until(() => sink.settlements.length === settled)
  }
  for (let settled = 1; settled <= 4; settled++) {
    await answerOne(settled)
    channel.durable(0, 1)
  }
  t.strictSame(
    seen.map((text) => text.slice(-2)),
    ['p0', 'p2', 'p3', 'p4'],
  )
  t.strictSame(
    sink.settlements.map(({ part }) => part),
    [0, 2, 3, 4],
  )
  await harness.until(() => channel.capacity(performance.now()) === 2)
  t.ok(channel.send(outgoing(10, '447700900002', ['other']), performance.now()))
  await answerOne(5)
})

t.test('at most W in flight and W + C in flight or not durable', async (t) => {
  let outstanding = 0
  let most = 0
  const port = await npmCarrier(t, (session) => {
    session.on('submit_sm', (pdu) => {
      most = Math.max(most, ++outstanding)
      setImmediate(() => {
        outstanding--
        session.send(pdu.response({ message_id: '1' }))
      })
    })
  })
  const harness = start(t, { port, window: 10, unsettledCap: 3 })
  let next = 1
  const { sink, channel } = harness
  await harness.run(
    () => outgoing(next++, '447700900001', ['x']),
    () => sink.settlements.length >= 13,
  )
  await harness.until(() => channel.view().binds[0]!.inFlight === 0)
  t.equal(sink.settlements.length, 13, 'it stops at window and cap')
  t.ok(most <= 10, `${most} at once`)
  t.equal(channel.capacity(performance.now()), 0)
  channel.durable(0, 5)
  t.equal(channel.capacity(performance.now()), 5)
})

t.test('idle binds ask with enquire_link; a peer that falls silent is left and bound again', async (t) => {
  let enquiries = 0
  let binds = 0
  const port = await rawCarrier(t, ({ command, sequence }, socket) => {
    if (command !== COMMAND.enquireLink) return
    if (++enquiries <= 2) socket.write(pduOf(COMMAND.enquireLinkResp, 0, sequence))
  })
  const sink = new RecordingSink()
  const harness = startChannel(carrierConfig({ port, enquireLinkMs: 100, responseTimeoutMs: 100 }), sink)
  t.teardown(() => harness.channel.drain(0))
  let up = false
  await harness.until(() => {
    if (harness.channel.up && !up) binds++
    up = harness.channel.up
    return binds === 2
  })
  t.ok(enquiries >= 3)
})

t.test(
  'unbind from the carrier is answered, the rest of the window may be answered, and the bind returns',
  async (t) => {
    let unbound = 0
    let binds = 0
    const port = await npmCarrier(t, (session) => {
      const held: NpmPdu[] = []
      session.on('bind_transceiver', () => binds++)
      session.on('submit_sm', (pdu) => {
        if (binds > 1) return session.send(pdu.response({ message_id: 'b' }))
        held.push(pdu)
        if (held.length < 5) return
        session.unbind(() => {
          unbound++
          for (const each of held) session.send(each.response({ message_id: 'a' }))
        })
      })
    })
    const harness = start(t, { port, window: 5 })
    await sendMany(harness, 8)
    t.equal(unbound, 1)
    t.equal(harness.sink.count(OUTCOME.accepted), 8)
    t.equal(binds, 2)
  },
)

t.test('refused binds are not tried again at once, and the reason is shown', async (t) => {
  let tries = 0
  const tried: number[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (bytes: Buffer) => {
      tries++
      tried.push(performance.now())
      socket.write(pduOf(COMMAND.bindTransceiverResp, 0x08, bytes.readUInt32BE(12)))
    })
  })
  const port = await listen(t, server)
  const logged: string[] = []
  const log = { debug() {}, info() {}, error() {}, warn: (fields: object) => void logged.push(JSON.stringify(fields)) }
  const harness = start(t, { port, binds: 3, password: 'do-not-log' }, { log })
  await harness.until(() => harness.channel.view().binds.filter(({ lastError }) => lastError !== null).length === 2)
  t.match(harness.channel.view().binds[0], {
    state: 'waiting',
    lastError: /^bind refused: ESME_RSYSERR: the carrier has/,
  })
  t.ok(tries >= 2)
  for (let n = 1; n < tried.length; n++) t.ok(tried[n]! - tried[n - 1]! >= 990, 'one try at a time, and one a second')
  t.notOk(logged.join().includes('do-not-log'))
})

t.test('garbage from the peer ends the session, never the process, and the next one works', async (t) => {
  let connections = 0
  const garbage = [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), Buffer.alloc(64)]
  const server = createServer((socket) => {
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    const bad = garbage[connections++]
    const framer = new Framer((bytes, start) => {
      const sequence = readUint32(bytes, start + 12)
      const command = readUint32(bytes, start + 4)
      if (command === COMMAND.unbind) socket.end(pduOf(COMMAND.unbindResp, 0, sequence))
      else if (bad !== undefined) socket.write(Buffer.concat([pduOf(COMMAND.bindTransceiverResp, 0, sequence), bad]))
      else if (command === COMMAND.bindTransceiver) socket.write(pduOf(COMMAND.bindTransceiverResp, 0, sequence))
      else socket.write(pduOf(COMMAND.submitSmResp, 0, sequence, '1\0'))
    })
    socket.on('data', (chunk: Buffer) => framer.push(chunk, chunk.length))
  })
  const harness = start(t, { port: await listen(t, server) })
  await sendMany(harness, 3)
  t.equal(connections, 3)
})

t.test('an unknown command is refused with generic_nack, alerts are ignored', async (t) => {
  const nacks: number[] = []
  const port = await rawCarrier(t, ({ command, sequence, bytes }, socket) => {
    if (command === COMMAND.genericNack) nacks.push(readUint32(bytes, 8))
    if (command !== COMMAND.submitSm) return
    socket.write(pduOf(COMMAND.alertNotification, 0, 7, Buffer.alloc(8)))
    socket.write(pduOf(COMMAND.outbind, 0, 8, 'a\0b\0'))
    socket.write(pduOf(0x00000777, 0, 9))
    socket.write(pduOf(COMMAND.submitSmResp, 0, sequence, '1\0'))
  })
  const harness = start(t, { port })
  await sendMany(harness, 1)
  await harness.until(() => nacks.length === 1)
  t.equal(nacks[0], 3)
})

t.test('drain waits for open answers and acknowledgements, unbinds and closes', async (t) => {
  const events: string[] = []
  const port = await npmCarrier(t, (session) => {
    session.on('unbind', () => events.push('unbind'))
    session.on('close', () => events.push('close'))
    let held = 0
    session.on('submit_sm', (pdu) => {
      if (++held % 5 === 0) setTimeout(() => session.send(pdu.response({ message_id: 'x' })), 50)
      else session.send(pdu.response({ message_id: 'y' }))
    })
  })
  const harness = startChannel(carrierConfig({ port, window: 50 }), new RecordingSink())
  await sendMany(harness, 50, 1)
  const { channel, sink } = harness
  const drained = channel.drain(Date.now() + 5_000)
  t.equal(channel.capacity(performance.now()), 0)
  t.notOk(channel.send(outgoing(99, '4477', ['x']), performance.now()))
  await drained
  t.equal(sink.settlements.length, sink.count(OUTCOME.accepted), 'nothing was left unanswered')
  t.ok(events.includes('unbind'))
  t.equal(channel.view().binds[0]!.state, 'closed')
})

t.test('a peer that stops reading bounds what is written; when it is gone each part settles once', async (t) => {
  let peer: Socket | null = null
  const server = createServer((socket) => {
    peer = socket
    socket.on('error', () => {})
    socket.once('data', (bytes: Buffer) => {
      socket.write(pduOf(COMMAND.bindTransceiverResp, 0, bytes.readUInt32BE(12)))
      socket.pause()
    })
  })
  const harness = start(t, { port: await listen(t, server), window: 10_000, longMessages: 'payload' })
  const { channel, sink } = harness
  const part = 'x'.repeat(250)
  let next = 1
  let refused = 0
  await harness.run(
    () => {
      refused = 0
      return outgoing(next++, '447700900001', Array(30).fill(part))
    },
    () => next > 1 && ++refused > 200,
  )
  const { inFlight } = channel.view().binds[0]!
  t.ok(inFlight < 10_000, `${inFlight} in flight when it stopped`)
  peer!.resetAndDestroy()
  await harness.until(() => sink.settlements.length >= inFlight * 30)
  t.equal(sink.settlements.length, inFlight * 30, 'all parts of each joined message')
  t.equal(new Set(sink.settlements.map(({ ref, part }) => ref * 32 + part)).size, inFlight * 30)
  t.ok(sink.settlements.every(({ code }) => code === OUTCOME.unanswered || code === OUTCOME.notSent))
})
