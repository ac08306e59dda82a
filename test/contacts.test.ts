/** Contacts over the real engine and HTTP: one by one, in lists, from files, found again, exported and erased. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import { openContactTables } from '../src/engine/contacts/contact-tables.js'
import { silentLog } from '../src/engine/contract/log.js'
import { startServer } from '../src/start.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

const folder = mkdtempSync(join(tmpdir(), 'trunkline-contacts-'))
const admin = 'admin-key-of-this-test'
const config = parseConfig(`dataDir: ${folder}\nhttp: { port: 0, adminKey: ${admin} }`, {
  name: 'test',
  folder,
  env: {},
})
const server = await startServer(config, { log: silentLog, exit: (code) => t.fail(`the engine stopped with ${code}`) })
t.teardown(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

let acme = ''
let rival = ''
let solo = ''
function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  return send(server.url + path, method, { key: acme, ...options })
}
function csv(path: string, body: string, headers: Record<string, string> = {}): Promise<Answer> {
  return call('POST', path, { body, headers: { 'content-type': 'text/csv', ...headers } })
}
/** The import once it is over; each question is a round trip. */
async function ended(id: string) {
  for (;;) {
    const { json } = await call('GET', `/v1/imports/${id}`)
    if (json.state === 'finished' || json.state === 'failed') return json
    await pause(20)
  }
}
async function tags(): Promise<Record<string, number>> {
  const { json } = await call('GET', '/v1/tags?limit=200')
  return Object.fromEntries(
    json.items.map(({ name, contacts }: { name: string; contacts: number }) => [name, contacts]),
  )
}

t.before(async () => {
  const make = (id: string) => call('POST', '/v1/accounts', { key: admin, body: { id, defaultCountry: 'GB' } })
  acme = (await make('acme')).json.key
  rival = (await make('rival')).json.key
  solo = (await make('solo')).json.key
})

t.test('a contact is made, replaced, changed, found in any spelling and erased', async (t) => {
  const whole = {
    email: 'ann@example.com',
    company: 'Ann & Sons',
    attributes: { name: 'Ann', age: 44, vip: true },
    tags: ['October', 'vip'],
    optIn: {
      sms: { state: 'in', source: 'form', text: 'Yes please', at: '2026-10-01T09:00:00Z', address: '192.0.2.1' },
    },
  }
  const made = await call('PUT', '/v1/contacts/07712345101', { body: whole })
  t.equal(made.status, 200, made.text)
  t.match(made.json, { ...whole, number: '+447712345101', optIn: { sms: { at: '2026-10-01T09:00:00.000Z' } } })
  for (const spelling of ['+447712345101', '0044%207712%20345101', '(07712)%20345-101', '447712345101']) {
    t.same((await call('GET', `/v1/contacts/${spelling}`)).json, made.json, spelling)
  }

  const body = {
    attributes: { age: null, city: 'Hull' },
    addTags: ['VIP', 'new'],
    removeTags: ['october'],
    optIn: { sms: null, email: { state: 'pending' } },
    company: null,
  }
  const patched = await call('PATCH', '/v1/contacts/+447712345101', { body })
  t.equal(patched.status, 200, patched.text)
  t.same(patched.json.attributes, { name: 'Ann', vip: true, city: 'Hull' })
  t.same(patched.json.tags, ['vip', 'new'], 'case makes no other tag')
  t.same(Object.keys(patched.json.optIn), ['email'])
  t.match(patched.json, { company: null, email: 'ann@example.com', createdAt: made.json.createdAt })
  t.same(await tags(), { vip: 1, new: 1 })

  const replaced = await call('PUT', '/v1/contacts/07712345101', { body: { tags: ['only'] } })
  t.match(replaced, { status: 200, json: { email: null, attributes: {}, createdAt: made.json.createdAt } })
  t.same(await tags(), { only: 1 })
  t.same((await call('GET', '/v1/contacts?tag=ONLY')).json.items, [replaced.json])

  t.equal((await call('DELETE', '/v1/contacts/07712345101')).status, 204)
  t.equal((await call('DELETE', '/v1/contacts/07712345101')).status, 404)
  t.equal((await call('GET', '/v1/contacts/07712345101')).status, 404)
  t.same(await tags(), {})
  t.same((await call('GET', '/v1/contacts')).json, { items: [], nextCursor: null })
  const audit = await call('GET', '/v1/audit?action=contact.delete', { key: admin })
  t.match(audit.json.items, [{ actor: 'key', object: /^contact\/\+4477\*+101$/, account: 'acme' }], audit.text)
})

