/** SFTP into the drop folders: listens, and gives each connection to ssh2 and to an SftpConnection. Site thread. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import ssh2, { type ParsedKey } from 'ssh2'
import type { DropSftpConfig } from '../../engine/config/drop-sftp.js'
import type { Clock } from '../../engine/contract/clock.js'
import type { Log } from '../../engine/contract/log.js'
import type { SiteAddresses } from '../../engine/contract/site.js'
import type { Site } from '../site/site.js'
import type { SiteServer } from '../site/site-server.js'
import { algorithms } from './algorithms.js'
import { hostKeys, hostKeyView, offered } from './host-keys.js'
import { SftpConnection } from './sftp-connection.js'

/** Says nothing of versions: it is of use to attackers only. */
const IDENT = 'Trunkline'
/** TCP looks after so long whether a silent peer lives. */
const PROBE_AFTER_MS = 60_000

export interface SftpServerDeps {
  site: Site
  config: DropSftpConfig
  dataDir: string
  clock: Clock
  log: Log
}

export class SftpServer implements SiteServer<'sftp'> {
  readonly #deps: SftpServerDeps
  readonly #server: Server
  readonly #connections = new Set<SftpConnection>()
  #keys: ParsedKey[] = []

  constructor(deps: SftpServerDeps) {
    this.#deps = deps
    this.#server = createServer({ keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS, noDelay: true }, (socket) =>
      this.#accept(socket),
    )
  }

  async listen(): Promise<NonNullable<SiteAddresses['sftp']>> {
    const { config, dataDir, log } = this.#deps
    const { host, port, hostKey = [] } = config
    this.#keys = await hostKeys(dataDir, typeof hostKey === 'string' ? [hostKey] : hostKey, log)
    this.#server.listen(port, host)
    await once(this.#server, 'listening')
    this.#server.on('error', (error) => log.error({ error }, 'the SFTP server has an error'))
    return { host, port: (this.#server.address() as AddressInfo).port, hostKeys: this.#keys.map(hostKeyView) }
  }

  async close(): Promise<void> {
    this.#server.close()
    for (const connection of [...this.#connections]) if (!connection.hasSession) connection.hangUp()
  }

  tick(nowMs: number): void {
    for (const connection of [...this.#connections]) connection.tick(nowMs)
  }

  #accept(socket: Socket): void {
    const { site, clock, config } = this.#deps
    // A peer that resets before it is looked at has no address.
    const admission = socket.remoteAddress === undefined ? null : site.connect('sftp', socket.remoteAddress)
    if (admission === null) {
      socket.destroy()
      return
    }
    const closed = (gone: SftpConnection): void => void this.#connections.delete(gone)
    const connection = new SftpConnection({ site, clock, socket, admission, closed })
    this.#connections.add(connection)
    // A server per connection, which never listens: so the client of this very socket is known.
    const terms = { hostKeys: this.#keys.flatMap(offered), ident: IDENT, banner: config.banner, algorithms }
    const server = new ssh2.Server(terms as unknown as ssh2.ServerConfig, (client) => connection.serve(client))
    server.on('error', () => connection.hangUp())
    server.injectSocket(socket)
  }
}
