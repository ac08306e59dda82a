/**
 * The composition of the main thread: locks the data directory, opens the stores, starts the dispatcher and the ingest
 * threads, builds the engine, serves HTTP; and takes it all down again. Fail-stop: when the store or the dispatcher fails,
 * the process ends with code 1 and recovers at its next start.
 */
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { startDropFolder } from './drop-start.js'
import { adminKey } from './engine/accounts/admin-key.js'
import { keepPrivate } from './engine/accounts/private-files.js'
import { resolver } from './engine/base/resolver.js'
import { type Built, buildEngine } from './engine/build.js'
import type { Config } from './engine/config/schema.js'
import { type Clock, systemClock } from './engine/contract/clock.js'
import { EngineError } from './engine/contract/errors.js'
import type { Log } from './engine/contract/log.js'
import type { DispatcherStart } from './engine/contract/thread.js'
import { lockDataDir } from './engine/data-lock.js'
import { DispatcherLink } from './engine/dispatcher-link.js'
import type { DropDesk } from './engine/drops/drop-desk.js'
import type { Engine, RejectsStream } from './engine/engine.js'
import type { EventTending } from './engine/events/event-tending.js'
import { openStores } from './engine/fail-stop.js'
import { inboundCarriers } from './engine/inbound/build-inbound.js'
import type { InboundDesk } from './engine/inbound/inbound-desk.js'
import type { Jobs } from './engine/jobs/jobs.js'
import type { Money } from './engine/money/money.js'
import { createLog } from './engine/observe/log.js'
import { PrometheusText } from './engine/observe/prometheus.js'
import { metricsMemory, SharedMetrics } from './engine/observe/shared-metrics.js'
import type { LmdbStore } from './engine/store/lmdb-store.js'
import type { WebhookDesk } from './engine/webhooks/webhook-desk.js'
import { createServer } from './http/server.js'
import { createCourier } from './http/webhook/courier.js'
import { rejectsCsv } from './ingest/rejects-csv.js'
import { startIngestPool } from './ingest-pool.js'
import { statusName } from './smpp/status.js'
import { startSite } from './start-site.js'
import { SpeechKeeper } from './start-speech.js'

/** HTTP stops taking work within this time of a stop. */
const HTTP_CLOSE_MS = 1_000
/**
 * Young generation of the dispatcher's heap: it makes little garbage per message, so more would only stay resident. Measured: 1,000,000
 * rows at the same rate with less memory.
 */
const YOUNG_MB = 16
/** How often inbound messages are looked at whose parts never came. */
const INBOUND_EVERY_MS = 1_000
/** How often money and usage follow what became of messages; whoever asks for them need not wait for it. */
const MONEY_EVERY_MS = 1_000
/** Whether the time of an import has come. */
const CONTACTS_EVERY_MS = 1_000
/** How often webhooks are looked at whose next try is due, and their progress is stored. */
const WEBHOOKS_EVERY_MS = 250
/** How often recurring jobs are looked at. */
const RECURRENCES_EVERY_MS = 500
/** How often events are looked at whose change is not complete, or whose time is over. */
const EVENTS_EVERY_MS = 1_000
/** Left of shutdownSeconds for closing the stores behind the drain. */
const RESERVE_MS = 500

export interface StartOptions {
  log?: Log
  /** Of the main thread; tests of calendars hand in their own. */
  clock?: Clock
  /** Ends the process when going on would be wrong; tests hand in their own. */
  exit?(code: number): void
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

/** What is open, closed in reverse order. */
class Closing {
  isStopping = false
  /** Epoch: when the drain ends at the latest. */
  deadlineMs = 0
  readonly #steps: (() => Promise<unknown>)[] = []

  add(step: () => Promise<unknown>): void {
    this.#steps.push(step)
  }

  async all(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) await step()
  }
}

type Started = StartOptions & { log: Log }

async function start(config: Config, options: Started, closing: Closing): Promise<RunningServer> {
  const lock = await lockDataDir(config.dataDir)
  closing.add(() => lock.release())
  const { log } = options
  const failStop = makeFailStop(log, options.exit ?? ((code) => process.exit(code)))
  const key = adminKey(config.dataDir, config.http.adminKey)
  const stores = openStores(config.dataDir, failStop)
  closing.add(() => stores.documents.close())
  closing.add(() => stores.store.close())
  closing.add(() => stores.contacts.root.close())
  const memory = metricsMemory()
  const metrics = new SharedMetrics(memory)
  const { numbers, turn } = stores.store
  const shared = { dataDir: config.dataDir, numbers: numbers.buffer, turn: turn.buffer }
  const pool = startIngestPool(config.threads.ingest, shared)
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
    rejects: rejectsOf(stores.store),
    statusName,
    courier: createCourier({ ...config.webhooks, resolve: resolver(), now: () => systemClock.now() }),
    metricsText: () => prometheus.renderMetrics(),
    fail: failStop,
    isStopping: () => closing.isStopping,
  })
  closing.add(() => built.close())
  const worker = startDispatcher(config, built, { metrics: memory, turn: turn.buffer })
  closing.add(() => worker.terminate())
  const link = new DispatcherLink(worker, built.events)
  superviseDispatcher(worker, link, (error) => {
    if (!closing.isStopping) failStop(error)
  })
  const engine = built.connect(link)
  await link.ready
  speech.serve((port) => link.post({ type: 'speech', port }, [port]))
  closing.add(async () => {
    await Promise.all([built.jobs.stop(), built.contacts.imports.stop()])
    await within(link.drain(closing.deadlineMs), config.shutdownSeconds * 1000)
  })
  await startBackground(built, closing, failStop)
  const { credentials, desk } = built.drops()
  const drops = await startDropFolder(config.dropFolder, { desk, log, metrics, fail: failStop })
  closing.add(async () => await drops?.stop())
  const site = await startSite({ config, log, metrics: memory, credentials, folders: drops?.folders ?? null })
  // Half of the time is left for the dispatcher, which has more to lose.
  closing.add(async () => await site?.stop(closing.deadlineMs - config.shutdownSeconds * 500))
  const server = await createServer({ engine, config, log })
  closing.add(() => server.close(HTTP_CLOSE_MS))
  log.info({ url: server.url, dataDir: config.dataDir }, 'trunkline runs')
  const reload = async (fresh: Config): Promise<string[]> => {
    await built.routes.reload(fresh)
    built.inbound.useCarriers(inboundCarriers(fresh))
    speech.reload(fresh)
    return await link.reload(fresh.carriers, built.routes.dispatch())
  }
  return { url: server.url, adminKey: key, engine, dropDesk: desk, reload, stop: () => stop(config, closing, log) }
}

