/** The opt-out digit of a call: durable and in effect at once, told of where a STOP is told of, and for good. */
import t from 'tap'
import { until } from './until.js'
import { landline, startVoice } from './voice-stand.js'

t.setTimeout(580_000)

t.test('who presses 9 is called no more: at once, after a restart, and whoever asks why is told', async (t) => {
  const stand = await startVoice(t, {
    gateways: [{ ringMs: 20, digitAfterMs: 200, endings: '09=press9,08=press2', digitsBy: 'rfc4733' }],
    carrier: 'expectedDigits: "23", tailMs: 100, playDelayMs: 50, callsPerSecond: 50',
  })
  const { customer, whole } = stand
  const to = landline(9)
  const text = 'Your appointment is on Monday. Press 2 if you come.'
  const send = async (number: string) =>
    (await customer.call('POST', '/v1/messages', { body: { to: number, text } })).json
  const messageOf = async (id: string) => (await customer.call('GET', `/v1/messages/${id}`)).json
  const ends = (id: string) =>
    until(
      () => messageOf(id),
      ({ history }) => history.length > 0,
    )

  const first = await send(to)
  const ended = await ends(first.id)
  t.equal(ended.history.at(-1).voice.digits, '9')
  t.match(ended.state, /^(?:undelivered|delivered)$/, 'and it is not called again')
  const number = encodeURIComponent(to)
  const listed = await until(
    async () => await customer.call('GET', `/v1/suppressions/${number}`),
    ({ status }) => status === 200,
  )
  t.match(listed.json, { number: to, entries: [{ scope: 'account', source: 'voice', text: '9', inbound: String }] })
  t.match(
    (await send(to)).reason ?? (await customer.call('POST', '/v1/messages', { body: { to, text } })).json.code,
    'SUPPRESSED',
  )
  const inbound = (await customer.call('GET', '/v1/inbound')).json.items
  t.match(inbound, [{ from: to, text: '9', reason: 'CALLED', keyword: 'stop', done: 'suppressed', answer: null }])

  const confirmed = await ends((await send(landline(8))).id)
  t.match(confirmed, { state: 'delivered' })
  t.equal(confirmed.history.at(-1).voice.digits, '2')

  await whole.restart()
  const again = await customer.call('GET', `/v1/suppressions/${number}`)
  t.equal(again.status, 200)
  t.equal(stand.ledger().filter((call) => call.number === to.slice(1)).length, 1, 'called once')
})

t.test('what was accepted before is not sent after it', async (t) => {
  const stand = await startVoice(t, {
    gateways: [{ ringMs: 20, digitAfterMs: 100, endings: '09=press9', digitsBy: 'info' }],
    carrier: 'tailMs: 100, playDelayMs: 50, maxCalls: 1',
  })
  const { customer } = stand
  const recipients = [{ to: landline(9) }]
  const jobs = await Promise.all(
    [1, 2, 3].map(async () => {
      const body = { channel: 'voice', text: 'Your appointment is on Monday, at eight.', recipients }
      return (await customer.call('POST', '/v1/jobs', { body })).json.id as string
    }),
  )
  const states: string[] = []
  for (const id of jobs) {
    await until(
      async () => (await customer.call('GET', `/v1/jobs/${id}`)).json,
      ({ state }) => state === 'finished',
    )
    const [message] = (await customer.call('GET', `/v1/jobs/${id}/messages`)).json.items
    states.push(`${message.state} ${message.reason}`)
  }
  t.equal(states.filter((state) => state === 'failed SUPPRESSED').length, 2, states.join())
  t.equal(stand.gateways[0]!.stats().calls, 1)
})
