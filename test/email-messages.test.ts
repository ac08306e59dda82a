/** Single emails over HTTP, each promise counted at a real mail server: what arrives, and what its replies lead to. */
import t from 'tap'
import { MailPeer, refusal } from './mail-peer.js'
import { ADMIN, mailStand } from './mail-stand.js'

const shared = await mailStand(t)
t.beforeEach(() => {
  shared.peer.received.length = 0
  shared.peer.script = {}
})

const one = { to: 'Ann.Lee@Example.com', subject: 'Your visit', text: 'Tomorrow at 9.' }

t.test('an email arrives as it was written, in every script, and is sent for good with the 250', async (t) => {
  const { call, peer, message } = shared
  const text = `Grüße, Zoë — 明日 9:00\n.\n..dots\n${'x'.repeat(1200)}`
  const html = '<p>Grüße, <b>Zoë</b></p>'
  const body = { ...one, subject: 'Termin: Grüße – 明日', text, html, from: 'Praxis Süd <sued@acme.example>' }
  const made = await call('POST', '/v1/messages', { body })
  t.match(
    made,
    { status: 202, json: { state: 'queued', to: 'ann.lee@example.com', channel: 'email', encoding: 'mail', parts: 1 } },
    made.text,
  )
  const { id } = made.json
  const sent = await message(id, 'sent')
  t.match(sent, { to: 'ann.lee@example.com', from: body.from, subject: body.subject, text, html, data: null })
  t.match(sent.history.at(-1), { event: 'submitted', carrier: 'relay', attempt: 1 })
  const [received] = peer.received
  t.match(received, { from: 'sued@acme.example', to: 'ann.lee@example.com' })
  const mail = await peer.parsed(0)
  t.equal(mail.subject, body.subject)
  t.same(mail.from?.value, [{ name: 'Praxis Süd', address: 'sued@acme.example' }])
  t.equal(mail.text?.trimEnd(), text)
  t.equal((mail.html as string).trimEnd(), html)
  t.equal(mail.messageId, `<${id}@acme.example>`)
  t.notOk(mail.headers.has('list-unsubscribe'))
  const found = await call('GET', '/v1/messages?to=ANN.LEE@example.com')
  t.same(
    found.json.items.map((item: { id: string }) => item.id),
    [id],
    'found by address, however it is written',
  )
  t.equal((await call('GET', '/v1/messages?to=other@example.com')).json.items.length, 0)
})

t.test('what is no email is refused with its reason and nothing reaches the relay', async (t) => {
  const { call, peer } = shared
  const long = `${'a'.repeat(65)}@example.com`
  const cases: [object, string][] = [
    [{ ...one, to: 'nobody', channel: 'email' }, 'INVALID_EMAIL'],
    [{ ...one, to: 'a@b' }, 'INVALID_EMAIL'],
    [{ ...one, to: 'a b@example.com' }, 'INVALID_EMAIL'],
    [{ ...one, to: 'a..b@example.com' }, 'INVALID_EMAIL'],
    [{ ...one, to: 'ann@example.com, bob@example.com' }, 'INVALID_EMAIL'],
    [{ ...one, to: 'ann@example.com\r\nRCPT TO:<x@y.example>' }, 'INVALID_EMAIL'],
    [{ ...one, to: long }, 'INVALID_EMAIL'],
    [{ ...one, to: 'a@[127.0.0.1]' }, 'INVALID_EMAIL'],
    [{ ...one, subject: undefined }, 'MISSING_SUBJECT'],
    [{ ...one, subject: 'x\r\nBcc: evil@example.com' }, 'BODY_INVALID'],
    [{ ...one, from: 'ACME' }, 'INVALID_SENDER'],
    [{ ...one, from: 'x\r\nBcc: evil@example.com <a@b.example>' }, 'INVALID_SENDER'],
    [{ ...one, text: '  ' }, 'EMPTY_TEXT'],
    [{ ...one, html: 'ü'.repeat(30_000), text: 'x'.repeat(9_000) }, 'MAIL_TOO_LARGE'],
    [{ ...one, text: undefined }, 'VALIDATION'],
    [{ ...one, unsubscribe: 'text' }, 'VALIDATION'],
  ]
  for (const [body, code] of cases) {
    const refused = await call('POST', '/v1/messages', { body })
    t.match(refused, { status: 422, json: { code } }, JSON.stringify(body).slice(0, 120))
  }
  const idn = await call('POST', '/v1/messages', { body: { ...one, to: 'info@bücher.example' } })
  t.match(idn, { status: 202, json: { to: 'info@xn--bcher-kva.example' } }, idn.text)
  await peer.until(1)
  t.equal(peer.received.length, 1)
})

