/** A job made under an Idempotency-Key, then its file: rows to send, one number twice, one that is none. */
import type { JobView } from '../../../src/engine/contract/api.js'
import { assertSums } from '../../../test/engine-harness.js'
import type { CrashStand } from '../crash-stand.js'
import { Repeated } from '../workload.js'

const ROWS = 40

export class FileJobs extends Repeated<JobView> {
  readonly #stand: CrashStand
  readonly #name: string
  readonly #files: { octets: Buffer; markers: number[] }[] = []

  constructor(stand: CrashStand, name: string) {
    super()
    this.#stand = stand
    this.#name = name
  }

  protected async request(number: number): Promise<JobView | null> {
    const { client, messages } = this.#stand
    this.#files[number] ??= this.#file()
    const { octets, markers } = this.#files[number]
    const made = await client.ask<JobView>('POST', '/v1/jobs', {
      body: { from: 'ACME', columns: { to: 'to', text: 'text' } },
      once: `${this.#name}-${number}`,
    })
    if (made === null) return null
    const taken = await client.ask<JobView>('PUT', `/v1/jobs/${made.id}/recipients`, { body: octets })
    if (taken !== null) for (const marker of markers) messages.accepted(marker)
    return taken
  }

  #file(): { octets: Buffer; markers: number[] } {
    const { messages } = this.#stand
    const markers = Array.from({ length: ROWS }, () => messages.take())
    const rows = markers.map((marker) => `${messages.to(marker)},${messages.text(marker)}`)
    const wrong = [`${messages.to(markers[0]!)},Twice`, '12,No number']
    return { octets: Buffer.from(['to,text', ...rows, ...wrong, ''].join('\n')), markers }
  }

  async check(): Promise<string[]> {
    const { client } = this.#stand
    const problems: string[] = []
    for (const { id } of this.answers) {
      const job = await client.get<JobView>(`/v1/jobs/${id}`)
      assertSums(job)
      const { rows, accepted, duplicate, rejected, delivered } = job.counts
      const got = `${rows} ${accepted} ${duplicate} ${rejected} ${delivered}`
      const wanted = `${ROWS + 2} ${ROWS} 1 1 ${ROWS}`
      if (got !== wanted)
        problems.push(`${id} has ${got} rows, accepted, duplicate, rejected, delivered, not ${wanted}`)
    }
    const jobs = (await client.all<JobView>('/v1/jobs')).filter(({ settings }) => settings.from === 'ACME')
    if (jobs.length !== this.answers.length)
      problems.push(`${this.answers.length} jobs were made, ${jobs.length} are there`)
    return problems
  }
}