t.test('what does not fit is refused with a pointer to it', async (t) => {
  const wrong: [string, object, string][] = [
    ['PUT', { email: 'none' }, '/email'],
    ['PUT', { attributes: { a: { b: 1 } } }, '/attributes/a'],
    ['PUT', { attributes: { a: null } }, '/attributes/a'],
    ['PUT', { attributes: { 'a/b': 'x'.repeat(3_000) } }, '/attributes/a~1b'],
    ['PUT', { attributes: { '': 1 } }, '/attributes/'],
    ['PUT', { attributes: { a: 'bell\u0007' } }, '/attributes/a'],
    ['PUT', { tags: ['a', ' '] }, '/tags/1'],
    ['PUT', { optIn: { sms: { state: 'maybe' } } }, '/optIn/sms/state'],
    ['PUT', { optIn: { sms: { state: 'in', at: 'yesterday' } } }, '/optIn/sms/at'],
    ['PUT', { optIn: { fax: { state: 'in' } } }, '/optIn/fax'],
    ['PUT', { colour: 'red' }, '/colour'],
    ['PATCH', { addTags: 'x' }, '/addTags'],
  ]
  for (const [method, body, pointer] of wrong) {
    const { status, json, text } = await call(method, '/v1/contacts/07712345102', { body })
    t.match({ status, json }, { status: 422, json: { code: 'VALIDATION', errors: [{ pointer }] } }, text)
  }
  t.match(await call('PUT', '/v1/contacts/12', { body: {} }), { status: 422, json: { code: 'INVALID_NUMBER' } })
  t.equal((await call('PATCH', '/v1/contacts/07712345102', { body: { tags: [] } })).status, 404)
  for (const path of ['12', 'nobody', '+447712345102', '..%2f']) {
    t.equal((await call('GET', `/v1/contacts/${path}`)).status, 404, path)
  }
  t.equal((await call('GET', '/v1/contacts?cursor=x')).status, 422)
})

t.test('a list is merged: added, changed, unchanged and rejected add up', async (t) => {
  const list = [
    { number: '07712345110', attributes: { name: 'Bob', city: 'Hull' }, tags: ['list'] },
    { number: '+44 7712 345111', attributes: { name: 'Cy' }, tags: ['list', 'second'] },
    { number: '12' },
    { number: '07712345110', attributes: { name: 'Rob' } },
  ]
  const first = await call('POST', '/v1/contacts', { body: list })
  t.match(first, {
    status: 200,
    json: { rows: 4, added: 2, changed: 1, unchanged: 0, rejected: 1, rejects: [{ index: 2, code: 'INVALID_NUMBER' }] },
  })
  t.match((await call('GET', '/v1/contacts/07712345110')).json.attributes, { name: 'Rob', city: 'Hull' })
  const again = await call('POST', '/v1/contacts', { body: { contacts: list.slice(1, 2) } })
  t.match(again.json, { rows: 1, added: 0, changed: 0, unchanged: 1, rejected: 0 })
  t.same(await tags(), { list: 2, second: 1 })

  const headers = { 'idempotency-key': 'list-1' }
  const body = [{ number: '07712345112', tags: ['list'] }]
  const once = await call('POST', '/v1/contacts', { body, headers })
  const twice = await call('POST', '/v1/contacts', { body, headers })
  t.same(twice.json, once.json)
  t.equal(twice.headers.get('idempotent-replay'), 'true')
  t.equal((await call('POST', '/v1/contacts', { body: list, headers })).json.code, 'IDEMPOTENCY_MISMATCH')

  const wrong: [unknown, number, string][] = [
    [[], 422, ''],
    [{ number: '07712345113' }, 422, ''],
    [[{ number: '07712345113' }, { attributes: {} }], 422, '/1/number'],
    [[{ number: '07712345113', colour: 1 }], 422, '/0/colour'],
    [[{ number: '07712345113' }, 7], 422, '/1'],
  ]
  for (const [body, status, pointer] of wrong) {
    const answer = await call('POST', '/v1/contacts', { body })
    t.match(answer, { status, json: { code: 'VALIDATION', errors: [{ pointer }] } }, answer.text)
  }
  t.equal((await call('GET', '/v1/contacts/07712345113')).status, 404, 'a list that does not fit stores nothing')
  const json = { 'content-type': 'application/json' }
  t.equal((await call('POST', '/v1/contacts', { body: '[{', headers: json })).status, 400)
  t.equal((await call('POST', '/v1/contacts', { body: '[]', headers: { 'content-type': 'text/csv' } })).status, 415)
  const many = Array.from({ length: 10_001 }, () => ({ number: '1' }))
  t.equal((await call('POST', '/v1/contacts', { body: many })).status, 413)
  const proto = await call('POST', '/v1/contacts', {
    body: '[{"number":"07712345114","attributes":{"__proto__":"x"}}]',
    headers: json,
  })
  t.equal(proto.status, 422, proto.text)
})

