/** Notices: emails of the engine to people of an account, over a relay that is a real mail server. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { type RunningServer, startServer } from '../src/start.js'
import { MailPeer } from './mail-peer.js'

async function stand(
  t: Test,
  carriers: (port: number) => object[],
): Promise<{ peer: MailPeer; server: RunningServer }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'trunkline-mail-'))
  const peer = new MailPeer()
  const port = await peer.listen()
  const yaml = JSON.stringify({ dataDir, http: { port: 0 }, logLevel: 'silent', carriers: carriers(port) })
  const server = await startServer(parseConfig(yaml, { name: 'test', folder: dataDir, env: {} }), { log: silentLog })
  t.teardown(async () => {
    await server.stop()
    await peer.close()
    rmSync(dataDir, { recursive: true, force: true })
  })
  await server.engine.createAccount('acme', { features: { email: false } })
  return { peer, server }
}

const relay = (port: number): object[] => [
  { id: 'relay', protocol: 'smtp', host: '127.0.0.1', port, tls: 'none', from: 'Trunkline <ops@trunkline.example>' },
]

t.test(
  'a notice goes once for each key, to every address, also where the account has no email of its own',
  async (t) => {
    const { peer, server } = await stand(t, relay)
    const notice = {
      account: 'acme',
      to: ['ann@example.com', 'Bob <bob@example.com>', 'ANN@example.com', 'nobody'],
      subject: 'October.csv is done\r\nBcc: evil@example.com',
      text: '1,000 rows, 12 rejected.\n.\nZoë',
      key: 'drop_1',
    }
    const results = await Promise.all([server.engine.notices.send(notice), server.engine.notices.send(notice)])
    t.same(results, ['sent', 'known'])
    t.equal(await server.engine.notices.send(notice), 'known')
    await peer.until(2)
    t.same(peer.received.map(({ to }) => to).sort(), ['ann@example.com', 'bob@example.com'])
    const mail = await peer.parsed(0)
    t.equal(mail.subject, 'October.csv is done Bcc: evil@example.com', 'no header can be put in')
    t.equal(mail.bcc, undefined)
    t.equal(mail.from?.text, '"Trunkline" <ops@trunkline.example>')
    t.equal(mail.text?.trim(), '1,000 rows, 12 rejected.\n.\nZoë')
    t.match(mail.messageId, /^<msg_[^@]+@trunkline\.example>$/)
    t.equal(await server.engine.notices.send({ ...notice, key: 'drop_2' }), 'sent')
    await peer.until(4)
  },
)

t.test('without a carrier that takes email a notice is skipped and says so', async (t) => {
  const { server } = await stand(t, () => [])
  const notice = { account: 'acme', to: ['ann@example.com'], subject: 's', text: 't', key: 'k' }
  t.equal(await server.engine.notices.send(notice), 'noRoute')
})
