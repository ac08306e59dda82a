/**
 * The dispatcher thread: puts store, loop and channels together and speaks with the main thread. A new carrier protocol
 * is one more line in `createChannel`.
 */
import assert from 'node:assert'
import { parentPort, workerData } from 'node:worker_threads'
import { Random } from './engine/base/random.js'
import type { SmppCarrierConfig } from './engine/config/smpp-carrier.js'
import type { Channel } from './engine/contract/channel.js'
import { systemClock } from './engine/contract/clock.js'
import { EngineError } from './engine/contract/errors.js'
import type { OutcomeSink } from './engine/contract/outcome.js'
import type { DispatcherStart, FromDispatcher, ToDispatcher } from './engine/contract/thread.js'
import { Carrier } from './engine/dispatch/carriers.js'
import { Dispatcher } from './engine/dispatch/dispatcher.js'
import { createLog } from './engine/observe/log.js'
import { SharedMetrics } from './engine/observe/shared-metrics.js'
import { numberCarriers } from './engine/store/carrier-names.js'
import { openEnvironment } from './engine/store/environment.js'
import { createSmppChannel } from './smpp/smpp-channel.js'

assert(parentPort !== null, 'runs as a worker thread')
const main = parentPort
const start = workerData as DispatcherStart
const configs = start.carriers as SmppCarrierConfig[]
const log = createLog(start.logLevel as Parameters<typeof createLog>[0])
const metrics = new SharedMetrics(start.metrics)
const random = new Random(systemClock.now() >>> 0)
const environment = openEnvironment(start.dataDir)
const routes = new Map(start.routes.map(({ route, carriers }) => [route, carriers]))

function post(message: FromDispatcher): void {
  main.postMessage(message)
}

function fatal(error: unknown): void {
  const code = error instanceof EngineError ? error.code : 'INTERNAL'
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  log.error({ code, error: message }, 'the dispatcher stops rather than go on wrong')
  post({ type: 'fatal', code, message })
}

const dispatcher = new Dispatcher({
  environment,
  clock: systemClock,
  random,
  metrics,
  log,
  carriersOf: (route) => routes.get(route) ?? [],
  port: {
    progress: (jobs) => post({ type: 'progress', jobs }),
    finished: (job) => post({ type: 'finished', job }),
    fatal,
  },
})

function createChannel(config: SmppCarrierConfig, sink: OutcomeSink): Channel {
  return createSmppChannel(config, { sink, clock: systemClock, random, metrics, log })
}

const numbers = numberCarriers(
  environment,
  configs.map(({ id }) => id),
)
const carriers = configs.map((config, index) => {
  const channel = createChannel(config, dispatcher.inbox.sink(index))
  const terms = { request: config.receipts.request, timeoutSeconds: config.receiptTimeoutSeconds }
  return new Carrier(channel, numbers[index]!, { terms, metrics })
})

const handlers: { [K in ToDispatcher['type']]: (message: Extract<ToDispatcher, { type: K }>) => void } = {
  job: ({ job }) => dispatcher.job(job),
  appended: ({ job, route }) => dispatcher.appended(job, route),
  carrier: ({ id, change }) => {
    dispatcher.carrier(id)?.channel.patch(change)
    dispatcher.inbox.bindsChanged = true
    dispatcher.wake()
  },
  carriers: ({ request }) => post({ type: 'carriers', request, items: carriers.map(({ channel }) => channel.view()) }),
  states: ({ request, blocks }) => dispatcher.states(blocks, (states) => post({ type: 'states', request, states })),
  drain: ({ deadlineMs }) => {
    dispatcher
      .drain(deadlineMs)
      .then(() => environment.root.close())
      .then(() => post({ type: 'drained' }), fatal)
  },
}

const recovered = await dispatcher.start(carriers, start.jobs)
if (recovered.blocks > 0) log.info({ ...recovered }, 'recovered open blocks')
main.on('message', (message: ToDispatcher) => {
  try {
    ;(handlers[message.type] as (message: ToDispatcher) => void)(message)
  } catch (error) {
    fatal(error)
  }
})
post({ type: 'ready' })
