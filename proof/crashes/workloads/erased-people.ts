/** People who have messages, rows in a file, a contact and an opt-out, and are erased. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { JobView, MessageAccepted, MessageView, Page } from '../../../src/engine/contract/api.js'
import type { ErasureView } from '../../../src/engine/contract/erasures.js'
import { maskNumber } from '../../../src/engine/contract/log.js'
import { assertSums } from '../../../test/engine-harness.js'
import { Refused } from '../crash-client.js'
import type { CrashStand } from '../crash-stand.js'
import { Repeated } from '../workload.js'

const OTHERS = 3
const LOOK_MS = 10

interface Person {
  number: string
  single: { marker: number; id: string }
  job: { id: string; file: Buffer; markers: number[]; others: string[] }
  /** Everything is there and delivered: from then on it is only erased. */
  isReady: boolean
}

export class ErasedPeople extends Repeated<ErasureView> {
  readonly #stand: CrashStand
  readonly #people: Person[] = []

  constructor(stand: CrashStand) {
    super()
    this.#stand = stand
  }

  get numbers(): string[] {
    return this.#people.map(({ number }) => number)
  }

  protected async request(number: number): Promise<ErasureView | null> {
    this.#people[number] ??= this.#person()
    const person = this.#people[number]
    try {
      if (!person.isReady) await this.#prepare(number, person)
      return await this.#erase(number, person)
    } catch (error) {
      if (error instanceof Refused) throw error
      return null
    }
  }

  #person(): Person {
    const { messages } = this.#stand
    const marker = messages.take()
    const number = messages.to(marker)
    const others = Array.from({ length: OTHERS }, () => messages.take())
    const rows = others.map((one) => `${messages.to(one)},${messages.text(one)}`)
    // The same person in a file too, where they are rejected for an invalid address, and in a row of others.
    rows.splice(1, 0, `${number} or so,Nobody`)
    const file = Buffer.from(['to,text', ...rows, ''].join('\n'))
    const numbers = others.map((one) => messages.to(one))
    return {
      number,
      single: { marker, id: '' },
      job: { id: '', file, markers: others, others: numbers },
      isReady: false,
    }
  }

  /** @throws Error: no answer. */
  async #prepare(number: number, person: Person): Promise<void> {
    const { messages } = this.#stand
    const { single, job } = person
    const body = { to: person.number, text: messages.text(single.marker) }
    const { items } = await this.#ask<Page<MessageAccepted>>('POST', '/v1/messages', {
      body: { messages: [body] },
      once: `erased-message-${number}`,
    })
    single.id = items[0]!.id!
    messages.accepted(single.marker, single.id)
    const made = await this.#ask<JobView>('POST', '/v1/jobs', {
      body: { from: 'ACME', columns: { to: 'to', text: 'text' } },
      once: `erased-job-${number}`,
    })
    job.id = made.id
    await this.#ask('PUT', `/v1/jobs/${made.id}/recipients`, { body: job.file })
    for (const marker of job.markers) messages.accepted(marker)
    await messages.untilDelivered()
    await this.#ask('PUT', `/v1/contacts/${person.number}`, { body: { attributes: { name: 'Erased' } } })
    await this.#ask('PUT', `/v1/suppressions/${person.number}`, { body: { note: 'asked' } })
    person.isReady = true
  }

  async #erase(number: number, person: Person): Promise<ErasureView> {
    const once = `erasure-${number}`
    const { id } = await this.#ask<ErasureView>('POST', '/v1/erasures', { body: { number: person.number }, once })
    return await this.#done(id)
  }

  /** One whose client was not told goes on by itself. @throws Error: no answer. */
  async #done(id: string): Promise<ErasureView> {
    for (;;) {
      const view = await this.#ask<ErasureView>('GET', `/v1/erasures/${id}`)
      if (view.state === 'done') return view
      await pause(LOOK_MS)
    }
  }

  async #ask<T>(method: string, route: string, options: object = {}): Promise<T> {
    const answer = await this.#stand.client.ask<T>(method, route, options)
    if (answer === null) throw new Error(`${route} was not answered`)
    return answer
  }

  async check(): Promise<string[]> {
    const problems: string[] = []
    const views: ErasureView[] = []
    for (const { id } of await this.#stand.client.all<ErasureView>('/v1/erasures')) views.push(await this.#done(id))
    for (const person of this.#people) {
      const erased = views.filter(({ subject }) => subject === maskNumber(person.number))
      problems.push(...(await this.#left(person)), ...(await this.#lost(person)), ...miscounted(person, erased))
    }
    return problems
  }

  /** Of the person, but for the opt-out. */
  async #left({ number, single, job }: Person): Promise<string[]> {
    const { client, engine } = this.#stand
    const problems: string[] = []
    const { items } = await client.get<Page<MessageView>>(`/v1/messages?to=${encodeURIComponent(number)}`)
    if (items.length > 0) problems.push(`${items.length} messages to ${number} are left`)
    const { to, text, erased } = await client.get<MessageView>(`/v1/messages/${single.id}`)
    if (to !== '' || text !== '' || erased !== 'message') problems.push(`${single.id} is not erased`)
    const isGone = (error: unknown) => error instanceof Refused && error.status === 404
    const contact = await client.get(`/v1/contacts/${number}`).catch((error) => (isGone(error) ? null : error))
    if (contact !== null) problems.push(`the contact ${number} is left`)
    const file = readFileSync(path.join(engine.dataDir, 'uploads', `${job.id}.csv`), 'latin1')
    if (file.includes(number.slice(3))) problems.push(`the file of ${job.id} has ${number}`)
    return problems
  }

  /** Of others, and the opt-out. */
  async #lost({ number, job }: Person): Promise<string[]> {
    const { client, engine } = this.#stand
    const problems: string[] = []
    await client.get(`/v1/suppressions/${number}`).catch(() => problems.push(`the opt-out of ${number} is lost`))
    const view = await client.get<JobView>(`/v1/jobs/${job.id}`)
    assertSums(view)
    const { rows, rejected, delivered } = view.counts
    if (rows !== OTHERS + 1 || rejected !== 1 || delivered !== OTHERS) {
      problems.push(`${job.id} has ${rows} rows, ${rejected} rejected, ${delivered} delivered`)
    }
    const headers = { authorization: `Bearer ${client.key}` }
    const report = await (await fetch(`${engine.url}/v1/jobs/${job.id}/report.csv`, { headers })).text()
    for (const other of job.others) {
      if (!report.includes(other.slice(1))) problems.push(`the report of ${job.id} has lost ${other}`)
    }
    return problems
  }
}

/** Whoever was not told orders it again; what was erased is counted once, by whichever of them found it. */
function miscounted({ number, isReady }: Person, views: ErasureView[]): string[] {
  if (!isReady) return []
  return (['messages', 'fileLines', 'contacts'] as const).flatMap((what) => {
    const count = views.reduce((sum, { erased }) => sum + erased[what], 0)
    return count === 1 ? [] : [`${number}: ${count} ${what} are said to be erased, and it was one`]
  })
}
