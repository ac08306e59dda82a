/** From a WAV file that an account uploads to what a telephone of other make (baresip) records of the call, in both laws. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startBaresip } from './baresip.js'
import { seed } from './seed.js'
import { until } from './until.js'
import { glidingTones, type Likeness, likeness, readWav, writeWav } from './voice-sound.js'
import { landline } from './voice-stand.js'
import { startWhole } from './whole-engine.js'

t.setTimeout(580_000)

/** On a machine that is busy with other things a packet may come too late for the telephone: then it is called again. */
const CALLS = 8

for (const [n, codec] of (['pcma', 'pcmu'] as const).entries()) {
  t.test(`what is recorded of a call in ${codec} is the recording that was uploaded`, async (t) => {
    const source = glidingTones(1, seed + n)
    const file = join(t.testdir(), 'source.wav')
    writeWav(file, source)
    const phone = await startBaresip(t, { address: `127.0.4.${31 + n}`, user: landline(n), codecs: codec })
    const where = `host: ${phone.address}, port: ${phone.port}, localAddress: 127.0.4.${33 + n}, codecs: [${codec}]`
    const how = 'callerId: "+442071838750", playDelayMs: 300, tailMs: 100'
    const whole = await startWhole(t, {
      yaml: () => `carriers: [{ id: pbx, protocol: sip, ${where}, ${how} }]`,
    })
    const { call } = await whole.account('clinic', { defaultCountry: 'GB', features: { voice: true } })
    const headers = { 'content-type': 'audio/wav' }
    const kept = await call('PUT', '/v1/recordings/hello', { body: readFileSync(file), headers })
    t.ok(kept.status < 300, kept.text)
    let best: Likeness = { correlation: 0, level: 0, at: 0 }
    for (let calls = 1; calls <= CALLS && best.correlation < 0.999; calls++) {
      const body = {
        to: landline(n),
        channel: 'voice',
        text: '',
        prompts: [{ recording: 'hello' }],
        unsubscribe: 'none',
      }
      const sent = await call('POST', '/v1/messages', { body })
      t.equal(sent.status, 202, sent.text)
      const message = await until(
        async () => (await call('GET', `/v1/messages/${sent.json.id}`)).json,
        ({ state }) => !['accepted', 'queued', 'sending', 'scheduled'].includes(state),
      )
      t.match(message, { state: 'delivered', history: [{ voice: { heardPercent: 100 } }] })
      await phone.event('CALL_CLOSED')
      const found = likeness(source, readWav(phone.heard().at(-1)!))
      if (found.correlation > best.correlation) best = found
    }
    t.ok(best.correlation >= 0.999, `correlation ${best.correlation}`)
    t.ok(best.level >= 0.98 && best.level <= 1.02, `level ${best.level}`)
  })
}
