/**
 * API keys over HTTP on the real engine: what a key may do, from where, until when; that it dies at once; that no key is
 * ever on disk in the clear, and that a wrong key and an unknown one go the same way.
 */
import crypto from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { digestOf, isMistyped, keyId, makeKey, sameDigest } from '../src/engine/accounts/key.js'
import { heldKey, isExpired, keyTerms } from '../src/engine/accounts/key-record.js'
import { AddressRanges, addressName, parseRange } from '../src/engine/base/source-address.js'
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Documents } from '../src/engine/store/documents.js'
import { type RunningServer, startServer } from '../src/start.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

const admin = 'admin-key-of-this-test'
const folder = mkdtempSync(join(tmpdir(), 'trunkline-keys-'))
// Requests of this test may name their own source: the peer is a proxy that is trusted.
const yaml = `
dataDir: ${folder}
http: { port: 0, adminKey: ${admin}, trustedProxies: [loopback] }
`
const config = parseConfig(yaml, { name: 'test', folder, env: {} })
const fail = (code: number) => t.fail(`the engine stopped with ${code}`)

/** A key that expired before the engine started: none can be made over HTTP. */
const expired = makeKey()
const documents = new Documents(folder)
await documents.put('keys', [expired.id], {
  ...{ id: expired.id, account: 'keys', digest: expired.digest, createdAtMs: 0, lastUsedAtMs: null },
  ...{ name: null, scopes: ['read'], expiresAtMs: Date.parse('2020-01-01T00:00:00Z'), cidrs: [] },
})
/** As an earlier version stored it: without checksum, scopes and the rest. */
const old = makeKey()
const oldKey = old.key.slice(0, -9)
await documents.put('keys', [old.id], {
  ...{ id: old.id, account: 'keys', digest: digestOf(oldKey), createdAtMs: 0, lastUsedAtMs: null },
})
await documents.close()

let server: RunningServer = await startServer(config, { log: silentLog, exit: fail })
t.teardown(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  return send(server.url + path, method, { key: admin, ...options })
}
function from(ip: string, key: string): Promise<Answer> {
  return call('GET', '/v1/jobs', { key, headers: { 'x-forwarded-for': ip } })
}
const statusOf = async (answer: Promise<Answer>): Promise<number> => (await answer).status

let first = ''
t.before(async () => {
  const made = await call('POST', '/v1/accounts', { body: { id: 'keys', defaultCountry: 'GB' } })
  t.equal(made.status, 201, made.text)
  first = made.json.key
})

t.test('a key has the shape that is published, and its checksum tells a slip of the pen', async (t) => {
  const { id, key } = makeKey()
  t.match(key, /^sk_live_[a-z2-7]{12}_[\w-]{43}_[0-9a-f]{8}$/)
  t.equal(keyId(key), id)
  t.equal(isMistyped(key), false)
  t.equal(isMistyped(key.slice(0, -9)), false, 'keys of earlier versions have no checksum')
  for (let at = 8; at < key.length; at++) {
    const other = key[at] === 'a' ? 'b' : 'a'
    t.equal(isMistyped(key.slice(0, at) + other + key.slice(at + 1)), true, `character ${at}`)
  }
  const wrong = await call('GET', '/v1/jobs', { key: `${first.slice(0, -1)}${first.endsWith('0') ? '1' : '0'}` })
  t.match(wrong, { status: 401, json: { code: 'UNAUTHORIZED', detail: /checksum/ } })
})

t.test('a key of an unknown id is compared as one of a known id is', async (t) => {
  const asked = makeKey()
  t.equal(sameDigest(undefined, asked.digest), false)
  t.equal(sameDigest(asked.digest, asked.digest), true)
  t.throws(() => sameDigest(new Uint8Array(31), asked.digest), 'digests of other lengths never come this far')
  const unknown = await call('GET', '/v1/jobs', { key: asked.key })
  const secret = makeKey().key.slice(20)
  const known = await call('GET', '/v1/jobs', { key: `sk_live_${keyId(first)}${secret}`.slice(0, -9) })
  t.same([unknown.status, unknown.text], [known.status, known.text])
})

t.test(
  'the same steps are taken for an unknown id, a wrong secret, a text that is no key, and a good key',
  async (t) => {
    const { hash, timingSafeEqual } = crypto
    let steps: string[] = []
    const counted = { hash, timingSafeEqual } as unknown as Record<string, (...given: unknown[]) => unknown>
    for (const [name, real] of Object.entries(counted)) {
      const target = crypto as unknown as typeof counted
      target[name] = (...given) => {
        steps.push(name)
        return real(...given)
      }
    }
    syncBuiltinESMExports()
    t.teardown(() => {
      Object.assign(crypto, { hash, timingSafeEqual })
      syncBuiltinESMExports()
    })
    const unknown = makeKey().key
    const wrong = `sk_live_${keyId(first)}${unknown.slice(20, -9)}`
    for (const key of [unknown, wrong, 'none', first, admin]) {
      steps = []
      server.engine.authenticate(key)
      t.same(steps, ['hash', 'timingSafeEqual', 'timingSafeEqual'])
    }
  },
)

