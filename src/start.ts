/**
 * The composition of the main thread: locks the data directory, opens the stores, starts the dispatcher and the ingest
 * threads, builds the engine, serves HTTP; and takes it all down again. Fail-stop: when the store or the dispatcher fails,
 * the process ends with code 1 and recovers at its next start.
 */

import { existsSync, mkdirSync } from 'node:fs'
import { startBackground, startReaders, startSpace } from './background.js'
import { Closing, within } from './closing.js'
import { startDropFolder } from './drop-start.js'
import { adminKey } from './engine/accounts/admin-key.js'
import { keepPrivate } from './engine/accounts/private-files.js'
import { armCrashPoint } from './engine/base/crash-point.js'
import { resolver } from './engine/base/resolver.js'
import { type Built, buildEngine } from './engine/build.js'
import { clientEnvironment } from './engine/config/client-environment.js'
import type { Config } from './engine/config/schema.js'
import { type Clock, systemClock } from './engine/contract/clock.js'
import type { Log } from './engine/contract/log.js'
import { lockDataDir } from './engine/data-lock.js'
import type { DropDesk } from './engine/drops/drop-desk.js'
import type { Engine } from './engine/engine.js'
import type { RejectsStream } from './engine/engine-parts.js'
import { inboundCarriers } from './engine/inbound/build-inbound.js'
import { createLog } from './engine/observe/log.js'
import { PrometheusText } from './engine/observe/prometheus.js'
import { metricsMemory, SharedMetrics } from './engine/observe/shared-metrics.js'
import { openStores, type Stores } from './engine/open-stores.js'
import { compactErased } from './engine/privacy/compaction.js'
import type { LmdbStore } from './engine/store/lmdb-store.js'
import { StorePulse } from './engine/store/store-pulse.js'
import { watchStoreWrites } from './engine/store/store-writes.js'
import { WriteAges } from './engine/store/write-ages.js'
import { prepareServer } from './http/server.js'
import { createCourier } from './http/webhook/courier.js'
import { rejectsCsv } from './ingest/rejects-csv.js'
import { startIngestPool } from './ingest-pool.js'
import { statusName } from './smpp/status.js'
import { backupWork } from './start-backup.js'
import { prepareDataDir } from './start-data-dir.js'
import { startDispatcher } from './start-dispatcher.js'
import { type GuardTimes, makeFailStop, startGuard } from './start-guard.js'
import { startSite } from './start-site.js'
import { SpeechKeeper } from './start-speech.js'

/** HTTP stops taking work within this time of a stop. */
const HTTP_CLOSE_MS = 1_000
/** Left of shutdownSeconds for closing the stores behind the drain. */
const RESERVE_MS = 500

export interface StartOptions {
  log?: Log
  /** Of the main thread; tests of calendars hand in their own. */
  clock?: Clock
  /** Ends the process when going on would be wrong; tests hand in their own. */
  exit?(code: number): void
  /** Of the guard thread; tests hand in shorter ones. */
  guardTimes?: GuardTimes
}

export interface RunningServer {
  url: string
  adminKey: string
  engine: Engine
  /** What a drop folder works with, where the configuration has none of its own. */
  dropDesk: DropDesk
  /** Applies carriers and routes of another configuration under traffic; what changed, a line each. */
  reload(config: Config): Promise<string[]>
  stop(): Promise<void>
}

/** Resolves when everything is recovered and the API answers. @throws EngineError CONFIG_INVALID, STORE_FAILED. */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
  const log = options.log ?? createLog(config.logLevel)
  keepPrivate(config.dataDir, log)
  armCrashPoints(log)
  const closing = new Closing()
  try {
    return await start(config, { ...options, log }, closing)
  } catch (error) {
    // A start that fails half way (a port in use) leaves no thread that keeps the process alive.
    closing.isStopping = true
    await closing.all()
    throw error
  }
}

/** Each thread arms its own; only this one says so. */
function armCrashPoints(log: Log): void {
  const { crashAt } = clientEnvironment()
  armCrashPoint(crashAt, 'main')
  if (crashAt !== null) log.warn({ crashAt }, 'a crash point is armed: this process kills itself there; for tests only')
}

type Started = StartOptions & { log: Log }

/** What the data directory holds, opened under its lock. */
interface OpenData extends Stores {
  /** Monotonic: since when nobody else has sent from it. */
  lockedAtMs: number
  key: string
  pulse: StorePulse
  failStop: (error: unknown) => void
}

