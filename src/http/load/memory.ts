/**
 * Keeps the memory of the main thread within its bound. Left to itself, a heap that may grow to gigabytes lets garbage lie until
 * it has: from a watermark on it is collected, and while what is really in use is above a second one, looking and large bodies are
 * refused. Main thread.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { limits } from '../../engine/contract/limits.js'

const LOOK_MS = 250

export interface Heap {
  /** Octets with garbage, those outside of the heap included. */
  held(): number
  collect(): void
}

export class MemoryWatch {
  readonly #heap: Heap
  readonly #timer: NodeJS.Timeout
  #collectedAtMs = Number.NEGATIVE_INFINITY
  #nowMs = 0
  /** Less is free than is wanted: what can wait is refused. */
  isScarce = false

  constructor(heap: Heap) {
    this.#heap = heap
    this.#timer = setInterval(() => this.look(this.#nowMs + LOOK_MS), LOOK_MS)
    this.#timer.unref()
  }

  /** `nowMs` counts from the start. */
  look(nowMs: number): void {
    this.#nowMs = nowMs
    const held = this.#heap.held()
    if (held < limits.heapCollectBytes) {
      this.isScarce = false
      return
    }
    if (nowMs - this.#collectedAtMs < limits.heapCollectMs) return
    this.#collectedAtMs = nowMs
    this.#heap.collect()
    this.isScarce = this.#heap.held() >= limits.heapScarceBytes
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

/** Of this thread. */
export function ownHeap(): Heap {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  setFlagsFromString('--no-expose-gc')
  return {
    held() {
      const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
      return heap + external
    },
    collect,
  }
}
