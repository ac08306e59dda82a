/** The life of sessions against carriers that behave badly: hosts, refusals, silence, unbinds, versions, certificates. */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import { type Log, silentLog } from '../src/engine/contract/log.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { COMMAND, TAG } from '../src/smpp/constants.js'
import { CarrierHosts } from '../src/smpp/hosts.js'
import { reconnectDelayMs, refusalText } from '../src/smpp/reconnect.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import type { SmscOptions } from '../src/smpp/simulator/smsc-options.js'
import type { SmppCarrierChannel } from '../src/smpp/smpp-channel.js'
import { authority, certificate, privateKey } from './peer-certificates.js'
import { pduOf, type RawPdu, rawCarrier, responseTo } from './smpp-raw.js'
import { carrierConfig, type Harness, outgoing, RecordingSink, seed, startChannel } from './smpp-support.js'

t.comment(`seed ${seed}`)

type Change = Parameters<typeof carrierConfig>[0]

async function startSmsc(t: Test, options: Partial<SmscOptions> = {}): Promise<{ smsc: Smsc; port: number }> {
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, seed, countRepeats: true, ...options }, silentLog)
  const { port } = await smsc.listen()
  t.teardown(() => smsc.close())
  return { smsc, port }
}

function start(t: Test, change: Change, log: Log = silentLog): Harness<RecordingSink> {
  const harness = startChannel(carrierConfig(change), new RecordingSink(), { log })
  t.teardown(() => harness.channel.drain(0))
  return harness
}

/** Keeps the lines of the log as JSON. */
function keepingLog(): { log: Log; lines: string[] } {
  const lines: string[] = []
  const note = (fields: object | string, text?: string): void =>
    void lines.push(`${JSON.stringify(fields)} ${text ?? ''}`)
  return { log: { ...silentLog, info: note, warn: note } as Log, lines }
}

/** Sends messages until each is accepted; what comes back for another try goes again. Acknowledges receipts. */
async function deliverAll(harness: Harness<RecordingSink>, count: number): Promise<void> {
  const { sink, channel } = harness
  const again: number[] = []
  let next = 1
  let settled = 0
  let accepted = 0
  let acknowledged = 0
  const settle = (): void => {
    for (; settled < sink.settlements.length; settled++) {
      const { ref, code, bind } = sink.settlements[settled]!
      channel.durable(bind, 1)
      if (code === OUTCOME.accepted) accepted++
      else again.push(ref)
    }
    for (; acknowledged < sink.receipts.length; acknowledged++) {
      const { bind, session, sequence } = sink.receipts[acknowledged]!
      channel.acknowledge(bind, session, sequence, true)
    }
  }
  await harness.run(
    () => {
      const ref = again.shift() ?? (next <= count ? next++ : 0)
      return ref === 0 ? null : outgoing(ref, `4477${10_000_000 + ref}`, [`message ${ref}`])
    },
    () => {
      settle()
      return accepted >= count
    },
  )
}

const bindsOf = ({ channel }: Harness<RecordingSink>) => channel.view().binds

t.test('binds are spread evenly over the hosts of a carrier, and a dead host is left out', async (t) => {
  const { smsc: one, port } = await startSmsc(t)
  const { smsc: other, port: otherPort } = await startSmsc(t)
  const hosts = [`127.0.0.1:${port}`, `localhost:${otherPort}`]
  const harness = start(t, { port: 1, host: undefined, hosts, binds: 4 })
  await harness.until(() => bindsOf(harness).every(({ state }) => state === 'bound'))
  t.equal(one.stats().sessions, 2)
  t.equal(other.stats().sessions, 2)
  t.strictSame(new Set(bindsOf(harness).map(({ host }) => host)), new Set(hosts))
  await deliverAll(harness, 40)
  await one.close()
  await harness.until(() => other.stats().sessions === 4)
  t.ok(
    bindsOf(harness).every(({ host }) => host === hosts[1]),
    'all of them are at the host that lives',
  )
})