async function openData(config: Config, { log, exit, guardTimes }: Started, closing: Closing): Promise<OpenData> {
  const lock = await lockDataDir(config.dataDir)
  closing.add(() => lock.release())
  const lockedAtMs = systemClock.monotonic()
  prepareDataDir(config.dataDir)
  await compactErased(config, log)
  const pulse = new StorePulse()
  const failStop = makeFailStop({ log, pulse, exit })
  watchStoreWrites(pulse, failStop)
  if (exit === undefined) closing.add(startGuard(config, { pulse, fail: failStop, times: guardTimes }))
  const key = adminKey(config.dataDir, config.http.adminKey)
  const stores = openStores(config.dataDir)
  closing.add(() => stores.documents.close())
  closing.add(() => stores.store.close())
  closing.add(() => stores.contacts.root.close())
  closing.add(startReaders(stores))
  return { ...stores, lockedAtMs, key, pulse, failStop }
}

async function start(config: Config, options: Started, closing: Closing): Promise<RunningServer> {
  const { log } = options
  const { lockedAtMs, key, pulse, failStop, ...stores } = await openData(config, options, closing)
  const memory = metricsMemory()
  const metrics = new SharedMetrics(memory)
  const { numbers, turn } = stores.store
  const shared = { turn: turn.buffer, pulse: pulse.buffer }
  const pool = startIngestPool(config.threads.ingest, { dataDir: config.dataDir, numbers: numbers.buffer, ...shared })
  closing.add(() => pool.close())
  const prometheus = new PrometheusText(metrics)
  const speech = new SpeechKeeper({ config, log, metrics: memory })
  closing.add(() => speech.stop())
  const built = await buildEngine({
    ...stores,
    config,
    clock: options.clock ?? systemClock,
    log,
    metrics,
    adminKey: key,
    runTask: pool.run,
    speech,
    writeAges: new WriteAges(pulse),
    backup: backupWork(config.dataDir),
    rejects: rejectsOf(stores.store),
    statusName,
    courier: createCourier({ ...config.webhooks, resolve: resolver(), now: () => systemClock.now() }),
    metricsText: () => prometheus.renderMetrics(),
    fail: failStop,
    isStopping: () => closing.isStopping,
  })
  closing.add(() => built.close())
  closing.add(startSpace(built.space, log))
  const { link, terminate } = startDispatcher(config, built, { metrics: memory, ...shared }, (error) => {
    if (!closing.isStopping) failStop(error)
  })
  closing.add(terminate)
  const engine = built.connect(link)
  const [prepared] = await Promise.all([prepareServer({ engine, config, log, metrics }), link.ready])
  speech.serve((port) => link.post({ type: 'speech', port }, [port]))
  closing.add(async () => {
    await Promise.all([built.jobs.stop(), built.contacts.imports.stop()])
    await within(link.drain(closing.deadlineMs), config.shutdownSeconds * 1000)
  })
  await startBackground(built, { closing, fail: failStop, lockedAtMs })
  const dropDesk = await startDrops({ config, log, metrics, failStop }, { built, memory }, closing)
  const server = await prepared.listen()
  closing.add(() => server.close(HTTP_CLOSE_MS))
  log.info({ url: server.url, dataDir: config.dataDir }, 'trunkline runs')
  const reload = async (fresh: Config): Promise<string[]> => {
    await built.routes.reload(fresh)
    built.inbound.useCarriers(inboundCarriers(fresh))
    speech.reload(fresh)
    return await link.reload(fresh.carriers, built.routes.dispatch())
  }
  return { url: server.url, adminKey: key, engine, dropDesk, reload, stop: () => stop(config, closing, log) }
}

interface DropParts {
  config: Config
  log: Log
  metrics: SharedMetrics
  failStop: (error: unknown) => void
}

/** The drop folder, and the servers that fill it. */
async function startDrops(
  { config, log, metrics, failStop }: DropParts,
  { built, memory }: { built: Built; memory: SharedArrayBuffer },
  closing: Closing,
): Promise<DropDesk> {
  const { credentials, desk } = built.drops()
  const drops = await startDropFolder(config.dropFolder, { desk, log, metrics, fail: failStop })
  closing.add(async () => await drops?.stop())
  const site = await startSite({ config, log, metrics: memory, credentials, folders: drops?.folders ?? null })
  // Half of the time is left for the dispatcher, which has more to lose.
  closing.add(async () => await site?.stop(closing.deadlineMs - config.shutdownSeconds * 500))
  return desk
}

async function stop(config: Config, closing: Closing, log: Log): Promise<void> {
  if (closing.isStopping) return
  closing.isStopping = true
  closing.deadlineMs = systemClock.now() + config.shutdownSeconds * 1000 - RESERVE_MS
  await closing.all()
  log.info({}, 'trunkline has stopped')
}

function rejectsOf(store: LmdbStore): RejectsStream {
  return async function* rejects({ job, path, sniff }, raw) {
    // A canceled job has no file any more, a new one none yet.
    if (sniff === null || !existsSync(path)) {
      if (!raw) yield 'line,column,code,reason,record\n'
      return
    }
    yield* rejectsCsv({ store, job, path, dialect: sniff.dialect, columns: sniff.columns }, raw)
  }
}
