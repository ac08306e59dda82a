/** Retries, order and parking over days of virtual time: the real store and the real deliveries, with a scripted courier. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import { silentLog } from '../src/engine/contract/log.js'
import { STATE } from '../src/engine/contract/message.js'
import type { MessageUpdate } from '../src/engine/contract/webhook.js'
import type { Courier, DeliveryAnswer } from '../src/engine/contract/webhook-delivery.js'
import { Documents } from '../src/engine/store/documents.js'
import { type Environment, openEnvironment } from '../src/engine/store/environment.js'
import { EventBatch, EventLog } from '../src/engine/store/event-log.js'
import { Deliveries } from '../src/engine/webhooks/deliveries.js'
import { DropEvents } from '../src/engine/webhooks/drop-events.js'
import type { Endpoint, Sources } from '../src/engine/webhooks/endpoint.js'
import { EndpointBook } from '../src/engine/webhooks/endpoint-book.js'
import { EventRetention } from '../src/engine/webhooks/event-retention.js'
import { JobEvents } from '../src/engine/webhooks/job-events.js'
import { KnownJobs } from '../src/engine/webhooks/job-facts.js'
import { MessageSource } from '../src/engine/webhooks/message-source.js'
import { failed, givenUpBefore, HEALTHY, RETRY_FOR_MS, type RetryState } from '../src/engine/webhooks/retry-schedule.js'
import { newRecord } from '../src/engine/webhooks/webhook-settings.js'
import { seed } from './seed.js'

t.setTimeout(580_000)

const HOUR_MS = 3_600_000
const START_MS = Date.UTC(2026, 10, 22)
const ACCOUNT = { number: 1, id: 'acme' }
const ok: DeliveryAnswer = { kind: 'answered', status: 200, retryAfterMs: null }
const broken: DeliveryAnswer = { kind: 'answered', status: 500, retryAfterMs: null }

interface Sent {
  id: string
  url: string
  atMs: number
  data: MessageUpdate[]
  answer(answer: DeliveryAnswer): void
}

class Bench {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'trunkline-retries-'))
  readonly environment: Environment = openEnvironment(this.folder)
  readonly documents = new Documents(this.folder)
  readonly log = new EventLog(this.environment)
  readonly random = new Random(seed)
  readonly sent: Sent[] = []
  readonly jobs = new JobEvents(this.documents)
  nowMs = START_MS
  /** What becomes of each delivery at once; null: it stays open. */
  script: (sent: Sent) => DeliveryAnswer | null = () => ok
  deliveries!: Deliveries
  book!: EndpointBook

  constructor() {
    this.open()
  }

  /** Everything that is in memory is made anew from the store. */
  open(): void {
    const { documents, random } = this
    const courier: Courier = {
      refusal: () => null,
      resolvedRefusal: async () => null,
      forget: () => {},
      close: async () => {},
      deliver: ({ headers, url, body }) => {
        const { data } = JSON.parse(body!.toString())
        return new Promise((answer) => {
          const sent = { id: headers['webhook-id']!, url, atMs: this.nowMs, data, answer }
          this.sent.push(sent)
          const now = this.script(sent)
          if (now !== null) answer(now)
        })
      },
    }
    const clock = { now: () => this.nowMs, monotonic: () => this.nowMs }
    const fail = (error: unknown): never => {
      throw error
    }
    this.deliveries = new Deliveries({
      documents,
      courier,
      clock,
      random,
      log: silentLog,
      places: 32,
      userAgent: 'x',
      fail,
    })
    const messages = new MessageSource({
      ...{ log: this.log, environment: this.environment, jobs: new KnownJobs(() => null) },
      ...{ block: () => null, marks: () => null, carrier: () => undefined },
    })
    const sources: Sources = {
      'messages.updated': messages,
      'inbound.received': this.jobs,
      'job.updated': this.jobs,
      'drop.updated': this.jobs,
    }
    this.book = new EndpointBook({ documents, sources, deliveries: this.deliveries, wanted: () => {} })
  }

  async endpoint(name = 'main'): Promise<Endpoint> {
    const facts = { account: ACCOUNT, name, before: null, nowMs: this.nowMs }
    const { writes, enter } = this.book.create(
      newRecord(facts, { url: `https://${name}.example/`, events: ['messages.updated'] }),
    )
    await this.documents.write(writes)
    return enter()
  }

  /** Events of messages, given as [message, state]. */
  async happen(...changes: [message: number, state: number][]): Promise<void> {
    const batch = new EventBatch(ACCOUNT.number, this.log.next(ACCOUNT.number))
    for (const [message, state] of changes) {
      const at = { block: 1 + Math.floor(message / 256), place: message % 256, count: 1, atMs: this.nowMs }
      batch.add({ ...at, state, reason: 0, carrier: 0, status: 0, isFinal: state > STATE.sent, error: '' })
    }
    const records = batch.take()
    await this.environment.root.batch(() => {
      for (const { key, bytes } of records) this.environment.events.put(key, bytes)
    })
    this.log.refresh()
  }

  /** Time passes by so much, with a tick each `stepMs`. */
  async pass(ms: number, stepMs = 1_000): Promise<void> {
    for (const end = this.nowMs + ms; this.nowMs < end; ) {
      this.nowMs = Math.min(end, this.nowMs + stepMs)
      await this.settle()
    }
  }

  /** Until nothing more happens at this moment. */
  async settle(): Promise<void> {
    for (let before = -1; before !== this.sent.length; ) {
      before = this.sent.length
      this.deliveries.tick()
      this.deliveries.serve(this.book.all())
      for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
    await this.deliveries.store()
  }

  async close(): Promise<void> {
    await this.environment.root.close()
    await this.documents.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function bench(t: Test): Bench {
  const made = new Bench()
  t.teardown(() => made.close())
  return made
}

t.test('the schedule: 5 s, 5 min, 30 min, then an hour, a fifth more or less, for 75 hours', async (t) => {
  const random = new Random(seed)
  for (let round = 0; round < 50; round++) {
    let state: RetryState = HEALTHY
    let nowMs = START_MS
    const delays: number[] = []
    while (nowMs - START_MS < RETRY_FOR_MS) {
      state = failed(state, nowMs, { chance: random.next(), retryAfterMs: null })
      delays.push((state.nextAttemptMs - nowMs) / 1_000)
      nowMs = state.nextAttemptMs
    }
    const plain = delays.map((_, n) => [5, 300, 1_800][n] ?? 3_600)
    t.ok(
      delays.every((delay, n) => delay >= plain[n]! * 0.8 && delay <= plain[n]! * 1.2 + 0.001),
      String(delays),
    )
    t.ok(delays.length > 60 && delays.length < 95, `${delays.length} tries`)
    t.equal(state.failures, delays.length)
    t.equal(givenUpBefore(state, START_MS + RETRY_FOR_MS - 1), Number.NEGATIVE_INFINITY)
    t.equal(givenUpBefore(state, nowMs), nowMs - RETRY_FOR_MS)
  }
  t.equal(givenUpBefore(HEALTHY, Number.MAX_SAFE_INTEGER), Number.NEGATIVE_INFINITY)
})

t.test('Retry-After is waited for, a day at most, and never shortens the wait', async (t) => {
  const after = (retryAfterMs: number) => failed(HEALTHY, 0, { chance: 0.5, retryAfterMs }).nextAttemptMs
  t.equal(after(0), 5_000)
  t.equal(after(1_000), 5_000)
  t.equal(after(2 * HOUR_MS), 2 * HOUR_MS)
  t.equal(after(1_000 * HOUR_MS), 24 * HOUR_MS)
})

t.test(
  'an endpoint that is dead for days is tried for 75 hours; then its events are parked, and a replay brings them back',
  async (t) => {
    const b = bench(t)
    const endpoint = await b.endpoint()
    b.script = () => broken
    await b.happen([1, STATE.sent], [1, STATE.delivered])
    await b.settle()
    await b.pass(74 * HOUR_MS, 60_000)
    t.equal(endpoint.parked, 0)
    t.equal(endpoint.state, 'retrying')
    t.ok(b.sent.length > 60, `${b.sent.length} tries`)
    t.equal(new Set(b.sent.map(({ id }) => id)).size, 1, 'one delivery, one id')
    await b.happen([2, STATE.sent])
    await b.pass(3 * HOUR_MS, 60_000)
    t.equal(endpoint.parked, 2, 'the first two are given up')
    t.equal(endpoint.state, 'parked')
    t.match(b.sent.at(-1)!.data, [{ state: 'sent' }], 'the third has its own time')
    t.equal(b.sent.at(-1)!.data.length, 1)
    b.script = () => ok
    await b.pass(2 * HOUR_MS, 60_000)
    t.equal(endpoint.state, 'active')
    t.equal(endpoint.backlog, 0)
    t.equal(endpoint.parked, 2)
    b.sent.length = 0
    t.equal(endpoint.replay(START_MS), 3)
    t.equal(endpoint.parked, 0)
    await b.settle()
    t.strictSame(
      b.sent.flatMap(({ data }) => data.map(({ state }) => state)),
      ['sent', 'delivered', 'sent'],
    )
    t.equal(endpoint.replay(START_MS + 74 * HOUR_MS), 1, 'from a time on')
  },
)

t.test('what waits behind a failing endpoint is parked in its time, however much it is', async (t) => {
  const b = bench(t)
  const endpoint = await b.endpoint()
  b.script = () => broken
  await b.happen([0, STATE.sent])
  await b.settle()
  await b.pass(10 * HOUR_MS, 600_000)
  for (let hour = 0; hour < 4; hour++) {
    await b.happen(...Array.from({ length: 5_000 }, (_, n): [number, number] => [n, STATE.delivered]))
    await b.pass(HOUR_MS, 600_000)
  }
  await b.pass(76 * HOUR_MS, 600_000)
  t.equal(endpoint.parked, 20_001)
  t.equal(endpoint.backlog, 0)
  t.ok(b.sent.length < 120, 'nothing of it was tried more often than the schedule says')
})

t.test('each message’s events arrive in order and none is missing, however the receiver fails', async (t) => {
  const b = bench(t)
  await b.endpoint()
  const open: Sent[] = []
  let isCrossed = false
  let mostOpen = 0
  b.script = (sent) => {
    const ids = new Set(open.flatMap(({ data }) => data.map(({ id }) => id)))
    if (sent.data.some(({ id }) => ids.has(id))) isCrossed = true
    open.push(sent)
    mostOpen = Math.max(mostOpen, open.length)
    return null
  }
  const taken: MessageUpdate[] = []
  const answerOne = async (): Promise<void> => {
    const [sent] = open.splice(b.random.below(open.length), 1)
    const isTaken = b.random.next() > 0.15
    if (isTaken) taken.push(...sent!.data)
    sent!.answer(isTaken ? ok : b.random.next() < 0.5 ? broken : { kind: 'failed', reason: 'reset' })
    await new Promise((resolve) => setImmediate(resolve))
  }
  const messages = 600
  for (const state of [STATE.sent, STATE.delivered, STATE.undelivered]) {
    const order = Array.from({ length: messages }, (_, n): [number, number] => [
      (n * 7 + state * 131) % messages,
      state,
    ])
    await b.happen(...order)
    for (let n = 0; n < 5; n++) {
      await b.settle()
      while (open.length > 0) await answerOne()
      await b.pass(1_000)
    }
  }
  for (let n = 0; n < 2_000 && taken.length < messages * 3; n++) {
    await b.pass(HOUR_MS, HOUR_MS)
    while (open.length > 0) await answerOne()
  }
  t.equal(isCrossed, false, 'no message was in two open deliveries')
  t.ok(mostOpen > 1, `${mostOpen} were open at once`)
  t.equal(taken.length, messages * 3, 'each once')
  const byId = new Map<string, string[]>()
  for (const { id, state } of taken) byId.set(id, [...(byId.get(id) ?? []), state])
  t.equal(byId.size, messages)
  t.ok([...byId.values()].every((states) => states.join() === 'sent,delivered,undelivered'))
  t.ok(b.sent.every(({ data }) => data.length <= 100))
})

t.test('a restart in the middle sends what was not acknowledged again, under the same ids, and in order', async (t) => {
  const b = bench(t)
  await b.endpoint()
  b.script = () => null
  const change = (state: number) => Array.from({ length: 450 }, (_, n): [number, number] => [n, state])
  await b.happen(...change(STATE.sent))
  await b.settle()
  b.sent[0]!.answer(ok)
  await b.settle()
  b.sent[1]!.answer(broken)
  b.sent[2]!.answer(ok)
  await b.happen(...change(STATE.delivered))
  await b.settle()
  t.ok(b.sent.length >= 3)
  const before = b.sent.splice(0)
  b.open()
  b.script = () => ok
  await b.pass(60_000)
  const again = b.sent.map(({ id }) => id)
  t.ok(again.includes(before[1]!.id) && again.includes(before[2]!.id), 'with the ids of before')
  t.notOk(again.includes(before[0]!.id), 'what was acknowledged and stored does not come again')
  const entries = [...before[0]!.data, ...b.sent.flatMap(({ data }) => data)]
  const byId = new Map<string, string[]>()
  for (const { id, state } of entries) byId.set(id, [...(byId.get(id) ?? []), state])
  t.equal(byId.size, 450)
  t.ok([...byId.values()].every((states) => states.join() === 'sent,delivered'))
})

t.test('a silent endpoint holds one place from the beginning, and each gets its turn', async (t) => {
  const b = bench(t)
  for (let n = 0; n < 31; n++) await b.endpoint(`dead${n}`)
  await b.endpoint('live')
  b.script = ({ url }) => (url.includes('dead') ? null : ok)
  await b.happen(...Array.from({ length: 3_000 }, (_, n): [number, number] => [n, STATE.sent]))
  await b.settle()
  t.equal(b.sent.filter(({ url }) => url.includes('dead')).length, 31)
  t.equal(b.sent.filter(({ url }) => url.includes('live')).flatMap(({ data }) => data).length, 3_000)
})

t.test('events are forgotten when they are delivered and old, and numbers go on', async (t) => {
  const b = bench(t)
  const endpoint = await b.endpoint()
  const { book, log, jobs, documents } = b
  const retention = new EventRetention({
    book,
    log,
    jobs,
    drops: new DropEvents(documents),
    documents,
    retentionMs: 7 * 24 * HOUR_MS,
  })
  b.script = () => broken
  for (let n = 0; n < 5; n++) {
    await b.happen([n, STATE.sent])
    await b.pass(HOUR_MS, HOUR_MS)
  }
  await retention.run(b.nowMs + 30 * 24 * HOUR_MS)
  t.equal(log.oldest(1), 1, 'what waits is kept')
  b.script = () => ok
  await b.pass(2 * HOUR_MS, HOUR_MS)
  t.equal(endpoint.backlog, 0)
  await retention.run(b.nowMs + 6 * 24 * HOUR_MS)
  t.equal(log.oldest(1), 1, 'what is not old is kept')
  t.equal(log.since(1, START_MS + 2 * HOUR_MS), 3)
  await retention.run(b.nowMs + 8 * 24 * HOUR_MS)
  t.equal(log.oldest(1), 5, 'but for the newest')
  t.equal(log.next(1), 6)
  t.equal(endpoint.replay(START_MS), 1)
})

t.test('events are found by number and by time, across records of any size', async (t) => {
  const b = bench(t)
  const times: number[] = []
  for (const count of [1, 511, 512, 513, 3, 2_000, 1]) {
    await b.happen(...Array.from({ length: count }, (_, n): [number, number] => [n, STATE.sent]))
    times.push(...Array.from({ length: count }, () => b.nowMs))
    b.nowMs += 10
  }
  t.equal(b.log.next(1), times.length + 1)
  for (let n = 0; n < 300; n++) {
    const from = 1 + b.random.below(times.length)
    const [first] = b.log.read(1, from, 1)
    t.equal(first!.number, from)
    t.equal(first!.atMs, times[from - 1])
    const sinceMs = START_MS - 5 + b.random.below(90)
    const wanted = times.findIndex((atMs) => atMs >= sinceMs)
    t.equal(b.log.since(1, sinceMs), wanted < 0 ? times.length + 1 : wanted + 1, `since ${sinceMs - START_MS}`)
  }
  t.equal(b.log.read(1, 1, 10_000).length, times.length)
  t.equal(b.log.next(2), 1, 'another account has none')
  t.strictSame(b.log.read(2, 1, 10), [])
})

t.test('a damaged record costs its own events and no others, and no number is given twice', async (t) => {
  const b = bench(t)
  const endpoint = await b.endpoint()
  const damaged: number[] = []
  b.log.onDamage = (_account, first) => damaged.push(first)
  const flip = async (first: number): Promise<void> => {
    const bytes = Buffer.from(b.environment.events.getBinary([1, first])!)
    bytes[bytes.length - 10]! ^= 4
    await b.environment.events.put([1, first], bytes)
    b.log.refresh()
  }
  b.script = () => null
  for (let n = 0; n < 3; n++) await b.happen([n, STATE.sent])
  await flip(2)
  b.script = () => ok
  await b.settle()
  t.strictSame(
    b.sent.flatMap(({ data }) => data.map(({ id }) => id)),
    ['msg_00000000080', 'msg_00000000082'],
  )
  t.ok(damaged.includes(2))
  await b.happen([3, STATE.sent])
  await flip(4)
  t.ok(b.log.next(1) >= 4 + 512, 'numbers go on behind all that it may have held')
  await b.happen([5, STATE.sent])
  await b.settle()
  t.equal(b.sent.at(-1)!.data[0]!.id, 'msg_00000000085')
  t.equal(endpoint.backlog, 0)
})

t.test('a retry does not wait a day longer because the clock was set back by one', async (t) => {
  const stand = bench(t)
  await stand.endpoint()
  stand.script = () => broken
  await stand.happen([1, STATE.delivered])
  await stand.settle()
  t.equal(stand.sent.length, 1)
  stand.script = () => ok
  stand.nowMs -= 24 * HOUR_MS
  await stand.pass(10_000)
  t.equal(stand.sent.length, 2, 'it goes again within seconds')
  await stand.pass(10_000)
  t.equal(stand.sent.length, 2, 'and once')
})
