/**
 * A data connection that we make to the client (RFC 959 PORT, RFC 2428 EPRT), where the configuration allows it. Never to
 * another address than the client's own and never to a port of the system, so that nobody is attacked from here
 * (RFC 2577 §3). Site thread.
 */
import { connect, type Socket } from 'node:net'
import { plainAddress } from '../../engine/base/source-address.js'
import { DataError, type DataPort } from './data-port.js'
import type { HostPort } from './host-port.js'

const PORT_MIN = 1_024

/** Why we do not connect there; null: we do. */
export function bounceProblem({ host, port }: HostPort, peer: string): string | null {
  if (plainAddress(host) !== peer) return 'Data connections are made to your own address only.'
  return port < PORT_MIN ? `Data connections are made to ports from ${PORT_MIN} on only.` : null
}

export class ActivePort implements DataPort {
  readonly #target: HostPort
  #giveUp: (error: DataError) => void = () => {}
  #socket: Socket | null = null
  #isConnected = false

  constructor(target: HostPort) {
    this.#target = target
  }

  async connection(): Promise<Socket> {
    const socket = connect({ ...this.#target, allowHalfOpen: true })
    this.#socket = socket
    socket.pause()
    return await new Promise((resolve, reject) => {
      this.#giveUp = reject
      socket.once('error', (cause) => reject(new DataError('refused', 'Your data port does not answer.', { cause })))
      socket.once('connect', () => {
        this.#isConnected = true
        socket.on('error', () => {})
        resolve(socket)
      })
    })
  }

  close(): void {
    this.#giveUp(new DataError('closed', 'The data connection was given up.'))
    if (!this.#isConnected) this.#socket?.destroy()
  }
}
