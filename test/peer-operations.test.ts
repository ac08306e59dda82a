/** The life of binds against carriers that are not ours: refusals, silence, garbage, TLS, pairs, live changes, failover. */
import { createServer, type Socket } from 'node:net'
import t from 'tap'
import type { BindView } from '../src/engine/contract/channel.js'
import { authority, certificate, privateKey } from './peer-certificates.js'
import {
  listen,
  metric,
  type NpmPdu,
  type NpmSession,
  numberOf,
  type Peers,
  startEngine,
  startJob,
  startPeer,
  untilMessages,
} from './peer-support.js'

async function until(fits: () => boolean | Promise<boolean>, seconds = 15): Promise<boolean> {
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    if (await fits()) return true
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return false
}

async function bindsOf({ server }: Peers, id: string): Promise<BindView[]> {
  return (await server.engine.carriers()).find((carrier) => carrier.id === id)!.binds
}

function recipients(count: number): { to: string; text: string }[] {
  return Array.from({ length: count }, (_, n) => ({ to: numberOf(0, n), text: `number ${n}` }))
}

const isDelivered = (messages: { state: string }[]): boolean => messages.every(({ state }) => state === 'delivered')

/** Accepts and delivers everything; counts what came, by session. */
class GoodCarrier {
  readonly sessions: NpmSession[] = []
  readonly bySession = new Map<NpmSession, number>()
  readonly sentAt: number[] = []
  outstanding = 0
  most = 0
  answerMs = 0

  readonly onSession = (session: NpmSession): void => {
    this.sessions.push(session)
    session.on('close', () => this.sessions.splice(this.sessions.indexOf(session), 1))
    session.on('submit_sm', (pdu) => this.#submit(session, pdu))
  }

  get total(): number {
    return this.sentAt.length
  }

  #submit(session: NpmSession, pdu: NpmPdu): void {
    this.sentAt.push(performance.now())
    const count = (this.bySession.get(session) ?? 0) + 1
    this.bySession.set(session, count)
    this.most = Math.max(this.most, ++this.outstanding)
    const message_id = `${this.sessions.indexOf(session)}-${count}-${pdu.destination_addr}`
    const answer = (): void => {
      this.outstanding--
      session.send(pdu.response({ message_id }))
      session.deliver_sm({ esm_class: 4, receipted_message_id: message_id, message_state: 2, short_message: '' })
    }
    if (this.answerMs === 0) answer()
    else setTimeout(answer, this.answerMs)
  }
}

t.test('a wrong password: shown, tried once for all binds, and no other carrier suffers', async (t) => {
  const tries: number[] = []
  const refusing = (session: NpmSession): void => {
    session.on('bind_transceiver', (pdu) => {
      tries.push(performance.now())
      session.send(pdu.response({ command_status: 0x0e }))
    })
  }
  const bad = await startPeer(t, refusing, { manual: true })
  const good = new GoodCarrier()
  const port = await startPeer(t, good.onSession)
  const carriers = [
    { id: 'bad', port: bad, binds: 4 },
    { id: 'good', port },
  ]
  const peers = await startEngine(t, carriers, [{ prefix: '', carriers: ['bad', 'good'] }])
  const job = await startJob(peers, {}, recipients(50))
  t.ok(isDelivered(await untilMessages(peers, job, isDelivered)), 'by the second carrier of the route')
  await until(async () => (await bindsOf(peers, 'bad')).filter(({ lastError }) => lastError !== null).length >= 3)
  const binds = await bindsOf(peers, 'bad')
  t.equal(
    binds.find(({ lastError }) => lastError !== null)?.lastError,
    'bind refused: ESME_RINVPASWD: the password is wrong',
  )
  t.ok(
    binds.every(({ lastError }) => lastError?.includes('ESME_RINVPASWD')),
    'every bind says what it waits for',
  )
  t.equal(tries.length, 1, 'what one bind was told, the others need not hear as well')
  t.equal(await metric(peers, 'trunkline_bind_up', { carrier: 'bad', bind: '0' }), 0)
  t.equal(await metric(peers, 'trunkline_bind_up', { carrier: 'good', bind: '0' }), 1)
})

