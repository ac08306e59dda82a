/** A rule by SMS and by email at once, over a real mail server and a simulated carrier. */
import t from 'tap'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { timeout } from './acceptance-run.js'
import { mailStand } from './mail-stand.js'

t.setTimeout(timeout)

t.test('an appointment is told of by SMS and by email, to what the contact has', async (t) => {
  const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
  const { port } = await smsc.listen()
  const sms = { id: 'sim', protocol: 'smpp', host: '127.0.0.1', port, systemId: 'a', password: 'b' }
  const stand = await mailStand(t, { carriers: [sms], account: { features: { email: true } } })
  t.teardown(() => smsc.close())
  const put = (path: string, body: object) => stand.call('PUT', path, { body })
  await put('/v1/templates/reminder', {
    ...{ text: 'Hi ~name~, see you at ~time~', subject: 'Your appointment, ~name~' },
    html: '<p>Hi ~name~</p>',
  })
  await put('/v1/contacts/+447712345001', { email: 'ann@example.com', attributes: { name: 'Ann & Co' } })
  const both = [
    { channel: 'sms', template: 'reminder' },
    { channel: 'email', template: 'reminder' },
    { template: 'reminder' },
  ]
  const rule = { event: 'appointment', when: { before: '24h' }, send: both }
  t.match(await put('/v1/rules/reminder', rule), { status: 200 })
  const at = new Date(Date.now() + 20 * 3_600_000).toISOString()
  const event = { type: 'appointment', id: 'A-1', at, to: '+447712345001' }
  const told = await stand.call('POST', '/v1/events', { body: event })
  t.match(told, { status: 202, json: { to: { number: '+447712345001' } } }, told.text)
  const [text, mail] = told.json.messages
  t.match(told.json.messages, [
    { channel: 'sms', recipient: '+447712345001' },
    { channel: 'email', recipient: 'ann@example.com', reason: null },
    { channel: 'auto', recipient: '+447712345001' },
  ])
  t.match(await stand.message(mail.message, 'sent', 'delivered'), {
    ...{ channel: 'email', to: 'ann@example.com', subject: 'Your appointment, Ann & Co' },
    html: /<p>Hi Ann &amp; Co<\/p>/,
  })
  await stand.message(text.message, 'sent', 'delivered')

  const only = await stand.call('POST', '/v1/events', {
    body: { ...event, id: 'A-2', to: 'bob@example.com', data: { name: 'Bob' } },
  })
  t.match(only.json.messages, [
    { channel: 'sms', message: null, reason: 'MISSING_NUMBER' },
    { channel: 'email', recipient: 'bob@example.com', reason: null },
    { channel: 'email', recipient: 'bob@example.com', reason: null },
  ])
})
