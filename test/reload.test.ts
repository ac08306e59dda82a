/** SIGHUP: a changed configuration under traffic. What the file says is applied, healthy binds stay, wrong files change nothing. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { spawnNode } from '../bench/processes.js'
import { reloadLine, waitsForRestart } from '../src/cli/reload.js'
import { parseConfig } from '../src/engine/config/load.js'
import type { CarrierView } from '../src/engine/contract/channel.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { tempDir } from './dispatch-harness.js'
import { numberOf, type Peers, prefixOf, startEngine, startJob, untilMessages } from './peer-support.js'

function config(text: string) {
  return parseConfig(text, { name: 'test.yaml', folder: '.', env: {} })
}

t.test('what cannot change under traffic is named', async (t) => {
  const carrier = 'carriers: [{ id: acme, protocol: smpp, host: a.example, systemId: x, window: 5 }]'
  const before = config('')
  const after = config(`logLevel: warn\nhttp: { port: 1 }\n${carrier}`)
  t.strictSame(waitsForRestart(before, after).sort(), ['http', 'logLevel'])
  t.equal(reloadLine([], []), 'nothing changed')
  t.equal(
    reloadLine(['carrier acme: window', 'routes'], ['http']),
    'changed: carrier acme: window; routes; needs a restart: http',
  )
})

async function startSmsc(t: Test, systemId: string, latencyMs = 0): Promise<{ smsc: Smsc; port: number }> {
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, systemId, latencyMs }, silentLog)
  const listening = await smsc.listen()
  t.teardown(() => smsc.close())
  return { smsc, port: listening.port }
}

interface Carriers {
  carriers: object[]
  routes: object[]
}

/** As `startEngine` makes it of the same carriers and routes. */
function fileOf({ carriers, routes }: Carriers) {
  const full = carriers.map((carrier) => ({
    protocol: 'smpp',
    host: '127.0.0.1',
    systemId: 'trunk',
    password: 'secret',
    window: 10,
    ...carrier,
  }))
  return config(JSON.stringify({ carriers: full, routes }))
}

