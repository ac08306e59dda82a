/** Jobs with emails, from the file to a real mail server: personalisation, duplicates, `auto`, the way out, retries and prices. */
import t from 'tap'
import type { JobView } from '../src/engine/contract/api.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { refusal } from './mail-peer.js'
import { ADMIN, mailStand } from './mail-stand.js'
import { Receiver } from './webhook-receiver.js'

const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
const { port } = await smsc.listen()
const sim = { id: 'sim', protocol: 'smpp', host: '127.0.0.1', port, systemId: 'trunk', password: 'secret' }
const stand = await mailStand(t, {
  carriers: [sim],
  account: {
    prices: [
      { channel: 'email', prefix: '', price: 0.001 },
      { channel: 'sms', prefix: '44', price: 0.04 },
    ],
    currency: 'EUR',
  },
})
const { call, peer } = stand
t.teardown(() => smsc.close())
t.beforeEach(() => {
  peer.received.length = 0
  peer.script = {}
})

async function upload(settings: object, csv: string, ...states: string[]): Promise<JobView> {
  const made = await call('POST', '/v1/jobs', { body: settings })
  if (made.status !== 202) throw new Error(made.text)
  await call('PUT', `/v1/jobs/${made.json.id}/recipients`, { body: csv, headers: { 'content-type': 'text/csv' } })
  return await stand.job(made.json.id, ...(states.length === 0 ? ['finished'] : states))
}

t.test(
  'every row is one email with its own values; bad, empty and repeated addresses are counted with their reasons',
  async (t) => {
    const csv = [
      'Name,E-Mail,Sum',
      'Zoë,Zoe@Example.com,12',
      '"<b>Eve</b> & ""Co""",eve@example.com,13',
      'Twice,ZOE@example.COM,14',
      'Bad,not an address,15',
      'Empty,,16',
      'Idn,info@bücher.example,17',
      'Nul,,',
    ].join('\r\n')
    const settings = {
      ...{ name: 'Bills', channel: 'email', from: 'Praxis <praxis@acme.example>', columns: { email: 'E-Mail' } },
      ...{ subject: 'Bill for ~name~', text: 'Dear ~name~, ~sum~ €.', html: '<p title="~name~">Dear ~name~</p>' },
    }
    const job = await upload({ ...settings, review: true }, csv, 'ready')
    const { json: preview } = await call('GET', `/v1/jobs/${job.id}/preview`)
    t.match(preview.rows[0], {
      row: 1,
      to: 'zoe@example.com',
      channel: 'email',
      encoding: 'mail',
      parts: 1,
      carrier: 'relay',
      price: 0.001,
    })
    t.match(preview.rows[0], { subject: 'Bill for Zoë', text: 'Dear Zoë, 12 €.', html: '<p title="Zoë">Dear Zoë</p>' })
    t.match(preview.rows[2], { reason: 'DUPLICATE' })
    t.match(preview.rows[3], { to: 'not an address', reason: 'INVALID_EMAIL' })
    await call('POST', `/v1/jobs/${job.id}/start`)
    const { counts, rejectedByReason, estimate } = await stand.job(job.id, 'finished')
    t.match(counts, { rows: 7, accepted: 3, rejected: 3, duplicate: 1, sent: 3, parts: 3 })
    t.match(rejectedByReason, { INVALID_EMAIL: 1, MISSING_NUMBER: 2, DUPLICATE: 1 })
    t.match(estimate, { price: 0.003, byChannel: { email: { rows: 3 } }, byEncoding: { mail: { rows: 3 } } })
    t.same(peer.received.map(({ to }) => to).sort(), ['eve@example.com', 'info@bücher.example', 'zoe@example.com'])
    const eve = await peer.parsed(peer.received.findIndex(({ to }) => to.startsWith('eve')))
    t.equal(eve.subject, 'Bill for <b>Eve</b> & "Co"')
    t.equal(eve.text?.trim(), 'Dear <b>Eve</b> & "Co", 13 €.')
    const escaped = '&lt;b&gt;Eve&lt;/b&gt; &amp; &quot;Co&quot;'
    t.equal((eve.html as string).trim(), `<p title="${escaped}">Dear ${escaped}</p>`, 'a value is no HTML')
    const rejects = (await call('GET', `/v1/jobs/${job.id}/rejects.csv`)).text
    t.match(rejects, /^5,2,INVALID_EMAIL,/m)
    const report = (await call('GET', `/v1/jobs/${job.id}/report.csv`)).text
    t.match(report, /,"zoe@example\.com",.*,"email","sent","","mail","1","relay",/)
    const list = await call('GET', `/v1/jobs/${job.id}/messages?to=eve@EXAMPLE.com`)
    t.match(list.json.items, [{ to: 'eve@example.com', line: 3, price: 0.001 }])
  },
)

