/** Brings traced PDUs from the dispatcher to those who watch. Main thread. */
import { EngineError } from './contract/errors.js'
import { limits } from './contract/limits.js'
import type { ToDispatcher } from './contract/thread.js'
import type { TraceBatch, TraceFilter } from './contract/trace.js'

interface Watch {
  batch: TraceBatch | null
  /** Wakes the one who waits for a batch, or for the end. */
  wake(): void
}

export class TraceFeed {
  readonly #post: (message: ToDispatcher) => void
  readonly #watches = new Map<number, Watch>()
  #next = 1

  constructor(post: (message: ToDispatcher) => void) {
    this.#post = post
  }

  /** From the dispatcher. A batch for a watch that has ended is nobody's. */
  traced(watch: number, batch: TraceBatch): void {
    const waiting = this.#watches.get(watch)
    if (waiting === undefined) return
    waiting.batch = batch
    waiting.wake()
  }

  /**
   * Batches until `signal` ends it. The next one is asked for when the last was used, so a slow watcher holds one batch
   * here and one in the dispatcher.
   *
   * @throws EngineError RATE_LIMITED when too many watch already.
   */
  open(carrier: string, filter: TraceFilter, signal: AbortSignal): AsyncGenerator<TraceBatch> {
    if (this.#watches.size >= limits.traces) {
      throw new EngineError('RATE_LIMITED', `${limits.traces} traces are open already; end one of them first.`)
    }
    const watch: Watch = { batch: null, wake: () => {} }
    const number = this.#next++
    this.#watches.set(number, watch)
    this.#post({ type: 'trace', watch: number, carrier, filter })
    return this.#batches(number, watch, { carrier, signal })
  }

  async *#batches(
    number: number,
    watch: Watch,
    { carrier, signal }: { carrier: string; signal: AbortSignal },
  ): AsyncGenerator<TraceBatch> {
    const ended = (): void => watch.wake()
    signal.addEventListener('abort', ended)
    try {
      while (!signal.aborted) {
        const { batch } = watch
        if (batch === null) {
          await new Promise<void>((resolve) => {
            watch.wake = resolve
          })
          continue
        }
        watch.batch = null
        yield batch
        this.#post({ type: 'traceMore', watch: number, carrier })
      }
    } finally {
      signal.removeEventListener('abort', ended)
      this.#watches.delete(number)
      this.#post({ type: 'trace', watch: number, carrier, filter: null })
    }
  }
}
