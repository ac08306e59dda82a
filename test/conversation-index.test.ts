/** Who wrote last to whom: the index of conversations against a naive list, over spills, restarts and every way of writing a number. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { looseFit, looseNumber, looseSender } from '../src/engine/base/loose-number.js'
import { Random } from '../src/engine/base/random.js'
import { DispatchStore, emptyCommit } from '../src/engine/store/dispatch-store.js'
import { type Environment, openEnvironment } from '../src/engine/store/environment.js'
import { blankTalk, type Talk, TalkLook } from '../src/engine/store/talk.js'
import { TalkIndex } from '../src/engine/store/talk-index.js'
import { tempDir } from './dispatch-harness.js'
import { seed } from './seed.js'

const START_MS = Date.UTC(2026, 10, 22)
const DAY_MS = 86_400_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function open(t: Test): Environment {
  const environment = openEnvironment(tempDir(t))
  t.teardown(() => environment.root.close())
  return environment
}
class Stand {
  readonly #environment: Environment
  readonly #limit: number
  readonly #store: DispatchStore
  index: TalkIndex

  constructor(environment: Environment, limit: number) {
    this.#environment = environment
    this.#limit = limit
    this.#store = new DispatchStore(environment)
    this.index = new TalkIndex(environment, limit)
  }

  async commit(): Promise<void> {
    const { talks, durable } = this.index.seal()
    await this.#store.commit({ ...emptyCommit(), talks })
    durable()
  }

  /** What a new process finds: everything that no commit took is gone. */
  restart(): void {
    this.index = new TalkIndex(this.#environment, this.#limit)
  }

  find(to: string, from: string, tons = { to: 0, from: 1 }): Talk | null {
    const look = new TalkLook()
    look.begin(looseNumber(to, tons.to), looseNumber(from, tons.from))
    this.index.find(look)
    return look.rank === 0 ? null : look.found
  }
}

function talk(sender: string, recipient: string, change: Partial<Talk> = {}): Talk {
  return {
    ...blankTalk(),
    sender: looseSender(sender),
    recipient: looseNumber(`+${recipient}`),
    ref: 256,
    sentMs: START_MS,
    account: 1,
    lockSeconds: 3_600,
    ...change,
  }
}

t.test('the same two numbers are found however sender and carrier write them', async (t) => {
  const same = [
    ['+447700900000', '447700900000', 1],
    ['+447700900000', '+447700900000', 0],
    ['+447700900000', '00447700900000', 0],
    ['+447700900000', '447700900000', 0],
    ['+447700900000', '07700900000', 2],
    ['+447700900000', '7700900000', 0],
    ['447700900000', '07700900000', 2],
    ['07700900000', '447700900000', 1],
    ['80800', '80800', 1],
    ['80800', '80800', 3],
    ['12025550123', '2025550123', 2],
    ['+393331234567', '3331234567', 0],
  ] as const
  for (const [from, to, ton] of same) t.ok(looseFit(looseSender(from), looseNumber(to, ton)), `${from} ${to} ${ton}`)
  const others = [
    ['+447700900000', '4917700900000', 1],
    ['+447700900000', '447700900001', 1],
    ['+447700900000', '900000', 0],
    ['80800', '447700980800', 1],
    ['80800', '80801', 3],
    ['ACME', 'ACME', 5],
    ['', '', 0],
    ['0', '0', 0],
    ['1234567890123456', '1234567890123456', 0],
  ] as const
  for (const [from, to, ton] of others) t.notOk(looseFit(looseSender(from), looseNumber(to, ton)), `${from} ${to}`)
})

t.test('the full number is preferred, else the later message counts', async (t) => {
  const stand = new Stand(open(t), 1_000)
  stand.index.enter(talk('80800', '447700900123', { ref: 1, account: 1 }))
  stand.index.enter(talk('80800', '497700900123', { ref: 2, account: 2, sentMs: START_MS + 1 }))
  t.equal(stand.find('80800', '447700900123')?.account, 1)
  t.equal(stand.find('80800', '497700900123')?.account, 2)
  t.equal(stand.find('80800', '07700900123', { to: 3, from: 2 })?.account, 2, 'a national number fits both')
  t.equal(stand.find('80801', '447700900123'), null)
})

