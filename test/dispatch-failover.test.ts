/** Several carriers behind one dispatcher: order, share, time, refusals, and what must stay together or in order. */
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import { systemClock } from '../src/engine/contract/clock.js'
import type { JobDispatch } from '../src/engine/contract/lane.js'
import { silentLog } from '../src/engine/contract/log.js'
import { blockOf, placeOf, STATE } from '../src/engine/contract/message.js'
import { noMetrics } from '../src/engine/contract/metrics.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { Carrier } from '../src/engine/dispatch/carriers.js'
import { Dispatcher } from '../src/engine/dispatch/dispatcher.js'
import type { RouteTerms } from '../src/engine/schedule/routes.js'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { decodeState } from '../src/engine/store/decoded-state.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { type Answer, appendMessages, jobDispatch, ScriptedChannel, type Sent, tempDir } from './dispatch-harness.js'
import { seed } from './seed.js'

t.comment(`seed ${seed}`)

/** A carrier that keeps what it accepted, in order. */
class Channel extends ScriptedChannel {
  readonly taken: Sent[] = []
  isAvoided = false

  override get avoided(): boolean {
    return this.isAvoided
  }

  answersBy(answer: (sent: Sent) => Answer): void {
    this.answer = (sent) => {
      const given = answer(sent)
      if (given === OUTCOME.accepted) this.taken.push(sent)
      return given
    }
  }
}

interface Started {
  a: Channel
  b: Channel
  dispatcher: Dispatcher
  store: LmdbStore
  finished: Promise<void>
  until(holds: () => boolean): Promise<void>
  stop(): Promise<void>
}

interface Setting {
  terms: Partial<RouteTerms> & Pick<RouteTerms, 'carriers'>
  job?: Partial<JobDispatch>
  messages: number
  window?: number
  dataDir?: string
  append?: (store: LmdbStore) => void
  before?: (started: { a: Channel; b: Channel; changed: () => void }) => void
}

const BY_ORDER = [
  { id: 'a', order: 1, weight: 1 },
  { id: 'b', order: 2, weight: 1 },
]

async function start(t: Test, setting: Setting): Promise<Started> {
  const environment = openEnvironment(setting.dataDir ?? tempDir(t))
  const store = new LmdbStore(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }))
  const waiters: { holds: () => boolean; resolve: () => void }[] = []
  const look = (): void => {
    for (const waiter of waiters.splice(0)) {
      if (waiter.holds()) waiter.resolve()
      else waiters.push(waiter)
    }
  }
  let isFinished = false
  let isStopped = false
  const dispatcher = new Dispatcher({
    environment,
    clock: systemClock,
    random: new Random(seed),
    metrics: noMetrics,
    log: silentLog,
    termsOf: () => ({ failoverAfterMs: 0, ...setting.terms }),
    hasSpace: () => true,
    port: {
      progress: look,
      inbound() {},
      finished() {
        isFinished = true
        look()
      },
      fatal(error) {
        if (!isStopped) throw error
      },
    },
  })
  const make = (id: string, sink: number): Channel => {
    const channel = new Channel(id, dispatcher.inbox.sink(sink), {
      window: setting.window ?? 50,
      firstId: sink * 1e6 + 1,
    })
    channel.answersBy(() => OUTCOME.accepted)
    return channel
  }
  const [a, b] = [make('a', 0), make('b', 1)]
  if (setting.messages > 0) appendMessages(store, 1, setting.messages)
  setting.append?.(store)
  const changed = (): void => {
    dispatcher.inbox.bindsChanged = true
    dispatcher.wake()
  }
  setting.before?.({ a, b, changed })
  const terms = { request: 'final', timeoutSeconds: 3600 } as const
  const carriers = [a, b].map((channel, n) => new Carrier(channel, n, { terms, metrics: noMetrics }))
  await dispatcher.start(carriers, [jobDispatch(1, setting.messages, { distinct: true, ...setting.job })])
  const until = (holds: () => boolean): Promise<void> =>
    holds() ? Promise.resolve() : new Promise((resolve) => waiters.push({ holds, resolve }))
  const stop = async (): Promise<void> => {
    if (isStopped) return
    isStopped = true
    await dispatcher.drain(0)
    await environment.root.close()
  }
  t.teardown(stop)
  return { a, b, dispatcher, store, finished: until(() => isFinished), until, stop }
}

function distinct(...channels: Channel[]): number {
  return new Set(channels.flatMap(({ taken }) => taken.map(({ ref, part }) => `${ref}/${part}`))).size
}
function takenBy(...channels: Channel[]): number {
  return channels.reduce((sum, { taken }) => sum + taken.length, 0)
}

