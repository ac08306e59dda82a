/** Uploads of recordings and a process that is killed in the middle of them: what is listed can be heard, what was answered is there. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ADMIN_KEY, freePort, spawnEngine } from '../bench/processes.js'
import type { RecordingView } from '../src/engine/contract/recordings.js'
import { send } from './http-engine.js'
import { until } from './until.js'
import { tempFolder } from './voice-speech-stand.js'

// Many processes, which a busy machine starts slowly.
t.setTimeout(580_000)

const WAV = { 'content-type': 'audio/wav' }

function sox(rate: number, ...effects: string[]): Buffer {
  return execFileSync('sox', ['-q', '-n', '-r', String(rate), '-b', '16', '-t', 'wav', '-', ...effects])
}

t.test('a kill in the middle of uploads leaves only whole recordings', async (t) => {
  const folder = tempFolder(t)
  const port = await freePort()
  const config = `dataDir: ${folder}/data\nhttp: { port: ${port}, adminKey: ${ADMIN_KEY} }\nlogLevel: warn\n`
  let engine = await spawnEngine(folder, port, config)
  t.teardown(async () => {
    engine.child.kill('SIGKILL')
    await engine.ended
  })
  const made = await send(`${engine.url}/v1/accounts`, 'POST', { key: ADMIN_KEY, body: { id: 'office' } })
  const { key } = made.json
  const path = (name: string) => `${engine.url}/v1/recordings/${name}`
  const files = [
    sox(8_000, 'synth', '1', 'sine', '440'),
    sox(16_000, 'synth', '2', 'sine', '880'),
    sox(44_100, 'synth', '4', 'sine', '300-900'),
  ]
  const accepted = new Map<string, string>()
  let [puts, isDown] = [0, false]
  const uploads = [0, 1, 2].map(async (lane) => {
    for (let n = 0; !isDown; n++) {
      const name = `r${lane}-${n % 4}`
      const answer = await send(path(name), 'PUT', { key, body: files[(n + lane) % 3], headers: WAV }).catch(() => null)
      if (answer === null) return
      if (answer.status === 200) accepted.set(name, answer.json.sha256)
      puts++
    }
  })
  await until(
    async () => puts,
    (count) => count >= 6,
  )
  engine.child.kill('SIGKILL')
  await engine.ended
  isDown = true
  await Promise.all(uploads)
  engine = await spawnEngine(folder, port, config)
  const { items } = (await send(`${engine.url}/v1/recordings?limit=200`, 'GET', { key })).json
  for (const { name, sha256 } of items as RecordingView[]) {
    const heard = await send(`${path(name)}/audio`, 'GET', { key })
    t.equal(heard.status, 200, `${name} can be heard`)
    t.ok(existsSync(join(folder, 'data', 'recordings', sha256)))
  }
  for (const name of accepted.keys())
    t.ok(
      (items as RecordingView[]).some((item) => item.name === name),
      `${name} is there`,
    )
})