t.test('hosts: even filling, one try at a time, a dead one last, and rest only while none is bound', async (t) => {
  const hosts = new CarrierHosts({ host: undefined, port: 2775, hosts: ['a', 'b:3000', '[::1]:4000'] })
  const first = hosts.enter(0)!
  t.strictSame(first.endpoint, { host: 'a', port: 2775 })
  const second = hosts.enter(0)!
  t.strictSame(second.endpoint, { host: 'b', port: 3000 })
  const third = hosts.enter(0)!
  t.strictSame(third.endpoint, { host: '::1', port: 4000 })
  t.equal(hosts.enter(0), null, 'each host is tried by one connection at a time')
  hosts.rest('told so', 0, 1_000)
  t.equal(hosts.enter(500), null)
  t.equal(hosts.restReason, 'told so')
  first.succeeded()
  hosts.recovered()
  t.equal(hosts.enter(500), first, 'a bind that is accepted ends the rest')
  hosts.rest('too many', 500, 1_000)
  second.failed(500, true)
  second.links--
  third.succeeded()
  t.equal(hosts.enter(501), third, 'while a session is bound the others need not rest; a dead host is left out')
  t.equal(hosts.crowded(501), null, 'nobody is moved to a host that has just failed')
  t.ok(hosts.crowded(30_501)!.links >= 2, 'later one bind may try it')
  second.links = 2
  t.equal(hosts.crowded(30_501), null, 'all is even')
  t.strictSame([first.name, second.name, third.name], ['a:2775', 'b:3000', '[::1]:4000'])
})

t.test('a host that takes binds and drops them at once is left for another', async (t) => {
  let dropped = 0
  const bad = await rawCarrier(t, () => {}, {
    onBind: (pdu, socket) => {
      dropped++
      socket.end(responseTo(pdu, 0, 'raw\0'))
    },
  })
  const { smsc, port } = await startSmsc(t)
  const harness = start(t, { port: 1, host: undefined, hosts: [`127.0.0.1:${bad}`, `127.0.0.1:${port}`], binds: 2 })
  await harness.until(() => smsc.stats().sessions === 2 && bindsOf(harness).every(({ state }) => state === 'bound'))
  await deliverAll(harness, 20)
  t.ok(dropped >= 1)
})

t.test('a host that works again gets its share of the binds back, one at a time', async (t) => {
  const { smsc: ill, port } = await startSmsc(t, { faults: 'bind=0x08' })
  const { smsc: well, port: wellPort } = await startSmsc(t)
  const hosts = [`127.0.0.1:${port}`, `127.0.0.1:${wellPort}`]
  const harness = start(t, { port: 1, host: undefined, hosts, binds: 4, window: 5 })
  await harness.until(() => well.stats().sessions === 4 && bindsOf(harness).every(({ state }) => state === 'bound'))
  ill.setFaults('')
  harness.channel.patch({ paused: false })
  let fewest = 4
  let ref = 0
  await harness.run(
    () => outgoing(++ref, `4477${10_000_000 + ref}`, [`message ${ref}`]),
    () => {
      const { sink, channel } = harness
      for (let bind = 0; bind < 4; bind++) channel.durable(bind, 1_000)
      fewest = Math.min(fewest, bindsOf(harness).filter(({ state }) => state === 'bound').length)
      return sink.settlements.length > 0 && ill.stats().sessions === 2 && well.stats().sessions === 2
    },
  )
  t.ok(fewest >= 3, `${fewest} were bound all the time`)
  t.equal(harness.sink.count(OUTCOME.unanswered), 0, 'each answered what it had in flight before it left')
})

t.test('a password that is mended by SIGHUP is tried at once', async (t) => {
  const { port } = await startSmsc(t, { password: 'right' })
  const harness = start(t, { port, password: 'wrong', binds: 2 })
  await harness.until(() => bindsOf(harness).every(({ lastError }) => lastError !== null))
  const channel = harness.channel as SmppCarrierChannel
  t.ok(channel.reconfigure(carrierConfig({ port, password: 'right', binds: 2 })))
  await harness.until(() => bindsOf(harness).every(({ state }) => state === 'bound'))
  t.ok(harness.channel.up)
})

