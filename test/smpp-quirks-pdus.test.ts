/**
 * PDUs as SMSCs really send them: lines 60 to 70 of carriers.md. The octets are in fixtures/carriers-wire-pdus.json, each
 * with what it is; a carrier on a socket sends them, with the sequence number that the protocol asks for.
 */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type Log, silentLog } from '../src/engine/contract/log.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { COMMAND } from '../src/smpp/constants.js'
import { pduOf, type RawPdu, rawCarrier, responseTo } from './smpp-raw.js'
import { carrierConfig, type Harness, outgoing, RecordingSink, seed, startChannel } from './smpp-support.js'

t.comment(`seed ${seed}`)

type Fixtures = Record<string, { says: string; pdus: string[] }>
const path = fileURLToPath(new URL('../../test/fixtures/carriers-wire-pdus.json', import.meta.url))
const fixtures = JSON.parse(readFileSync(path, 'utf8')) as Fixtures
const used = new Set<string>()

/** Names and octets of the fixtures of one line. */
function ofQuirk(number: number, part = ''): [string, Buffer][] {
  const found = Object.entries(fixtures).filter(([name]) => name.startsWith(`${number}-${part}`))
  if (found.length === 0) throw new Error(`no fixture ${number}-${part}`)
  return found.map(([name, { pdus }]) => {
    used.add(name)
    return [name, Buffer.from(pdus.join(''), 'hex')]
  })
}

/** The fixture under another sequence number. */
function numbered(bytes: Buffer, sequence: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt32BE(sequence >>> 0, 12)
  return copy
}

function start(t: Test, port: number, log: Log = silentLog): Harness<RecordingSink> {
  const harness = startChannel(carrierConfig({ port }), new RecordingSink(), { log })
  t.teardown(() => harness.channel.drain(0))
  return harness
}

/** Submits one message and answers it with the octets. Then a second one, which is answered as the protocol says. */
async function answeredWith(t: Test, answer: (pdu: RawPdu) => Buffer): Promise<RecordingSink> {
  let submits = 0
  const port = await rawCarrier(t, (pdu, socket) => {
    if (pdu.command !== COMMAND.submitSm) return
    socket.write(++submits === 1 ? answer(pdu) : responseTo(pdu, 0, 'next\0'))
  })
  const harness = start(t, port)
  let next = 1
  await harness.run(
    () => (next > 2 ? null : outgoing(next++, '447712345678', ['text'])),
    () => harness.sink.settlements.length === 2,
  )
  const last = harness.sink.settlements.find(({ ref }) => ref === 2)
  t.match(last, { code: OUTCOME.accepted, id: 'next' }, 'the session goes on')
  return harness.sink
}

/** Gives the octets to a bound session, and resolves with what the sink got and the octets that answered. */
async function delivered(t: Test, bytes: Buffer): Promise<{ sink: RecordingSink; answer: Promise<RawPdu> }> {
  let answered: (pdu: RawPdu) => void = () => {}
  const answer = new Promise<RawPdu>((resolve) => {
    answered = resolve
  })
  const port = await rawCarrier(
    t,
    (pdu) => {
      if (pdu.command === COMMAND.deliverSmResp) answered(pdu)
    },
    {
      onBind: (pdu, socket) => socket.write(Buffer.concat([responseTo(pdu, 0, 'raw\0'), bytes])),
    },
  )
  const harness = start(t, port)
  const { sink, channel } = harness
  await harness.until(() => sink.receipts.length + sink.inbounds.length === 1)
  const { bind, session, sequence } = sink.receipts[0] ?? sink.inbounds[0]!
  channel.acknowledge(bind, session, sequence, true)
  channel.flush()
  return { sink, answer }
}

t.test('quirk 60: a refusal may have a body or none', async (t) => {
  for (const [name, bytes] of ofQuirk(60)) {
    const sink = await answeredWith(t, ({ sequence }) => numbered(bytes, sequence))
    t.match(
      sink.settlements.find(({ ref }) => ref === 1),
      { code: OUTCOME.rejected, status: 0x0b, id: '' },
      name,
    )
  }
})

