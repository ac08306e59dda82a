/** A restored engine: its carriers stay paused through restarts until each is resumed, and it gives no id again that was given since the backup. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { restoreBackup } from '../src/engine/backup/restore-backup.js'
import { parseConfig } from '../src/engine/config/load.js'
import type { CarrierView } from '../src/engine/contract/channel.js'
import { systemClock } from '../src/engine/contract/clock.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Documents } from '../src/engine/store/documents.js'
import { WEBHOOKS, type WebhookRecord } from '../src/engine/webhooks/webhook-record.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { type RunningServer, startServer } from '../src/start.js'
import { send } from './http-engine.js'
import { until } from './until.js'
import { admin, startWhole, type Whole } from './whole-engine.js'

const message = { to: '+447712345678', from: 'ACME', text: 'Hello' }

async function backedUp(t: Test, whole: Whole): Promise<string> {
  const place = mkdtempSync(join(tmpdir(), 'trunkline-restore-'))
  t.teardown(() => rmSync(place, { recursive: true, force: true }))
  const folder = join(place, 'backup')
  const { json } = await whole.call('POST', '/v1/backups', { body: { folder } })
  const view = await until(
    async () => (await whole.call('GET', `/v1/backups/${json.id}`)).json,
    ({ state }) => state !== 'running',
  )
  t.match(view, { state: 'finished', error: null, progress: { percent: 100 } })
  return folder
}

/** Two carriers of one simulator, on the directory. */
async function engineOn(dataDir: string, port: number): Promise<RunningServer> {
  const at = { protocol: 'smpp', host: '127.0.0.1', port, password: 'secret' }
  const carriers = ['one', 'two'].map((id) => ({ id, systemId: id, ...at }))
  const text = JSON.stringify({ dataDir, http: { port: 0, adminKey: admin }, carriers })
  return await startServer(parseConfig(text, { name: 'test', folder: dataDir, env: {} }), { log: silentLog })
}

async function uidOf(dataDir: string): Promise<string> {
  const documents = new Documents(dataDir)
  const [webhook] = documents.list<WebhookRecord>(WEBHOOKS)
  await documents.close()
  return webhook!.value.uid
}

t.test('a restored engine', async (t) => {
  const whole = await startWhole(t)
  const acme = await whole.account('acme')
  await acme.call('PUT', '/v1/webhooks/mine', { body: { url: 'https://example.com/hook' } })
  await acme.call('POST', '/v1/messages', { body: message })
  const backup = await backedUp(t, whole)
  const since = (await acme.call('POST', '/v1/messages', { body: message })).json.id as string
  const job = (await acme.call('POST', '/v1/jobs', { body: { text: 'Hi', from: 'ACME' } })).json.id as string

  const dataDir = `${backup}-data`
  await restoreBackup({ backup, dataDir, resume: false }, { clock: systemClock, progress: () => {} })
  await restoreBackup({ backup, dataDir: `${backup}-second`, resume: true }, { clock: systemClock, progress: () => {} })
  t.not(await uidOf(dataDir), await uidOf(`${backup}-second`), 'has webhooks of its own for their receivers')
  const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
  t.teardown(() => smsc.close())
  const { port } = await smsc.listen()
  let server = await engineOn(dataDir, port)
  t.teardown(() => server.stop())
  const again = async (): Promise<void> => {
    await server.stop()
    server = await engineOn(dataDir, port)
  }
  const call = (method: string, path: string, body?: object, key = admin) =>
    send(server.url + path, method, { key, ...(body === undefined ? {} : { body }) })
  const paused = async (): Promise<boolean[]> => {
    const { items } = (await call('GET', '/v1/carriers')).json as { items: CarrierView[] }
    for (const view of items) t.equal(view.pausedBecause !== undefined, view.paused, 'it is said why')
    return items.map((view) => view.paused)
  }

  t.same(await paused(), [true, true], 'has all carriers paused')
  const fresh = (await call('POST', '/v1/messages', message, acme.key)).json.id as string
  t.ok(fresh > since, `gives ${fresh} after ${since}, which it does not know`)
  const freshJob = (await call('POST', '/v1/jobs', { text: 'Hi', from: 'ACME' }, acme.key)).json.id as string
  t.ok(freshJob > job, `and ${freshJob} after ${job}`)
  t.equal((await call('GET', `/v1/messages/${since}`, undefined, acme.key)).status, 404)
  t.equal(smsc.stats().submits, 0, 'nothing is sent')
  t.equal((await call('PATCH', '/v1/carriers/one', { paused: false })).json.paused, false)
  await again()
  t.same(await paused(), [false, true], 'through a restart only the one that was resumed sends')
  await call('PATCH', '/v1/carriers/two', { paused: false })
  await again()
  t.same(await paused(), [false, false], 'and then all do')
  const { checks } = (await call('GET', '/readyz')).json
  t.notOk(
    checks.some(({ name }: { name: string }) => name === 'restored'),
    'nothing is said of it any more',
  )
})