t.test('the time until the next bind follows the refusal, with full jitter between bounds', async (t) => {
  const random = new Random(seed)
  const bounds = (attempt: number, status: number): [number, number] => {
    const all = Array.from({ length: 500 }, () => reconnectDelayMs(attempt, status, random))
    return [Math.min(...all), Math.max(...all)]
  }
  const within = (attempt: number, status: number, low: number, high: number): void => {
    const [least, most] = bounds(attempt, status)
    t.ok(least >= low && most <= high, `status ${status}, attempt ${attempt}: ${least} to ${most}`)
    t.ok(most - least > (high - low) * 0.8, 'spread over the whole range')
  }
  within(0, 0, 100, 1_000)
  within(1, 0, 1_000, 2_000)
  within(5, 0, 1_000, 32_000)
  within(9, 0, 1_000, 60_000)
  within(0, 0x0e, 30_000, 60_000)
  within(4, 0x0f, 30_000, 300_000)
  within(0, 0x0d, 10_000, 20_000)
  within(0, 0x05, 5_000, 10_000)
  within(6, 0x05, 5_000, 60_000)
  t.equal(refusalText(0x0e), 'bind refused: ESME_RINVPASWD: the password is wrong')
  t.equal(refusalText(0x12345), 'bind refused: 0x00012345')
})

t.test('a refused password makes every bind wait, in words; ending a pause tries again at once', async (t) => {
  const { smsc, port } = await startSmsc(t, { faults: 'bind=0x0e:1' })
  const harness = start(t, { port, binds: 3 })
  await harness.until(() => bindsOf(harness).every(({ lastError }) => lastError !== null))
  for (const { state, lastError, retryInMs } of bindsOf(harness)) {
    t.equal(state, 'waiting')
    t.equal(lastError, 'bind refused: ESME_RINVPASWD: the password is wrong')
    t.ok(retryInMs! > 5_000, `${retryInMs} ms until the next try`)
  }
  t.equal(smsc.stats().binds, 0)
  harness.channel.patch({ paused: false })
  await harness.until(() => bindsOf(harness).every(({ state }) => state === 'bound'))
  t.ok(bindsOf(harness).every(({ lastError, retryInMs }) => lastError === null && retryInMs === null))
})

t.test('"already bound" waits seconds, and says what for', async (t) => {
  const { port } = await startSmsc(t, { faults: 'bind=0x05:1' })
  const harness = start(t, { port })
  await harness.until(() => bindsOf(harness)[0]!.lastError !== null)
  const [{ lastError, retryInMs } = { lastError: '', retryInMs: 0 }] = bindsOf(harness)
  t.equal(
    lastError,
    'bind refused: ESME_RALYBND: the carrier holds an earlier session still, or allows no more sessions',
  )
  t.ok(retryInMs! > 1_000 && retryInMs! <= 10_000, `${retryInMs} ms`)
})

const ENDS = {
  'deaf=3:1': 'enquire_link is answered and no submit',
  'silent=3:1': 'nothing is answered any more',
  'cut=3:1': 'the connection is cut',
  'unbind=3:1': 'the carrier asks to unbind',
  'garbage=3:1': 'octets that are no PDU',
  'noenquire=:1': 'enquire_link is never answered',
  'nack=0.5': 'half of the submits get generic_nack',
}
for (const [faults, what] of Object.entries(ENDS)) {
  t.test(`${what}: every message arrives, over the next session if need be`, async (t) => {
    const { smsc, port } = await startSmsc(t, { faults })
    const harness = start(t, { port, window: 5, responseTimeoutMs: 200, enquireLinkMs: 100 })
    await deliverAll(harness, 40)
    if (faults === 'noenquire=:1') await harness.until(() => smsc.stats().binds >= 2)
    t.equal(smsc.stats().distinct, 40)
    if (faults !== 'nack=0.5') t.ok(smsc.stats().binds >= 2, 'the session was replaced')
    t.equal(smsc.stats().protocolErrors, 0)
  })
}

