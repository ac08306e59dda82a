/** Shows the PDUs of one carrier to those who watch (engine/observe/trace-watchers.ts). Dispatcher thread. */
import type { Clock } from '../engine/contract/clock.js'
import type { TraceWatcher, TraceWatchers } from '../engine/observe/trace-watchers.js'
import { HEADER_BYTES, RESPONSE } from './constants.js'
import { newMessagePdu, readMessagePdu, readUint32, type Span } from './decode.js'
import { describePdu } from './describe.js'
import { isMessage, maskedCopy } from './mask.js'

/** Which connection a PDU went over. */
export interface TracedSession {
  bind: number
  generation: number
}

const pdu = newMessagePdu()

export class PduTracer {
  readonly #clock: Clock
  readonly #watchers: TraceWatchers

  constructor(clock: Clock, watchers: TraceWatchers) {
    this.#clock = clock
    this.#watchers = watchers
  }

  /** Look at it before calling `pdu` or `octets`. */
  get isOn(): boolean {
    return this.#watchers.isOn
  }

  /** A PDU that came in, or goes out: bytes[start, end). */
  pdu(session: TracedSession, direction: 'in' | 'out', bytes: Buffer, span: { start: number; end: number }): void {
    const at = this.#clock.now()
    for (const watcher of this.#watchers.all()) show(watcher, { session, direction, at }, bytes, span)
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

  tick(): void {
    this.#watchers.tick()
  }
}

interface Passing {
  session: TracedSession
  direction: 'in' | 'out'
  at: number
}

function show(watcher: TraceWatcher, passing: Passing, bytes: Buffer, span: { start: number; end: number }): void {
  const { filter } = watcher
  const { session, direction, at } = passing
  if (filter.bind !== null && filter.bind !== session.bind) return
  if (filter.number !== null && !matches(watcher, passing, bytes, span)) return
  if (!watcher.hasRoom()) return
  const copy = maskedCopy(bytes, span.start, span.end, filter.text)
  watcher.push({
    at,
    protocol: 'smpp',
    bind: session.bind,
    connection: session.generation,
    direction,
    pdu: filter.octets ? null : describePdu(copy),
    octets: filter.octets ? copy : null,
  })
}

function matches(
  watcher: TraceWatcher,
  { session, direction }: Passing,
  bytes: Buffer,
  { start, end }: { start: number; end: number },
): boolean {
  if (end - start < HEADER_BYTES) return false
  const command = readUint32(bytes, start + 4)
  const sequence = readUint32(bytes, start + 12)
  const place = `${session.bind} ${session.generation}`
  if (command >= RESPONSE) return watcher.wasAsked(`${place} ${direction === 'in' ? 'out' : 'in'} ${sequence}`)
  if (!isMessage(command)) return false
  readMessagePdu(bytes, start, end, pdu)
  const number = watcher.filter.number!
  if (!names(bytes, pdu.source, number) && !names(bytes, pdu.destination, number)) return false
  watcher.ask(`${place} ${direction} ${sequence}`)
  return true
}

function names(bytes: Buffer, { start, length }: Span, number: string): boolean {
  return length > 0 && bytes.latin1Slice(start, start + length).endsWith(number)
}