t.test('the first carrier has all; when it goes down the next has the rest; nothing is sent twice', async (t) => {
  let before = -1
  const { a, b, finished } = await start(t, {
    terms: { carriers: BY_ORDER },
    messages: 900,
    before: ({ a, b, changed }) =>
      a.answersBy(() => {
        if (a.taken.length === 100 && before < 0) {
          before = b.count
          a.up = false
          changed()
        }
        return OUTCOME.accepted
      }),
  })
  await finished
  t.equal(before, 0, 'the second one had nothing while the first was up')
  t.equal(distinct(a, b), 900)
  t.equal(takenBy(a, b), 900)
  t.ok(b.taken.length > 0 && a.taken.length <= 100 + a.window, `${a.taken.length} and ${b.taken.length}`)
})

t.test('carriers of one order share by weight; when one goes the others take its share', async (t) => {
  const shares = [
    { id: 'a', order: 1, weight: 75 },
    { id: 'b', order: 1, weight: 25 },
  ]
  const { a, b, finished } = await start(t, { terms: { carriers: shares }, messages: 2_000 })
  await finished
  t.equal(takenBy(a, b), 2_000)
  t.ok(Math.abs(a.taken.length - 1_500) <= 30, `${a.taken.length} of 2,000 by the one of weight 75`)
  const alone = await start(t, {
    terms: { carriers: shares },
    messages: 500,
    before: ({ a }) => {
      a.up = false
    },
  })
  await alone.finished
  t.equal(alone.b.taken.length, 500)
})

t.test('one-message jobs share by weight as well', async (t) => {
  const carriers = [
    { id: 'a', order: 1, weight: 3 },
    { id: 'b', order: 1, weight: 1 },
  ]
  const started = await start(t, { terms: { carriers }, messages: 1 })
  await started.finished
  for (let job = 2; job <= 200; job++) {
    appendMessages(started.store, job, 1)
    started.dispatcher.job(jobDispatch(job, 1, { distinct: true }))
  }
  await started.until(() => takenBy(started.a, started.b) === 200)
  t.ok(Math.abs(started.a.taken.length - 150) <= 20, `${started.a.taken.length} of 200`)
})

t.test('what a carrier sends on goes to the next one; when all have, it fails with the status', async (t) => {
  const sendsOn = (n: number) => (sent: Sent) => (placeOf(sent.ref) % n === 0 ? OUTCOME.rerouted : OUTCOME.accepted)
  const { a, b, dispatcher, finished } = await start(t, {
    terms: { carriers: BY_ORDER },
    messages: 200,
    before: ({ a, b }) => {
      a.answersBy(sendsOn(5))
      b.answersBy(sendsOn(10))
    },
  })
  await finished
  t.equal(a.taken.length, 160)
  t.equal(b.taken.length, 20)
  t.equal(b.count, 40, 'each was offered once')
  const [state] = await new Promise<(Uint8Array | null)[]>((resolve) => {
    dispatcher.states([blockOf(a.sent[0]!.ref)], resolve)
  })
  const { states, statuses, history } = decodeState(state!)
  t.equal(states.filter((one) => one === STATE.failed).length, 20)
  t.equal(statuses[0], 0x0a)
  t.match(
    history(0).map(({ code, carrier }) => [code, carrier]),
    [
      [OUTCOME.rerouted, 0],
      [OUTCOME.rejected, 1],
    ],
  )
})

t.test('what has waited too long goes by the next carrier, but not what is unanswered', async (t) => {
  const { a, b, until } = await start(t, {
    terms: { carriers: BY_ORDER, failoverAfterMs: 300 },
    messages: 40,
    window: 4,
    before: ({ a }) => a.answersBy(() => 'silence'),
  })
  await until(() => b.taken.length === 36)
  t.equal(a.sent.length, 4, 'its window')
  t.equal(new Set([...a.sent, ...b.taken].map(({ ref }) => ref)).size, 40)
})

t.test('a carrier that is to be avoided has nothing while another is up, and all when it is alone', async (t) => {
  let early = -1
  const { a, b, finished } = await start(t, {
    terms: { carriers: BY_ORDER },
    messages: 400,
    before: ({ a, b, changed }) => {
      a.isAvoided = true
      b.answersBy(() => {
        if (b.taken.length === 50) {
          if (early < 0) early = a.count
          b.up = false
          changed()
        }
        return OUTCOME.accepted
      })
    },
  })
  await finished
  t.equal(early, 0)
  t.ok(a.taken.length > 0)
  t.equal(distinct(a, b), 400)
  t.equal(takenBy(a, b), 400)
})