t.test('4xx are tried again, 5xx are final, and the status of the reply is kept', async (t) => {
  const { call, peer, message } = shared
  const tries = new Map<string, number>()
  peer.script = {
    onRcpt(address) {
      const count = (tries.get(address) ?? 0) + 1
      tries.set(address, count)
      if (address.startsWith('grey') && count === 1) throw refusal(450, '4.7.1 Greylisted, come back later')
      if (address.startsWith('gone')) throw refusal(550, '5.1.1 No such user here')
    },
    onData({ to }) {
      if (to.startsWith('spam')) throw refusal(554, '5.7.1 Message looks like spam')
    },
  }
  const messages = ['grey', 'gone', 'spam', 'fine'].map((name) => ({ ...one, to: `${name}@example.com` }))
  const made = await call('POST', '/v1/messages', { body: { messages } })
  const [grey, gone, spam, fine] = made.json.items.map(({ id }: { id: string }) => id)
  t.match(await message(fine, 'sent'), { state: 'sent' })
  const isRefused = async (id: string, status: number, statusName: string): Promise<void> => {
    let view = (await call('GET', `/v1/messages/${id}`)).json
    while (view.state !== 'failed') view = (await call('GET', `/v1/messages/${id}`)).json
    t.match(view, {
      reason: 'CARRIER_REJECTED',
      history: [{ event: 'rejected', carrier: 'relay', status, statusName }],
    })
  }
  await isRefused(gone, 550, '550 5.1.1')
  await isRefused(spam, 554, '554 5.7.1')
  const again = await message(grey, 'sent')
  t.match(again.history, [
    { event: 'unavailable', status: 450, statusName: '450 4.7.1' },
    { event: 'submitted', attempt: 2 },
  ])
  t.equal(tries.get('grey@example.com'), 2)
  t.equal(tries.get('gone@example.com'), 1, 'what was refused for good is not tried again')
  t.same(peer.received.map(({ to }) => to).sort(), ['fine@example.com', 'grey@example.com'])
  const metrics = (await call('GET', '/metrics')).text
  t.match(metrics, /trunkline_submit_responses_total\{carrier="relay",status="550"\} 1/)
})

t.test(
  'a connection that dies with the text under way is unanswered: sent again with the same Message-ID, or held',
  async (t) => {
    const { call, peer, message } = shared
    let drops = 1
    peer.script.onData = (_mail, drop) => {
      if (drops-- > 0) drop()
    }
    const { id } = (await call('POST', '/v1/messages', { body: one })).json
    const sent = await message(id, 'sent')
    t.match(sent.history, [{ event: 'unanswered' }, { event: 'submitted', attempt: 2 }])
    await peer.until(2)
    t.equal((await peer.parsed(0)).messageId, (await peer.parsed(1)).messageId, 'a repetition can be known')

    drops = 1
    const job = { channel: 'email', subject: 's', text: 't', columns: { to: 'email' }, onUnanswered: 'hold' }
    const recipients = [{ email: 'hold@example.com' }]
    const made = await call('POST', '/v1/jobs', { body: { ...job, recipients } })
    t.equal(made.status, 202, made.text)
    for (;;) {
      const { json } = await call('GET', `/v1/jobs/${made.json.id}`)
      if (json.counts.unknown === 1) break
    }
    t.equal(peer.received.length, 3, 'held: it is not sent again')
  },
)

