/** What the simulated gateway hears and presses, with baresip at the other end, directly and through kamailio. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Gateway } from '../src/sip/simulator/gateway.js'
import type { GatewayOptions } from '../src/sip/simulator/gateway-options.js'
import { startBaresip } from './baresip.js'
import { startKamailio } from './kamailio.js'
import { seed } from './seed.js'
import { until } from './until.js'
import { glidingTones, likeness, readWav } from './voice-sound.js'

interface Stand {
  gateway: Gateway
  folder: string
  uri: string
  port: number
}

async function start(t: Test, host: string, options: Partial<GatewayOptions> = {}): Promise<Stand> {
  const folder = t.testdir()
  const gateway = new Gateway({
    ...{ host, port: 0, transport: 'udp', ringMs: 50, seed, recordFolder: folder },
    ...{ ledgerPath: join(folder, 'ledger'), ...options },
  })
  const port = await gateway.listen()
  t.teardown(() => gateway.close())
  return { gateway, folder, port, uri: `sip:+442079460001@${host}:${port}` }
}

function recording(folder: string): Int16Array {
  return readWav(join(folder, readdirSync(folder).find((name) => name.endsWith('.wav'))!))
}

for (const [n, codec] of (['pcma', 'pcmu'] as const).entries()) {
  t.test(`what baresip says in ${codec} is what is recorded`, async (t) => {
    const { gateway, folder, uri } = await start(t, `127.0.8.${120 + n}`, { codecs: [codec] })
    const says = glidingTones(2, seed)
    const phone = await startBaresip(t, { address: `127.0.8.${122 + n}`, says })
    await phone.dial(uri)
    await phone.event('AUDIO_ERROR') // It came to the end of its file.
    await phone.hangUp()
    const { heardMs, rtpLost, rtpStray, rtpJumps, complaints } = await until(
      async () => gateway.stats(),
      ({ ended }) => ended === 1,
    )
    t.match({ rtpLost, rtpStray, rtpJumps, complaints }, { rtpLost: 0, rtpStray: 0, rtpJumps: 0, complaints: [] })
    const heard = recording(folder)
    t.equal(heard.length, heardMs * 8)
    const { correlation, level } = likeness(says.subarray(0, 12_000), heard)
    t.ok(correlation > 0.999, `correlation ${correlation}`)
    t.ok(level > 0.98 && level < 1.02, `level ${level}`)
  })
}

for (const [n, digitsBy] of (['rfc4733', 'info'] as const).entries()) {
  t.test(`baresip hears each digit that a telephone presses, by ${digitsBy}`, async (t) => {
    const { gateway, uri, folder } = await start(t, `127.0.8.${124 + n}`, {
      digitsBy,
      faults: 'press19*#=1',
      digitAfterMs: 20,
    })
    const phone = await startBaresip(t, { address: `127.0.8.${126 + n}` })
    await phone.dial(uri)
    for (const digit of ['1', '9', '*', '#']) t.equal((await phone.event('CALL_DTMF_START')).param, digit)
    await phone.hangUp()
    await until(
      async () => gateway.stats(),
      ({ ended }) => ended === 1,
    )
    t.match(JSON.parse(readFileSync(join(folder, 'ledger'), 'utf8')), { digits: '19*#', by: 'caller' })
    t.match(gateway.stats(), { digitsPressed: 4, complaints: [] })
  })
}

t.test(
  'a call that baresip makes through kamailio, with its login, is ended by either side along the same route',
  async (t) => {
    const { gateway, port } = await start(t, '127.0.8.128', { endings: '9=hangup', hangUpMs: 200 })
    const login = { user: 'trunk', password: 'secret' }
    const proxy = await startKamailio(t, { address: '127.0.8.129', to: `sip:127.0.8.128:${port}`, login })
    const account = ';auth_user=trunk;auth_pass=secret'
    const phone = await startBaresip(t, { address: '127.0.8.130', account })
    await phone.dial(`sip:+442079460000@${proxy.address}:${proxy.port}`)
    await phone.event('CALL_ESTABLISHED')
    await phone.hangUp()
    await phone.event('CALL_CLOSED')
    await phone.dial(`sip:+442079460009@${proxy.address}:${proxy.port}`)
    await phone.event('CALL_CLOSED')
    await until(
      async () => gateway.stats(),
      ({ ended }) => ended === 2,
    )
    t.match(gateway.stats(), { calls: 2, answered: 2, callerHungUp: 1, weHungUp: 1, complaints: [] })
    t.equal(proxy.log().match(/SEEN BYE from/g)?.length, 2, 'both BYEs go through the proxy')
  },
)
