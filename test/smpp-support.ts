/** What the SMPP tests and benchmarks share: a sink that records, a carrier's config, messages, and a small dispatcher. */
import Value from 'typebox/value'
import { Random } from '../src/engine/base/random.js'
import { type SmppCarrierConfig, SmppCarrierSchema } from '../src/engine/config/smpp-carrier.js'
import type { Channel } from '../src/engine/contract/channel.js'
import { systemClock } from '../src/engine/contract/clock.js'
import { silentLog } from '../src/engine/contract/log.js'
import type { Coding, MessageRef, OutgoingMessage } from '../src/engine/contract/message.js'
import { noMetrics } from '../src/engine/contract/metrics.js'
import type { Inbound, OutcomeCode, OutcomeSink, Receipt, Settlement } from '../src/engine/contract/outcome.js'
import { createSmppChannel } from '../src/smpp/smpp-channel.js'
import { BufferPool, Writer } from '../src/smpp/writer.js'
import { seed } from './seed.js'

export { seed }

export interface SettledPart {
  bind: number
  ref: number
  part: number
  code: OutcomeCode
  status: number
  id: string
}

export interface TakenReceipt {
  bind: number
  session: number
  sequence: number
  code: OutcomeCode
  id: string
  error: string
}

export class RecordingSink implements OutcomeSink {
  readonly settlements: SettledPart[] = []
  readonly late: SettledPart[] = []
  readonly receipts: TakenReceipt[] = []
  readonly inbounds: Inbound[] = []
  onEvent: () => void = () => {}

  settled(settlement: Settlement): void {
    const { bind, ref, part, code, status, id, idStart, idLength } = settlement
    const text = id.latin1Slice(idStart, idStart + idLength)
    this.settlements.push({ bind, ref, part, code, status, id: text })
    this.onEvent()
  }
  answeredLate(settlement: Settlement): void {
    const { bind, ref, part, code, status, id, idStart, idLength } = settlement
    this.late.push({ bind, ref, part, code, status, id: id.latin1Slice(idStart, idStart + idLength) })
    this.onEvent()
  }
  receipt(receipt: Receipt): void {
    const { bind, session, sequence, code, id, idStart, idLength, error } = receipt
    const text = id.latin1Slice(idStart, idStart + idLength)
    this.receipts.push({ bind, session, sequence, code, id: text, error })
    this.onEvent()
  }
  inbound(inbound: Inbound): void {
    this.inbounds.push(inbound)
    this.onEvent()
  }
  capacityChanged(): void {
    this.onEvent()
  }
  bindChanged(): void {
    this.onEvent()
  }

  /** How often each (ref, part) settled with a code that is not "try again". */
  count(code: OutcomeCode): number {
    return this.settlements.filter((settlement) => settlement.code === code).length
  }
}

/** The schema's own defaults, so that a new key needs no change here. */
export function carrierConfig(change: Partial<SmppCarrierConfig> & { port: number }): SmppCarrierConfig {
  const fixed = { id: 'test', protocol: 'smpp', host: '127.0.0.1', systemId: 'trunk', password: 'secret' }
  return Value.Default(SmppCarrierSchema, { ...fixed, receiptTimeoutSeconds: 3600, ...change }) as SmppCarrierConfig
}

/** A message of the given parts (ASCII), as the dispatcher would show it. */
export function outgoing(
  ref: number,
  to: string,
  parts: (string | Buffer)[],
  change: Partial<OutgoingMessage> = {},
): OutgoingMessage {
  const buffers = parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part))
  const partStarts = new Uint32Array(32)
  const partLengths = new Uint16Array(32)
  let at = to.length
  for (const [index, buffer] of buffers.entries()) {
    partStarts[index] = at
    partLengths[index] = buffer.length
    at += buffer.length
  }
  return {
    ref: ref as MessageRef,
    bytes: Buffer.concat([Buffer.from(to, 'latin1'), ...buffers]),
    toStart: 0,
    toLength: to.length,
    from: 'TRUNK',
    fields: '',
    coding: 0 as Coding,
    shift: 0,
    partCount: parts.length,
    partStarts,
    partLengths,
    partsAccepted: 0,
    attempt: 0,
    expiresAtSeconds: 0,
    wantsReceipt: true,
    isShortCode: false,
    ...change,
  }
}

/** Octets that an encoder writes. */
export function encoded(encode: (writer: Writer) => void): Buffer {
  const chunks: Buffer[] = []
  const sink = {
    write(bytes: Uint8Array, written: () => void): void {
      chunks.push(Buffer.from(bytes))
      written()
    },
  }
  const writer = new Writer(sink, new BufferPool(), () => {})
  encode(writer)
  writer.flush()
  return Buffer.concat(chunks)
}

export interface Harness<S extends OutcomeSink> {
  channel: Channel
  sink: S
  /** Ticks, sends what `next` gives (null: nothing now) and flushes until `done`, as the dispatcher does. */
  run(next: () => OutgoingMessage | null, done: () => boolean): Promise<void>
  /** Ticks until `done`. */
  until(done: () => boolean): Promise<void>
}

/** A channel with the smallest dispatcher that keeps its contract. */
export function startChannel<S extends OutcomeSink>(
  config: SmppCarrierConfig,
  sink: S,
  change: { log?: typeof silentLog; metrics?: typeof noMetrics } = {},
): Harness<S> {
  const channel = createSmppChannel(config, {
    sink,
    clock: systemClock,
    random: new Random(seed),
    metrics: change.metrics ?? noMetrics,
    log: change.log ?? silentLog,
  })
  channel.start()
  let waiting: OutgoingMessage | null = null
  const step = (next: () => OutgoingMessage | null): void => {
    const nowMs = systemClock.monotonic()
    channel.tick(nowMs)
    let room = channel.capacity(nowMs)
    while (room > 0) {
      waiting ??= next()
      if (waiting === null) break
      const { partCount } = waiting
      if (!channel.send(waiting, nowMs)) break
      waiting = null
      room -= partCount
    }
    channel.flush()
  }
  const run = (next: () => OutgoingMessage | null, done: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const turn = (): void => {
        step(next)
        if (done()) resolve()
        else setImmediate(turn)
      }
      turn()
    })
  return { channel, sink, run, until: (done) => run(() => null, done) }
}
