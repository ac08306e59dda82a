/**
 * A data directory with something of everything in it, and what the API says of it: copies of it are damaged and started, and
 * what they say is compared.
 */
import { closeSync, cpSync, mkdtempSync, openSync, readSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../src/engine/base/random.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { csvOf } from './engine-harness.js'
import { Child } from './engine-process.js'

const ROWS = 2_000
const MESSAGES = 10
const ENVIRONMENTS = ['queue', 'queue', 'documents', 'contacts'] as const
const PAGE_BYTES = 4_096
/** One of so many damages cuts the file off. */
const CUT_ONE_OF = 5
/** In place of a status: the answer did not come to its end. */
const BROKEN_OFF = 599
/** As well, and nothing was said about it. */
const UNTOLD = 0
const STILL_MS = 120_000

interface Owner {
  teardown(end: () => Promise<void>): void
}

export interface Answer {
  status: number
  text: string
}

export interface Verdict {
  /** stopped: it ended, or did not start. detected: it said so. same: all answers are as before. silent: they are not. */
  what: 'stopped' | 'detected' | 'same' | 'silent'
  detail: string
}

export class DamageStand {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'trunkline-damage-'))
  readonly #smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
  #port = 0
  #key = ''
  #adminKey = ''
  #truth = new Map<string, Answer>()

  static async open(t: Owner): Promise<DamageStand> {
    const on = new DamageStand()
    const { port } = await on.#smsc.listen()
    on.#port = port
    t.teardown(async () => {
      await on.#smsc.close()
      rmSync(on.folder, { recursive: true, force: true })
    })
    await on.#fill()
    return on
  }

  get template(): string {
    return path.join(this.folder, 'template')
  }

  async #fill(): Promise<void> {
    const child = new Child([this.template, String(this.#port)])
    await child.start()
    const { key } = await child.call('POST', '/v1/accounts', child.adminKey, { id: 'acme', defaultCountry: 'GB' })
    this.#key = key as string
    this.#adminKey = child.adminKey
    const paths = ['/v1/jobs', '/v1/contacts', '/v1/suppressions', '/v1/messages?limit=200', '/v1/usage']
    for (let n = 0; n < MESSAGES; n++) {
      // Before the message, or it hears nothing of it.
      await child.call('PUT', `/v1/contacts/+44772000000${n}`, this.#key, { tags: [`tag${n}`] })
      const body = { to: `+44772000000${n}`, from: 'ACME', text: `Hi ${n}` }
      paths.push(`/v1/messages/${(await child.call('POST', '/v1/messages', this.#key, body)).id}`)
      paths.push(`/v1/contacts/+44772000000${n}`)
    }
    const { id } = await child.call('POST', '/v1/jobs', this.#key, { from: 'ACME', text: 'Hi ~name~' })
    await child.call('PUT', `/v1/jobs/${id}/recipients`, this.#key, csvOf(ROWS))
    paths.push(`/v1/jobs/${id}`, `/v1/jobs/${id}/report.csv`, `/v1/jobs/${id}/messages?limit=200`)
    while ((await child.call('GET', `/v1/jobs/${id}`, this.#key)).state !== 'finished') await pause(20)
    // Contacts hear of their messages later than the messages' own pages.
    while ((await this.#ask(child, '/v1/contacts')).text.split('"state":"delivered"').length <= MESSAGES)
      await pause(20)
    await child.end('SIGTERM')
    // Once more: what a start and an end change has changed.
    await child.start()
    for (const place of paths) this.#truth.set(place, await this.#ask(child, place))
    for (const [place, { status, text }] of this.#truth) if (status !== 200) throw new Error(`${place}: ${text}`)
    await child.end('SIGTERM')
  }

  async #ask(child: Child, place: string): Promise<Answer> {
    try {
      const response = await fetch(child.url + place, as(this.#key))
      return { status: response.status, text: await response.text() }
    } catch {
      // A file that breaks off is not taken for a whole one; an engine that is gone answers nothing more, and one that is
      // there must have told its operator.
      const metrics = await (await fetch(`${child.url}/metrics`, as(this.#adminKey))).text()
      const isTold = /^trunkline_answers_broken_off_total\{.*\} [1-9]/m.test(metrics)
      return { status: isTold ? BROKEN_OFF : UNTOLD, text: '' }
    }
  }

  /** A damaged copy, started and asked. */
  async trial(random: Random): Promise<{ about: string; verdict: Verdict }> {
    const beside = mkdtempSync(path.join(this.folder, 'trial-'))
    const dataDir = path.join(beside, 'data')
    cpSync(this.template, dataDir, { recursive: true })
    const about = damage(dataDir, random)
    const verdict = await this.#see(new Child([dataDir, String(this.#port)]))
    rmSync(beside, { recursive: true })
    return { about, verdict }
  }

  async #see(child: Child): Promise<Verdict> {
    const started = child.start().then(() => true)
    const gone = (): Promise<false> => child.exited.then(() => false)
    const isUp = await Promise.race([started, Promise.resolve().then(gone), pause(STILL_MS, null, { ref: false })])
    if (isUp === null) throw new Error('it neither starts nor ends')
    if (!isUp) return await stopped(child)
    try {
      return await this.#compare(child)
    } catch (error) {
      // It broke off: then it must be gone.
      const isGone = await Promise.race([gone().then(() => true), pause(STILL_MS, false, { ref: false })])
      if (!isGone) throw error
      return await stopped(child)
    } finally {
      await child.end('SIGKILL')
    }
  }

  async #compare(child: Child): Promise<Verdict> {
    const wrong: string[] = []
    const said: string[] = []
    for (const [place, truth] of this.#truth) {
      const answer = await this.#ask(child, place)
      if (answer.status === truth.status && answer.text === truth.text) continue
      if (answer.status >= 500 || /CORRUPT|"damaged":\[/.test(answer.text)) said.push(`${place}: ${answer.status}`)
      else wrong.push(`${place}: ${answer.status} ${difference(truth.text, answer.text)}`)
    }
    if (wrong.length > 0) return { what: 'silent', detail: wrong.join('\n') }
    return said.length > 0 ? { what: 'detected', detail: said.join(', ') } : { what: 'same', detail: '' }
  }
}

function as(key: string): RequestInit {
  return { headers: { authorization: `Bearer ${key}` } }
}

async function stopped(child: Child): Promise<Verdict> {
  const code = await child.exited
  if (code === 0) return { what: 'silent', detail: 'it ended with 0' }
  return { what: 'stopped', detail: String(code ?? child.process.signalCode) }
}

function difference(truth: string, answer: string): string {
  let at = 0
  while (at < truth.length && truth[at] === answer[at]) at++
  return `${truth.slice(Math.max(0, at - 60), at + 60)} ≠ ${answer.slice(Math.max(0, at - 60), at + 60)}`
}

/** One bit of a random page, or the end. Gives what was done. */
function damage(dataDir: string, random: Random): string {
  const name = ENVIRONMENTS[random.below(ENVIRONMENTS.length)]!
  const file = path.join(dataDir, name, 'data.mdb')
  const { size } = statSync(file)
  if (random.below(CUT_ONE_OF) === 0) {
    const bytes = random.below(size)
    truncateSync(file, bytes)
    return `${name} cut off at ${bytes} of ${size}`
  }
  const at = random.below(size / PAGE_BYTES) * PAGE_BYTES + random.below(PAGE_BYTES)
  const bit = random.below(8)
  const handle = openSync(file, 'r+')
  const octet = Buffer.alloc(1)
  readSync(handle, octet, 0, 1, at)
  octet[0]! ^= 1 << bit
  writeSync(handle, octet, 0, 1, at)
  closeSync(handle)
  return `${name}: bit ${bit} of octet ${at} (page ${Math.floor(at / PAGE_BYTES)}, ${at % PAGE_BYTES})`
}
