/** Who may log in by SFTP and for how long: passwords, locks, revocation, and accounts that may not. */
import { once } from 'node:events'
import { hostname } from 'node:os'
import type { Client } from 'ssh2'
import t, { type Test } from 'tap'
import type { EngineError } from '../src/engine/contract/errors.js'
import { type Answer, type CallOptions, send } from './http-engine.js'
import { type Dropper, keyPair, type Login, newAddress, sftpOf, stand, until } from './sftp-support.js'

const s = await stand(t, {}, { hostKey: undefined })
const { engine } = s.server

/** Whether this log-in is let in. */
async function opens(t: Test, login: Login): Promise<boolean> {
  return await s.connect(login, newAddress()).then(
    (client) => {
      client.end()
      return true
    },
    (error: Error & { level?: string }) => {
      t.equal(error.level, 'client-authentication', error.message)
      return false
    },
  )
}

async function session(login: Login): Promise<Client> {
  const client = await s.connect(login)
  await sftpOf(client)
  return client
}

t.test('a log-in is made with a password that is shown once, and tells where to connect', async (t) => {
  const made = await engine.dropCredentials.create((await s.account()).id, {})
  t.match(made.username, /^acme-\d+-[a-z2-9]{5}$/)
  t.match(made.password, /^([a-z2-9]{5}-){4}[a-z2-9]{5}$/)
  t.equal(made.connect.sftp?.port, s.port)
  t.match(made.connect.sftp?.hostKeys, [
    { type: 'ssh-ed25519', fingerprint: /^SHA256:/ },
    { type: 'ssh-rsa', fingerprint: /^SHA256:/ },
  ])
  const [listed] = engine.dropCredentials.list(made.account, { limit: 10 }).items
  t.notOk('password' in listed!)
  t.equal(listed?.lastUsedAt, null)
  t.ok(await opens(t, { ...made, password: made.password! }))
  t.not(engine.dropCredentials.list(made.account, { limit: 10 }).items[0]?.lastUsedAt, null)
})

t.test('a wrong password and an unknown user are refused alike', async (t) => {
  const { login } = await s.account()
  const own = await login({ username: 'alike', password: 'correct horse battery' })
  t.ok(await opens(t, own))
  t.notOk(await opens(t, { ...own, password: 'correct horse batterx' }))
  t.notOk(await opens(t, { ...own, username: 'nobody-here' }))
  t.notOk(await opens(t, { ...own, password: '' }))
  t.ok(await opens(t, own), 'again')
})

t.test('a revoked log-in ends its sessions, and only its own', async (t) => {
  const account = await s.account()
  const [first, second] = [await account.keyLogin(), await account.keyLogin()]
  const [ends, stays] = [await session(first), await session(second)]
  const closed = once(ends, 'close')
  await engine.dropCredentials.remove(account.id, first.id)
  await closed
  t.notOk(await opens(t, first))
  await sftpOf(stays)
  t.pass('the other one goes on')
  t.throws(() => engine.dropCredentials.list('nobody', { limit: 1 }), { code: 'NOT_FOUND' })
  await t.rejects(engine.dropCredentials.remove(account.id, first.id), { code: 'NOT_FOUND' })
})

t.test('a suspended or deleted account, and one without the feature, has no sessions and gets none', async (t) => {
  const cases: readonly (readonly [string, (account: Dropper) => Promise<unknown>])[] = [
    ['suspended', (account) => engine.patchAccount(account.id, { suspended: true })],
    ['without the feature', (account) => engine.patchAccount(account.id, { features: { drop: false } })],
    ['deleted', (account) => engine.deleteAccount(account.id)],
  ]
  for (const [name, change] of cases) {
    const account = await s.account()
    const login = await account.keyLogin()
    const client = await session(login)
    const closed = once(client, 'close')
    await change(account)
    await closed
    t.notOk(await opens(t, login), name)
  }
  const account = await s.account()
  const login = await account.keyLogin()
  await engine.patchAccount(account.id, { suspended: true })
  await engine.patchAccount(account.id, { suspended: false })
  t.ok(await opens(t, login), 'and one that is active again gets in again')
})

t.test('a log-in that has expired opens nothing', async (t) => {
  const { keyLogin } = await s.account()
  const expiresAtMs = Date.now() + 2_000
  const own = await keyLogin({ expiresAt: new Date(expiresAtMs).toISOString() })
  await until(() => Date.now() > expiresAtMs)
  t.notOk(await opens(t, own))
})

t.test('a log-in for some addresses is for no others', async (t) => {
  const { keyLogin } = await s.account()
  t.ok(await opens(t, await keyLogin({ cidrs: ['127.0.0.0/8'] })))
  t.notOk(await opens(t, await keyLogin({ cidrs: ['192.0.2.0/24', '2001:db8::/32'] })))
})

