/**
 * A stored message that cannot be read is missed nowhere in silence: lists, logs, exports and the message's own page name it,
 * once each, beside all that can be read (reliability.md F7). Whole engine, damage made in its store.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import { messageId, parseMessageId } from '../src/engine/contract/ids.js'
import { type Log, silentLog } from '../src/engine/contract/log.js'
import { blockOf, type MessageRef, messageRef, placeOf } from '../src/engine/contract/message.js'
import { BlockReader } from '../src/engine/store/block.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { startServer } from '../src/start.js'
import { csvOf } from './engine-harness.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

const ROWS = 700
const SINGLES = 3
const LIMIT = 40
const OF_HEAD = 8
/** Octets of a record behind its length, of which any is under its checksum. */
const IN_RECORD = 12

const folder = mkdtempSync(join(tmpdir(), 'trunkline-damaged-'))
const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
const { port } = await smsc.listen()
const admin = 'admin-key-of-this-test'
const yaml = `
dataDir: ${folder}
http: { port: 0, adminKey: ${admin} }
carriers: [{ id: sim, protocol: smpp, host: 127.0.0.1, port: ${port}, systemId: trunk, password: secret }]
routes: [{ channel: sms, prefix: '44', carriers: [sim] }]
`
const said: Record<string, unknown>[] = []
const log: Log = { ...silentLog, error: (fields) => said.push(fields as Record<string, unknown>) }
const server = await startServer(parseConfig(yaml, { name: 'test', folder, env: {} }), {
  log,
  exit: (code) => t.fail(`the engine stopped with ${code}`),
})
t.teardown(async () => {
  await server.stop()
  await smsc.close()
  rmSync(folder, { recursive: true })
})

function call(path: string, key: string, options: CallOptions & { method?: string } = {}): Promise<Answer> {
  return send(server.url + path, options.method ?? 'GET', { key, ...options })
}

interface Sent {
  key: string
  job: string
  /** Of the single messages. */
  singles: string[]
  /** Of all, from the lists, before anything is damaged. */
  all: string[]
}

async function sent(id: string): Promise<Sent> {
  const { key } = (await call('/v1/accounts', admin, { method: 'POST', body: { id, defaultCountry: 'GB' } })).json
  const job = (await call('/v1/jobs', key, { method: 'POST', body: { from: 'ACME', text: 'Hi ~name~' } })).json.id
  const headers = { 'content-type': 'text/csv' }
  await call(`/v1/jobs/${job}/recipients`, key, { method: 'PUT', body: csvOf(ROWS), headers })
  while ((await call(`/v1/jobs/${job}`, key)).json.state !== 'finished');
  const singles: string[] = []
  for (let n = 0; n < SINGLES; n++) {
    const body = { to: `+44771500000${n}`, from: 'ACME', text: `Hi ${n}`, clientReference: `ref-${n}` }
    singles.push((await call('/v1/messages', key, { method: 'POST', body })).json.id)
    await call(`/v1/contacts/+44771500000${n}`, key, { method: 'PUT', body: {} })
  }
  const { items } = await paged('/v1/messages', key)
  return { key, job, singles, all: items.map((item) => String(item.id)) }
}

/** All pages together. */
async function paged(path: string, key: string): Promise<{ items: Record<string, unknown>[]; damaged: string[] }> {
  const items: Record<string, unknown>[] = []
  const damaged: string[] = []
  const join = path.includes('?') ? '&' : '?'
  for (let cursor = ''; ; ) {
    const { json, status, text } = await call(`${path}${join}limit=${LIMIT}${cursor}`, key)
    if (status !== 200) throw new Error(`${path}: ${text}`)
    items.push(...json.items)
    damaged.push(...(json.damaged ?? []))
    if (json.nextCursor === null) return { items, damaged }
    cursor = `&cursor=${json.nextCursor}`
  }
}

function refOf(id: unknown): MessageRef {
  return parseMessageId(String(id))!
}

function spoil(block: number, change: (bytes: Buffer) => number | null): void {
  const { root, blocks } = openEnvironment(folder)
  const bytes = Buffer.from(blocks.getBinary(block)!)
  const at = change(bytes)
  root.transactionSync(() => {
    if (at === null) blocks.removeSync(block)
    else {
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
      blocks.putSync(block, bytes)
    }
  })
}

async function found(what: string): Promise<number> {
  const { text } = await call('/metrics', admin)
  return Number(new RegExp(`trunkline_damaged_found_total\\{what="${what}"\\} (\\d+)`).exec(text)?.[1] ?? 0)
}

const WAYS: [string, (bytes: Buffer) => number | null][] = [
  ['damaged', () => OF_HEAD],
  ['gone', () => null],
]

