/**
 * What is refused at which bound (reliability.md P11, contract.md on 429 and 503), through the API, with bounds that are small: the
 * code, `bound` and Retry-After; what is answered all the same; and that all of it is taken again afterwards.
 */
import { once } from 'node:events'
import { type ClientRequest, request as httpRequest } from 'node:http'
import t from 'tap'
import { HostileClient } from '../proof/overload/hostile-client.js'
import { MemoryWatch } from '../src/http/load/memory.js'
import { ReadTurns } from '../src/http/load/read-turns.js'
import { Share } from '../src/http/load/share.js'
import { type Customer, calm, overloadStand, sumOf } from './overload-stand.js'
import { until } from './until.js'

const bounds = { requests: 8, requestsPerAccount: 4, connections: 64, uploads: 3, uploadsPerAccount: 2 }
const stand = await overloadStand(t, { http: { limits: bounds } })
const [one, two, three] = [await stand.account('one'), await stand.account('two'), await stand.account('three')]

/** Its head and the begin of its body are there; the rest never comes. */
async function halfRequest(customer: Customer, path: string, type: string): Promise<ClientRequest> {
  const headers = { authorization: `Bearer ${customer.key}`, 'content-type': type, 'content-length': 9_999 }
  const request = httpRequest(stand.engine.url + path, { method: path.endsWith('s') ? 'POST' : 'PUT', headers })
  request.on('error', () => {})
  request.write('{')
  await once(request, 'socket')
  return request
}

const open = () => stand.metric('trunkline_http_requests_open')

async function leave(requests: ClientRequest[]): Promise<void> {
  for (const request of requests) request.destroy()
  await calm(stand)
}

t.test(
  'an account has so many requests under way, the engine so many, and the admin gets in beside them',
  async (t) => {
    const held: ClientRequest[] = []
    for (let n = 0; n < 4; n++) held.push(await halfRequest(one, '/v1/messages', 'application/json'))
    await until(open, (count) => count >= 5)
    const own = await one.call('GET', '/v1/jobs')
    t.match(own, { status: 429, json: { code: 'RATE_LIMITED', bound: 'requests' } })
    t.equal(own.headers.get('retry-after'), '1')
    t.equal((await two.call('GET', '/v1/jobs')).status, 200, 'another account is served')

    for (let n = 0; n < 4; n++) held.push(await halfRequest(two, '/v1/messages', 'application/json'))
    await until(open, (count) => count >= 9)
    const full = await three.call('POST', '/v1/messages', { body: { to: '+447712345678', from: 'A', text: 'x' } })
    t.match(full, { status: 503, json: { code: 'OVERLOADED', bound: 'requests' } })
    t.equal(full.headers.get('retry-after'), '1')
    for (const path of ['/healthz', '/readyz', '/metrics', '/v1/carriers', '/v1/accounts']) {
      t.equal((await stand.call('GET', path)).status, 200, path)
    }
    t.equal((await stand.call('PATCH', '/v1/carriers/sim', { body: { paused: true } })).status, 200)
    t.equal((await stand.call('PATCH', '/v1/accounts/one', { body: { suspended: true } })).status, 200)
    await leave(held)
    const { text } = await stand.call('GET', '/metrics')
    t.match(text, /trunkline_requests_refused_total\{code="OVERLOADED",bound="requests"\} 1/)
    await stand.call('PATCH', '/v1/carriers/sim', { body: { paused: false } })
    await stand.call('PATCH', '/v1/accounts/one', { body: { suspended: false } })
    for (const { call } of [one, two, three]) {
      t.equal((await call('POST', '/v1/messages', { body: { to: '+447712345678', from: 'A', text: 'x' } })).status, 202)
    }
  },
)

