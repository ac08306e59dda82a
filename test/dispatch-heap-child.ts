/**
 * The loop of the dispatcher in a process of its own, with a carrier in memory that makes no garbage: whatever is allocated is
 * the loop's. To be started with --expose-gc. argv has the messages of a round, and how many rounds are measured; prints one
 * JSON line.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { GCProfiler, getHeapStatistics } from 'node:v8'
import type { MessageRef, OutgoingMessage } from '../src/engine/contract/message.js'
import { OUTCOME, type OutcomeSink, type Receipt, type Settlement } from '../src/engine/contract/outcome.js'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { appendMessages, jobDispatch, ScriptedChannel, startDispatcher } from './dispatch-harness.js'

const WINDOW = 1_000
const ID_LENGTH = 9

/** What the parent reads. */
export interface HeapSays {
  /** Of each round. */
  bytesPerMessage: number[]
}

/** Accepts and delivers whatever it is given, as soon as the loop has written. Its reports are the same few objects each time. */
class ReusingChannel extends ScriptedChannel {
  readonly #sink: OutcomeSink
  readonly #refs = new Float64Array(WINDOW)
  readonly #id = Buffer.alloc(ID_LENGTH)
  readonly #settlement: Settlement
  readonly #receipt: Receipt
  /** Given and not answered; answered and not durable. */
  #given = 0
  #owed = 0
  #isAsked = false

  constructor(sink: OutcomeSink) {
    super('test', sink)
    this.#sink = sink
    const id = { id: this.#id, idStart: 0, idLength: ID_LENGTH }
    const ref = 0 as MessageRef
    this.#settlement = { ...id, bind: 0, ref, part: 0, code: OUTCOME.accepted, status: 0, delayMs: -1 }
    const about = { error: '', source: 0, destination: 0, doneSeconds: 0, byText: false }
    this.#receipt = { ...id, ...about, bind: 0, session: 1, sequence: 0, code: OUTCOME.delivered }
  }

  override capacity(): number {
    return Math.max(0, Math.min(WINDOW, 2 * WINDOW - this.#owed) - this.#given)
  }
  override send(message: OutgoingMessage): boolean {
    this.#refs[this.#given++] = message.ref
    return true
  }
  override flush(): void {
    if (this.#isAsked) return
    this.#isAsked = true
    setImmediate(this.#answer)
  }
  override tick(): void {}
  override nextCapacityMs(): number {
    return Number.POSITIVE_INFINITY
  }
  override durable(_bind: number, count: number): void {
    this.#owed -= count
  }

  readonly #answer = (): void => {
    this.#isAsked = false
    const given = this.#given
    this.#given = 0
    this.#owed += given
    for (let n = 0; n < given; n++) {
      this.#writeId(++this.count)
      this.#settlement.ref = this.#refs[n] as MessageRef
      this.#sink.settled(this.#settlement)
      this.#receipt.sequence = this.count
      this.#sink.receipt(this.#receipt)
    }
  }

  /** In decimal digits, without a string. */
  #writeId(number: number): void {
    for (let place = ID_LENGTH - 1, left = number; place >= 0; place--) {
      this.#id[place] = 48 + (left % 10)
      left = Math.floor(left / 10)
    }
  }
}

/** Jobs from 1, one a round. */
async function append(dataDir: string, jobs: number, messages: number): Promise<void> {
  const environment = openEnvironment(dataDir)
  const store = new LmdbStore(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }))
  for (let job = 1; job <= jobs; job++) appendMessages(store, job, messages)
  await environment.root.close()
}

/** Octets of heap: what came between the collections, and before and behind them. */
async function allocatedBy(run: () => Promise<void>): Promise<number> {
  global.gc!()
  const profiler = new GCProfiler()
  profiler.start()
  let left = getHeapStatistics().used_heap_size
  await run()
  const end = getHeapStatistics().used_heap_size
  let allocated = 0
  for (const { beforeGC, afterGC } of profiler.stop()!.statistics) {
    allocated += beforeGC.heapStatistics.usedHeapSize - left
    left = afterGC.heapStatistics.usedHeapSize
  }
  return allocated + end - left
}

async function measure(dataDir: string, messages: number, rounds: number): Promise<HeapSays> {
  await append(dataDir, rounds + 1, messages)
  const makeChannel = (sink: OutcomeSink) => new ReusingChannel(sink)
  // The first round is not measured: code is compiled, and buffers grow to their size.
  const harness = await startDispatcher({ dataDir, jobs: [jobDispatch(1, messages)], makeChannel })
  await harness.finished(1)
  const bytesPerMessage: number[] = []
  for (let job = 2; job <= rounds + 1; job++) {
    const allocated = await allocatedBy(async () => {
      harness.dispatcher.job(jobDispatch(job, messages))
      await harness.finished(job)
    })
    bytesPerMessage.push(allocated / messages)
  }
  await harness.abandon()
  return { bytesPerMessage }
}

const [messages, rounds] = process.argv.slice(2).map(Number)
const dataDir = mkdtempSync(path.join(tmpdir(), 'trunkline-heap-'))
try {
  console.log(JSON.stringify(await measure(dataDir, messages!, rounds!)))
} finally {
  rmSync(dataDir, { recursive: true, force: true })
}
