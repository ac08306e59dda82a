/** Money as such, on a real store: against a naive model, over days, and over what stored states can become. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { dayOf, localDay } from '../src/engine/base/local-day.js'
import { addBuckets, bucketOf, quantile } from '../src/engine/base/log-histogram.js'
import { Random } from '../src/engine/base/random.js'
import { EngineError } from '../src/engine/contract/errors.js'
import { silentLog } from '../src/engine/contract/log.js'
import { STATE } from '../src/engine/contract/message.js'
import { OUTCOME, type OutcomeCode } from '../src/engine/contract/outcome.js'
import type { RowKind, Tally } from '../src/engine/contract/store.js'
import { Demand } from '../src/engine/money/demand.js'
import { Money, type MoneyAccount } from '../src/engine/money/money.js'
import { NO_QUOTAS } from '../src/engine/money/quotas.js'
import { BlockBuilder, BlockReader } from '../src/engine/store/block.js'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { BlockState } from '../src/engine/store/block-state.js'
import { DispatchStore, emptyCommit } from '../src/engine/store/dispatch-store.js'
import { blankEntry } from '../src/engine/store/entry.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { record } from './dispatch-harness.js'
import { seed } from './seed.js'

const NOON = Date.UTC(2026, 10, 22, 12)
const plain: MoneyAccount = { number: 1, timeZone: 'UTC', currency: 'EUR', quotas: NO_QUOTAS }

/** A store with money over it, and blocks whose states a test changes as the dispatcher does. */
class Stand {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'trunkline-money-'))
  readonly environment = openEnvironment(this.folder)
  readonly store = new LmdbStore(this.environment, new BlockNumbers({ first: 1 }))
  readonly dispatch = new DispatchStore(this.environment)
  readonly states = new Map<number, BlockState>()
  readonly canceled = new Set<number>()
  nowMs = NOON
  money!: Money
  #nextJob = 100

  constructor() {
    this.restart()
  }

  /** As after a kill: only what is stored counts. */
  restart(): void {
    this.money = new Money({
      environment: this.environment,
      log: silentLog,
      clock: { now: () => this.nowMs, monotonic: () => this.nowMs },
      append: (writes, notes) => this.store.appendLater([], notes, writes),
    })
    this.money.attach({
      job: (job) => ({ account: 1, isCanceled: this.canceled.has(job) }),
      zone: () => 'UTC',
      snapshot: () => this.snapshot(),
      stored: async () => {},
    })
  }

  async snapshot(): Promise<void> {
    const snapshots = [...this.states.values()].filter((state) => state.dirty)
    for (const state of snapshots) state.dirty = false
    await this.dispatch.commit({ ...emptyCommit(), snapshots, truncate: true })
  }

  /** Stores messages of one price: of a call (`job` null) or of a job. */
  async accept(parts: number[], partPrice: number, { isJob = false, account = plain } = {}): Promise<Accepted> {
    const job = isJob ? this.#nextJob++ : 1
    const all = parts.reduce((sum, count) => sum + count, 0)
    let day = 0
    if (isJob)
      await this.money.hold({ job, account: 1, id: `job_${job}` }, account, tallyOf(parts.length, all, partPrice))
    else day = this.money.take(account, demandOf(parts.length, all, partPrice))
    const range = isJob ? 0 : null
    const builder = new BlockBuilder({ job, account: 1, route: 1, from: 'ME', createdSeconds: 1, day, range })
    parts.forEach((partCount, n) => {
      const starts = new Uint32Array(partCount)
      const lengths = new Uint16Array(partCount).fill(1)
      const bytes = Buffer.from('x')
      builder.add(record(n, { partCount, partStarts: starts, partLengths: lengths, bytes, country: 'GB', partPrice }))
    })
    const sealed = builder.seal(this.store.numbers.take())
    const handed = isJob ? { writes: [], done: () => {} } : this.money.handOver()
    await this.store.appendLater([{ job, blocks: [sealed], range: null }], [], handed.writes)
    handed.done()
    return { block: sealed.block, job: isJob ? job : null, price: partPrice, parts }
  }

  /** The state as the dispatcher has it: claimed now, if it was not before. */
  state(block: number): BlockState {
    let state = this.states.get(block)
    if (state === undefined) {
      state = BlockState.fresh(block, new BlockReader(this.store.block(block)!), null)
      this.states.set(block, state)
    }
    return state
  }

  apply(block: number, place: number, code: OutcomeCode, change: object = {}): void {
    this.state(block).apply(Object.assign(blankEntry(), { code, place, atMs: this.nowMs }, change))
  }

  async close(): Promise<void> {
    await this.store.close()
    rmSync(this.folder, { recursive: true })
  }
}

