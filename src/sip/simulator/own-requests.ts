/** Requests that the simulated gateway makes within a call (RFC 3261 §17.1): repeated over UDP until they are answered. */
import type { SipRequest, SipResponse } from '../message/sip-message.js'
import { branchOf } from '../message/via.js'
import { writeSip } from '../message/write.js'
import type { Flow } from './gateway-sockets.js'
import { LIFE_MS, T1_MS, T2_MS } from './server-transactions.js'

interface Open {
  method: string
  /** null: nobody answered in 32 s. */
  done: (response: SipResponse | null) => void
  again: NodeJS.Timeout | null
  end: NodeJS.Timeout
}

export class OwnRequests {
  readonly #open = new Map<string, Open>()

  send(request: SipRequest, flow: Flow, done: Open['done']): void {
    const bytes = writeSip(request)
    const branch = branchOf(request.headers)
    const end = setTimeout(() => this.#finish(branch, null), LIFE_MS)
    const open: Open = { method: request.method, done, again: null, end }
    this.#open.set(branch, open)
    flow.send(bytes)
    if (flow.isReliable) return
    const most = request.method === 'INVITE' ? LIFE_MS : T2_MS
    const repeat = (afterMs: number): void => {
      open.again = setTimeout(() => {
        flow.send(bytes)
        repeat(Math.min(afterMs * 2, most))
      }, afterMs)
    }
    repeat(T1_MS)
  }

  /** False: it answers nothing that is open, such as a 200 that comes again. */
  received(response: SipResponse): boolean {
    const branch = branchOf(response.headers)
    const open = this.#open.get(branch)
    if (open === undefined) return false
    if (response.status >= 200) this.#finish(branch, response)
    else if (open.method === 'INVITE' && open.again !== null) clearTimeout(open.again)
    return true
  }

  close(): void {
    for (const { again, end } of this.#open.values()) {
      if (again !== null) clearTimeout(again)
      clearTimeout(end)
    }
    this.#open.clear()
  }

  #finish(branch: string, response: SipResponse | null): void {
    const { again, end, done } = this.#open.get(branch)!
    this.#open.delete(branch)
    if (again !== null) clearTimeout(again)
    clearTimeout(end)
    done(response)
  }
}
