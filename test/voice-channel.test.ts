/** The SIP channel between a whole engine and simulated gateways: what a call comes to, and that no limit is ever exceeded. */
import t from 'tap'
import { until } from './until.js'
import { landline, startVoice } from './voice-stand.js'

t.setTimeout(580_000)

t.test('a landline is called, hears the message, and the history says how it went', async (t) => {
  const { customer, ledger } = await startVoice(t, { gateways: [{ ringMs: 50 }] })
  const to = landline(1)
  const sent = await customer.call('POST', '/v1/messages', { body: { to, text: 'Your appointment is on Monday.' } })
  t.equal(sent.status, 202, sent.text)
  t.match(sent.json, { channel: 'voice', parts: 1 })
  const look = async () => (await customer.call('GET', `/v1/messages/${sent.json.id}`)).json
  const message = await until(
    look,
    ({ state }) => state === 'delivered' || state === 'failed' || state === 'undelivered',
  )
  t.match(message, { state: 'delivered', reason: null, channel: 'voice' })
  const [call] = message.history
  t.match(call, { event: 'delivered', carrier: 'pbx', status: 200, statusName: '200 OK', carrierId: String })
  t.match(call.voice, { heardPercent: 100, digits: '', gateway: /^127\.0\.0\.1:/ })
  t.ok(call.voice.talkSeconds > 0.4)
  const [entry] = await until(
    async () => ledger(),
    (entries) => entries.length > 0,
  )
  t.match(entry, { number: to.slice(1), caller: '+442071838750', by: 'caller' })
})

t.test('never more calls at once, nor more begun in a second, than the carrier allows', async (t) => {
  const maxCalls = 5
  const callsPerSecond = 8
  const { customer, gateways } = await startVoice(t, {
    gateways: [{ ringMs: 100, endings: '7=busy,8=congestion' }, { ringMs: 100 }],
    carrier: `maxCalls: ${maxCalls}, callsPerSecond: ${callsPerSecond}, tailMs: 100, attempts: 1`,
  })
  const recipients = Array.from({ length: 40 }, (_, row) => ({ to: landline(row) }))
  const body = { channel: 'voice', text: 'Your appointment.', recipients }
  const { id } = (await customer.call('POST', '/v1/jobs', { body })).json
  const job = await until(
    async () => (await customer.call('GET', `/v1/jobs/${id}`)).json,
    ({ state }) => state === 'finished',
  )
  t.match(job.counts, { accepted: 40, delivered: 36, undelivered: 4 })
  const [first, second] = gateways.map((gateway) => gateway.stats())
  // While the first asks for rest (503 with Retry-After) others go to the second as well.
  const refused = first!.statuses['503'] ?? 0
  t.ok(refused > 0)
  t.equal(first!.calls + second!.calls, 40 + refused, 'those that it refused had to be called by the second')
  t.ok(second!.calls >= 4)
  t.ok(first!.maxCalls <= maxCalls, `${first!.maxCalls} at once`)
  // Jitter on the way may bring two ends of a second together at the peer.
  t.ok(first!.maxPerSecond <= callsPerSecond + 1, `${first!.maxPerSecond} in a second`)
  t.equal(first!.protocolErrors + second!.protocolErrors, 0)
})

t.test('of two gateways the one that is gone is told of by itself', async (t) => {
  const { customer, gateways } = await startVoice(t, { gateways: [{}, {}], carrier: 'optionsSeconds: 1' })
  const standings = async (): Promise<string> => {
    const lines = (await customer.call('GET', '/metrics')).text.split('\n')
    const values = lines.flatMap((line) => /^trunkline_gateway_up\{.*\} ([01])$/.exec(line)?.[1] ?? [])
    return values.sort().join(' ')
  }
  t.equal(await until(standings, (now) => now === '1 1'), '1 1')
  gateways[0]!.close()
  t.equal(await until(standings, (now) => now === '0 1'), '0 1')
})
