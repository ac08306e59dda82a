/**
 * Recordings: WAV files under names, heard as calls let them be heard; what was accepted with one plays that one, also when
 * it is replaced or deleted; nothing half done after a kill.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { RecordingView } from '../src/engine/contract/recordings.js'
import { findRecording, recordingsOf } from '../src/engine/recordings/recording-record.js'
import { startKeeping, sweepSounds } from '../src/engine/recordings/sweep-sounds.js'
import { Documents } from '../src/engine/store/documents.js'
import { run } from './cli-run.js'
import type { Answer } from './http-engine.js'
import { correlation, tempFolder } from './voice-speech-stand.js'
import { type Call, startWhole } from './whole-engine.js'

// Many processes, which a busy machine starts slowly.
t.setTimeout(580_000)

const WAV = { 'content-type': 'audio/wav' }
const DAY_MS = 86_400_000

/** A WAV file as sox writes it: `effects` after no input. */
function sox(format: string[], ...effects: string[]): Buffer {
  return execFileSync('sox', ['-q', '-n', ...format, '-t', 'wav', '-', ...effects], { maxBuffer: 1 << 28 })
}

const TONE = sox(['-r', '8000', '-b', '16', '-c', '1'], 'synth', '1', 'sine', '440', 'vol', '0.5')
const OTHER = sox(['-r', '8000', '-b', '16', '-c', '1'], 'synth', '0.5', 'sine', '880', 'vol', '0.5')

/** Samples of a WAV file of ours: 44 octets of header. */
function pcmOf(wav: Buffer): Int16Array {
  return new Int16Array(new Uint8Array(wav.subarray(44)).buffer)
}

async function audio(url: string, key: string, name: string): Promise<Buffer> {
  const headers = { authorization: `Bearer ${key}` }
  const response = await fetch(`${url}/v1/recordings/${encodeURIComponent(name)}/audio`, { headers })
  if (!response.ok) throw new Error(await response.text())
  return Buffer.from(await response.arrayBuffer())
}

type Put = (name: string, body: Buffer | string, headers?: Record<string, string>) => Promise<Answer>

function putWith(call: Call): Put {
  return (name, body, headers = WAV) => call('PUT', `/v1/recordings/${encodeURIComponent(name)}`, { body, headers })
}

const whole = await startWhole(t, { yaml: () => 'carriers: []\nspeech: { maxSeconds: 60 }' })
const sounds = join(whole.folder, 'recordings')
let offices = 0

/** An account of its own, with voice. */
async function office(): Promise<{ key: string; call: Call; put: Put }> {
  const { key, call } = await whole.account(`office-${++offices}`, { features: { voice: true } })
  return { key, call, put: putWith(call) }
}