/** What goes on beside requests, begun in the order in which one needs the other. */
async function startBackground(built: Built, closing: Closing, fail: (error: unknown) => void): Promise<void> {
  closing.add(startInbound(built.inbound))
  closing.add(startMoney(built.money, fail))
  closing.add(startWebhooks(built.webhooks))
  // Nothing is sent before all that subscribers wrote is heard: it may be STOP.
  await built.inbound.heard()
  // Nor before what is left of an event that was changed is canceled.
  await built.tending().catchUp()
  built.optOut.open()
  await built.jobs.resume()
  closing.add(startRecurrences(built.jobs, fail))
  await built.contacts.imports.resume()
  closing.add(startContacts(built.contacts))
  closing.add(startEvents(built.tending(), fail))
}

/** Looks each second whose import is due and what was said by STOP. Gives how it is stopped. */
function startContacts({ imports, heard }: Built['contacts']): () => Promise<void> {
  heard.wake()
  const timer = setInterval(() => {
    imports.tick()
    heard.wake()
  }, CONTACTS_EVERY_MS)
  return () => {
    clearInterval(timer)
    return heard.stop()
  }
}

/** Reads what subscribers sent, and looks each second whose time is over. Gives how it is stopped. */
function startInbound(inbound: InboundDesk): () => Promise<void> {
  inbound.start()
  const timer = setInterval(() => inbound.wake(), INBOUND_EVERY_MS)
  return () => {
    clearInterval(timer)
    return inbound.stop()
  }
}

/** Delivers what happened, and looks a few times a second whose retry is due. Gives how it is stopped. */
function startWebhooks(webhooks: WebhookDesk): () => Promise<void> {
  const timer = setInterval(() => webhooks.tick(), WEBHOOKS_EVERY_MS)
  return () => {
    clearInterval(timer)
    return webhooks.stop()
  }
}

/** Makes the runs of recurring jobs. Gives how it is stopped. */
function startRecurrences({ recurrences }: Jobs, fail: (error: unknown) => void): () => Promise<void> {
  const timer = setInterval(() => {
    recurrences.tick().catch(fail)
  }, RECURRENCES_EVERY_MS)
  return () => {
    clearInterval(timer)
    return recurrences.stop()
  }
}

/** Looks each second at what automatic events have to do by themselves. Gives how it is stopped. */
function startEvents(tending: EventTending, fail: (error: unknown) => void): () => Promise<void> {
  const timer = setInterval(() => {
    tending.tend().catch(fail)
  }, EVENTS_EVERY_MS)
  return () => {
    clearInterval(timer)
    return tending.stop()
  }
}

/** Settles what was stored since, each second. Gives how it is stopped. */
function startMoney(money: Money, fail: (error: unknown) => void): () => Promise<void> {
  const timer = setInterval(() => {
    money.fold().catch(fail)
  }, MONEY_EVERY_MS)
  return () => {
    clearInterval(timer)
    return money.stop()
  }
}

async function stop(config: Config, closing: Closing, log: Log): Promise<void> {
  if (closing.isStopping) return
  closing.isStopping = true
  closing.deadlineMs = systemClock.now() + config.shutdownSeconds * 1000 - RESERVE_MS
  await closing.all()
  log.info({}, 'trunkline has stopped')
}

function makeFailStop(log: Log, exit: (code: number) => void): (error: unknown) => void {
  let hasFailed = false
  return (error) => {
    if (hasFailed) return
    hasFailed = true
    log.error({ error }, 'the engine stops rather than go on wrong')
    exit(1)
  }
}

function startDispatcher(
  { dataDir, carriers, logLevel }: Config,
  { routes, jobs, webhooks, optOut }: Built,
  shared: { metrics: SharedArrayBuffer; turn: SharedArrayBuffer },
): Worker {
  const workerData: DispatcherStart = {
    ...{ dataDir, carriers, logLevel, ...shared },
    routes: routes.dispatch(),
    jobs: jobs.openDispatches(),
    eventAccounts: webhooks.eventAccounts(),
    suppressions: optOut.book.filter.buffer,
  }
  return new Worker(new URL('./dispatcher.thread.js', import.meta.url), {
    workerData,
    name: 'dispatcher',
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  })
}

function superviseDispatcher(worker: Worker, link: DispatcherLink, fail: (error: unknown) => void): void {
  worker.on('error', (error) => {
    link.closed()
    fail(error)
  })
  worker.on('exit', (code) => {
    link.closed()
    fail(new EngineError('INTERNAL', `the dispatcher thread ended with code ${code}`))
  })
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

/** Waits for the work, but no longer than this. */
async function within(work: Promise<unknown>, ms: number): Promise<void> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), ms)
  try {
    await Promise.race([work, once(controller.signal, 'abort')])
  } finally {
    clearTimeout(timer)
  }
}
