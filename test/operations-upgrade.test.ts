/**
 * Data directories of earlier versions (F31): each fixture is what an engine left that was killed while it sent. The engine of today
 * opens it, knows the same, goes on with its jobs, and joins receipts of what the old one sent. And a directory of a later version is refused.
 * How a fixture is made: scripts/make-data-fixture.ts.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import type { JobView, MessageView } from '../src/engine/contract/api.js'
import { silentLog } from '../src/engine/contract/log.js'
import { verifyDirectory } from '../src/engine/verify/verify-directory.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { startServer } from '../src/start.js'
import { send } from './http-engine.js'
import { until } from './until.js'

const fixtures = fileURLToPath(new URL('../../test/fixtures/data', import.meta.url))
const admin = 'admin-key-of-this-test'

interface Kept {
  key: string
  /** A finished one, one of the far future, and one that was paused in the midst of it. */
  jobs: JobView[]
  /** Of the last job. */
  messages: MessageView[]
}

function unpacked(t: Test, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-upgrade-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  execFileSync('tar', ['-C', folder, '-xzf', join(fixtures, `${name}.tar.gz`)])
  return join(folder, 'data')
}

interface Opened {
  smsc: Smsc
  get<T>(path: string): Promise<T>
  post(path: string): Promise<unknown>
  stop(): Promise<void>
}

async function opened(t: Test, dataDir: string, key: string): Promise<Opened> {
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, countRepeats: true }, silentLog)
  t.teardown(() => smsc.close())
  const { port } = await smsc.listen()
  const carrier = { id: 'sim', protocol: 'smpp', host: '127.0.0.1', port, systemId: 'a' }
  const text = JSON.stringify({ dataDir, http: { port: 0, adminKey: admin }, carriers: [carrier] })
  const config = parseConfig(text, { name: 'test', folder: dataDir, env: {} })
  const exit = (code: number) => t.fail(`the engine stopped with ${code}`)
  const server = await startServer(config, { log: silentLog, exit })
  let isStopped = false
  const stop = async (): Promise<void> => {
    if (isStopped) return
    isStopped = true
    await server.stop()
  }
  t.teardown(stop)
  const call = async (method: string, path: string): Promise<unknown> => {
    const { status, json, text: said } = await send(server.url + path, method, { key })
    if (status >= 300) throw new Error(`${method} ${path}: ${said}`)
    return json
  }
  return {
    ...{ smsc, stop },
    get: async <T>(path: string) => (await call('GET', path)) as T,
    post: (path) => call('POST', path),
  }
}

/** The receipt that the old engine's carrier owes. */
function receiptOf({ history, to }: MessageView): { from: string; to: string; data: string; esmClass: number } | null {
  const id = history.find(({ carrierId }) => carrierId !== undefined)?.carrierId
  if (id === undefined) return null
  const text = `id:${id} sub:001 dlvrd:001 submit date:2611220000 done date:2611220001 stat:DELIVRD err:000 text:`
  return { from: to.slice(1), to: 'ACME', data: Buffer.from(text).toString('hex'), esmClass: 4 }
}

const names = readdirSync(fixtures)
  .filter((file) => file.endsWith('.tar.gz'))
  .map((file) => file.slice(0, -'.tar.gz'.length))

for (const name of names) {
  t.test(`a data directory of ${name}`, async (t) => {
    const kept = JSON.parse(readFileSync(join(fixtures, `${name}.json`), 'utf8')) as Kept
    const dataDir = unpacked(t, name)
    const engine = await opened(t, dataDir, kept.key)
    const [finished, later, stopped] = kept.jobs as [JobView, JobView, JobView]
    for (const old of [finished, later]) {
      const { state, counts } = await engine.get<JobView>(`/v1/jobs/${old.id}`)
      t.match({ state, counts }, { state: old.state, counts: old.counts }, `job ${old.state} is as it was`)
    }
    const paused = await engine.get<JobView>(`/v1/jobs/${stopped.id}`)
    t.match(paused.counts, { rows: 60, accepted: 60 }, 'no row of the one that was sending is lost')
    t.ok(paused.counts.partsSent >= stopped.counts.partsSent, 'nor is what it had sent')

    const owed = kept.messages
      .filter(({ state }) => state !== 'delivered')
      .flatMap((message) => receiptOf(message) ?? [])
    t.ok(owed.length > 0, 'receipts are to come')
    for (const receipt of owed) await engine.smsc.subscribers.send(receipt)
    await engine.post(`/v1/jobs/${stopped.id}/resume`)
    const ended = await until(
      () => engine.get<JobView>(`/v1/jobs/${stopped.id}`),
      ({ state }) => state === 'finished',
    )
    t.match(ended.counts, { accepted: 60, delivered: 60 }, 'receipts of both are joined, and the job comes to its end')
    t.match(
      await engine.get('/v1/contacts/+447712345679'),
      { email: 'a@example.com', tags: ['new'] },
      'contacts are there',
    )
    t.match(await engine.get('/v1/templates/welcome'), { text: 'Welcome ~name~' }, 'templates are there')
    t.match(await engine.get('/v1/messages?clientReference=mine'), { items: [{ clientReference: 'mine' }] })
    await engine.stop()
    t.match(await verifyDirectory(dataDir, () => {}), { ok: true, findings: [], format: 2 }, 'all of it is whole')
  })
}

t.test('a data directory of a later version is refused, and nothing of it is changed', async (t) => {
  const dataDir = unpacked(t, names[0]!)
  const format = JSON.stringify({ format: 99, writtenBy: '9.1.0' })
  writeFileSync(join(dataDir, 'format.json'), format)
  const before = readdirSync(dataDir, { recursive: true })
  await t.rejects(opened(t, dataDir, admin), {
    code: 'CONFIG_INVALID',
    message: /written by Trunkline 9\.1\.0 in format 99/,
  })
  t.same(readdirSync(dataDir, { recursive: true }), before, 'no file is made or removed')
  t.equal(readFileSync(join(dataDir, 'format.json'), 'utf8'), format)
})