interface Accepted {
  block: number
  job: number | null
  price: number
  parts: number[]
}

function demandOf(rows: number, parts: number, partPrice: number): Demand {
  return Demand.of(tallyOf(rows, parts, partPrice))
}

function tallyOf(rows: number, parts: number, partPrice: number): Tally {
  const kind: RowKind = { country: 'GB', channel: 'sms', encoding: 'gsm7', partPrice, rows, parts }
  return { reasons: {}, kinds: [kind], findings: {} }
}

function stand(t: { teardown(work: () => Promise<void>): void }): Stand {
  const made = new Stand()
  t.teardown(() => made.close())
  return made
}

function micros(amount: number): number {
  return Math.round(amount * 1e6)
}

function bits(word: number): number {
  return word.toString(2).replaceAll('0', '').length
}

/** What money must say of these messages: the plain rule, message by message. */
function expected(stand: Stand, accepted: Accepted[], over: ReadonlySet<number>): { reserved: number; spent: number } {
  let reserved = 0
  let spent = 0
  for (const { block, job, price, parts } of accepted) {
    const state = stand.states.get(block)
    parts.forEach((count, place) => {
      const isWaiting = state === undefined || [0, 1, 2, 9].includes(state.states[place]!)
      if (state === undefined && job !== null && over.has(job)) return
      if (isWaiting) reserved += count * price
      else spent += bits(state!.accepted[place]! >>> 0) * price
    })
  }
  return { reserved, spent }
}

