/**
 * kill -9 and SIGTERM while people are called, against what the gateway wrote down: nobody whose message was delivered is
 * called again, nobody is forgotten, and at most those who were on the line are called twice.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { JobView, MessageView, Page } from '../src/engine/contract/api.js'
import { Gateway } from '../src/sip/simulator/gateway.js'
import type { CallEntry } from '../src/sip/simulator/gateway-ledger.js'
import { Child } from './engine-process.js'
import { callsIn } from './gateway-calls.js'
import { until } from './until.js'
import { landline, speakerIn } from './voice-stand.js'
import { admin } from './whole-engine.js'

t.setTimeout(180_000)

const MAX_CALLS = 6

interface Stand {
  child: Child
  gateway: Gateway
  key: string
  /** Calls that are over, by number. */
  calls(): Map<string, CallEntry[]>
  job(rows: number, settings?: object): Promise<string>
  view(id: string): Promise<JobView>
  messages(id: string, state: string): Promise<MessageView[]>
}

async function startStand(t: Test): Promise<Stand> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-voice-kill-'))
  const ledgerPath = join(folder, 'gateway.ndjson')
  const gateway = new Gateway({ host: '127.0.0.1', port: 0, transport: 'udp', ringMs: 30, talkMs: 2_500, ledgerPath })
  const port = await gateway.listen()
  const config = join(folder, 'trunkline.yaml')
  const limits = `maxCalls: ${MAX_CALLS}, callsPerSecond: 40, tailMs: 100, playDelayMs: 50`
  writeFileSync(
    config,
    `dataDir: ${join(folder, 'data')}
http: { port: 0, adminKey: ${admin} }
logLevel: silent
carriers: [{ id: pbx, protocol: sip, host: 127.0.0.1, port: ${port}, callerId: "100", localAddress: 127.0.0.1, ${limits} }]
${speakerIn(folder)}
`,
  )
  const child = new Child([config], fileURLToPath(new URL('./voice-child.js', import.meta.url)))
  t.teardown(async () => {
    await child.end('SIGKILL')
    gateway.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await child.start()
  const account = { id: 'clinic', defaultCountry: 'GB', features: { sms: true, voice: true, email: true, drop: true } }
  const { key } = (await child.call('POST', '/v1/accounts', admin, account)) as { key: string }
  return {
    child,
    gateway,
    key,
    calls() {
      const byNumber = new Map<string, CallEntry[]>()
      for (const entry of callsIn(ledgerPath)) {
        byNumber.set(entry.number, [...(byNumber.get(entry.number) ?? []), entry])
      }
      return byNumber
    },
    async job(rows, settings = {}) {
      const recipients = Array.from({ length: rows }, (_, row) => ({ to: landline(row) }))
      const body = { channel: 'voice', text: 'Your appointment is on Monday.', recipients, ...settings }
      return ((await child.call('POST', '/v1/jobs', key, body)) as { id: string }).id
    },
    view: async (id) => (await child.call('GET', `/v1/jobs/${id}`, key)) as unknown as JobView,
    async messages(id, state) {
      const page = await child.call('GET', `/v1/jobs/${id}/messages?state=${state}&limit=200`, key)
      return (page as unknown as Page<MessageView>).items
    },
  }
}

const bare = (to: string): string => to.replace('+', '')

/** The gateway has heard the end of everything. */
async function quiet({ gateway }: Stand): Promise<void> {
  await until(
    async () => gateway.stats().callsNow,
    (calls) => calls === 0,
  )
}

t.test('kill -9: nobody is forgotten, and nobody whose call was delivered is called again', async (t) => {
  const stand = await startStand(t)
  const ROWS = 12
  const id = await stand.job(ROWS)
  const KILLS = [4]
  const known = new Set<string>()
  const before = new Map<string, number>()
  for (const count of KILLS) {
    await until(
      () => stand.view(id),
      ({ counts }) => counts.delivered >= count,
    )
    for (const { to } of await stand.messages(id, 'delivered')) known.add(bare(to))
    await stand.child.end('SIGKILL')
    await quiet(stand)
    for (const number of known) before.set(number, stand.calls().get(number)!.length)
    await stand.child.start()
  }
  const job = await until(
    () => stand.view(id),
    ({ state }) => state === 'finished',
  )
  t.match(job.counts, { accepted: ROWS, delivered: ROWS, partsSent: ROWS })
  await quiet(stand)
  const calls = stand.calls()
  t.equal(calls.size, ROWS, 'everybody was called')
  for (const [number, made] of before) t.equal(calls.get(number)!.length, made, 'not called again')
  const made = [...calls.values()].reduce((sum, of) => sum + of.length, 0)
  // Those on the line, and those whose end was on its way to the disk.
  t.ok(made - ROWS <= KILLS.length * 2 * MAX_CALLS, `${made - ROWS} were called twice`)
  t.ok(stand.gateway.stats().maxCalls <= 2 * MAX_CALLS, 'calls of a killed process are the gateway’s to end')
})

t.test('kill -9 with onUnanswered hold: who was on the line is unknown, and not called again', async (t) => {
  const stand = await startStand(t)
  const ROWS = 8
  const id = await stand.job(ROWS, { onUnanswered: 'hold', text: 'x'.repeat(120) })
  await until(
    async () => stand.gateway.stats().answered,
    (answered) => answered >= 3,
  )
  await stand.child.end('SIGKILL')
  const before = stand.gateway.stats().calls
  await stand.child.start()
  const job = await until(
    () => stand.view(id),
    ({ state }) => state === 'finished',
  )
  t.equal(job.counts.delivered + job.counts.unknown, ROWS)
  t.ok(job.counts.unknown >= 1)
  const { calls } = stand.gateway.stats()
  t.ok(calls - before <= ROWS - job.counts.unknown, `${before} before the kill, ${calls} altogether`)
  t.ok(calls <= ROWS, 'nobody is called twice')
})

t.test(
  'SIGTERM: everybody is hung up on, what was heard counts, the rest is called after the next start',
  async (t) => {
    const stand = await startStand(t)
    const ROWS = 10
    const id = await stand.job(ROWS, { text: 'x'.repeat(300) })
    await until(
      async () => stand.gateway.stats().answered,
      (answered) => answered >= 4,
    )
    const begun = Date.now()
    t.equal(await stand.child.end('SIGTERM'), 0)
    t.ok(Date.now() - begun < 15_000, 'within shutdownSeconds')
    await quiet(stand)
    t.equal(stand.gateway.stats().weHungUp, 0, 'each call got its BYE or CANCEL')
    await stand.child.start()
    const delivered = (await stand.messages(id, 'delivered')).map(({ to }) => bare(to))
    const before = stand.calls()
    const job = await until(
      () => stand.view(id),
      ({ state }) => state === 'finished',
    )
    t.match(job.counts, { delivered: ROWS, unknown: 0 })
    await quiet(stand)
    const calls = stand.calls()
    for (const number of delivered) t.equal(calls.get(number)!.length, before.get(number)!.length)
    for (const { history } of await stand.messages(id, 'delivered')) {
      t.equal(history.filter(({ event }) => event === 'unanswered').length, 0)
      t.equal(history.at(-1)!.attempt, 1, 'being cut short used no attempt')
    }
  },
)
