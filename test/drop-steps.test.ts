/** What a run of dropped files leaves that breaks at any step, or whose engine is gone; and who is told of its end. */
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { DropFolder, type DropFolderDeps } from '../src/drop/folder/drop-folder.js'
import { systemClock } from '../src/engine/contract/clock.js'
import type { DropKeeper } from '../src/engine/contract/drop-keeper.js'
import { silentLog } from '../src/engine/contract/log.js'
import { noMetrics } from '../src/engine/contract/metrics.js'
import { clients, type DropStand, ENDED, principalOf, startDrops } from './drop-support.js'
import { MailPeer } from './mail-peer.js'
import { Receiver } from './webhook-receiver.js'

const timeout = 580_000
t.setTimeout(580_000)

async function ready(stand: DropStand, account: string): Promise<void> {
  await stand.until(() => existsSync(stand.path(account, 'processed')) && existsSync(stand.path(account, 'error')))
}

t.test('a claim that another engine left lying is taken over; one that it has begun is not', { timeout }, async (t) => {
  const stand = await startDrops(t)
  await ready(stand, 'acme')
  await stand.server.stop()
  const claim = (stage: string, name: string, first: number) => {
    const folder = stand.path('acme', '.trunkline', 'another-engine', stage, `claim-of-${name}`)
    mkdirSync(folder, { recursive: true })
    stand.put('acme', '.hidden', clients(1, first))
    renameSync(stand.path('acme', '.hidden'), path.join(folder, name))
  }
  claim('claimed', 'left.csv', 0)
  claim('begun', 'begun.csv', 1)
  await stand.start()
  stand.put('acme', 'sign.csv', clients(1, 2))
  await stand.drop('sign.csv')
  t.equal(stand.drops().length, 1, 'not while its engine may be at work')

  const folder = await DropFolder.open({ ...parts(stand, stand.server.dropDesk), takeOverMs: 50 })
  t.teardown(() => folder.stop())
  await stand.until(() => {
    folder.tick()
    return stand.drops().some(({ file, state }) => file === 'left.csv' && state !== 'reading')
  })
  t.ok(existsSync(stand.path('acme', '.trunkline', 'another-engine', 'begun', 'claim-of-begun.csv', 'begun.csv')))
})

function parts(stand: DropStand, keeper: DropKeeper): DropFolderDeps {
  const config = { root: stand.root, settleMs: 100, scanMs: 1_000, filesAtOnce: 2, fileBytesMax: 1 << 20 }
  const fail = (error: unknown): void => {
    throw error
  }
  return { config, keeper, clock: systemClock, log: silentLog, metrics: noMetrics, fail }
}

t.test('a webhook is told once when a file is done or failed', { timeout }, async (t) => {
  const receiver = await Receiver.start(t)
  const stand = await startDrops(t, { config: { webhooks: { allowPrivateAddresses: true } } })
  await ready(stand, 'acme')
  await stand.engine.webhooks.put(principalOf('acme'), 'main', { url: receiver.url, events: ['drop.updated'] })
  stand.put('acme', 'good.csv', clients(3))
  await stand.drop('good.csv')
  stand.put('acme', 'bad.csv', 'mobile,name\n12,Nobody\n')
  await stand.drop('bad.csv')
  await stand.until(() => receiver.received.flatMap(({ body }) => body.data).length >= 2)
  const told = receiver.received.flatMap(({ body }) => body.data) as unknown as Record<string, unknown>[]
  t.match(told, [
    { file: 'good.csv', state: 'done', delivered: 3, storedAs: 'processed/good.csv', at: String },
    { file: 'bad.csv', state: 'failed', error: { code: 'NOTHING_ACCEPTED' } },
  ])
  t.equal(told.length, 2)
  t.match(receiver.received[0]!.body.type, 'drop.updated')
})