const TWO_PARTS = {
  partCount: 2,
  bytes: Buffer.alloc(20, 'x'),
  partStarts: new Uint32Array([0, 10]),
  partLengths: new Uint16Array([10, 10]),
}
const EVEN = [
  { id: 'a', order: 1, weight: 1 },
  { id: 'b', order: 1, weight: 1 },
]

t.test('the rest of a message goes to the carrier that has its first part, also after a restart', async (t) => {
  const throttled = new Set<number>()
  const setting: Setting = {
    terms: { carriers: EVEN },
    messages: 0,
    job: { accepted: 60 },
    append: (store) => appendMessages(store, 1, 60, TWO_PARTS),
    before: ({ a, b }) => {
      for (const channel of [a, b]) {
        channel.answersBy(({ ref, part }) => {
          if (part === 0 || throttled.has(ref)) return OUTCOME.accepted
          throttled.add(ref)
          return OUTCOME.throttled
        })
      }
    },
  }
  const { a, b, finished } = await start(t, setting)
  await finished
  const carrierOf = new Map<number, Set<string>>()
  for (const channel of [a, b]) {
    for (const { ref } of channel.taken) carrierOf.set(ref, (carrierOf.get(ref) ?? new Set()).add(channel.id))
  }
  t.equal(distinct(a, b), 120)
  t.equal(takenBy(a, b), 120)
  t.ok(a.taken.length > 0 && b.taken.length > 0)
  t.equal([...carrierOf.values()].filter((carriers) => carriers.size > 1).length, 0)

  const dataDir = tempDir(t)
  const halfway: Setting = {
    ...setting,
    dataDir,
    before: ({ a, b }) => {
      for (const channel of [a, b]) channel.answersBy(({ part }) => (part === 0 ? OUTCOME.accepted : 'silence'))
    },
  }
  const first = await start(t, halfway)
  await first.until(() => takenBy(first.a, first.b) === 60)
  await first.stop()
  const second = await start(t, {
    ...setting,
    dataDir,
    append: () => {},
    before: ({ a, b }) => {
      for (const channel of [a, b]) channel.answersBy(() => OUTCOME.accepted)
    },
  })
  await second.until(() => takenBy(second.a, second.b) === 60)
  const rests = (channel: Channel): number[] => channel.taken.map(({ ref }) => ref).sort((x, y) => x - y)
  t.strictSame(rests(second.a), rests(first.a), 'each carrier has the rest of what it began')
  t.strictSame(rests(second.b), rests(first.b))
  t.ok(second.a.taken.every(({ part }) => part === 1))
})

t.test('messages to one number stay in order whatever is throttled, over all carriers of their route', async (t) => {
  const random = new Random(seed)
  let ordered: Sent[] = []
  const { a, b, finished } = await start(t, {
    terms: { carriers: EVEN },
    messages: 0,
    job: { accepted: 100, distinct: false },
    append: (store) => {
      for (let n = 0; n < 100; n++) appendMessages(store, 1, 1, { digits: String(447_700_900_000 + (n % 10)) })
    },
    before: ({ a, b }) => {
      for (const channel of [a, b]) {
        channel.answersBy(() => (random.next() < 0.3 ? OUTCOME.throttled : OUTCOME.accepted))
        channel.receipt = () => OUTCOME.delivered
      }
      const order: Sent[] = []
      for (const channel of [a, b]) {
        const { answer } = channel
        channel.answer = (sent) => {
          const given = answer(sent)
          if (given === OUTCOME.accepted) order.push(sent)
          return given
        }
      }
      ordered = order
    },
  })
  await finished
  t.equal(ordered.length, 100)
  t.equal(distinct(a, b), 100)
  const last = new Map<string, number>()
  const wrong = ordered.filter(({ to, ref }) => {
    const isWrong = ref < (last.get(to) ?? 0)
    last.set(to, ref)
    return isWrong
  })
  t.strictSame(wrong, [])
  t.equal(last.size, 10)
})

t.test('cancel ends what waits behind another message and what is being tried again', async (t) => {
  const { a, dispatcher, finished, until } = await start(t, {
    terms: { carriers: BY_ORDER },
    messages: 0,
    job: { accepted: 50, distinct: false },
    append: (store) => {
      for (let n = 0; n < 50; n++) appendMessages(store, 1, 1, { digits: '447700900000' })
    },
    before: ({ a }) => a.answersBy(() => (a.count > 10 ? OUTCOME.throttled : OUTCOME.accepted)),
  })
  await until(() => a.count > 11)
  dispatcher.job(jobDispatch(1, 50, { distinct: false, state: 'canceled' }))
  await finished
  t.equal(a.taken.length, 10)
})
