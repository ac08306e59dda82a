/** kill -9 around the times of recurring jobs: each time has one run, or is reported as missed; none has two. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { JobView, Page } from '../src/engine/contract/api.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { Child } from './engine-process.js'
import { seed } from './seed.js'

const KILLS = 4
/** A minute passes in a second, and the schedule is looked at twice in it. */
const FASTER = 60
const MINUTE = 60_000

t.setTimeout(580_000)
t.test(`every minute, killed ${KILLS} times; seed ${seed}`, { timeout: 580_000 }, async (t) => {
  const random = new Random(seed)
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-recurring-'))
  const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
  const { port } = await smsc.listen()
  const engine = new Child([folder, String(port), String(Date.now()), String(FASTER)])
  t.teardown(async () => {
    await engine.end('SIGKILL')
    await smsc.close()
    rmSync(folder, { recursive: true })
  })
  await engine.start()
  const { key } = (await engine.call('POST', '/v1/accounts', engine.adminKey, { id: 'acme' })) as { key: string }
  const recipients = ['+447712345101', '+447712345102', '+447712345103']
  const make = async (settings: object) =>
    ((await engine.call('POST', '/v1/jobs', key, { from: 'ACME', text: 'Hi', ...settings })) as { id: string }).id
  const ids = [
    await make({ every: { minutes: 1 }, recipients }),
    await make({ every: { minutes: 1, missed: 'skip' }, recipients }),
    await make({ every: { cron: '* * * * *' }, audience: { tag: 'nobody' } }),
  ]
  const look = async (id: string) => (await engine.call('GET', `/v1/jobs/${id}`, key)) as unknown as JobView
  const settled = async (id: string, isSo: (job: JobView) => boolean): Promise<JobView> => {
    for (;;) {
      const job = await look(id)
      if (isSo(job)) return job
    }
  }
  for (let kill = 0; kill < KILLS; kill++) {
    const before = await Promise.all(ids.map(look))
    // Time enough for some runs, and then at any moment of one.
    await Promise.all(ids.map((id, n) => settled(id, ({ runs }) => runs! >= before[n]!.runs! + 1)))
    await pause(random.below(1_000))
    await engine.end('SIGKILL')
    await engine.start()
  }
  for (const id of ids) await engine.call('POST', `/v1/jobs/${id}/pause`, key)
  for (const id of ids) {
    const parent = await look(id)
    const runs = await runsOf(engine, key, id)
    t.equal(runs.length, parent.runs, 'each run is a job')
    t.same(
      runs.map(({ run }) => run!.number),
      runs.map((_, index) => index + 1),
      'numbered without a gap',
    )
    const times = runs.map(({ run }) => Date.parse(run!.scheduledAt))
    const passed = [...times, Date.parse(parent.lastSkip?.at ?? new Date(0).toISOString())]
    const instants = (Math.max(...passed) - times[0]!) / MINUTE + 1
    t.ok(Number.isInteger(instants) && times.every((at) => (at - times[0]!) % MINUTE === 0), 'each at its time')
    t.equal(new Set(times).size, times.length, 'no time has two')
    const late = runs.filter(({ run }) => run!.late).length
    const { missedRuns, skippedRuns } = parent
    t.equal(runs.length - late + missedRuns! + skippedRuns!, instants, 'each time has a run, or is reported')
    t.ok(
      missedRuns! > 0 && parent.settings.every !== undefined,
      `${runs.length} runs, ${missedRuns} missed, ${late} late`,
    )
  }
  for (const id of ids) {
    await engine.call('POST', `/v1/jobs/${id}/resume`, key)
    await engine.call('PATCH', `/v1/jobs/${id}`, key, { every: null })
    for (const { id: run } of await runsOf(engine, key, id)) {
      const { counts } = await settled(run, ({ state }) => state === 'finished')
      t.equal(counts.delivered, counts.rows)
      t.ok(counts.rows === 0 || counts.rows === recipients.length)
    }
  }
})

/** From the first. */
async function runsOf(engine: Child, key: string, parent: string): Promise<JobView[]> {
  const runs: JobView[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = `parent=${parent}&limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`
    const page = (await engine.call('GET', `/v1/jobs?${query}`, key)) as unknown as Page<JobView>
    runs.push(...page.items)
    cursor = page.nextCursor
  }
  return runs.reverse()
}
