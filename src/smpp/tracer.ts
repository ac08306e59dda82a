/**
 * Shows the PDUs of one carrier to those who watch. Dispatcher thread; while nobody watches it costs one comparison a
 * PDU. A watcher gets a batch, says when it wants more, and misses what came while its batch was full.
 */
import type { Clock } from '../engine/contract/clock.js'
import { limits } from '../engine/contract/limits.js'
import type { TraceBatch, TracedPdu, TraceFilter } from '../engine/contract/trace.js'
import { HEADER_BYTES, RESPONSE } from './constants.js'
import { newMessagePdu, readMessagePdu, readUint32, type Span } from './decode.js'
import { describePdu } from './describe.js'
import { isMessage, maskedCopy } from './mask.js'

/** Which connection a PDU went over. */
export interface TracedSession {
  bind: number
  generation: number
}

export type TraceEmit = (watch: number, batch: TraceBatch) => void

const pdu = newMessagePdu()

export class PduTracer {
  #clock: Clock
  #emit: TraceEmit
  #watchers = new Map<number, Watcher>()
  /** True while somebody watches: look at it before calling `pdu` or `octets`. */
  isOn = false

  constructor(clock: Clock, emit: TraceEmit) {
    this.#clock = clock
    this.#emit = emit
  }

  watch(watch: number, filter: TraceFilter): void {
    this.#watchers.set(watch, new Watcher(filter))
    this.isOn = true
  }

  unwatch(watch: number): void {
    this.#watchers.delete(watch)
    this.isOn = this.#watchers.size > 0
  }

  /** The watcher has used up its last batch. */
  more(watch: number): void {
    const watcher = this.#watchers.get(watch)
    if (watcher !== undefined) watcher.isWaiting = true
  }

  /** A PDU that came in, or goes out: bytes[start, end). */
  pdu(session: TracedSession, direction: 'in' | 'out', bytes: Buffer, span: { start: number; end: number }): void {
    const at = this.#clock.now()
    for (const watcher of this.#watchers.values()) watcher.see({ session, direction, at }, bytes, span)
  }

  /** What one flush wrote: whole PDUs, one behind the other. */
  octets(session: TracedSession, bytes: Buffer): void {
    let start = 0
    while (start + HEADER_BYTES <= bytes.length) {
      const end = start + readUint32(bytes, start)
      if (end <= start || end > bytes.length) return
      this.pdu(session, 'out', bytes, { start, end })
      start = end
    }
  }

  /** Hands over what has gathered. */
  tick(): void {
    if (!this.isOn) return
    for (const [watch, watcher] of this.#watchers) {
      const batch = watcher.take()
      if (batch !== null) this.#emit(watch, batch)
    }
  }
}

interface Passing {
  session: TracedSession
  direction: 'in' | 'out'
  at: number
}

class Watcher {
  isWaiting = true
  #filter: TraceFilter
  #pdus: TracedPdu[] = []
  #dropped = 0
  /** Requests that matched, so that their answers are shown: connection, direction and sequence number. */
  #asked = new Set<string>()

  constructor(filter: TraceFilter) {
    this.#filter = filter
  }

  see(passing: Passing, bytes: Buffer, span: { start: number; end: number }): void {
    const { session, direction, at } = passing
    if (this.#filter.bind !== null && this.#filter.bind !== session.bind) return
    if (this.#filter.number !== null && !this.#matches(passing, bytes, span)) return
    if (this.#pdus.length >= limits.tracedPdus) {
      this.#dropped++
      return
    }
    const copy = maskedCopy(bytes, span.start, span.end, this.#filter.text)
    this.#pdus.push({
      at,
      bind: session.bind,
      connection: session.generation,
      direction,
      pdu: this.#filter.octets ? null : describePdu(copy),
      octets: this.#filter.octets ? copy : null,
    })
  }

  take(): TraceBatch | null {
    if (!this.isWaiting || (this.#pdus.length === 0 && this.#dropped === 0)) return null
    const batch = { pdus: this.#pdus, dropped: this.#dropped }
    this.#pdus = []
    this.#dropped = 0
    this.isWaiting = false
    return batch
  }

  #matches({ session, direction }: Passing, bytes: Buffer, { start, end }: { start: number; end: number }): boolean {
    if (end - start < HEADER_BYTES) return false
    const command = readUint32(bytes, start + 4)
    const sequence = readUint32(bytes, start + 12)
    const place = `${session.bind} ${session.generation}`
    if (command >= RESPONSE) return this.#asked.delete(`${place} ${direction === 'in' ? 'out' : 'in'} ${sequence}`)
    if (!isMessage(command)) return false
    readMessagePdu(bytes, start, end, pdu)
    if (!this.#names(bytes, pdu.source) && !this.#names(bytes, pdu.destination)) return false
    // A carrier that never answers must not make this grow.
    if (this.#asked.size >= limits.tracedPdus) this.#asked.clear()
    this.#asked.add(`${place} ${direction} ${sequence}`)
    return true
  }

  #names(bytes: Buffer, { start, length }: Span): boolean {
    return length > 0 && bytes.latin1Slice(start, start + length).endsWith(this.#filter.number!)
  }
}
