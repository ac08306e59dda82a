/**
 * P8: no submit later than a second after an acknowledged opt-out, whichever way it came, and over kill -9; and a STOP is
 * confirmed once at most, and never lost. Counted at the carrier.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { JobView, MessageView } from '../src/engine/contract/api.js'
import { systemClock } from '../src/engine/contract/clock.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { assertSums } from './engine-harness.js'
import { Child } from './engine-process.js'
import { seed } from './seed.js'

const FROM = '447400999999'
const ROWS = 12_000
const OPT_OUTS = 10_000
const RATE = 1_500
const LIST = 20
const WORKERS = 16
const LATEST_MS = 1_000

interface Stand {
  smsc: Smsc
  child: Child
  key: string
  /** Submits so far: number and monotonic ms, from the carrier's ledger. */
  submits(): { to: string; atMs: number }[]
}

/** `acme` owns the number that it sends from. */
async function stand(t: Test, optOut: object): Promise<Stand> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-opt-out-'))
  const ledgerPath = path.join(folder, 'ledger')
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, ledgerPath }, silentLog)
  const { port } = await smsc.listen()
  const child = new Child([path.join(folder, 'data'), String(port)])
  t.teardown(async () => {
    if (child.process.exitCode === null && child.process.signalCode === null) await child.end('SIGKILL')
    await smsc.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await child.start()
  const inbound = { numbers: [FROM] }
  const account = { id: 'acme', defaultCountry: 'GB', inbound, optOut }
  const { key } = await child.call('POST', '/v1/accounts', child.adminKey, account)
  const submits = () => {
    smsc.flushLedger()
    const lines = readFileSync(ledgerPath, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{"event":"submit"'))
    return lines.map((line) => {
      const { to, us } = JSON.parse(line) as { to: string; us: number }
      return { to, atMs: us / 1000 }
    })
  }
  return { smsc, child, key: key as string, submits }
}

const numberOf = (row: number) => `4474${String(10_000_000 + row).padStart(8, '0')}`

/** Numbers in random order, opted out in turn: by word, one by one, and as lists; `acknowledged` has when. */
class OptOuts {
  readonly acknowledged = new Map<string, number>()
  readonly #stand: Stand
  readonly #waiting: number[]
  readonly #random: Random
  isHeld = false

  constructor(stand: Stand, random: Random) {
    this.#stand = stand
    this.#random = random
    this.#waiting = Array.from({ length: ROWS }, (_, row) => row)
    for (let at = ROWS - 1; at > 0; at--) {
      const other = random.below(at + 1)
      ;[this.#waiting[at], this.#waiting[other]] = [this.#waiting[other]!, this.#waiting[at]!]
    }
    this.#waiting.length = OPT_OUTS
  }

  /** Until so many are acknowledged; what a kill interrupts is asked again the next time. */
  async run(count: number): Promise<void> {
    this.isHeld = false
    await Promise.all(Array.from({ length: WORKERS }, () => this.#worker(count)))
  }

  async #worker(count: number): Promise<void> {
    while (!this.isHeld && this.#waiting.length > 0 && this.acknowledged.size < count) {
      const way = this.#random.below(20)
      const taken = this.#waiting.splice(-(way < 12 ? LIST : 1))
      const numbers = taken.map(numberOf)
      try {
        if (way === 19) await this.#write(numbers[0]!)
        else await this.#call(numbers)
      } catch (error) {
        if (!this.isHeld) throw error
        this.#waiting.push(...taken)
        continue
      }
      const atMs = systemClock.monotonic()
      for (const number of numbers) this.acknowledged.set(number, atMs)
    }
  }

  async #call(numbers: string[]): Promise<void> {
    const { child, key } = this.#stand
    const [number] = numbers
    if (numbers.length === 1) await child.call('PUT', `/v1/suppressions/+${number}`, key, {})
    else
      await child.call(
        'POST',
        '/v1/suppressions',
        key,
        numbers.map((one) => `+${one}`),
      )
  }

  /** Resolves at the deliver_sm_resp. After a kill the carrier delivers it again by itself. */
  async #write(number: string): Promise<void> {
    await this.#stand.smsc.subscribers.send({ from: `+${number}`, to: `+${FROM}`, text: 'STOP' })
  }
}

async function untilFinished({ child, key }: Stand, id: string): Promise<JobView> {
  for (;;) {
    const job = (await child.call('GET', `/v1/jobs/${id}`, key)) as unknown as JobView
    assertSums(job)
    if (job.state === 'finished') return job
    await pause(50)
  }
}

t.setTimeout(580_000)

t.test(`${OPT_OUTS} random opt-outs during dispatch, with a kill between, seed ${seed}`, async (t) => {
  const at = await stand(t, { confirmations: { stop: null } })
  const text = ['to', ...Array.from({ length: ROWS }, (_, row) => `+${numberOf(row)}`)].join('\n')
  const settings = { from: FROM, text: 'Hi', ratePerSecond: RATE }
  const { id } = await at.child.call('POST', '/v1/jobs', at.key, settings)
  await at.child.call('PUT', `/v1/jobs/${id}/recipients`, at.key, Buffer.from(text))
  const optOuts = new OptOuts(at, new Random(seed))
  await optOuts.run(OPT_OUTS / 2)
  const running = optOuts.run(OPT_OUTS)
  optOuts.isHeld = true
  await at.child.end('SIGKILL')
  await at.child.start()
  await running
  await optOuts.run(OPT_OUTS)
  const job = await untilFinished(at, id as string)
  const late: string[] = []
  let after = 0
  for (const { to, atMs } of at.submits()) {
    const acknowledgedAt = optOuts.acknowledged.get(to.replace('+', ''))
    if (acknowledgedAt === undefined) continue
    if (atMs > acknowledgedAt) after++
    if (atMs > acknowledgedAt + LATEST_MS) late.push(`${to} ${Math.round(atMs - acknowledgedAt)} ms`)
  }
  t.equal(optOuts.acknowledged.size, OPT_OUTS)
  t.strictSame(late, [], 'nobody got a message later than a second after')
  t.ok(job.counts.failed > 0, 'some were stopped on their way')
  t.equal(job.counts.failed + job.counts.delivered, ROWS)
  t.comment(`${job.counts.failed} stopped; ${after} submits within the second after an acknowledgement`)
  t.equal(await at.child.end('SIGTERM'), 0)
})

const SUBSCRIBERS = 120
const KILLS = 2

t.test('each STOP counts once and is confirmed once at most, whenever the process dies', async (t) => {
  const at = await stand(t, {})
  const random = new Random(seed)
  const subscribers = Array.from({ length: SUBSCRIBERS }, (_, n) => numberOf(n))
  const taken: Promise<number>[] = []
  for (let kill = 0; kill <= KILLS; kill++) {
    const share = subscribers.slice((kill * SUBSCRIBERS) / (KILLS + 1), ((kill + 1) * SUBSCRIBERS) / (KILLS + 1))
    for (const number of share) {
      taken.push(at.smsc.subscribers.send({ from: `+${number}`, to: `+${FROM}`, text: 'STOP' }))
    }
    if (kill === KILLS) break
    // Some are not delivered yet, some not heard, some not answered, some not confirmed.
    await taken[taken.length - 1 - random.below(share.length)]
    await at.child.end('SIGKILL')
    await at.child.start()
  }
  await Promise.all(taken)
  const listed = await untilListed(at)
  t.strictSame(
    listed.map(({ from }) => from).sort(),
    subscribers.map((number) => `+${number}`).sort(),
    'heard once each',
  )
  for (const { from } of listed) {
    const { entries } = (await at.child.call('GET', `/v1/suppressions/${from}`, at.key)) as { entries: unknown[] }
    if (entries.length !== 1) t.fail(`${from} has ${entries.length} entries`)
  }
  const states = await untilAnswered(at, listed)
  const confirmed = new Map<string, number>()
  for (const { to } of at.submits()) confirmed.set(to, (confirmed.get(to) ?? 0) + 1)
  t.ok(
    [...confirmed.values()].every((count) => count === 1),
    'no second confirmation',
  )
  const unknown = states.filter((state) => state === 'unknown').length
  t.equal(states.filter((state) => state === 'delivered').length + unknown, SUBSCRIBERS, 'none is lost')
  t.ok(confirmed.size >= SUBSCRIBERS - unknown)
  t.comment(`${unknown} of ${SUBSCRIBERS} confirmations may or may not have left before a kill`)
  t.equal(await at.child.end('SIGTERM'), 0)
})

interface Heard {
  from: string
  answer: string | null
}

async function untilListed({ child, key }: Stand): Promise<Heard[]> {
  for (;;) {
    const { items } = (await child.call('GET', '/v1/inbound?limit=200', key)) as unknown as { items: Heard[] }
    if (items.length >= SUBSCRIBERS) return items
    await pause(50)
  }
}

/** States of the answers once they are final, or held. */
async function untilAnswered({ child, key }: Stand, listed: Heard[]): Promise<string[]> {
  for (;;) {
    const answers = new Set(listed.map(({ answer }) => answer))
    const { items } = (await child.call('GET', '/v1/messages?limit=200', key)) as unknown as { items: MessageView[] }
    const states = items.filter(({ id }) => answers.has(id)).map(({ state }) => state)
    if (states.length < answers.size) throw new Error('an answer is not in the list of messages')
    if (states.every((state) => !['queued', 'scheduled', 'sending', 'sent'].includes(state))) return states
    await pause(50)
  }
}