async function until(peers: Peers, holds: (views: CarrierView[]) => boolean): Promise<CarrierView[]> {
  for (;;) {
    const views = await peers.server.engine.carriers()
    if (holds(views)) return views
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function isBound(views: CarrierView[], id: string): boolean {
  return views.find((view) => view.id === id)?.binds.every(({ state }) => state === 'bound') ?? false
}

t.test('carriers come, go and change; binds of those that did not change stay', async (t) => {
  const [one, two] = [await startSmsc(t, 'one'), await startSmsc(t, 'two')]
  const stays = { id: 'stays', port: one.port, systemId: 'one', binds: 2 }
  const goes = { id: 'goes', port: two.port, systemId: 'two' }
  const peers = await startEngine(t, [stays, goes], [{ prefix: prefixOf(1), carriers: ['goes'] }])
  await until(peers, (views) => isBound(views, 'stays') && isBound(views, 'goes'))
  const comes = { id: 'comes', port: two.port, systemId: 'two', ratePerSecond: 50 }
  const changed = await peers.server.reload(
    fileOf({
      carriers: [{ ...stays, ratePerSecond: 7, window: 3, source: { ton: 5, npi: 0 } }, comes],
      routes: [{ prefix: prefixOf(1), carriers: ['comes'] }],
    }),
  )
  t.strictSame(changed, [
    'carrier goes is taken out',
    'carrier stays: ratePerSecond, source, window',
    'carrier comes is new',
    'routes',
  ])
  const views = await until(peers, (now) => isBound(now, 'comes'))
  t.strictSame(
    views.map(({ id }) => id),
    ['stays', 'comes'],
  )
  t.match(views[0], { ratePerSecond: 7, binds: [{ window: 3 }, { window: 3 }] })
  t.equal(one.smsc.stats().binds, 2, 'healthy binds were not dropped')
  t.equal(one.smsc.stats().unbinds, 0)
  await two.smsc.waitFor(({ unbinds }) => unbinds === 1)
  const job = await startJob(peers, {}, [{ to: numberOf(1, 1), text: 'by the new one' }])
  await untilMessages(peers, job, ([message]) => message?.state === 'delivered')
  t.equal(two.smsc.stats().submits, 1)
})

t.test('changed settings of the connection open these binds anew, with no message lost or doubled', async (t) => {
  // Two messages a quarter second: the old one cannot have all of them before the change.
  const [old, fresh] = [await startSmsc(t, 'one', 250), await startSmsc(t, 'two')]
  const carrier = { id: 'acme', port: old.port, systemId: 'one', binds: 2, window: 1 }
  const peers = await startEngine(t, [carrier])
  const rows = Array.from({ length: 150 }, (_, n) => ({ to: numberOf(1, n), text: 'x' }))
  const job = await startJob(peers, {}, rows)
  await old.smsc.waitFor(({ submits }) => submits >= 5)
  const file = fileOf({ carriers: [{ ...carrier, port: fresh.port, systemId: 'two' }], routes: [] })
  t.strictSame(await peers.server.reload(file), ['carrier acme: port, systemId (its binds are opened anew)'])
  await untilMessages(
    peers,
    job,
    (all) => all.length === 150 && all.every(({ state }) => state === 'delivered' || state === 'sent'),
    60,
  )
  const counts = peers.server.engine.job(peers.principal, job).counts
  t.equal(counts.accepted, 150)
  await fresh.smsc.waitFor(({ submits }) => submits + old.smsc.stats().submits >= 150)
  t.equal(fresh.smsc.stats().submits + old.smsc.stats().submits, 150)
  t.ok(fresh.smsc.stats().submits > 0)
  await old.smsc.waitFor(({ unbinds }) => unbinds === 2)
  t.equal(old.smsc.stats().repeats, 0)
})

t.test('what waits goes by the carriers that its route has now, also when the route itself is gone', async (t) => {
  const { smsc, port } = await startSmsc(t, 'one')
  const dead = { id: 'dead', port: 1 }
  const peers = await startEngine(
    t,
    [dead],
    [
      { prefix: prefixOf(1), carriers: ['dead'] },
      { prefix: prefixOf(2), carriers: ['dead'] },
    ],
  )
  const first = await startJob(peers, {}, [{ to: numberOf(1, 1), text: 'a' }])
  const second = await startJob(peers, {}, [{ to: numberOf(2, 1), text: 'b' }])
  const live = { id: 'live', port, systemId: 'one' }
  await peers.server.reload(
    fileOf({
      carriers: [dead, live],
      routes: [
        { prefix: prefixOf(1), carriers: ['live'] },
        { prefix: '447', carriers: ['live'] },
      ],
    }),
  )
  for (const job of [first, second]) await untilMessages(peers, job, ([message]) => message?.state === 'delivered', 60)
  await smsc.waitFor(({ submits }) => submits === 2)
  t.equal(smsc.stats().submits, 2)
})

t.test('SIGHUP: a wrong file is refused and said so, a right one is applied', async (t) => {
  const { smsc, port } = await startSmsc(t, 'one')
  const dataDir = tempDir(t)
  const file = path.join(dataDir, 'trunkline.yaml')
  const write = (carrier: string): void =>
    writeFileSync(
      file,
      `dataDir: ${dataDir}/data\nhttp: { port: 0, adminKey: 0123456789abcdef }\nlogLevel: silent\ncarriers: [{ id: acme, protocol: smpp, host: 127.0.0.1, port: ${port}, systemId: one, ${carrier} }]\n`,
    )
  write('window: 5')
  const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url))
  const child = spawnNode([cli, 'serve', '--config', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stderr! })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => String((await lines.next()).value)
  const url = /http:\S+/.exec(await line())![0]
  await smsc.waitFor(({ binds }) => binds === 1)
  write('windwo: 5')
  child.kill('SIGHUP')
  t.match(await line(), /^configuration not read again, the former one stays in force: .*windwo.*did you mean window/)
  write('window: 7')
  child.kill('SIGHUP')
  t.equal(await line(), 'configuration read again: changed: carrier acme: window')
  const headers = { authorization: 'Bearer 0123456789abcdef' }
  const { items } = (await (await fetch(`${url}/v1/carriers`, { headers })).json()) as { items: CarrierView[] }
  t.match(items, [{ id: 'acme', binds: [{ state: 'bound', window: 7, lastError: null }] }])
  t.equal(smsc.stats().binds, 1, 'the bind was not dropped')
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  t.equal(code, 0)
})
