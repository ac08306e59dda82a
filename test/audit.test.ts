/**
 * The audit log: what is written when, what an account sees of it, that the chain can be checked by anyone, and that a
 * record that was changed, taken out or put in is named. On the real store.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Audit, type AuditEntry, auditedNumber } from '../src/engine/audit/audit.js'
import { type AuditRecord, hashOf } from '../src/engine/audit/audit-record.js'
import { verifyAudit } from '../src/engine/audit/verify-audit.js'
import { parseConfig } from '../src/engine/config/load.js'
import type { AuditView } from '../src/engine/contract/audit.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Documents } from '../src/engine/store/documents.js'
import { startServer } from '../src/start.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

function temporary(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-audit-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

/** A log of `records` entries, with a clock that steps back once. */
async function written(t: Test, records: number): Promise<Documents> {
  const documents = new Documents(temporary(t))
  t.teardown(() => documents.close())
  const times = Array.from({ length: records }, (_, index) => (index === 3 ? 500 : 1_000 + index))
  const clock = { now: () => times.shift()!, monotonic: () => 0 }
  const audit = new Audit({ documents, clock, secret: Buffer.alloc(32, 1) })
  const writes = Array.from({ length: records }, (_, index) => audit.write([], entry(index)))
  await Promise.all(writes)
  return documents
}

function entry(index: number): AuditEntry {
  const account = { id: 'acme', number: 1 + (index % 2) }
  const principal = { kind: 'account', account: 'acme', key: 'k1', ip: '192.0.2.1' } as const
  return { principal, action: 'thing.change', object: `thing/${index}`, account, after: { index } }
}

t.test('records have numbers without a gap and times that never go back, and the chain is whole', async (t) => {
  const documents = await written(t, 10)
  const records = documents.list<AuditRecord>('audit').map(({ value }) => value)
  t.same(
    records.map(({ number }) => number),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  )
  t.same(records[3]!.atMs, records[2]!.atMs, 'a clock that steps back does not turn the order')
  const { hash } = records.at(-1)!
  t.same(await verifyAudit(documents), { ok: true, records: 10, head: hash, broken: null })
})

t.test('a record that was changed, taken out, put in, moved or made anew is named', async (t) => {
  const put = (documents: Documents, key: number, value: AuditRecord | null) =>
    documents.write([{ collection: 'audit', key: [key], value }])
  const get = (documents: Documents, number: number) => documents.get<AuditRecord>('audit', [number])!
  const cases: [string, (documents: Documents) => Promise<void>, { number: number; problem: RegExp }][] = [
    [
      'changed',
      (documents) => put(documents, 4, { ...get(documents, 4), object: 'thing/other' }),
      { number: 4, problem: /was changed/ },
    ],
    [
      'changed with a hash that fits',
      (documents) => {
        const { hash: _hash, ...rest } = { ...get(documents, 4), object: 'thing/other' }
        return put(documents, 4, { ...rest, hash: hashOf(rest) })
      },
      { number: 5, problem: /does not follow/ },
    ],
    ['taken out', (documents) => put(documents, 4, null), { number: 4, problem: /missing/ }],
    ['the last one taken out', (documents) => put(documents, 10, null), { number: 10, problem: /missing/ }],
    [
      'the last one made anew',
      (documents) => {
        const { hash: _hash, ...rest } = { ...get(documents, 10), object: 'thing/other' }
        return put(documents, 10, { ...rest, hash: hashOf(rest) })
      },
      { number: 10, problem: /replaced/ },
    ],
    ['put in', (documents) => put(documents, 4.5, get(documents, 4)), { number: 4, problem: /put in between/ }],
    [
      'put behind',
      (documents) => {
        const last = get(documents, 10)
        const { hash: _hash, ...rest } = { ...last, number: 11, previous: last.hash }
        return put(documents, 11, { ...rest, hash: hashOf(rest) })
      },
      { number: 11, problem: /behind the last/ },
    ],
    [
      'moved',
      async (documents) => {
        const [fourth, fifth] = [get(documents, 4), get(documents, 5)]
        await put(documents, 4, fifth)
        await put(documents, 5, fourth)
      },
      { number: 4, problem: /missing/ },
    ],
  ]
  for (const [name, tamper, broken] of cases) {
    const documents = await written(t, 10)
    await tamper(documents)
    t.match(await verifyAudit(documents), { ok: false, broken }, name)
  }
})