t.test('a session that answers enquire_link and no submit is replaced, with the reason', async (t) => {
  const { log, lines } = keepingLog()
  const { port } = await startSmsc(t, { faults: 'deaf=0:1' })
  const harness = start(
    t,
    { port, window: 5, responseTimeoutMs: 5_000, progressTimeoutMs: 150, enquireLinkMs: 100 },
    log,
  )
  await deliverAll(harness, 5)
  t.equal(lines.filter((line) => line.includes('no submit was answered, though the connection lives')).length, 1)
})

t.test('enquire_link is answered before the bind is, while bound, and after unbind was sent', async (t) => {
  const { smsc, port } = await startSmsc(t, { faults: 'enquire' })
  const harness = start(t, { port })
  await harness.until(() => smsc.stats().enquireAnswers === 2)
  t.equal(bindsOf(harness)[0]!.state, 'bound')
  let answered = 0
  let unbind: RawPdu | null = null
  const raw = await rawCarrier(
    t,
    ({ command }, socket) => {
      if (command !== COMMAND.enquireLinkResp) return
      answered++
      socket.end(responseTo(unbind!, 0))
    },
    {
      onUnbind: (pdu, socket) => {
        unbind = pdu
        socket.write(pduOf(COMMAND.enquireLink, 0, 77))
      },
    },
  )
  const other = start(t, { port: raw })
  await other.until(() => other.channel.up)
  await other.channel.drain(Date.now() + 20_000)
  t.equal(answered, 1)
})

t.test('an unbind that is not answered ends all the same', async (t) => {
  for (const faults of ['nounbind', 'unbindclose']) {
    const { smsc, port } = await startSmsc(t, { faults })
    const harness = start(t, { port })
    await harness.until(() => harness.channel.up)
    await harness.channel.drain(Date.now() + 600)
    t.equal(smsc.stats().unbinds, 1, faults)
    t.equal(bindsOf(harness)[0]!.state, 'closed')
  }
})

t.test('after the carrier’s unbind was answered nothing more is sent on that session', async (t) => {
  const left = new Set<Socket>()
  let asked = false
  let late = 0
  const port = await rawCarrier(t, (pdu, socket) => {
    if (pdu.command === COMMAND.unbindResp) left.add(socket)
    if (pdu.command !== COMMAND.submitSm) return
    if (left.has(socket)) late++
    if (!asked) socket.write(pduOf(COMMAND.unbind, 0, 9))
    asked = true
    // What left before our unbind_resp is answered still.
    socket.write(responseTo(pdu, 0, `${pdu.sequence}\0`))
  })
  const harness = start(t, { port, window: 3 })
  await deliverAll(harness, 30)
  t.equal(left.size, 1)
  t.equal(late, 0)
  t.equal(harness.sink.count(OUTCOME.unanswered), 0, 'what was open was answered, so nothing is sent twice')
})

t.test('sequence numbers of the carrier are echoed, whatever they are', async (t) => {
  for (const sequence of ['0', '0xfffffffe', '0x80000000']) {
    const { smsc, port } = await startSmsc(t, { faults: `sequence=${sequence}` })
    const harness = start(t, { port })
    await deliverAll(harness, 20)
    const { sink, channel } = harness
    let acknowledged = 0
    await harness.until(() => {
      for (; acknowledged < sink.receipts.length; acknowledged++) {
        const { bind, session, sequence } = sink.receipts[acknowledged]!
        channel.acknowledge(bind, session, sequence, true)
      }
      return smsc.stats().receiptsAcknowledged === 20
    })
    t.equal(smsc.stats().protocolErrors, 0, sequence)
  }
})

