/**
 * kill -9 around drafts, of a real process: one that is changed is afterwards as it was, or as it was to be, with every row
 * once; a copy has all of its rows; what was deleted stays so. STOP is in the opt-in of the contact after any kill.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { Child } from './engine-process.js'
import { seed } from './seed.js'
import { until } from './until.js'

const ROWS = 4_000
const KILLS = 2
const random = new Random(seed)
const folder = mkdtempSync(join(tmpdir(), 'trunkline-campaign-kill-'))
const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
const { port } = await smsc.listen()
const child = new Child([folder, String(port)])
await child.start()
const inbound = { numbers: ['60001'] }
const made = await child.call('POST', '/v1/accounts', child.adminKey, { id: 'acme', defaultCountry: 'GB', inbound })
const key = made.key as string
t.teardown(async () => {
  await child.end('SIGKILL')
  await smsc.close()
  rmSync(folder, { recursive: true, force: true })
})

// biome-ignore lint/suspicious/noExplicitAny: an answer's shape is what the test asserts.
async function call(method: string, path: string, body?: object | Buffer): Promise<any> {
  return await child.call(method, path, key, body)
}
async function restart(): Promise<void> {
  await child.end('SIGKILL')
  await child.start()
}
const settled = (id: string) =>
  until(
    () => call('GET', `/v1/jobs/${id}`),
    ({ state }) => state !== 'receiving',
  )

/** The request is under way when the process is killed, a moment that chance chooses. */
async function killDuring(request: Promise<unknown>, mostMs: number): Promise<void> {
  const end = request.catch(() => {})
  await pause(random.next() * mostMs)
  await restart()
  await end
}

t.test('a draft that is changed when a kill comes has one text in all of its rows', async (t) => {
  const { id } = await call('POST', '/v1/jobs', { text: 'text 0 ~name~', review: true })
  const lines = Array.from({ length: ROWS }, (_, row) => `+4477${20_000_000 + row},N${row}`)
  await call('PUT', `/v1/jobs/${id}/recipients`, Buffer.from(`to,name\n${lines.join('\n')}\n`))
  t.match(await settled(id), { state: 'ready', counts: { accepted: ROWS } })
  for (let kill = 1; kill <= KILLS; kill++) {
    await killDuring(call('PATCH', `/v1/jobs/${id}`, { text: `text ${kill} ~name~` }), 150)
    const job = await settled(id)
    t.match(job, { state: 'ready', counts: { rows: ROWS, accepted: ROWS } }, `kill ${kill}`)
    const text = job.settings.text.replace(' ~name~', '')
    t.match(text, new RegExp(`^text [0-${kill}]$`))
    const { items } = await call('GET', `/v1/jobs/${id}/messages?limit=200`)
    t.ok(
      items.every((message: { text: string }) => message.text.startsWith(text)),
      `all say ${text}`,
    )
  }

  await killDuring(call('POST', `/v1/jobs/${id}/copy`, { name: 'copy' }), 60)
  const { items } = await call('GET', '/v1/jobs?name=copy')
  t.ok(items.length <= 1, 'at most one was made')
  for (const copy of items) t.match(await settled(copy.id), { state: 'ready', counts: { accepted: ROWS } })

  await killDuring(call('DELETE', `/v1/jobs/${id}`), 30)
  const left = await call('GET', `/v1/jobs/${id}`).catch((error) => error.code)
  if (left !== 'NOT_FOUND') {
    t.match(left.state, /^(?:ready|canceled)$/)
    await child.call('DELETE', `/v1/jobs/${id}`, key).catch(() => {})
  }
  t.equal(await call('GET', `/v1/jobs/${id}`).catch((error) => error.code), 'NOT_FOUND')
  t.same((await call('GET', '/v1/jobs')).items.length, items.length, 'and the copy stays')
})

t.test('STOP is in the opt-in of the contact, whenever the kill comes', async (t) => {
  for (let kill = 0; kill < KILLS; kill++) {
    const ann = `+44770012300${kill}`
    await call('PUT', `/v1/contacts/${ann}`, { optIn: { sms: { state: 'in' } } })
    // The carrier repeats what the dying process did not answer.
    await killDuring(smsc.subscribers.send({ from: ann, to: '60001', text: 'STOP' }), 60)
    const { optIn } = await until(
      () => call('GET', `/v1/contacts/${ann}`),
      (contact) => contact.optIn.sms.state === 'out',
    )
    t.match(optIn.sms, { source: 'STOP', text: 'STOP' }, `kill ${kill}`)
  }
})
