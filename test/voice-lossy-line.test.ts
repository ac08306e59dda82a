/** Bad lines and gateways that are gone, with the whole engine: what is delivered all the same, and how soon another is tried. */
import { createSocket } from 'node:dgram'
import t from 'tap'
import type { MessageView } from '../src/engine/contract/api.js'
import { seed } from './seed.js'
import { until } from './until.js'
import { landline, startVoice } from './voice-stand.js'
import { type Customer, reached } from './whole-engine.js'

t.setTimeout(580_000)

async function finished({ call }: Customer, numbers: readonly string[]): Promise<Record<string, number>> {
  const made = await call('POST', '/v1/jobs', { body: { text: 'Hello', channel: 'voice', columns: { to: 'phone' } } })
  const body = `phone\n${numbers.join('\n')}\n`
  await call('PUT', `/v1/jobs/${made.json.id}/recipients`, { body, headers: { 'content-type': 'text/csv' } })
  return { ...(await reached(call, made.json.id, 'finished')).counts }
}

t.test(
  'with 15 % of all datagrams lost, SIP and sound, at least 95 % are delivered, and each number is called once',
  async (t) => {
    const { gateways, customer, ledger } = await startVoice(t, {
      gateways: [{ loss: 0.15, seed, ringMs: 100 }],
      carrier: 'maxCalls: 60, callsPerSecond: 60, tailMs: 0, attempts: 1, optionsSeconds: 0',
    })
    const numbers = Array.from({ length: 60 }, (_, n) => landline(n))
    const { delivered, accepted } = await finished(customer, numbers)
    t.equal(accepted, 60)
    t.ok(delivered! >= 57, `${delivered} of 60`)
    const { dropped, callsNow } = gateways[0]!.stats()
    t.ok(dropped > 0, `${dropped} datagrams dropped`)
    const heard = ledger().filter(({ answered }) => answered !== null)
    t.equal(new Set(heard.map(({ number }) => number)).size, heard.length, 'nobody hears it twice')
    t.equal(callsNow + ledger().length, gateways[0]!.stats().calls)
  },
)

t.test('a gateway that says nothing is left for the next within five seconds', async (t) => {
  const silent = createSocket('udp4')
  let askedAt = 0
  silent.on('message', (bytes) => {
    if (bytes.toString('latin1', 0, 6) === 'INVITE' && askedAt === 0) askedAt = performance.now()
  })
  await new Promise<void>((resolve) => silent.bind(0, '127.0.8.150', resolve))
  t.teardown(() => void silent.close())
  const { customer, gateways } = await startVoice(t, {
    carrier: `host: 127.0.8.150, port: ${silent.address().port}, optionsSeconds: 0, tailMs: 0, provisionalMs: 2000`,
  })
  const { json } = await customer.call('POST', '/v1/messages', {
    body: { to: landline(1), text: 'Hello', channel: 'voice' },
  })
  await until(
    async () => gateways[0]!.stats(),
    ({ calls }) => calls === 1,
  )
  const tookMs = performance.now() - askedAt
  t.ok(askedAt > 0 && tookMs < 5_000, `${tookMs} ms from one to the other`)
  const message = await until(
    async () => (await customer.call('GET', `/v1/messages/${json.id}`)).json as MessageView,
    ({ state }) => state === 'delivered',
  )
  t.equal(message.history.filter(({ event }) => event === 'delivered').length, 1)
})
