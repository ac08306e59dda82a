/** Hours in the recipients' own zones over HTTP: by number, column and contact; why a message waits; and when they change. */
import t from 'tap'
import { jobUntil, reached, startWhole } from './whole-engine.js'

t.setTimeout(580_000)
const whole = await startWhole(t)

/** Four hours about this one in Berlin: Tokyo, which is seven or eight ahead, is not among them. */
const hour = Number(
  new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', hour: '2-digit', hourCycle: 'h23' }).format(Date.now()),
)
const clock = (of: number) => `${String((of + 24) % 24).padStart(2, '0')}:00`
const sendingHours = { from: clock(hour - 1), to: clock(hour + 3), timeZone: 'recipient' }
const [BERLIN, TOKYO] = ['+4915112345601', '+819012345601']

const { call } = await whole.account('acme', { sendingHours, timeZone: 'UTC' })
t.match((await whole.call('GET', '/v1/accounts/acme')).json.sendingHours, sendingHours)

t.test('single messages by their number: one goes, one waits for its morning and says so', async (t) => {
  const messages = [BERLIN, TOKYO].map((to) => ({ to, from: 'ACME', text: 'Hello' }))
  const sent = await call('POST', '/v1/messages', { body: { messages } })
  const items = sent.json.messages ?? sent.json.items
  t.match(items, [{ state: 'queued' }, { state: 'scheduled' }], sent.text)
  for (;;) {
    const { json } = await call('GET', `/v1/messages/${items[0].id}`)
    if (json.state === 'delivered') break
  }
  t.match(await call('GET', `/v1/messages/${items[1].id}`), { json: { state: 'scheduled' } })
  const why = await call('GET', `/v1/messages/${items[1].id}/explain`)
  t.match(why.json.waits[0], { code: 'SENDING_HOURS', zone: 'Asia/Tokyo', until: String }, why.text)
  t.match(why.json.sendingHours, { timeZone: 'recipient', zones: ['Asia/Tokyo'], open: false, source: 'account' })
  const about = await call('GET', `/v1/explain?to=${encodeURIComponent(BERLIN)}`)
  t.match(about.json.sendingHours, { timeZone: 'recipient', zones: ['Europe/Berlin'], open: true }, about.text)
  t.equal(why.json.sendingHours.changesAt, why.json.waits[0].until)
})

t.test('rows by their column, else by their contact, else by their number; without hours all go', async (t) => {
  const contact = '+4915112345602'
  const body = { attributes: { timeZone: 'Asia/Tokyo' } }
  t.match(await call('PUT', `/v1/contacts/${encodeURIComponent(contact)}`, { body }), { status: /20[01]/ })
  const recipients = [
    { to: '+4915112345603', zone: '' },
    { to: '+4915112345604', zone: 'Asia/Tokyo' },
    { to: contact, zone: '' },
    { to: '+819012345605', zone: 'Europe/Berlin' },
    { to: '+819012345606', zone: 'nowhere' },
  ]
  const settings = { from: 'ACME', text: 'Hi', columns: { to: 'to', timeZone: 'zone' } }
  const made = await call('POST', '/v1/jobs', { body: { ...settings, recipients } })
  const { id } = made.json
  const job = await jobUntil(call, id, ({ counts }) => counts.delivered === 2 && counts.scheduled === 3)
  t.equal(job.state, 'scheduled', 'all that is left waits')
  const { json } = await call('GET', `/v1/jobs/${id}/messages?state=delivered`)
  t.same(json.items.map(({ to }: { to: string }) => to).sort(), ['+4915112345603', '+819012345605'])
  const own = { window: { from: '00:00', to: '24:00', timeZone: 'recipient' } }
  t.match(await call('PATCH', `/v1/jobs/${id}`, { body: own }), { status: 200 })
  const over = await reached(call, id, 'finished')
  t.match(over.counts, { delivered: 5, scheduled: 0 }, 'hours of the day all round let them go at once')
})

t.test('a zone that is none is refused', async (t) => {
  const window = { from: '09:00', to: '20:00', timeZone: 'recipients' }
  const answer = await call('POST', '/v1/jobs', { body: { from: 'ACME', text: 'Hi', window } })
  t.match(answer, { status: 422, json: { errors: [{ pointer: '/window/timeZone' }] } }, answer.text)
  const account = { from: '00:00', to: '24:00', timeZone: 'account' }
  const made = await call('POST', '/v1/jobs', {
    body: { from: 'ACME', text: 'Hi', window: account, recipients: [TOKYO] },
  })
  await reached(call, made.json.id, 'finished')
})