t.test('a recording is kept under its name, with its facts, and heard as a call lets it be heard', async (t) => {
  const { call: asked, put, key } = await office()
  const { url } = whole
  const studio = sox(['-r', '44100', '-b', '24', '-c', '2'], 'synth', '2', 'sine', '300-1200', 'vol', '0.5')
  const made = await put('Büro zu', studio)
  t.match(made, { status: 200, json: { name: 'Büro zu', seconds: 2, rate: 44_100, channels: 2, bytes: studio.length } })
  t.match(made.json, { sha256: /^[0-9a-f]{64}$/, description: null })
  t.same((await asked('GET', '/v1/recordings/B%C3%BCro%20zu')).json, made.json)
  t.same((await asked('GET', '/v1/recordings')).json, { items: [made.json], nextCursor: null })
  const heard = await audio(url, key, 'Büro zu')
  const args = ['-q', '-t', 'wav', '-', '-r', '8000', '-c', '1', '-b', '16', '-e', 'signed', '-t', 'raw', '-']
  const raw = execFileSync('sox', args, { input: studio })
  const reference = new Int16Array(raw.buffer, raw.byteOffset, raw.length / 2)
  t.equal(heard.length, 44 + 32_000, '2 seconds of 8 kHz and 16 bits')
  t.ok(correlation(pcmOf(heard), reference, 40) > 0.999, 'it sounds as sox makes it')
  const named = await asked('PUT', '/v1/recordings/b?description=for%20holidays', { body: TONE, headers: WAV })
  t.match(named.json, { description: 'for holidays' })
  const formats = [
    ['-e', 'mu-law'],
    ['-e', 'a-law'],
    ['-b', '8', '-e', 'unsigned'],
    ['-e', 'float', '-b', '32'],
  ]
  for (const format of formats) {
    const file = sox(['-r', '16000', '-c', '1', ...format], 'synth', '0.5', 'sine', '440')
    t.match(await put('form', file), { status: 200, json: { seconds: 0.5, rate: 16_000 } }, format.join(' '))
  }
  t.equal((await asked('DELETE', '/v1/recordings/form')).status, 204)
  t.equal((await asked('GET', '/v1/recordings/form')).status, 404)
  t.equal((await asked('GET', '/v1/recordings/form/audio')).status, 404)
  t.equal((await asked('DELETE', '/v1/recordings/form')).status, 404)
})

t.test('a file that cannot be played is refused with what is wrong and what to do, and changes nothing', async (t) => {
  const { call: asked, put } = await office()
  const kept = await put('hello', TONE)
  const before = readdirSync(sounds).sort()
  const silent = sox(['-r', '8000', '-b', '16', '-c', '1'], 'trim', '0', '2')
  const long = sox(['-r', '8000', '-b', '8', '-c', '1'], 'synth', '61', 'sine', '440')
  // TONE came through a pipe: its header does not know how long it is, and this one does.
  const half = Buffer.from(TONE.subarray(0, 44 + 8_000))
  half.writeUInt32LE(16_000, 40)
  const refused: [string, Buffer | string, RegExp][] = [
    ['nothing', '', /file is empty/],
    ['a text', 'hello', /not a WAV file; save it as WAV/],
    ['an MP3', 'ID3\u0004\u0000\u0000\u0000', /MP3 file.*save it as WAV/],
    ['an Ogg', 'OggS\u0000\u0002', /Ogg file/],
    ['a header alone', TONE.subarray(0, 44), /holds no sound/],
    ['a cut header', TONE.subarray(0, 30), /chunk "data" is missing/],
    ['the first half', half, /is cut off: 0.5 of 1.0 seconds are there; copy it again/],
    ['silence', silent, /is silence; check the microphone/],
    ['too long', long, /lasts 61 seconds and may last 60; shorten it, or raise speech.maxSeconds/],
    ['ADPCM', sox(['-r', '8000', '-e', 'ima-adpcm'], 'synth', '1', 'sine', '440'), /compressed.*save it as WAV/],
  ]
  for (const [name, body, detail] of refused) {
    t.match(await put('hello', body), { status: 422, json: { code: 'RECORDING_INVALID', detail } }, name)
  }
  const huge = Buffer.concat([TONE, Buffer.alloc(10 << 20)])
  t.match(await put('hello', huge), { status: 413, json: { code: 'TOO_LARGE' } })
  t.match(await put('hello', TONE, { 'content-type': 'audio/mpeg' }), { status: 415 })
  t.match(await put('a/b', TONE), { status: 422, json: { errors: [{ pointer: '/name' }] } })
  t.match(await put(' a', TONE), { status: 422 })
  t.same((await asked('GET', '/v1/recordings')).json.items, [kept.json])
  t.same(readdirSync(sounds).sort(), before, 'nothing of them is on disk')
})