t.test(
  'keywords pick templates with subject and HTML; a row whose template has no subject and job none is refused',
  async (t) => {
    const put = (name: string, body: object) => call('PUT', `/v1/templates/${name}`, { body })
    await put('welcome', { keyword: '#001', subject: 'Welcome ~name~', text: 'Hello ~name~', html: '<h1>~name~</h1>' })
    await put('plain', { keyword: '#002', text: 'Only text for ~name~' })
    const csv = 'name,email,kind\nAnn,ann@example.com,#001\nBob,bob@example.com,#002\nCy,cy@example.com,#009\n'
    const settings = { channel: 'email', columns: { email: 'email', keyword: 'kind' } }
    const job = await upload(settings, csv)
    t.match(job.counts, { rows: 3, sent: 1, rejected: 2 })
    t.match(job.rejectedByReason, { MISSING_SUBJECT: 1, TEMPLATE_UNKNOWN: 1 })
    const mail = await peer.parsed(0)
    t.match(mail, { subject: 'Welcome Ann', html: /<h1>Ann<\/h1>/ })
    const single = await call('POST', '/v1/messages', {
      body: { to: 'di@example.com', template: 'welcome', fields: { name: 'Di\r\nBcc: x@y.example' } },
    })
    t.equal(single.status, 202, single.text)
    t.match(await stand.message(single.json.id, 'sent'), { subject: 'Welcome Di Bcc: x@y.example' })
  },
)

t.test(
  'auto: a mobile gets an SMS, else an address an email; prefer turns it round, and what is left out is not used',
  async (t) => {
    const csv = [
      'phone,email',
      '+447712345101,a@example.com',
      '12,b@example.com',
      ',c@example.com',
      '+447712345104,',
      '12,no address',
      '+442079460000,f@example.com',
    ].join('\n')
    const settings = {
      columns: { to: 'phone', email: 'email' },
      from: 'ACME',
      text: 'Hi',
      subject: 'Hi',
      landlines: 'reject',
    }
    const channels = async (prefer?: string[]): Promise<string[]> => {
      const job = await upload({ ...settings, review: true, ...(prefer === undefined ? {} : { prefer }) }, csv, 'ready')
      const { json } = await call('GET', `/v1/jobs/${job.id}/preview`)
      return json.rows.map(
        ({ channel, to, reason }: { channel: string; to: string; reason: string | null }) =>
          reason ?? `${channel} ${to}`,
      )
    }
    t.same(await channels(), [
      ...['sms +447712345101', 'email b@example.com', 'email c@example.com', 'sms +447712345104'],
      ...['INVALID_NUMBER', 'email f@example.com'],
    ])
    t.same(await channels(['email', 'sms']), [
      ...['email a@example.com', 'email b@example.com', 'email c@example.com', 'sms +447712345104'],
      ...['INVALID_NUMBER', 'email f@example.com'],
    ])
    t.same(await channels(['sms']), [
      ...['sms +447712345101', 'INVALID_NUMBER', 'MISSING_NUMBER', 'sms +447712345104', 'INVALID_NUMBER'],
      'LINE_TYPE_REFUSED',
    ])
    const job = await upload(settings, csv)
    t.match(job.counts, { rows: 6, accepted: 5, rejected: 1, delivered: 2, sent: 3 })
    t.same(job.estimate?.byChannel, {
      sms: { rows: 2, parts: 2, price: 0.08 },
      email: { rows: 3, parts: 3, price: 0.003 },
    })
    t.equal(peer.received.length, 3)
    const { json: usage } = await call('GET', '/v1/usage?by=channel')
    t.ok(usage, 'usage by channel answers')
  },
)

