/**
 * The sockets of one carrier and the user agent above them. A changed address or transport makes another stack; the one before
 * stays until its last call is over. Dispatcher thread.
 */
import type { Random } from '../../engine/base/random.js'
import type { SipCarrierConfig } from '../../engine/config/sip-carrier.js'
import type { Clock } from '../../engine/contract/clock.js'
import type { Log } from '../../engine/contract/log.js'
import type { Metrics } from '../../engine/contract/metrics.js'
import { UserAgent } from '../call/user-agent.js'
import { createSipTransport } from '../transport/sip-transport.js'
import type { SipTransport } from '../transport/transport.js'
import type { SipTap } from '../transport/transport-options.js'

export interface StackDeps {
  clock: Clock
  random: Random
  metrics: Metrics
  log: Log
  tap?: SipTap
}

/** Keys whose change needs other sockets. */
export const OF_SOCKETS = ['transport', 'tlsOptions', 'localAddress', 'localPort', 'advertisedAddress'] as const

/** Between two tries to open the sockets. */
const REOPEN_MS = 5_000
const NAME = 'Trunkline'

export class SipStack {
  readonly transport: SipTransport
  readonly agent: UserAgent
  /** Its sockets are open. */
  isOpen = false
  /** Why they could not be opened; null: they were, or nobody tried. */
  lastError: string | null = null
  readonly #opened: () => void
  #isOpening = false
  #isClosed = false
  #reopenAt = 0

  /** `opened`: its sockets are open, or could not be opened. */
  constructor(config: SipCarrierConfig, { clock, random, metrics, log, tap }: StackDeps, opened: () => void) {
    const { id, transport, localAddress, localPort, advertisedAddress, tlsOptions } = config
    const names = { clock, log, metrics, name: id, transport }
    const places = { localAddress, localPort, advertisedAddress }
    this.transport = createSipTransport({ ...names, ...places, tls: tlsOptions, tap })
    this.agent = new UserAgent({ transport: this.transport, clock, random, log, name: NAME })
    this.#opened = opened
  }

  #open(nowMs: number): void {
    this.#isOpening = true
    this.#reopenAt = nowMs + REOPEN_MS
    this.transport.listen(this.agent).then(
      () => {
        this.#isOpening = false
        this.isOpen = !this.#isClosed
        this.lastError = null
        this.#opened()
      },
      (error: unknown) => {
        this.#isOpening = false
        this.lastError = error instanceof Error ? error.message : String(error)
        this.#opened()
      },
    )
  }

  tick(nowMs: number): void {
    if (this.#isClosed) return
    if (!this.isOpen) {
      if (!this.#isOpening && nowMs >= this.#reopenAt) this.#open(nowMs)
      return
    }
    this.transport.tick(nowMs)
    this.agent.tick(nowMs)
  }

  nextMs(nowMs: number): number {
    return this.isOpen ? this.agent.nextMs(nowMs) : Number.POSITIVE_INFINITY
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.isOpen = false
    await this.transport.close()
  }
}
