/** Calls on the command line: check shows them without a server, send makes them of a file. Nobody is called: nothing is due yet. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { run as runCli } from './cli-run.js'
import { startWhole } from './whole-engine.js'

const LATER = '2099-01-01T09:00:00Z'
const LANDLINE = '+442071838750'

t.test('check shows the calls of a file without a server', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-voice-check-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const csv = file('rows.csv', `to,name\n${LANDLINE},Bo\n+447400123451,Ann\n`)
  const prompts = file('list.json', JSON.stringify([{ recording: 'jingle' }, 'Call for ~name~.']))
  const run = async (...more: string[]) => {
    const { code, stdout, stderr } = await runCli(['check', csv, '--json', ...more], { cwd: folder })
    t.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }
  const report = await run('--text', 'Hi ~name~', '--prompts', prompts, '--language', 'en')
  t.match(report.estimate, { byChannel: { sms: { rows: 1 }, voice: { rows: 1 } } })
  t.match(report.preview[0], { channel: 'voice', encoding: 'speech', language: 'en' })
  t.match(report.preview[0].prompts, [{ recording: 'jingle' }, { text: 'Call for Bo.' }, { text: /press 9/ }])
  t.match(report.preview[1], { channel: 'sms', text: 'Hi Ann' })
  const rejected = await run('--text', 'Hi', '--landlines', 'reject')
  t.match(rejected.rejectedByReason, { LINE_TYPE_REFUSED: 1 })
  const calls = await run('--channel', 'voice', '--prompts', prompts)
  t.match(calls.estimate, { byChannel: { voice: { rows: 2 } } })
})

t.test('send takes the same options', async (t) => {
  const whole = await startWhole(t, {
    yaml: () =>
      'carriers: [{ id: pbx, protocol: sip, host: 127.0.7.7, port: 9, callerId: "+442071830000", optionsSeconds: 0 }]',
  })
  const office = await whole.account('office')
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-voice-send-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const csv = join(folder, 'rows.csv')
  writeFileSync(csv, `to,name\n${LANDLINE},Bo\n`)
  const args = ['send', csv, '--text', 'Hi ~name~', '--channel', 'voice', '--language', 'nl', '--at', LATER, '--json']
  const { code, stdout, stderr } = await runCli([...args, '--url', whole.url, '--key', office.key], { cwd: folder })
  t.equal(code, 0, stderr)
  const job = JSON.parse(stdout)
  t.match(job.settings, { channel: 'voice', language: 'nl' })
  const { items } = (await office.call('GET', `/v1/jobs/${job.id}/messages`)).json
  t.match(items, [{ channel: 'voice', prompts: [{ text: 'Hi Bo' }, { text: /drukt u op 1/ }] }])
})
