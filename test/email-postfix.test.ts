/** Postfix, a mail server of somebody else, as the relay: what it takes lies in a maildir, what it refuses is refused here. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { simpleParser } from 'mailparser'
import t, { type Test } from 'tap'
import { freePort } from '../bench/processes.js'
import { mailStand } from './mail-stand.js'

const isThere = existsSync('/usr/sbin/postfix') && process.getuid?.() === 0
const skip = isThere ? false : 'Postfix is not installed, or this is not root (Debian: postfix)'
const NOBODY = 65_534

/** Postfix with folders of its own, on a free port; it delivers all of example.com to one maildir. */
async function postfix(t: Test): Promise<{ port: number; maildir: string }> {
  const root = mkdtempSync(path.join(tmpdir(), 'trunkline-postfix-'))
  chmodSync(root, 0o755)
  const [config, queue, data, mail] = ['etc', 'queue', 'data', 'mail'].map((name) => path.join(root, name)) as [
    string,
    string,
    string,
    string,
  ]
  for (const folder of [config, queue, data, mail]) mkdirSync(folder, { mode: 0o755 })
  const postfixId = Number(execFileSync('id', ['-u', 'postfix']).toString())
  chownSync(data, postfixId, 0)
  chownSync(mail, NOBODY, NOBODY)
  const port = await freePort()
  const main = {
    queue_directory: queue,
    data_directory: data,
    maillog_file: path.join(root, 'log'),
    maillog_file_prefixes: root,
    compatibility_level: '3.6',
    inet_interfaces: 'loopback-only',
    inet_protocols: 'ipv4',
    myhostname: 'relay.test',
    mydestination: '',
    mynetworks: '127.0.0.2/32',
    virtual_mailbox_domains: 'example.com',
    virtual_mailbox_base: mail,
    virtual_mailbox_maps: 'static:box/',
    virtual_uid_maps: `static:${NOBODY}`,
    virtual_gid_maps: `static:${NOBODY}`,
    smtpd_relay_restrictions: 'permit_mynetworks, reject_unauth_destination',
  }
  writeFileSync(
    path.join(config, 'main.cf'),
    Object.entries(main)
      .map(([key, value]) => `${key} = ${value}\n`)
      .join(''),
  )
  const service = (name: string, type: string, flags: string, command: string): string =>
    `${name} ${type} ${flags} ${command}\n`
  const master = [
    service(`127.0.0.1:${port}`, 'inet', 'n - n - -', 'smtpd'),
    service('pickup', 'unix', 'n - n 60 1', 'pickup'),
    service('cleanup', 'unix', 'n - n - 0', 'cleanup'),
    service('qmgr', 'unix', 'n - n 300 1', 'qmgr'),
    service('rewrite', 'unix', '- - n - -', 'trivial-rewrite'),
    service('bounce', 'unix', '- - n - 0', 'bounce'),
    service('defer', 'unix', '- - n - 0', 'bounce'),
    service('virtual', 'unix', '- n n - -', 'virtual'),
    service('error', 'unix', '- - n - -', 'error'),
    service('anvil', 'unix', '- - n - 1', 'anvil'),
    service('proxymap', 'unix', '- - n - -', 'proxymap'),
    service('postlog', 'unix-dgram', 'n - n - 1', 'postlogd'),
  ]
  writeFileSync(path.join(config, 'master.cf'), master.join(''))
  const daemon = spawn('/usr/sbin/postfix', ['-c', config, 'start-fg'], { stdio: 'ignore' })
  t.teardown(async () => {
    execFileSync('/usr/sbin/postfix', ['-c', config, 'stop'], { stdio: 'ignore' })
    if (daemon.exitCode === null) await once(daemon, 'exit')
    rmSync(root, { recursive: true, force: true })
  })
  await reachable(port)
  return { port, maildir: path.join(mail, 'box', 'new') }
}

async function reachable(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      socket.destroy()
      return
    } catch {
      await pause(50)
    }
  }
}

t.test(
  'a job goes through Postfix to a maildir, and what it does not relay fails with its reply',
  { skip },
  async (t) => {
    const { port, maildir } = await postfix(t)
    const { call, job } = await mailStand(t, { relay: { port } })
    const recipients = Array.from({ length: 40 }, (_, row) => ({ email: `r${row}@example.com`, name: `Zoë ${row}` }))
    recipients.push({ email: 'abroad@elsewhere.example', name: 'Abroad' })
    const settings = { channel: 'email', subject: 'Grüße, ~name~', text: '.Hi ~name~\n.\nbye', html: '<p>~name~</p>' }
    const made = await call('POST', '/v1/jobs', { body: { ...settings, recipients, unsubscribe: 'link' } })
    t.equal(made.status, 202, made.text)
    const { counts } = await job(made.json.id, 'finished')
    t.match(counts, { rows: 41, accepted: 41, sent: 40, failed: 1 })
    const abroad = await call('GET', '/v1/messages?to=abroad@elsewhere.example')
    t.match(abroad.json.items[0], {
      state: 'failed',
      reason: 'CARRIER_REJECTED',
      history: [{ status: 554, statusName: '554 5.7.1' }],
    })
    while (!existsSync(maildir) || readdirSync(maildir).length < 40) await pause(50)
    const seen = new Set<string>()
    for (const file of readdirSync(maildir)) {
      const mail = await simpleParser(readFileSync(path.join(maildir, file)))
      const name = /Zoë \d+/.exec(mail.subject ?? '')![0]
      seen.add(name)
      t.equal(mail.subject, `Grüße, ${name}`)
      t.ok(mail.text?.startsWith(`.Hi ${name}\n.\nbye`))
      t.ok(mail.headers.has('list'))
    }
    t.equal(seen.size, 40, 'each came once')
  },
)
