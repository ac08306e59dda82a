/**
 * The dispatcher thread: puts store, loop and channels together and speaks with the main thread. A new carrier protocol
 * is one more line in `factories`.
 */

import assert from 'node:assert'
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { parentPort, workerData } from 'node:worker_threads'
import { CarrierSet, type ChannelFactories } from './dispatcher-carriers.js'
import { armCrashPoint, crashPoint } from './engine/base/crash-point.js'
import { NumberFilter } from './engine/base/number-filter.js'
import { Random } from './engine/base/random.js'
import type { CarrierConfig } from './engine/config/carrier.js'
import { clientEnvironment } from './engine/config/client-environment.js'
import { systemClock } from './engine/contract/clock.js'
import { EngineError } from './engine/contract/errors.js'
import type { MessageRef } from './engine/contract/message.js'
import type { DispatcherStart, FromDispatcher, RouteDispatch, ToDispatcher } from './engine/contract/thread.js'
import { Dispatcher } from './engine/dispatch/dispatcher.js'
import { createLog } from './engine/observe/log.js'
import { SharedMetrics } from './engine/observe/shared-metrics.js'
import { TraceWatchers } from './engine/observe/trace-watchers.js'
import { SpaceWatch } from './engine/space.js'
import { CommitTurn } from './engine/store/commit-turn.js'
import { openEnvironment } from './engine/store/environment.js'
import { StorePulse } from './engine/store/store-pulse.js'
import { watchStoreWrites } from './engine/store/store-writes.js'
import { SuppressionCheck } from './engine/store/suppression-table.js'
import { createSipChannel } from './sip/channel/sip-channel.js'
import { SpeechLink } from './sip/speech/speech-link.js'
import { SipTracer } from './sip/trace/sip-tracer.js'
import { nameService } from './sip/transport/name-service.js'
import { createSmppChannel } from './smpp/smpp-channel.js'
import { PduTracer } from './smpp/tracer.js'
import { createSmtpChannel } from './smtp/smtp-channel.js'
import { prepareMedia } from './start-media.js'

/** How long messages of subscribers are gathered before the main thread reads them. */
const INBOUND_MS = 20
/** The same for the events of webhooks, so that they go out many at a time. */
const EVENTS_MS = 20

assert(parentPort !== null, 'runs as a worker thread')
armCrashPoint(clientEnvironment().crashAt, 'dispatcher')
const main = parentPort
const start = workerData as DispatcherStart
const configs = start.carriers as CarrierConfig[]
const log = createLog(start.logLevel as Parameters<typeof createLog>[0])
const metrics = new SharedMetrics(start.metrics)
const random = new Random(systemClock.now() >>> 0)
watchStoreWrites(new StorePulse(start.pulse))
const environment = openEnvironment(start.dataDir)
const suppressions = new SuppressionCheck(environment, new NumberFilter(start.suppressions))
const space = new SpaceWatch(start.dataDir, systemClock)
let routes = routesOf(start.routes)

/** By number, as lanes ask for them. */
function routesOf(list: RouteDispatch[]): Map<number, RouteDispatch> {
  return new Map(list.map((route) => [route.route, route]))
}

function post(message: FromDispatcher): void {
  main.postMessage(message)
}

const NO_CARRIERS = { carriers: [], failoverAfterMs: 0 }

function drained(): void {
  crashPoint('stop-stored')
  post({ type: 'drained' })
}

function fatal(error: unknown): void {
  const code = error instanceof EngineError ? error.code : 'INTERNAL'
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  log.error({ code, error: message }, 'the dispatcher stops rather than go on wrong')
  post({ type: 'fatal', code, message })
}

let inboundTimer: NodeJS.Timeout | null = null

/** Not with each commit: what the main thread then writes would wait for the next one, and that one for it. */
function tellInbound(): void {
  if (inboundTimer !== null) return
  inboundTimer = setTimeout(() => {
    inboundTimer = null
    post({ type: 'inbound' })
  }, INBOUND_MS)
}

let isTellingEvents = false

const withEvents = new Set<number>()

function tellEvents(accounts: number[]): void {
  for (const account of accounts) withEvents.add(account)
  if (isTellingEvents) return
  isTellingEvents = true
  setTimeout(() => {
    isTellingEvents = false
    post({ type: 'events', accounts: [...withEvents] })
    withEvents.clear()
  }, EVENTS_MS)
}

const dispatcher = new Dispatcher({
  environment,
  clock: systemClock,
  random,
  metrics,
  log,
  termsOf: (route) => routes.get(route) ?? NO_CARRIERS,
  hasSpace: () => space.look().ok,
  suppressions,
  turn: new CommitTurn(start.turn),
  port: {
    progress: (jobs) => post({ type: 'progress', jobs }),
    finished: (job) => post({ type: 'finished', job }),
    inbound: tellInbound,
    fatal,
  },
})

