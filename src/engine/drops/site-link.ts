/**
 * The main thread's end of the wire to the site thread: log-in questions and their answers, whose sessions end, what was
 * uploaded. The thread may be another one from one moment to the next: see start-site.ts.
 */
import type { FromSite, LoginGrant, LoginQuestion, SiteAddresses, ToSite } from '../contract/site.js'

/** A worker thread as this file needs it. */
export interface SitePort {
  postMessage(message: ToSite): void
  on(event: 'message', listener: (message: FromSite) => void): unknown
}

export interface SiteEvents {
  /** null: refused. */
  login(question: LoginQuestion): Promise<LoginGrant | null>
  uploaded(account: string, file: string): void
  ready(addresses: SiteAddresses): void
  failed(code: string, message: string): void
  drained(): void
}

export const NO_ADDRESSES: SiteAddresses = { sftp: null, ftp: null }

export class SiteLink {
  readonly #events: SiteEvents
  #port: SitePort | null = null
  #addresses = NO_ADDRESSES

  constructor(events: SiteEvents) {
    this.#events = events
  }

  /** Where the servers listen, or listened last. */
  get addresses(): SiteAddresses {
    return this.#addresses
  }

  /** From now on it is this thread. */
  use(port: SitePort): void {
    this.#port = port
    port.on('message', (message) => {
      if (port === this.#port) this.#receive(port, message)
    })
  }

  /** The thread is gone. */
  lost(): void {
    this.#port = null
  }

  /** Sessions of these credentials end at once. */
  end(credentials: string[]): void {
    if (credentials.length > 0) this.#port?.postMessage({ type: 'end', credentials })
  }

  drain(deadlineMs: number): void {
    this.#port?.postMessage({ type: 'drain', deadlineMs })
  }

  #receive(port: SitePort, message: FromSite): void {
    if (message.type === 'login') void this.#answer(port, message.request, message.question)
    else if (message.type === 'uploaded') this.#events.uploaded(message.account, message.file)
    else if (message.type === 'failed') this.#events.failed(message.code, message.message)
    else if (message.type === 'drained') this.#events.drained()
    else {
      this.#addresses = message.addresses
      this.#events.ready(message.addresses)
    }
  }

  async #answer(port: SitePort, request: number, question: LoginQuestion): Promise<void> {
    const grant = await this.#events.login(question).catch(() => null)
    port.postMessage({ type: 'login', request, grant })
  }
}