t.test('settings that do not fit are refused field by field', async (t) => {
  const { id } = await s.account()
  const [good, weak] = [await keyPair(s, 'ed25519'), await keyPair(s, 'rsa', 1_024)]
  const refused = async (settings: object, pointer: string): Promise<void> => {
    const error = await engine.dropCredentials.create(id, settings).then(
      () => null,
      (error: EngineError) => error,
    )
    t.equal(error?.code, 'VALIDATION', JSON.stringify(settings).slice(0, 60))
    t.strictSame(
      error?.fields.map((field) => field.pointer),
      [pointer],
    )
  }
  await refused({ username: 'Mixed Case' }, '/username')
  await refused({ password: 'short' }, '/password')
  await refused({ password: null }, '/password')
  await refused({ expiresAt: '2001-01-01T00:00:00Z' }, '/expiresAt')
  await refused({ cidrs: ['10.0.0.0/8', 'nowhere'] }, '/cidrs/1')
  const [type, blob] = good.line.split(' ')
  const broken = [
    weak.line,
    'ssh-ed25519',
    `${type} ${blob!.slice(0, -8)}`,
    `ssh-rsa ${blob}`,
    `${type} ${blob!.replace('A', '%')}`,
    'ssh-dss AAAAB3NzaC1kc3MAAACBAA==',
    '-----BEGIN OPENSSH PRIVATE KEY-----',
  ]
  for (const line of broken) await refused({ publicKeys: [good.line, line] }, '/publicKeys/1')
  const byKey = { password: null, publicKeys: [good.line, good.line] }
  const made = await engine.dropCredentials.create(id, { ...byKey, username: 'taken-name' })
  t.equal(made.publicKeys.length, 1, 'the same key twice is one')
  const other = await s.account()
  await t.rejects(engine.dropCredentials.create(other.id, { username: 'taken-name' }), { code: 'NAME_TAKEN' })
  await engine.dropCredentials.remove(id, made.id)
  await engine.dropCredentials.create(other.id, { ...byKey, username: 'taken-name' })
})

t.test('two at once get one name between them', async (t) => {
  const accounts = [await s.account(), await s.account()]
  const byKey = { password: null, publicKeys: [(await keyPair(s, 'ed25519')).line] }
  const both = accounts.map(({ id }) => engine.dropCredentials.create(id, { ...byKey, username: 'both-want-it' }))
  const settled = await Promise.allSettled(both)
  t.strictSame(settled.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
})

t.test(
  'over HTTP: the answer is replayed with its password, the list has none, and the audit log has both changes',
  async (t) => {
    const { id } = await s.account()
    const { url, adminKey } = s.server
    const path = `/v1/accounts/${id}/drop-credentials`
    const call = (method: string, to: string, options: CallOptions = {}): Promise<Answer> =>
      send(url + to, method, { key: adminKey, ...options })
    const options = { body: { description: 'front desk' }, headers: { 'idempotency-key': 'once' } }
    const made = await call('POST', path, options)
    t.equal(made.status, 201, made.text)
    const again = await call('POST', path, options)
    t.equal(again.headers.get('idempotent-replay'), 'true')
    t.equal(again.json.password, made.json.password)
    t.equal((await call('POST', path)).status, 201, 'no body is needed')
    const listed = await call('GET', `${path}?limit=1`)
    t.strictSame(
      listed.json.items.map((item: { id: string }) => item.id),
      [made.json.id],
    )
    t.ok(listed.json.nextCursor)
    t.notMatch(listed.text, made.json.password)
    const wrong = await call('POST', path, { body: { publicKeys: ['x'], password: 'short' } })
    t.equal(wrong.status, 422)
    t.equal((await call('DELETE', `${path}/${made.json.id}`)).status, 204)
    t.equal((await call('DELETE', `${path}/${made.json.id}`)).status, 404)
    t.equal((await call('GET', '/v1/accounts/nobody/drop-credentials')).status, 404)
    const audit = await call('GET', `/v1/audit?account=${id}`)
    const actions = audit.json.items.map(({ action }: { action: string }) => action)
    t.ok(actions.includes('drop-credential.create') && actions.includes('drop-credential.delete'), actions.join())
    t.notMatch(audit.text, made.json.password)
    const key = await engine.createKey(id)
    t.equal((await call('GET', path, { key: key.key })).status, 403, 'an account does not see them')
  },
)

t.test('a client is told the name of the machine where the server listens everywhere and has no name', async (t) => {
  const own = await stand(t, {}, { host: '0.0.0.0' })
  const made = await own.server.engine.dropCredentials.create((await own.account()).id, {})
  t.equal(made.connect.sftp?.host, hostname())
})
