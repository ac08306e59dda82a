/**
 * A thousand hostile HTTP clients at the real process (reliability.md F15, F28, P11): other accounts are served, health and
 * the admin are answered, memory stays within its bound, and when they go everything is as it was, without a restart.
 */
import t from 'tap'
import { HostileClient } from '../proof/overload/hostile-client.js'
import { hostileHttp } from '../proof/overload/hostile-http.js'
import { megabytes, RESIDENT_MAX } from '../proof/overload/resident.js'
import { type Customer, calm, type OverloadStand, overloadStand, sendSingles } from './overload-stand.js'
import { until } from './until.js'

const CLIENTS = Number(process.argv[3] ?? 1_000)
const SINGLES = { count: 100, atOnce: 8 }

/** A job whose report is a few megabytes, so that it does not fit the buffers of a socket. */
async function longJob({ call }: Customer): Promise<string> {
  await call('PUT', '/v1/profiles/default', { body: { text: 'x' } })
  const { json } = await call('POST', '/v1/jobs', { body: { text: 'x'.repeat(100), review: true } })
  const rows = Array.from({ length: 10_000 }, (_, n) => `+4477${String(n).padStart(8, '0')}`)
  await call('PUT', `/v1/jobs/${json.id}/recipients`, {
    body: `to\n${rows.join('\n')}\n`,
    headers: { 'content-type': 'text/csv' },
  })
  return json.id
}

async function attack(stand: OverloadStand, loud: Customer): Promise<HostileClient[]> {
  const ways = Object.values(hostileHttp({ key: loud.key, job: await longJob(loud) }))
  const clients = Array.from({ length: CLIENTS }, (_, n) => new HostileClient(stand.target, ways[n % ways.length]!))
  await Promise.all(clients.map(({ connected }) => connected))
  return clients
}

t.test('a thousand hostile clients keep nobody else out, and fill no memory', { timeout: 580_000 }, async (t) => {
  const stand = await overloadStand(t)
  const { call, engine, resident } = stand
  const [loud, quiet] = [await stand.account('loud'), await stand.account('quiet')]
  const before = await sendSingles(quiet, SINGLES)
  t.same(before, { accepted: SINGLES.count, others: [] })

  const clients = await attack(stand, loud)
  const under = await sendSingles(quiet, SINGLES)
  t.same(under, before, 'each message of another account is accepted')
  for (const path of ['/healthz', '/readyz', '/metrics', '/v1/carriers'])
    t.equal((await call('GET', path)).status, 200, path)
  const paused = await call('PATCH', '/v1/carriers/sim', { body: { paused: true } })
  t.match(paused, { status: 200, json: { paused: true } })
  const suspended = await call('PATCH', '/v1/accounts/loud', { body: { suspended: true } })
  t.match(suspended, { status: 200, json: { suspended: true } })
  t.equal((await call('PATCH', '/v1/carriers/sim', { body: { paused: false } })).status, 200)
  t.ok(resident.most < RESIDENT_MAX, `${megabytes(resident.most)} at the most, in ${resident.looks} looks`)
  t.comment(
    `${megabytes(resident.most)} at the most; ${clients.filter(({ isOpen }) => isOpen).length} of ${CLIENTS} open`,
  )

  for (const client of clients) client.leave()
  await calm(stand)
  t.equal((await call('PATCH', '/v1/accounts/loud', { body: { suspended: false } })).status, 200)
  t.same(await sendSingles(loud, SINGLES), before, 'also the account that they used is served again')
  t.same(await sendSingles(quiet, SINGLES), before)
  t.equal(engine.starts, 1)
  await until(
    async () => stand.smsc.stats().submits,
    (submits) => submits >= SINGLES.count * 4,
  )
})
