/** Messages that wait for their time are canceled while the disk is busy with one that was canceled before. */
import t from 'tap'
import { type MessageRef, messageRef, STATE } from '../src/engine/contract/message.js'
import { appendMessages, jobDispatch, startDispatcher, tempDir } from './dispatch-harness.js'

const JOB = 7
const MESSAGES = 3
const HOUR_SECONDS = 3_600

t.test(
  'counts of a job that ends with its canceled messages add up, whatever the queue index shows in between',
  async (t) => {
    const laterMs = { value: 0 }
    const dueSeconds = Math.floor(Date.now() / 1000) + HOUR_SECONDS
    const harness = await startDispatcher({
      dataDir: tempDir(t),
      jobs: [],
      laterMs,
      before: (store) => appendMessages(store, JOB, MESSAGES, { dueSeconds }),
    })
    t.teardown(() => harness.abandon())
    const { dispatcher, environment } = harness
    dispatcher.job(jobDispatch(JOB, MESSAGES))
    await harness.until(JOB, ({ states }) => states[STATE.scheduled] === MESSAGES)

    const [block] = [...environment.blocks.getKeys({})] as number[]
    const cancel = (...places: number[]) => {
      const refs = places.map((place): MessageRef => messageRef(block!, place))
      dispatcher.settling.cancel(refs, () => {})
    }
    // The moment at which the first is handed to the disk: whatever the loop does next, the index has the others still.
    const batch = environment.root.batch.bind(environment.root)
    environment.root.batch = ((work: () => void) => {
      const written = batch(work)
      environment.root.batch = batch
      queueMicrotask(() => cancel(1, 2))
      // And by the next turn of the loop it is time to look at the index.
      written.then(() => {
        laterMs.value += 1_000
      })
      return written
    }) as typeof batch
    cancel(0)
    await harness.finished(JOB)
    const { states } = harness.progress.get(JOB)!
    t.equal(states[STATE.canceled], MESSAGES)
    t.equal(states[STATE.scheduled], 0)
    const stored = harness.store.counts(JOB)!
    t.equal(stored.states[STATE.scheduled], 0, 'and so they are kept')
  },
)