t.test('a file becomes contacts with its labels as attributes; bad rows are told by line', async (t) => {
  const file = [
    'Name,Mobile,E-mail,City,"quoted, label"',
    'Dee,07712345120,dee@example.com,Hull,"a ""b"""',
    'Nobody,12,,,',
    '',
    'Eve,07712345121,,,',
    'Few,07712345122',
    'Bad,07712345123,nonsense,,',
    "Formula,07712345124,,'=1+1,",
    'Dee again,07712345120,,,',
  ].join('\r\n')
  const { status, json, text } = await csv('/v1/contacts/import?tag=Spring&optInState=in&optInSource=shop', file)
  t.equal(status, 202, text)
  t.match(json, {
    id: /^imp_/,
    state: 'finished',
    counts: { rows: 7, added: 3, changed: 1, unchanged: 0, rejected: 3 },
    progress: { percent: 100 },
    columns: { to: 'Mobile', email: 'E-mail', company: null, attributes: ['Name', 'City', 'quoted, label'] },
    rejects: [
      { line: 3, column: 2, code: 'INVALID_NUMBER' },
      { line: 6, column: null, code: 'TOO_FEW_COLUMNS' },
      { line: 7, column: 3, code: 'INVALID_EMAIL' },
    ],
  })
  const dee = (await call('GET', '/v1/contacts/07712345120')).json
  t.match(dee, { email: 'dee@example.com', tags: ['Spring'], optIn: { sms: { state: 'in', source: 'shop' } } })
  t.same(dee.attributes, { Name: 'Dee again', City: 'Hull', 'quoted, label': 'a "b"' }, 'an empty cell changes nothing')
  t.equal((await call('GET', '/v1/contacts/07712345124')).json.attributes.City, '=1+1')
  t.equal((await tags()).Spring, 3)
  const rejects = await call('GET', `/v1/imports/${json.id}/rejects.csv`)
  t.match(rejects.text, /^line,column,code,reason\n3,2,INVALID_NUMBER,"[^"]+"\n6,,TOO_FEW_COLUMNS,/)

  const repeated = await csv('/v1/contacts/import?tag=spring&optInState=in&optInSource=shop', file)
  t.match(repeated.json.counts, { rows: 7, added: 0, rejected: 3 })
  t.equal((await tags()).Spring, 3, 'a file that comes again doubles nothing')
  t.match((await call('GET', '/v1/imports')).json.items, [{ id: repeated.json.id }, { id: json.id }])
})

t.test(
  'without a header the columns are param0 and so on; a packed file is unpacked; other columns are named',
  async (t) => {
    const answer = await fetch(`${server.url}/v1/contacts/import`, {
      method: 'POST',
      headers: { authorization: `Bearer ${acme}`, 'content-type': 'text/csv' },
      body: gzipSync('Ann,07712345130,red\nBob,07712345131,blue\n'),
    })
    const json = await answer.json()
    t.match(json, { state: 'finished', counts: { added: 2 }, columns: { attributes: ['param0', 'param2'] } })
    t.same((await call('GET', '/v1/contacts/07712345131')).json.attributes, { param0: 'Bob', param2: 'blue' })
    const named = await csv('/v1/contacts/import?to=2&delimiter=%7C&header=false', '7712345132|07712345133\n')
    t.match(named.json, { counts: { added: 1 } }, named.text)
    t.equal((await call('GET', '/v1/contacts/07712345133')).json.attributes.param0, '7712345132')
  },
)

