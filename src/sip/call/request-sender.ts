/** What registration and keepalive need of the user agent: UserAgent is one. */
import type { Peer } from '../transport/transport.js'
import type { OutOfDialogRequest, RequestSeries, ResponseHandler } from './out-of-dialog.js'

export interface RequestSender {
  request(request: OutOfDialogRequest, done: ResponseHandler): void
  newSeries(): RequestSeries
  /** `<sip:user@host:port>` under which `peer` reaches us. */
  contactFor(peer: Peer, user: string): string
}

/** How a request ended, kept until the next tick acts upon it. */
export interface Ending<Response> {
  response: Response | null
  /** '' with a response. */
  why: string
}
