/**
 * A real SMPP channel on real sockets whose time stands still until the test moves it: what takes minutes takes no time, and no
 * machine is too slow for it (reliability.md F11 to F13).
 */
import { Random } from '../src/engine/base/random.js'
import type { SmppCarrierConfig } from '../src/engine/config/smpp-carrier.js'
import type { BindView } from '../src/engine/contract/channel.js'
import type { Clock } from '../src/engine/contract/clock.js'
import { silentLog } from '../src/engine/contract/log.js'
import { noMetrics } from '../src/engine/contract/metrics.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { createSmppChannel, type SmppCarrierChannel } from '../src/smpp/smpp-channel.js'
import { seed } from './seed.js'
import { carrierConfig, outgoing, RecordingSink } from './smpp-support.js'

export class SteppedClock implements Clock {
  #ms = 1_000
  now(): number {
    return 1_795_000_000_000 + this.#ms
  }
  monotonic(): number {
    return this.#ms
  }
  advance(ms: number): void {
    this.#ms += ms
  }
}

/** The channel with the smallest dispatcher that keeps its contract: what was not accepted goes again, in order. */
export class SteppedChannel {
  readonly channel: SmppCarrierChannel
  readonly sink = new RecordingSink()
  /** References that wait to be sent. */
  readonly waiting: number[] = []
  /** By reference: accepted. */
  readonly accepted = new Set<number>()
  /** Of what was not accepted, by code. */
  readonly refused = new Map<number, number>()
  readonly #clock: Clock

  constructor(clock: Clock, config: Partial<SmppCarrierConfig> & { port: number }, index = 0) {
    this.#clock = clock
    this.channel = createSmppChannel(carrierConfig(config), {
      ...{ sink: this.sink, clock, metrics: noMetrics, log: silentLog },
      random: new Random(seed + index),
    })
    this.channel.start()
  }

  get binds(): readonly BindView[] {
    return this.channel.view().binds
  }

  get inFlight(): number {
    return this.binds.reduce((sum, { inFlight }) => sum + inFlight, 0)
  }

  /** What the dispatcher does in a tick. */
  tick(): void {
    const nowMs = this.#clock.monotonic()
    this.channel.tick(nowMs)
    this.#settle()
    while (this.waiting.length > 0 && this.channel.capacity(nowMs) > 0) {
      const ref = this.waiting[0]!
      if (!this.channel.send(outgoing(ref, `4477${10_000_000 + ref}`, [`message ${ref}`]), nowMs)) break
      this.waiting.shift()
    }
    this.channel.flush()
  }

  #settle(): void {
    for (const { ref, code, bind } of this.sink.settlements.splice(0)) {
      this.channel.durable(bind, 1)
      if (code === OUTCOME.accepted) this.accepted.add(ref)
      else {
        this.refused.set(code, (this.refused.get(code) ?? 0) + 1)
        this.waiting.unshift(ref)
      }
    }
  }
}

/** A turn of the event loop: sockets are read and written. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
