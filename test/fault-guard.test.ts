/**
 * An engine that can neither go on nor end is ended by its guard thread: a write to the store that never comes back although the
 * disk answers, and a main thread that stands still when a write has failed elsewhere. Nothing that was answered is lost by it
 * (reliability.md P10; docs/decisions/0034). Real processes on a disk that is made to fail.
 */
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { noFaultyDisk as skip } from './disk-faults.js'
import { DiskStand } from './disk-stand.js'
import { until } from './until.js'

const script = fileURLToPath(new URL('./guard-child.js', import.meta.url))
const STANDS_STILL = 1
const DOES_NOT_SYNC = 2
/** So that the dispatcher has answers to write for as long as it takes. */
const ANSWER_MS = 1_000
const ROWS = 2_000
t.setTimeout(300_000)

/** What the process that runs now writes on stdout, to its end. */
function output(on: DiskStand): { text: string; closed: Promise<void> } {
  const { stdout } = on.child.process
  const seen = { text: '', closed: new Promise<void>((resolve) => stdout!.once('close', resolve)) }
  stdout!.on('data', (chunk) => {
    seen.text += chunk
  })
  return seen
}

/** Started again on a disk that works: all that it said yes to is there. */
async function keptAll(t: { ok(is: unknown): void; same(is: unknown, wanted: unknown): void }, on: DiskStand) {
  on.disk.set({ store: 0 })
  t.ok(await on.start())
  t.same(await on.missing(), [])
  await on.child.end('SIGTERM')
}

t.test('a write that never comes back while the disk answers', { skip }, async (t) => {
  const on = await DiskStand.open(t, { script })
  const said = output(on)
  await on.message()
  on.disk.set({ store: STANDS_STILL })
  t.notOk(await on.during(() => on.message()), 'it is answered by nobody')
  await said.closed
  t.equal(on.child.process.signalCode, 'SIGKILL')
  t.match(said.text, /"code":"STORE_FAILED","msg":"a write to the store does not come back, though the disk answers/)
  await keptAll(t, on)
})

t.test('a main thread that stands still when a write fails in another thread', { skip }, async (t) => {
  const on = await DiskStand.open(t, { script, rows: ROWS, answerMs: ANSWER_MS })
  const said = output(on)
  await on.upload()
  await until(
    async () => on.smsc.stats().submits,
    (submits) => submits > 0,
  )
  on.child.process.kill('SIGUSR2')
  await until(
    async () => said.text,
    (text) => text.includes('stands still'),
  )
  on.disk.set({ store: DOES_NOT_SYNC })
  t.notOk(await on.gone())
  await said.closed
  t.equal(on.child.process.signalCode, 'SIGKILL')
  t.match(said.text, /"code":"STORE_FAILED","msg":"the engine did not end by itself/)
  await keptAll(t, on)
})
