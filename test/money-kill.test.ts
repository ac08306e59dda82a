/**
 * Money over kill -9 of the engine at random moments, while messages and jobs are accepted, money is paid in, and parts are
 * charged: at the end not a millionth is lost or doubled, and what was spent is what the carrier said yes to.
 */
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { ADMIN_KEY, api } from '../bench/processes.js'
import { Random } from '../src/engine/base/random.js'
import type { AccountMoney, UsageItem } from '../src/engine/contract/money.js'
import { type Rig, seed, startRig, timeout } from './acceptance-run.js'
import { type Answer, send } from './http-engine.js'

t.setTimeout(timeout)

const KILLS = 3
const PRICE = 10_000
const PAID_AT_FIRST = 200_000_000
const PAYMENT = 1_500_001
const random = new Random(seed)

/** Clients that ask again, with the same Idempotency-Key, until they are answered. */
class Clients {
  readonly #rig: Rig
  readonly #key: string
  isOver = false
  singles = 0
  payments = 0
  readonly jobs = new Set<string>()
  /** Every number is used once, so that the carrier's ledger tells parts apart. */
  #next = 0

  constructor(rig: Rig, key: string) {
    this.#rig = rig
    this.#key = key
  }

  number(): string {
    return `+44771${String(1_000_000 + this.#next++)}`
  }

  async answered(path: string, { key, body }: { key: string; body: object }): Promise<Answer> {
    const headers = { 'idempotency-key': `key-${this.#next++}` }
    for (;;) {
      try {
        const answer = await send(this.#rig.engine.url + path, 'POST', { key, body, headers })
        if (answer.status < 300) return answer
        // A stopped engine, or one whose first try is still under way.
        if (answer.status !== 409 && answer.status !== 503) throw new Error(answer.text)
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
      }
      await pause(20)
    }
  }

  async sendSingles(): Promise<void> {
    while (!this.isOver) {
      const messages = Array.from({ length: 1 + random.below(20) }, () => ({ to: this.number(), text: 'One by one' }))
      const { json } = await this.answered('/v1/messages', { key: this.#key, body: { messages } })
      this.singles += json.items.length
    }
  }

  async sendJobs(): Promise<void> {
    while (!this.isOver) {
      const recipients = Array.from({ length: 100 }, () => ({ to: this.number() }))
      const body = { text: 'x'.repeat(200), recipients }
      this.jobs.add((await this.answered('/v1/jobs', { key: this.#key, body })).json.id)
    }
  }

  async pay(): Promise<void> {
    while (!this.isOver) {
      await this.answered('/v1/accounts/acme/balance', { key: ADMIN_KEY, body: { amount: PAYMENT / 1e6 } })
      this.payments++
      await pause(30)
    }
  }
}

function micros(amount: number): number {
  return Math.round(amount * 1e6)
}

function creditOf({ balance, reserved, spent }: AccountMoney): number {
  return micros(balance!) + micros(reserved) + micros(spent)
}

/** By fingerprint of a part: how often the carrier took it, and how often not. */
function carrierLedger(file: string): Map<string, { taken: number; refused: number }> {
  const parts = new Map<string, { taken: number; refused: number }>()
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const { event, hash, status } = JSON.parse(line) as { event: string; hash: string; status: number }
    if (event !== 'submit') continue
    const part = parts.get(hash) ?? { taken: 0, refused: 0 }
    if (status === 0) part.taken++
    else part.refused++
    parts.set(hash, part)
  }
  return parts
}

t.test(`kills while money comes and goes; seed ${seed}`, { timeout }, async (t) => {
  const file = path.join(tmpdir(), `trunkline-money-ledger-${process.pid}.jsonl`)
  const rig = await startRig(t, {
    smsc: ['--ledger', file, '--faults', 'reject=0.05,undeliv=0.05', '--dlr-delay-ms', '150', '--seed', String(seed)],
    carrier: { window: 20, binds: 2 },
  })
  const settings = { prices: [{ price: PRICE / 1e6 }], balance: PAID_AT_FIRST / 1e6, currency: 'EUR' }
  const patched = await send(`${rig.engine.url}/v1/accounts/acme`, 'PATCH', { key: ADMIN_KEY, body: settings })
  t.match(patched, { status: 200, json: { balance: PAID_AT_FIRST / 1e6 } }, patched.text)
  const { key } = await api(rig.engine.url, ADMIN_KEY).post<{ key: string }>('/v1/accounts/acme/keys', {})
  const clients = new Clients(rig, key)
  const working = [clients.sendSingles(), clients.sendSingles(), clients.sendJobs(), clients.pay()]
  for (let kill = 0; kill < KILLS; kill++) {
    await pause(100 + random.below(400))
    await rig.kill()
    await rig.start()
    const money = await rig.client.get<AccountMoney>('/v1/balance')
    const paidIn = creditOf(money) - PAID_AT_FIRST
    t.equal(paidIn % PAYMENT, 0, `the sum holds: ${JSON.stringify(money)}`)
    t.ok(paidIn / PAYMENT >= clients.payments, 'no payment that was answered is lost')
  }
  clients.isOver = true
  await Promise.all(working)
  let money = await rig.client.get<AccountMoney>('/v1/balance')
  for (; money.reserved > 0; money = await rig.client.get<AccountMoney>('/v1/balance')) await pause(20)
  t.equal(creditOf(money), PAID_AT_FIRST + clients.payments * PAYMENT, `${clients.payments} payments, each once`)

  let rows = clients.singles
  for (const id of clients.jobs) rows += (await rig.finished(id)).counts.accepted
  let usage: UsageItem
  do {
    const { items } = await rig.client.get<{ items: UsageItem[] }>('/v1/usage?by=channel')
    usage = items[0]!
  } while (usage.pending > 0)
  t.equal(usage.rows, rows, `${clients.singles} single messages, ${clients.jobs.size} jobs`)
  t.equal(usage.cost, money.spent)
  t.equal(micros(usage.cost), usage.partsSent * PRICE)
  await rig.smsc.stop()
  const parts = [...carrierLedger(file).values()]
  const sure = parts.filter(({ taken, refused }) => taken > 0 && refused === 0).length
  // Taken, the answer lost with the process, and refused when it was sent again: the engine cannot know of it.
  const inDoubt = parts.filter(({ taken, refused }) => taken > 0 && refused > 0).length
  const repeats = parts.filter(({ taken }) => taken > 1).length
  t.comment(`${parts.length} parts, ${sure} charged for sure, ${inDoubt} in doubt, ${repeats} taken twice`)
  t.ok(usage.partsSent >= sure && usage.partsSent <= sure + inDoubt, `${usage.partsSent} parts were charged`)
  t.ok(usage.failed > 0 && usage.undelivered > 0, 'some were refused, and cost nothing')
})
