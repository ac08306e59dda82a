/** kill -9 while a file is received, read and dispatched: no row is lost, the sums hold, and repeats stay in their bound. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { JobView } from '../src/engine/contract/api.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { assertSums, csvOf } from './engine-harness.js'
import { Child } from './engine-process.js'
import { seed } from './seed.js'

const rows = 30_000
const kills = 5
/** Window and cap of the harness's carrier. */
const repeatsPerKill = 50 + 50

/** True once the file is there; also when the kill swallowed the answer of an earlier upload. */
async function send(child: Child, id: string, key: string, file: Buffer): Promise<boolean> {
  try {
    await child.call('PUT', `/v1/jobs/${id}/recipients`, key, file)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'WRONG_STATE'
  }
}

t.test(`any number of kills, seed ${seed}`, async (t) => {
  const random = new Random(seed)
  const dataDir = mkdtempSync(path.join(tmpdir(), 'trunkline-kill-'))
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, countRepeats: true, ratePerSecond: 20_000 }, silentLog)
  const { port } = await smsc.listen()
  const child = new Child([dataDir, String(port)])
  t.teardown(async () => {
    if (child.process.exitCode === null) child.process.kill('SIGKILL')
    await smsc.close()
    rmSync(dataDir, { recursive: true, force: true })
  })
  await child.start()
  const made = await child.call('POST', '/v1/accounts', child.adminKey, { id: 'acme', defaultCountry: 'GB' })
  const key = made.key as string
  const file = Buffer.concat([csvOf(rows), Buffer.from('garbage,x\n+447710000000,Again\n')])
  const { id } = (await child.call('POST', '/v1/jobs', key, { from: 'ACME', text: 'Hi ~name~' })) as unknown as JobView

  let isAccepted = false
  let job = {} as JobView
  for (let kill = 0; kill <= kills; kill++) {
    const taken: Promise<boolean> = isAccepted ? Promise.resolve(true) : send(child, id, key, file)
    if (kill === kills) {
      isAccepted = await taken
      break
    }
    await Promise.race([taken, sleep(100 + random.below(700))])
    if (kill > 1) await sleep(random.below(600))
    await child.end('SIGKILL')
    isAccepted ||= await taken
    await child.start()
    job = (await child.call('GET', `/v1/jobs/${id}`, key)) as unknown as JobView
    assertSums(job)
  }
  for (const end = performance.now() + 60_000; performance.now() < end; await sleep(100)) {
    job = (await child.call('GET', `/v1/jobs/${id}`, key)) as unknown as JobView
    assertSums(job)
    if (job.state === 'finished') break
  }
  t.match(job, { state: 'finished', counts: { rows: rows + 2, accepted: rows, rejected: 1, duplicate: 1 } })
  t.equal(job.counts.delivered, rows, 'every accepted row is delivered')
  const { distinct, repeats } = smsc.stats()
  t.equal(distinct, rows, 'nothing was lost')
  t.ok(repeats <= kills * repeatsPerKill, `${repeats} repeats in ${kills} kills`)
  t.equal(await child.end('SIGTERM'), 0, 'and a drain ends with 0')
})
