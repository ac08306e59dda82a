/**
 * kill -9 around imports of contacts and jobs for audiences, of a real process: an import goes on where it was and counts
 * each row once; the file of an audience is begun anew, with every contact once.
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

/** More than one step of an audience's walk, and several pieces of a file. */
const ROWS = 24_000
const REJECTED = ROWS / 100
/** Rows whose number came in the row before. */
const TWICE = ROWS / 10
const CONTACTS = ROWS - REJECTED - TWICE
const random = new Random(seed)

const folder = mkdtempSync(join(tmpdir(), 'trunkline-contacts-kill-'))
const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
const { port } = await smsc.listen()
const child = new Child([folder, String(port)])
await child.start()
const made = await child.call('POST', '/v1/accounts', child.adminKey, { id: 'acme', defaultCountry: 'GB' })
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

function fileOf(rows: number): Buffer {
  const lines = ['mobile,name']
  for (let row = 0; row < rows; row++) {
    const number = row % 100 === 50 ? '12' : `+4477${30_000_000 + row - (row % 10 === 9 ? 1 : 0)}`
    lines.push(`${number},Name ${row} ${'x'.repeat(80)}`)
  }
  return Buffer.from(`${lines.join('\n')}\n`)
}

/** Begins an import whose file never ends; gives how it is given up. */
function endlessUpload(): () => Promise<unknown> {
  const controller = new AbortController()
  const body = new ReadableStream({ start: (stream) => stream.enqueue(new Uint8Array(fileOf(1_000))) })
  const asked = fetch(`${child.url}/v1/contacts/import?tag=endless`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'text/csv' },
    body,
    duplex: 'half',
    signal: controller.signal,
  } as RequestInit).catch(() => null)
  return () => {
    controller.abort()
    return asked
  }
}

t.test('after a kill an import counts each row once, and an upload that was cut off is a failed import', async (t) => {
  const giveUp = endlessUpload()
  const first = await until(
    () => call('GET', '/v1/imports'),
    ({ items }) => items.length > 0,
  )
  // The answer of a small file waits for its end: the kill comes while the request runs.
  const asked = call('POST', '/v1/contacts/import?tag=kill', fileOf(ROWS)).catch(() => null)
  const [{ id }] = (
    await until(
      () => call('GET', '/v1/imports'),
      ({ items }) => items[0].id !== first.items[0].id && items[0].state !== 'receiving',
    )
  ).items
  await pause(random.below(100))
  await restart()
  await giveUp()
  await asked
  const look = () => call('GET', `/v1/imports/${id}`)
  const now = (await look()).counts
  t.equal(now.rows, now.added + now.changed + now.unchanged + now.rejected)
  const view = await until(look, ({ state }) => state !== 'running')
  t.equal(view.state, 'finished', `${view.detail}`)
  // A number that comes twice is added by its first row and changed by its second.
  t.same(view.counts, { rows: ROWS, added: CONTACTS, changed: TWICE, unchanged: 0, rejected: REJECTED })
  t.same((await call('GET', '/v1/tags')).items, [{ name: 'kill', contacts: CONTACTS }])
  t.equal(view.rejects[0].line, 52)
  const last = await call('GET', `/v1/contacts/+4477${30_000_000 + ROWS - 2}`)
  t.match(last.attributes.name, new RegExp(`^Name ${ROWS - 1} `), 'the later row of a number has won')
  const cut = await call('GET', `/v1/imports/${first.items[0].id}`)
  t.match(cut, { state: 'failed', reason: 'BAD_REQUEST', counts: { rows: 0 } })
})

t.test('a job whose audience is cut off by a kill has every contact once; nothing was sent before', async (t) => {
  const audience = { all: [{ field: 'attributes.name', op: 'starts', value: 'name' }] }
  const asked = call('POST', '/v1/jobs', { text: 'Hi ~name~', audience, review: true }).catch(() => null)
  const [{ id }] = (
    await until(
      () => call('GET', '/v1/jobs'),
      ({ items }) => items.length > 0,
    )
  ).items
  await restart()
  await asked
  const job = await until(
    () => call('GET', `/v1/jobs/${id}`),
    ({ state }) => state === 'ready' || state === 'failed',
  )
  t.match(job, { state: 'ready', counts: { rows: CONTACTS, accepted: CONTACTS, duplicate: 0 } }, `${job.detail}`)
  t.equal((await call('GET', '/v1/jobs')).items.length, 1)
  t.equal(smsc.stats().submits, 0)
})
