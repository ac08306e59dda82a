/** Fields that jobs and messages ask for, through the whole engine to a carrier that is not ours. */
import t from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import type { SubmitSettings, Tlv } from '../src/engine/contract/submit-fields.js'
import { startServer } from '../src/start.js'
import { type NpmPdu, numberOf, prefixOf, startEngine, startJob, startPeer, untilMessages } from './peer-support.js'

t.test('what a job or a message asks for reaches the carrier, also when it is sent again', async (t) => {
  const seen: { n: number; pdu: NpmPdu; hex: string }[] = []
  const port = await startPeer(t, (session) => {
    session.on('submit_sm', (pdu) => {
      seen.push({ n: Number(pdu.destination_addr.slice(-4)), pdu, hex: pdu.toBuffer().toString('hex') })
      // The first of all is refused for now.
      if (seen.length === 1) session.send(pdu.response({ command_status: 0x08 }))
      else session.send(pdu.response({ message_id: `id${seen.length}` }))
    })
  })
  const carrier = { id: 'peer', port, tlvs: [{ tag: '0x0205', type: 'int8', value: 1 }], receipts: { request: 'none' } }
  const peers = await startEngine(t, [carrier], [{ prefix: prefixOf(1), carriers: ['peer'] }])
  const { engine } = peers.server
  const settings: SubmitSettings = { flash: true, tlvs: [{ tag: 0x0202, type: 'cstring', value: 'job' }] }
  const job = await startJob(peers, settings, [{ to: numberOf(1, 1), text: 'of a job' }])
  await untilMessages(peers, job, ([message]) => message?.state === 'sent')
  const tlvs: Tlv[] = [{ tag: '0x0202', type: 'cstring', value: 'one' }]
  const messages = [
    { to: numberOf(1, 2), text: 'with', tlvs },
    { to: numberOf(1, 3), text: 'without' },
    { to: numberOf(1, 4), text: 'wrong', tlvs: [{ tag: 0, value: '' }] },
  ]
  const answers = await engine.submit(peers.principal, messages)
  t.equal(answers[2]!.reason, 'TLV_INVALID')
  const end = performance.now() + 60_000
  while (seen.length < 4 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
  const of = (n: number) => seen.filter((each) => each.n === n)
  t.equal(of(1).length, 2, 'the first was sent again')
  for (const { pdu } of of(1)) t.match(pdu, { data_coding: 0x10, source_subaddress: Buffer.from('job\0') })
  t.match(of(2)[0]!.pdu, { data_coding: 0, source_subaddress: Buffer.from('one\0') })
  t.equal(of(3)[0]!.pdu.source_subaddress, undefined)
  t.ok(
    seen.every(({ hex }) => hex.includes('0205000101')),
    'and the carrier’s own with every one',
  )
  await t.rejects(startJob(peers, { tlvs: [{ tag: 1, type: 'int8', value: 300 }] }, [{ to: numberOf(1, 5) }]), {
    code: 'VALIDATION',
    fields: [{ pointer: '/tlvs/0/value', message: 'must be an integer from 0 to 255' }],
  })
})

t.test('over HTTP: flash and own parameters of jobs and messages, and what is wrong with them', async (t) => {
  const seen: NpmPdu[] = []
  const port = await startPeer(t, (session) => {
    session.on('submit_sm', (pdu) => {
      seen.push(pdu)
      session.send(pdu.response({ message_id: `id${seen.length}` }))
    })
  })
  const { server } = await startEngine(t, [{ id: 'peer', port, receipts: { request: 'none' } }])
  const { key } = await server.engine.createAccount('over-http', { defaultCountry: 'GB' })
  const post = async (path: string, body: object): Promise<{ status: number; answer: Record<string, unknown> }> => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const reply = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    return { status: reply.status, answer: (await reply.json()) as Record<string, unknown> }
  }
  const tlvs = [{ tag: '0x0202', type: 'cstring', value: 'http' }]
  const message = { to: numberOf(1, 1), from: 'ACME', text: 'one' }
  t.equal((await post('/v1/messages', { ...message, flash: true, tlvs })).status, 202)
  const job = await post('/v1/jobs', { from: 'ACME', text: 'job', tlvs, recipients: [numberOf(1, 2)] })
  t.match(job, { status: 202, answer: { settings: { tlvs } } }, 'shown with the settings')
  const end = performance.now() + 60_000
  while (seen.length < 2 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
  t.ok(seen.every(({ source_subaddress }) => String(source_subaddress) === 'http\0'))
  t.strictSame(seen.map(({ data_coding }) => data_coding).sort(), [0, 0x10])
  const wrongType = await post('/v1/messages', { ...message, tlvs: [{ tag: 1, type: 'float', value: 1 }] })
  t.match(wrongType, { status: 422, answer: { code: 'VALIDATION' } })
  const reserved = await post('/v1/jobs', { from: 'ACME', text: 'x', tlvs: [{ tag: 0x0424, value: 'x' }] })
  t.match(reserved, {
    status: 422,
    answer: { errors: [{ pointer: '/tlvs/0/tag', message: 'is set by the engine itself' }] },
  })
  const one = await post('/v1/messages', { ...message, tlvs: [{ tag: 0x0424, value: 'x' }] })
  t.match(one, { status: 422, answer: { code: 'TLV_INVALID', errors: [{ pointer: '/tlvs' }] } })
})

t.test('after a restart the fields are what they were', async (t) => {
  const seen: NpmPdu[] = []
  let isOpen = false
  const port = await startPeer(
    t,
    (session) => {
      session.on('bind_transceiver', (pdu) => session.send(pdu.response({ command_status: isOpen ? 0 : 0x08 })))
      session.on('unbind', (pdu) => session.send(pdu.response()))
      session.on('enquire_link', (pdu) => session.send(pdu.response()))
      session.on('submit_sm', (pdu) => {
        seen.push(pdu)
        session.send(pdu.response({ message_id: `id${seen.length}` }))
      })
    },
    { manual: true },
  )
  const dataDir = t.testdir()
  const carrier = { id: 'peer', protocol: 'smpp', host: '127.0.0.1', port, systemId: 'trunk', password: 'secret' }
  const text = JSON.stringify({
    dataDir,
    http: { port: 0 },
    threads: { ingest: 1 },
    logLevel: 'silent',
    carriers: [{ ...carrier, receipts: { request: 'none' } }],
  })
  const begin = () => startServer(parseConfig(text, { name: 'test', folder: dataDir, env: {} }), { log: silentLog })
  const before = await begin()
  await before.engine.createAccount('acme', { defaultCountry: 'GB' })
  const principal = { kind: 'account', account: 'acme', key: 'test' } as const
  const tlvs: Tlv[] = [{ tag: 0x0202, type: 'cstring', value: 'kept' }]
  await before.engine.createJob(principal, { from: 'ACME', text: 'job', flash: true, tlvs }, [{ to: numberOf(1, 1) }])
  await before.engine.submit(principal, [{ to: numberOf(1, 2), from: 'ACME', text: 'single', flash: true, tlvs }])
  await before.stop()
  t.equal(seen.length, 0)
  isOpen = true
  const after = await begin()
  t.teardown(() => after.stop())
  const end = performance.now() + 60_000
  while (seen.length < 2 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
  t.strictSame(seen.map(({ short_message }) => String(short_message.message)).sort(), ['job', 'single'])
  for (const pdu of seen) t.match(pdu, { data_coding: 0x10, source_subaddress: Buffer.from('kept\0') })
})
