/**
 * Each operation on the disk fails in each way, one by one, until the work passes without the fault being reached: the
 * process ends with a code, or all of it is done; what it said is durable is whole, nothing is there by half, and it never
 * stands still (reliability.md P10, F4).
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openStores } from '../src/engine/open-stores.js'
import { ERRNO, FaultyDisk, noFaultyDisk as skip } from './disk-faults.js'
import { wrongIn } from './store-work.js'

const CHILD = fileURLToPath(new URL('./store-child.js', import.meta.url))
/** Far more than a trial takes, far less than for ever. */
const STILL_MS = 60_000
const SIDE_BY_SIDE = 2

const KINDS = [
  { name: 'EIO', failErrno: ERRNO.EIO, failTimes: 1, failShort: 0 },
  { name: 'a full disk from then on', failErrno: ERRNO.ENOSPC, failTimes: 0, failShort: 0 },
  { name: 'half of a write', failErrno: 0, failTimes: 1, failShort: 1 },
  { name: 'EINTR', failErrno: ERRNO.EINTR, failTimes: 1, failShort: 0 },
] as const

t.setTimeout(580_000)

const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-store-io-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const template = path.join(folder, 'template')
const counts = { stopped: 0, wentOn: 0, byWatchdog: 0 }

interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  durable: string[]
}

async function run(dataDir: string, disk: FaultyDisk): Promise<Ended> {
  const child = spawn(process.execPath, [CHILD, dataDir], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: process.env.PATH, ...disk.environment() },
  })
  const still = setTimeout(() => child.kill('SIGSTOP') && child.kill('SIGKILL'), STILL_MS)
  let text = ''
  child.stdout.on('data', (bytes) => {
    text += bytes
  })
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.on('close', (code, signal) => resolve([code, signal]))
  })
  clearTimeout(still)
  return { code, signal, durable: text.split('\n').filter((line) => line !== '') }
}

/** False: the fault was not reached. */
async function trial(t: Test, kind: (typeof KINDS)[number], failAt: number): Promise<boolean> {
  const { name, ...fault } = kind
  const about = `operation ${failAt}: ${name}`
  const beside = mkdtempSync(path.join(folder, 'trial-'))
  const dataDir = path.join(beside, 'data')
  cpSync(template, dataDir, { recursive: true })
  const disk = new FaultyDisk(dataDir, beside)
  disk.set({ failAt, ...fault })
  const ended = await run(dataDir, disk)
  const isReached = disk.get('failed') > 0
  if (ended.code === 0) {
    if (isReached) counts.wentOn++
    if (!ended.durable.includes('all')) t.fail(`${about}: ended well without being done`)
  } else {
    counts.stopped++
    if (ended.signal === 'SIGKILL') counts.byWatchdog++
    if (!isReached) t.fail(`${about}: ended with ${ended.code ?? ended.signal} for no reason`)
  }
  const wrong = await wrongIn(dataDir, ended.durable)
  if (wrong.length > 0) t.fail(`${about}: ${wrong.join(', ')} after ${ended.durable.join(', ')}`)
  rmSync(beside, { recursive: true })
  return isReached
}

t.test('each write, sync, rename and opening fails in each way', { skip }, async (t) => {
  mkdirSync(template)
  const stores = openStores(template)
  await Promise.all([stores.documents.close(), stores.store.close(), stores.contacts.root.close()])
  const last = new Map<string, number>()
  const queue = [...KINDS]
  const worker = async (): Promise<void> => {
    for (let kind = queue.shift(); kind !== undefined; kind = queue.shift()) {
      let failAt = 1
      while (await trial(t, kind, failAt)) failAt++
      last.set(kind.name, failAt - 1)
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker))
  for (const { name } of KINDS) t.ok(last.get(name)! > 20, `${name}: each of ${last.get(name)} operations`)
  t.equal(counts.byWatchdog, 0, 'each ended by itself')
  t.comment(`${counts.stopped} times it stopped, ${counts.wentOn} times it went on`)
})
