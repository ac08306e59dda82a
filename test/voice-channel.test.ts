/** The SIP channel between a whole engine and simulated gateways: what a call comes to, and that no limit is ever exceeded. */
import t from 'tap'
import { until } from './until.js'
import { landline, startVoice } from './voice-stand.js'

t.setTimeout(60_000)

t.test('a landline is called, hears the message, and the history says how it went', async (t) => {
  const { customer, ledger } = await startVoice(t, { gateways: [{ ringMs: 50 }] })
  const to = landline(1)
  const sent = await customer.call('POST', '/v1/messages', { body: { to, text: 'Your appointment is on Monday.' } })
  t.equal(sent.status, 202, sent.text)
  t.match(sent.json, { channel: 'voice', parts: 1 })
  const look = async () => (await customer.call('GET', `/v1/messages/${sent.json.id}`)).json
  const message = await until(look, ({ state }) => state === 'delivered' || state === 'failed' || state === 'undelivered')
  t.match(message, { state: 'delivered', reason: null, channel: 'voice' })
  const [call] = message.history
  t.match(call, { event: 'delivered', carrier: 'pbx', status: 200, statusName: '200 OK', carrierId: String })
  t.match(call.voice, { heardPercent: 100, digits: '', gateway: /^127\.0\.0\.1:/ })
  t.ok(call.voice.talkSeconds > 0.4)
  const [entry] = await until(async () => ledger(), (entries) => entries.length > 0)
  t.match(entry, { number: to.slice(1), caller: '+442071838750', by: 'caller' })
})
