/** Balance, quotas, prices and usage over HTTP, on the real engine with a simulated carrier: what an aggregator sees of money. */
import t from 'tap'
import type { Answer } from './http-engine.js'
import { admin, startWhole } from './whole-engine.js'

const whole = await startWhole(t)
const { call } = whole

/** A zone whose midnight is hours away, so that no day ends while the tests run. */
const hour = new Date().getUTCHours()
const zone = hour >= 3 && hour < 21 ? { name: 'UTC', endsAt: /T00:00/ } : { name: 'Pacific/Honolulu', endsAt: /T10:00/ }

const prices = [
  { prefix: '44', price: '0.035' },
  { prefix: '4477', price: 0.03 },
]

/** Key of a new account with these settings. */
async function account(id: string, settings: object = {}): Promise<string> {
  const body = { id, defaultCountry: 'GB', currency: 'GBP', timeZone: zone.name, prices, ...settings }
  return (await whole.account(id, body)).key
}

/** Once nothing is reserved any more; each look is a round trip that lets money catch up. */
async function settled(key: string): Promise<Answer['json']> {
  for (;;) {
    const { json } = await call('GET', '/v1/balance', { key })
    if (json.reserved === 0) return json
  }
}

async function reached(key: string, id: string, state: string): Promise<Answer['json']> {
  for (;;) {
    const { json } = await call('GET', `/v1/jobs/${id}`, { key })
    if (json.state === state) return json
  }
}

function csv(rows: number, first = 0): string {
  return ['to', ...Array.from({ length: rows }, (_, row) => `+4477123${String(first + row).padStart(5, '0')}`)].join(
    '\n',
  )
}

async function pauseCarrier(paused: boolean): Promise<void> {
  await call('PATCH', '/v1/carriers/sim', { key: admin, body: { paused } })
}

t.test(
  'a message reserves its price, is charged when it was sent, and one that costs too much is refused',
  async (t) => {
    const key = await account('single', { balance: '0.1' })
    const view = (await call('GET', '/v1/accounts/single', { key: admin })).json
    t.match(view, { balance: 0.1, reserved: 0, spent: 0, currency: 'GBP', quotas: { messagesPerDay: null } })
    const one = { to: '+447712345678', text: 'Hello' }
    await pauseCarrier(true)
    const sent = await call('POST', '/v1/messages', { key, body: one })
    t.equal(sent.status, 202, sent.text)
    t.match((await call('GET', '/v1/balance', { key })).json, { balance: 0.07, reserved: 0.03, spent: 0 })
    await pauseCarrier(false)
    t.match(await settled(key), { balance: 0.07, reserved: 0, spent: 0.03, currency: 'GBP' })
    const message = (await call('GET', `/v1/messages/${sent.json.id}`, { key })).json
    t.match(message, { price: 0.03, country: 'GB', parts: 1 })

    const batch = { messages: [one, one, { ...one, text: 'x'.repeat(200) }] }
    const refused = await call('POST', '/v1/messages', { key, body: batch })
    t.match(refused, {
      status: 402,
      json: { code: 'INSUFFICIENT_BALANCE', missing: 0.05, balance: 0.07, price: 0.12, currency: 'GBP' },
    })
    t.match(refused.headers.get('content-type'), /problem\+json/)
    t.match((await call('GET', '/v1/balance', { key })).json, { balance: 0.07, reserved: 0, spent: 0.03 })
    t.equal((await call('GET', '/v1/messages', { key })).json.items.length, 1, 'nothing of the batch is stored')
    const dry = await call('POST', '/v1/messages', { key, body: { ...batch, dryRun: true } })
    t.match(dry, { status: 200, json: { refusal: { code: 'INSUFFICIENT_BALANCE', missing: 0.05 } } }, dry.text)
    t.match((await call('POST', '/v1/messages', { key, body: { ...one, dryRun: true } })).json, { refusal: null })
    t.match(
      await call('POST', '/v1/messages', { key, body: { to: '+4915123450000', text: 'x' } }),
      { status: 422, json: { code: 'NO_PRICE' } },
      'prepaid, and no price',
    )
  },
)

