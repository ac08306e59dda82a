/**
 * A machine without espeak-ng, through the real `trunkline serve`: recordings work, texts fail with the reason and the
 * remedy, at start, in /readyz and at every request; once it is installed nothing needs a restart.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ADMIN_KEY, freePort } from '../bench/processes.js'
import { Gateway } from '../src/sip/simulator/gateway.js'
import { type Answer, type CallOptions, send } from './http-engine.js'
import { until } from './until.js'
import { tempFolder } from './voice-speech-stand.js'

// Many processes, which a busy machine starts slowly.
t.setTimeout(580_000)

const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url))
const REMEDY = /apt-get install espeak-ng, or set speech.command/

/** A folder to put programs into, which is all of PATH. */
const folder = tempFolder(t)
const programs = join(folder, 'bin')
mkdirSync(programs)
const port = await freePort()
const file = join(folder, 'trunkline.yaml')
const gateway = new Gateway({ host: '127.0.0.1', port: 0, transport: 'udp', ringMs: 20 })
t.teardown(() => gateway.close())
const at = `host: 127.0.0.1, port: ${await gateway.listen()}, localAddress: 127.0.0.1`
const carrier = `{ id: pbx, protocol: sip, ${at}, callerId: "+441632960001" }`
writeFileSync(
  file,
  `dataDir: ${folder}/data\nhttp: { port: ${port}, adminKey: ${ADMIN_KEY} }\ncarriers: [${carrier}]\n`,
  { mode: 0o600 },
)
const args = ['-u', 'NODE_OPTIONS', process.execPath, CLI, 'serve', '--config', file]
const child = spawn('/usr/bin/env', args, { env: { PATH: programs }, stdio: ['ignore', 'pipe', 'pipe'] })
let said = ''
for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
const exited = once(child, 'exit')
t.teardown(async () => {
  child.kill('SIGKILL')
  await exited
})

async function call(method: string, path: string, options: CallOptions): Promise<Answer> {
  return await send(`http://127.0.0.1:${port}${path}`, method, options)
}

interface Check {
  name: string
  ok: boolean
  detail: string
}

async function ready(): Promise<{ status: number; speech: Check | undefined } | null> {
  if (child.exitCode !== null) throw new Error(said)
  const answer = await call('GET', '/readyz', { key: null }).catch(() => null)
  if (answer === null) return null
  const speech = answer.json.checks.find(({ name }: Check) => name === 'speech')
  return { status: answer.status, speech }
}

await until(ready, (answer) => answer?.speech !== undefined && answer.speech.detail !== 'starting')
const { key } = (await call('POST', '/v1/accounts', { key: ADMIN_KEY, body: { id: 'office', defaultCountry: 'GB' } }))
  .json

t.test('the log says at start what is missing and what to do, and /readyz does, which stays ready', async (t) => {
  await until(
    async () => said,
    (text) => text.includes('texts of calls cannot be spoken'),
  )
  t.match(said, REMEDY)
  t.match(await ready(), { status: 200, speech: { ok: false, detail: REMEDY } })
  t.match(await call('GET', '/v1/speech', { key }), { status: 200, json: { available: false, detail: REMEDY } })
})

t.test('a text is refused with the remedy', async (t) => {
  const refused = { status: 503, json: { code: 'SPEECH_UNAVAILABLE', detail: REMEDY } }
  t.match(await call('POST', '/v1/speech', { key, body: { text: 'Hello' } }), refused)
})

const LANDLINE = '+442071838750'

async function ended(id: string): Promise<Answer['json']> {
  const look = async () => (await call('GET', `/v1/messages/${id}`, { key })).json
  return await until(look, ({ state }) => ['delivered', 'undelivered', 'failed'].includes(state))
}

t.test('a message and a file are told at once that its text cannot be spoken', async (t) => {
  const message = { to: LANDLINE, channel: 'voice', text: 'Hello' }
  const refused = await call('POST', '/v1/messages', { key, body: message })
  t.equal(refused.status, 422)
  t.match(refused.text, /SPEECH_UNAVAILABLE/)
  t.match(refused.text, REMEDY)
  const job = await call('POST', '/v1/jobs', { key, body: { text: 'Hello', recipients: [LANDLINE] } })
  const counted = async () => (await call('GET', `/v1/jobs/${job.json.id}`, { key })).json
  const done = await until(counted, ({ counts }) => counts.rejected + counts.accepted === 1)
  t.match(done.rejectedByReason, { SPEECH_UNAVAILABLE: 1 })
})

t.test('recordings are taken, and calls play them', async (t) => {
  const wav = execFileSync('sox', ['-n', '-r', '8000', '-b', '16', '-t', 'wav', '-', 'synth', '0.4', 'sine', '440'])
  const headers = { 'content-type': 'audio/wav' }
  t.match(await call('PUT', '/v1/recordings/hello', { key, body: wav, headers }), {
    status: 200,
    json: { seconds: 0.4 },
  })
  t.equal((await call('GET', '/v1/recordings/hello/audio', { key })).status, 200)
  const prompts = [{ recording: 'hello' }, { pauseMs: 100 }, { recording: 'hello' }]
  const sent = await call('POST', '/v1/messages', { key, body: { to: LANDLINE, channel: 'voice', prompts } })
  t.match(sent, { status: 202 })
  t.match(await ended(sent.json.id), { state: 'delivered', reason: null }, 'without the closing, which is a text')
})

t.test('once it is installed texts are spoken, without a restart', async (t) => {
  const real = execFileSync('sh', ['-c', 'command -v espeak-ng'], { encoding: 'utf8' }).trim()
  t.ok(existsSync(real))
  symlinkSync(real, join(programs, 'espeak-ng'))
  t.equal((await call('POST', '/v1/speech', { key, body: { text: 'Hello' } })).status, 200)
  await until(ready, (answer) => answer?.speech?.ok === true)
  t.match(await ready(), { status: 200, speech: { ok: true, detail: /espeak-ng/ } })
  t.match((await call('GET', '/v1/speech', { key })).json, { available: true })
  const sent = await call('POST', '/v1/messages', {
    key,
    body: { to: LANDLINE, channel: 'voice', text: 'Hello', unsubscribe: 'none' },
  })
  t.match(await ended(sent.json.id), { state: 'delivered' })
  const foreign = { to: LANDLINE, channel: 'voice', text: 'Hello', language: 'qaa' }
  t.match((await call('POST', '/v1/messages', { key, body: foreign })).text, /LANGUAGE_UNSPOKEN/)
})

t.test('it stops in good order', async (t) => {
  child.kill('SIGTERM')
  t.strictSame(await exited, [0, null])
})