t.test('a log that was cut off at its end, head and all, is found by what was noted of it elsewhere', async (t) => {
  const documents = await written(t, 10)
  const at = (number: number) => documents.get<AuditRecord>('audit', [number])!
  const anchor = { number: 9, hash: at(9).hash }
  t.match(await verifyAudit(documents, anchor), { ok: true, records: 10 })
  const { number, hash, atMs } = at(6)
  const gone = [7, 8, 9, 10].map((key) => ({ collection: 'audit', key: [key], value: null }))
  await documents.write([...gone, { collection: 'meta', key: ['audit'], value: { number, hash, atMs } }])
  t.match(await verifyAudit(documents), { ok: true, records: 6 }, 'in itself it is whole')
  const cut = { ok: false, records: 6, broken: { number: 7, problem: /ends before/ } }
  t.match(await verifyAudit(documents, anchor), cut)
  const anew = await verifyAudit(documents, { number: 5, hash: '0'.repeat(64) })
  t.match(anew, { ok: false, broken: { number: 5, problem: /not the one/ } }, 'nor may it be another log')
})

t.test('a log that grows while it is checked is whole', async (t) => {
  const documents = await written(t, 600)
  const clock = { now: () => 5_000, monotonic: () => 0 }
  const audit = new Audit({ documents, clock, secret: Buffer.alloc(32, 1) })
  const checking = verifyAudit(documents)
  await Promise.all(Array.from({ length: 50 }, (_, index) => audit.write([], entry(index))))
  t.match(await checking, { ok: true, broken: null })
})

t.test('what was hashed cannot be guessed without the secret, and no number stands in an object', async (t) => {
  const digests = []
  for (const secret of [1, 1, 2]) {
    const documents = new Documents(temporary(t))
    const clock = { now: () => 0, monotonic: () => 0 }
    const audit = new Audit({ documents, clock, secret: Buffer.alloc(32, secret) })
    const object = auditedNumber('suppression', '+447712345678')
    await audit.write([], { ...entry(0), object, after: { number: '+447712345678', a: 1 } })
    const record = documents.get<AuditRecord>('audit', [1])!
    digests.push(record.after)
    t.notMatch(JSON.stringify(record), '7712345678')
    await documents.close()
  }
  t.equal(digests[0], digests[1], 'equal states have equal hashes')
  t.not(digests[0], digests[2])
})

const admin = 'admin-key-of-this-test'

