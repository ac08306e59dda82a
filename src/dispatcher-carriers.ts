/**
 * The carriers of the dispatcher thread: made from the configuration at start, and kept as the configuration says when it is
 * read again. What did not change is not touched.
 */
import { isDeepStrictEqual } from 'node:util'
import type { CarrierConfig, CarrierProtocol } from './engine/config/carrier.js'
import type { CarrierView, Channel } from './engine/contract/channel.js'
import { systemClock } from './engine/contract/clock.js'
import type { Metrics } from './engine/contract/metrics.js'
import type { CallSink } from './engine/contract/outcome.js'
import type { ReceiptTerms } from './engine/dispatch/carrier-receipts.js'
import { Carrier } from './engine/dispatch/carriers.js'
import type { Dispatcher } from './engine/dispatch/dispatcher.js'
import { numberCarriers } from './engine/store/carrier-names.js'
import type { Environment } from './engine/store/environment.js'

/** A channel that takes a changed configuration of its carrier under traffic. True: its connections are opened anew. */
export interface CarrierChannel<Config> extends Channel {
  reconfigure(config: Config): boolean
}

/** How a carrier of each protocol is made, nothing of it connected yet. */
export type ChannelFactories = {
  [P in CarrierProtocol]: (config: ConfigOf<P>, sink: CallSink) => CarrierChannel<ConfigOf<P>>
}
type ConfigOf<P extends CarrierProtocol> = Extract<CarrierConfig, { protocol: P }>

export interface CarrierSetDeps {
  environment: Environment
  metrics: Metrics
  dispatcher: Dispatcher
  factories: ChannelFactories
  /** Paused from the start until an operator resumes it. */
  isHeld(id: string): boolean
}

interface Known {
  config: CarrierConfig
  channel: CarrierChannel<CarrierConfig>
  carrier: Carrier
}

export class CarrierSet {
  readonly #deps: CarrierSetDeps
  /** In the order of the configuration. */
  #known = new Map<string, Known>()

  constructor(deps: CarrierSetDeps) {
    this.#deps = deps
  }

  /** For the start of the dispatcher: carriers in the order of their sinks. */
  open(configs: readonly CarrierConfig[]): Carrier[] {
    const numbers = this.#numbers(configs)
    for (const [index, config] of configs.entries()) this.#make(config, numbers[index]!, index)
    return [...this.#known.values()].map(({ carrier }) => carrier)
  }

  views(): CarrierView[] {
    return [...this.#known.values()].map(({ carrier }) => this.#deps.dispatcher.view(carrier))
  }

  #numbers(configs: readonly CarrierConfig[]): number[] {
    return numberCarriers(
      this.#deps.environment,
      configs.map(({ id }) => id),
    )
  }

  #make(config: CarrierConfig, number: number, sink: number): Carrier {
    const { dispatcher, metrics, factories, isHeld } = this.#deps
    const make = factories[config.protocol] as (config: CarrierConfig, sink: CallSink) => CarrierChannel<CarrierConfig>
    const channel = make(config, dispatcher.inbox.sink(sink))
    if (isHeld(config.id)) channel.patch({ paused: true })
    const carrier = new Carrier(channel, number, { terms: termsOf(config), metrics })
    this.#known.set(config.id, { config, channel, carrier })
    return carrier
  }

  /** Takes over another list of carriers. Returns what it did, a line each; drains go on behind it. */
  reload(configs: readonly CarrierConfig[]): string[] {
    const { dispatcher } = this.#deps
    const lines: string[] = []
    const wanted = new Map(configs.map(({ id, protocol }) => [id, protocol]))
    for (const [id, { config }] of [...this.#known]) {
      // Of another protocol, it is another carrier under the same name.
      if (wanted.get(id) === config.protocol) continue
      this.#known.delete(id)
      void dispatcher.remove(id, systemClock.now() + lastsMs(config))
      lines.push(`carrier ${id} is taken out`)
    }
    const numbers = this.#numbers(configs)
    configs.forEach((config, index) => {
      const known = this.#known.get(config.id)
      if (known !== undefined) lines.push(...this.#change(known, config))
      else {
        dispatcher.add(this.#make(config, numbers[index]!, dispatcher.nextSink))
        lines.push(`carrier ${config.id} is new`)
      }
    })
    this.#known = new Map(configs.map(({ id }) => [id, this.#known.get(id)!]))
    return lines
  }

  #change(known: Known, config: CarrierConfig): string[] {
    const { dispatcher } = this.#deps
    const { channel, carrier } = known
    const before = known.config
    const keys = [...new Set([...Object.keys(before), ...Object.keys(config)])] as (keyof CarrierConfig)[]
    const changed = keys.filter((key) => !isDeepStrictEqual(before[key], config[key])).sort()
    if (changed.length === 0) return []
    known.config = config
    if (!isDeepStrictEqual(termsOf(before), termsOf(config))) dispatcher.changeTerms(carrier, termsOf(config))
    const isReopened = channel.reconfigure(config)
    return [`carrier ${config.id}: ${changed.join(', ')}${isReopened ? ' (its binds are opened anew)' : ''}`]
  }
}

/** How long what is under way at a carrier may take to its end. */
function lastsMs(config: CarrierConfig): number {
  if (config.protocol !== 'sip') return config.responseTimeoutMs
  return (config.ringSeconds + config.maxCallSeconds) * 1000 + config.provisionalMs
}

/** A relay or a gateway sends no receipts: what came of it is known when it has answered. */
const NO_RECEIPTS: ReceiptTerms = { request: 'none', timeoutSeconds: 1, idFormat: 'same', matchNumber: 'never' }

function termsOf(config: CarrierConfig): ReceiptTerms {
  if (config.protocol !== 'smpp') return NO_RECEIPTS
  return { ...config.receipts, timeoutSeconds: config.receiptTimeoutSeconds }
}
