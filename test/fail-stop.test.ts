/** P10: a write that fails ends the process, whoever asked for it; the next start goes on, and every row is accounted for. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { JobView } from '../src/engine/contract/api.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { assertSums, csvOf } from './engine-harness.js'
import { Child } from './engine-process.js'

const ROWS = 20_000
/** More than the file, less than the blocks that it becomes. */
const INGEST_BYTES_MAX = 1 << 20
/** Window and cap of the harness's carrier. */
const REPEATS_MOST = 50 + 50

// The exit code is 1, or a signal's where the failed write damaged the heap (docs/decisions/0034).
t.test('a failed write during ingest, then one during dispatch', async (t) => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'trunkline-fail-'))
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, countRepeats: true }, silentLog)
  const { port } = await smsc.listen()
  const child = new Child([dataDir, String(port)])
  t.teardown(async () => {
    if (child.process.exitCode === null) child.process.kill('SIGKILL')
    await smsc.close()
    rmSync(dataDir, { recursive: true, force: true })
  })
  await child.start(INGEST_BYTES_MAX)
  const { key } = await child.call('POST', '/v1/accounts', child.adminKey, { id: 'acme', defaultCountry: 'GB' })
  const see = async (): Promise<JobView> =>
    (await child.call('GET', `/v1/jobs/${id}`, key as string)) as unknown as JobView
  const settings = { from: 'ACME', text: 'Hi ~name~', review: true }
  const { id } = await child.call('POST', '/v1/jobs', key as string, settings)
  await child.call('PUT', `/v1/jobs/${id}/recipients`, key as string, csvOf(ROWS)).catch(() => null)
  t.not(await child.exited, 0, 'ingest: the process ends, and says that it failed')

  await child.start()
  const upTo = async (state: string): Promise<JobView> => {
    for (;;) {
      const job = await see()
      assertSums(job)
      if (job.state === 'receiving' && (job.file?.bytes ?? 0) === 0) {
        await child.call('PUT', `/v1/jobs/${id}/recipients`, key as string, csvOf(ROWS))
      }
      if (job.state === state) return job
      await sleep(50)
    }
  }
  t.match((await upTo('ready')).counts, { rows: ROWS, accepted: ROWS, queued: ROWS })
  t.equal(await child.end('SIGTERM'), 0)

  const stored = statSync(path.join(dataDir, 'queue', 'data.mdb')).size
  await child.start(stored + 64 * 1024)
  await child.call('POST', `/v1/jobs/${id}/start`, key as string).catch(() => null)
  t.not(await child.exited, 0, 'dispatch: the process ends, and says that it failed')
  t.ok(smsc.stats().submits > 0, 'while it was sending')

  await child.start()
  t.match((await upTo('finished')).counts, { rows: ROWS, accepted: ROWS, delivered: ROWS })
  const { distinct, repeats } = smsc.stats()
  t.equal(distinct, ROWS, 'nothing was lost')
  t.ok(repeats <= REPEATS_MOST, `${repeats} repeats`)
  t.equal(await child.end('SIGTERM'), 0)
})
