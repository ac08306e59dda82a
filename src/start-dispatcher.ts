/** Starts the dispatcher thread, and sees its end. Composition, main thread. */
import { Worker } from 'node:worker_threads'
import type { Built } from './engine/build.js'
import type { Config } from './engine/config/schema.js'
import { EngineError } from './engine/contract/errors.js'
import type { DispatcherStart } from './engine/contract/thread.js'
import { DispatcherLink } from './engine/dispatcher-link.js'

/**
 * Young generation of the dispatcher's heap: it makes little garbage per message, so more would only stay resident. Measured: 1,000,000
 * rows at the same rate with less memory.
 */
const YOUNG_MB = 16

type Shared = Pick<DispatcherStart, 'metrics' | 'turn' | 'pulse'>

/** The thread, asked by its link from now on. `onEnd`: it died, or ended. */
export function startDispatcher(
  { dataDir, carriers, logLevel }: Config,
  { routes, resumed, jobs, webhooks, optOut, events }: Built,
  shared: Shared,
  onEnd: (error: unknown) => void,
): { link: DispatcherLink; terminate(): Promise<unknown> } {
  const workerData: DispatcherStart = {
    ...{ dataDir, carriers, logLevel, ...shared },
    routes: routes.dispatch(),
    resumed,
    jobs: jobs.openDispatches(),
    eventAccounts: webhooks.eventAccounts(),
    suppressions: optOut.book.filter.buffer,
  }
  const worker = new Worker(new URL('./dispatcher.thread.js', import.meta.url), {
    workerData,
    name: 'dispatcher',
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  })
  const link = new DispatcherLink(worker, events)
  worker.on('error', (error) => {
    link.closed()
    onEnd(error)
  })
  worker.on('exit', (code) => {
    link.closed()
    onEnd(new EngineError('INTERNAL', `the dispatcher thread ended with code ${code}`))
  })
  return { link, terminate: () => worker.terminate() }
}