t.test(
  'a relay that throttles is sent less and nothing is lost; a sender that it does not take goes to the next relay',
  async (t) => {
    const second = new MailPeer()
    const port = await second.listen()
    t.teardown(() => second.close())
    const backup = { id: 'backup', protocol: 'smtp', host: '127.0.0.1', port, tls: 'none', from: 'b@acme.example' }
    const { call, peer, message } = await mailStand(t, { carriers: [backup] })
    let refused = 3
    peer.script.onMail = (address) => {
      if (address.startsWith('foreign')) throw refusal(553, '5.7.1 Sender address rejected')
      if (refused-- > 0) throw refusal(421, '4.7.0 Too many messages, slow down')
    }
    const messages = Array.from({ length: 10 }, (_, n) => ({ ...one, to: `r${n}@example.com` }))
    const made = await call('POST', '/v1/messages', { body: { messages } })
    for (const { id } of made.json.items) await message(id, 'sent')
    t.equal(peer.received.length + second.received.length, 10)
    t.equal(new Set([...peer.received, ...second.received].map(({ to }) => to)).size, 10)
    const foreign = await call('POST', '/v1/messages', { body: { ...one, from: 'foreign@other.example' } })
    const view = await message(foreign.json.id, 'sent')
    t.match(view.history, [
      { event: 'rerouted', carrier: 'relay', status: 553 },
      { event: 'submitted', carrier: 'backup' },
    ])
  },
)

t.test('a relay that is down hands over to the next one, and its state says why', async (t) => {
  const second = new MailPeer()
  const port = await second.listen()
  t.teardown(() => second.close())
  const backup = { id: 'backup', protocol: 'smtp', host: '127.0.0.1', port, tls: 'none', from: 'b@acme.example' }
  const { call, message } = await mailStand(t, { carriers: [backup], relay: { port: 1 } })
  const { id } = (await call('POST', '/v1/messages', { body: one })).json
  t.match((await message(id, 'sent')).history.at(-1), { carrier: 'backup' })
  t.equal((await second.parsed(0)).from?.text, 'b@acme.example', 'each relay has its own sender where none is named')
  const { json } = await call('GET', '/v1/carriers', { key: ADMIN })
  t.match(json.items[0], {
    id: 'relay',
    protocol: 'smtp',
    binds: [{ state: /waiting|connecting|closed/, lastError: /ECONNREFUSED/ }],
  })
  t.match(json.items[1], { id: 'backup', binds: [{ state: 'bound', lastError: null }] })
})

t.test('a pause holds emails back and its end lets them go; a rate is kept', async (t) => {
  const { call, peer, message } = shared
  const paused = await call('PATCH', '/v1/carriers/relay', { key: ADMIN, body: { paused: true, ratePerSecond: 20 } })
  t.match(paused.json, { id: 'relay', protocol: 'smtp', paused: true })
  const messages = Array.from({ length: 30 }, (_, n) => ({ ...one, to: `r${n}@example.com` }))
  const made = await call('POST', '/v1/messages', { body: { messages } })
  const explained = await call('GET', `/v1/messages/${made.json.items[0].id}/explain`)
  t.match(explained.json.waits, [{ carrier: 'relay' }], explained.text)
  t.equal(peer.received.length, 0)
  const from = performance.now()
  await call('PATCH', '/v1/carriers/relay', { key: ADMIN, body: { paused: false } })
  for (const { id } of made.json.items) await message(id, 'sent')
  t.equal(peer.received.length, 30)
  t.ok(performance.now() - from > 1_000, 'thirty at twenty a second take more than one')
  await call('PATCH', '/v1/carriers/relay', { key: ADMIN, body: { ratePerSecond: null } })
})

t.test('explain says of an email what it says of an SMS', async (t) => {
  const { call } = shared
  const good = await call('GET', '/v1/explain?to=Ann@Example.com&text=Hello')
  t.match(good.json, { to: 'ann@example.com', valid: true, channel: 'email', carriers: ['relay'] }, good.text)
  t.match(good.json, { parts: 1, encoding: 'mail', suppressed: false, problems: [], limits: [{ carrier: 'relay' }] })
  const bad = await call('GET', '/v1/explain?to=ann@&channel=email&from=ACME')
  t.match(bad.json, { valid: false, problems: [{ code: 'INVALID_EMAIL' }, { code: 'INVALID_SENDER' }] })
  await call('PUT', '/v1/suppressions/gone@example.com')
  const gone = await call('GET', '/v1/explain?to=gone@example.com')
  t.match(gone.json, { suppressed: true, problems: [{ code: 'SUPPRESSED' }] })
})
