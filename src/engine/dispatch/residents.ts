/**
 * What the dispatcher keeps in memory of blocks: states of those that something happens to, bodies of those with messages
 * still to be written. Both are bounded; what is dropped is read back from the store when it is needed.
 */
import { limits } from '../contract/limits.js'
import { BlockReader } from '../store/block.js'
import { BlockState } from '../store/block-state.js'
import type { DispatchStore } from '../store/dispatch-store.js'

export class Residents {
  readonly #store: DispatchStore
  readonly #states = new Map<number, BlockState>()
  readonly #bodies = new Map<number, BlockReader>()

  constructor(store: DispatchStore) {
    this.#store = store
  }

  has(block: number): boolean {
    return this.#states.has(block)
  }

  /** The current state of a claimed block; null: gone or never claimed. @throws EngineError STORE_CORRUPT. */
  state(block: number): BlockState | null {
    const resident = this.#states.get(block)
    if (resident !== undefined) return resident
    const stored = this.#store.state(block)
    if (stored === null) return null
    const state = BlockState.decode(block, stored)
    this.#states.set(block, state)
    return state
  }

  /** State of a block that is claimed now (or was, without a snapshot); null: its bytes are gone or damaged. */
  open(block: number): BlockState | null {
    const known = this.state(block)
    if (known !== null) return known
    const reader = this.body(block)
    if (reader === null) return null
    const state = BlockState.fresh(block, reader, this.#store.marks(block))
    this.#states.set(block, state)
    return state
  }

  /** Bodies are kept in order of first use; the oldest go first when there are too many. */
  body(block: number): BlockReader | null {
    const resident = this.#bodies.get(block)
    if (resident !== undefined) return resident
    const bytes = this.#store.block(block)
    if (bytes === null) return null
    const reader = new BlockReader(bytes)
    if (!reader.intact) return null
    this.#bodies.set(block, reader)
    if (this.#bodies.size > limits.blocksClaimed) {
      for (const oldest of this.#bodies.keys()) {
        this.#bodies.delete(oldest)
        break
      }
    }
    return reader
  }

  /** States of blocks with messages whose answer is awaited. */
  inFlight(): BlockState[] {
    const found: BlockState[] = []
    for (const state of this.#states.values()) if (state.inFlightTotal > 0) found.push(state)
    return found
  }

  /** All dirty states: for a snapshot. They count as clean from now on. */
  takeDirty(): BlockState[] {
    const dirty: BlockState[] = []
    for (const state of this.#states.values()) {
      if (!state.dirty) continue
      state.dirty = false
      dirty.push(state)
    }
    return dirty
  }

  /** The body on disk is another one now. */
  bodyChanged(block: number): void {
    this.#bodies.delete(block)
  }

  /** Neither state nor body is there any more. */
  drop(block: number): void {
    this.#bodies.delete(block)
    this.#states.get(block)?.dispose()
    this.#states.delete(block)
  }

  /** Drops states that nothing holds, oldest first, down to `keep`. `durable`: sequence up to which the disk has all. */
  trim(keep: number, durable: number): void {
    if (this.#states.size <= keep) return
    for (const [block, state] of this.#states) {
      if (state.dirty || state.inFlightTotal > 0 || state.sequence > durable || state.sequence === 0) continue
      this.#states.delete(block)
      this.#bodies.delete(block)
      state.dispose()
      if (this.#states.size <= keep) return
    }
  }
}
