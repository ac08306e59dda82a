/**
 * One SSH connection: log-in, then sessions with the SFTP subsystem and nothing else. Shells, commands, forwarding and all
 * other channels are refused by ssh2, since nobody listens for them. Site thread.
 */
import type { Socket } from 'node:net'
import type { Connection, Session } from 'ssh2'
import type { Clock } from '../../engine/contract/clock.js'
import type { LoginGrant } from '../../engine/contract/site.js'
import type { Admission, Site } from '../site/site.js'
import type { SiteSession } from '../site/site-session.js'
import { SftpChannel } from './sftp-channel.js'
import { SftpLogin } from './sftp-login.js'
import { SftpRequests } from './sftp-requests.js'

/** As OpenSSH's MaxSessions. */
const CHANNELS_MAX = 10
/** Of answers that a client does not read: it asks for more than it takes. */
const UNSENT_BYTES_MAX = 8 << 20

export interface ConnectionParts {
  site: Site
  clock: Clock
  socket: Socket
  admission: Admission
  closed(connection: SftpConnection): void
}

export class SftpConnection {
  readonly #parts: ConnectionParts
  readonly #login: SftpLogin
  #deadlineMs: number
  #session: SiteSession | null = null
  #channels = 0
  #isClosed = false

  constructor(parts: ConnectionParts) {
    const { site, clock, socket, admission } = parts
    this.#parts = parts
    this.#deadlineMs = clock.monotonic() + site.terms.loginSeconds * 1_000
    this.#login = new SftpLogin({
      ...{ site, ip: admission.ip },
      begin: (grant) => this.#begin(grant),
      hangUp: () => this.hangUp(),
    })
    socket.once('close', () => this.#closed())
  }

  /** What the client is, once it has said that it speaks SSH. */
  serve(client: Connection): void {
    client.on('error', () => this.hangUp())
    client.on('authentication', (context) => void this.#login.decide(context))
    client.on('session', (accept, reject) => {
      if (this.#channels >= CHANNELS_MAX) return reject()
      this.#channels++
      this.#serveSession(accept())
    })
  }

  #serveSession(session: Session): void {
    session.on('subsystem', (accept, reject, { name }) => {
      if (name !== 'sftp' || this.#session === null) return reject()
      const { clock, site, socket } = this.#parts
      const requests = new SftpRequests(this.#session, { clock, handles: site.terms.handles })
      new SftpChannel(accept(), requests, socket).serve()
    })
    session.on('close', () => this.#channels--)
  }

  async #begin(grant: LoginGrant): Promise<boolean> {
    if (this.#session !== null || this.#isClosed) return false
    const { site, admission } = this.#parts
    const session = await site
      .begin(grant, { protocol: 'sftp', ip: admission.ip, hangUp: () => this.hangUp() })
      .catch(() => null)
    if (session === null) return false
    if (this.#isClosed) {
      await session.end()
      return false
    }
    this.#session = session
    return true
  }

  /** Ends it when the log-in takes too long, or the client reads nothing. */
  tick(nowMs: number): void {
    const isLate = this.#session === null && nowMs >= this.#deadlineMs
    if (isLate || this.#parts.socket.writableLength > UNSENT_BYTES_MAX) this.hangUp()
  }

  get hasSession(): boolean {
    return this.#session !== null
  }

  hangUp(): void {
    this.#parts.socket.destroy()
  }

  #closed(): void {
    this.#isClosed = true
    this.#parts.admission.release()
    void this.#session?.end()
    this.#parts.closed(this)
  }
}
