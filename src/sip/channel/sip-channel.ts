/**
 * Calls behind the Channel port: one carrier's gateways, as many calls at once and as many begun in a second as it allows,
 * each message one call. Dispatcher thread. Times are of Clock.monotonic, but for the drain's deadline, which is epoch time.
 */
import type { Random } from '../../engine/base/random.js'
import type { SipCarrierConfig } from '../../engine/config/sip-carrier.js'
import type { CarrierPatch, CarrierView, Channel } from '../../engine/contract/channel.js'
import type { Clock } from '../../engine/contract/clock.js'
import type { Log } from '../../engine/contract/log.js'
import type { Metrics } from '../../engine/contract/metrics.js'
import type { OutcomeSink } from '../../engine/contract/outcome.js'

export interface SipChannelDeps {
  sink: OutcomeSink
  clock: Clock
  random: Random
  metrics: Metrics
  log: Log
}

export interface SipCarrierChannel extends Channel {
  /** True: its sockets are opened anew. */
  reconfigure(carrier: SipCarrierConfig): boolean
}

/** Nothing is connected before `start`. */
export function createSipChannel(carrier: SipCarrierConfig, deps: SipChannelDeps): SipCarrierChannel {
  return new SipChannel(carrier, deps)
}

class SipChannel implements SipCarrierChannel {
  readonly id: string
  readonly avoided = false
  readonly limitsSenders = false
  readonly up = false
  #carrier: SipCarrierConfig
  #isPaused = false

  constructor(carrier: SipCarrierConfig, _deps: SipChannelDeps) {
    this.id = carrier.id
    this.#carrier = carrier
  }

  get windowTotal(): number {
    return this.#carrier.maxCalls
  }
  start(): void {}
  capacity(): number {
    return 0
  }
  senderRoom(): number {
    return Number.POSITIVE_INFINITY
  }
  senderWaitMs(): number {
    return 0
  }
  sentAgoMs(): number {
    return -1
  }
  send(): boolean {
    return false
  }
  flush(): void {}
  tick(): void {}
  nextCapacityMs(): number {
    return Number.POSITIVE_INFINITY
  }
  durable(): void {}
  acknowledge(): void {}
  patch({ paused }: CarrierPatch): void {
    if (paused !== undefined) this.#isPaused = paused
  }
  reconfigure(carrier: SipCarrierConfig): boolean {
    this.#carrier = carrier
    return false
  }
  view(): CarrierView {
    const rate = this.#carrier.callsPerSecond
    return {
      ...{ id: this.id, protocol: 'sip', paused: this.#isPaused, ratePerSecond: rate, rateNowPerSecond: rate },
      ...{ actions: [], binds: [] },
    }
  }
  async drain(): Promise<void> {}
}
