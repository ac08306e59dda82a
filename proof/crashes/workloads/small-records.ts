/** Things that are made by one request each: accounts, suppressions, contacts, recordings. */
import type { ImportView } from '../../../src/engine/contract/contacts.js'
import { ADMIN_KEY } from '../../torture/engine-under-test.js'
import type { CrashStand } from '../crash-stand.js'
import { Repeated } from '../workload.js'

/** The key of an account is shown in the one answer: a client that lost it is answered with the same. */
export class NewAccounts extends Repeated<{ key: string }> {
  readonly #stand: CrashStand
  constructor(stand: CrashStand) {
    super()
    this.#stand = stand
  }

  protected async request(number: number): Promise<{ key: string } | null> {
    const options = { body: { id: `customer-${number}` }, once: `account-${number}`, key: ADMIN_KEY }
    return await this.#stand.client.ask<{ key: string }>('POST', '/v1/accounts', options)
  }

  async check(): Promise<string[]> {
    const problems: string[] = []
    for (const [number, { key }] of this.answers.entries()) {
      const jobs = await this.#stand.client.ask('GET', '/v1/jobs', { key }).catch(() => null)
      if (jobs === null) problems.push(`the key of customer-${number} opens nothing`)
    }
    const made = (await this.#stand.client.all<{ id: string }>('/v1/accounts', ADMIN_KEY)).length - 1
    if (made !== this.answers.length) problems.push(`${this.answers.length} accounts were made, ${made} are there`)
    return problems
  }
}

/** Numbers that are suppressed by request. */
export class Suppressed extends Repeated<object> {
  readonly #stand: CrashStand
  constructor(stand: CrashStand) {
    super()
    this.#stand = stand
  }

  #path(number: number): string {
    return `/v1/suppressions/+4477126${String(number).padStart(5, '0')}`
  }

  protected async request(number: number): Promise<object | null> {
    return await this.#stand.client.ask<object>('PUT', this.#path(number), { body: { note: 'asked' } })
  }

  async check(): Promise<string[]> {
    const problems: string[] = []
    for (const number of this.answers.keys()) {
      const entry = await this.#stand.client.ask('GET', this.#path(number)).catch(() => null)
      if (entry === null) problems.push(`${this.#path(number)} is not there, though it was answered`)
    }
    return problems
  }
}

const CONTACTS = 20

/** A file of contacts under one tag each; a file that is sent again changes nothing. */
export class Imports extends Repeated<ImportView> {
  readonly #stand: CrashStand
  constructor(stand: CrashStand) {
    super()
    this.#stand = stand
  }

  protected async request(number: number): Promise<ImportView | null> {
    const rows = Array.from(
      { length: CONTACTS },
      (_, row) => `+4477125${String(number * CONTACTS + row).padStart(5, '0')},N`,
    )
    const path = `/v1/contacts/import?tag=import-${number}`
    const body = Buffer.from(['mobile,name', ...rows, ''].join('\n'))
    return await this.#stand.client.ask<ImportView>('POST', path, { body, once: `import-${number}` })
  }

  async check(): Promise<string[]> {
    const tags = await this.#stand.client.all<{ name: string; contacts: number }>('/v1/tags')
    const problems = tags.flatMap(({ name, contacts }) =>
      contacts === CONTACTS ? [] : [`${name} has ${contacts} contacts`],
    )
    if (tags.length !== this.answers.length) problems.push(`${this.answers.length} files, ${tags.length} tags`)
    return problems
  }
}

const RATE = 8_000
const HEADER_BYTES = 44

/** Half a second of a tone of its own, as a WAV file. */
function tone(number: number): Buffer {
  const samples = RATE / 2
  const wav = Buffer.alloc(HEADER_BYTES + samples * 2)
  wav.write('RIFF', 0)
  wav.writeUInt32LE(HEADER_BYTES - 8 + samples * 2, 4)
  wav.write('WAVEfmt ', 8)
  wav.writeUInt32LE(16, 16)
  wav.writeUInt16LE(1, 20)
  wav.writeUInt16LE(1, 22)
  wav.writeUInt32LE(RATE, 24)
  wav.writeUInt32LE(RATE * 2, 28)
  wav.writeUInt16LE(2, 32)
  wav.writeUInt16LE(16, 34)
  wav.write('data', 36)
  wav.writeUInt32LE(samples * 2, 40)
  for (let n = 0; n < samples; n++) {
    wav.writeInt16LE(Math.round(8_000 * Math.sin((n * (number + 5)) / 20)), HEADER_BYTES + n * 2)
  }
  return wav
}

export class Recordings extends Repeated<{ sha256: string }> {
  readonly #stand: CrashStand
  constructor(stand: CrashStand) {
    super()
    this.#stand = stand
  }

  protected async request(number: number): Promise<{ sha256: string } | null> {
    const options = { body: tone(number), type: 'audio/wav' }
    return await this.#stand.client.ask<{ sha256: string }>('PUT', `/v1/recordings/tone-${number}`, options)
  }

  async check(): Promise<string[]> {
    const problems: string[] = []
    for (const [number, { sha256 }] of this.answers.entries()) {
      const path = `/v1/recordings/tone-${number}`
      const now = await this.#stand.client.get<{ sha256: string }>(path)
      if (now.sha256 !== sha256) problems.push(`${path} is another one`)
      const sound = await fetch(`${this.#stand.engine.url}${path}/audio`, {
        headers: { authorization: `Bearer ${this.#stand.client.key}` },
      })
      if (!sound.ok || (await sound.arrayBuffer()).byteLength <= HEADER_BYTES) problems.push(`${path} cannot be heard`)
    }
    return problems
  }
}
