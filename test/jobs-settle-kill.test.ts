/** kill -9 while messages are settled: what was said of them stays said, once; what is to be sent again is sent. */
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { JobView, MessageView, Page } from '../src/engine/contract/api.js'
import type { SettledView } from '../src/engine/contract/retry.js'
import { seed, startRig, timeout } from './acceptance-run.js'
import { orKilled, post } from './rig-requests.js'

t.setTimeout(timeout)
const random = new Random(seed)

t.test(`what was settled stays settled; seed ${seed}`, { timeout }, async (t) => {
  const rig = await startRig(t, { smsc: ['--faults', 'noresp=1'], carrier: { responseTimeoutMs: 1_000, window: 200 } })
  const rows = 150
  const recipients = Array.from({ length: rows }, (_, row) => `+4477123${String(10_000 + row)}`)
  const settings = { from: 'ACME', text: 'Hi', onUnanswered: 'hold', recipients }
  const { id } = await post<JobView>(rig, '/v1/jobs', settings)
  await rig.until(id, ({ counts }) => counts.unknown === rows)

  const { settled } = await post<SettledView>(rig, `/v1/jobs/${id}/settle`, { state: 'resend' })
  t.equal(settled, rows)
  await rig.kill()
  await rig.start()
  await rig.until(id, ({ state, counts }) => state === 'finished' && counts.unknown === rows)
  t.ok((await rig.smsc.stats()).submits >= 2 * rows, 'every one was sent again, or had been when the kill came')

  const asked = orKilled(post(rig, `/v1/jobs/${id}/settle`, { state: 'delivered' }))
  await pause(random.below(200))
  await rig.kill()
  await asked
  await rig.start()
  const { counts } = await rig.look(id)
  t.equal(counts.unknown + counts.delivered, rows, `${counts.delivered} were settled when the kill came`)
  await post(rig, `/v1/jobs/${id}/settle`, { state: 'delivered' })
  await rig.kill()
  await rig.start()
  t.match((await rig.look(id)).counts, { unknown: 0, delivered: rows })
  const { items } = await rig.client.get<Page<MessageView>>(`/v1/jobs/${id}/messages?limit=200`)
  const said = items.map(({ history }) =>
    history.filter(({ event, state }) => event === 'settled' && state === 'delivered'),
  )
  t.ok(
    said.every((entries) => entries.length === 1),
    'each was settled once',
  )
})
