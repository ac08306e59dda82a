/** What an SFTP client may not do too much of: sessions, connections, wrong passwords, handles, octets, time. */
import { once } from 'node:events'
import t from 'tap'
import { newAddress, stand, until } from './sftp-support.js'

t.test('more sessions than a log-in may have are refused, and a place is free again when one ends', async (t) => {
  const few = await stand(t, { sessionsPerLogin: 2 })
  const { keyLogin } = await few.account()
  const [own, other] = [await keyLogin(), await keyLogin()]
  const first = await few.connect(own)
  await few.connect(own)
  await t.rejects(few.connect(own, newAddress()), /authentication methods failed/)
  await few.connect(other)
  first.end()
  await until(() => few.metric('trunkline_site_sessions', { protocol: 'sftp' }) === 2)
  await few.connect(own)
  t.equal(few.metric('trunkline_site_logins_total', { result: 'too many' }), 1)
  t.equal(few.metric('trunkline_site_logins_total', { result: 'ok' }), 4)
})

t.test('too many wrong passwords lock the address out, also for the right one', async (t) => {
  const strict = await stand(t, { loginTries: 3, lockSeconds: 600 })
  const { login } = await strict.account()
  const own = await login()
  for (let tries = 0; tries < 3; tries++) {
    await t.rejects(strict.connect({ ...own, password: `wrong password ${tries}` }), /authentication methods failed/)
  }
  await t.rejects(strict.connect(own), /authentication methods failed/)
  t.equal(strict.metric('trunkline_site_logins_total', { result: 'refused' }), 3)
  t.equal(strict.metric('trunkline_site_logins_total', { result: 'locked' }), 1)
})

t.test('more connections than one address may have are closed at once', async (t) => {
  const few = await stand(t, { sessionsPerAddress: 2 })
  const { keyLogin } = await few.account()
  const own = await keyLogin()
  const client = await few.connect(own)
  await few.connect(own)
  await t.rejects(few.connect(own))
  t.equal(few.metric('trunkline_site_connections_refused_total', { protocol: 'sftp' }), 1)
  client.end()
  await once(client, 'close')
  await until(() =>
    few.connect(own).then(
      () => true,
      () => false,
    ),
  )
})