t.test('a name stands for its newest sound; what it stood for stays for those who were accepted with it', async (t) => {
  const { call: asked, put } = await office()
  const first: RecordingView = (await put('closed', TONE)).json
  const again: RecordingView = (await put('also', TONE)).json
  t.equal(again.sha256, first.sha256, 'equal sounds are one')
  const second: RecordingView = (await put('closed', OTHER)).json
  t.not(second.sha256, first.sha256)
  t.equal(second.createdAt, first.createdAt)
  await asked('DELETE', '/v1/recordings/also')
  const there = readdirSync(sounds)
  for (const { sha256 } of [first, second])
    t.ok(there.includes(sha256), 'a sound that has no name any more is still there')
  const both = await Promise.all([put('race', TONE), put('race', OTHER)])
  t.same(
    both.map(({ status }) => status),
    [200, 200],
  )
  const race: RecordingView = (await asked('GET', '/v1/recordings/race')).json
  t.ok([first.sha256, second.sha256].includes(race.sha256))
  t.equal(race.seconds, race.sha256 === first.sha256 ? 1 : 0.5, 'name and sound belong together')
  await whole.restart()
  t.same((await asked('GET', '/v1/recordings/closed')).json, second)
})

function recording(name: string, sha256: string): object {
  return {
    name,
    sha256,
    seconds: 1,
    rate: 8_000,
    channels: 1,
    bytes: 1,
    description: null,
    createdAtMs: 0,
    updatedAtMs: 0,
  }
}

t.test('those who compose calls find the sound of a name, in the account that asks', async (t) => {
  const documents = new Documents(tempFolder(t))
  await documents.put('recordings', [7, 'Café'], recording('Café', 'ab'.repeat(32)))
  await documents.put('recordings', [8, 'Café'], recording('Café', 'cd'.repeat(32)))
  t.same([...recordingsOf(documents, 7)], [['Café', 'ab'.repeat(32)]])
  t.equal(findRecording(documents, 7, 'Cafe\u0301'), 'ab'.repeat(32), 'however it is written')
  t.equal(findRecording(documents, 7, 'none'), null)
  t.equal(findRecording(documents, 9, 'Café'), null)
  await documents.close()
})

t.test('sounds that nobody has named for 400 days are removed, and no others', async (t) => {
  const folder = tempFolder(t)
  const documents = new Documents(folder)
  const [kept, lost, gone] = ['ab', 'cd', 'ef'].map((two) => two.repeat(32)) as [string, string, string]
  await documents.put('recordings', [7, 'kept'], recording('kept', kept))
  await documents.put('recordings', [8, 'gone'], recording('gone', gone))
  const nowMs = Date.now()
  const path = join(folder, 'sounds')
  mkdirSync(path)
  for (const name of [kept, lost, gone, `${lost}.1-2-3.part`]) writeFileSync(join(path, name), 'sound')
  for (const name of [kept, gone]) utimesSync(join(path, name), 1, 1)
  utimesSync(join(path, lost), 1, 1)
  await startKeeping(path, lost, nowMs)
  const facts = { folder: path, documents, isAccount: (account: number) => account === 7 }
  t.equal(await sweepSounds(facts, nowMs + DAY_MS / 4), 2, 'of an account that is gone, and what was half written')
  t.same(readdirSync(path).sort(), [kept, lost].sort())
  t.equal(await sweepSounds(facts, nowMs + 399 * DAY_MS), 0, 'the time counts from the day on which it lost its name')
  t.equal(await sweepSounds(facts, nowMs + 401 * DAY_MS), 1)
  t.same(readdirSync(path), [kept])
  await documents.close()
})

