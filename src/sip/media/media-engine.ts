/**
 * All calls of the media thread: opens their ports, sends their packets step by step, and answers what the dispatcher asks.
 * Time is handed in; the thread's one timer is in media.thread.ts.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import type { Clock } from '../../engine/contract/clock.js'
import type { Log } from '../../engine/contract/log.js'
import type { HeardCells } from './heard-cells.js'
import type { MediaPlace, MediaReport } from './media.js'
import { MediaCall, type MediaCallEvents } from './media-call.js'
import type { FromMedia, ToMedia } from './media-messages.js'
import { PortPool } from './port-pool.js'
import { RtpStreams, STEP_MS } from './rtp-streams.js'
import { SoundCache } from './sound-cache.js'

const SOUND_BYTES_MAX = 32 << 20
/** Ports of a range that other programs have, and odd ones that the system offers, before we give up. */
const BINDS_MAX = 64
const CHANCES = 2 ** 32
const NOTHING: MediaReport = { heardMs: 0, totalMs: 0, packetsSent: 0, packetsReceived: 0, packetsLost: 0 }

export interface MediaEngineParts {
  clock: Clock
  log: Log
  /** 32 bits of chance that nobody can foretell. */
  chance: () => number
  heard: HeardCells
  tell(message: FromMedia): void
}

interface BoundPort {
  socket: Socket
  port: number
}

interface OpenCall {
  place: MediaPlace
  port: number
  /** null: its port is being bound. */
  media: MediaCall | null
}

export class MediaEngine {
  readonly #parts: MediaEngineParts
  readonly #streams = new RtpStreams()
  readonly #sounds = new SoundCache(SOUND_BYTES_MAX)
  readonly #ports: PortPool
  readonly #calls = new Map<number, OpenCall>()
  /** By place in the typed arrays. */
  readonly #bySlot: (MediaCall | undefined)[] = []
  #ready = new Int32Array(0)
  #step = 0

  constructor(parts: MediaEngineParts) {
    this.#parts = parts
    this.#ports = new PortPool(() => parts.chance() / CHANCES)
  }

  get callsOpen(): number {
    return this.#calls.size
  }

  handle(message: ToMedia): void {
    if (message.type === 'open') void this.#open(message)
    else if (message.type === 'close') this.#close(message.id)
    else this.#change(message)
  }

  /** Sends what is due. Cheap when nothing is. */
  tick(): void {
    const nowMs = this.#parts.clock.monotonic()
    const step = Math.floor(nowMs / STEP_MS)
    if (step === this.#step) return
    this.#step = step
    if (this.#ready.length < this.#streams.capacity) this.#ready = new Int32Array(this.#streams.capacity)
    const count = this.#streams.collect(step, this.#ready)
    for (let n = 0; n < count; n++) this.#bySlot[this.#ready[n]!]?.send(nowMs)
  }

  /** Milliseconds until there is something to do again. */
  get nextTickMs(): number {
    return (Math.floor(this.#parts.clock.monotonic() / STEP_MS) + 1) * STEP_MS - this.#parts.clock.monotonic()
  }

  #change(message: Extract<ToMedia, { type: 'connect' | 'play' }>): void {
    const media = this.#calls.get(message.id)?.media
    if (media === undefined || media === null) return
    const nowMs = this.#parts.clock.monotonic()
    if (message.type === 'connect') media.connect(message.target, Math.floor(nowMs / STEP_MS))
    else media.play(message.clips, nowMs + message.delayMs)
  }

  async #open({ id, at: place, cell }: Extract<ToMedia, { type: 'open' }>): Promise<void> {
    const call: OpenCall = { place, port: 0, media: null }
    this.#calls.set(id, call)
    const bound = await this.#bind(place)
    if (this.#calls.get(id) !== call) {
      // Closed in the meantime; the report was given then.
      if (bound !== null) this.#unbind(bound, place)
      return
    }
    if (bound === null) {
      this.#calls.delete(id)
      this.#parts.tell({ type: 'opened', id, port: null })
      return
    }
    call.port = bound.port
    const { chance, heard } = this.#parts
    call.media = new MediaCall(bound.socket, {
      streams: this.#streams,
      sounds: this.#sounds,
      chance,
      heard,
      cell,
      events: this.#eventsOf(id),
    })
    this.#bySlot[call.media.slot] = call.media
    this.#parts.tell({ type: 'opened', id, port: call.port })
  }

  async #bind(place: MediaPlace): Promise<BoundPort | null> {
    for (let n = 0; n < BINDS_MAX; n++) {
      const wanted = place.from === 0 ? 0 : this.#ports.take(place, this.#parts.clock.monotonic())
      if (wanted === null) return null
      const bound = await bind(place.address, wanted)
      if (typeof bound === 'string') {
        if (wanted !== 0) this.#ports.release(place.address, wanted, this.#parts.clock.monotonic())
        if (bound === 'EADDRINUSE') continue
        this.#parts.log.warn({ address: place.address, code: bound }, 'no port for RTP can be bound')
        return null
      }
      if (wanted !== 0 || this.#ports.claim(place.address, bound.port, this.#parts.clock.monotonic())) return bound
      bound.socket.close()
    }
    return null
  }

  #unbind({ socket, port }: BoundPort, { address }: MediaPlace): void {
    socket.close()
    this.#ports.release(address, port, this.#parts.clock.monotonic())
  }

  #close(id: number): void {
    const call = this.#calls.get(id)
    this.#calls.delete(id)
    const media = call?.media ?? null
    if (call === undefined || media === null) {
      this.#parts.tell({ type: 'closed', id, report: NOTHING })
      return
    }
    this.#bySlot[media.slot] = undefined
    const report = media.close()
    this.#ports.release(call.place.address, call.port, this.#parts.clock.monotonic())
    this.#parts.tell({ type: 'closed', id, report })
  }

  #eventsOf(id: number): MediaCallEvents {
    const { tell } = this.#parts
    return {
      digit: (digit) => tell({ type: 'digit', id, digit }),
      played: () => tell({ type: 'played', id }),
      failed: (why) => tell({ type: 'failed', id, why }),
    }
  }
}

/** The code of the error when it cannot be bound. */
async function bind(address: string, port: number): Promise<BoundPort | string> {
  const isV6 = isIPv6(address)
  // What we send to is an address already: asking the resolver for it would be a turn of the loop for each packet.
  const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6, lookup: isV6 ? asIsV6 : asIsV4 })
  try {
    const listening = once(socket, 'listening')
    socket.bind({ address, port, exclusive: true })
    await listening
    return { socket, port: socket.address().port }
  } catch (error) {
    socket.close()
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

type Found = (error: NodeJS.ErrnoException | null, address: string, family: number) => void

function asIsV4(address: string, _options: unknown, found: Found): void {
  found(null, address, 4)
}

function asIsV6(address: string, _options: unknown, found: Found): void {
  found(null, address, 6)
}
