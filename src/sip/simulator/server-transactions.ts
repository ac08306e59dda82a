/**
 * Server transactions of the simulated gateway (RFC 3261 §17.2, RFC 6026): a request that comes again gets the same response
 * again, a refusal of an INVITE is repeated until its ACK comes, and nothing is answered twice.
 */
import { tagOf } from '../message/name-address.js'
import type { SipRequest, SipResponse } from '../message/sip-message.js'
import { stampSource, topVia } from '../message/via.js'
import { writeSip } from '../message/write.js'
import type { Flow } from './gateway-sockets.js'

/** RFC 3261 §17.1.1.1: estimate of the round trip, most between two repetitions, and how long anything may be under way. */
export const T1_MS = 500
export const T2_MS = 4_000
export const LIFE_MS = 64 * T1_MS

export class ServerTransaction {
  readonly request: SipRequest
  readonly flow: Flow
  readonly #forget: () => void
  #last: Buffer | null = null
  #status = 0
  #isAcknowledged = false
  #again: NodeJS.Timeout | null = null
  #end: NodeJS.Timeout | null = null

  constructor(request: SipRequest, flow: Flow, forget: () => void) {
    this.request = request
    this.flow = flow
    this.#forget = forget
  }

  /** Final status that was sent; 0: none yet. */
  get status(): number {
    return this.#status
  }

  respond(response: SipResponse): void {
    if (this.#status !== 0) return
    this.#last = writeSip(response)
    this.flow.send(this.#last)
    if (response.status < 200) return
    this.#status = response.status
    this.#end = setTimeout(() => this.close(), LIFE_MS)
    if (this.request.method === 'INVITE' && response.status >= 300 && !this.flow.isReliable) this.#repeat(T1_MS)
  }

  /** What was sent last goes out once more: for a request that came again, and for a 2xx that nobody has acknowledged. */
  sendAgain(): void {
    if (this.#last !== null && !this.#isAcknowledged) this.flow.send(this.#last)
  }

  /** It will never be answered, and its repetitions neither. */
  ignore(): void {
    this.#end = setTimeout(() => this.close(), LIFE_MS)
  }

  /** ACK of a refusal: nothing more is sent, and its repetitions are absorbed (timers G to I). */
  acknowledged(): void {
    this.#isAcknowledged = true
    if (this.#again !== null) clearTimeout(this.#again)
  }

  close(): void {
    if (this.#again !== null) clearTimeout(this.#again)
    if (this.#end !== null) clearTimeout(this.#end)
    this.#forget()
  }

  #repeat(afterMs: number): void {
    this.#again = setTimeout(() => {
      this.sendAgain()
      this.#repeat(Math.min(afterMs * 2, T2_MS))
    }, afterMs)
  }
}

export interface TransactionsListener {
  /** A request that is new. An ACK comes without a transaction: nobody answers it. */
  asked(request: SipRequest, transaction: ServerTransaction | null): void
  /** CANCEL of an INVITE that is known. */
  canceled(invite: ServerTransaction): void
  repeated(): void
}

export class ServerTransactions {
  readonly #listener: TransactionsListener
  readonly #byKey = new Map<string, ServerTransaction>()

  constructor(listener: TransactionsListener) {
    this.#listener = listener
  }

  received(request: SipRequest, flow: Flow): void {
    stampSource(request.headers, flow.address, flow.port)
    const { method } = request
    const key = keyOf(request, method === 'ACK' ? 'INVITE' : method)
    const known = this.#byKey.get(key)
    if (known !== undefined && method === 'ACK') known.acknowledged()
    else if (known !== undefined) {
      this.#listener.repeated()
      known.sendAgain()
    } else this.#begin(request, flow, key)
  }

  close(): void {
    for (const transaction of [...this.#byKey.values()]) transaction.close()
  }

  #begin(request: SipRequest, flow: Flow, key: string): void {
    if (request.method === 'ACK') {
      this.#listener.asked(request, null)
      return
    }
    const transaction = new ServerTransaction(request, flow, () => this.#byKey.delete(key))
    this.#byKey.set(key, transaction)
    const invite = request.method === 'CANCEL' ? this.#byKey.get(keyOf(request, 'INVITE')) : undefined
    this.#listener.asked(request, transaction)
    if (invite !== undefined) this.#listener.canceled(invite)
  }

  /** Whether the INVITE that a CANCEL names is known (§9.2). */
  knowsInviteOf(cancel: SipRequest): boolean {
    return this.#byKey.has(keyOf(cancel, 'INVITE'))
  }
}

/** §17.2.3: branch, sent-by and method; From tag and Call-ID beside them for whoever repeats a branch. */
function keyOf({ headers }: SipRequest, method: string): string {
  const via = topVia(headers)
  const from = `${via?.host} ${via?.port} ${via?.parameters.get('branch')}`
  return `${method} ${from} ${tagOf(headers.get('from'))} ${headers.get('call-id')}`
}
