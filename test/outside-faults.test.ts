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
async function stand(t: Test): Promise<{ child: Child; key: string; port: number }> {
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
  const made = await child.call('POST', '/v1/accounts', child.adminKey, { id: 'acme', defaultCountry: 'GB' })
  return { child, key: made.key as string, port }
}

const inlineRows = 5_000

t.test(
  `a job of inline rows that a kill cut off is the same job when its request comes again, seed ${seed}`,
  async (t) => {
    const random = new Random(seed)
    const { child, key } = await stand(t)
    const recipients = Array.from({ length: inlineRows }, (_, row) => `+4477${12_000_000 + row}`)
    const post = async (reference: string): Promise<JobView> => {
      const response = await fetch(`${child.url}/v1/jobs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': reference },
        body: JSON.stringify({
          from: 'ACME',
          text: 'Hi',
          sendAt: '2099-01-01T00:00:00Z',
          clientReference: reference,
          recipients,
        }),
      })
      if (response.status !== 202) throw new Error(await response.text())
      return (await response.json()) as JobView
    }
    for (let round = 0; round < 2; round++) {
      const reference = `rows-${round}`
      const cut = post(reference).catch(() => null)
      await Promise.race([cut, seen(child, key, reference).then(() => sleep(random.below(40)))])
      await child.end('SIGKILL')
      const answered = await cut
      await child.start()
      const again = await post(reference)
      if (answered !== null) t.equal(again.id, answered.id)
      const { items } = (await child.call('GET', `/v1/jobs?clientReference=${reference}`, key)) as { items: JobView[] }
      t.strictSame(
        items.map(({ id, counts }) => [id, counts.accepted]),
        [[again.id, inlineRows]],
        'one job, with each row once',
      )
    }
  },
)

/** The job is on disk, its rows perhaps not yet. */
async function seen(child: Child, key: string, reference: string): Promise<void> {
  for (;;) {
    const { items } = (await child.call('GET', `/v1/jobs?clientReference=${reference}`, key)) as { items: JobView[] }
    if (items.length > 0) return
    await sleep(20)
  }
}