t.test(`whatever happens, credit = balance + reserved + spent, as message by message; seed ${seed}`, async (t) => {
  const random = new Random(seed)
  const s = stand(t)
  await s.money.begin(1, 0)
  let credit = 0
  const accepted: Accepted[] = []
  const over = new Set<number>()
  const pick = () => accepted[random.below(accepted.length)]
  const outcomes = [OUTCOME.rejected, OUTCOME.expired, OUTCOME.canceled, OUTCOME.unanswered, OUTCOME.delivered] as const

  const steps: Record<string, () => Promise<void> | void> = {
    async pay() {
      const amount = 1 + random.below(2_000_000)
      await s.money.topUp(plain, amount, () => null)
      credit += amount
    },
    async correct() {
      const available = micros(s.money.view(plain).balance!)
      const amount = random.below(available + 1_000)
      try {
        await s.money.topUp(plain, -amount, () => null)
        credit -= amount
      } catch (error) {
        t.ok(error instanceof EngineError && amount > available)
      }
    },
    async accept() {
      const parts = Array.from({ length: 1 + random.below(12) }, () => 1 + random.below(4))
      const price = random.below(30_000)
      const sum = parts.reduce((all, count) => all + count, 0) * price
      const available = micros(s.money.view(plain).balance!)
      try {
        accepted.push(await s.accept(parts, price, { isJob: random.below(2) === 0 }))
        if (sum > available) t.fail(`accepted ${sum} of ${available}`)
      } catch (error) {
        t.equal((error as EngineError).code, 'INSUFFICIENT_BALANCE')
        if (sum <= available) t.fail(`refused ${sum} of ${available}`)
      }
    },
    dispatch() {
      const one = pick()
      if (one === undefined || (one.job !== null && over.has(one.job))) return
      const state = s.state(one.block)
      const place = random.below(state.count)
      const isOpen = state.final[place] === 0 || state.states[place] === STATE.unknown
      if (!isOpen) return
      if (random.below(3) > 0) {
        const part = random.below(state.parts[place]!)
        s.apply(one.block, place, OUTCOME.authorised, { status: 1 })
        s.apply(one.block, place, OUTCOME.accepted, { part, flags: 1 })
      } else s.apply(one.block, place, outcomes[random.below(outcomes.length)]!, { status: 1, carrier: 3 })
    },
    snapshot: () => s.snapshot(),
    stored: async () => {},
    fold: () => s.money.fold(),
    restart: () => s.restart(),
    async end() {
      const one = accepted.find(({ job }) => job !== null && !over.has(job) && random.below(3) === 0)
      if (one === undefined) return
      const state = s.states.get(one.block)
      if (state !== undefined) {
        for (let place = 0; place < state.count; place++) {
          if (state.states[place]! <= STATE.sending) s.apply(one.block, place, OUTCOME.canceled)
        }
      }
      // As the dispatcher: what ended is in its log before the job is over, and in the states with the next snapshot.
      await s.dispatch.commit({ ...emptyCommit(), log: Buffer.from([1]) })
      s.canceled.add(one.job!)
      over.add(one.job!)
      s.money.closing(one.job!)
    },
    async check() {
      s.money.resume((job) => over.has(job))
      await s.money.catchUp()
      const { balance, reserved, spent } = s.money.view(plain)
      t.same({ reserved: micros(reserved), spent: micros(spent) }, expected(s, accepted, over))
      t.equal(micros(balance!) + micros(reserved) + micros(spent), credit)
      t.ok(balance! >= 0)
    },
  }
  const names = Object.keys(steps)
  const weights = [2, 1, 4, 30, 3, 3, 1, 1, 2]
  const drawn = names.flatMap((name, index) => Array<string>(weights[index]!).fill(name))
  for (let n = 0; n < 1_500; n++) await steps[drawn[random.below(drawn.length)]!]!()
  await steps.check!()
  t.ok(accepted.length > 30, `${accepted.length} blocks`)
})

t.test('a part that turns out to have been sent is charged as far as the balance goes', async (t) => {
  const s = stand(t)
  await s.money.begin(1, 25)
  const { block } = await s.accept([2], 10)
  s.apply(block, 0, OUTCOME.canceled)
  await s.money.catchUp()
  t.match(s.money.view(plain), { balance: 0.000025, reserved: 0, spent: 0 })
  await s.money.topUp(plain, -10, () => null)
  s.apply(block, 0, OUTCOME.accepted, { part: 0 })
  s.apply(block, 0, OUTCOME.accepted, { part: 1 })
  await s.money.catchUp()
  t.match(s.money.view(plain), { balance: 0, reserved: 0, spent: 0.000015 })
})

t.test('quotas begin anew at midnight of the account, and a clock that steps back opens no second day', async (t) => {
  const s = stand(t)
  const quotas = { ...NO_QUOTAS, messagesPerDay: 3 }
  const account = { ...plain, timeZone: 'America/New_York', quotas }
  const midnight = Date.UTC(2026, 10, 23, 5)
  s.nowMs = midnight - 1
  await s.accept([1, 1, 1], 0, { account })
  const refused = await s.accept([1], 0, { account }).catch((error: EngineError) => error)
  t.match(refused, { code: 'QUOTA_EXCEEDED', retryAfterSeconds: 1 })
  s.restart()
  t.match(
    await s.accept([1], 0, { account }).catch((error) => error),
    { code: 'QUOTA_EXCEEDED' },
    'counters are durable',
  )
  s.nowMs = midnight
  await s.accept([1, 1], 0, { account })
  t.match(s.money.accountMoney(account).today, { day: '2026-11-23', messages: 2, messagesLeft: 1 })
  s.nowMs = midnight - 1
  const again = await s.accept([1, 1], 0, { account }).catch((error: EngineError) => error)
  t.match(again, { code: 'QUOTA_EXCEEDED' }, 'the day that has begun counts')
})