const watchers = new Map<string, TraceWatchers>()

/** Of a carrier, also when its channel is made anew. */
function watchersOf(carrier: string): TraceWatchers {
  const known = watchers.get(carrier)
  if (known !== undefined) return known
  const made = new TraceWatchers((watch, batch) => post({ type: 'traced', watch, batch }))
  watchers.set(carrier, made)
  return made
}

const shared = { clock: systemClock, random, metrics, log }
/** Of all sip carriers. */
const speech = new SpeechLink()
const names = nameService()
const media = prepareMedia({ logLevel: start.logLevel as Parameters<typeof createLog>[0] }, log)

const factories: ChannelFactories = {
  smpp: (config, sink) => {
    const tracer = new PduTracer(systemClock, watchersOf(config.id))
    return createSmppChannel(config, { ...shared, sink, tracer, mayGoOn: (ref) => dispatcher.mayGoOn(ref) })
  },
  smtp: (config, sink) => createSmtpChannel(config, { ...shared, sink }),
  sip: (config, sink) =>
    createSipChannel(config, {
      ...{ ...shared, sink, speech, names, media: media.link },
      tap: new SipTracer(systemClock, watchersOf(config.id)),
      random: new Random(randomBytes(4).readUInt32LE()),
      mayStillGo: (ref) => dispatcher.mayStillGo(ref),
    }),
}

/** Of a directory that was restored: carriers that may send. */
const resumed = start.resumed === null ? null : new Set(start.resumed)
const isHeld = (id: string): boolean => resumed !== null && !resumed.has(id)
const carriers = new CarrierSet({ environment, metrics, dispatcher, factories, isHeld })

const handlers: { [K in ToDispatcher['type']]: (message: Extract<ToDispatcher, { type: K }>) => void } = {
  job: ({ job }) => dispatcher.job(job),
  appended: ({ job, route }) => dispatcher.appended(job, route),
  carrier: ({ id, change }) => {
    if (change.paused === false) resumed?.add(id)
    dispatcher.carrier(id)?.channel.patch(change)
    dispatcher.inbox.bindsChanged = true
    dispatcher.wake()
  },
  carriers: ({ request }) => post({ type: 'carriers', request, items: carriers.views() }),
  states: ({ request, blocks }) => dispatcher.states(blocks, (states) => post({ type: 'states', request, states })),
  waits: ({ request, ref }) => post({ type: 'waits', request, waits: dispatcher.whyWaits.of(ref as MessageRef) }),
  snapshot: ({ request }) => {
    dispatcher.commits.snapshot(() => post({ type: 'snapshot', request }))
    dispatcher.wake()
  },
  reload: ({ request, carriers: list, routes: routeList }) => {
    const changed = carriers.reload(list as CarrierConfig[])
    const before = routes
    routes = routesOf(routeList)
    if (!isDeepStrictEqual(before, routes)) changed.push('routes')
    dispatcher.routesChanged()
    post({ type: 'reloaded', request, changed })
  },
  trace: ({ watch, carrier, filter }) => {
    if (filter === null) watchersOf(carrier).unwatch(watch)
    else watchersOf(carrier).watch(watch, filter)
  },
  traceMore: ({ watch, carrier }) => watchersOf(carrier).more(watch),
  eventAccounts: ({ accounts }) => dispatcher.feed.use(accounts),
  settle: ({ request, task }) =>
    dispatcher.settling.settle(task, (settled) => post({ type: 'settled', request, settled })),
  cancel: ({ request, refs }) =>
    dispatcher.settling.cancel(refs, (canceled) => post({ type: 'canceled', request, canceled })),
  redact: ({ request, task }) => dispatcher.redaction.redact(task, () => post({ type: 'redacted', request })),
  heard: ({ number }) => dispatcher.heard(number),
  suppressions: ({ filter }) => suppressions.filter.use(filter),
  speech: ({ port }) => speech.use(port),
  drain: ({ deadlineMs }) => {
    dispatcher
      .drain(deadlineMs)
      .then(() => environment.root.close())
      .then(drained)
      .catch(fatal)
  },
}

dispatcher.feed.use(start.eventAccounts)
dispatcher.feed.onDurable = tellEvents
const recovered = await dispatcher.start(carriers.open(configs), start.jobs)
if (recovered.blocks > 0) log.info({ ...recovered }, 'recovered open blocks')
main.on('message', (message: ToDispatcher) => {
  try {
    ;(handlers[message.type] as (message: ToDispatcher) => void)(message)
  } catch (error) {
    fatal(error)
  }
})
post({ type: 'ready' })