t.test('over HTTP', async (t) => {
  const folder = temporary(t)
  const yaml = `{ dataDir: ${folder}, http: { port: 0, adminKey: ${admin} } }`
  const config = parseConfig(yaml, { name: 'test', folder, env: {} })
  const exit = (code: number) => t.fail(`the engine stopped with ${code}`)
  const server = await startServer(config, { log: silentLog, exit })
  t.teardown(() => server.stop())
  const call = (method: string, path: string, options: CallOptions = {}): Promise<Answer> =>
    send(server.url + path, method, { key: admin, ...options })

  const acme = (await call('POST', '/v1/accounts', { body: { id: 'acme' } })).json
  const rival = (await call('POST', '/v1/accounts', { body: { id: 'rival' } })).json
  await call('PATCH', '/v1/accounts/acme', { body: { name: 'Acme' } })
  const { id: keyId } = (await call('POST', '/v1/accounts/acme/keys')).json
  await call('DELETE', `/v1/accounts/acme/keys/${keyId}`)
  const { id: job } = (await call('POST', '/v1/jobs', { key: acme.key, body: { text: 'planted text' } })).json
  const ask = { key: admin, headers: { 'trunkline-account': 'acme' } }
  t.equal((await call('POST', `/v1/jobs/${job}/cancel`, ask)).status, 200)

  await t.test('every change is there, newest first, with who did it and to whom', async (t) => {
    const { json } = await call('GET', '/v1/audit')
    const own = acme.account.keys[0].id
    const expected = [
      { action: 'job.cancel', object: `job/${job}`, account: 'acme', actor: 'admin', key: null, before: String },
      { action: 'job.create', object: `job/${job}`, account: 'acme', actor: 'key', key: own, before: null },
      { action: 'key.delete', object: `key/${keyId}`, account: 'acme', actor: 'admin', after: null },
      { action: 'key.create', object: `key/${keyId}`, account: 'acme' },
      { action: 'account.change', object: 'account/acme', before: String, after: String },
      { action: 'key.create', account: 'rival' },
      { action: 'account.create', object: 'account/rival', account: 'rival' },
      { action: 'key.create', object: `key/${own}`, account: 'acme', actor: 'admin', ip: '127.0.0.1' },
      { action: 'account.create', object: 'account/acme', account: 'acme', before: null, after: String },
    ]
    const changes = json.items.filter(({ actor }: AuditView) => actor !== 'engine')
    t.match(changes, expected)
    t.equal(changes.length, expected.length)
    t.notMatch(JSON.stringify(json), /planted|sk_live/)
  })

  await t.test('an account sees its own and nothing of others, an admin what was asked for', async (t) => {
    const actions = async (path: string, key?: string) =>
      (await call('GET', path, { key: key ?? admin })).json.items.map(({ action }: AuditView) => action)
    const { items } = (await call('GET', '/v1/audit', { key: rival.key })).json
    t.same([...new Set(items.map(({ account }: AuditView) => account))], ['rival'])
    t.same(await actions('/v1/audit?account=acme', rival.key), [], 'as of an unknown account')
    t.same(await actions('/v1/audit?account=acme&action=job.cancel'), ['job.cancel'])
    t.same(await actions(`/v1/audit?object=job/${job}`, acme.key), ['job.cancel', 'job.create'])
    t.same(await actions('/v1/audit?since=2100-01-01T00:00:00Z'), [])
    t.same(await actions('/v1/audit?until=2020-01-01T00:00:00Z'), [])
    t.equal((await actions('/v1/audit?since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z')).length, 9)
    t.match(await call('GET', '/v1/audit?since=soon'), { status: 422, json: { errors: [{ pointer: '/since' }] } })
  })

  await t.test('pages go on where the one before ended', async (t) => {
    const { items } = (await call('GET', '/v1/audit')).json
    const paged: AuditView[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const path = `/v1/audit?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`
      const page: { items: AuditView[]; nextCursor: string | null } = (await call('GET', path)).json
      paged.push(...page.items)
      cursor = page.nextCursor
    }
    t.same(paged, items)
  })

  await t.test('the export is checked by the program that the documentation has, without us', async (t) => {
    const { text, headers } = await call('GET', '/v1/audit?format=ndjson')
    t.match(headers.get('content-type'), 'application/x-ndjson')
    const program = join(folder, 'check-audit.mjs')
    const page = readFileSync(fileURLToPath(new URL('../../docs/security.md', import.meta.url)), 'utf8')
    writeFileSync(program, /```js\n([\s\S]*?)```/.exec(page)![1]!)
    const check = (input: string) => spawnSync(process.execPath, [program], { input, encoding: 'utf8' })
    const { hash: head } = JSON.parse(text.trimEnd().split('\n').at(-1)!) as AuditView
    t.equal(check(text).stdout, `whole; head ${head}\n`)
    t.match(check(text.replace('account.change', 'account.create')), { status: 1, stderr: /record 5 does not fit/ })
    const chain = await call('GET', '/v1/audit/chain')
    t.match(chain, { status: 200, json: { ok: true, head, broken: null } }, chain.text)
    const own = await call('GET', '/v1/audit?format=ndjson', { key: rival.key })
    t.equal(own.text.trimEnd().split('\n').length, 2)
  })
})