t.test(
  'one click on the way out of an email holds at once, for this address alone, also for what waits already',
  async (t) => {
    const body = { subject: 'News', text: 'Hello', html: '<body><p>Hello</p></body>', unsubscribe: 'link' }
    const first = await call('POST', '/v1/messages', { body: { ...body, to: 'leaver@example.com' } })
    await stand.message(first.json.id, 'sent')
    const mail = await peer.parsed(0)
    const raw = peer.received[0]!.raw.toString()
    t.match(raw, /^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$/m)
    const url = (mail.headers.get('list') as unknown as { unsubscribe: { url: string } }).unsubscribe.url
    t.match(url, /^https:\/\/m\.acme\.example\/u\/[\w-]+$/)
    t.ok(mail.text?.includes(url), 'the text has the link')
    t.ok((mail.html as string).includes(`<a href="${url}">`), 'and so has the HTML, within its body')
    const path = new URL(url).pathname
    t.match((await call('GET', path)).text, /l\*\*\*\*@example\.com/)

    await call('PATCH', '/v1/carriers/relay', { key: ADMIN, body: { paused: true } })
    const waiting = await call('POST', '/v1/messages', { body: { ...body, to: 'Leaver@example.com' } })
    const other = await call('POST', '/v1/messages', { body: { ...body, to: 'stayer@example.com' } })
    const click = await call('POST', path, {
      body: 'List-Unsubscribe=One-Click',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    t.equal(click.status, 200)
    await call('PATCH', '/v1/carriers/relay', { key: ADMIN, body: { paused: false } })
    await stand.message(other.json.id, 'sent')
    let view = (await call('GET', `/v1/messages/${waiting.json.id}`)).json
    while (view.state !== 'failed') view = (await call('GET', `/v1/messages/${waiting.json.id}`)).json
    t.equal(view.reason, 'SUPPRESSED')
    t.match(await call('POST', '/v1/messages', { body: { ...body, to: 'leaver@example.com' } }), {
      status: 422,
      json: { code: 'SUPPRESSED' },
    })
    const job = await upload(
      { channel: 'email', subject: 's', text: 't' },
      'email\nleaver@example.com\nstayer@example.com\n',
    )
    t.match(job.counts, { suppressed: 1, sent: 1 })
    t.match((await call('GET', '/v1/suppressions')).json.items, [
      { number: 'leaver@example.com', entries: [{ source: 'link' }] },
    ])
    t.equal((await call('DELETE', '/v1/suppressions/LEAVER@example.com')).status, 204)
    t.match((await call('POST', '/v1/messages', { body: { ...body, to: 'leaver@example.com' } })).status, 202)
  },
)

t.test('addresses are suppressed one by one, as a list and as a file', async (t) => {
  t.match(await call('PUT', '/v1/suppressions/One@Example.com', { body: { note: 'asked by phone' } }), {
    status: 200,
    json: { number: 'one@example.com' },
  })
  const list = await call('POST', '/v1/suppressions', { body: ['two@example.com', '+447712345999', 'no@address'] })
  t.match(list.json, { records: 3, added: 2, rejected: 1, rejectedByReason: { INVALID_EMAIL: 1 } })
  const file = await call('POST', '/v1/suppressions?column=mail', {
    body: 'mail\nthree@example.com\nONE@example.com\n',
    headers: { 'content-type': 'text/csv' },
  })
  t.match(file.json, { records: 2, added: 1, known: 1 })
  for (const to of ['one@example.com', 'two@example.com', 'three@example.com']) {
    t.match(await call('POST', '/v1/messages', { body: { to, subject: 's', text: 't' } }), {
      status: 422,
      json: { code: 'SUPPRESSED' },
    })
  }
  t.equal((await call('GET', '/v1/suppressions/four@example.com')).status, 404)
  const csv = (await call('GET', '/v1/suppressions?format=csv')).text
  t.match(csv, /^"three@example\.com","account","","csv",/m)
  const own = await upload(
    { channel: 'email', subject: 's', text: 't', suppressed: ['Five@example.com'] },
    'email\nfive@example.com\nsix@example.com\n',
  )
  t.match(own.counts, { suppressed: 1, sent: 1 })
})

t.test('the reply to a refused email has its own number wherever it is told, also to a webhook', async (t) => {
  const receiver = await Receiver.start(t)
  const config = { webhooks: { allowPrivateAddresses: true } }
  const { call, peer, job } = await mailStand(t, { config })
  peer.script.onRcpt = () => {
    throw refusal(550, '5.1.1 nobody here')
  }
  await call('PUT', '/v1/webhooks/mine', { body: { url: receiver.url, events: ['messages.updated'] } })
  const body = { channel: 'email', subject: 'Hi', text: 'Hi', recipients: [{ email: 'gone@example.com' }] }
  const { id } = (await call('POST', '/v1/jobs', { body })).json
  await job(id, 'finished')
  const [carrier] = (await call('GET', `/v1/jobs/${id}/summary`)).json.carriers
  t.match(carrier.refusals, [{ status: 550, statusName: '550 5.1.1', times: 1 }])
  await receiver.until(({ entries }) => entries.length > 0)
  t.match(receiver.entries, [{ state: 'failed', status: 550 }])
})

t.test('what failed is sent again by a retry, with the same subject, text and HTML', async (t) => {
  let isFull = true
  peer.script.onRcpt = () => {
    if (isFull) throw refusal(552, '5.2.2 Mailbox full')
  }
  const settings = { channel: 'email', subject: 'For ~name~', text: 'T ~name~', html: '<i>~name~</i>' }
  const job = await upload(settings, 'name,email\nAnn,ann@example.com\nBob,bob@example.com\n')
  t.match(job.counts, { accepted: 2, failed: 2 })
  isFull = false
  const retried = await call('POST', `/v1/jobs/${job.id}/retry`, { body: { states: ['failed'] } })
  t.equal(retried.status, 202, retried.text)
  t.match((await stand.job(retried.json.id, 'finished')).counts, { accepted: 2, sent: 2 })
  const mail = await peer.parsed(peer.received.findIndex(({ to }) => to.startsWith('bob')))
  t.match(mail, { subject: 'For Bob', text: /^T Bob/, html: /<i>Bob<\/i>/ })
})

t.test('settings of emails that cannot work are refused before a file is read', async (t) => {
  const good = { channel: 'email', subject: 's', text: 't' }
  const cases: [object, string][] = [
    [{ ...good, subject: undefined }, '/subject'],
    [{ ...good, subject: 'a\r\nBcc: b@c.example' }, '/subject'],
    [{ ...good, from: 'ACME' }, '/from'],
    [{ ...good, unsubscribe: 'text' }, '/unsubscribe'],
    [{ ...good, suppressed: ['nobody@'] }, '/suppressed/0'],
    [{ ...good, text: undefined }, '/text'],
  ]
  for (const [body, pointer] of cases) {
    const refused = await call('POST', '/v1/jobs', { body })
    t.match(refused, { status: 422, json: { code: 'VALIDATION', errors: [{ pointer }] } }, refused.text)
  }
})