for (const [name, change] of WAYS) {
  t.test(`a block that is ${name} is named once in each list, and all else is there`, async (t) => {
    const { key, job, all } = await sent(`block-${name}`)
    const ofJob = (await paged(`/v1/jobs/${job}/messages`, key)).items.map(({ id }) => String(id))
    const block = blockOf(refOf(ofJob[ROWS >> 1]))
    const first = messageId(messageRef(block, 0))
    const before = await found('block')
    spoil(block, change)
    const isThere = (id: string): boolean => blockOf(refOf(id)) !== block
    t.ok(ofJob.some(isThere), 'the job has other blocks')
    await lists(
      t,
      key,
      [
        [`/v1/jobs/${job}/messages`, ofJob.filter(isThere)],
        ['/v1/messages', all.filter(isThere)],
        [`/v1/messages?job=${job}`, ofJob.filter(isThere).reverse()],
        ['/v1/archive', []],
        ['/v1/contacts/+447715000000/messages', null],
      ],
      first,
    )
    for (const id of ofJob.filter((id) => !isThere(id)).slice(0, 2))
      t.match(await call(`/v1/messages/${id}`, key), { status: 500, json: { code: 'STORE_CORRUPT' } })
    for (const path of ['/v1/messages.csv', '/v1/archive.csv', `/v1/jobs/${job}/report.csv`]) {
      const { text } = await call(path, key)
      t.same(
        text
          .split('\r\n')
          .filter((line) => line.includes('RECORD_CORRUPT'))
          .map((line) => line.split(',')[0]!.replaceAll('"', '')),
        [first],
        path,
      )
    }
    t.equal((await found('block')) - before, 1, 'it is counted once')
    t.equal(said.filter(({ message }) => message === first).length, 1, 'and said once in the log')
  })
}

/** Each list has these ids (null: whatever), and names the block once. */
async function lists(t: Test, key: string, expected: [string, string[] | null][], first: string): Promise<void> {
  for (const [path, ids] of expected) {
    const { items, damaged } = await paged(path, key)
    if (ids !== null)
      t.same(
        items.map(({ id }) => id),
        ids,
        path,
      )
    t.same(damaged, [first], path)
  }
}

t.test('what others have, and what never was, is unknown as ever', async (t) => {
  const { all, key: owner } = await sent('mine')
  const { key, all: own } = await sent('theirs')
  spoil(blockOf(refOf(all[0])), () => OF_HEAD)
  t.match(await call(`/v1/messages/${all[0]}`, key), { status: 404, json: { code: 'NOT_FOUND' } })
  t.match(await call(`/v1/messages/${all[0]}`, owner), { status: 500, json: { code: 'STORE_CORRUPT' } })
  const { items, damaged } = await paged('/v1/messages', key)
  t.same([items.map(({ id }) => id), damaged], [own, []])
  const never = messageId(messageRef(blockOf(refOf(own[0])) + 1_000_000, 0))
  t.match(await call(`/v1/messages/${never}`, key), { status: 404, json: { code: 'NOT_FOUND' } })
})

t.test(
  'a damaged message of a whole block stands in lists with its state, and where its content is asked for by its id',
  async (t) => {
    const { key, singles, all } = await sent('record')
    const id = singles[1]!
    const { to } = (await call(`/v1/messages/${id}`, key)).json
    while ((await call(`/v1/messages/${id}`, key)).json.state !== 'delivered');
    spoil(blockOf(refOf(id)), (bytes) => new BlockReader(bytes).verified(placeOf(refOf(id))) + IN_RECORD)
    const { items, damaged } = await paged('/v1/messages', key)
    t.same(
      items.map((item) => item.id),
      all,
    )
    t.same(damaged, [])
    t.match(
      items.find((item) => item.id === id),
      { state: 'delivered', reason: 'RECORD_CORRUPT', to: '', text: '' },
    )
    t.same(
      (await paged('/v1/messages?clientReference=ref-1', key)).items.map((item) => item.id),
      [id],
    )
    t.match(await paged(`/v1/messages?to=${encodeURIComponent(to)}`, key), { items: [], damaged: [id] })
    t.same((await paged(`/v1/messages?to=${encodeURIComponent(to)}&state=failed`, key)).damaged, [])
    for (const query of ['', `?to=${encodeURIComponent(to)}`]) {
      const { text } = await call(`/v1/messages.ndjson${query}`, key)
      t.match(
        text
          .split('\n')
          .filter((line) => line.includes(id))
          .map((line) => JSON.parse(line)),
        [{ id, reason: 'RECORD_CORRUPT', state: 'delivered' }],
      )
    }
    t.equal(said.filter(({ message }) => message === id).length, 1)
    t.equal(await found('message'), 1)
  },
)