t.test('a key of an earlier version goes on working, with every scope', async (t) => {
  t.equal(await statusOf(call('GET', '/v1/jobs', { key: oldKey })), 200)
  const { keys } = (await call('GET', '/v1/accounts/keys')).json
  t.match(
    keys.find(({ id }: { id: string }) => id === old.id),
    { scopes: ['read', 'send', 'manage'], expired: false, cidrs: [], name: null, lastUsedAt: String },
  )
  t.equal(await statusOf(call('DELETE', `/v1/accounts/keys/keys/${old.id}`)), 204)
  t.equal(await statusOf(call('GET', '/v1/jobs', { key: oldKey })), 401)
})

t.test('an expired key is told so, does not count as one of the two, and is listed as expired', async (t) => {
  const answer = await call('GET', '/v1/jobs', { key: expired.key })
  t.match(answer, { status: 401, json: { code: 'UNAUTHORIZED', detail: /expired at 2020-01-01T00:00:00.000Z/ } })
  const second = await call('POST', '/v1/accounts/keys/keys', { body: { name: 'second' } })
  t.equal(second.status, 201, second.text)
  const third = await call('POST', '/v1/accounts/keys/keys')
  t.match(third, { status: 409, json: { code: 'WRONG_STATE' } })
  const { keys } = (await call('GET', '/v1/accounts/keys')).json
  t.same(keys.filter((key: { expired: boolean }) => key.expired).length, 1)
  t.equal(keys.length, 3)
  t.equal(await statusOf(call('DELETE', `/v1/accounts/keys/keys/${second.json.id}`)), 204)
  t.equal(await statusOf(call('GET', '/v1/jobs', { key: second.json.key })), 401, 'revoked at once')
})

t.test('a key expires at its time and not before', async (t) => {
  const terms = keyTerms({ expiresAt: '2030-01-01T00:00:00Z' }, 0)
  const { record } = heldKey({
    ...terms,
    id: 'x',
    account: 'x',
    digest: new Uint8Array(),
    createdAtMs: 0,
    lastUsedAtMs: 0,
  })
  const atMs = Date.parse('2030-01-01T00:00:00Z')
  t.same([isExpired(record, atMs - 1), isExpired(record, atMs)], [false, true])
})

t.test('a key does what its scopes say, and a refusal names the scope that it lacks', async (t) => {
  const make = async (scopes: string[]) => {
    const made = await call('POST', '/v1/accounts/keys/keys', { body: { scopes } })
    t.match(made, { status: 201, json: { scopes, prefix: `sk_live_${made.json.id}_`, key: /^sk_live_/ } }, made.text)
    return made.json as { id: string; key: string }
  }
  const asks: [string, string, string, object | undefined][] = [
    ['read', 'GET', '/v1/jobs', undefined],
    ['send', 'POST', '/v1/messages', { to: '12', text: 'x' }],
    ['send', 'POST', '/v1/jobs/job_00000001/cancel', undefined],
    ['manage', 'PUT', '/v1/templates/x', { text: 'x' }],
  ]
  for (const scope of ['read', 'send', 'manage']) {
    const { id, key } = await make([scope])
    for (const [needed, method, path, body] of asks) {
      const answer = await call(method, path, { key, body })
      if (needed === scope) t.notOk([401, 403].includes(answer.status), `${scope}: ${method} ${path} ${answer.text}`)
      else t.match(answer, { status: 403, json: { code: 'FORBIDDEN', detail: `\`${needed}\`` } }, `${scope}: ${path}`)
    }
    t.equal(await statusOf(call('DELETE', `/v1/accounts/keys/keys/${id}`)), 204)
  }
})

t.test('a key is good from its addresses only, however they are written', async (t) => {
  const body = { cidrs: ['192.0.2.0/24', '2001:db8:1::/48', '::ffff:198.51.100.7'] }
  const { id, key } = (await call('POST', '/v1/accounts/keys/keys', { body })).json
  for (const ip of ['192.0.2.1', '::ffff:192.0.2.255', '::ffff:c000:0201', '2001:db8:1:2::3', '198.51.100.7']) {
    t.equal(await statusOf(from(ip, key)), 200, ip)
  }
  for (const ip of ['192.0.3.1', '2001:db8:2::1', '198.51.100.8', '::ffff:192.0.3.1', '127.0.0.1']) {
    const answer = await from(ip, key)
    t.match(answer, { status: 403, json: { code: 'FORBIDDEN', detail: /may not be used from/ } }, ip)
  }
  t.equal(await statusOf(call('DELETE', `/v1/accounts/keys/keys/${id}`)), 204)
})