t.test('quirk 60: enquire_link_resp and unbind_resp may have a body too', async (t) => {
  let enquiries = 0
  const port = await rawCarrier(
    t,
    (pdu, socket) => {
      if (pdu.command !== COMMAND.enquireLink) return
      enquiries++
      socket.write(responseTo(pdu, 0, '\0'))
    },
    { onUnbind: (pdu, socket) => socket.end(responseTo(pdu, 0, '\0')) },
  )
  const config = carrierConfig({ port, enquireLinkMs: 100, responseTimeoutMs: 5_000 })
  const harness = startChannel(config, new RecordingSink())
  await harness.until(() => enquiries === 3)
  t.equal(harness.channel.view().binds[0]!.state, 'bound')
  await harness.channel.drain(Date.now() + 30_000)
  t.equal(harness.channel.view().binds[0]!.state, 'closed')
})

t.test('quirk 61: a refusal may have optional parameters, whole or not', async (t) => {
  for (const [name, bytes] of ofQuirk(61)) {
    const sink = await answeredWith(t, ({ sequence }) => numbered(bytes, sequence))
    t.match(
      sink.settlements.find(({ ref }) => ref === 1),
      { code: OUTCOME.rejected, status: 0x0b, id: '' },
      name,
    )
  }
})

t.test('quirk 62: accepted without an id is accepted, and has no id', async (t) => {
  for (const [name, bytes] of ofQuirk(62)) {
    const sink = await answeredWith(t, ({ sequence }) => numbered(bytes, sequence))
    t.match(
      sink.settlements.find(({ ref }) => ref === 1),
      { code: OUTCOME.accepted, status: 0, id: '' },
      name,
    )
  }
})

t.test('quirk 63: a bind_resp without a sound sc_interface_version is one of 3.4', async (t) => {
  for (const [name, bytes] of ofQuirk(63)) {
    const lines: string[] = []
    const note = (fields: object | string): void => void lines.push(JSON.stringify(fields))
    const onBind = (pdu: RawPdu, socket: Socket): void => void socket.write(numbered(bytes, pdu.sequence))
    const port = await rawCarrier(t, () => {}, { onBind })
    const harness = start(t, port, { ...silentLog, info: note } as Log)
    await harness.until(() => harness.channel.up)
    t.ok(
      lines.some((line) => line.includes('"interfaceVersion":"0x34"')),
      name,
    )
  }
})

t.test('quirk 64: a refused bind may have a body', async (t) => {
  for (const [name, bytes] of ofQuirk(64)) {
    const onBind = (pdu: RawPdu, socket: Socket): void => void socket.write(numbered(bytes, pdu.sequence))
    const harness = start(t, await rawCarrier(t, () => {}, { onBind }))
    await harness.until(() => harness.channel.view().binds[0]!.lastError !== null)
    const { lastError } = harness.channel.view().binds[0]!
    t.equal(lastError, 'bind refused: ESME_RINVSYSTYP: the carrier wants another systemType', name)
  }
})

t.test('quirk 65: stray NULs around short_message are no part of it and hide no parameter', async (t) => {
  for (const [name, bytes] of ofQuirk(65)) {
    const { sink } = await delivered(t, numbered(bytes, 3))
    t.match(sink.receipts[0], { id: '77', code: OUTCOME.delivered }, name)
    t.notOk(sink.receipts[0]!.error.includes('\0'), name)
  }
})

t.test('quirk 66: a string without its NUL ends with its PDU or its parameter', async (t) => {
  const [[, response]] = ofQuirk(66, 'id') as [[string, Buffer]]
  const sink = await answeredWith(t, ({ sequence }) => numbered(response, sequence))
  t.match(
    sink.settlements.find(({ ref }) => ref === 1),
    { code: OUTCOME.accepted, id: 'abc' },
  )
  const [[, receipt]] = ofQuirk(66, 'parameter') as [[string, Buffer]]
  t.match((await delivered(t, numbered(receipt, 3))).sink.receipts[0], { id: '77', code: OUTCOME.delivered })
})

