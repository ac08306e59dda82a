/** Messages that are delivered, and whose time is over at the next start: it forgets their texts, or all of them. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { JobView, MessageView } from '../../../src/engine/contract/api.js'
import { assertSums } from '../../../test/engine-harness.js'
import { Refused } from '../crash-client.js'
import type { CrashStand } from '../crash-stand.js'
import type { Workload } from '../workload.js'

/** Set before an engine by `--import`; see clock-ahead.ts. */
export const CLOCK_AHEAD = new URL('../clock-ahead.js', import.meta.url).href

const DAY_MS = 86_400_000
/** Past `textDays` and `rowDays` as they are by default. */
const AGES = { texts: 8, rows: 91 }
const ROWS = 20
const LOOK_MS = 20

interface Kept {
  single: string
  /** As it was when it was over. */
  job: JobView
}

export class ForgottenMessages implements Workload {
  readonly #stand: CrashStand
  readonly #what: keyof typeof AGES
  readonly #made: { messages: number }
  readonly #kept: Kept[] = []

  /** `made`: of all workloads of the stand. */
  constructor(stand: CrashStand, what: keyof typeof AGES, made: { messages: number }) {
    this.#stand = stand
    this.#what = what
    this.#made = made
  }

  /** Makes them in an engine that lives, and lets the time go by. */
  async before(): Promise<void> {
    const { engine } = this.#stand
    await engine.start()
    this.#kept.push({ single: await this.#single(), job: await this.#job() })
    await engine.stop()
    const aheadMs = Number(engine.environment.CLOCK_AHEAD_MS ?? 0) + AGES[this.#what] * DAY_MS
    engine.environment = { CLOCK_AHEAD_MS: String(aheadMs) }
  }

  async #single(): Promise<string> {
    const { client } = this.#stand
    const body = { messages: [{ to: this.#number(), text: 'For your eyes' }] }
    const made = await client.ask<{ items: { id: string }[] }>('POST', '/v1/messages', { body })
    const { id } = made!.items[0]!
    while ((await client.get<MessageView>(`/v1/messages/${id}`)).state !== 'delivered') await pause(LOOK_MS)
    return id
  }

  #number(): string {
    return `+4477129${String(this.#made.messages++).padStart(5, '0')}`
  }

  async #job(): Promise<JobView> {
    const { client } = this.#stand
    const rows = Array.from({ length: ROWS }, () => `${this.#number()},For your eyes`)
    const body = { from: 'ACME', columns: { to: 'to', text: 'text' } }
    const { id } = (await client.ask<JobView>('POST', '/v1/jobs', { body }))!
    const file = Buffer.from(['to,text', ...rows, '12,No number', ''].join('\n'))
    await client.ask('PUT', `/v1/jobs/${id}/recipients`, { body: file })
    return await this.#until(id, ({ state, counts }) => state === 'finished' && counts.delivered === ROWS)
  }

  async #until(id: string, isSo: (job: JobView) => boolean): Promise<JobView> {
    for (;;) {
      const job = await this.#stand.client.get<JobView>(`/v1/jobs/${id}`)
      assertSums(job)
      if (isSo(job)) return job
      await pause(LOOK_MS)
    }
  }

  async step(): Promise<void> {
    await pause(LOOK_MS)
  }

  async settle(): Promise<void> {
    const isDone = ({ erased }: JobView) => erased !== null && (this.#what === 'texts' || erased.rowsAt !== null)
    for (const { job } of this.#kept) await this.#until(job.id, isDone)
  }

  /** The job's counts are what they were; of its messages nothing is left that should have gone. */
  async check(): Promise<string[]> {
    const { client, engine } = this.#stand
    const problems = await this.#stand.moneyProblems(this.#made.messages)
    for (const { single, job } of this.#kept) {
      const now = await client.get<JobView>(`/v1/jobs/${job.id}`)
      if (JSON.stringify(now.counts) !== JSON.stringify(job.counts)) problems.push(`${job.id} has other counts`)
      // Those of texts may be old enough for rows by now.
      const isGone = now.erased?.rowsAt != null
      if (existsSync(path.join(engine.dataDir, 'uploads', `${job.id}.csv`)) === isGone)
        problems.push(`${job.id}: its file ${isGone ? 'is left' : 'is lost'}`)
      problems.push(...(await this.#untilForgotten(single)))
    }
    return problems
  }

  /** Single messages come behind the jobs in one run. */
  async #untilForgotten(id: string): Promise<string[]> {
    for (;;) {
      try {
        const { erased, state, text } = await this.#stand.client.get<MessageView>(`/v1/messages/${id}`)
        if (state !== 'delivered') return [`${id} is ${state}`]
        if (this.#what === 'texts' && erased === 'text' && text === '') return []
      } catch (error) {
        if (error instanceof Refused && error.code === 'ERASED') return []
        throw error
      }
      await pause(LOOK_MS)
    }
  }
}