t.test('ranges of addresses are read as they are meant, or refused', async (t) => {
  const cases: [string, object | null][] = [
    ['10.0.0.0/8', { address: '10.0.0.0', prefix: 8, family: 'ipv4' }],
    ['10.0.0.1', { prefix: 32, family: 'ipv4' }],
    ['::1', { prefix: 128, family: 'ipv6' }],
    ['::ffff:10.0.0.0/104', { address: '10.0.0.0', prefix: 8, family: 'ipv4' }],
    ['::ffff:a00:1', { address: '10.0.0.1', prefix: 32, family: 'ipv4' }],
    ...['10.0.0.0/33', '::/129', '::ffff:10.0.0.0/64', '10.0.0', 'host', '', '10.0.0.1/', 'fe80::1%eth0', '0x7f.1'].map(
      (text): [string, null] => [text, null],
    ),
  ]
  for (const [text, wanted] of cases) {
    if (wanted === null) t.equal(parseRange(text), null, text)
    else t.match(parseRange(text), wanted, text)
  }
  const everything = new AddressRanges(['0.0.0.0/0'])
  t.same(
    ['1.2.3.4', '::ffff:1.2.3.4', '::1', 'none'].map((ip) => everything.has(ip)),
    [true, true, false, false],
  )
  t.equal(new AddressRanges(['fe80::/10']).has('fe80::1%eth0'), true)
})

t.test('an IPv6 address is counted by its /64, a mapped one as what it is', async (t) => {
  t.equal(addressName('2001:db8:0:1::1'), addressName('2001:db8:0:1:ffff:ffff:ffff:ffff'))
  t.not(addressName('2001:db8:0:1::1'), addressName('2001:db8:0:2::1'))
  t.equal(addressName('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(addressName('192.0.2.1'), '192.0.2.1')
})

t.test('settings of a key that do not fit are named one by one', async (t) => {
  const body = { scopes: [], expiresAt: '2020-01-01T00:00:00Z', cidrs: ['host'] }
  t.match((await call('POST', '/v1/accounts/keys/keys', { body })).json.errors, [{ pointer: '/scopes' }])
  const rest = await call('POST', '/v1/accounts/keys/keys', { body: { ...body, scopes: ['read'] } })
  t.match(rest, { status: 422, json: { errors: [{ pointer: '/expiresAt' }, { pointer: '/cidrs/0' }] } }, rest.text)
  const account = { id: 'second', key: { expiresAt: 'soon' } }
  const made = await call('POST', '/v1/accounts', { body: account })
  t.match(made, { status: 422, json: { errors: [{ pointer: '/key/expiresAt' }] } }, made.text)
  t.equal(await statusOf(call('GET', '/v1/accounts/second')), 404, 'nothing was made')
})

t.test(
  'a new key is answered again under its Idempotency-Key, also after a restart, and is never on disk',
  async (t) => {
    const asks: [string, object][] = [
      ['/v1/accounts', { id: 'again', key: { name: 'first', scopes: ['send'] } }],
      ['/v1/accounts/keys/keys', { name: 'replayed' }],
    ]
    const keys: string[] = []
    for (const [path, body] of asks) {
      const headers = { 'idempotency-key': `key of ${path}`.replaceAll(' ', '-') }
      const made = await call('POST', path, { body, headers })
      t.equal(made.status, 201, made.text)
      const again = await call('POST', path, { body, headers })
      t.same([again.json, again.headers.get('idempotent-replay')], [made.json, 'true'])
      keys.push(made.json.key)
    }
    await server.stop()
    const files = (readdirSync(folder, { recursive: true, encoding: 'utf8' }) as string[])
      .filter((name) => /\.mdb$|\.key$/.test(name))
      .map((name) => readFileSync(join(folder, name), 'latin1'))
    t.ok(
      files.some((text) => text.includes(keyId(keys[0]!))),
      'the records are in what is looked at',
    )
    for (const key of [...keys, first]) {
      t.notOk(
        files.some((text) => text.includes(key) || text.includes(key.slice(21, 64))),
        'no key in the clear',
      )
    }
    server = await startServer(config, { log: silentLog, exit: fail })
    for (const [index, [path, body]] of asks.entries()) {
      const headers = { 'idempotency-key': `key of ${path}`.replaceAll(' ', '-') }
      const again = await call('POST', path, { body, headers })
      t.match(again, { status: 201, json: { key: keys[index] } }, again.text)
      const other = await call('POST', path, { body: { ...body, name: 'other' }, headers })
      t.match(other, { status: 422, json: { code: 'IDEMPOTENCY_MISMATCH' } })
    }
    t.equal(await statusOf(call('GET', '/v1/jobs', { key: keys[1]! })), 200, 'and it works')
  },
)
