/**
 * Contacts over HTTP, of a real engine process: lists and a file of new contacts with numbers in no order, the same file
 * again, an audience counted, read as a job and sent to a simulated carrier to the last receipt, and the memory that all of
 * it took.
 *
 *   node build/bench/contacts.js [--rows N] [--emails]     default 1,000,000; lists: a fifth of it; each with an address
 */

import { once } from 'node:events'
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { request } from 'undici'
import { Random } from '../src/engine/base/random.js'
import type { JobView } from '../src/engine/contract/api.js'
import type { AudienceCount } from '../src/engine/contract/audience.js'
import type { BulkView, ImportView } from '../src/engine/contract/contacts.js'
import type { BenchOptions, BenchRow } from './bench.js'
import { ADMIN_KEY, type Api, api, freePort, residentBytes, spawnEngine, spawnSmsc } from './processes.js'

const ROWS = 1_000_000
const QUICK_ROWS = 20_000
const LIST = 10_000
const SEED = 7

interface Measured {
  name: string
  contacts: number
  seconds: number
}

/** British mobiles, each once, in no order. */
function numbers(count: number): number[] {
  const random = new Random(SEED)
  const all = Array.from({ length: count }, (_, index) => 447_710_000_000 + index * 7)
  for (let at = all.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    ;[all[at], all[other]] = [all[other]!, all[at]!]
  }
  return all
}

async function writeFile(file: string, all: readonly number[], hasEmails: boolean): Promise<void> {
  const out = createWriteStream(file)
  out.write(hasEmails ? 'mobile,email,name,city,age,plan\n' : 'mobile,name,city,age,plan\n')
  for (const [index, number] of all.entries()) {
    const email = hasEmails ? `p${number % 1_000_003}.${index}@example.com,` : ''
    const line = `+${number},${email}Name ${index},City ${index % 500},${index % 90},gold\n`
    if (!out.write(line)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'close')
}

async function timed(name: string, contacts: number, work: () => Promise<unknown>): Promise<Measured> {
  const start = performance.now()
  await work()
  return { name, contacts, seconds: (performance.now() - start) / 1000 }
}

async function importFile(url: string, key: string, file: string): Promise<ImportView> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'text/csv' }
  const body = createReadStream(file, { highWaterMark: 256 * 1024 })
  const answer = await request(`${url}/v1/contacts/import?tag=bench`, { method: 'POST', headers, body })
  let view = (await answer.body.json()) as ImportView
  const client = api(url, key)
  while (view.state === 'running') {
    await new Promise((resolve) => setTimeout(resolve, 100))
    view = await client.get<ImportView>(`/v1/imports/${view.id}`)
  }
  if (view.state !== 'finished') throw new Error(`${view.state}: ${view.detail}`)
  return view
}

async function sendLists(client: Api, all: readonly number[]): Promise<void> {
  for (let at = 0; at < all.length; at += LIST) {
    const list = all.slice(at, at + LIST).map((number, index) => ({
      number: `+${number}`,
      attributes: { name: `Name ${index}`, city: `City ${index % 500}`, age: index % 90, plan: 'gold' },
      tags: ['bench'],
    }))
    const { added } = await client.post<BulkView>('/v1/contacts', list)
    if (added !== list.length) throw new Error(`${added} of ${list.length} were added`)
  }
}

async function readAudience(client: Api, contacts: number): Promise<string> {
  const audience = { tag: 'bench', all: [{ field: 'attributes.age', op: '>=', value: 0 }] }
  const made = await client.post<JobView>('/v1/jobs', { text: 'Hi ~name~ of ~city~', audience, review: true })
  let job = made
  while (job.state === 'receiving') {
    await new Promise((resolve) => setTimeout(resolve, 100))
    job = await client.get<JobView>(`/v1/jobs/${made.id}`)
  }
  if (job.state !== 'ready' || job.counts.rows !== contacts) throw new Error(`${job.state} ${job.counts.rows}`)
  return job.id
}

/** To the last receipt. */
async function sendJob(client: Api, id: string): Promise<void> {
  let job = await client.post<JobView>(`/v1/jobs/${id}/start`, {})
  while (job.state !== 'finished') {
    await new Promise((resolve) => setTimeout(resolve, 100))
    job = await client.get<JobView>(`/v1/jobs/${id}`)
  }
  const { accepted, delivered, rows } = job.counts
  if (accepted !== rows || delivered !== rows) throw new Error(`${delivered} of ${rows} were delivered`)
}

/** `rows`: contacts of the file; a fifth more by lists. */
export async function run(rows: number, hasEmails = false): Promise<{ measured: Measured[]; bytesMax: number }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-bench-contacts-'))
  const port = await freePort()
  const smsc = await spawnSmsc(['--dlr-delay-ms', '100', '--window', '1000'])
  const config = [
    `dataDir: ${path.join(folder, 'data')}`,
    `http: { port: ${port}, adminKey: ${ADMIN_KEY} }`,
    'logLevel: error',
    `carriers: [{ id: sim, protocol: smpp, host: 127.0.0.1, port: ${smsc.port}, systemId: x, password: x, window: 1000 }]`,
  ].join('\n')
  const engine = await spawnEngine(folder, port, config)
  let bytesMax = 0
  const watch = setInterval(() => {
    bytesMax = Math.max(bytesMax, residentBytes(engine.child.pid!))
  }, 100)
  try {
    const made = await api(engine.url, ADMIN_KEY).post<{ key: string }>('/v1/accounts', {
      id: 'bench',
      defaultCountry: 'GB',
    })
    const client = api(engine.url, made.key)
    const few = Math.max(LIST, rows / 5)
    const all = numbers(rows + few)
    const file = path.join(folder, 'people.csv')
    await writeFile(file, all.slice(0, rows), hasEmails)
    let job = ''
    const measured = [
      await timed('import of a file, new contacts', rows, () => importFile(engine.url, made.key, file)),
      await timed(`lists of ${LIST} new contacts, one after the other`, few, () => sendLists(client, all.slice(rows))),
      await timed('import of the same file again', rows, () => importFile(engine.url, made.key, file)),
      await timed('count of an audience', rows + few, async () => {
        const { total } = await client.post<AudienceCount>('/v1/audience/count', { tag: 'bench' })
        if (total !== rows + few) throw new Error(`${total} were counted`)
      }),
      await timed('audience to a job that is ready', rows + few, async () => {
        job = await readAudience(client, rows + few)
      }),
      await timed('that job from its start to the last receipt', rows + few, () => sendJob(client, job)),
    ]
    return { measured, bytesMax }
  } finally {
    clearInterval(watch)
    engine.child.kill('SIGKILL')
    await engine.ended
    await smsc.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  const { measured, bytesMax } = await run(options.quick ? QUICK_ROWS : ROWS)
  const rows: BenchRow[] = measured.map(({ name, contacts, seconds }) => ({
    name,
    value: contacts / seconds,
    unit: 'contacts/s',
  }))
  return [...rows, { name: 'most memory of the engine meanwhile', value: bytesMax / 2 ** 20, unit: 'MiB' }]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { rows: { type: 'string' }, emails: { type: 'boolean' } } })
  const { measured, bytesMax } = await run(Number(values.rows ?? ROWS), values.emails)
  for (const { name, contacts, seconds } of measured) {
    console.log(`${name}: ${Math.round(contacts / seconds)} contacts/s (${seconds.toFixed(1)} s)`)
  }
  console.log(`most memory: ${Math.round(bytesMax / 2 ** 20)} MiB (anonymous and shared)`)
}