t.test('a column of tags of a job tags the contacts of its rows, alone or beside saved columns', async (t) => {
  const settings = { text: 'Hi', review: true, columns: { to: 'mobile', tag: 'Group' } }
  for (const columns of [settings.columns, { ...settings.columns, saveToContact: { town: 'Town' } }]) {
    const made = await call('POST', '/v1/jobs', { body: { ...settings, columns } })
    t.equal(made.status, 202, made.text)
    const file = 'mobile,Group,Town\n07712399001,walkers; early,Hull\n07712399002,,York\n'
    await call('PUT', `/v1/jobs/${made.json.id}/recipients`, { body: file, headers: { 'content-type': 'text/csv' } })
    const listed = (await call('GET', '/v1/imports')).json.items
    await ended(listed.find(({ job }: { job: string | null }) => job === made.json.id).id)
  }
  t.match((await call('GET', '/v1/contacts/07712399001')).json, {
    tags: ['walkers', 'early'],
    attributes: { town: 'Hull' },
  })
  t.match((await call('GET', '/v1/contacts/07712399002')).json, { tags: [], attributes: { town: 'York' } })
  const wrong = await call('POST', '/v1/jobs', {
    body: { ...settings, columns: { tag: 'Nope' }, recipients: [{ to: '07712399001' }] },
  })
  t.match(wrong, { status: 422, json: { code: 'COLUMN_UNKNOWN' } }, wrong.text)
})

t.test('a file that is none is refused, and its import says why', async (t) => {
  const wrong: [string, string, string][] = [
    ['/v1/contacts/import', 'colour\nred\n', 'RECIPIENT_COLUMN_MISSING'],
    ['/v1/contacts/import?to=phone', 'to\n1\n', 'COLUMN_UNKNOWN'],
    ['/v1/contacts/import?email=mail', 'to\n1\n', 'COLUMN_UNKNOWN'],
    ['/v1/contacts/import', '', 'FILE_EMPTY'],
    ['/v1/contacts/import', 'to\n', 'FILE_EMPTY'],
    ['/v1/contacts/import?defaultCountry=XX', 'to\n1\n', 'VALIDATION'],
    ['/v1/contacts/import?optInSource=shop', 'to\n1\n', 'VALIDATION'],
    ['/v1/contacts/import?colour=red', 'to\n1\n', 'VALIDATION'],
  ]
  for (const [path, body, code] of wrong) {
    const answer = await csv(path, body)
    t.match(answer, { status: 422, json: { code } }, `${path} ${answer.text}`)
  }
  t.match((await call('GET', '/v1/imports?limit=1')).json.items, [{ state: 'failed', reason: 'FILE_EMPTY' }])
  t.equal((await call('POST', '/v1/contacts/import', { body: { a: 1 } })).status, 415)
  t.equal((await call('GET', '/v1/imports/imp_0000zzzz')).status, 404)
})

t.test('an Idempotency-Key imports a file once, and tells another file', async (t) => {
  const headers = { 'idempotency-key': 'file-1' }
  const first = await csv('/v1/contacts/import', 'to\n07712345140\n', headers)
  const second = await csv('/v1/contacts/import', 'to\n07712345140\n', headers)
  t.equal(second.json.id, first.json.id)
  t.equal(second.headers.get('idempotent-replay'), 'true')
  t.match(await csv('/v1/contacts/import', 'to\n07712345141\n', headers), { json: { code: 'IDEMPOTENCY_MISMATCH' } })
})

