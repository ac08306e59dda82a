/** A whole engine at gateways that want a login: registered before it calls, and where it is not registered it does not call. */
import t from 'tap'
import { until } from './until.js'
import { landline, startVoice, type VoiceStand } from './voice-stand.js'

t.setTimeout(580_000)

/** As some carriers hand them out. */
const LOGIN = { user: 'office@pbx.example', password: 'se"cret' }
const keys = `register: true, user: "${LOGIN.user}", password: '${LOGIN.password}', optionsSeconds: 0`
const brief = "optOutDigit: '', repeatDigit: '', tailMs: 0"

/** One call to the end. */
async function deliver({ customer }: VoiceStand, ending: number): Promise<void> {
  const body = { to: landline(ending), text: 'You are expected.' }
  const sent = await customer.call('POST', '/v1/messages', { body })
  if (sent.status !== 202) throw new Error(sent.text)
  const look = async () => (await customer.call('GET', `/v1/messages/${sent.json.id}`)).json.state
  await until(look, (state) => state === 'delivered')
}

t.test('a carrier registers, is asked for its login once, and takes its registration back', async (t) => {
  const stand = await startVoice(t, {
    gateways: [{ ...LOGIN, algorithm: 'SHA-256', ringMs: 20 }],
    carrier: `${keys}, ${brief}`,
  })
  const gateway = stand.gateways[0]!
  await deliver(stand, 1)
  await deliver(stand, 2)
  // One challenge (401) to REGISTER and one (407) to the first INVITE; the second call uses the nonce of that.
  t.match(gateway.stats(), { registrations: 1, challenges: 2, loginFailures: 0, calls: 2 })
  await stand.whole.restart(() => {
    t.equal(gateway.stats().registrations, 2, 'taken back at the end')
  })
  await until(
    async () => gateway.stats().registrations,
    (count) => count === 3,
  )
  t.strictSame(gateway.stats().complaints, [])
})

t.test('no call goes where our registration is refused, until an operator has it tried again', async (t) => {
  const stand = await startVoice(t, {
    gateways: [{ ...LOGIN, password: 'another' }, { ringMs: 20 }],
    carrier: `${keys}, ${brief}`,
  })
  const [refusing, other] = stand.gateways
  await deliver(stand, 1)
  await until(
    async () => refusing!.stats().loginFailures,
    (count) => count > 0,
  )
  t.match(refusing!.stats(), { registrations: 0, challenges: 1, loginFailures: 1, calls: 0 })
  t.equal(other!.stats().calls, 1)
  const { json } = await stand.whole.call('GET', '/v1/carriers')
  const { binds } = json.items.find(({ id }: { id: string }) => id === 'pbx')
  t.match(binds, [{ state: 'waiting', lastError: /^403/ }, { state: 'bound' }])
  const patched = await stand.whole.call('PATCH', '/v1/carriers/pbx', { body: { paused: false } })
  t.equal(patched.status, 200, patched.text)
  await until(
    async () => refusing!.stats().loginFailures,
    (count) => count === 2,
  )
  t.equal(refusing!.stats().calls, 0)
})