t.test('any order of messages, commits, spills and restarts gives what a naive list gives', async (t) => {
  for (let round = 0; round < 5; round++) {
    const random = new Random(seed + round)
    const stand = new Stand(open(t), 40)
    const model = new Map<string, Talk>()
    let nowMs = START_MS
    for (let step = 0; step < 1_000; step++) {
      nowMs += random.below(2_000)
      const sender = `8080${random.below(3)}`
      const recipient = `44770090${String(random.below(60)).padStart(4, '0')}`
      if (random.below(100) < 70) {
        const one = talk(sender, recipient, { ref: step + 1, account: random.below(3) + 1, sentMs: nowMs })
        stand.index.enter(one)
        model.set(`${sender} ${recipient}`, one)
      } else if (random.below(4) > 0) await stand.commit()
      else {
        await stand.commit()
        stand.restart()
      }
      const found = stand.find(sender, recipient)
      const expected = model.get(`${sender} ${recipient}`)
      if (found?.ref !== expected?.ref || found?.account !== expected?.account)
        return t.same(found, expected, `seed ${seed + round} step ${step}`)
    }
    t.ok(stand.index.size.segments > 0, 'some of it was on disk')
  }
})

t.test('what no commit took is gone after a kill, and nothing else', async (t) => {
  const stand = new Stand(open(t), 20)
  for (let n = 0; n < 15; n++) stand.index.enter(talk('80800', `4477009000${n + 10}`, { ref: n + 1 }))
  await stand.commit()
  // The table turns over in the middle of what the next commit would have taken.
  for (let n = 15; n < 30; n++) stand.index.enter(talk('80800', `4477009000${n + 10}`, { ref: n + 1 }))
  t.equal(stand.find('80800', '447700900010')?.ref, 1, 'also from a table whose segment is not on disk')
  stand.restart()
  for (let n = 0; n < 30; n++) t.equal(stand.find('80800', `4477009000${n + 10}`)?.ref, n < 15 ? n + 1 : undefined)
})

t.test('the log stays short where the same two are written to again and again', async (t) => {
  const environment = open(t)
  const stand = new Stand(environment, 50)
  for (let n = 0; n < 5_000; n++) {
    stand.index.enter(talk('80800', `4477009000${(n % 10) + 10}`, { ref: n + 1, sentMs: START_MS + n * 100_000 }))
    if (n % 7 === 0) await stand.commit()
  }
  for (let n = 0; n < 5; n++) await stand.commit()
  const logged = [...environment.talks.getRange({})].reduce((sum, { value }) => sum + value.length / 40, 0)
  t.ok(logged <= 150, `${logged} entries for 10 pairs`)
  stand.restart()
  t.equal(stand.find('80800', '447700900019')?.ref, 5_000)
})

t.test('segments are dropped a day after their last lock, and the log with them', async (t) => {
  const environment = open(t)
  const stand = new Stand(environment, 10)
  for (let n = 0; n < 40; n++) stand.index.enter(talk('80800', `4477009000${n + 10}`, { ref: n + 1 }))
  await stand.commit()
  t.equal(stand.index.size.segments, 3)
  const later = { sentMs: START_MS + 3 * DAY_MS }
  for (let n = 0; n < 11; n++) stand.index.enter(talk('80800', `4477009001${n + 10}`, { ref: 100 + n, ...later }))
  await stand.commit()
  t.equal(stand.find('80800', '447700900010'), null)
  stand.restart()
  t.strictSame([stand.find('80800', '447700900010'), stand.find('80800', '447700900110')?.ref], [null, 100])
  t.ok(stand.index.size.segments <= 1)
  t.equal(environment.talkSegments.getKeysCount() <= 2, true, 'nothing of them is left on disk')
})

t.test('a million conversations take the memory of the hot table and no more', async (t) => {
  const environment = open(t)
  const stand = new Stand(environment, 1 << 16)
  const one = talk('80800', '447700900000')
  const before = memory()
  for (let n = 0; n < 1_000_000; n++) {
    one.recipient = 447_000_000_000 + n
    one.ref = n + 1
    stand.index.enter(one)
    if (n % 16_384 === 0) await stand.commit()
  }
  await stand.commit()
  t.ok(stand.index.size.hot <= 1 << 16)
  t.ok(stand.index.size.segments >= 15)
  const grown = memory() - before
  t.ok(grown < 32 << 20, `${Math.round(grown / 2 ** 20)} MiB beside what LMDB maps`)
  for (const n of [0, 1, 65_535, 500_000, 999_999])
    t.equal(stand.find('80800', String(447_000_000_000 + n))?.ref, n + 1)
  t.equal(stand.find('80800', '448000000000'), null)
})

/** Of the heap and typed arrays, without what is not used any more. */
function memory(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
