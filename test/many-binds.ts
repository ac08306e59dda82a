/**
 * A hundred carriers of one bind each behind one dispatcher, all with work and a rate; ten of them can be made to flap:
 * their SMSC cuts every connection again and again. Counts the parts that each of the others sent.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Random } from '../src/engine/base/random.js'
import { systemClock } from '../src/engine/contract/clock.js'
import { silentLog } from '../src/engine/contract/log.js'
import type { Labels, Metrics } from '../src/engine/contract/metrics.js'
import { Carrier } from '../src/engine/dispatch/carriers.js'
import { Dispatcher } from '../src/engine/dispatch/dispatcher.js'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { createSmppChannel } from '../src/smpp/smpp-channel.js'
import { appendMessages, jobDispatch } from './dispatch-harness.js'
import { carrierConfig } from './smpp-support.js'

const BINDS = 100
const FLAPPING = 10
const FLAP_MS = 40

/** Parts submitted by each carrier. */
class Submitted implements Metrics {
  readonly counts: number[] = []

  counter(name: string, labels: Labels = {}) {
    if (name !== 'trunkline_parts_submitted_total') return { add() {} }
    const index = Number(labels.carrier!.slice(1))
    return {
      add: (count: number) => {
        this.counts[index] = (this.counts[index] ?? 0) + count
      },
    }
  }
  gauge() {
    return { set() {} }
  }
  histogram() {
    return { observe() {} }
  }
}

export interface Phase {
  /** Parts per second of all carriers that do not flap. */
  perSecond: number
  /** Of the slowest of them. */
  leastPerSecond: number
  /** Connections that were cut. */
  cuts: number
}

export interface ManyBinds {
  run(seconds: number, flapping: boolean): Promise<Phase>
  stop(): Promise<void>
}

export async function startManyBinds(options: { ratePerSecond: number; messages: number }): Promise<ManyBinds> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'trunkline-binds-'))
  const [steady, flapper] = [0, 1].map(() => new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)) as [Smsc, Smsc]
  const [{ port: steadyPort }, { port: flappingPort }] = [await steady.listen(), await flapper.listen()]
  const environment = openEnvironment(dataDir)
  const store = new LmdbStore(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }))
  const submitted = new Submitted()
  const dispatcher = new Dispatcher({
    environment,
    clock: systemClock,
    random: new Random(1),
    metrics: submitted,
    log: silentLog,
    termsOf: (route) => ({ carriers: [{ id: `c${route}`, order: 1, weight: 1 }], failoverAfterMs: 0 }),
    hasSpace: () => true,
    port: {
      progress() {},
      finished() {},
      inbound() {},
      fatal(error) {
        throw error
      },
    },
  })
  const carriers = Array.from({ length: BINDS }, (_, n) => {
    const config = carrierConfig({
      id: `c${n}`,
      port: n < FLAPPING ? flappingPort : steadyPort,
      systemId: `c${n}`,
      ratePerSecond: options.ratePerSecond,
    })
    const deps = {
      sink: dispatcher.inbox.sink(n),
      clock: systemClock,
      random: new Random(n + 1),
      metrics: submitted,
      log: silentLog,
    }
    const terms = { request: 'final', timeoutSeconds: 3600 } as const
    return new Carrier(createSmppChannel(config, deps), n, { terms, metrics: submitted })
  })
  for (let route = 0; route < BINDS; route++) appendMessages(store, 1, options.messages, { route })
  await dispatcher.start(carriers, [jobDispatch(1, BINDS * options.messages, { distinct: true })])
  // Every bind is up and under way.
  while (carriers.some((_, n) => n >= FLAPPING && (submitted.counts[n] ?? 0) < 5)) await pause(FLAP_MS)
  return {
    run: (seconds, flapping) => phase(submitted, flapping ? flapper : null, seconds),
    async stop() {
      await Promise.all([steady.close(), flapper.close()])
      await dispatcher.drain(0)
      await environment.root.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function phase(submitted: Submitted, flapper: Smsc | null, seconds: number): Promise<Phase> {
  const before = [...submitted.counts]
  const startedMs = performance.now()
  const endsMs = startedMs + seconds * 1000
  let cuts = 0
  while (performance.now() < endsMs) {
    await pause(FLAP_MS)
    cuts += flapper?.stats().sessions ?? 0
    flapper?.dropAll()
  }
  const took = (performance.now() - startedMs) / 1000
  const others = submitted.counts.map((count, n) => count - (before[n] ?? 0)).slice(FLAPPING)
  const total = others.reduce((sum, count) => sum + count, 0)
  return { perSecond: total / took, leastPerSecond: Math.min(...others) / took, cuts }
}
