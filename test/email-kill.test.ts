/** kill -9 while emails are sent: each one arrives, and what arrives twice is known as such, by its Message-ID and in its history. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { JobView, MessageView, Page } from '../src/engine/contract/api.js'
import { Child } from './engine-process.js'
import { MailPeer } from './mail-peer.js'
import { ADMIN } from './mail-stand.js'

const ROWS = 300
const KILLS_AT = [40, 120, 200]
/** Connections of the relay, each with one message in flight and eight answers that may not be durable. */
const REPEATS_A_KILL = 5 * (1 + 8)

t.test('three kills lose no email, and repeat none beyond the window', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'trunkline-mail-kill-'))
  const peer = new MailPeer()
  const port = await peer.listen()
  const script = fileURLToPath(new URL('./mail-child.js', import.meta.url))
  const child = new Child([dataDir, String(port)], script)
  t.teardown(async () => {
    await child.end('SIGKILL')
    await peer.close()
    rmSync(dataDir, { recursive: true, force: true })
  })
  await child.start()
  const { key } = (await child.call('POST', '/v1/accounts', ADMIN, { id: 'acme' })) as { key: string }
  const recipients = Array.from({ length: ROWS }, (_, row) => ({ email: `r${row}@example.com` }))
  const settings = { channel: 'email', subject: 'Hello', text: 'Hi ~email~', recipients }
  const { id } = (await child.call('POST', '/v1/jobs', key, settings)) as { id: string }
  for (const count of KILLS_AT) {
    await peer.until(count)
    await child.end('SIGKILL')
    await child.start()
  }
  let job = (await child.call('GET', `/v1/jobs/${id}`, key)) as unknown as JobView
  while (job.state !== 'finished') job = (await child.call('GET', `/v1/jobs/${id}`, key)) as unknown as JobView
  t.match(job.counts, { rows: ROWS, accepted: ROWS, sent: ROWS, parts: ROWS, partsSent: ROWS })

  const copies = new Map<string, string[]>()
  for (const [index, { to }] of peer.received.entries()) {
    copies.set(to, [...(copies.get(to) ?? []), (await peer.parsed(index)).messageId!])
  }
  t.equal(copies.size, ROWS, 'every recipient has it')
  const repeated = [...copies].filter(([, ids]) => ids.length > 1)
  t.ok(peer.received.length - ROWS <= KILLS_AT.length * REPEATS_A_KILL, `${peer.received.length - ROWS} came twice`)
  t.ok(
    repeated.every(([, ids]) => new Set(ids).size === 1),
    'a repetition has the Message-ID of the first',
  )
  for (const [to] of repeated) {
    const page = (await child.call('GET', `/v1/messages?to=${to}`, key)) as unknown as Page<MessageView>
    t.ok(
      page.items[0]!.history.some(({ event }) => event === 'unanswered'),
      'and its history says that it was unanswered',
    )
  }
})