t.test('days are those of the zone, also where clocks turn', (t) => {
  const at = (iso: string) => Date.parse(iso)
  t.match(localDay(at('2026-11-22T12:00:00Z'), 'Asia/Kolkata'), { day: 20261122, endMs: at('2026-11-22T18:30:00Z') })
  // Clocks go back at 01:00 UTC: a day of 25 hours. In spring one of 23.
  const autumn = localDay(at('2026-10-25T12:00:00Z'), 'Europe/London')
  t.match(autumn, { day: 20261025, startMs: at('2026-10-24T23:00:00Z'), endMs: at('2026-10-26T00:00:00Z') })
  const spring = localDay(at('2026-03-29T12:00:00Z'), 'Europe/London')
  t.match(spring, { day: 20260329, startMs: at('2026-03-29T00:00:00Z'), endMs: at('2026-03-29T23:00:00Z') })
  t.equal(localDay(autumn.endMs, 'Europe/London').day, 20261026)
  t.equal(localDay(autumn.startMs - 1, 'Europe/London').day, 20261024)
  t.equal(dayOf('2026-02-29'), null)
  t.equal(dayOf('2028-02-29'), 20280229)
  t.end()
})

t.test('quantiles of receipt delays are within five percent', (t) => {
  const random = new Random(seed)
  const values = Array.from({ length: 5_000 }, () => Math.floor(Math.exp(random.next() * 18)))
  let counts: number[] = []
  for (const ms of values) counts = addBuckets(counts, [bucketOf(ms), 1], 1)
  values.sort((a, b) => a - b)
  for (const share of [0.05, 0.5, 0.95, 1]) {
    const exact = values[Math.ceil(share * values.length) - 1]!
    const read = quantile(counts, share)!
    t.ok(Math.abs(read - exact) <= Math.max(1, exact * 0.05), `${share}: ${read} for ${exact}`)
  }
  for (const ms of values) counts = addBuckets(counts, [bucketOf(ms), 1], -1)
  t.same(counts, [])
  t.equal(quantile(counts, 0.5), null)
  t.end()
})

t.test('blocks of an earlier version have no kinds and are read as before', (t) => {
  const head = { job: 1, account: 1, route: 1, from: 'ME', fields: 'f', createdSeconds: 1, range: null }
  const builder = new BlockBuilder({ ...head, day: 20261122 })
  builder.add(record(1))
  const old = new BlockReader(builder.seal(1).bytes)
  t.match(
    { intact: old.intact, kinds: old.kinds(), day: old.day, fields: old.fields },
    { intact: true, kinds: null, day: 0 },
  )
  for (let n = 0; n < 256; n++) {
    builder.add(record(n, { country: n % 3 === 0 ? '' : 'DE', partPrice: n % 2 === 0 ? null : n }))
  }
  const sealed = builder.seal(2)
  const fresh = new BlockReader(sealed.bytes)
  t.ok(fresh.intact)
  t.equal(fresh.day, 20261122)
  for (let n = 0; n < 256; n++) {
    const kind = fresh.kinds()![fresh.kindOf(n)]
    if (kind!.country !== (n % 3 === 0 ? '' : 'DE') || kind!.partPrice !== (n % 2 === 0 ? null : n))
      t.fail(`record ${n}`)
    if (fresh.digits(n) !== record(n).digits) t.fail(`number ${n}`)
  }
  sealed.bytes[50]! ^= 1
  t.notOk(new BlockReader(sealed.bytes).intact, 'kinds are under the checksum of the head')
  t.end()
})