t.test('a top-up is exact, also when it is repeated, and never takes below zero', async (t) => {
  const key = await account('payer', { balance: 1 })
  const pay = (amount: number | string, idempotency?: string) =>
    call('POST', '/v1/accounts/payer/balance', {
      key: admin,
      body: { amount, reference: 'invoice 7' },
      headers: idempotency === undefined ? {} : { 'idempotency-key': idempotency },
    })
  t.match(await pay('0.000001'), { status: 200, json: { balance: 1.000001, reserved: 0, spent: 0, currency: 'GBP' } })
  const first = await pay(2, 'top-up-1')
  const again = await pay(2, 'top-up-1')
  t.same(again.json, first.json)
  t.equal(again.headers.get('idempotent-replay'), 'true')
  t.match(await pay(3, 'top-up-1'), { status: 422, json: { code: 'IDEMPOTENCY_MISMATCH' } })
  t.match(await pay(-4), { status: 402, json: { code: 'INSUFFICIENT_BALANCE', missing: 0.999999 } })
  t.match(await pay('-3.000001'), { status: 200, json: { balance: 0 } })
  for (const wrong of [0, '', 'x', 1e-7, '1,5'])
    t.match(await pay(wrong), { status: 422, json: { code: 'VALIDATION' } })
  t.equal((await call('POST', '/v1/accounts/payer/balance', { key, body: { amount: 1 } })).status, 403)
  t.equal((await call('POST', '/v1/accounts/nobody/balance', { key: admin, body: { amount: 1 } })).status, 404)
  const patch = (body: object) => call('PATCH', '/v1/accounts/payer', { key: admin, body })
  t.match(await patch({ balance: 5.5 }), { status: 200, json: { balance: 5.5 } })
  t.match(await patch({ balance: null }), { status: 200, json: { balance: null } })
  t.match(await patch({ name: 'Payer' }), { status: 200, json: { balance: null } })
  t.match(await pay(4), { status: 200, json: { balance: 4 } }, 'the first payment makes it prepaid')
  t.match(await patch({ balance: -1 }), {
    status: 422,
    json: { code: 'VALIDATION', errors: [{ pointer: '/balance' }] },
  })
  const audit = await call('GET', '/v1/audit?action=account.balance&limit=200', { key: admin })
  t.equal(audit.json.items.filter(({ object }: { object: string }) => object === 'account/payer').length, 6)
})

