/** FTP into the drop folders: listens, gives each connection to a ControlSession, and ticks. Site thread. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { DropFtpConfig } from '../../engine/config/drop-ftp.js'
import type { Clock } from '../../engine/contract/clock.js'
import type { Log } from '../../engine/contract/log.js'
import type { SiteAddresses } from '../../engine/contract/site.js'
import type { Site } from '../site/site.js'
import type { SiteServer } from '../site/site-server.js'
import { Certificate } from './certificate.js'
import { ControlSession } from './control-session.js'
import type { DataStream } from './data-stream.js'
import type { FtpHost } from './ftp-host.js'
import { PassivePorts } from './passive-port.js'
import { formatReply, reply } from './reply.js'

/** TCP looks after so long whether a silent peer lives, and NAT on the way keeps the control connection of a long upload. */
const PROBE_AFTER_MS = 60_000
/** For the client to close a data connection that is done. */
const LINGER_MS = 5_000

export interface FtpServerDeps {
  site: Site
  config: DropFtpConfig
  dataDir: string
  fileBytesMax: number
  clock: Clock
  log: Log
  wait(ms: number): Promise<void>
  /** For names that the server chooses. */
  token(): string
  /** [0, 1), not to be foretold. */
  chance(): number
}

export class FtpServer implements SiteServer<'ftp'> {
  readonly #deps: FtpServerDeps
  readonly #server: Server
  readonly #sessions = new Set<ControlSession>()
  /** Data connections that are done, and until when their peers may take to close them. */
  readonly #lingering = new Map<DataStream, number>()
  #host: FtpHost | null = null

  constructor(deps: FtpServerDeps) {
    this.#deps = deps
    const options = {
      ...{ keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS, noDelay: true },
      // A client may close its side and still wants to read the answers.
      allowHalfOpen: true,
    }
    this.#server = createServer(options, (socket) => this.#accept(socket))
  }

  async listen(): Promise<NonNullable<SiteAddresses['ftp']>> {
    const { site, config, clock, log, chance } = this.#deps
    const publicHost = site.terms.publicHost ?? null
    const certificate = await Certificate.open({ ...this.#deps, publicHost })
    this.#host = {
      ...{ site, config, clock, log, certificate, fileBytesMax: this.#deps.fileBytesMax },
      passivePorts: new PassivePorts(config.passivePorts ?? null, chance),
      wait: (ms) => this.#deps.wait(ms),
      token: () => this.#deps.token(),
      linger: (data) => this.#linger(data),
    }
    this.#server.listen(config.port, config.host)
    await once(this.#server, 'listening')
    this.#server.on('error', (error) => log.error({ error }, 'the FTP server has an error'))
    if (config.allowPlain) {
      log.warn({}, 'FTP is allowed without encryption (allowPlain): passwords and files can be read on their way')
    }
    const tls = config.allowPlain ? 'offered' : 'required'
    const { port } = this.#server.address() as AddressInfo
    return { host: config.host, port, tls, fingerprint: certificate.fingerprint }
  }

  async close(): Promise<void> {
    this.#server.close()
    for (const session of [...this.#sessions]) {
      if (!session.hasSession) session.hangUp(reply(421, 'The server is stopping; try again in a minute.'))
    }
  }

  /** `nowMs` is monotonic. */
  tick(nowMs: number): void {
    for (const session of [...this.#sessions]) session.tick(nowMs)
    for (const [data, untilMs] of [...this.#lingering]) if (nowMs >= untilMs) data.destroy()
  }

  #accept(socket: Socket): void {
    // A peer that resets before it is looked at has no address.
    const admission = socket.remoteAddress === undefined ? null : this.#deps.site.connect('ftp', socket.remoteAddress)
    if (admission === null || this.#host === null) {
      socket.on('error', () => socket.destroy())
      socket.end(formatReply(reply(421, 'Too many connections; try again later.')), () => socket.destroy())
      return
    }
    const closed = (session: ControlSession): void => void this.#sessions.delete(session)
    this.#sessions.add(new ControlSession({ host: this.#host, socket, admission, closed }))
  }

  #linger(data: DataStream): void {
    this.#lingering.set(data, this.#deps.clock.monotonic() + LINGER_MS)
    void data.linger().then(() => this.#lingering.delete(data))
  }
}