t.test('pages meet without a gap; a search finds parts; an export comes back as it was', async (t) => {
  const own = acme
  acme = solo
  t.teardown(() => {
    acme = own
  })
  const rows = Array.from(
    { length: 450 },
    (_, row) => `07713${String(row).padStart(6, '0')},Person ${row},"${row % 7}"`,
  )
  const file = `mobile,name,group\n${rows.join('\n')}\n`
  const made = await csv('/v1/contacts/import?tag=many', file)
  t.match((await ended(made.json.id)).counts, { rows: 450, added: 450 })
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Answer = await call('GET', `/v1/contacts?tag=many&limit=100${cursor && `&cursor=${cursor}`}`)
    seen.push(...page.json.items.map(({ number }: { number: string }) => number))
    cursor = page.json.nextCursor
  }
  t.equal(seen.length, 450)
  t.equal(new Set(seen).size, 450)
  t.equal(seen[0], '+447713000000', 'in order of their creation')
  const found = await call('GET', '/v1/contacts?q=PERSON%20449')
  t.match(found.json.items, [{ number: '+447713000449' }])
  t.equal(found.json.items.length, 1)
  t.match((await call('GET', '/v1/contacts?q=+44 7713 000448')).json.items, [{ attributes: { name: 'Person 448' } }])
  t.same((await call('GET', '/v1/contacts?q=nothing-like-it')).json.items, [])

  const before = await call('GET', '/v1/contacts/export?tag=many')
  t.match(before.headers.get('content-type'), 'text/csv')
  const lines = before.text.trimEnd().split('\n')
  t.equal(lines.length, 451)
  t.match(lines[1], /^"'\+447713000000",/, 'a plus sign could begin a formula')
  for (const number of seen.slice(0, 3)) await call('DELETE', `/v1/contacts/${number}`)
  t.equal((await tags()).many, 447)
  t.match((await csv('/v1/contacts/import?tag=many', before.text)).json.counts, { rows: 450, added: 3, unchanged: 447 })
  const person = (await call('GET', '/v1/contacts/+447713000001')).json
  t.same(person.attributes, { name: 'Person 1', group: '1' })

  const ndjson = await call('GET', '/v1/contacts/export?format=ndjson&tag=many')
  const objects = ndjson.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.equal(objects.length, 450)
  t.same(
    objects.find(({ number }) => number === '+447713000001'),
    person,
  )
  const names = (await call('GET', '/v1/contacts/attributes')).json.items
  t.same(names, ['group', 'name'])
})

t.test('nothing of one account is seen or touched with the key of another', async (t) => {
  const list = (await call('GET', '/v1/contacts?limit=1')).json.items
  const { id } = (await call('GET', '/v1/imports?limit=1')).json.items[0]
  const path = `/v1/contacts/${list[0].number}`
  for (const [method, where] of [
    ['GET', path],
    ['DELETE', path],
    ['PATCH', path],
    ['GET', `/v1/imports/${id}`],
    ['GET', `/v1/imports/${id}/rejects.csv`],
  ] as const) {
    const body = method === 'PATCH' ? { company: 'x' } : undefined
    t.equal((await call(method, where, { key: rival, body })).status, 404, `${method} ${where}`)
  }
  for (const where of ['/v1/contacts', '/v1/tags', '/v1/imports', '/v1/contacts/attributes']) {
    t.same((await call('GET', where, { key: rival })).json.items, [], where)
  }
  t.equal((await call('GET', '/v1/contacts/export?format=ndjson', { key: rival })).text, '')
  t.match(await call('GET', '/v1/contacts', { key: admin }), { status: 403 })
  const behalf = { key: admin, headers: { 'trunkline-account': 'acme' } }
  t.equal((await call('GET', path, behalf)).status, 200, 'the admin acts for an account')
})

t.test('the contacts of a deleted account are erased', async (t) => {
  const made = await call('POST', '/v1/accounts', { key: admin, body: { id: 'gone', defaultCountry: 'GB' } })
  const list = Array.from({ length: 3_000 }, (_, row) => ({ number: `+4477${50_000_000 + row}`, tags: ['a', 'b'] }))
  t.equal((await call('POST', '/v1/contacts', { key: made.json.key, body: list })).json.added, 3_000)
  const tables = openContactTables(folder)
  t.teardown(() => tables.root.close())
  const count = (): number[] => {
    tables.root.resetReadTxn()
    return [tables.accounts, tables.records, tables.fresh, tables.tagged].map((table) => [...table.getKeys()].length)
  }
  const before = count()
  t.equal((await call('DELETE', '/v1/accounts/gone', { key: admin })).status, 204)
  while (count()[0] === before[0]) await pause(20)
  const [accounts, records, fresh, tagged] = count()
  t.same([accounts, records, tagged], [before[0]! - 1, before[1]! - 3_000, before[3]! - 6_000])
  t.ok(fresh! < before[2]!)
})
