/**
 * HTTP clients that are slow, and clients that only hold connections (reliability.md F15): at the real process, with the times that
 * it has by default.
 */
import t from 'tap'
import { HostileClient } from '../proof/overload/hostile-client.js'
import { hostileHttp } from '../proof/overload/hostile-http.js'
import { megabytes, RESIDENT_MAX } from '../proof/overload/resident.js'
import { calm, overloadStand } from './overload-stand.js'
import { until } from './until.js'

const KEPT_OPEN = Number(process.argv[3] ?? 5_000)

t.test(
  'clients that are slow to say what they want are cut off, and what they wanted is told',
  { timeout: 580_000 },
  async (t) => {
    const stand = await overloadStand(t)
    const loud = await stand.account('loud')
    const ways = hostileHttp({ key: loud.key, job: 'job_0' })
    const slow = ['silence', 'slow head', 'slow body without a key', 'slow body'].map((way) => ways[way]!)
    const clients = Array.from({ length: 200 }, (_, n) => new HostileClient(stand.target, slow[n % slow.length]!))
    await Promise.all(clients.map(({ closed }) => closed))
    await calm(stand)
    const told = new Set(clients.flatMap(({ statuses }) => statuses))
    t.same([...told].sort(), [401, 408])
  },
)

t.test(`${KEPT_OPEN} connections that are opened and kept make room for new ones`, { timeout: 580_000 }, async (t) => {
  const stand = await overloadStand(t, { http: { limits: { connections: 1_000, requests: 500 } } })
  const behaviour = { begin: 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' }
  const clients: HostileClient[] = []
  for (let made = 0; made < KEPT_OPEN; made += 500) {
    const some = Array.from({ length: 500 }, () => new HostileClient(stand.target, behaviour))
    await Promise.all(some.map(({ connected }) => connected))
    clients.push(...some)
    t.equal((await stand.call('GET', '/healthz')).status, 200)
    if ((await stand.metric('trunkline_http_connections')) > 1_000) t.fail('more connections than there may be')
  }
  await until(
    () => stand.metric('trunkline_http_connections_dropped_total'),
    (dropped) => dropped >= KEPT_OPEN - 1_000,
  )
  t.ok(stand.resident.most < RESIDENT_MAX, megabytes(stand.resident.most))
  for (const client of clients) client.leave()
  await until(
    () => stand.metric('trunkline_http_connections'),
    (open) => open <= 2,
  )
})
