/** Calls of the whole engine to gateways with habits of their own, each as a script of what it says and hears. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { until } from './until.js'
import { type OddCall, startOddGateway } from './voice-odd-gateway.js'
import { landline, speakerIn } from './voice-stand.js'
import { type Customer, startWhole } from './whole-engine.js'

t.setTimeout(580_000)

interface Stand {
  customer: Customer
  to: string
  packets(): number
}

type Script = (call: OddCall) => Promise<void>

/** One engine for all: each gateway is a carrier of its own, for the number that ends like its place among them. */
const GATEWAYS = 5
const scripts: Script[] = []
const folder = mkdtempSync(join(tmpdir(), 'trunkline-voice-odd-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const gateways = await Promise.all(
  Array.from({ length: GATEWAYS }, (_, n) => startOddGateway(t, (call) => scripts[n]!(call))),
)
const keys = 'callerId: "+442071838750", localAddress: 127.0.0.1, attempts: 1, tailMs: 0, playDelayMs: 0, maxCalls: 2'
const carriers = gateways.map(
  ({ port }, n) => `{ id: odd${n}, protocol: sip, host: 127.0.0.1, port: ${port}, ${keys} }`,
)
const routes = gateways.map((_, n) => `{ channel: voice, prefix: "${landline(n).slice(1)}", carriers: [odd${n}] }`)
const whole = await startWhole(t, {
  yaml: () => `carriers: [${carriers.join(', ')}]\nroutes: [${routes.join(', ')}]\n${speakerIn(folder)}`,
})
const customer = await whole.account('clinic', { defaultCountry: 'GB', features: { voice: true } })

function stand(script: Script): Stand {
  const place = scripts.push(script) - 1
  return { customer, to: landline(place), packets: gateways[place]!.packets }
}

/** The message once its call is over. */
async function call({ customer, to }: Stand) {
  const body = { to, text: 'Your appointment is on Monday.', unsubscribe: 'none' }
  const sent = await customer.call('POST', '/v1/messages', { body })
  if (sent.status !== 202) throw new Error(sent.text)
  const look = async () => (await customer.call('GET', `/v1/messages/${sent.json.id}`)).json
  return await until(look, ({ history }) => history.length > 0)
}

t.test('a gateway that answers without a description and brings it in a re-INVITE is talked to', async (t) => {
  const odd = stand(async (call) => {
    call.answer(call.invite, '200 OK')
    await call.next('ACK')
    call.ask('INVITE', 1, call.sdp())
    t.match(await call.next('INVITE'), /^SIP\/2.0 200 (.|\s)*m=audio \d+ RTP\/AVP 8 /)
    call.ask('ACK', 1)
    call.answer(await call.next('BYE'), '200 OK')
  })
  t.match(await call(odd), { state: 'delivered', history: [{ voice: { heardPercent: 100 } }] })
  t.ok(odd.packets() > 10)
})

t.test('a gateway that never says where its sound is, is hung up on, and nobody has heard the message', async (t) => {
  const odd = stand(async (call) => {
    call.answer(call.invite, '200 OK')
    await call.next('ACK')
    call.answer(await call.next('BYE'), '200 OK')
  })
  t.match(await call(odd), { state: 'undelivered', reason: 'GATEWAY_ERROR', history: [{ voice: { heardPercent: 0 } }] })
})

t.test('no sound is sent after our BYE, though nobody answers it for a while', async (t) => {
  const seen: number[] = []
  const odd = stand(async (call) => {
    call.answer(call.invite, '200 OK', { body: call.sdp() })
    await call.next('ACK')
    await call.next('BYE')
    for (let n = 0; n < 2; n++) {
      // Each repetition comes half a second or more after the one before: 25 packets and more, were there any.
      const bye = await call.next('BYE')
      seen.push(odd.packets())
      if (n === 1) call.answer(bye, '200 OK')
    }
  })
  t.match(await call(odd), { state: 'delivered' })
  t.equal(seen[1], seen[0], 'silent between one BYE and the next')
})

t.test('a description among parts of a body, beside what only exchanges understand, is found', async (t) => {
  const odd = stand(async (call) => {
    const isup = '--x y\r\nContent-Type: application/isup;version=itu\r\n\r\n\u0001\u0002\r\n'
    const sdp = `--x y\r\nContent-Disposition: session\r\ncontent-type: Application/SDP\r\n\r\n${call.sdp()}\r\n--x y--\r\n`
    const type = 'Multipart/Mixed; boundary="x y"'
    call.answer(call.invite, '200 OK', { type, body: `preamble\r\n${isup}${sdp}` })
    await call.next('ACK')
    call.answer(await call.next('BYE'), '200 OK')
  })
  t.match(await call(odd), { state: 'delivered', history: [{ voice: { heardPercent: 100 } }] })
  t.ok(odd.packets() > 10)
})

t.test('the history of a message has what the gateway said to it, in its own words', async (t) => {
  const headers = ['reason: Q.850;cause=21;text="Trunk 7 | full \u0001"']
  const odd = stand(async (call) => call.answer(call.invite, '403 Channel limit exceeded', { headers }))
  const { state, history } = await call(odd)
  t.match({ state, history }, { state: 'undelivered', history: [{ statusName: '403 Forbidden, Q.850 21' }] })
  t.match(history[0].voice.words, /^Channel limit exceeded; Trunk 7 . full/)
})