t.test('no bind_resp, then garbage: the bind comes in the end', async (t) => {
  const good = new GoodCarrier()
  let binds = 0
  const steps: ((session: NpmSession, pdu: NpmPdu) => void)[] = [
    () => {},
    (session) => session.socket.write(Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')),
  ]
  const port = await startPeer(
    t,
    (session) => {
      session.on('bind_transceiver', (pdu) => {
        const step = steps[binds++]
        if (step !== undefined) return step(session, pdu)
        session.send(pdu.response())
        good.onSession(session)
      })
      session.on('unbind', (pdu) => session.send(pdu.response()))
    },
    { manual: true },
  )
  const peers = await startEngine(t, [{ id: 'peer', port, responseTimeoutMs: 300 }])
  const job = await startJob(peers, {}, recipients(5))
  t.ok(isDelivered(await untilMessages(peers, job, isDelivered, 30)))
  t.equal(binds, 3)
})

t.test('a peer that stops reading and answering is left, and its messages go over the next bind', async (t) => {
  const good = new GoodCarrier()
  let connections = 0
  const port = await startPeer(t, (session) => {
    if (++connections > 1) return good.onSession(session)
    session.on('submit_sm', () => session.pause())
    session.on('bind_transceiver', () => setImmediate(() => session.socket.pause()))
  })
  const peers = await startEngine(t, [{ id: 'peer', port, responseTimeoutMs: 400, enquireLinkMs: 400 }])
  const job = await startJob(peers, {}, recipients(30))
  t.ok(isDelivered(await untilMessages(peers, job, isDelivered)))
  t.ok(connections >= 2)
  const unanswered = await metric(peers, 'trunkline_unanswered_total', { carrier: 'peer', policy: 'resend' })
  t.ok(unanswered <= 20, `${unanswered} unanswered: at most window and cap`)
})

t.test('a transmitter and a receiver', async (t) => {
  const kinds: string[] = []
  let receiver: NpmSession | null = null
  let submits = 0
  const port = await startPeer(t, (session) => {
    for (const kind of ['bind_transmitter', 'bind_receiver', 'bind_transceiver']) {
      session.on(kind, () => {
        kinds.push(kind)
        if (kind === 'bind_receiver') receiver = session
      })
    }
    session.on('submit_sm', (pdu) => {
      const message_id = `pair${submits++}`
      session.send(pdu.response({ message_id }))
      const fields = { esm_class: 4, receipted_message_id: message_id, message_state: 2, short_message: '' }
      void until(() => receiver !== null).then(() => receiver!.deliver_sm(fields))
    })
  })
  const peers = await startEngine(t, [{ id: 'peer', port, bindType: 'transmitter+receiver' }])
  const job = await startJob(peers, {}, recipients(50))
  t.ok(isDelivered(await untilMessages(peers, job, isDelivered)))
  t.strictSame(kinds.sort(), ['bind_receiver', 'bind_transmitter'])
  t.match(await bindsOf(peers, 'peer'), [{ state: 'bound' }])
})

t.test('eight binds share the work evenly, and the metrics agree with the carrier', async (t) => {
  const good = new GoodCarrier()
  good.answerMs = 5
  const port = await startPeer(t, good.onSession)
  const peers = await startEngine(t, [{ id: 'peer', port, binds: 8, window: 5, adaptiveWindow: false }])
  await until(async () => (await bindsOf(peers, 'peer')).every(({ state }) => state === 'bound'))
  const job = await startJob(peers, {}, recipients(200))
  const more = await startJob(peers, { deduplicate: false }, [...recipients(200), ...recipients(200)])
  t.ok(isDelivered(await untilMessages(peers, job, isDelivered)))
  t.ok(isDelivered(await untilMessages(peers, more, isDelivered)))
  const counts = [...good.bySession.values()]
  t.equal(counts.length, 8)
  t.ok(Math.min(...counts) >= 0.6 * Math.max(...counts), counts.join(' '))
  t.ok(good.most <= 40, `${good.most} outstanding`)
  await until(async () => (await metric(peers, 'trunkline_receipts_total', { carrier: 'peer' })) === 600)
  let submitted = 0
  for (let bind = 0; bind < 8; bind++) {
    const labels = { carrier: 'peer', bind: String(bind) }
    submitted += await metric(peers, 'trunkline_parts_submitted_total', labels)
    t.equal(await metric(peers, 'trunkline_bind_up', labels), 1)
    t.equal(await metric(peers, 'trunkline_window_in_flight', labels), 0)
    t.equal(await metric(peers, 'trunkline_window_size', labels), 5)
  }
  t.equal(submitted, good.total)
  t.equal(good.total, 600)
  const ok = { carrier: 'peer', status: 'ESME_ROK' }
  t.equal(await metric(peers, 'trunkline_submit_responses_total', ok), 600)
  t.equal(await metric(peers, 'trunkline_receipts_total', { carrier: 'peer', state: 'delivered' }), 600)
  t.equal(await metric(peers, 'trunkline_receipts_unmatched', { carrier: 'peer' }), 0)
})

t.test('pause, rate, window and binds change live', async (t) => {
  const good = new GoodCarrier()
  const port = await startPeer(t, good.onSession)
  const peers = await startEngine(t, [{ id: 'peer', port, ratePerSecond: 20 }])
  const { engine } = peers.server
  const job = await startJob(peers, { deduplicate: false }, Array.from({ length: 5 }, () => recipients(200)).flat())
  await until(() => good.total > 20)
  t.match(await engine.patchCarrier('peer', { paused: true }), { paused: true })
  const paused = good.total
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.ok(good.total <= paused + 10, 'a pause sends nothing beyond what was under way')
  const before = good.total
  good.answerMs = 10
  await engine.patchCarrier('peer', { paused: false, ratePerSecond: 200 })
  const from = performance.now()
  await until(() => good.total >= before + 200)
  const seconds = (performance.now() - from) / 1000
  // At the rate of before it would take 10 s; how near to 1 s it comes is for a machine that has nothing else to do.
  t.ok(seconds > 0.85 && seconds < 9, `200 parts in ${seconds} s at 200/s`)
  t.match(await engine.patchCarrier('peer', { binds: 4, window: 3, ratePerSecond: null }), { ratePerSecond: null })
  await until(() => good.sessions.length === 4)
  good.most = 0
  t.ok(await until(() => good.total >= before + 600))
  t.ok(good.most <= 12 + 10, `${good.most} outstanding with 4 binds of window 3`)
  await engine.patchCarrier('peer', { binds: 1 })
  t.ok(await until(() => good.sessions.length === 1), 'the other binds left')
  t.match(await bindsOf(peers, 'peer'), [{ index: 0, state: 'bound', window: 3 }])
  await until(() => engine.job(peers.principal, job).state === 'finished')
  t.match(engine.job(peers.principal, job), { state: 'finished', counts: { delivered: 1_000 } })
  t.equal(good.total, 1_000, 'nothing was sent twice')
  t.equal(await metric(peers, 'trunkline_bind_up', { carrier: 'peer', bind: '3' }), 0)
})

t.test('the second carrier of a route takes over when the first dies, and gives it back', async (t) => {
  const first = new GoodCarrier()
  const second = new GoodCarrier()
  first.answerMs = 2
  const carriers = [
    { id: 'first', port: await startPeer(t, first.onSession), window: 5 },
    { id: 'second', port: await startPeer(t, second.onSession), window: 5, ratePerSecond: 400 },
  ]
  const peers = await startEngine(t, carriers)
  const { engine } = peers.server
  await until(() => first.sessions.length + second.sessions.length === 2)
  const job = await startJob(peers, { deduplicate: false }, Array.from({ length: 10 }, () => recipients(200)).flat())
  await until(() => first.total >= 100)
  t.equal(second.total, 0, 'the first alone while it is up')
  first.sessions[0]!.socket.destroy()
  t.ok(await until(() => second.total > 0))
  const lost = first.total
  t.ok(await until(() => first.total > lost), 'the first again once it is back')
  await until(() => engine.job(peers.principal, job).state === 'finished')
  t.match(engine.job(peers.principal, job), { state: 'finished' })
  const unanswered = await metric(peers, 'trunkline_unanswered_total', { carrier: 'first', policy: 'resend' })
  t.ok(first.total + second.total <= 2_000 + unanswered, 'only the unanswered are sent again')
})

t.test('TLS with an own authority; a certificate for another host or of an unknown authority is refused', async (t) => {
  const good = new GoodCarrier()
  const port = await startPeer(t, good.onSession, { tls: { cert: certificate, key: privateKey } })
  const carriers = [
    { id: 'right', port, tls: { ca: authority, servername: 'smsc.test' } },
    { id: 'wrong-host', port, tls: { ca: authority } },
    { id: 'unknown', port, tls: true },
  ]
  const peers = await startEngine(t, carriers)
  const job = await startJob(peers, {}, recipients(50))
  t.ok(isDelivered(await untilMessages(peers, job, isDelivered)))
  t.ok(await until(async () => (await bindsOf(peers, 'unknown'))[0]!.lastError !== null))
  t.ok(await until(async () => (await bindsOf(peers, 'wrong-host'))[0]!.lastError !== null))
  t.match((await bindsOf(peers, 'wrong-host'))[0]!.lastError, /ALTNAME/)
  t.match((await bindsOf(peers, 'unknown'))[0]!.lastError, /CERT|SELF_SIGNED|VERIFY/)
  t.equal(good.sessions.length, 1, 'nobody bound but the right one')
})

t.test('a carrier that accepts and says nothing is given up within the response time', async (t) => {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.resume()
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  const peers = await startEngine(t, [{ id: 'peer', port: await listen(t, server), responseTimeoutMs: 200, binds: 3 }])
  t.ok(await until(async () => (await bindsOf(peers, 'peer')).some(({ lastError }) => lastError !== null)))
  t.ok((await bindsOf(peers, 'peer')).some(({ lastError }) => lastError === 'no answer while binding'))
  t.ok(sockets.length <= 2, 'one try at a time')
})
