/** One direction of one connection through the chaos proxy: octets in order, late, in pieces, or not at all. */
import type { Socket } from 'node:net'
import { setTimeout as later } from 'node:timers'
import type { Random } from '../../src/engine/base/random.js'

export interface Weather {
  /** Each chunk waits so long, in both directions. */
  delayMs: number
  /** Chunks come in pieces of one to seven octets. */
  pieces: boolean
  /** Which direction is clogged: `up` is from the client to the server. */
  stalled: 'none' | 'up' | 'down' | 'both'
}

export interface PipeOptions {
  from: Socket
  to: Socket
  random: Random
  direction: 'up' | 'down'
  /** A torn connection is to be ended now. */
  torn: () => void
}

interface Chunk {
  bytes: Buffer
  /** When it may go; monotonic milliseconds. */
  dueMs: number
}

/** Held octets from which on no more is read. */
const HELD_MAX = 256 * 1024
const PIECES_MAX = 64

export class ChaosPipe {
  readonly #options: PipeOptions
  #weather: Weather = { delayMs: 0, pieces: false, stalled: 'none' }
  #chunks: Chunk[] = []
  #held = 0
  #timer: NodeJS.Timeout | null = null
  #isEnded = false
  #isFinished = false
  #isStopped = false
  #tears = false

  constructor(options: PipeOptions) {
    this.#options = options
    const { from, to } = options
    from.on('data', (bytes: Buffer) => this.#take(bytes))
    from.on('end', () => {
      this.#isEnded = true
      this.#pump()
    })
    to.on('drain', () => this.#pump())
  }

  set(weather: Weather): void {
    this.#weather = weather
    this.#pump()
  }

  /** What is held goes no further; the receiver sees the end of the stream. */
  finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    this.#chunks = []
    this.#options.to.end()
  }

  tearNext(): void {
    this.#tears = true
  }

  stop(): void {
    this.#isStopped = true
    this.#chunks = []
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #take(bytes: Buffer): void {
    if (this.#isFinished || this.#isStopped) return
    this.#chunks.push({ bytes, dueMs: performance.now() + this.#weather.delayMs })
    this.#held += bytes.length
    if (this.#held > HELD_MAX) this.#options.from.pause()
    this.#pump()
  }

  #pump(): void {
    if (this.#isStopped || this.#isFinished || this.#timer !== null) return
    const { stalled } = this.#weather
    if (stalled === 'both' || stalled === this.#options.direction) return
    while (this.#chunks.length > 0 && !this.#options.to.writableNeedDrain) {
      const { dueMs } = this.#chunks[0]!
      const waitMs = dueMs - performance.now()
      if (waitMs > 0) {
        this.#again(waitMs)
        return
      }
      if (!this.#pass(this.#chunks.shift()!)) return
    }
    if (this.#chunks.length === 0 && this.#isEnded) this.finish()
  }

  /** False: nothing more goes at this turn. */
  #pass({ bytes, dueMs }: Chunk): boolean {
    const { to, random, torn } = this.#options
    if (this.#tears) {
      // Nothing may follow: what comes until the connection ends would be read as the rest of this.
      this.stop()
      to.write(bytes.subarray(0, random.below(bytes.length)))
      setImmediate(torn)
      return false
    }
    const size = this.#weather.pieces && bytes.length <= PIECES_MAX * 7 ? 1 + random.below(7) : bytes.length
    to.write(bytes.subarray(0, size))
    this.#held -= size
    if (this.#held <= HELD_MAX) this.#options.from.resume()
    if (size >= bytes.length) return true
    this.#chunks.unshift({ bytes: bytes.subarray(size), dueMs })
    this.#again(0)
    return false
  }

  #again(ms: number): void {
    this.#timer = later(() => {
      this.#timer = null
      this.#pump()
    }, ms)
  }
}