t.test('both directions count apart: the same number in both is no confusion', async (t) => {
  const port = await rawCarrier(t, (pdu, socket) => {
    if (pdu.command !== COMMAND.submitSm) return
    // A request of the carrier's own under the number of the submit that waits.
    socket.write(pduOf(COMMAND.enquireLink, 0, pdu.sequence))
    socket.write(responseTo(pdu, 0, `id${pdu.sequence}\0`))
  })
  const harness = start(t, { port })
  await deliverAll(harness, 20)
  t.equal(new Set(harness.sink.settlements.map(({ id }) => id)).size, 20)
})

t.test('alert_notification and outbind that nobody asked for are logged and ignored', async (t) => {
  const { log, lines } = keepingLog()
  const { smsc, port } = await startSmsc(t, { faults: 'uninvited' })
  const harness = start(t, { port }, log)
  await deliverAll(harness, 5)
  t.equal(lines.filter((line) => line.includes('alert_notification or outbind')).length, 2)
  t.match(smsc.stats(), { binds: 1, protocolErrors: 0 })
})

function versionOf(pdu: RawPdu): number {
  return pdu.bytes[pdu.bytes.length - 4]!
}

t.test('3.4 is offered, or 5.0 where the config says so; the lower one of both sides is spoken', async (t) => {
  const cases = [
    { offered: '3.4', theirs: [], spoken: '0x34' },
    { offered: '3.4', theirs: [0x50], spoken: '0x34' },
    { offered: '5.0', theirs: [], spoken: '0x34' },
    { offered: '5.0', theirs: [0x34], spoken: '0x34' },
    { offered: '5.0', theirs: [0x50], spoken: '0x50' },
  ] as const
  for (const { offered, theirs, spoken } of cases) {
    const { log, lines } = keepingLog()
    const asked: number[] = []
    const port = await rawCarrier(t, () => {}, {
      onBind: (pdu, socket) => {
        asked.push(versionOf(pdu))
        const tlv = theirs.length === 0 ? [] : [TAG.interfaceVersion >> 8, TAG.interfaceVersion & 255, 0, 1, ...theirs]
        socket.write(responseTo(pdu, 0, Buffer.from([0x73, 0, ...tlv])))
      },
    })
    const harness = start(t, { port, interfaceVersion: offered }, log)
    await harness.until(() => harness.channel.up)
    t.strictSame(asked, [offered === '5.0' ? 0x50 : 0x34])
    t.ok(
      lines.some((line) => line.includes(`"interfaceVersion":"${spoken}"`)),
      `${offered} with ${theirs}`,
    )
  }
})

t.test('a carrier that refuses 5.0 is offered 3.4 within a second', async (t) => {
  const { log, lines } = keepingLog()
  const { smsc, port } = await startSmsc(t, { faults: 'only34' })
  const harness = start(t, { port, interfaceVersion: '5.0' }, log)
  await deliverAll(harness, 5)
  t.equal(smsc.stats().binds, 1)
  t.ok(lines.some((line) => line.includes('3.4 is offered from now on')))
})

