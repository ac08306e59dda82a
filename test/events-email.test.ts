/** A rule by SMS and by email at once, over a real mail server and a simulated carrier. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { timeout } from './acceptance-run.js'
import { Child } from './engine-process.js'
import { MailPeer } from './mail-peer.js'
import { ADMIN, mailStand } from './mail-stand.js'

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

t.test('what was being handed over as its event was canceled is not sent again after a kill', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'trunkline-events-kill-'))
  const peer = new MailPeer()
  const child = new Child(
    [dataDir, String(await peer.listen())],
    fileURLToPath(new URL('./mail-child.js', import.meta.url)),
  )
  t.teardown(async () => {
    await child.end('SIGKILL')
    await peer.close()
    rmSync(dataDir, { recursive: true, force: true })
  })
  const heard: string[] = []
  const seen = new Promise<void>((resolve) => {
    peer.script.onData = async ({ to }) => {
      heard.push(to)
      resolve()
      // Never answered.
      await new Promise(() => {})
    }
  })
  await child.start()
  const { key } = (await child.call('POST', '/v1/accounts', ADMIN, { id: 'acme' })) as { key: string }
  await child.call('PUT', '/v1/templates/visit', key, { text: 'See you', subject: 'Visit' })
  const rule = { event: 'visit', when: 'at once', send: [{ channel: 'email', template: 'visit' }] }
  await child.call('PUT', '/v1/rules/visit', key, rule)
  await child.call('POST', '/v1/events', key, { type: 'visit', id: 'off', to: 'ann@example.com' })
  await seen
  await child.call('POST', '/v1/events/off/cancel', key, {})
  await child.end('SIGKILL')
  peer.script.onData = ({ to }) => void heard.push(to)
  await child.start()
  await child.call('POST', '/v1/events', key, { type: 'visit', id: 'on', to: 'ben@example.com' })
  await peer.until(1)
  t.same(heard, ['ann@example.com', 'ben@example.com'])
  const off = await child.call('GET', '/v1/events/off', key)
  const outcomes = [...(off.messages as object[]), ...(off.earlier as object[])]
  t.match(outcomes, [{ channel: 'email', state: 'canceled' }])
})