t.test('uploads have bounds of their own, and a place that is left is there for the next', async (t) => {
  const csv = { 'content-type': 'text/csv' }
  const job = async ({ call }: Customer) =>
    (await call('POST', '/v1/jobs', { body: { text: 'x', review: true } })).json.id
  const held: ClientRequest[] = []
  for (const customer of [one, one, two]) {
    held.push(await halfRequest(customer, `/v1/jobs/${await job(customer)}/recipients?x=1`, 'text/csv'))
  }
  await until(open, (count) => count >= 4)
  const put = async (customer: Customer) => {
    return await customer.call('PUT', `/v1/jobs/${await job(customer)}/recipients`, {
      body: 'to\n+447712345678\n',
      headers: csv,
    })
  }
  const own = await put(one)
  t.match(own, { status: 429, json: { code: 'RATE_LIMITED', bound: 'uploads' } })
  const full = await put(three)
  t.match(full, { status: 503, json: { code: 'OVERLOADED', bound: 'uploads' } })
  t.equal(full.headers.get('retry-after'), '10')
  await leave(held)
  await until(
    async () => (await put(three)).status,
    (status) => status === 202,
  )
  t.equal((await put(one)).status, 202)
})

t.test('open jobs take so much of an account, and less when some are canceled', async (t) => {
  const suppressed = Array.from({ length: 100_000 }, (_, n) => `+4477${String(n).padStart(8, '0')}`)
  const make = () => one.call('POST', '/v1/jobs', { body: { text: 'x', suppressed } })
  const made: string[] = []
  let last = await make()
  for (; last.status === 202; last = await make()) made.push(last.json.id)
  t.match(last, { status: 429, json: { code: 'RATE_LIMITED', bound: 'jobs' } }, last.text)
  t.equal((await two.call('POST', '/v1/jobs', { body: { text: 'x' } })).status, 202)
  for (const id of made) t.equal((await one.call('POST', `/v1/jobs/${id}/cancel`)).status, 200)
  t.equal((await make()).status, 202)
})

t.test('of one connection so many requests wait for their answers; more are refused, and it is closed', async (t) => {
  const ask = `GET /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${two.key}\r\n\r\n`
  const client = new HostileClient(stand.target, { begin: ask.repeat(100) })
  await client.closed
  t.equal(client.statuses.length, 65)
  t.equal(client.statuses.at(-1), 429)
  await calm(stand)
  t.ok(sumOf((await stand.call('GET', '/metrics')).text, 'trunkline_http_connections') <= bounds.connections)
})

t.test('shares, turns and memory, each by itself', async (t) => {
  const share = new Share(10, 6)
  t.equal(share.take('a', 20), 'taken', 'what is larger than all of it goes alone')
  t.equal(share.take('b', 1), 'all')
  share.give('a', 20)
  t.same([share.take('a', 6), share.take('a'), share.take('b', 4), share.take('c')], ['taken', 'own', 'taken', 'all'])

  const order: string[] = []
  const turns = new ReadTurns(1)
  const waiter = (name: string) => ({ begin: () => order.push(name) })
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2']) turns.take(name[0]!, waiter(name))
  while (order.length < 5) {
    const before = order.length
    turns.end()
    await until(
      async () => order.length,
      (length) => length > before,
    )
  }
  t.same(order, ['a1', 'a2', 'b1', 'a3', 'b2'], 'one account after the other')

  let [held, left, collected] = [0, 0, 0]
  const heap = {
    held: () => held,
    collect: () => {
      collected++
      held = left
    },
  }
  const memory = new MemoryWatch(heap)
  t.teardown(() => memory.close())
  for (const [at, [holds, leaves, scarce, collections]] of Object.entries([
    [1 << 20, 0, false, 0],
    [300 << 20, 50 << 20, false, 1],
    [300 << 20, 200 << 20, true, 2],
    [50 << 20, 0, false, 2],
  ] as const)) {
    held = holds
    left = leaves
    memory.look(10_000 * (Number(at) + 1))
    t.same([memory.isScarce, collected], [scarce, collections], `look ${at}`)
  }
})
