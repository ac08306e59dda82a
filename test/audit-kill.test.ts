/**
 * kill -9 in the middle of changes: the chain of the audit log is whole, each change that was answered has its record and no
 * record is without its change; a new key whose answer was lost is answered again, and is one key.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { AccountView } from '../src/engine/contract/api.js'
import type { AuditView } from '../src/engine/contract/audit.js'
import { Child } from './engine-process.js'
import { send } from './http-engine.js'

const KILLS = 2
/** Changes under way at once, and how many are answered before the process is killed. */
const WORKERS = 8
const BEFORE_KILL = 24

const folder = mkdtempSync(join(tmpdir(), 'trunkline-audit-kill-'))
const child = new Child([folder, '1'])
t.teardown(async () => {
  await child.end('SIGKILL')
  rmSync(folder, { recursive: true })
})
const call = (method: string, path: string, options: { body?: object; headers?: Record<string, string> } = {}) =>
  send(child.url + path, method, { key: child.adminKey, ...options })

/** By account id: the key of its answer; null: no answer came. */
const made = new Map<string, string | null>()
let next = 0

function ask(id: string) {
  return call('POST', '/v1/accounts', { body: { id, name: id }, headers: { 'idempotency-key': `make-${id}` } })
}

/** Makes accounts until the process dies; kills it after a number of answers. */
async function work(counted: { answers: number }): Promise<void> {
  for (;;) {
    const id = `account-${next++}`
    made.set(id, null)
    try {
      made.set(id, (await ask(id)).json.key)
    } catch {
      return
    }
    if (++counted.answers === BEFORE_KILL) child.process.kill('SIGKILL')
  }
}

async function records(): Promise<AuditView[]> {
  const { text } = await call('GET', '/v1/audit?format=ndjson')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditView)
}

async function accounts(): Promise<AccountView[]> {
  const items: AccountView[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const path: string = `/v1/accounts?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`
    const { json } = await call('GET', path)
    items.push(...json.items)
    cursor = json.nextCursor
  }
  return items
}

t.test('after each kill log and accounts say the same, and lost answers come again', async (t) => {
  await child.start()
  for (let kill = 0; kill < KILLS; kill++) {
    const counted = { answers: 0 }
    await Promise.all(Array.from({ length: WORKERS }, () => work(counted)))
    await child.exited
    await child.start()

    const chain = await call('GET', '/v1/audit/chain')
    t.match(chain.json, { ok: true, broken: null }, chain.text)
    const log = await records()
    const there = await accounts()
    const ids = there.map(({ id }) => id).sort()
    const created = log.filter(({ action }) => action === 'account.create').map(({ object }) => object)
    t.same(created.sort(), ids.map((id) => `account/${id}`).sort(), 'a record for each account and none without one')
    const keys = there.flatMap((account) => account.keys.map(({ id }) => `key/${id}`))
    t.same(
      log
        .filter(({ action }) => action === 'key.create')
        .map(({ object }) => object)
        .sort(),
      keys.sort(),
    )
    t.equal(there.filter((account) => account.keys.length === 1).length, there.length, 'each has one key')

    const lost = [...made].filter(([, key]) => key === null).map(([id]) => id)
    t.ok(lost.length > 0, `${lost.length} answers were lost`)
    // All of the lost ones, and a few of the others.
    const repeated = [...made].filter(([, key], index) => key === null || index % 8 === 0)
    for (const [id, key] of repeated) {
      const again = await ask(id)
      t.equal(again.status, 201, again.text)
      if (ids.includes(id)) t.equal(again.headers.get('idempotent-replay'), 'true', id)
      if (key !== null) t.equal(again.json.key, key, 'what was answered is answered')
      made.set(id, again.json.key)
      const own = await send(`${child.url}/v1/jobs`, 'GET', { key: again.json.key })
      t.equal(own.status, 200, `the key of ${id} opens its account`)
    }
    t.equal((await accounts()).length, made.size, 'nothing was made twice')
  }
})
