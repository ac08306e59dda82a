/**
 * Lives per second through store and dispatcher without a socket: append → claim → authorise → answer → receipt, all of it
 * durable in group commits. Beside it the plain way on the same LMDB: a record a message, rewritten at each step, and an
 * index by the carrier's id.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Database, open } from 'lmdb'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { appendMessages, jobDispatch, ScriptedChannel, startDispatcher } from '../test/dispatch-harness.js'
import { type BenchOptions, type BenchRow, median } from './bench.js'

const LIVES = 200_000
const PLAIN_LIVES = 40_000
const WINDOWS = [200, 1000, 5000]
const ROUNDS = 3
const TEXT = Buffer.from('x'.repeat(120))

/** Answers as soon as the loop has written, as a near peer does. */
class PromptChannel extends ScriptedChannel {
  #isAsked = false
  override keep = false

  override flush(): void {
    if (this.#isAsked) return
    this.#isAsked = true
    setImmediate(() => {
      this.#isAsked = false
      super.tick()
    })
  }
  override tick(): void {}
}

interface Measured {
  perSecond: number
  cpuMicroseconds: number
}

async function inFolder(run: (dataDir: string) => Promise<number>): Promise<Measured> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'trunkline-bench-'))
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  try {
    const lives = await run(dataDir)
    const seconds = (performance.now() - startedAt) / 1000
    const used = process.cpuUsage(cpu)
    return { perSecond: lives / seconds, cpuMicroseconds: (used.user + used.system) / lives }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function blocksAndLog(dataDir: string, window: number, lives: number): Promise<number> {
  const environment = openEnvironment(dataDir)
  const store = new LmdbStore(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }))
  appendMessages(store, 1, lives)
  await environment.root.close()
  const harness = await startDispatcher({
    dataDir,
    jobs: [jobDispatch(1, lives)],
    window,
    makeChannel: (sink) => new PromptChannel('test', sink, { window }),
  })
  await harness.finished(1)
  await harness.abandon()
  return lives
}

/** One step of a batch of messages is one durable transaction. */
async function recordPerMessage(dataDir: string, window: number, lives: number): Promise<number> {
  const root = open({
    path: path.join(dataDir, 'plain'),
    encoding: 'binary',
    overlappingSync: false,
    eventTurnBatching: false,
    commitDelay: 0,
  } as Parameters<typeof open>[0])
  const messages = root.openDB<Buffer, number>({ name: 'messages', encoding: 'binary' })
  const ids = root.openDB<Buffer, string>({ name: 'ids', encoding: 'binary' })
  for (let first = 0; first < lives; first += window) {
    const last = Math.min(first + window, lives)
    await putAll(messages, first, last, 0)
    await putAll(messages, first, last, 1)
    await root.batch(() => {
      for (let n = first; n < last; n++) {
        messages.put(n, stored(n, 2))
        ids.put(`id-${(n * 7919) % 1_000_003}-${n}`, key(n))
      }
    })
    await root.batch(() => {
      for (let n = first; n < last; n++) {
        const id = `id-${(n * 7919) % 1_000_003}-${n}`
        messages.put(ids.getBinary(id)!.readUInt32LE(0), stored(n, 3))
        ids.remove(id)
      }
    })
  }
  await root.close()
  return lives
}

async function putAll(messages: Database<Buffer, number>, first: number, last: number, state: number): Promise<void> {
  await messages.batch(() => {
    for (let n = first; n < last; n++) messages.put(n, stored(n, state))
  })
}

function stored(n: number, state: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(32 + TEXT.length)
  bytes.fill(0, 0, 32)
  bytes.writeUInt32LE(n, 0)
  bytes[4] = state
  TEXT.copy(bytes, 32)
  return bytes
}

function key(n: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(4)
  bytes.writeUInt32LE(n, 0)
  return bytes
}

async function repeat(rounds: number, run: () => Promise<Measured>): Promise<Measured> {
  const seen: Measured[] = []
  for (let round = 0; round < rounds; round++) seen.push(await run())
  return {
    perSecond: median(seen.map((each) => each.perSecond)),
    cpuMicroseconds: median(seen.map((each) => each.cpuMicroseconds)),
  }
}

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  const rounds = options.quick ? 1 : ROUNDS
  const [lives, plainLives] = options.quick ? [20_000, 5_000] : [LIVES, PLAIN_LIVES]
  const rows: BenchRow[] = []
  await inFolder((dataDir) => blocksAndLog(dataDir, 1000, 20_000))
  for (const window of WINDOWS) {
    const plain = await repeat(rounds, () => inFolder((dataDir) => recordPerMessage(dataDir, window, plainLives)))
    const ours = await repeat(rounds, () => inFolder((dataDir) => blocksAndLog(dataDir, window, lives)))
    const name = `a record a message, window ${window}`
    const ratio = ours.perSecond / plain.perSecond
    rows.push({ name, value: plain.perSecond, unit: 'lives/s' })
    rows.push({
      name: `blocks and log, window ${window}`,
      value: ours.perSecond,
      unit: 'lives/s',
      ratioTo: name,
      ratio,
    })
    rows.push({ name: `blocks and log, window ${window}, CPU`, value: ours.cpuMicroseconds, unit: 'µs a life' })
  }
  return rows
}
