/**
 * What a message costs, by counts: system calls, transactions of the store, octets of the dispatcher's heap. A slow or busy machine
 * needs longer for a count, not more of it, so a test may hold the line here where it must not assert a time.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { open } from 'lmdb'
import t, { type Test } from 'tap'
import { spawnNode } from '../bench/processes.js'
import { Stand } from '../bench/stand.js'
import type { HeapSays } from './dispatch-heap-child.js'

const ROWS = 50_000
/** What starts only once (threads, compiled code, pools) is not of a message. */
const WARM_ROWS = 20_000
const LARGEST = 5

/**
 * Of the whole process, from the upload of the file to the last receipt. Measured: 73 to 94 on two cores, 82 to 105 with everything
 * on one. With a write for each PDU it is 1,951.
 */
const CALLS_PER_1000_MAX = 200
/**
 * Of all environments: each message is appended, authorised, answered and receipted durably. Measured: 1.4, and 1.8 to 2.1 where
 * fsync costs nothing; a thousand are in flight, and each commit takes what has come since the one before. With 200 in flight it
 * is 5.5, with 20 it is 52.
 */
const TRANSACTIONS_PER_1000_MAX = 4

const HEAP_MESSAGES = 50_000
const HEAP_ROUNDS = 2
/**
 * Measured: 272 to 312, the same with fsync for nothing, everything on one core, on Node 20 and 24. Most of it are numbers too large
 * for 31 bits, which V8 boxes. Little room, so that one closure more a message is noticed: about 100. A promise is 160, a record of two
 * fields 40 to 60.
 */
const HEAP_BYTES_MAX = 380
/**
 * Code is optimised where it is called, not when a thread gets round to it: else which numbers are boxed differs from run to run,
 * by 200 octets.
 */
const SAME_CODE = '--no-concurrent-recompilation'

const strace = spawnSync('strace', ['-V']).error === undefined
const skip = strace ? false : 'strace is not installed (Debian: strace)'

async function openStand(t: Test): Promise<Stand> {
  const stand = await Stand.open({ window: 500, binds: 2 })
  t.teardown(() => stand.close())
  await stand.run(WARM_ROWS)
  return stand
}

/** @throws Error: it ended without a word. */
async function firstLine(from: Readable): Promise<string> {
  const lines = createInterface({ input: from })
  const [line] = (await Promise.race([once(lines, 'line'), once(lines, 'close')])) as string[]
  if (line === undefined) throw new Error('a program ended without a word')
  return line
}

/** Number of calls by name. */
type Calls = Map<string, number>

/** Watches all threads of the process from now on. @throws Error: this system lets nobody watch. */
async function countCalls(pid: number, file: string): Promise<() => Promise<Calls>> {
  const args = ['-f', '-c', '-U', 'calls,name', '-o', file, '-p', String(pid)]
  const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'exit')
  const line = await firstLine(child.stderr)
  if (!/ attached\b/.test(line)) throw new Error(line)
  return async () => {
    child.kill('SIGINT')
    await ended
    const rows = readFileSync(file, 'latin1').matchAll(/^\s*(\d+)\s+(\w+)$/gm)
    return new Map([...rows].map(([, calls, name]): [string, number] => [name!, Number(calls)]))
  }
}

/** Transactions that were ever committed in the environments of a data directory, by their folders. */
async function transactions(dataDir: string): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const name of readdirSync(dataDir, { recursive: true, encoding: 'utf8' })) {
    if (path.basename(name) !== 'data.mdb') continue
    const folder = path.dirname(name)
    const root = open({ path: path.join(dataDir, folder), readOnly: true, encoding: 'binary' })
    found.set(folder, (root.getStats() as { lastTxnId: number }).lastTxnId)
    await root.close()
  }
  return found
}

t.test(`1,000 messages take at most ${CALLS_PER_1000_MAX} system calls`, { skip }, async (t) => {
  const stand = await openStand(t)
  const stop = await countCalls(stand.engine.child.pid!, path.join(stand.folder, 'calls'))
  await stand.run(ROWS)
  const calls = await stop()
  const total = calls.get('total')!
  calls.delete('total')
  const largest = [...calls].sort((a, b) => b[1] - a[1]).slice(0, LARGEST)
  const per1000 = (total / ROWS) * 1_000
  t.comment(
    `${per1000.toFixed(1)} calls per 1,000 messages; of ${total}: ${largest.map((each) => each.join(' ')).join(', ')}`,
  )
  t.ok(calls.get('fdatasync')! > 0, 'the calls of the store were seen')
  t.ok(per1000 <= CALLS_PER_1000_MAX, `${per1000.toFixed(1)} of ${CALLS_PER_1000_MAX}`)
})

t.test(`1,000 messages take at most ${TRANSACTIONS_PER_1000_MAX} transactions of the store`, async (t) => {
  const stand = await openStand(t)
  const dataDir = path.join(stand.folder, 'data')
  const before = await transactions(dataDir)
  await stand.run(ROWS)
  const after = await transactions(dataDir)
  const made = [...after].map(([folder, last]): [string, number] => [folder, last - (before.get(folder) ?? 0)])
  const per1000 = (made.reduce((sum, [, count]) => sum + count, 0) / ROWS) * 1_000
  t.comment(`${per1000.toFixed(2)} transactions per 1,000 messages: ${made.map((each) => each.join(' ')).join(', ')}`)
  t.ok(per1000 > 0, 'the transactions of the engine were seen')
  t.ok(per1000 <= TRANSACTIONS_PER_1000_MAX, `${per1000.toFixed(2)} of ${TRANSACTIONS_PER_1000_MAX}`)
})

t.test(`the dispatcher allocates at most ${HEAP_BYTES_MAX} octets of heap per message`, async (t) => {
  const script = fileURLToPath(new URL('./dispatch-heap-child.js', import.meta.url))
  const args = ['--expose-gc', SAME_CODE, script, String(HEAP_MESSAGES), String(HEAP_ROUNDS)]
  const child = spawnNode(args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const { bytesPerMessage } = JSON.parse(await firstLine(child.stdout!)) as HeapSays
  const least = Math.min(...bytesPerMessage)
  t.comment(`octets per message by rounds: ${bytesPerMessage.map((bytes) => bytes.toFixed(1)).join(', ')}`)
  t.ok(least > 0, 'allocations were seen')
  t.ok(least <= HEAP_BYTES_MAX, `${least.toFixed(1)} of ${HEAP_BYTES_MAX}`)
})