t.test('quirk 67: an impossible length ends the session with the reason, and the next one works', async (t) => {
  for (const [name, bytes] of ofQuirk(67)) {
    let binds = 0
    const lines: string[] = []
    const note = (fields: object | string): void => void lines.push(JSON.stringify(fields))
    const onBind = (pdu: RawPdu, socket: Socket): void => {
      const answer = responseTo(pdu, 0, 'raw\0')
      socket.write(++binds === 1 ? Buffer.concat([answer, bytes]) : answer)
    }
    const harness = start(t, await rawCarrier(t, () => {}, { onBind }), { ...silentLog, warn: note } as Log)
    await harness.until(() => binds === 2 && harness.channel.up)
    t.ok(
      lines.some((line) => /command_length \d+ is impossible/.test(line)),
      name,
    )
  }
})

t.test('quirk 68: generic_nack settles the submit that it names, and any other none', async (t) => {
  const [[, named]] = ofQuirk(68, 'nack-with-') as [[string, Buffer]]
  const [[, nameless]] = ofQuirk(68, 'nack-without') as [[string, Buffer]]
  const sink = await answeredWith(t, ({ sequence }) => Buffer.concat([nameless, numbered(named, sequence)]))
  t.match(
    sink.settlements.find(({ ref }) => ref === 1),
    { code: OUTCOME.rejected, status: 0x01 },
  )
  t.equal(sink.settlements.length, 2, 'each once')
})

t.test('quirk 69: sequence numbers beyond the specification are answered with themselves', async (t) => {
  const [[, receipt]] = ofQuirk(66, 'parameter') as [[string, Buffer]]
  for (const sequence of [0, 0x80000000, 0xffffffff]) {
    const { answer } = await delivered(t, numbered(receipt, sequence))
    t.match(await answer, { sequence, status: 0 })
  }
})

t.test('quirk 70: parameters of a vendor hide nothing', async (t) => {
  const [[, receipt]] = ofQuirk(70, 'unknown') as [[string, Buffer]]
  t.match((await delivered(t, numbered(receipt, 3))).sink.receipts[0], { id: '77', code: OUTCOME.delivered })
  const [[, response]] = ofQuirk(70, 'accepted') as [[string, Buffer]]
  const sink = await answeredWith(t, ({ sequence }) => numbered(response, sequence))
  t.match(
    sink.settlements.find(({ ref }) => ref === 1),
    { code: OUTCOME.accepted, id: 'id9' },
  )
})

t.test('quirk 58: every part of a message has a sequence number of its own', async (t) => {
  const sequences: number[] = []
  const port = await rawCarrier(t, (pdu, socket) => {
    if (pdu.command !== COMMAND.submitSm) return
    sequences.push(pdu.sequence)
    // A request of the carrier's own between the parts changes nothing.
    socket.write(pduOf(COMMAND.enquireLink, 0, pdu.sequence))
    socket.write(responseTo(pdu, 0, `${pdu.sequence}\0`))
  })
  const harness = start(t, port)
  let sent = false
  await harness.run(
    () => {
      if (sent) return null
      sent = true
      return outgoing(1, '447712345678', ['one', 'two', 'three', 'four', 'five'])
    },
    () => harness.sink.settlements.length === 5,
  )
  t.equal(new Set(sequences).size, 5)
  t.ok(sequences.every((sequence) => sequence >= 1 && sequence <= 0x7fffffff))
  t.strictSame(
    harness.sink.settlements.map(({ part, id }) => [part, id]),
    sequences.map((id, part) => [part, `${id}`]),
  )
})

t.test('every fixture was used', async (t) => {
  t.strictSame(
    Object.keys(fixtures).filter((name) => !used.has(name)),
    [],
  )
})
