/**
 * The way of a campaign over the real engine, HTTP and a simulated carrier: draft, changed, previewed, confirmed, copied and
 * deleted; what failed is in the archive, and goes out again by one call, each message once.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { JobView } from '../src/engine/contract/api.js'
import { type Call, reached, startWhole } from './whole-engine.js'

const { account, folder, smsc } = await startWhole(t, {
  yaml: (at) => `carriers: [{ id: sim, ${at('trunk')}, window: 500 }]`,
})

let accounts = 0
async function stand(): Promise<Call> {
  return (await account(`acme-${++accounts}`)).call
}
async function texts(call: Call, id: string): Promise<string[]> {
  const { json } = await call('GET', `/v1/jobs/${id}/preview`)
  // A row that became no message has no text.
  return json.rows.map(({ text }: { text: string }) => text).filter((text: string) => text !== '')
}
async function draft(call: Call, settings: object, rows: string): Promise<string> {
  const { json } = await call('POST', '/v1/jobs', { body: { ...settings, review: true } })
  const headers = { 'content-type': 'text/csv' }
  const sent = await call('PUT', `/v1/jobs/${json.id}/recipients`, { body: rows, headers })
  t.equal(sent.json.state, 'ready', sent.text)
  return json.id
}

const ROWS = 'mobile,name\n07712345301,Ann\n07712345302,Bob\n12,Cy\n'

t.test('a draft of a file is changed as often as one likes, and sent as it was last', async (t) => {
  const call = await stand()
  const id = await draft(call, { from: 'ACME', text: 'Hi ~name~' }, ROWS)
  t.same(await texts(call, id), ['Hi Ann', 'Hi Bob'])

  const changed = await call('PATCH', `/v1/jobs/${id}`, { body: { text: 'Bye ~name~', from: 'OTHER', name: 'Late' } })
  t.match(
    changed,
    { status: 200, json: { state: 'ready', name: 'Late', counts: { accepted: 2, rejected: 1 } } },
    changed.text,
  )
  t.same(await texts(call, id), ['Bye Ann', 'Bye Bob'])
  const wrong = await call('PATCH', `/v1/jobs/${id}`, { body: { text: 'Hi ~surname~', name: 'no' } })
  t.match(wrong, { status: 422, json: { code: 'TEMPLATE_LABEL_UNKNOWN' } }, wrong.text)
  t.equal((await call('PATCH', `/v1/jobs/${id}`, { body: { columns: { to: 'fax' } } })).status, 422)
  t.match(
    (await call('GET', `/v1/jobs/${id}`)).json,
    { state: 'ready', name: 'Late' },
    'what is refused changes nothing',
  )

  t.equal((await call('PUT', '/v1/templates/late', { body: { text: 'Dear ~name~' } })).status, 200)
  t.equal((await call('PATCH', `/v1/jobs/${id}`, { body: { template: 'late' } })).status, 200)
  t.same(await texts(call, id), ['Dear Ann', 'Dear Bob'])
  t.equal((await call('PATCH', `/v1/jobs/${id}`, { body: { maxParts: 2, template: 'none' } })).status, 422)
  const both = await call('PATCH', `/v1/jobs/${id}`, { body: { text: 'x', template: 'late' } })
  t.equal(both.status, 422)

  t.equal((await call('POST', `/v1/jobs/${id}/start`)).status, 200)
  const done = await reached(call, id, 'finished')
  t.match(done.counts, { rows: 3, accepted: 2, delivered: 2 })
  const { items } = (await call('GET', '/v1/messages?limit=10')).json
  t.same(items.map(({ text, from }: { text: string; from: string }) => `${from} ${text}`).sort(), [
    'OTHER Dear Ann',
    'OTHER Dear Bob',
  ])
  const late = await call('PATCH', `/v1/jobs/${id}`, { body: { text: 'too late' } })
  t.match(late, { status: 409, json: { code: 'WRONG_STATE' } }, late.text)
})

t.test('a draft of an audience gets another audience and reads it anew', async (t) => {
  const call = await stand()
  const people = [1, 2, 3].map((n) => ({
    number: `0771234531${n}`,
    attributes: { name: `P${n}` },
    tags: [`t${n}`, 'all'],
  }))
  await call('POST', '/v1/contacts', { body: people })
  const body = { text: 'Hi ~who~', audience: { tag: 't1', fields: { who: 'name' } }, review: true }
  const { json } = await call('POST', '/v1/jobs', { body })
  t.same(await texts(call, json.id), ['Hi P1'])
  const audience = { tags: ['t2', 't3'], fields: { who: 'name' } }
  const changed = await call('PATCH', `/v1/jobs/${json.id}`, { body: { audience } })
  t.match(
    changed,
    { status: 200, json: { state: 'ready', settings: { audience }, counts: { accepted: 2 } } },
    changed.text,
  )
  t.same(await texts(call, json.id), ['Hi P2', 'Hi P3'])

  const copy = await call('POST', `/v1/jobs/${json.id}/copy`, { body: { name: 'again' } })
  t.match(copy, { status: 202, json: { state: 'ready', name: 'again', counts: { accepted: 2 } } }, copy.text)
  await call('DELETE', '/v1/contacts/07712345313')
  const other = await call('POST', `/v1/jobs/${json.id}/copy`)
  t.match(other.json, { state: 'ready', counts: { accepted: 1 } }, 'the audience is read anew')
  t.equal((await call('POST', `/v1/jobs/${copy.json.id}/start`)).status, 200)
  t.match((await reached(call, copy.json.id, 'finished')).counts, { delivered: 2 })
})

t.test('a job of any state is copied as a draft, with its rows or without', async (t) => {
  const call = await stand()
  const id = await draft(
    call,
    { from: 'ACME', text: 'Hi ~name~', tags: ['a'], clientReference: 'ref-1', sendAt: '2026-01-01T00:00:00Z' },
    ROWS,
  )
  await call('POST', `/v1/jobs/${id}/start`)
  await reached(call, id, 'finished')
  const copy = await call('POST', `/v1/jobs/${id}/copy`, { body: {}, headers: { 'idempotency-key': 'copy-1' } })
  t.match(copy, { status: 202, json: { state: 'ready', counts: { rows: 3, accepted: 2, rejected: 1 } } }, copy.text)
  t.match(copy.json.settings, { text: 'Hi ~name~', from: 'ACME', tags: ['a'], review: true })
  t.same([copy.json.settings.sendAt, copy.json.settings.clientReference], [undefined, undefined])
  const replay = await call('POST', `/v1/jobs/${id}/copy`, { body: {}, headers: { 'idempotency-key': 'copy-1' } })
  t.equal(replay.json.id, copy.json.id, 'the same request makes no second one')
  const empty = await call('POST', `/v1/jobs/${id}/copy`, { body: { rows: false, name: 'bare' } })
  t.match(empty.json, { state: 'receiving', name: 'bare', counts: { rows: 0 } }, empty.text)
  t.equal((await call('PATCH', `/v1/jobs/${empty.json.id}`, { body: { text: 'Ho ~name~' } })).status, 200)
  const headers = { 'content-type': 'text/csv' }
  await call('PUT', `/v1/jobs/${empty.json.id}/recipients`, { body: ROWS, headers })
  t.same(await texts(call, empty.json.id), ['Ho Ann', 'Ho Bob'])
  t.equal((await call('POST', '/v1/jobs/job_99999999/copy')).status, 404)
})

t.test('what has sent nothing is deleted with its rows; what has is kept', async (t) => {
  const call = await stand()
  const id = await draft(call, { text: 'Hi ~name~' }, ROWS)
  const file = join(folder, 'uploads', `${id}.csv`)
  t.ok(existsSync(file))
  t.equal((await call('DELETE', `/v1/jobs/${id}`)).status, 204)
  t.equal((await call('GET', `/v1/jobs/${id}`)).status, 404)
  t.equal((await call('DELETE', `/v1/jobs/${id}`)).status, 404)
  t.notOk(existsSync(file), 'its file is gone')
  const waiting = (await call('POST', '/v1/jobs', { body: { text: 'x' } })).json.id
  t.equal((await call('DELETE', `/v1/jobs/${waiting}`)).status, 204)
  t.same((await call('GET', '/v1/jobs')).json.items, [])
  t.same((await call('GET', '/v1/messages')).json.items, [])
  const sent = (await call('POST', '/v1/jobs', { body: { text: 'x', recipients: ['07712345320'] } })).json.id
  await reached(call, sent, 'finished')
  t.equal((await call('DELETE', `/v1/jobs/${sent}`)).status, 409)
})

t.test(
  'failed and unsent messages of many jobs are in the archive and go out again by one call, each once',
  async (t) => {
    const call = await stand()
    const make = async (name: string, numbers: string[], settings = {}): Promise<string> => {
      const body = { name, text: name, from: 'ACME', tags: [name], recipients: numbers, ...settings }
      return (await call('POST', '/v1/jobs', { body })).json.id
    }
    smsc.setFaults('reject=1')
    const first = await make('first', ['07712345331', '07712345332'])
    const second = await make('second', ['07712345333'])
    await reached(call, first, 'finished')
    await reached(call, second, 'finished')
    smsc.setFaults('')
    const third = await make('third', ['07712345334'])
    await reached(call, third, 'finished')
    const later = await make('later', ['07712345335'], { sendAt: new Date(Date.now() + 3_600_000).toISOString() })
    await call('POST', `/v1/jobs/${later}/cancel`)
    await reached(call, later, 'canceled')

    const numbers = async (query: string) => {
      const { json } = await call('GET', `/v1/archive?${query}`)
      return json.items.map(({ to, state }: { to: string; state: string }) => `${to.slice(-1)} ${state}`)
    }
    t.same((await numbers('')).sort(), ['1 failed', '2 failed', '3 failed', '5 canceled'])
    t.same((await numbers(`job=${first}`)).sort(), ['1 failed', '2 failed'])
    t.same(await numbers('tag=second'), ['3 failed'])
    t.same(await numbers('state=canceled,unknown'), ['5 canceled'])
    t.equal((await numbers('reason=CARRIER_REJECTED')).length, 3)
    t.same(await numbers('until=2026-01-01T00:00:00Z'), [])
    const paged = []
    for (let cursor = ''; ; ) {
      const { json } = await call('GET', `/v1/archive?limit=1${cursor && `&cursor=${cursor}`}`)
      paged.push(...json.items)
      if (json.nextCursor === null) break
      cursor = json.nextCursor
    }
    t.equal(paged.length, 4, 'page by page')
    const csv = (await call('GET', '/v1/archive.csv?state=failed')).text.trim().split('\r\n')
    t.equal(csv.length, 4, csv.join('\n'))
    t.equal(csv[0], 'id,job,line,to,from,channel,state,reason,help,text,createdAt')
    t.equal((await call('GET', '/v1/archive?job=job_99999999')).status, 404)

    const again = await call('POST', '/v1/archive/retry', { body: { since: '2026-01-01T00:00:00Z' } })
    t.equal(again.status, 202, again.text)
    t.same(again.json.items.map(({ retryOf }: JobView) => retryOf).sort(), [first, second, later].sort())
    t.same([again.json.skipped, again.json.more], [[], false])
    for (const { id } of again.json.items) {
      const { counts } = await reached(call, id, 'finished')
      t.equal(counts.delivered, counts.accepted, id)
    }
    const twice = await call('POST', '/v1/archive/retry', { body: { jobs: [first, second, third] } })
    t.same(twice.json.items, [], twice.text)
    t.same(
      twice.json.skipped.map(({ job, code }: { job: string; code: string }) => `${job} ${code}`).sort(),
      [first, second].map((id) => `${id} WRONG_STATE`).sort(),
    )
    t.equal((await call('POST', '/v1/archive/retry', { body: {} })).status, 422)
  },
)