t.test('people of the account are told by email once, if it says so', { timeout }, async (t) => {
  const peer = new MailPeer()
  const port = await peer.listen()
  t.teardown(() => peer.close())
  const relay = { id: 'relay', protocol: 'smtp', host: '127.0.0.1', port, tls: 'none', from: 'ops@trunkline.example' }
  const stand = await startDrops(t, { carriers: [relay] })
  await ready(stand, 'acme')
  stand.put('acme', 'untold.csv', clients(1, 50))
  await stand.drop('untold.csv')
  await stand.engine.patchAccount('acme', { dropNotices: { email: ['office@acme.example'] } })
  stand.put('acme', 'good.csv', clients(3))
  await stand.drop('good.csv')
  await peer.until(1)
  stand.put('acme', 'bad.csv', 'x')
  await stand.drop('bad.csv')
  await peer.until(2)
  const mails = [await peer.parsed(0), await peer.parsed(1)]
  t.strictSame(
    mails.map(({ subject }) => subject),
    ['good.csv: all messages have ended', 'bad.csv was not sent'],
  )
  t.match(mails[0]!.text, /delivered +3\n/)
  t.match(mails[1]!.text, /What to do:/)
  t.strictSame(
    peer.received.map(({ to }) => to),
    ['office@acme.example', 'office@acme.example'],
  )
})

/** Breaks at its so-manieth call, before it is done or after, as a kill would; from then on every call breaks. */
function breaking(keeper: DropKeeper, at: number): { keeper: DropKeeper; calls(): number } {
  let calls = 0
  const steps = ['begin', 'update', 'close', 'makeJob', 'upload', 'ingested', 'giveUp', 'profile', 'view']
  const proxy = new Proxy(keeper, {
    get(target, name: keyof DropKeeper) {
      const value = target[name] as unknown
      if (typeof value !== 'function') return value
      if (!steps.includes(name)) return value.bind(target)
      return (...given: unknown[]) => {
        calls++
        if (calls > at || (calls === at && at % 2 === 0)) throw new Error('broken before')
        const result = value.apply(target, given)
        if (calls < at || !(result instanceof Promise)) return result
        return result.then(() => {
          throw new Error('broken after')
        })
      }
    },
  })
  return { keeper: proxy, calls: () => calls }
}

t.test('a run that breaks at any step is gone on with: each file once, and one job', { timeout }, async (t) => {
  const stand = await startDrops(t, { drop: null })
  const keeper = stand.server.dropDesk
  const first = await DropFolder.open(parts(stand, keeper))
  await first.stop()
  let at = 0
  let isWhole = false
  for (; !isWhole; at++) {
    stand.put('acme', `good-${at}.csv`, clients(2, at * 10))
    stand.put('acme', `bad-${at}.csv`, `mobile,name\n${at + 1},Nobody\n`)
    const broken = breaking(keeper, at + 1)
    isWhole = !(await ends(stand, broken.keeper, at, () => broken.calls() > at))
    if (!isWhole) await ends(stand, keeper, at, () => false)
  }
  t.comment(`broken at each of ${at - 1} steps`)
  t.ok(at > 15)
  const drops = stand.drops()
  t.equal(drops.length, 2 * at, 'one record a file')
  t.strictSame(
    drops.filter(({ file, state }) => state !== (file.startsWith('good') ? 'done' : 'failed')),
    [],
  )
  const jobs = drops.map(({ job }) => job)
  t.equal(new Set(jobs).size, 2 * at, 'one job a file')
  t.equal(stand.smsc.stats().distinct, 2 * at)
  t.equal(stand.smsc.stats().repeats, 0, 'and every message once')
  t.strictSame(stand.names('acme'), [])
  t.equal(stand.names('acme', 'processed').length, 3 * at)
  t.equal(stand.names('acme', 'error').length, 3 * at)
})

/** Runs a folder until both files of this round have ended, or something is broken: true then. */
async function ends(stand: DropStand, keeper: DropKeeper, at: number, isBroken: () => boolean): Promise<boolean> {
  const folder = await DropFolder.open(parts(stand, keeper))
  stand.server.dropDesk.listener = folder
  try {
    return await stand
      .until(() => {
        folder.tick()
        const ended = stand.drops().filter(({ file, state }) => file.endsWith(`-${at}.csv`) && ENDED.includes(state))
        if (ended.length === 2) return { broken: false }
        return isBroken() ? { broken: true } : false
      })
      .then(({ broken }) => broken)
  } finally {
    await folder.stop()
  }
}
