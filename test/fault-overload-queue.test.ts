/**
 * Everything waits (reliability.md F28, P11): a heap of 256 MB, tens of thousands of rows queued (argv[3]: more), a hundred carriers of which
 * none works, one that floods, a webhook that hangs, and hundreds of clients. Nothing of what was accepted is lost, memory
 * stays in its bound, and when the carriers work again so does everything, by itself.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { HostileCarrier } from '../proof/overload/hostile-carriers.js'
import { megabytes, RESIDENT_MAX } from '../proof/overload/resident.js'
import type { JobView } from '../src/engine/contract/api.js'
import { assertSums } from './engine-harness.js'
import { overloadStand, sendSingles, sumOf } from './overload-stand.js'
import { until } from './until.js'

const ROWS = Number(process.argv[3] ?? 30_000)
const HUNG = 100
const CLIENTS = 200
const HOST = '127.0.6.2'
const ROWS_A_PIECE = 10_000

/** Rows of numbers that nobody has twice. */
async function* csv(rows: number): AsyncGenerator<Uint8Array> {
  yield Buffer.from('to,name\n')
  for (let at = 0; at < rows; at += ROWS_A_PIECE) {
    let text = ''
    for (let n = at; n < Math.min(rows, at + ROWS_A_PIECE); n++) text += `+4477${String(n).padStart(8, '0')},Ann\n`
    yield Buffer.from(text)
  }
}

t.test('with everything down it accepts, keeps its bound, and recovers by itself', { timeout: 580_000 }, async (t) => {
  let smscPort = 0
  const real = () => ({ host: '127.0.6.1', port: smscPort })
  const carriers = [new HostileCarrier('flood', real), new HostileCarrier('silent', real)]
  const [floods, silent] = [await carriers[0]!.listen(HOST), await carriers[1]!.listen(HOST)]
  // A receiver that takes what is sent and never says a word.
  const hangs = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, HOST)
  await once(hangs, 'listening')
  t.teardown(async () => {
    await Promise.all(carriers.map((carrier) => carrier.close()))
    hangs.close()
  })
  const smpp = { protocol: 'smpp', host: HOST, systemId: 'trunk', password: 'secret', responseTimeoutMs: 2_000 }
  const hung = Array.from({ length: HUNG }, (_, n) => ({ ...smpp, id: `hung-${n}`, port: silent }))
  const stand = await overloadStand(t, {
    node: ['--max-old-space-size=256'],
    config: {
      carriers: [{ ...smpp, id: 'main', port: silent, window: 1_000 }, { ...smpp, id: 'flood', port: floods }, ...hung],
      routes: [{ channel: 'sms', carriers: ['main'] }],
      webhooks: { allowPrivateAddresses: true },
    },
  })
  smscPort = stand.smscPort
  const { resident, call } = stand
  const [loud, quiet] = [await stand.account('loud'), await stand.account('quiet')]
  const url = `http://${HOST}:${(hangs.address() as AddressInfo).port}/`
  for (const { call: own } of [loud, quiet]) {
    t.equal((await own('PUT', '/v1/webhooks/dead', { body: { url, events: ['messages.updated'] } })).status, 200)
  }
  const { json: job } = await loud.call('POST', '/v1/jobs', { body: { text: 'Hi ~name~', from: 'LOUD' } })
  const uploaded = await fetch(`${stand.engine.url}/v1/jobs/${job.id}/recipients`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${loud.key}`, 'content-type': 'text/csv' },
    body: csv(ROWS) as unknown as ReadableStream,
    duplex: 'half',
  } as RequestInit)
  t.equal(uploaded.status, 202)
  await uploaded.text()
  const look = async (): Promise<JobView> => {
    const { json } = await loud.call('GET', `/v1/jobs/${job.id}`)
    assertSums(json)
    return json
  }
  await until(look, ({ counts }) => counts.accepted === ROWS)
  t.comment(`${ROWS} rows are queued: ${megabytes(resident.most)} at the most`)

  const singles = { count: CLIENTS * 2, atOnce: CLIENTS }
  const scrapes = Array.from({ length: 1_000 }, async () => (await call('GET', '/metrics')).status)
  const [sent, statuses] = await Promise.all([sendSingles(quiet, singles), Promise.all(scrapes)])
  t.same(sent, { accepted: singles.count, others: [] }, 'messages are accepted though none can be sent')
  t.same(
    statuses.filter((status) => status !== 200 && status !== 503),
    [],
    'a thousand scrapes at once',
  )
  await until(
    async () => carriers[0]!.flooded,
    (octets) => octets > 1 << 19,
  )
  for (const path of ['/healthz', '/v1/carriers']) t.equal((await call('GET', path)).status, 200, path)
  t.ok(resident.most < RESIDENT_MAX, `${megabytes(resident.most)} at the most, in ${resident.looks} looks`)
  const { submits } = stand.smsc.stats()
  t.equal(submits, 0, 'nothing was sent')

  for (const carrier of carriers) carrier.turn('real')
  const done = await until(look, ({ counts }) => counts.delivered + counts.sent === ROWS)
  t.equal(done.counts.accepted, ROWS)
  await until(
    async () => (await quiet.call('GET', '/v1/messages?state=queued&limit=1')).json.items.length,
    (left) => left === 0,
  )
  t.equal(stand.smsc.stats().submits, ROWS + singles.count, 'each once')
  t.ok(resident.most < RESIDENT_MAX, `${megabytes(resident.most)} at the most, in ${resident.looks} looks`)
  t.same(await sendSingles(quiet, singles), sent)
  t.equal(stand.engine.starts, 1)
  t.comment(`open requests: ${sumOf((await call('GET', '/metrics')).text, 'trunkline_http_requests_open')}`)
})
