/** What was in flight, was never answered, or was accepted at a kill: whose the replies are, at the dispatcher. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { blockOf, STATE } from '../src/engine/contract/message.js'
import { OUTCOME, type OutcomeSink } from '../src/engine/contract/outcome.js'
import { BlockBuilder } from '../src/engine/store/block.js'
import { openInbound, type TalkedTo } from '../src/engine/store/inbound-record.js'
import type { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { type Harness, jobDispatch, record, ScriptedChannel, startDispatcher, tempDir } from './dispatch-harness.js'
import { pdu } from './inbound-support.js'

const SENDER = '80800'
const JOBS = [1, 2, 3].map((job) => jobDispatch(job, 1, { account: job, onUnanswered: 'hold' }))
/** Since when what is in flight has been under way. */
const AGO_MS = 10_000

/** One message of job and account `job`, to recipient `n`. Its block. */
function append(store: LmdbStore, job: number, n: number): number {
  const head = { job, account: job, route: 1, from: SENDER, lockSeconds: 3_600, createdSeconds: 1, range: null }
  const builder = new BlockBuilder(head)
  builder.add(record(n))
  const block = store.numbers.take()
  store.append({ job, blocks: [builder.seal(block)], range: null })
  return block
}

interface Stand extends Harness {
  /** Account that the dispatcher found for a reply of recipient `n`, once it is kept. */
  reply(n: number): Promise<number | undefined>
}

/** `silent`: blocks whose messages are never answered. */
async function start(
  t: Test,
  dataDir: string,
  silent: Set<number>,
  before?: (store: LmdbStore) => void,
): Promise<Stand> {
  let sink!: OutcomeSink
  let kept = (): void => {}
  const harness = await startDispatcher({
    dataDir,
    jobs: JOBS,
    before,
    makeChannel: (given) => {
      sink = given
      const channel = new ScriptedChannel('test', given)
      channel.receipt = () => null
      channel.answer = ({ ref }) => (silent.has(blockOf(ref)) ? 'silence' : OUTCOME.accepted)
      const { sentAgoMs } = channel
      return Object.assign(channel, {
        acknowledge: () => kept(),
        sentAgoMs: (ref: Parameters<typeof sentAgoMs>[0]) => (sentAgoMs.call(channel, ref) < 0 ? -1 : AGO_MS),
      })
    },
  })
  t.teardown(() => harness.abandon())
  const reply = async (n: number): Promise<number | undefined> => {
    const { carrier: _carrier, atMs: _atMs, run: _run, doubtFrom: _doubtFrom, ...message } = pdu()
    await new Promise<void>((resolve) => {
      kept = resolve
      sink.inbound({ ...message, from: String(447_700_000_000 + n), to: SENDER, session: 1, sequence: n })
    })
    harness.environment.root.resetReadTxn()
    const [last] = [...harness.environment.inbound.getRange({ reverse: true, limit: 1 })]
    const replied: TalkedTo | null | undefined = openInbound(last!.value)!.replied
    return replied?.account
  }
  return { ...harness, reply }
}

t.test(
  'a message in flight is answered by its account, before and after a kill; one known to have left later stays the last',
  async (t) => {
    const dataDir = tempDir(t)
    const silent = new Set<number>()
    const stand = await start(t, dataDir, silent, (store) => {
      silent.add(append(store, 1, 5))
      silent.add(append(store, 2, 6))
      append(store, 3, 5)
    })
    await stand.until(3, ({ states }) => states[STATE.sent] === 1)
    await stand.until(1, ({ states }) => states[STATE.sending] === 1)
    await stand.until(2, ({ states }) => states[STATE.sending] === 1)
    t.equal(stand.channel.sent.length, 3)
    t.strictSame([await stand.reply(5), await stand.reply(6), await stand.reply(7)], [3, 2, undefined])

    // What is on disk at this moment is what a kill would leave.
    const copy = tempDir(t)
    mkdirSync(path.join(copy, 'queue'))
    const { root } = stand.environment
    await (root as unknown as { backup(to: string): Promise<void> }).backup(path.join(copy, 'queue'))
    const after = await start(t, copy, silent)
    await after.until(2, ({ states }) => states[STATE.unknown] === 1)
    t.strictSame([await after.reply(5), await after.reply(6), await after.reply(7)], [3, 2, undefined])
    t.equal(after.channel.sent.length, 0, 'what may have been sent is held')
  },
)
