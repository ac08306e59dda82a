/** What a client sees from outside across kill -9, beside what the tests of each part look at. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { JobView } from '../src/engine/contract/api.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { Child } from './engine-process.js'
import { seed } from './seed.js'

/** A process to be killed, with one account and a carrier that takes everything. */
async function stand(t: Test, account: object = {}): Promise<{ child: Child; key: string; port: number }> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'trunkline-outside-'))
  const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
  const { port } = await smsc.listen()
  const child = new Child([dataDir, String(port)])
  t.teardown(async () => {
    if (child.process.exitCode === null) await child.end('SIGKILL')
    await smsc.close()
    rmSync(dataDir, { recursive: true, force: true })
  })
  await child.start()
  const made = await child.call('POST', '/v1/accounts', child.adminKey, {
    id: 'acme',
    defaultCountry: 'GB',
    ...account,
  })
  return { child, key: made.key as string, port }
}

const inlineRows = 5_000
const recipients = Array.from({ length: inlineRows }, (_, row) => `+4477${12_000_000 + row}`)

/** A job that is far in the future; its reference is its Idempotency-Key as well. */
async function post({ url }: Child, key: string, reference: string): Promise<{ status: number; answer: JobView }> {
  const settings = { from: 'ACME', text: 'Hi', sendAt: '2099-01-01T00:00:00Z', clientReference: reference }
  const response = await fetch(`${url}/v1/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': reference },
    body: JSON.stringify({ ...settings, recipients }),
  })
  return { status: response.status, answer: (await response.json()) as JobView }
}

async function jobsOf(child: Child, key: string, reference: string): Promise<JobView[]> {
  const { items } = await child.call('GET', `/v1/jobs?clientReference=${reference}`, key)
  return items as JobView[]
}

t.test(
  `a job of inline rows that a kill cut off is the same job when its request comes again, seed ${seed}`,
  async (t) => {
    const random = new Random(seed)
    const { child, key } = await stand(t)
    for (let round = 0; round < 2; round++) {
      const reference = `rows-${round}`
      const cut = post(child, key, reference).catch(() => null)
      await Promise.race([cut, seen(child, key, reference).then(() => sleep(random.below(40)))])
      await child.end('SIGKILL')
      const answered = await cut
      await child.start()
      const { status, answer } = await post(child, key, reference)
      t.match({ status, answer }, { status: 202, answer: { counts: { accepted: inlineRows } } }, 'with its counts')
      if (answered !== null) t.equal(answer.id, answered.answer.id)
      t.strictSame(
        (await jobsOf(child, key, reference)).map(({ id, counts }) => [id, counts.accepted]),
        [[answer.id, inlineRows]],
        'one job, with each row once',
      )
    }
  },
)

/** Killed when the rows are accepted and none is read. */
async function cutOff(child: Child, key: string): Promise<void> {
  await child.end('SIGTERM')
  await child.start(undefined, { CRASH_AT: 'upload-accepted:1' })
  await post(child, key, 'cut').catch(() => null)
  await child.exited
  await child.start()
}

t.test('a repeat waits for the rows that the first request would have waited for: it has their counts', async (t) => {
  const { child, key } = await stand(t)
  await cutOff(child, key)
  t.match(await post(child, key, 'cut'), { status: 202, answer: { counts: { accepted: inlineRows } } })
  t.equal((await jobsOf(child, key, 'cut')).length, 1)
})

t.test('a repeat is refused for what the job costs, as the first request would have been', async (t) => {
  const { child, key } = await stand(t, { prices: [{ price: 1 }], balance: inlineRows - 1 })
  await cutOff(child, key)
  t.match(await post(child, key, 'cut'), { status: 402, answer: { code: 'INSUFFICIENT_BALANCE' } })
  for (const { state } of await jobsOf(child, key, 'cut')) t.equal(state, 'failed')
})

/** The job is on disk, its rows perhaps not yet. */
async function seen(child: Child, key: string, reference: string): Promise<void> {
  while ((await jobsOf(child, key, reference)).length === 0) await sleep(20)
}