t.test('the command line puts, lists, saves, speaks and deletes', async (t) => {
  const { call: asked, key } = await office()
  const folder = tempFolder(t)
  const file = join(folder, 'closed.wav')
  writeFileSync(file, TONE)
  const recordings = (...args: string[]) => run(['recordings', ...args, '--url', whole.url, '--key', key])
  t.match(await recordings('put', file, '--description', 'on holidays'), {
    code: 0,
    stdout: /closed: 1 s, 8000 Hz, mono/,
  })
  t.match(await recordings(), { code: 0, stdout: /closed +1 +8000 +1 .*on holidays/ })
  const out = join(folder, 'heard.wav')
  t.match(await recordings('get', 'closed', '--out', out), { code: 0, stdout: /saved/ })
  t.ok(correlation(pcmOf(readFileSync(out)), pcmOf(TONE), 0) > 0.99)
  const said = join(folder, 'said.wav')
  t.match(await recordings('say', 'Guten Morgen', '--language', 'de', '--out', said), { code: 0 })
  t.ok(pcmOf(readFileSync(said)).length > 4_000, 'half a second at least')
  t.match(await recordings('say', 'Hello', '--language', 'qaa', '--out', said), { code: 1, stderr: /no voice speaks/ })
  writeFileSync(file, 'no sound')
  t.match(await recordings('put', file), { code: 1, stderr: /RECORDING_INVALID.*not a WAV file/ })
  t.match(await recordings('sing', 'closed'), { code: 2, stderr: /"sing" is none of put, get, delete, say/ })
  t.match(await recordings('delete', 'closed'), { code: 0, stdout: /deleted closed/ })
  t.equal((await asked('GET', '/v1/recordings/closed')).status, 404)
})

t.test('how a text sounds is for accounts that may call, few at a time, and says what is wrong', async (t) => {
  const { call: asked } = await office()
  const speech = (body: object) => asked('POST', '/v1/speech', { body })
  const spoken = await speech({ text: 'Hello', language: 'en-GB' })
  t.match([spoken.status, spoken.headers.get('content-type')], [200, 'audio/wav'])
  t.match(await speech({ text: '...' }), { status: 422, json: { errors: [{ pointer: '/text' }] } })
  t.match(await speech({ text: 'Hi', language: 'qaa' }), { status: 422, json: { errors: [{ pointer: '/language' }] } })
  t.match(await speech({ text: 'Hi', language: '-v' }), { status: 422, json: { errors: [{ pointer: '/language' }] } })
  t.match(await speech({ text: 'word '.repeat(399) }), { status: 422, json: { detail: /longer than 60 seconds/ } })
  t.match(await speech({ text: 'x'.repeat(2_001) }), { status: 422 })
  const facts = await asked('GET', '/v1/speech')
  t.match(facts.json, { available: true, language: 'en' })
  t.ok(facts.json.languages.includes('de'))
  const many = await Promise.all(
    Array.from({ length: 20 }, (_, n) => speech({ text: `Number ${n}, please. `.repeat(20) })),
  )
  const statuses = new Set(many.map(({ status }) => status))
  t.ok(statuses.has(200) && [...statuses].every((status) => status === 200 || status === 429), [...statuses].join())
  const silent = await whole.account('texts', { features: { voice: false } })
  const refused = await silent.call('POST', '/v1/speech', { body: { text: 'Hello' } })
  t.match(refused, { status: 403, json: { code: 'FEATURE_OFF' } })
})

t.test('a recording is told by its sound, not by its file', async (t) => {
  const { put } = await office()
  // What writes to a pipe leaves the lengths open; a file has them.
  TONE.writeUInt32LE(TONE.length - 44, 40)
  const one: RecordingView = (await put('one', TONE)).json
  // A chunk that says who made it, and an odd length with its padding.
  const note = Buffer.from('LIST\u0005\u0000\u0000\u0000INFOx\u0000', 'latin1')
  const noted = Buffer.concat([TONE, note])
  noted.writeUInt32LE(noted.length - 8, 4)
  const two: RecordingView = (await put('two', noted)).json
  t.equal(two.sha256, one.sha256)
  t.not(two.bytes, one.bytes)
  const sha256 = createHash('sha256').update(TONE.subarray(44)).digest('hex')
  t.equal(one.sha256, sha256, 'of 8 kHz it is the sound of the file itself')
})
