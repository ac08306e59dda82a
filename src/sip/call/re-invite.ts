/** A re-INVITE of ours (RFC 3261 §14.1): challenges are answered, each 2xx is acknowledged, the final response is told once. */
import type { AuthAttempt, Authenticator } from '../message/authenticator.js'
import { parseCSeq } from '../message/cseq.js'
import type { SipResponse } from '../message/sip-message.js'
import type { ClientUser } from '../transaction/client-user.js'
import { InviteClient } from '../transaction/invite-client.js'
import type { Agent } from './agent.js'
import type { Dialog, Outgoing } from './dialog.js'
import type { ResponseHandler } from './out-of-dialog.js'

export class ReInvite implements ClientUser {
  readonly #agent: Agent
  readonly #dialog: Dialog
  readonly #authenticator: Authenticator | null
  readonly #attempt: AuthAttempt | null
  readonly #done: ResponseHandler
  #make: () => Outgoing = () => this.#dialog.request('INVITE', this.#dialog.nextCseq())
  #client: InviteClient | null = null
  #ack: Outgoing | null = null
  #isDone = false

  constructor(agent: Agent, dialog: Dialog, authenticator: Authenticator | null, done: ResponseHandler) {
    this.#agent = agent
    this.#dialog = dialog
    this.#authenticator = authenticator
    this.#attempt = authenticator?.attempt() ?? null
    this.#done = done
  }

  /** `make` gives a new CSeq and branch each time. */
  start(make: () => Outgoing): void {
    this.#make = make
    const outgoing = make()
    this.#authenticator?.prepare(outgoing.request)
    this.#send(outgoing)
  }

  /** The dialog is over: a final response is waited for no more. */
  release(): void {
    this.#isDone = true
    this.#client?.abandon()
  }

  response(response: SipResponse): void {
    if (response.status < 200) return
    if (response.status < 300) this.#acknowledge(response)
    else if (!this.#isDone && this.#answer(response)) return
    this.#finish(response, '')
  }

  failed(why: string): void {
    this.#finish(null, why)
  }

  /** Abandoned after a provisional: no final response came. */
  over(): void {
    this.#finish(null, 'timeout')
  }

  #acknowledge({ headers }: SipResponse): void {
    this.#ack ??= this.#dialog.request('ACK', parseCSeq(headers.get('cseq'))!.number)
    this.#agent.table.send(this.#ack.request, this.#ack.peer)
  }

  #answer(challenge: SipResponse): boolean {
    if (this.#attempt === null || (challenge.status !== 401 && challenge.status !== 407)) return false
    const outgoing = this.#make()
    if (!this.#attempt.answerAnew(outgoing.request, this.#client!.request, challenge)) return false
    this.#send(outgoing)
    return true
  }

  #send({ request, peer }: Outgoing): void {
    const client = new InviteClient(this.#agent.table, request, peer, {
      response: (response) => this.response(response),
      failed: (why) => this.failed(why),
      over: () => {
        if (this.#client === client) this.over()
      },
    })
    this.#client = client
    this.#agent.table.addClient(client)
  }

  #finish(response: SipResponse | null, why: string): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#done(response, why)
  }
}
