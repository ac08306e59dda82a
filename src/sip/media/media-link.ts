/**
 * The dispatcher's end of the media thread: one link for all SIP carriers, each of which joins it and then speaks `Media`
 * with numbers of its own. A thread that dies fails the calls that it had, whose reports say how far they were heard and
 * nothing else; the next call that is opened has another thread started. Dispatcher thread.
 */
import { HeardCells, NO_CELL } from './heard-cells.js'
import type { Clip, Media, MediaListener, MediaPlace, MediaReport, MediaTarget } from './media.js'
import type { FromMedia, ToMedia } from './media-messages.js'

/** A worker, or one end of a MessageChannel. */
export interface MediaPort {
  postMessage(message: ToMedia): void
}

const NOTHING: MediaReport = { heardMs: 0, totalMs: 0, packetsSent: 0, packetsReceived: 0, packetsLost: 0 }

/** One call as the link knows it. */
interface LinkedCall {
  id: number
  /** As its carrier calls it. */
  call: number
  desk: CarrierMedia
  cell: number
  /** What to report once the thread no longer does; null: it still does. */
  lastReport: MediaReport | null
  opened: ((port: number | null) => void) | null
  closed: ((report: MediaReport) => void) | null
}

export class MediaLink {
  readonly #start: () => MediaPort
  readonly #calls = new Map<number, LinkedCall>()
  readonly #cells = new HeardCells()
  readonly #freeCells = Array.from({ length: this.#cells.count }, (_, n) => this.#cells.count - 1 - n)
  #port: MediaPort | null = null
  #lastId = 0

  /** `start` makes a thread: with the first call, and with the next one after a thread was lost. */
  constructor(start: () => MediaPort) {
    this.#start = start
  }

  /** What one carrier asks; its listener hears of its own calls only. */
  join(listener: MediaListener): Media {
    return new CarrierMedia(this, listener)
  }

  /** What the thread has to be started with. */
  get memory(): SharedArrayBuffer {
    return this.#cells.memory
  }

  /** Calls that are open or whose report is awaited. */
  get callsOpen(): number {
    return this.#calls.size
  }

  /** What the thread said. */
  received(message: FromMedia): void {
    const call = this.#calls.get(message.id)
    if (call === undefined) return
    if (message.type === 'opened') this.#opened(call, message.port)
    else if (message.type === 'closed') this.#end(call, message.report)
    else if (call.closed === null) tellListener(call, message)
  }

  /** The thread is gone: nothing that it had will be heard of again. */
  lost(why: string): void {
    this.#port = null
    for (const call of [...this.#calls.values()]) {
      const isClosing = call.closed !== null
      const wasOpen = call.opened === null
      this.#end(call, this.#cells.reportOf(call.cell))
      if (wasOpen && !isClosing) call.desk.listener.failed(call.call, why)
    }
  }

  /** @internal For CarrierMedia. */
  begin(desk: CarrierMedia, call: number, opened: (port: number | null) => void): LinkedCall {
    this.#port ??= this.#start()
    const cell = this.#freeCells.pop() ?? NO_CELL
    this.#cells.set(cell, 0, 0)
    const linked: LinkedCall = { id: ++this.#lastId, call, desk, cell, lastReport: null, opened, closed: null }
    this.#calls.set(linked.id, linked)
    return linked
  }

  /** @internal For CarrierMedia. */
  post(message: ToMedia): void {
    if (this.#calls.has(message.id)) this.#port?.postMessage(message)
  }

  /** @internal For CarrierMedia. */
  end(call: LinkedCall, closed: (report: MediaReport) => void): void {
    const { lastReport } = call
    if (lastReport !== null) {
      queueMicrotask(() => closed(lastReport))
      return
    }
    call.closed = closed
    this.post({ type: 'close', id: call.id })
  }

  /** A call without a port is none: nobody has to close it. */
  #opened(call: LinkedCall, port: number | null): void {
    if (port === null) this.#end(call, NOTHING)
    else tellOpened(call, port)
  }

  #end(call: LinkedCall, report: MediaReport): void {
    this.#calls.delete(call.id)
    call.lastReport = report
    if (call.cell !== NO_CELL) this.#freeCells.push(call.cell)
    tellOpened(call, null)
    const closed = call.closed
    call.closed = null
    closed?.(report)
  }
}

function tellOpened(call: LinkedCall, port: number | null): void {
  const opened = call.opened
  call.opened = null
  opened?.(port)
}

function tellListener({ desk: { listener }, call }: LinkedCall, message: FromMedia): void {
  if (message.type === 'digit') listener.digit(call, message.digit)
  else if (message.type === 'played') listener.played(call)
  else if (message.type === 'failed') listener.failed(call, message.why)
}

/** The calls of one carrier by its own numbers. */
class CarrierMedia implements Media {
  readonly listener: MediaListener
  readonly #link: MediaLink
  readonly #calls = new Map<number, LinkedCall>()

  constructor(link: MediaLink, listener: MediaListener) {
    this.#link = link
    this.listener = listener
  }

  open(call: number, at: MediaPlace, opened: (port: number | null) => void): void {
    const linked = this.#link.begin(this, call, (port) => {
      // Nobody has to close what was never open.
      if (port === null) this.#calls.delete(call)
      opened(port)
    })
    this.#calls.set(call, linked)
    this.#link.post({ type: 'open', id: linked.id, at, cell: linked.cell })
  }

  connect(call: number, target: MediaTarget): void {
    const linked = this.#calls.get(call)
    if (linked !== undefined) this.#link.post({ type: 'connect', id: linked.id, target })
  }

  play(call: number, clips: readonly Clip[], delayMs: number): void {
    const linked = this.#calls.get(call)
    if (linked !== undefined) this.#link.post({ type: 'play', id: linked.id, clips, delayMs })
  }

  close(call: number, closed: (report: MediaReport) => void): void {
    const linked = this.#calls.get(call)
    this.#calls.delete(call)
    if (linked === undefined) queueMicrotask(() => closed(NOTHING))
    else this.#link.end(linked, closed)
  }
}
