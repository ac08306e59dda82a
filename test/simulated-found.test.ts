/** What the simulated core found in the product, each in its smallest form; the seeds of the other files hold the whole of it. */
import t from 'tap'
import { TimeHeap } from '../src/engine/base/heap.js'
import { Random } from '../src/engine/base/random.js'
import { STATE } from '../src/engine/contract/message.js'
import { OUTCOME, type OutcomeCode } from '../src/engine/contract/outcome.js'
import { BlockState } from '../src/engine/store/block-state.js'
import { blankEntry } from '../src/engine/store/entry.js'
import { appendMessages, jobDispatch, startDispatcher, tempDir } from './dispatch-harness.js'
import { seed } from './seed.js'

t.test('what falls due at the same time comes out in the order of its refs, however it went in', (t) => {
  const random = new Random(seed)
  for (let round = 0; round < 50; round++) {
    const heap = new TimeHeap()
    const refs = Array.from({ length: 40 }, (_, ref) => ({ ref, at: random.below(4), rank: random.next() }))
    for (const { at, ref } of [...refs].sort((one, other) => one.rank - other.rank)) heap.push(at, ref)
    const out = refs.map(() => ({ at: heap.nextTime, ref: heap.pop() }))
    const wanted = [...refs].sort((one, other) => one.at - other.at || one.ref - other.ref)
    t.same(
      out,
      wanted.map(({ at, ref }) => ({ at, ref })),
    )
  }
  t.end()
})

/** A message of three parts whose attempt has begun. */
function begun(): BlockState {
  const state = new BlockState(1, { count: 1, job: 1, route: 1 })
  state.parts[0] = 3
  settle(state, OUTCOME.authorised, 0, 1)
  return state
}

function settle(state: BlockState, code: OutcomeCode, part: number, status = 0): void {
  state.apply({ ...blankEntry(), code, part, status, attempt: 1, carrier: 0 })
}

t.test('a message of several parts is being sent until the last of them is settled, also when it is read back', (t) => {
  for (const refused of [OUTCOME.unavailable, OUTCOME.throttled, OUTCOME.notSent, OUTCOME.unanswered]) {
    const state = begun()
    settle(state, refused, 1)
    t.equal(state.states[0], STATE.sending, 'the others are under way')
    settle(state, OUTCOME.accepted, 0)
    const again = BlockState.decode(1, state.encode())
    for (const one of [state, again]) {
      t.equal(one.states[0], STATE.sending)
      t.equal(one.open.of(0), 0b100, 'a crash leaves this one in doubt, and no other')
      settle(one, OUTCOME.accepted, 2)
      t.equal(one.states[0], STATE.queued, 'the refused one goes again')
      settle(one, OUTCOME.authorised, 0, 1)
      t.equal(one.open.of(0), 0b010, 'alone')
    }
  }
  t.end()
})

t.test('a job that is canceled twice at once counts each of its messages once', async (t) => {
  const job = jobDispatch(1, 600)
  const harness = await startDispatcher({
    dataDir: tempDir(t),
    jobs: [{ ...job, state: 'paused' }],
    before: (store) => appendMessages(store, 1, 600),
  })
  t.teardown(() => harness.abandon())
  for (let n = 0; n < 3; n++) harness.dispatcher.job({ ...job, state: 'canceled' })
  await harness.finished(1)
  t.equal(harness.progress.get(1)?.states[STATE.canceled], 600)
})
