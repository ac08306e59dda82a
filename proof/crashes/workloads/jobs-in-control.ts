/** Jobs that are canceled and retried, jobs that make runs, events that change: what is made twice or not at all shows. */
import { setTimeout as pause } from 'node:timers/promises'
import type { JobView, MessageView, Page } from '../../../src/engine/contract/api.js'
import { Refused } from '../crash-client.js'
import type { CrashStand } from '../crash-stand.js'
import { Repeated } from '../workload.js'

const ROWS = 3
const LOOK_MS = 20
const FAR = '2100-01-01T00:00:00Z'

/** A list of recipients with the text of each, by markers that are taken for it. */
function recipientsOf({ messages }: CrashStand, markers: readonly number[]): object[] {
  return markers.map((marker) => ({ to: messages.to(marker), text: messages.text(marker) }))
}

function taken({ messages }: CrashStand): number[] {
  return Array.from({ length: ROWS }, () => messages.take())
}

/** Jobs whose recipients are taken once for each request, however often it is repeated. */
abstract class RepeatedJobs extends Repeated<JobView> {
  protected readonly stand: CrashStand
  readonly #markers: number[][] = []
  constructor(stand: CrashStand) {
    super()
    this.stand = stand
  }

  protected markersOf(number: number): number[] {
    this.#markers[number] ??= taken(this.stand)
    return this.#markers[number]
  }
}

/** Canceled before its time, and retried: each message goes once. */
export class CanceledJobs extends RepeatedJobs {
  protected async request(number: number): Promise<JobView | null> {
    const { client, messages } = this.stand
    const markers = this.markersOf(number)
    const body = {
      name: 'canceled',
      columns: { text: 'text' },
      sendAt: FAR,
      recipients: recipientsOf(this.stand, markers),
    }
    const made = await client.ask<JobView>('POST', '/v1/jobs', { body, once: `canceled-${number}` })
    if (made === null) return null
    if (!(await this.#isCanceled(made.id))) return null
    const retry = await client.ask<JobView>('POST', `/v1/jobs/${made.id}/retry`, { body: {}, once: `retry-${number}` })
    if (retry !== null) for (const marker of markers) messages.accepted(marker)
    return retry
  }

  /** False: the engine died meanwhile. */
  async #isCanceled(id: string): Promise<boolean> {
    const { client } = this.stand
    const canceled = await client.ask<JobView>('POST', `/v1/jobs/${id}/cancel`, { body: {} }).catch((error) => {
      if (!(error instanceof Refused) || error.code !== 'WRONG_STATE') throw error
      return {}
    })
    for (;;) {
      const job = canceled === null ? null : await client.ask<JobView>('GET', `/v1/jobs/${id}`)
      if (job === null) return false
      if (job.counts.canceled === ROWS) return true
      await pause(LOOK_MS)
    }
  }

  async check(): Promise<string[]> {
    const problems: string[] = []
    for (const { id } of this.answers) {
      const { counts, retryOf } = await this.stand.client.get<JobView>(`/v1/jobs/${id}`)
      if (counts.delivered !== ROWS) problems.push(`${id} delivered ${counts.delivered} of ${ROWS}`)
      const of = await this.stand.client.get<JobView>(`/v1/jobs/${retryOf}`)
      if (of.state !== 'canceled' || of.counts.canceled !== ROWS) problems.push(`${retryOf} is not canceled whole`)
    }
    const all = (await this.stand.client.all<JobView>('/v1/jobs')).filter(
      ({ settings }) => settings.name === 'canceled',
    )
    if (all.length !== 2 * this.answers.length)
      problems.push(`${all.length} jobs and retries of ${this.answers.length}`)
    return problems
  }
}

/** Two runs are never made of one time, and the one that is due always is. */
export class RecurringJobs extends RepeatedJobs {
  protected async request(number: number): Promise<JobView | null> {
    const { client, messages } = this.stand
    const markers = this.markersOf(number)
    const every = { minutes: 1, count: 1 }
    const body = { columns: { text: 'text' }, every, recipients: recipientsOf(this.stand, markers) }
    const made = await client.ask<JobView>('POST', '/v1/jobs', { body, once: `every-${number}` })
    if (made === null) return null
    for (;;) {
      const job = await client.ask<JobView>('GET', `/v1/jobs/${made.id}`)
      if (job === null) return null
      if (job.state === 'finished') break
      await pause(LOOK_MS)
    }
    for (const marker of markers) messages.accepted(marker)
    return made
  }

  async check(): Promise<string[]> {
    const problems: string[] = []
    for (const { id } of this.answers) {
      const runs = await this.stand.client.all<JobView>(`/v1/jobs?parent=${id}`)
      if (runs.length !== 1) problems.push(`${id} has ${runs.length} runs`)
    }
    return problems
  }
}

/** An event that is due far off, then at once: one message of what stands, none of what was replaced. */
export class ChangedEvents extends Repeated<{ id: string; marker: number }> {
  readonly #stand: CrashStand
  readonly #asked: { marker: number; at: string; isFirstDone: boolean }[] = []
  constructor(stand: CrashStand) {
    super()
    this.#stand = stand
  }

  protected async request(number: number): Promise<{ id: string; marker: number } | null> {
    const { client, messages } = this.#stand
    await this.#rule()
    this.#asked[number] ??= {
      marker: messages.take(),
      at: new Date(Date.now() - 1_000).toISOString(),
      isFirstDone: false,
    }
    const asked = this.#asked[number]
    const id = `visit-${number}`
    const about = { type: 'visit', id, to: messages.to(asked.marker) }
    if (!asked.isFirstDone) {
      const first = await client.ask('POST', '/v1/events', {
        body: { ...about, at: FAR, data: { content: 'replaced' } },
      })
      if (first === null) return null
      asked.isFirstDone = true
    }
    const content = messages.text(asked.marker)
    const second = await client.ask('POST', '/v1/events', { body: { ...about, at: asked.at, data: { content } } })
    if (second === null) return null
    messages.accepted(asked.marker)
    return { id, marker: asked.marker }
  }

  /** null answers are of no consequence: the next request brings it. */
  async #rule(): Promise<void> {
    const { client } = this.#stand
    await client.ask('PUT', '/v1/templates/visit', { body: { text: '~content~' } })
    const send = [{ channel: 'sms', template: 'visit' }]
    await client.ask('PUT', '/v1/rules/visit', { body: { event: 'visit', when: { after: '1s' }, send } })
  }

  async check(): Promise<string[]> {
    const problems: string[] = []
    for (const { id } of this.answers) {
      const { items } = await this.#stand.client.get<Page<MessageView>>(`/v1/messages?clientReference=${id}&limit=100`)
      const standing = items.filter(({ text, state }) => text !== 'replaced' && state === 'delivered')
      const stale = items.filter(({ text, state }) => text === 'replaced' && state !== 'canceled')
      if (standing.length !== 1) problems.push(`${id} was sent ${standing.length} times`)
      if (stale.length > 0) problems.push(`${id}: what was replaced is ${stale[0]!.state}`)
    }
    return problems
  }
}