t.test('TLS: client certificates, the oldest version that is spoken, and refusals in words', async (t) => {
  const spoken: (string | null)[] = []
  const server = { cert: certificate, key: privateKey }
  const onBind = (pdu: RawPdu, socket: Socket): void => {
    spoken.push((socket as TLSSocket).getProtocol())
    socket.write(responseTo(pdu, 0, 'raw\0'))
  }
  const strict = { ...server, ca: authority, requestCert: true, rejectUnauthorized: true }
  const mutual = await rawCarrier(t, () => {}, { tls: strict, onBind })
  const older = await rawCarrier(t, () => {}, { tls: { ...server, maxVersion: 'TLSv1.2' }, onBind })
  const plain = await rawCarrier(t, () => {}, { onBind })
  const known = { ca: authority, servername: 'smsc.test' }
  const right = start(t, { port: mutual, tls: { ...known, ...server } })
  await right.until(() => right.channel.up)
  const without = start(t, { port: mutual, tls: known })
  await without.until(() => bindsOf(without)[0]!.lastError !== null)
  t.match(bindsOf(without)[0]!.lastError, /certificate of ours|cut the connection|closed/)
  const mutualOld = await rawCarrier(t, () => {}, { tls: { ...strict, maxVersion: 'TLSv1.2' }, onBind })
  const withoutOld = start(t, { port: mutualOld, tls: known })
  await withoutOld.until(() => bindsOf(withoutOld)[0]!.lastError !== null)
  t.match(bindsOf(withoutOld)[0]!.lastError, /certificate of ours|cut the connection|closed/)
  const twelve = start(t, { port: older, tls: known })
  await twelve.until(() => twelve.channel.up)
  const thirteen = start(t, { port: older, tls: { ...known, minVersion: 'TLSv1.3' } })
  await thirteen.until(() => bindsOf(thirteen)[0]!.lastError !== null)
  t.match(bindsOf(thirteen)[0]!.lastError, 'no version of TLS that is allowed here')
  const noTls = start(t, { port: plain, tls: known, responseTimeoutMs: 300 })
  await noTls.until(() => bindsOf(noTls)[0]!.lastError !== null)
  t.strictSame(spoken.slice(0, 2), ['TLSv1.3', 'TLSv1.2'])
})

t.test('name and password may be longer than the specification allows', async (t) => {
  const systemId = 'a-name-of-thirty-three-characters'
  const password = 'a password of more than eight characters'
  const { port } = await startSmsc(t, { systemId, password })
  const harness = start(t, { port, systemId, password })
  await harness.until(() => harness.channel.up)
  t.equal(bindsOf(harness)[0]!.lastError, null)
})

t.test('what the script of the simulator cannot mean is an error that names the word', async (t) => {
  for (const faults of [
    'bind',
    'bind=',
    'deaf=x',
    'deaf=1:x',
    'noversion=1',
    'sequence=0x1ffffffff',
    'nack=2',
    'cut=-1',
  ]) {
    t.throws(() => new Smsc({ host: '127.0.0.1', port: 0, faults }, silentLog), { name: 'RangeError', message: faults })
  }
  t.throws(() => new Smsc({ host: '127.0.0.1', port: 0, faults: 'thottle=0.1' }, silentLog), /or one of bind, bindmute/)
})

t.test('a host that refuses connections is named in words', async (t) => {
  const { smsc, port } = await startSmsc(t)
  await smsc.close()
  const harness = start(t, { port })
  await harness.until(() => bindsOf(harness)[0]!.lastError !== null)
  t.equal(bindsOf(harness)[0]!.lastError, 'nothing listens at this host and port (ECONNREFUSED)')
})

/** deliver_sm without text: esm_class 4, and receipted_message_id "77". */
const RECEIPT = Buffer.from('0000003434373730303930303030310000006d650004000000000000000000001e00023737', 'hex')

t.test('a receipt that is not durable yet when the carrier unbinds is answered before the session ends', async (t) => {
  let acknowledged = 0
  let ended = false
  const port = await rawCarrier(
    t,
    (pdu, socket) => {
      if (pdu.command === COMMAND.deliverSmResp && pdu.status === 0) acknowledged++
      if (pdu.command === COMMAND.unbindResp) socket.once('end', () => (ended = true))
    },
    {
      onBind: (pdu, socket) => {
        const receipt = pduOf(COMMAND.deliverSm, 0, 5, RECEIPT)
        const unbind = pduOf(COMMAND.unbind, 0, 6)
        socket.write(
          ended ? responseTo(pdu, 0, 'raw\0') : Buffer.concat([responseTo(pdu, 0, 'raw\0'), receipt, unbind]),
        )
      },
    },
  )
  const harness = start(t, { port })
  const { channel, sink } = harness
  await harness.until(() => sink.receipts.length === 1)
  t.equal(bindsOf(harness)[0]!.state, 'unbinding')
  channel.acknowledge(sink.receipts[0]!.bind, sink.receipts[0]!.session, sink.receipts[0]!.sequence, true)
  await harness.until(() => ended)
  t.equal(acknowledged, 1)
})