t.test('a job that the balance does not cover fails whole, and another one is charged', async (t) => {
  const key = await account('jobs', { balance: '0.3' })
  const make = (settings: object = {}) => call('POST', '/v1/jobs', { key, body: { text: 'Hi', ...settings } })
  const put = (id: string, body: string) =>
    call('PUT', `/v1/jobs/${id}/recipients`, { key, body, headers: { 'content-type': 'text/csv' } })
  const { id } = (await make()).json
  const refused = await put(id, `${csv(12)}\n+447712300000`)
  t.match(refused, { status: 402, json: { code: 'INSUFFICIENT_BALANCE', missing: 0.06, balance: 0.3, price: 0.36 } })
  t.match(refused.json.detail, new RegExp(id), 'names the job')
  const failed = (await call('GET', `/v1/jobs/${id}`, { key })).json
  t.match(failed, { state: 'failed', reason: 'INSUFFICIENT_BALANCE', counts: { accepted: 0 } })
  const recipients = Array.from({ length: 11 }, (_, n) => ({ to: `+44771230010${n}`.slice(0, 13) }))
  const inline = await call('POST', '/v1/jobs', {
    key,
    body: { text: 'x'.repeat(161), deduplicate: false, recipients: recipients.slice(0, 6) },
  })
  t.match(inline, { status: 402, json: { missing: 0.06 } }, inline.text)
  const form = new FormData()
  form.append('job', JSON.stringify({ text: 'Hi' }))
  form.append('file', new Blob([csv(11)], { type: 'text/csv' }), 'rows.csv')
  const multipart = await fetch(`${whole.url}/v1/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: form,
  })
  t.equal(multipart.status, 402)
  t.match((await call('GET', '/v1/balance', { key })).json, { balance: 0.3, reserved: 0, spent: 0 })

  const fits = (await make()).json.id
  t.equal((await put(fits, csv(10))).status, 202)
  await reached(key, fits, 'finished')
  t.match(await settled(key), { balance: 0, reserved: 0, spent: 0.3 })
})

t.test('a draft reserves when it is started, and a canceled job gives back what was not sent', async (t) => {
  const key = await account('draft', { balance: '0.03' })
  const { id } = (await call('POST', '/v1/jobs', { key, body: { text: 'Hi', review: true } })).json
  const headers = { 'content-type': 'text/csv' }
  t.equal((await call('PUT', `/v1/jobs/${id}/recipients`, { key, body: csv(10), headers })).status, 202)
  t.match((await call('GET', '/v1/balance', { key })).json, { balance: 0.03, reserved: 0 })
  t.match((await call('GET', `/v1/jobs/${id}/preview`, { key })).json, { refusal: { missing: 0.27, price: 0.3 } })
  t.match(await call('POST', `/v1/jobs/${id}/start`, { key }), { status: 402, json: { missing: 0.27 } })
  t.match((await call('GET', `/v1/jobs/${id}`, { key })).json, { state: 'ready' })
  await call('POST', '/v1/accounts/draft/balance', { key: admin, body: { amount: 1 } })
  await pauseCarrier(true)
  const [first, second] = await Promise.all([1, 2].map(() => call('POST', `/v1/jobs/${id}/start`, { key })))
  t.same([first!.status, second!.status].sort(), [200, 409], 'started once')
  t.match((await call('GET', '/v1/balance', { key })).json, { balance: 0.73, reserved: 0.3, spent: 0 })
  t.equal((await call('POST', `/v1/jobs/${id}/cancel`, { key })).status, 200)
  t.match(await settled(key), { balance: 1.03, reserved: 0, spent: 0 })
  await pauseCarrier(false)
  const { items } = (await call('GET', '/v1/usage', { key })).json
  t.match(items, [{ rows: 10, canceled: 10, pending: 0, cost: 0, partsSent: 0 }])
})

t.test('the balance never goes below zero with 64 clients at once, jobs beside single messages', async (t) => {
  const key = await account('many', { balance: '3' })
  const answers = await Promise.all(
    Array.from({ length: 64 }, async (_, client) => {
      const statuses: number[] = []
      for (let n = 0; n < 6; n++) {
        const to = `+44771${String(2_000_000 + client * 100 + n)}`
        const single = { key, body: { to, text: 'Hello' } }
        const job = { key, body: { text: 'Hi', recipients: [{ to }, { to: to.replace('+44771', '+44772') }] } }
        const answer = await (n === 3 ? call('POST', '/v1/jobs', job) : call('POST', '/v1/messages', single))
        statuses.push(answer.status)
        const { json } = await call('GET', '/v1/balance', { key })
        if (!(json.balance >= 0)) throw new Error(`the balance is ${json.balance}`)
        const micros = Math.round((json.balance + json.reserved + json.spent) * 1e6)
        if (micros !== 3_000_000) throw new Error(`credit is ${micros}: ${JSON.stringify(json)}`)
      }
      return statuses
    }),
  )
  const flat = answers.flat()
  t.same([...new Set(flat)].sort(), [202, 402])
  const { balance, spent } = await settled(key)
  t.equal(Math.round((balance + spent) * 1e6), 3_000_000)
  t.equal(balance, 0, '3.00 is a hundred messages')
  const [usage] = (await call('GET', '/v1/usage?by=channel', { key })).json.items
  t.match(usage, { rows: 100, partsSent: 100, cost: 3, pending: 0 })
})

t.test('quotas of a day: a call, a batch and a job that do not fit are refused whole', async (t) => {
  const quotas = {
    messagesPerDay: 5,
    partsPerDay: 6,
    spendPerDay: '0.5',
    prefixes: [{ prefix: '+4479', messagesPerDay: 1 }],
  }
  const key = await account('quota', { quotas })
  const post = (...messages: object[]) => call('POST', '/v1/messages', { key, body: { messages } })
  const to = (number: string, text = 'Hi') => ({ to: number, text })
  t.equal((await post(to('+447712300001'), to('+447712300002'))).status, 202)
  const parts = await post(to('+447712300003', 'x'.repeat(1_000)))
  t.match(
    parts,
    { status: 429, json: { code: 'QUOTA_EXCEEDED', detail: /partsPerDay is 6.* 9: 3 too many/ } },
    parts.text,
  )
  const wait = Number(parts.headers.get('retry-after'))
  t.ok(wait > 0 && wait <= 86_400, 'until the day is over')
  t.equal((await post(to('+447912300001'))).status, 202)
  const prefix = await post(to('+447712300004'), to('+447912300002'))
  t.match(prefix, { status: 429, json: { detail: /prefix 4479 is 1/ } }, prefix.text)
  const { today } = (await call('GET', '/v1/balance', { key })).json
  t.match(today, { messages: 3, messagesLeft: 2, parts: 3, partsLeft: 3, prefixes: [{ messages: 1, messagesLeft: 0 }] })
  t.match(today.endsAt, zone.endsAt, 'midnight of its zone')
  const job = (rows: string[]) => call('POST', '/v1/jobs', { key, body: { text: 'Hi', recipients: rows } })
  const tooMany = await job(['+447712300005', '+447712300006', '+447712300007'])
  t.match(tooMany, {
    status: 429,
    json: { code: 'QUOTA_EXCEEDED', detail: /messagesPerDay is 5.* 6: 1 too many.*job_/ },
  })
  t.match(await job(['+447912300003']), { status: 429, json: { detail: /prefix 4479/ } })
  t.equal((await job(['+447712300005', '+447712300006'])).status, 202)
  t.match(await post(to('+447712300009')), { status: 429 })
  t.match((await call('GET', '/v1/accounts/quota', { key: admin })).json, { today: { messagesLeft: 0 }, balance: null })
  await call('PATCH', '/v1/accounts/quota', { key: admin, body: { quotas: null } })
  t.equal((await post(to('+447712300009'))).status, 202)
  const wrong = { quotas: { prefixes: [{ prefix: '0x', messagesPerDay: 1 }] } }
  t.match(await call('PATCH', '/v1/accounts/quota', { key: admin, body: wrong }), { status: 422 })
})

t.test('usage is by account, day, country and channel, as JSON, CSV and lines', async (t) => {
  const key = await account('used', { prices: [{ price: '0.01' }] })
  const numbers = ['+447712300001', '+447712300002', '+4915123450000', '+33612345678']
  const body = { messages: numbers.map((to) => ({ to, text: 'Hello' })) }
  const { items: sent } = (await call('POST', '/v1/messages', { key, body })).json
  for (const { id } of sent) {
    while ((await call('GET', `/v1/messages/${id}`, { key })).json.state !== 'delivered');
  }
  const { items, nextCursor } = (await call('GET', '/v1/usage', { key })).json
  t.equal(nextCursor, null)
  t.same(
    items.map(({ country, delivered, cost }: Answer['json']) => [country, delivered, cost]),
    [
      ['DE', 1, 0.01],
      ['FR', 1, 0.01],
      ['GB', 2, 0.02],
    ],
  )
  t.match(items[0], {
    account: 'used',
    day: /^20\d\d-\d\d-\d\d$/,
    channel: 'sms',
    currency: 'GBP',
    ...{ rows: 1, parts: 1, price: 0.01, partsSent: 1, pending: 0, sent: 0, failed: 0, deliveryRate: 1 },
    receiptDelayMs: { p50: Number, p95: Number },
  })
  const page = (await call('GET', '/v1/usage?limit=2', { key })).json
  const rest = (await call('GET', `/v1/usage?limit=2&cursor=${page.nextCursor}`, { key })).json
  t.same([...page.items, ...rest.items], items)
  t.match((await call('GET', '/v1/usage?by=channel', { key })).json.items, [{ rows: 4, country: null, day: null }])
  t.same((await call('GET', '/v1/usage?to=2020-01-01', { key })).json.items, [])
  t.match(await call('GET', '/v1/usage?from=yesterday', { key }), { status: 422, json: { code: 'VALIDATION' } })
  const csv = await call('GET', '/v1/usage?format=csv', { key })
  t.match(
    csv.text,
    /^account,day,country,channel,currency,rows,.*\r\n"used","20\d\d-\d\d-\d\d","DE","sms","GBP",1,1,0.01,/,
  )
  const lines = await call('GET', '/v1/usage?format=ndjson&by=country', { key })
  t.same(
    lines.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).country),
    ['DE', 'FR', 'GB'],
  )
  const all = (await call('GET', '/v1/usage?by=account', { key: admin })).json.items
  t.ok(all.some(({ account }: Answer['json']) => account === 'jobs'))
  const one = (await call('GET', '/v1/usage?by=account&account=used', { key: admin })).json.items
  t.match(one, [{ account: 'used', rows: 4, delivered: 4 }])
  t.equal((await call('GET', '/v1/usage?account=jobs', { key })).status, 404)
})
